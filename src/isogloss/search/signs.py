"""One bit a number: what a first look at the rows of a cell reads (RaBitQ, Gao and Long 2024)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss.search.codes import WIDTH

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]

# Rows of a tile, which are looked at together.
TILE = 32


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of what rows have besides the centres of their cells.

    Parameters
    ----------
    signs : uint8 (n, width / 8)
        Of the turned row less ``share`` times the turned centre; 1 for zero and above.
    along, factors : float32 (n,)
        The row's product with a query is about ``along`` times that of the centre, and the factor
        times the product of the turned query with the signs.
    """

    signs: NDArray[np.uint8]
    along: Rows
    factors: Rows


class SignWriter:
    """Writes the signs of rows in any order, and lays them in tiles.

    Parameters
    ----------
    centres : float32 (c, d)
        Of the cells.
    starts : int64 (c + 1,)
        Where the rows of each cell begin.

    Notes
    -----
    Holds d/8 + 8 bytes a row.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> writer = SignWriter(rows[:1], np.array([0, 3]))
    >>> writer.write(rows, np.arange(3))
    >>> {name: array.shape for name, array in writer.tensors().items()}
    {'signs': (1, 8, 32), 'along': (32,), 'factors': (32,)}
    """

    def __init__(self, centres: Rows, starts: Ints) -> None:
        self._centres = turn_rows(centres)
        self._starts = starts
        n, width = int(starts[-1]), self._centres.shape[1]
        self._written = Signs(
            np.zeros((n, width // 8), np.uint8), np.zeros(n, np.float32), np.zeros(n, np.float32)
        )

    def write(self, rows: Rows, places: Ints) -> None:
        """Write rows, given their places in the order of the cells."""
        cells = np.searchsorted(self._starts, places, side="right") - 1
        made = encode_signs(rows, self._centres, cells)
        for name in ("signs", "along", "factors"):
            getattr(self._written, name)[places] = getattr(made, name)

    def shapes(self) -> dict[str, tuple[Any, tuple[int, ...]]]:
        """Give types and shapes of what `tensors` gives."""
        tiles = tile_places(self._starts)[1]
        floats = (np.float32, (tiles * TILE,))
        width = self._written.signs.shape[1]
        return {"signs": (np.uint8, (tiles, width, TILE)), "along": floats, "factors": floats}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Give all as the kernel takes it."""
        place, count = tile_places(self._starts)
        width = self._written.signs.shape[1]
        signs = np.zeros((count, TILE, width), np.uint8)
        signs.reshape(-1, width)[place] = self._written.signs
        found: dict[str, NDArray[Any]] = {"signs": signs.transpose(0, 2, 1).copy()}
        for name in ("along", "factors"):
            found[name] = np.zeros(count * TILE, np.float32)
            found[name][place] = getattr(self._written, name)
        return found


def tile_places(starts: Ints) -> tuple[Ints, int]:
    """Give the place of each row where every cell begins a tile of its own, and count the tiles.

    Examples
    --------
    >>> places, tiles = tile_places(np.array([0, 2, 3]))
    >>> places.tolist(), tiles
    ([0, 1, 32], 2)
    """
    sizes = np.diff(starts)
    tiles = np.concatenate([[0], np.cumsum(-(-sizes // TILE))])
    shift = np.repeat(tiles[:-1] * TILE - starts[:-1], sizes)
    return np.arange(starts[-1]) + shift, int(tiles[-1])


def pass_bits(passing: NDArray[np.bool_], places: Ints, tiles: int) -> NDArray[np.uint32]:
    """Give one bit a row, a word a tile.

    Examples
    --------
    >>> pass_bits(np.array([True, False, True]), np.array([0, 1, 32]), 2).tolist()
    [1, 1]
    """
    whole = np.zeros(tiles * TILE, dtype=np.bool_)
    whole[places] = passing
    return np.packbits(whole, bitorder="little").view("<u4").astype(np.uint32, copy=False)


def turn_rows(rows: Rows) -> Rows:
    """Turn rows by the fixed rotation: products stay, and no number stands out.

    Parameters
    ----------
    rows : float32 (n, d)

    Returns
    -------
    float32 (n, width)
        d rounded up to 64.

    Examples
    --------
    >>> turned = turn_rows(np.eye(3, dtype=np.float32))
    >>> turned.shape, bool(np.abs(turned @ turned.T - np.eye(3)).max() < 1e-6)
    ((3, 64), True)
    """
    turned = np.empty((len(rows), -(-rows.shape[1] // WIDTH) * WIDTH), np.float32)
    _native.rotate_rows(np.ascontiguousarray(rows, dtype=np.float32), turned)
    return turned


def encode_signs(rows: Rows, centres: Rows, cells: Ints) -> Signs:
    """Write the signs of rows.

    Parameters
    ----------
    rows : float32 (n, d)
    centres : float32 (c, width)
        Of all cells, turned by `turn_rows`.
    cells : int64 (n,)
        The cell of each row.

    Returns
    -------
    Signs

    Examples
    --------
    >>> rows = np.eye(2, dtype=np.float32)
    >>> made = encode_signs(rows, turn_rows(rows[:1]), np.zeros(2, dtype=np.int64))
    >>> made.signs.shape, np.round(made.along[0], 5)
    ((2, 8), np.float32(1.0))
    """
    made = Signs(
        np.empty((len(rows), centres.shape[1] // 8), np.uint8),
        np.empty(len(rows), np.float32), np.empty(len(rows), np.float32),
    )  # fmt: skip
    exact = np.ascontiguousarray(rows, dtype=np.float32)
    _native.encode_signs(exact, centres, cells, made.signs, made.along, made.factors)
    return made
