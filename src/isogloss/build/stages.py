"""The stages between the documents and the commit: encoder, vectors, topics, table."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError
from isogloss._core.events import Event, OnEvent
from isogloss._core.files import storage_errors
from isogloss.build.report import Stopwatch
from isogloss.build.sample import Sample, draw_sample, sample_texts
from isogloss.build.settings import BuildSettings
from isogloss.store.manifest import Manifest
from isogloss.store.workspace import Shard, Workspace

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder, Truncation

# Texts given to a fit at once.
FIT_BATCH = 1024


def open_encoder(
    folder: Path, settings: BuildSettings, manifest: Manifest | None, *, on_event: OnEvent
) -> "Encoder":
    """Load the encoder of a build; one that is fitted on the source comes unfitted.

    Raises
    ------
    EncoderError
        When it cannot be loaded, or is no longer the one that built the atlas.
    """
    on_event(Event("load encoder", message=settings.encoder_spec))
    if manifest is not None:
        return load_atlas_encoder(folder, manifest)
    from isogloss.encoders.spec import load_encoder

    return load_encoder(settings.encoder_spec)


def load_atlas_encoder(folder: Path, manifest: Manifest) -> "Encoder":
    """Load the encoder that made an atlas' vectors.

    Raises
    ------
    EncoderError
        When its fingerprint is not the one in the manifest.
    """
    from isogloss.encoders.spec import load_encoder

    spec = str(manifest.parameters["encoder"])
    saved = folder / manifest.state / "encoder"
    try:
        encoder = load_encoder(f"{spec}:{saved}" if saved.is_dir() else spec)
    except EncoderError as error:
        raise EncoderError(
            f"the encoder of {folder} cannot be loaded ({error}): give it back, or go over to "
            "another one with isogloss migrate"
        ) from error
    if encoder.fingerprint != manifest.encoder["fingerprint"]:
        raise EncoderError(
            f"the encoder {spec!r} has changed since {folder} was built (fingerprint "
            f"{encoder.fingerprint[:12]}, not {manifest.encoder['fingerprint'][:12]}): "
            "give back its weights, change to it with isogloss migrate, or build anew with --fresh"
        )
    return encoder


def is_fitted_on_source(encoder: "Encoder") -> bool:
    """Tell whether an encoder learns from the source (as `lsa` does) and has yet to do so."""
    return hasattr(encoder, "fit") and not getattr(encoder, "is_fitted", True)


def kept_folder(workspace: Workspace, kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Give a folder of the workspace, made once and renamed into place when it is whole.

    Parameters
    ----------
    workspace : Workspace
    kind, key : str
        What it holds, and the digest of what that depends on.
    make : callable
        Fills the empty folder that it is given.
    """
    target = workspace.folder / f"{kind}-{key}"
    if target.is_dir():
        return target
    draft = workspace.folder / f".{kind}-{key}.tmp"
    if draft.exists():
        shutil.rmtree(draft)
    for stale in workspace.folder.glob(f"{kind}-*"):
        if stale.is_dir():
            shutil.rmtree(stale)
    with storage_errors(f"the {kind}"):
        draft.mkdir()
        make(draft)
        draft.replace(target)
    return target


def sample_key(sample: Sample, shards: list[Shard], *more: Any) -> str:
    """Digest what a fit on a sample depends on."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(json.dumps([shard.digest for shard in shards]).encode())
    digest.update(sample.places.tobytes())
    digest.update(json.dumps(more, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def in_batches(texts: list[str], size: int = FIT_BATCH) -> Iterator[list[str]]:
    """Cut a list of texts into batches.

    Examples
    --------
    >>> list(in_batches(["a", "b", "c"], 2))
    [['a', 'b'], ['c']]
    """
    for begin in range(0, len(texts), size):
        yield texts[begin : begin + size]


def fit_and_encode(
    workspace: Workspace,
    shards: list[Shard],
    encoder: "Encoder",
    settings: BuildSettings,
    *,
    watch: Stopwatch,
    on_event: OnEvent,
) -> "Encoder":
    """Fit the encoder where it learns from the source, and encode every shard.

    Returns
    -------
    Encoder
        The encoder, fitted.
    """
    encoder = fit_encoder(workspace, shards, encoder, settings, watch=watch, on_event=on_event)
    with watch("encode"):
        encode_shards(workspace, shards, encoder, on_event=on_event)
    return encoder


def fit_encoder(
    workspace: Workspace,
    shards: list[Shard],
    encoder: "Encoder",
    settings: BuildSettings,
    *,
    watch: Stopwatch,
    on_event: OnEvent,
) -> "Encoder":
    """Fit the encoder where it has yet to learn from the source; a fit that is there is taken.

    Returns
    -------
    Encoder
        The encoder, fitted.
    """
    if not is_fitted_on_source(encoder):
        return encoder
    with watch("fit encoder"):
        return _fit_encoder(workspace, shards, encoder, settings, on_event)


def _fit_encoder(
    workspace: Workspace,
    shards: list[Shard],
    encoder: Any,
    settings: BuildSettings,
    on_event: OnEvent,
) -> "Encoder":
    from isogloss.encoders.spec import load_encoder

    sample = draw_sample(
        workspace, shards, rows=settings.sample_rows, size=settings.sample_bytes,
        seed=settings.seed,
    )  # fmt: skip
    on_event(Event("fit encoder", 0, len(sample.places), "passages"))
    key = sample_key(sample, shards, settings.encoder_spec, settings.seed)

    def make(folder: Path) -> None:
        texts = sample_texts(workspace, shards, sample)
        encoder.random_state = settings.seed
        encoder.fit(in_batches(texts)).save(folder)

    saved = kept_folder(workspace, "encoder", key, make)
    on_event(Event("fit encoder", len(sample.places), len(sample.places), "passages"))
    return load_encoder(f"{settings.encoder}:{saved}")


def encode_shards(
    workspace: Workspace, shards: list[Shard], encoder: "Encoder", *, on_event: OnEvent
) -> None:
    """Encode the shards that have no vectors yet.

    Raises
    ------
    EncoderError
        When the encoder gives vectors of a wrong shape or with NaN.
    """
    total = sum(shard.rows for shard in shards)
    done = 0
    for shard in shards:
        if not workspace.has_arrays("vectors", encoder.fingerprint, shard):
            texts = workspace.documents(shard, ["text"])["text"].to_pylist()
            on_event(Event("encode", done, total, "passages"))
            before = _counts(encoder)
            vectors = encoder.encode(texts)
            if vectors.shape != (shard.rows, encoder.dim) or not np.isfinite(vectors).all():
                raise EncoderError(
                    f"the encoder {encoder.spec!r} gave vectors of shape {vectors.shape} or with "
                    f"NaN for {shard.rows} texts of dimension {encoder.dim}"
                )
            arrays = {"vectors": vectors, "truncation": _counts(encoder) - before}
            workspace.put_arrays("vectors", encoder.fingerprint, shard, arrays)
        done += shard.rows
        on_event(Event("encode", done, total, "passages"))
    if summary := truncation_of(workspace, shards, encoder).summary():
        on_event(Event("encode", message=summary, level="warning"))


def _counts(encoder: "Encoder") -> NDArray[np.int64]:
    seen = encoder.truncation
    return np.array(
        [seen.texts, seen.long_texts, seen.tokens, seen.tokens_beyond, seen.stretched],
        dtype=np.int64,
    )


def truncation_of(workspace: Workspace, shards: list[Shard], encoder: "Encoder") -> "Truncation":
    """Add up what was kept of texts longer than the encoder's window, over all shards."""
    from isogloss.encoders.base import Truncation

    counts = np.zeros(5, dtype=np.int64)
    for shard in shards:
        own = workspace.arrays("vectors", encoder.fingerprint, shard)["truncation"]
        counts[: len(own)] += own  # shards of older builds count four things
    seen = encoder.truncation
    texts, long_texts, tokens, beyond, stretched = counts.tolist()
    return Truncation(seen.window, texts, long_texts, tokens, beyond, seen.overflow, stretched)


def check_columns(folder: Path, manifest: Manifest, source: Any) -> None:
    """Refuse to add documents whose attributes or ids are of other types.

    Raises
    ------
    AtlasError
        Naming the column.
    """
    from isogloss.store.table import open_table

    schema: pa.Schema = open_table(folder, manifest.table, manifest.table_version).schema
    old = {name: schema.field(name).type for name in manifest.attributes}
    new = {name: source.schema.field(name).type for name in source.schema.names}
    for name in [*old, *new]:
        if old.get(name) != new.get(name):
            raise AtlasError(
                f"attribute {name!r} is {new.get(name, 'missing')} in the source and "
                f"{old.get(name, 'missing')} in {folder}: make them alike, or use --fresh"
            )
