"""The data of an atlas as blocks of a self-contained page: see docs/page-file.md."""

import datetime
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.plural import plural
from isogloss.app.cli.output import clean
from isogloss.app.web.explorer import Opened
from isogloss.app.web.routes_map import atlas_about, topics_about
from isogloss.app.web.rows import take
from isogloss.search.results import json_columns
from isogloss.search.segments import read_vectors

FORMAT_VERSION = 1
NEIGHBOURS = 10
# A block of texts: so many at most, and not much more than so many bytes. A reader of one passage
# inflates one.
BLOCK_TEXTS = 512
BLOCK_LETTERS = 256 << 10
# Bytes of a block of ids or values of an attribute.
BLOCK_VALUES = 1 << 20
# Up to so many passages neighbours are exact; above, nearly all are found in a partition.
EXACT_ROWS = 12_000
MOST_CLASSES = 200
# Whole numbers all between these are followed as years.
YEARS = (1000, 2999)

Ints = NDArray[np.int64]
Blocks = Iterator[tuple[str, bytes]]


class PageData:
    """The blocks of a page, made one after the other with bounded memory.

    Parameters
    ----------
    opened : Opened
        The atlas.
    places : int64 (n,)
        The passages to put in, by their places among all, rising.
    where : str, optional
        The filter that chose them; told to the reader.
    on_event : callable
        Takes progress.
    """

    def __init__(
        self, opened: Opened, places: Ints, *, where: str | None = None, on_event: OnEvent = ignore
    ) -> None:
        self.opened, self.view = opened, opened.view
        self.places, self.where, self.on_event = places, where, on_event
        self._blocks: dict[str, Any] = {}

    def blocks(self) -> Blocks:
        """Give name and content of every block; the index is the last."""
        lengths: list[NDArray[Any]] = [np.zeros(0, dtype=np.uint32)]
        yield from self._columns(lengths)
        yield from self._colours()
        yield from self._neighbours()
        yield from self._points(np.concatenate(lengths))
        yield from self._spreads()
        yield "index", packed_json(self._index())

    def _columns(self, lengths: list[NDArray[Any]]) -> Blocks:
        """Give texts, ids and attributes, in stretches of rows."""
        names = [about["name"] for about in self.opened.attributes.about()]
        texts = Column("texts", rows=BLOCK_TEXTS, size=BLOCK_LETTERS)
        ids = Column("ids", size=BLOCK_VALUES)
        values = [Column(f"values-{n}", size=BLOCK_VALUES) for n in range(len(names))]
        for start in range(0, len(self.places), BLOCK_TEXTS):
            places = self.places[start : start + BLOCK_TEXTS]
            table = take(self.view, places, ["id", "text", *names])
            lengths.append(pc.fill_null(pc.utf8_length(table["text"]), 0).to_numpy())
            yield from texts.add(pc.fill_null(table["text"], "").to_pylist())
            yield from ids.add(json_columns(table, ["id"])["id"])
            plain = json_columns(table, names)
            for column, name in zip(values, names, strict=True):
                yield from column.add(plain[name])
            done = start + len(places)
            self.on_event(Event("write texts", done, len(self.places), "passages"))
        for column in (texts, ids, *values):
            yield from column.end()
        self._blocks |= {"texts": texts.listed, "ids": ids.listed}
        self._blocks["attributes"] = [
            {"name": name, "values": column.listed, "colour": None}
            for column, name in zip(values, names, strict=True)
        ]

    def _colours(self) -> Blocks:
        for number, about in enumerate(self.opened.attributes.about()):
            if about["kind"] not in ("category", "number", "time"):
                continue
            codes = self.opened.attributes.values(about["name"]).codes[self.places]
            kind = np.int32 if about["kind"] == "category" else np.float32
            content, arrays = packed_arrays({"value": codes.astype(kind)})
            name = f"colour-{number}"
            self._blocks["attributes"][number]["colour"] = {"name": name, "arrays": arrays}
            yield name, content

    def _points(self, lengths: NDArray[Any]) -> Blocks:
        points, places = self.view.points, self.places
        x0, y0, x1, _ = points.tree.bounds
        unit = (points.coordinates[places].astype(np.float64) - (x0, y0)) / (x1 - x0)
        offsets = (unit * 65_536).clip(0, 65_535).astype(np.uint16)
        numbers, documents = points.numbers[places], points.documents[places]
        for what, values in (("passages", numbers), ("documents", documents)):
            if len(values) and int(values.max()) >= 1 << 32:
                raise ParameterError(f"numbers of {what} are above 4,294,967,295: build anew")
        membership = points.column("membership").take(pa.array(places)).fill_null(0.0)
        content, arrays = packed_arrays({
            "x": offsets[:, 0], "y": offsets[:, 1],
            "passage": numbers.astype(np.uint32), "topic": points.topics[places].astype(np.int32),
            "membership": membership.to_numpy().round(3).astype(np.float32),
            "document": documents.astype(np.uint32), "text_length": lengths.astype(np.uint32),
        })  # fmt: skip
        self._blocks["points"] = {"arrays": arrays}
        yield "points", content

    def _neighbours(self) -> Blocks:
        if len(self.places) < 2:
            return
        self.on_event(Event("find neighbours", message=f"of {plural(len(self.places), 'passage')}"))
        vectors = np.concatenate(
            list(read_vectors(self.view.atlas.table, self.view.atlas.vectors.live, self.places))
        )
        content, arrays = packed_arrays(nearest(vectors, NEIGHBOURS))
        self._blocks["neighbours"] = {"k": NEIGHBOURS, "arrays": arrays}
        yield "neighbours", content

    def _spreads(self) -> Blocks:
        """Give topics over times and by classes, where attributes are of use for it."""
        atlas = self.view.atlas
        told: dict[str, dict[str, Any]] = {"over": {}, "by": {}}
        for about in self.opened.attributes.about():
            name, kind = about["name"], about["kind"]
            over = kind == "time" or (kind == "number" and self._years(about))
            few = kind == "category" and (about["distinct"] or 0) <= MOST_CLASSES
            try:
                if over:
                    told["over"][name] = self._spread(name, atlas.topics_over(name, words=0))
                elif few:
                    told["by"][name] = self._spread(name, atlas.topics_by(name, words=0))
            except (ColumnError, ParameterError):  # no times or classes after all
                continue
        self._blocks["spreads"] = {}
        yield "spreads", packed_json(told)

    def _years(self, about: dict[str, Any]) -> bool:
        """Tell whether whole numbers look like years."""
        values = self.opened.attributes.values(about["name"])
        return (
            "int" in about["type"]
            and values.low is not None
            and (YEARS[0] <= values.low and values.high <= YEARS[1])
        )

    def _spread(self, name: str, spread: Any) -> dict[str, Any]:
        return {"version": self.view.version, "column": name, **spread.to_json()}

    def _index(self) -> dict[str, Any]:
        from isogloss import __version__

        atlas = atlas_about(self.view, False, self.opened.attributes.about())
        rows = len(self.places)
        tiles = [{"z": 0, "x": 0, "y": 0, "points": rows}] if rows else []
        atlas |= {
            "passages": rows, "undo": False, "redo": False,
            "map": {"bounds": atlas["map"]["bounds"], "levels": len(tiles), "tiles": tiles},
        }  # fmt: skip
        return {
            "format": "isogloss-page",
            "format_version": FORMAT_VERSION,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "isogloss": __version__,
            "rows": rows,
            "of": len(self.view.points),
            "where": self.where,
            "atlas": atlas,
            "topics": topics_about(self.view),
            "summaries": [
                {"version": self.view.version, **self.opened.attributes.reply(about["name"])}
                for about in self.opened.attributes.about()
            ],
            "blocks": self._blocks,
        }


class Column:
    """Values row by row, cut into blocks of JSON arrays.

    Parameters
    ----------
    name : str
        Blocks are called ``NAME-0``, ``NAME-1``, ...
    size : int
        Bytes of a block; one value may be longer.
    rows : int, optional
        Values of a block at most.

    Examples
    --------
    >>> column = Column("x", size=6)
    >>> [*column.add([1, 2, "abcdef"]), *column.end()]
    [('x-0', b'[1,2]'), ('x-1', b'["abcdef"]')]
    >>> column.listed[1]
    {'name': 'x-1', 'first': 2, 'rows': 1}
    """

    def __init__(self, name: str, *, size: int, rows: int | None = None) -> None:
        self.listed: list[dict[str, Any]] = []
        self._name, self._most, self._rows = name, size, rows
        self._waiting: list[bytes] = []
        self._size = self._first = 0

    def add(self, values: list[Any]) -> Blocks:
        """Take values; give the blocks that are full."""
        for value in values:
            packed = packed_json(value)
            full = len(self._waiting) == self._rows or self._size + len(packed) + 1 > self._most
            if self._waiting and full:
                yield self._block()
            self._waiting.append(packed)
            self._size += len(packed) + 1

    def end(self) -> Blocks:
        """Give the last block."""
        if self._waiting:
            yield self._block()

    def _block(self) -> tuple[str, bytes]:
        name = f"{self._name}-{len(self.listed)}"
        content = b"[" + b",".join(self._waiting) + b"]"
        self.listed.append({"name": name, "first": self._first, "rows": len(self._waiting)})
        self._first += len(self._waiting)
        self._waiting, self._size = [], 0
        return name, content


def packed_json(value: Any) -> bytes:
    r"""Write JSON in UTF-8; what JSON cannot say becomes null, lone surrogates question marks.

    Examples
    --------
    >>> packed_json({"a": [float("nan"), "\ud800", "</script>\u2028"]})
    b'{"a":[null,"?","</script>\xe2\x80\xa8"]}'
    """
    text = json.dumps(clean(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")


def packed_arrays(arrays: dict[str, NDArray[Any]]) -> tuple[bytes, list[dict[str, Any]]]:
    """Put arrays one after the other, each at a multiple of 8 bytes, little-endian.

    Examples
    --------
    >>> content, about = packed_arrays({"a": np.arange(3, dtype=np.uint8), "b": np.ones(1, "f4")})
    >>> len(content), about[1]
    (16, {'name': 'b', 'type': 'float32', 'offset': 8, 'length': 1})
    """
    content, about = bytearray(), []
    for name, array in arrays.items():
        about.append(
            {"name": name, "type": array.dtype.name, "offset": len(content), "length": array.size}
        )
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        content += plain + bytes(-len(plain) % 8)
    return bytes(content), about


def nearest(vectors: NDArray[np.float32], k: int) -> dict[str, NDArray[Any]]:
    """Find the nearest others of each row, by cosine.

    Returns
    -------
    dict
        ``row`` uint16 or uint32 (n * k), the largest number of its type for none, and ``score``
        uint8 (n * k), 255 for a cosine of 1.
    """
    from isogloss._math.cells import near_rows
    from isogloss._math.topk import nearest_rows

    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if len(rows) <= EXACT_ROWS:
        found, scores = nearest_rows(rows, rows, k, same=True)
    else:
        found, scores = near_rows(rows, k)
    kind = np.uint16 if len(rows) < 65_535 else np.uint32
    row = np.where(found < 0, np.iinfo(kind).max, found).astype(kind)
    score = (scores.clip(0.0, 1.0) * 255).round()
    return {"row": row.reshape(-1), "score": score.astype(np.uint8).reshape(-1)}
