"""Points of a map in tiles by level of detail: an additive quadtree.

Every tile holds at most `TILE_POINTS` points of its square, drawn evenly: a hash of the passage's
number, the same on every machine, says who comes first. The rest go to its four children. What is
to be drawn is a tile and all tiles above it, so that no point travels twice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE_POINTS = 8192
# Beyond this level a tile takes all that is left: equal places can never be told apart.
DEEPEST = 16
SIDE = 65536  # steps of an offset inside a tile

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its level, column and row (growing upwards), and its points.

    Parameters
    ----------
    z, x, y : int
        Level from 0, column and row, 0..2**z - 1.
    start, stop : int
        Its stretch of `Quadtree.order`.
    """

    z: int
    x: int
    y: int
    start: int
    stop: int


class Quadtree:
    """Tiles of all points.

    Parameters
    ----------
    numbers : int64 (n,)
        Numbers of the passages, which decide who is drawn first.
    coordinates : float32 (n, 2)
        Their places.
    tile_points : int, default 8192
        Points in a tile at most, but for the deepest.
    deepest : int, default 16
        The last level.

    Attributes
    ----------
    bounds : tuple of float
        The square ``x0, y0, x1, y1`` of the first tile, centred at 0.
    order : int64 (n,)
        Rows of the points, tile by tile.
    tiles : dict of (z, x, y) to Tile
        All that hold points, by level, row and column.

    Examples
    --------
    >>> tree = Quadtree(np.arange(4), np.array([[-1, -1], [1, 1], [-1, 1], [1, -1]]), tile_points=1)
    >>> tree.bounds, [(one.z, one.x, one.y, one.stop - one.start) for one in tree.tiles.values()][0]
    ((-1.0, -1.0, 1.0, 1.0), (0, 0, 0, 1))
    >>> sorted(tree.order.tolist())
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        numbers: Ints,
        coordinates: NDArray[np.floating],
        *,
        tile_points: int = TILE_POINTS,
        deepest: int = DEEPEST,
    ) -> None:
        half = float(np.abs(coordinates).max(initial=0.0))
        half = max(1.0, half)
        self.bounds = (-half, -half, half, half)
        self._half = half
        self._unit = ((coordinates.astype(np.float64) + half) / (2 * half)).clip(0, 1)
        self.tiles: dict[tuple[int, int, int], Tile] = {}
        waiting = np.argsort(scatter(numbers), kind="stable")
        held: list[Ints] = []
        begin = 0
        for z in range(deepest + 1):
            if not len(waiting):
                break
            key = _cells(self._unit[waiting], z)
            by_cell = np.argsort(key, kind="stable")  # within a cell: by hash, as before
            key, waiting = key[by_cell], waiting[by_cell]
            first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
            count = np.diff(np.append(first, len(key)))
            rank = np.arange(len(key)) - np.repeat(first, count)
            taken = rank < tile_points if z < deepest else np.ones(len(key), dtype=bool)
            sizes = np.minimum(count, tile_points) if z < deepest else count
            for cell, size in zip(key[first].tolist(), sizes.tolist(), strict=True):
                y, x = divmod(cell, 1 << z)
                self.tiles[z, x, y] = Tile(z, x, y, begin, begin + size)
                begin += size
            held.append(waiting[taken])
            waiting = waiting[~taken]  # by cell, then by hash: so it stays in every cell below
        self.order: Ints = np.concatenate(held) if held else np.zeros(0, dtype=np.int64)

    @property
    def levels(self) -> int:
        """Levels that hold points; 0 for an empty map."""
        return 1 + max((z for z, _, _ in self.tiles), default=-1)

    def rows(self, z: int, x: int, y: int) -> Ints | None:
        """Give the rows of the points in a tile, None where there is no such tile."""
        tile = self.tiles.get((z, x, y))
        return None if tile is None else self.order[tile.start : tile.stop]

    def offsets(self, z: int, x: int, y: int) -> NDArray[np.uint16]:
        """Give where the points of a tile lie in its square: uint16 (m, 2), 65,536 steps a side."""
        tile = self.tiles[z, x, y]
        inside = self._unit[self.order[tile.start : tile.stop]] * (1 << z) - (x, y)
        return (inside * SIDE).clip(0, SIDE - 1).astype(np.uint16)


def scatter(numbers: Ints) -> NDArray[np.uint64]:
    """Hash numbers so that their order says nothing of the numbers (SplitMix64's last steps).

    Examples
    --------
    >>> len(np.unique(scatter(np.arange(1000)) >> np.uint64(40)))
    1000
    """
    mixed = np.asarray(numbers).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _cells(unit: NDArray[np.float64], z: int) -> Ints:
    side = 1 << z
    column, row = (unit * side).astype(np.int64).clip(0, side - 1).T
    return np.asarray(row * side + column)
