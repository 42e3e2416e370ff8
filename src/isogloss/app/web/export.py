"""Selected passages as a file, written while it is sent: memory does not grow with its length."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from isogloss.app.cli.output import clean
from isogloss.app.web.exact import exact
from isogloss.app.web.rows import take
from isogloss.app.web.view import View
from isogloss.search.results import json_columns

# Passages read at once: some are megabytes long.
BATCH = 256
# A Parquet row group is closed at so many rows or bytes.
GROUP_ROWS = 32_768
GROUP_BYTES = 16 << 20
FORMATS = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}
ENDINGS = {"parquet": "parquet", "csv": "csv", "jsonl": "jsonl", "arrow": "arrows"}
_STORED = ("id", "passage", "text", "topic", "membership")


def column_names(view: View) -> dict[str, str]:
    """Name the columns that are not attributes; an attribute of the same name keeps its own.

    Returns
    -------
    dict
        ``label`` -> ``topic_label`` where that is taken; ``x`` and ``y`` -> ``map_x`` and
        ``map_y`` where one of them is.
    """
    taken = set(view.atlas.manifest.attributes)

    def free(*names: str) -> tuple[str, ...]:
        own = tuple(name.rpartition("_")[2] for name in names)  # x and y as plain as they go
        while taken & set(own):  # together, so that they are found together
            own = names
            names = tuple(f"{name}_" for name in names)
        return own

    (label,) = free("topic_label")
    x, y = free("map_x", "map_y")
    return {"label": label, "x": x, "y": y}


def tables(view: View, places: NDArray[np.int32]) -> Iterator[pa.Table]:
    """Give the passages with id, passage, text, topic, label, membership, x, y and attributes."""
    attributes = list(view.atlas.manifest.attributes)
    names = column_names(view)
    labels = pa.array([*view.atlas.topics.labels, None], pa.string())
    for begin in range(0, max(len(places), 1), BATCH):
        part = places[begin : begin + BATCH]
        found = take(view, part, [*_STORED, *attributes])
        leaves = view.points.topics[part]
        own = {
            "id": found["id"],
            "passage": found["passage"],
            "text": found["text"],
            "topic": pa.array(leaves, pa.int32()),
            names["label"]: labels.take(pa.array(np.where(leaves < 0, len(labels) - 1, leaves))),
            "membership": found["membership"],
            names["x"]: pa.array(view.points.coordinates[part, 0]),
            names["y"]: pa.array(view.points.coordinates[part, 1]),
        }
        yield pa.table(own | {name: found[name] for name in attributes})


def write(view: View, places: NDArray[np.int32], form: str) -> Iterator[bytes]:
    """Write passages as a file, piece by piece.

    Parameters
    ----------
    view : View
    places : int32 (m,)
    form : {"parquet", "csv", "jsonl", "arrow"}

    Yields
    ------
    bytes
    """
    writers = {"parquet": _parquet, "csv": _csv, "jsonl": _jsonl, "arrow": _arrow}
    yield from writers[form](tables(view, places))


class _Pieces:
    """A file that is taken away while it grows."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self.position = 0
        self.closed = False

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.held.append(piece)
        self.position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self.position

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        piece = b"".join(self.held)
        self.held.clear()
        return piece


def _parquet(found: Iterator[pa.Table]) -> Iterator[bytes]:
    pieces = _Pieces()
    waiting = [next(found)]
    sink, schema = pa.PythonFile(pieces, mode="w"), waiting[0].schema
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for table in found:
            rows = sum(one.num_rows for one in waiting)
            if rows >= GROUP_ROWS or sum(one.nbytes for one in waiting) >= GROUP_BYTES:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
                yield pieces.taken()
            waiting.append(table)
        writer.write_table(pa.concat_tables(waiting))
    yield pieces.taken()


def _arrow(found: Iterator[pa.Table]) -> Iterator[bytes]:
    pieces = _Pieces()
    first = next(found)
    with pa.ipc.new_stream(pa.PythonFile(pieces, mode="w"), first.schema) as writer:
        writer.write_table(first)
        for table in found:
            yield pieces.taken()
            writer.write_table(table)
    yield pieces.taken()


def _csv(found: Iterator[pa.Table]) -> Iterator[bytes]:
    pieces = _Pieces()
    first = _flat(next(found))
    with pa.csv.CSVWriter(pa.PythonFile(pieces, mode="w"), first.schema) as writer:
        writer.write_table(first)
        for table in found:
            yield pieces.taken()
            writer.write_table(_flat(table))
    yield pieces.taken()


def _flat(table: pa.Table) -> pa.Table:
    """Write what CSV cannot hold (lists, records, bytes) as JSON."""
    for place, field in enumerate(table.schema):
        type_ = field.type
        if pa.types.is_dictionary(type_):
            table = table.set_column(place, field.name, table[field.name].cast(type_.value_type))
        elif pa.types.is_nested(type_) or pa.types.is_binary(type_) or _odd(type_):
            values = json_columns(table, [field.name])[field.name]
            texts = [None if one is None else _line(one) for one in values]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
    return table


def _odd(type_: Any) -> bool:
    return bool(pa.types.is_duration(type_) or pa.types.is_large_binary(type_))


def _line(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(clean(exact(value, whole=False)), ensure_ascii=False, allow_nan=False)


def _jsonl(found: Iterator[pa.Table]) -> Iterator[bytes]:
    for table in found:
        names = table.schema.names
        columns = json_columns(table, names)
        rows = zip(*(columns[name] for name in names), strict=True)
        lines = [_line(dict(zip(names, row, strict=True))) + "\n" for row in rows]
        yield "".join(lines).encode()
