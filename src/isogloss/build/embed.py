"""`embed`: a source becomes a Parquet file of vectors, through the stages of a build."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, SourceError, StorageError, nearest
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import atomic_path, storage_errors
from isogloss.build import stages
from isogloss.build.default import with_encoder
from isogloss.build.documents import spool
from isogloss.build.report import LISTED_REJECTS, Stopwatch, peak_rss_mb
from isogloss.build.settings import BuildSettings
from isogloss.build.skipped import RejectLog
from isogloss.encoders.base import unit_rows
from isogloss.store.owned import VECTORS_MARK, holds_vectors, spare_other_file
from isogloss.store.workspace import NAME as WORK
from isogloss.store.workspace import Workspace, build_lock

DTYPES = ("float32", "float16", "int8")


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round vectors to int8, each with a scale of its own.

    Parameters
    ----------
    vectors : float32 (n, d)

    Returns
    -------
    int8 (n, d), float32 (n,)
        ``codes * scale[:, None]`` gives the vectors back, to half a step.

    Examples
    --------
    >>> codes, scale = quantise(np.array([[0.5, -1.0]], dtype=np.float32))
    >>> codes.tolist()
    [[64, -127]]
    """
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scale = np.where(largest > 0, largest / 127.0, 1.0).astype(np.float32)
    return np.rint(vectors / scale[:, None]).astype(np.int8), scale


def embed(
    source: Any,
    output: str | Path,
    settings: BuildSettings | None = None,
    *,
    dtype: str = "float32",
    dim: int | None = None,
    force: bool = False,
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Write the vectors of a source: columns id and vector (and scale, for int8).

    A file that is there, made of the same documents in the same way, is left as it is.

    Parameters
    ----------
    source : path, frame, table, list of str
        What `corpus.open_source` takes.
    output : path
        The Parquet file to make, whole or not at all. Until it is made, finished vectors lie in a
        hidden folder beside it; the same call goes on with those of the same texts and encoder.
    settings : BuildSettings
        Columns, encoder, seed, limit, memory.
    dtype : {"float32", "float16", "int8"}
        Of the numbers. With int8 every vector has a scale of its own, in the column `scale`.
    dim : int, optional
        Keep the first so many numbers of each vector, at unit length. `lexical` is trained for it
        (64, 128, 256), as are Matryoshka models; vectors of others lose more.
    force : bool, default False
        Encode anew even where the file is what would be made, and replace a file that `embed` did
        not write.
    on_event : callable
        Takes progress.

    Returns
    -------
    dict
        status (``"written"`` or ``"unchanged"``), rows, dim, dtype, encoder, fingerprint,
        truncation, skipped, seconds, peak_rss_mb.

    Raises
    ------
    ParameterError, SourceError, ColumnError, EncoderError, StorageError
        Among them: an output that is part of the source, no Parquet file, or a file of another
        kind that is there.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "vectors.parquet"
    >>> embed(["a cat", "a dog and a cat", "a dog"], out)["rows"]
    3
    """
    from isogloss.corpus import open_source

    settings = settings or BuildSettings()
    settings.check()
    if dtype not in DTYPES:
        raise ParameterError(f"dtype is {dtype!r}; {nearest(dtype, DTYPES)}")
    target = Path(output)
    if target.is_dir():
        raise StorageError(f"cannot write {target}: it is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise StorageError(f"cannot write {target}: there is no folder {target.parent}")
    spare_source(source, target)
    if not force:
        spare_other_file(
            target, holds_vectors, "vectors", "give another -o, or --force", mark=VECTORS_MARK
        )
    watch = Stopwatch()
    folder = target.parent / f".{target.name}.work"
    with build_lock(folder), _kept_if_begun(folder):
        workspace = Workspace(folder)
        log = RejectLog(folder, LISTED_REJECTS)
        with watch("read"):
            opened = open_source(
                source, text=settings.text, id=settings.id, limit=settings.limit,
                on_reject=log.reject,
            )  # fmt: skip
        with watch("load encoder"):
            settings = with_encoder(settings, opened, used=None, on_event=on_event)
            if workspace.read_plan() is not None:
                on_event(Event("read", message="going on with what was encoded", level="info"))
            workspace.begin(settings.identity())
            encoder = stages.open_encoder(folder, settings, None, on_event=on_event)
            _check_dim(dim, encoder.dim)
        with watch("read"), log:
            spooled = spool(opened, workspace, known=None, start=0, on_event=on_event)
        if not spooled.documents:
            raise SourceError(log.explain_nothing(str(source)[:200]))
        made_of = _made_of(settings, encoder, dtype, dim, spooled.shards)
        there = None if force else _made_before(target, made_of, spooled.documents)
        if there is None:
            encoder = stages.fit_and_encode(
                workspace, spooled.shards, encoder, settings, watch=watch, on_event=on_event
            )
            _check_dim(dim, encoder.dim)
            form = Form(settings.encoder_spec, dtype, dim or encoder.dim, made_of)
            with watch("write"), storage_errors(str(target)), atomic_path(target) as temporary:
                _write(workspace, spooled.shards, encoder, form, temporary)
        else:
            form = Form(settings.encoder_spec, dtype, int(there["isogloss.dim"]), made_of)
        workspace.clear()
    return {
        "output": str(target),
        "status": "written" if there is None else "unchanged",
        "rows": spooled.documents,
        "dim": form.dim,
        "dtype": dtype,
        "encoder": settings.encoder_spec,
        "fingerprint": there["isogloss.fingerprint"] if there else encoder.fingerprint,
        "truncation": encoder.truncation.summary(),
        "skipped": log.listed,
        "skipped_total": log.total,
        "seconds": watch.seconds,
        "peak_rss_mb": peak_rss_mb(),
    }


@contextmanager
def _kept_if_begun(folder: Path) -> Iterator[None]:
    """Remove the work folder at the end, unless vectors in it would be lost."""
    try:
        yield
    finally:
        if not any((folder / WORK).glob("vectors-*")):
            shutil.rmtree(folder)


def spare_source(source: Any, target: Path) -> None:
    """Refuse to write over what is read, and to write anything but Parquet.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> spare_source(["a text"], Path("vectors.parquet"))
    """
    if target.suffix not in (".parquet", ".pq"):
        raise ParameterError(
            f"cannot write {target}: embed writes Parquet; give a name that ends in .parquet"
        )
    for item in source if isinstance(source, list) else [source]:
        if not isinstance(item, str | Path) or not target.exists() or not Path(item).exists():
            continue
        inside = Path(item).resolve() in target.resolve().parents
        if Path(item).samefile(target) or inside:
            raise ParameterError(
                f"cannot write {target}: it is part of the source; give another -o"
            )


def _check_dim(dim: int | None, whole: int) -> None:
    if dim is not None and not (dim >= 1 and (whole == 0 or dim <= whole)):
        upper = f" to {whole}" if whole else " or more"
        raise ParameterError(f"dim is {dim}; this encoder's vectors can be cut to 1{upper}")


class Form(NamedTuple):
    """How vectors are written."""

    spec: str
    dtype: str
    dim: int
    made_of: str


def _made_of(
    settings: BuildSettings, encoder: Any, dtype: str, dim: int | None, shards: list[Any]
) -> str:
    """Digest all that decides what is written: encoder, form, ids and texts."""
    fitted: list[Any] = []
    if stages.is_fitted_on_source(encoder):  # it has no fingerprint yet: what it is fitted by
        from isogloss import __version__

        fitted = [settings.seed, settings.memory_mb, __version__]
    parts = [
        settings.encoder_spec, "" if fitted else encoder.fingerprint, fitted, dtype,
        dim or encoder.dim, [(shard.rows, shard.digest) for shard in shards],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _made_before(target: Path, made_of: str, rows: int) -> dict[str, str] | None:
    """Give what a finished file says of itself if it is what would be made, else None."""
    try:
        found = pq.read_metadata(target)
    except (OSError, pa.ArrowInvalid):  # none, or none of ours: it is written
        return None
    held = {name.decode(): value for name, value in (found.metadata or {}).items()}
    about = {
        name: value.decode("utf-8", "replace")
        for name, value in held.items()
        if name.startswith("isogloss.")
    }
    same = about.get("isogloss.made_of") == made_of and found.num_rows == rows
    return about if same and {"isogloss.dim", "isogloss.fingerprint"} <= set(about) else None


def _write(workspace: Workspace, shards: list[Any], encoder: Any, form: Form, path: Path) -> None:
    writer: pq.ParquetWriter | None = None
    numbers = {"float32": pa.float32(), "float16": pa.float16(), "int8": pa.int8()}[form.dtype]
    for shard in shards:
        vectors = workspace.arrays("vectors", encoder.fingerprint, shard)["vectors"]
        if form.dim < encoder.dim:
            vectors = unit_rows(np.ascontiguousarray(vectors[:, : form.dim], dtype=np.float32))
        columns = {"id": workspace.documents(shard, ["id"])["id"].combine_chunks()}
        scale = None
        if form.dtype == "int8":
            vectors, scale = quantise(vectors)
        flat = pa.array(vectors.astype(form.dtype).ravel(), numbers)
        columns["vector"] = pa.FixedSizeListArray.from_arrays(flat, form.dim)
        if scale is not None:
            columns["scale"] = pa.array(scale)
        table = pa.table(columns).replace_schema_metadata(
            {
                "isogloss.encoder": form.spec,
                "isogloss.fingerprint": encoder.fingerprint,
                "isogloss.dtype": form.dtype,
                "isogloss.dim": str(form.dim),
                "isogloss.made_of": form.made_of,
            }
        )
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
