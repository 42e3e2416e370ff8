"""Drift that adds up: an encoder that is trained again and again, and indexes of every age."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss._core.files import atomic_path, write_json
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.drift.compensation import Compensation, Side
from isogloss.drift.maps import Map
from isogloss.encoders.base import unit_rows

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

FORMAT = 1
NAME = "drift"


class Step(NamedTuple):
    """One training: the encoder before and after it, and the mean drift of its training queries."""

    old: Side
    new: Side
    drift: NDArray[np.float64]


class DriftHistory:
    """The drifts of one encoder over the tasks it was trained on.

    An index that the encoder of some age made is searched with queries of a later age less the sum
    of the drifts between the two, and of those only.

    Attributes
    ----------
    steps : tuple of Step
        From the oldest.

    Paper
    -----
    Query Drift Compensation: ``q' = E_t(q) - sum of the drifts of tasks j+1 .. t`` for an index
    made after task j.

    Examples
    --------
    >>> one, two, three = (Side(f"age{age}", str(age), 2) for age in (1, 2, 3))
    >>> history = DriftHistory()
    >>> history.add([[1.0, 0.0]], [[0.0, 1.0]], old=one, new=two)
    >>> history.add([[0.0, 1.0]], [[1.0, 0.0]], old=two, new=three)
    >>> history.compensation("1", "3").map.shift.tolist()
    [0.0, 0.0]
    >>> history.compensation("2", "3").map.shift.tolist()
    [-1.0, 1.0]
    """

    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()

    def add(
        self,
        old_queries: Any,
        new_queries: Any,
        *,
        old: "Encoder | Side",
        new: "Encoder | Side",
    ) -> None:
        """Take in one training.

        Parameters
        ----------
        old_queries, new_queries : float (n, d)
            The training queries of the task, row by row, by the encoder before and after it. Not
            those that are scored later.
        old, new : Encoder or Side

        Raises
        ------
        ParameterError
            For shapes that do not fit.
        EncoderError
            When `old` is not the newest encoder of this history, or `new` is in it already.
        """
        old, new = (one if isinstance(one, Side) else Side.of(one) for one in (old, new))
        before, after = (np.asarray(one, dtype=np.float64) for one in (old_queries, new_queries))
        if before.ndim != 2 or before.shape != after.shape or not len(before):
            raise ParameterError(
                f"queries of shapes {before.shape} and {after.shape}: give those of one set by both"
            )
        if before.shape[1] != old.dim or old.dim != new.dim:
            raise ParameterError(
                f"queries of {before.shape[1]} numbers, encoders of {old.dim} and {new.dim}: a "
                "mean drift needs one dimension; use fit_compensation(method='affine')"
            )
        if not (np.isfinite(before).all() and np.isfinite(after).all()):
            raise ParameterError("the queries hold NaN or infinity: encode them again")
        if self.steps and self.steps[-1].new.fingerprint != old.fingerprint:
            raise EncoderError(
                f"the newest encoder here is {self.steps[-1].new.spec!r}, not {old.spec!r}: "
                "add trainings in their order"
            )
        ages = [step.old.fingerprint for step in self.steps] + [old.fingerprint]
        if new.fingerprint in ages:
            raise EncoderError(f"{new.spec!r} is in this history already")
        drift = (unit_rows(after).astype(np.float64) - unit_rows(before)).mean(axis=0)
        self.steps = (*self.steps, Step(old, new, drift))

    def compensation(self, index: str, queries: str) -> Compensation:
        """Add up the drifts between the encoder of an index and that of queries.

        Parameters
        ----------
        index, queries : str
            Their fingerprints.

        Raises
        ------
        EncoderError
            When one of them is not here, or the index is not the older one.
        """
        olds = {step.old.fingerprint: place for place, step in enumerate(self.steps)}
        news = {step.new.fingerprint: place for place, step in enumerate(self.steps)}
        first, last = olds.get(index), news.get(queries)
        if first is None or last is None:
            missing, what = (index, "index") if first is None else (queries, "query")
            raise EncoderError(
                f"no training here leads {'from' if first is None else 'to'} the {what} encoder "
                f"of fingerprint {missing[:12]}: add it, or fit a map"
            )
        if first > last:
            raise EncoderError(
                f"the index (fingerprint {index[:12]}) is younger than the query encoder "
                f"(fingerprint {queries[:12]}): drift is taken off newer queries only"
            )
        between = self.steps[first : last + 1]
        shift = 0.0 - np.sum([step.drift for step in between], axis=0)
        return Compensation("history", between[0].old, between[-1].new, Map(None, shift))

    def save(self, folder: str | Path) -> None:
        """Write ``drift.json`` and ``drift.safetensors`` into a folder."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        with atomic_path(target / f"{NAME}.safetensors") as path:
            save_tensors(path, {f"drift{n}": step.drift for n, step in enumerate(self.steps)})
        sides = [{"old": step.old, "new": step.new} for step in self.steps]
        told = [{name: _told(side) for name, side in pair.items()} for pair in sides]
        write_json(target / f"{NAME}.json", {"format": FORMAT, "steps": told})

    @classmethod
    def load(cls, folder: str | Path) -> "DriftHistory":
        """Read what `save` wrote.

        Raises
        ------
        AtlasError
            When it is missing, damaged, or of a newer format.
        """
        path = Path(folder) / f"{NAME}.json"
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            if int(about["format"]) > FORMAT:
                raise AtlasError(f"{path} is of a newer format: upgrade isogloss")
            arrays = load_tensors(path.with_suffix(".safetensors"))
            made = cls()
            made.steps = tuple(
                Step(Side(**pair["old"]), Side(**pair["new"]), arrays[f"drift{n}"])
                for n, pair in enumerate(about["steps"])
            )
        except FileNotFoundError as error:
            raise AtlasError(f"there is no drift history at {folder}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise AtlasError(f"{path} is damaged: {' '.join(str(error).split())[:120]}") from error
        return made


def _told(side: Side) -> dict[str, Any]:
    return {"spec": side.spec, "fingerprint": side.fingerprint, "dim": side.dim}
