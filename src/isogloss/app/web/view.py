"""One version of an atlas as the explorer shows it: its map, tiles and columns, in memory."""

from functools import cached_property
from threading import Lock
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, MissingExtra
from isogloss.app.web.asgi import Refusal
from isogloss.app.web.tiles import Quadtree
from isogloss.atlas import Atlas
from isogloss.layout.passage_map import PassageMap, TopicPlaces
from isogloss.search.segments import read_column
from isogloss.search.topics import leaves_below
from isogloss.store.table import reading

Ints = NDArray[np.int64]


class Points:
    """The passages of one table as points: numbers, places, topics, tiles.

    Parameters
    ----------
    atlas : Atlas
        Opened; its map gives the places.

    Attributes
    ----------
    numbers : int64 (n,)
        Passage numbers, ascending.
    coordinates : float32 (n, 2)
    topics : int32 (n,)
        Leaves, -1 for none.
    tree : Quadtree
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self.numbers: Ints = atlas.vectors.live.numbers
        self.map: PassageMap = atlas.map
        self.coordinates = _aligned(self.numbers, self.map)
        self.tree = Quadtree(self.numbers, self.coordinates)
        topics = self.column("topic").fill_null(-1)
        self.topics: NDArray[np.int32] = topics.to_numpy().astype(np.int32, copy=False)
        self._lock = Lock()
        self._documents: Ints | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, name: str) -> Any:
        """Read a column of all passages, by number: pyarrow.ChunkedArray."""
        with reading(f"the table of passages in {self.atlas.path}"):
            return read_column(self.atlas.table, self.atlas.vectors.live, name)

    @property
    def documents(self) -> Ints:
        """Number of the document of each passage, int64 (n,); read when first asked for."""
        with self._lock:
            if self._documents is None:
                self._documents = self.column("document").to_numpy()
            return self._documents

    @cached_property
    def key(self) -> str:
        """What the tiles of the points depend on, short: part of their ETag."""
        manifest = self.atlas.manifest
        parts = (str(self.atlas.path), manifest.created, manifest.table, manifest.table_version)
        return f"{crc32(repr(parts).encode()):08x}"

    def place(self, passage: int) -> int | None:
        """Give the place of a passage among all, None where there is no such passage."""
        at = int(np.searchsorted(self.numbers, passage))
        return at if at < len(self.numbers) and self.numbers[at] == passage else None

    def xy(self, place: int) -> tuple[float, float]:
        """Give the coordinates of the passage at a place."""
        x, y = self.coordinates[place].tolist()
        return x, y


class View:
    """An atlas at one version, ready to be asked from several threads.

    Parameters
    ----------
    atlas : Atlas
    points : Points, optional
        Of a version with the same passages; made where not given.
    """

    def __init__(self, atlas: Atlas, points: Points | None = None) -> None:
        self.atlas = atlas
        self.points = points if points is not None else Points(atlas)
        self.version: int = atlas.manifest.version
        tree = atlas.topics
        self.paths: list[list[int]] = [tree.path(topic) for topic in range(len(tree))]
        self.below = leaves_below(tree)
        self._lock = Lock()
        self._places: TopicPlaces | None = None

    @classmethod
    def open(cls, path: Any, before: "View | None" = None) -> "View":
        """Open the newest version of an atlas; what did not change since `before` is shared."""
        atlas = Atlas.open(path)
        if before is None:
            return cls(atlas)
        old, new = before.atlas.manifest, atlas.manifest
        if old.encoder == new.encoder and old.queries == new.queries and old.created == new.created:
            atlas._encoder, atlas._queries = before.atlas._encoder, before.atlas._queries
        same = (old.created, old.table, old.table_version) == (
            new.created, new.table, new.table_version
        )  # fmt: skip
        if not same:
            return cls(atlas)
        atlas._table, atlas._schema = before.atlas._table, before.atlas._schema
        atlas._index = before.atlas._index
        return cls(atlas, before.points)

    def prepare(self) -> None:
        """Load what the first search by meaning would load, once for all threads.

        Raises
        ------
        Refusal
            When the encoder of queries cannot be loaded: 503, kind ``"encoder"``.
        """
        with self._lock:
            try:
                _ = self.atlas.schema, self.atlas.vectors, self.atlas.query_side
            except (EncoderError, MissingExtra) as error:
                raise Refusal(503, "encoder", str(error)) from error

    def path(self, topic: int) -> list[int]:
        """Give the ids from the root to a topic; empty for -1."""
        return self.paths[topic] if topic >= 0 else []

    @property
    def topic_places(self) -> TopicPlaces:
        """Where each topic lies, and the radius that holds half of it."""
        with self._lock:
            if self._places is None:
                self._places = self.points.map.topic_places(self.points.topics, self.atlas.topics)
            return self._places


def _aligned(numbers: Ints, found: PassageMap) -> NDArray[np.float32]:
    """Give the coordinates of passages, by their order."""
    if not np.array_equal(found.passages, numbers):
        raise AtlasError("the map of the atlas is of other passages: open the atlas again")
    return np.asarray(found.coordinates, dtype=np.float32)
