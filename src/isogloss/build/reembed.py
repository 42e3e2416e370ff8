"""`--re-embed`: all passages by another encoder, into a table of their own, resumable."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError
from isogloss._core.events import Event, OnEvent
from isogloss._core.files import storage_errors, write_json
from isogloss._core.tensors import save_tensors
from isogloss.build.leftovers import clean_up
from isogloss.build.maps import draw_map, map_source
from isogloss.build.sample import mix
from isogloss.build.settings import SHARD_BYTES, SHARD_ROWS, BuildSettings
from isogloss.build.stages import _counts, truncation_of
from isogloss.build.stamp import package_versions, utc_now
from isogloss.build.topics import Topics
from isogloss.build.write import _index_vectors
from isogloss.drift.queries import FOLDER
from isogloss.layout.stored import NAME as MAP
from isogloss.store import state, table
from isogloss.store.edits import History
from isogloss.store.manifest import Manifest, write_manifest
from isogloss.store.workspace import Shard, Workspace
from isogloss.topics.reseat import reseated

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

NAME = "migration"


def workspace_of(path: Path) -> Workspace:
    """Give the folder of a migration under way; that of a build stays untouched."""
    made = Workspace(path)
    made.folder = path / NAME
    return made


def clear(path: Path, fingerprint: str) -> None:
    """Remove what a migration to an encoder left that was killed after its commit."""
    work = workspace_of(path)
    plan = work.read_plan()
    if plan is None or plan.get("fingerprint") == fingerprint:
        with storage_errors("the folder of the migration"):
            work.clear()


def reembed(
    path: Path, old: Manifest, encoder: "Encoder", spec: str, *, on_event: OnEvent
) -> tuple[Manifest, float]:
    """Encode every passage by another encoder and make that the atlas.

    Parameters
    ----------
    path, old
        The atlas, locked by the caller.
    encoder, spec
        The encoder to go over to, and what loads it.
    on_event : callable

    Returns
    -------
    Manifest, float
        The new one, and the share of a sample that its topics take again from the new vectors.

    Raises
    ------
    AtlasError
        While another encoder's migration is unfinished.
    EncoderError
        When the encoder gives vectors of a wrong shape or with NaN.
    """
    work = workspace_of(path)
    found = work.read_plan()
    if found is not None and found.get("fingerprint") != encoder.fingerprint:
        raise AtlasError(
            f"{path} has an unfinished migration to {found.get('encoder')!r}: run that to its end, "
            f"or remove {work.folder}"
        )
    if found is not None:
        on_event(Event("encode", message="going on with the unfinished migration", level="info"))
    work.begin({"encoder": spec, "fingerprint": encoder.fingerprint})
    opened = table.open_table(path, old.table, old.table_version)
    shards = _encode(work, opened, old, encoder, on_event)
    version = old.version + 1
    name = f"passages-{version:04d}"
    seed = int(old.parameters.get("seed", 0))
    made = _write_table(path, name, work, opened, shards, encoder, seed, on_event)
    kept = _write_state(path, old, made, encoder, version, on_event)
    if spec.startswith("lsa:"):  # fitted elsewhere: the state keeps it
        spec = "lsa"
    new = _manifest(path, old, work, shards, encoder, spec, made, name, kept)
    draw_map(path / new.state, map_source(new, made, on_event=on_event))
    write_manifest(path, new)
    work.clear()
    clean_up(path, new, old)
    return new, kept


def slices(opened: Any, columns: list[str]) -> Iterator[pa.Table]:
    """Cut the passages into shards: always the same ones, whatever the batches of the store."""
    held: list[pa.RecordBatch] = []
    rows = 0
    size = 0
    for batch in table.scan(opened, columns, batch_size=SHARD_ROWS):
        lengths = pc.binary_length(batch.column("text")).fill_null(0).to_numpy()
        begin = 0
        for row, length in enumerate(lengths.tolist()):
            if rows and (rows == SHARD_ROWS or size + length > SHARD_BYTES):
                held.append(batch.slice(begin, row - begin))
                yield pa.Table.from_batches(held).combine_chunks()
                held, rows, size, begin = [], 0, 0, row
            rows += 1
            size += length
        held.append(batch.slice(begin))
    if rows:
        yield pa.Table.from_batches(held).combine_chunks()


def _digest(passages: NDArray[np.int64], texts: list[str | None]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    digest.update(np.ascontiguousarray(passages, dtype=np.int64).tobytes())
    for text in texts:
        digest.update(hashlib.sha256((text or "").encode("utf-8", "surrogatepass")).digest())
    return digest.hexdigest()


def _encode(
    work: Workspace, opened: Any, old: Manifest, encoder: "Encoder", on_event: OnEvent
) -> list[Shard]:
    shards: list[Shard] = []
    done = 0
    for number, part in enumerate(slices(opened, ["passage", "text"])):
        texts = part["text"].to_pylist()
        shard = Shard(number, _digest(part["passage"].to_numpy(), texts), len(texts), done)
        if not work.has_arrays("vectors", encoder.fingerprint, shard):
            on_event(Event("encode", done, old.passages, "passages"))
            before = _counts(encoder)
            vectors = encoder.encode([text or "" for text in texts])
            if vectors.shape != (len(texts), encoder.dim) or not np.isfinite(vectors).all():
                raise EncoderError(
                    f"the encoder {encoder.spec!r} gave vectors of shape {vectors.shape} or with "
                    f"NaN for {len(texts)} texts of dimension {encoder.dim}"
                )
            arrays = {"vectors": vectors, "truncation": _counts(encoder) - before}
            work.put_arrays("vectors", encoder.fingerprint, shard, arrays)
        shards.append(shard)
        done += len(texts)
        on_event(Event("encode", done, old.passages, "passages"))
    if summary := truncation_of(work, shards, encoder).summary():
        on_event(Event("encode", message=summary, level="warning"))
    return shards


def _write_table(
    path: Path, name: str, work: Workspace, opened: Any, shards: list[Shard],
    encoder: "Encoder", seed: int, on_event: OnEvent,
) -> Any:  # fmt: skip
    """Copy the passages with other vectors, and index words and vectors."""
    from isogloss.search.text_index import create_text_index

    place = opened.schema.get_field_index("vector")
    field = opened.schema.field(place).with_type(pa.list_(pa.float32(), encoder.dim))
    schema = opened.schema.set(place, field)

    def batches() -> Iterator[pa.RecordBatch]:
        parts = slices(opened, opened.schema.names)
        for shard, part in zip(shards, parts, strict=True):
            vectors = work.arrays("vectors", encoder.fingerprint, shard)["vectors"]
            flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
            column = pa.FixedSizeListArray.from_arrays(flat, encoder.dim)
            yield from part.set_column(place, field, column).combine_chunks().to_batches()

    on_event(Event("write", message=name))
    made = table.create_table(path, name, schema, batches())
    on_event(Event("index", message="full text"))
    create_text_index(made)
    on_event(Event("index", message="vectors"))
    _index_vectors(path, made, encoder.fingerprint, seed)
    return made


def _write_state(
    path: Path, old: Manifest, made: Any, encoder: "Encoder", version: int, on_event: OnEvent
) -> float:
    """Copy the state, with topics that assign the new vectors and without the old encoder."""
    on_event(Event("find topics", message="the same topics over the new vectors"))
    topics = Topics.load(path / old.state / "topics")
    tree = state.read_tree(path / old.state)
    vectors, texts, labels = _topic_sample(made, old, len(tree))
    counts = topics.vocabulary.counts(texts)
    model = reseated(topics.model, vectors, counts, labels, np.asarray(tree.size, dtype=np.int64))
    again = model.predict(vectors, counts)
    kept = float((again == labels).mean()) if len(labels) else 1.0
    arrays, about = model.to_arrays()
    draft = path / ".state.tmp"
    with storage_errors("the topics of the atlas"):
        if draft.exists():
            shutil.rmtree(draft)
        leave = shutil.ignore_patterns(FOLDER, "encoder", MAP)
        shutil.copytree(path / old.state, draft, ignore=leave)
        if encoder.spec.startswith("lsa"):
            keeper: Any = encoder
            keeper.save(draft / "encoder")
        save_tensors(draft / "topics" / "model.safetensors", arrays)
        write_json(draft / "topics" / "model.json", about)
    state.publish_state(draft, path / state.state_name(version))
    return kept


def _topic_sample(
    made: Any, old: Manifest, topics: int
) -> tuple[NDArray[np.float32], list[str], NDArray[np.int32]]:
    """Draw passages to learn topics from: as many as a build would, and some of every topic."""
    from isogloss.build.migration_sample import vectors_of

    memory = int(old.parameters.get("memory_mb", 2048))
    most = BuildSettings(memory_mb=memory).sample_rows
    found = [
        (batch.column("content_hash").to_numpy(), batch.column("topic").to_numpy())
        for batch in table.scan(made, ["content_hash", "topic"])
    ]
    key = mix(np.concatenate([np.zeros(0, np.int64), *(one for one, _ in found)]),
              int(old.parameters.get("seed", 0)))  # fmt: skip
    topic = np.concatenate([np.zeros(0, np.int32), *(one for _, one in found)])
    order = np.argsort(key, kind="stable")
    taken = np.zeros(len(key), dtype=bool)
    taken[order[:most]] = True
    for one in range(topics):
        taken[order[topic[order] == one][:EACH]] = True
    vectors, texts, done = [], [], 0
    for batch in table.scan(made, ["text", "vector"]):
        inside = np.flatnonzero(taken[done : done + batch.num_rows])
        done += batch.num_rows
        vectors.append(vectors_of(batch)[inside])
        texts += batch.column("text").take(pa.array(inside)).to_pylist()
    dim = made.schema.field("vector").type.list_size
    whole = np.concatenate([np.zeros((0, dim), np.float32), *vectors])
    return whole, [text or "" for text in texts], topic[taken].astype(np.int32)


# Passages of each topic that are looked at, however rare it is.
EACH = 20


def _manifest(
    path: Path, old: Manifest, work: Workspace, shards: list[Shard], encoder: "Encoder", spec: str,
    made: Any, name: str, kept: float,
) -> Manifest:  # fmt: skip
    seen = truncation_of(work, shards, encoder)
    counts = {
        name: getattr(seen, name)
        for name in ("texts", "long_texts", "tokens", "tokens_beyond", "stretched")
    }
    about = {
        "spec": spec,
        "dim": encoder.dim,
        "fingerprint": encoder.fingerprint,
        "max_tokens": encoder.max_tokens,
        "truncation": {"window": seen.window, "overflow": seen.overflow, **counts},
    }
    names = ("spec", "fingerprint", "dim")
    step = {
        "from": {key: old.encoder[key] for key in names},
        "to": {key: about[key] for key in names},
        "at": utc_now(),
        "topics": "numbers, names and members are those of the vectors before; kept by the new "
        f"vectors for {kept:.4f} of a sample",
    }
    version = old.version + 1
    return replace(
        old, version=version, updated=utc_now(), encoder=about, table=name,
        table_version=made.version, state=state.state_name(version), queries={},
        parameters={**old.parameters, "encoder": spec, "fingerprint": encoder.fingerprint},
        migrations=[*old.migrations, step], versions=package_versions(),
        edits=History.from_json(old.edits, path).of_names().to_json(),
    )  # fmt: skip
