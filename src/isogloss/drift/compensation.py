"""`Compensation`: what stands between the encoder of an index and another that encodes queries."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss._core.files import atomic_path, write_json
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.drift.diagnosis import Diagnosis
from isogloss.drift.maps import Map
from isogloss.encoders.base import unit_rows

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

FORMAT = 1
NAME = "compensation"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two encoders.

    Parameters
    ----------
    spec : str
        What loads it.
    fingerprint : str
        What tells it from every other.
    dim : int
        Length of its vectors.

    Examples
    --------
    >>> Side("lexical", "ab12", 384).dim
    384
    """

    spec: str
    fingerprint: str
    dim: int

    @classmethod
    def of(cls, encoder: "Encoder") -> "Side":
        """Describe an encoder.

        Raises
        ------
        ParameterError
            For something that has no spec, fingerprint or dim.
        """
        try:
            return cls(encoder.spec, encoder.fingerprint, int(encoder.dim))
        except AttributeError as error:
            raise ParameterError(
                f"{type(encoder).__name__} is no encoder: give an Encoder, or a Side with spec, "
                "fingerprint and dim"
            ) from error


@dataclass(frozen=True, slots=True, eq=False)
class Compensation:
    """A map from the vectors of one encoder to those of another, fitted and measured.

    Only queries go through it. Documents stay as the old encoder made them.

    Parameters
    ----------
    method : {"mean", "procrustes", "affine", "history"}
    old : Side
        The encoder that made the vectors of the index.
    new : Side
        The encoder of the queries.
    map : Map
        From new to old.
    diagnosis : Diagnosis or None
        None for shifts that were added up.

    Examples
    --------
    >>> sides = Side("a", "1", 2), Side("b", "2", 2)
    >>> shift = Compensation("mean", *sides, Map(None, np.array([1.0, 0.0])))
    >>> [round(float(x), 4) for x in shift.apply(np.array([[0.0, 1.0]]))[0]]
    [0.7071, 0.7071]
    """

    method: str
    old: Side
    new: Side
    map: Map
    diagnosis: Diagnosis | None = None

    def apply(self, queries: NDArray[Any]) -> NDArray[np.float32]:
        """Bring queries of the new encoder among the vectors of the old one.

        Parameters
        ----------
        queries : float (n, d)
            By the new encoder. Rows of zeros, which say nothing, stay zeros.

        Returns
        -------
        float32 (n, e)
            Unit rows.

        Raises
        ------
        ParameterError
            For another shape.
        """
        rows = np.asarray(queries)
        if rows.ndim != 2 or rows.shape[1] != self.new.dim:
            raise ParameterError(
                f"queries of shape {rows.shape}: give rows of {self.new.dim} numbers, as "
                f"{self.new.spec!r} makes them"
            )
        said = np.any(rows, axis=1, keepdims=True)
        return unit_rows(np.where(said, self.map(rows), 0.0))

    def check(self, *, index: str, encoder: "Encoder | None" = None) -> None:
        """Refuse to stand between other encoders than the two it was fitted on.

        Parameters
        ----------
        index : str
            Fingerprint of the encoder that made the vectors of the index.
        encoder : Encoder, optional
            That of the queries.

        Raises
        ------
        EncoderError
        """
        if index != self.old.fingerprint:
            raise EncoderError(
                f"the compensation leads to vectors of {self.old.spec!r} (fingerprint "
                f"{self.old.fingerprint[:12]}), the index has those of fingerprint {index[:12]}: "
                "fit one for this index (isogloss migrate)"
            )
        if encoder is not None and encoder.fingerprint != self.new.fingerprint:
            raise EncoderError(
                f"the compensation is for queries of {self.new.spec!r} (fingerprint "
                f"{self.new.fingerprint[:12]}), not of {encoder.spec!r} (fingerprint "
                f"{encoder.fingerprint[:12]}): fit one for this encoder (isogloss migrate)"
            )

    @property
    def advice(self) -> str:
        """What to do, in one line; empty without a diagnosis."""
        return "" if self.diagnosis is None else self.diagnosis.advice(self.method)

    def to_json(self) -> dict[str, Any]:
        """Give all but the numbers of the map."""
        return {
            "format": FORMAT,
            "method": self.method,
            "old": asdict(self.old),
            "new": asdict(self.new),
            "diagnosis": None if self.diagnosis is None else self.diagnosis.to_json(),
            "advice": self.advice,
        }

    def save(self, folder: str | Path) -> None:
        """Write ``compensation.json`` and ``compensation.safetensors`` into a folder.

        Raises
        ------
        StorageError
            When the disk refuses.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        arrays = {"shift": self.map.shift}
        if self.map.matrix is not None:
            arrays["matrix"] = self.map.matrix
        with atomic_path(target / f"{NAME}.safetensors") as path:
            save_tensors(path, arrays)
        write_json(target / f"{NAME}.json", self.to_json())

    @classmethod
    def load(cls, folder: str | Path) -> "Compensation":
        """Read what `save` wrote.

        Raises
        ------
        AtlasError
            When it is missing, damaged, or of a newer format.
        """
        path = Path(folder) / f"{NAME}.json"
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            found = int(about["format"])
            if found > FORMAT:
                raise AtlasError(
                    f"{path} has format {found}; this isogloss reads up to {FORMAT}: upgrade it"
                )
            old, new = Side(**about["old"]), Side(**about["new"])
            told = about["diagnosis"]
            arrays = load_tensors(path.with_suffix(".safetensors"))
            made = Map(arrays.get("matrix"), arrays["shift"])
            shape = (new.dim, old.dim) if made.matrix is not None else (old.dim,)
            if made.shift.shape != (old.dim,) or (
                made.matrix.shape != shape if made.matrix is not None else new.dim != old.dim
            ):
                raise AtlasError(f"{path} is damaged: its map is not from {new.dim} to {old.dim}")
            return cls(
                str(about["method"]), old, new, made, None if told is None else Diagnosis(**told)
            )
        except FileNotFoundError as error:
            raise AtlasError(f"there is no compensation at {folder}: {error.filename}") from error
        except (ValueError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())[:120]
            raise AtlasError(f"{path} is damaged: {reason}") from error
