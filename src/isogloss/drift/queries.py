"""Which encoder turns queries into vectors that an index understands, and who is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss.drift.compensation import Compensation
from isogloss.encoders.base import Encoder

if TYPE_CHECKING:
    from isogloss.store.manifest import Manifest

# Folder of the compensation inside a state.
FOLDER = "compensation"


@dataclass(frozen=True, slots=True)
class QuerySide:
    """The encoder of queries, and what brings its vectors among those of the passages.

    Parameters
    ----------
    encoder : Encoder
    compensation : Compensation or None
        None where it is the encoder of the passages.
    """

    encoder: Encoder
    compensation: Compensation | None = None

    def encode(self, query: str) -> NDArray[np.float32]:
        """Encode one query: float32 (d,), d as the passages have it."""
        rows = self.encoder.encode_query([query])
        if self.compensation is not None:
            rows = self.compensation.apply(rows)
        return np.asarray(rows[0], dtype=np.float32)

    @property
    def note(self) -> str:
        """What a result says of it; nothing where the passages have the same encoder."""
        if self.compensation is None:
            return ""
        return f"; query by {self.compensation.new.spec} through a {self.compensation.method} map"


def load_spec(folder: Path, manifest: "Manifest", spec: str) -> Encoder:
    """Load an encoder by its spec; one that the atlas has fitted itself comes from the atlas.

    Raises
    ------
    EncoderError
        When it cannot be loaded, or has yet to learn from texts.
    """
    from isogloss.encoders.spec import load_encoder

    saved = folder / manifest.state / "encoder"
    own = spec == manifest.parameters.get("encoder") and saved.is_dir()
    encoder = load_encoder(f"{spec}:{saved}" if own else spec)
    if not getattr(encoder, "is_fitted", True):
        raise EncoderError(
            f"the encoder {spec!r} learns from the texts that it is built on: give a saved one as "
            f"'{spec}:FOLDER', or build anew with isogloss build --encoder {spec} --fresh"
        )
    return encoder


def stored_compensation(folder: Path, manifest: "Manifest") -> Compensation | None:
    """Read the compensation that an atlas holds, None where queries need none.

    Raises
    ------
    AtlasError
        When the manifest names one and it is missing, damaged, or of other encoders.
    """
    if not manifest.queries:
        return None
    place = folder / manifest.state / FOLDER
    found = Compensation.load(place)
    own = manifest.encoder["fingerprint"]
    if found.old.fingerprint != own or found.new.fingerprint != manifest.queries["fingerprint"]:
        raise AtlasError(
            f"{place} is not the compensation that {folder / 'manifest.json'} names: "
            "run isogloss migrate again"
        )
    return found


def query_side(
    folder: Path,
    manifest: "Manifest",
    encoder: "str | Encoder | None" = None,
    *,
    compensation: Compensation | None = None,
) -> QuerySide:
    """Find what encodes queries for an atlas, or refuse.

    Parameters
    ----------
    folder : Path
        Of the atlas.
    manifest : Manifest
        Of the atlas.
    encoder : str or Encoder, optional
        Spec or encoder; None is the one that the manifest names.
    compensation : Compensation, optional
        Taken instead of the one in the atlas.

    Returns
    -------
    QuerySide

    Raises
    ------
    EncoderError
        For an encoder whose fingerprint is neither that of the passages nor that of the
        compensation, equal dimensions or not.
    ParameterError
        For something that is no encoder.
    """
    own: Mapping[str, Any] = manifest.encoder
    if compensation is not None:
        if not isinstance(compensation, Compensation):
            raise ParameterError(
                f"compensation is {type(compensation).__name__}: give what fit_compensation gives"
            )
        compensation.check(index=own["fingerprint"])
    if encoder is None:
        if compensation is not None:
            encoder = compensation.new.spec
        else:
            encoder = str(manifest.queries.get("spec") or manifest.parameters["encoder"])
    if isinstance(encoder, str):
        made = load_spec(folder, manifest, encoder)
    elif isinstance(encoder, Encoder):
        made = encoder
    else:
        raise ParameterError(
            f"encoder is {type(encoder).__name__}: give a spec such as 'lexical', or an Encoder"
        )
    if compensation is not None:
        compensation.check(index=own["fingerprint"], encoder=made)
        return QuerySide(made, compensation)
    if made.fingerprint == own["fingerprint"]:
        return QuerySide(made)
    held = stored_compensation(folder, manifest)
    if held is not None and made.fingerprint == held.new.fingerprint:
        return QuerySide(made, held)
    raise EncoderError(_refusal(folder, manifest, made, held))


def _refusal(folder: Path, manifest: "Manifest", given: Encoder, held: Compensation | None) -> str:
    own = manifest.encoder
    known = f"{own['spec']!r} (fingerprint {own['fingerprint'][:12]}, {own['dim']} numbers)"
    if held is not None:
        known += f", or {held.new.spec!r} (fingerprint {held.new.fingerprint[:12]}) through its map"
    return (
        f"{folder} answers queries of {known}, not of {given.spec!r} (fingerprint "
        f"{given.fingerprint[:12]}, {given.dim} numbers): isogloss migrate {folder} --encoder "
        f"{given.spec} fits a map between them"
    )
