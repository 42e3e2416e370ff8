"""Carry an atlas into a server: in bounded batches, resumable.

An atlas at one version is always read in one order, so the number of passages that are there says
where to go on.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.remote.address import Address, read_address
from isogloss.remote.backend import Backend, Description, Row, open_backend, pack_schema
from isogloss.remote.fields import FIXED, Field, fields_of, plain_values
from isogloss.remote.words import Lengths, weights
from isogloss.search.results import json_columns
from isogloss.topics.asked import NAMES as TOPICS

BATCH_ROWS = 256
BATCH_BYTES = 8_000_000  # of one request; Qdrant refuses more than 32 MB
INDEX_FROM = 50_000  # fewer vectors are scanned as fast


def push(
    atlas: Any,
    to: str,
    *,
    collection: str | None = None,
    fresh: bool = False,
    batch_rows: int = BATCH_ROWS,
    index_from: int = INDEX_FROM,
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Carry an atlas into a server; go on where an interrupted push stopped.

    Parameters
    ----------
    atlas : Atlas
    to : str
        URL of the server; see `isogloss.remote.address.read_address`.
    collection : str, optional
        Goes before the one in the URL; without either it is the name of the atlas' folder.
    fresh : bool
        Replace a collection that holds another atlas.
    batch_rows : int
        Passages sent at once, at most; a batch also ends at 8 MB.
    index_from : int
        PostgreSQL gets an index of vectors from so many passages on. Qdrant decides by itself.
    on_event : callable
        Takes progress.

    Returns
    -------
    dict
        ``collection``, ``url`` (without secrets), ``passages``, ``uploaded`` (now), ``resumed``,
        ``seconds``.

    Raises
    ------
    ParameterError
        For a URL that cannot be used.
    AtlasError
        When the server refuses, or the collection holds another atlas.
    StorageError
        When the server has no room.
    """
    began = time.perf_counter()
    if batch_rows < 1:
        raise ParameterError(f"batch_rows is {batch_rows}: give 1 or more")
    address = read_address(to, collection=collection)
    if address.collection is None:
        address = read_address(to, collection=_folder_name(atlas))
    backend = open_backend(address)
    try:
        uploaded, resumed = _upload(
            backend, atlas, address, fresh, batch_rows, index_from, on_event
        )
    finally:
        backend.close()
    return {
        "collection": address.collection,
        "url": str(address),
        "passages": len(atlas),
        "uploaded": uploaded,
        "resumed": resumed,
        "seconds": round(time.perf_counter() - began, 3),
    }


def _folder_name(atlas: Any) -> str:
    name = atlas.path.resolve().name.removesuffix(".atlas")
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in name).strip("-")
    if not kept:
        raise ParameterError("the folder's name cannot name a collection: give --collection NAME")
    return kept[:40]


def _upload(
    backend: Backend,
    atlas: Any,
    address: Address,
    fresh: bool,
    batch_rows: int,
    index_from: int,
    on_event: OnEvent,
) -> tuple[int, bool]:
    wanted = describe(atlas)
    found = backend.describe()
    there = 0
    if found is not None and not fresh:
        if found.lineage != wanted.lineage:
            raise AtlasError(
                f"{address} holds another atlas: name another collection with --collection, or "
                "replace it with --fresh"
            )
        if found.source == wanted.source:
            there = backend.stored()
            if found.state == "complete" and there == found.passages:
                return 0, False
    if found is not None and 0 < there <= len(atlas):
        wanted.average_words = found.average_words
        backend.write_description(wanted)
    else:
        there = 0
        wanted.average_words = _average_words(atlas, on_event)
        backend.create(wanted)
    done = there
    for rows in _rows(atlas, wanted, there, batch_rows):
        backend.put(rows)
        done += len(rows)
        on_event(Event("push", done, len(atlas), "passages"))
    if done != len(atlas):
        raise AtlasError(f"{atlas.path} gave {done:,} passages of {len(atlas):,}: it is damaged")
    wanted.indexed = backend.finish(index=done >= index_from)
    wanted.state = "complete"
    backend.write_description(wanted)
    return done - there, there > 0


def describe(atlas: Any) -> Description:
    """Give what a server is told of an atlas."""
    manifest = atlas.manifest
    encoder = {key: manifest.encoder[key] for key in ("spec", "dim", "fingerprint")}
    names = [name for name in FIXED if name in atlas.schema.names]
    names += [name for name in manifest.attributes if name not in names]
    packed = pack_schema(pa.schema([atlas.schema.field(name) for name in names]))
    # Topics of a finished atlas may be found anew: it stays the same one.
    lasting = {name: value for name, value in manifest.parameters.items() if name not in TOPICS}
    parts = [manifest.created, manifest.updated, manifest.version, manifest.table_version,
             manifest.passages, encoder, packed]  # fmt: skip
    return Description(
        source=_digest(parts),
        lineage=_digest([manifest.created, lasting]),
        state="uploading",
        passages=manifest.passages,
        encoder=encoder,
        schema=packed,
        attributes=list(manifest.attributes),
        leaves_below=_leaves_below(atlas.topics),
        labels={str(topic.id): atlas.topics.label(topic.id) for topic in atlas.topics},
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _leaves_below(tree: Any) -> dict[str, list[int]]:
    """Give the leaves below each inner topic: passages hold the number of their leaf."""
    found: dict[str, list[int]] = {}
    for topic in tree:
        if topic.is_leaf:
            for above in tree.path(topic.id)[:-1]:
                found.setdefault(str(above), []).append(topic.id)
    return found


def _average_words(atlas: Any, on_event: OnEvent) -> float:
    lengths = Lengths()
    for batch in atlas.passages(["text"]):
        lengths.add([text or "" for text in batch.column(0).to_pylist()])
        on_event(Event("count words", lengths.texts, len(atlas), "passages"))
    return lengths.average


def _rows(atlas: Any, description: Description, start: int, batch_rows: int) -> Iterator[list[Row]]:
    """Stream passages from the row `start` on, in batches of bounded size."""
    fields = fields_of(description.columns)
    shown = list(dict.fromkeys(["id", "topic", *description.attributes]))
    columns = list(dict.fromkeys(["passage", "text", "vector", *fields, *shown]))
    expected = 0
    batch: list[Row] = []
    size = 0
    for block in atlas.passages(columns, batch_size=1024):
        first = expected
        expected += block.num_rows
        if expected <= start:
            continue
        table = pa.Table.from_batches([block]).slice(max(0, start - first))
        for row in _read(table, fields, shown, description):
            weight = 4 * len(row.vector) + 2 * len(row.text) + len(row.shown) + 400
            if batch and (len(batch) == batch_rows or size + weight > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(row)
            size += weight
    if batch:
        yield batch


def _read(
    table: pa.Table,
    fields: dict[str, Field],
    shown: list[str],
    description: Description,
) -> Iterator[Row]:
    numbers = table["passage"].to_pylist()
    dim = int(description.encoder["dim"])
    flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = np.asarray(flat, dtype=np.float32).reshape(-1, dim)
    texts = [text or "" for text in table["text"].to_pylist()]
    words = weights(texts, description.average_words)
    plain = {field.key: plain_values(table[name], field) for name, field in fields.items()}
    display = json_columns(table, shown)
    for place, number in enumerate(numbers):
        yield Row(
            passage=number,
            vector=vectors[place],
            text=texts[place],
            shown=json.dumps({name: display[name][place] for name in shown}, ensure_ascii=False),
            plain={key: values[place] for key, values in plain.items()},
            words=words[place],
        )
