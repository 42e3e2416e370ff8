"""From the units of a layout to the coordinates of a map, and small shifts that undo heaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float32]
Ints = NDArray[np.int64]

# Where this share of the places ends on either side, those further out are drawn nearer.
TAIL = 0.002
# The room for them, as a share of the rest's half-extent.
ROOM = 0.08
# Equal places are spread over a disc: its radius for one place, in units of the layout.
DISC = 0.25
_ODD = np.uint64(0x9E3779B97F4A7C15)


def mixed(values: Ints, seed: int) -> NDArray[np.uint64]:
    """Shuffle whole numbers by a seed (splitmix64): uint64 (n,).

    Examples
    --------
    >>> bool((mixed(np.array([1, 2]), 0) != mixed(np.array([1, 2]), 1)).all())
    True
    """
    with np.errstate(over="ignore"):
        z = values.astype(np.int64).view(np.uint64) + _ODD * np.uint64(seed + 1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def disc(keys: Ints, seed: int = 0) -> Places:
    """Give each key a point of the unit disc, evenly: float32 (n, 2).

    Examples
    --------
    >>> points = disc(np.arange(1000))
    >>> bool((np.hypot(points[:, 0], points[:, 1]) <= 1).all()), bool(abs(points.mean()) < 0.05)
    (True, True)
    """
    radius = np.sqrt(mixed(keys, seed) / 2.0**64)
    angle = mixed(keys, seed + 1) / 2.0**64 * (2.0 * np.pi)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def without_heaps(places: Places, keys: Ints, *, single: bool) -> Places:
    """Spread places that are equal over discs as large as their number asks for.

    Parameters
    ----------
    places : float32 (n, 2)
    keys : int64 (n,)
        Passage numbers, which decide who goes where.
    single : bool
        Shift places that stand alone, too.

    Returns
    -------
    float32 (n, 2)

    Examples
    --------
    >>> same = np.zeros((3, 2), dtype=np.float32)
    >>> len(np.unique(without_heaps(same, np.arange(3), single=False), axis=0))
    3
    """
    bits = np.ascontiguousarray(places + np.float32(0.0)).view(np.uint64).reshape(-1)
    _, group, count = np.unique(bits, return_inverse=True, return_counts=True)
    held = count[group]
    radius = DISC * np.sqrt(held.astype(np.float32))
    radius[held < 2] *= np.float32(single)
    return np.asarray(places + radius[:, None] * disc(keys), dtype=np.float32)


def drawn_in(places: Places) -> Places:
    """Draw the few that lie far out nearer, so that the rest has the room.

    Examples
    --------
    >>> line = np.zeros((1001, 2), dtype=np.float32)
    >>> line[:, 0] = np.append(np.linspace(-1, 1, 1000), 100.0)
    >>> drawn = drawn_in(line)
    >>> bool(drawn[:1000].max() <= 1.0), bool(1.0 < drawn[-1, 0] < 2.0)
    (True, True)
    """
    low, high = np.quantile(places, [TAIL, 1.0 - TAIL], axis=0)
    centre, half = 0.5 * (low + high), np.maximum(0.5 * (high - low), 1e-9)
    away = (places - centre) / half
    beyond = np.maximum(np.abs(away) - 1.0, 0.0)
    nearer = np.minimum(beyond, ROOM * np.log1p(beyond / ROOM))
    return np.asarray(
        centre + half * np.sign(away) * (np.minimum(np.abs(away), 1.0) + nearer), dtype=np.float32
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """The square that a layout fills.

    Parameters
    ----------
    x, y : float
        Its centre, in units of the layout.
    half : float
        Half its side.
    """

    x: float
    y: float
    half: float

    @classmethod
    def around(cls, places: Places) -> "Frame":
        """Give the frame of places: the larger extent fills it.

        Examples
        --------
        >>> Frame.around(np.array([[0, 0], [4, 2]], dtype=np.float32))
        Frame(x=2.0, y=1.0, half=2.0)
        """
        if not len(places):
            return cls(0.0, 0.0, 1.0)
        low, high = places.min(axis=0).astype(float), places.max(axis=0).astype(float)
        x, y = (0.5 * (low + high)).tolist()
        half = 0.5 * float((high - low).max())
        return cls(x, y, half if half > 0.0 else 1.0)

    def coordinates(self, places: Places) -> Places:
        """Turn units into coordinates: the frame's are -1 to 1."""
        moved = (places.astype(np.float64) - (self.x, self.y)) / self.half
        return moved.astype(np.float32)

    def places(self, coordinates: Places) -> Places:
        """Turn coordinates into units."""
        moved = coordinates.astype(np.float64) * self.half + (self.x, self.y)
        return np.asarray(moved, dtype=np.float32)

    def aside(self, keys: Ints) -> Places:
        """Give places for rows without content: a disc in the lower right corner."""
        corner = np.array([self.x + 0.93 * self.half, self.y - 0.93 * self.half])
        return np.asarray(corner + 0.06 * self.half * disc(keys), dtype=np.float32)
