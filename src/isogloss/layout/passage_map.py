"""The map of an atlas' passages, and where its topics lie on it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural

if TYPE_CHECKING:
    from isogloss.topics.tree import TopicTree

# Passages of a topic that are looked at, drawn evenly, and cells on a side to find the densest.
LOOKED_AT = 20_000
CELLS = 24


@dataclass(frozen=True, slots=True, eq=False)
class TopicPlaces:
    """Where topics lie.

    Parameters
    ----------
    places : float32 (t, 2)
        Where the members of each topic are densest; NaN for topics without passages.
    spread : float32 (t,)
        Radius around it that holds half of them; NaN for topics without passages.
    """

    places: NDArray[np.float32]
    spread: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PassageMap:
    """Places of passages in two dimensions.

    Parameters
    ----------
    passages : int64 (n,)
        Passage numbers, ascending.
    coordinates : float32 (n, 2)
        The map as it was built fills -1 to 1 in its larger direction; passages that came later may
        lie a little outside.
    version : int
        Version of the atlas.

    Examples
    --------
    >>> places = np.array([[-1, 0], [1, 0]], dtype=np.float32)
    >>> found = PassageMap(np.array([4, 7]), places, version=1)
    >>> found.of([7]).tolist()
    [[1.0, 0.0]]
    """

    passages: NDArray[np.int64]
    coordinates: NDArray[np.float32]
    version: int

    def __len__(self) -> int:
        return len(self.passages)

    def __repr__(self) -> str:
        return f"PassageMap({plural(len(self), 'passage')})"

    def of(self, passages: Any) -> NDArray[np.float32]:
        """Give the coordinates of some passages.

        Parameters
        ----------
        passages : sequence of int
            Passage numbers.

        Returns
        -------
        float32 (m, 2)

        Raises
        ------
        ParameterError
            When the map has no such passage, or they are no whole numbers.
        """
        given = np.asarray(passages)
        if given.size and given.dtype.kind not in "iu":
            raise ParameterError(
                f"passages are of type {given.dtype}: give whole numbers, as of a hit's passage"
            )
        wanted = given.astype(np.int64).reshape(-1)
        found = np.searchsorted(self.passages, wanted).clip(0, max(len(self) - 1, 0))
        missing = wanted if not len(self) else wanted[self.passages[found] != wanted]
        if len(missing):
            raise ParameterError(f"there is no passage {missing[0]} on the map")
        return np.asarray(self.coordinates[found])

    def to_pandas(self) -> Any:
        """Give the map as a data frame with the columns passage, x and y.

        Examples
        --------
        >>> PassageMap(np.array([4]), np.zeros((1, 2), np.float32), 1).to_pandas().columns.tolist()
        ['passage', 'x', 'y']
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "passage": np.asarray(self.passages),
                "x": np.asarray(self.coordinates[:, 0]),
                "y": np.asarray(self.coordinates[:, 1]),
            }
        )

    def topic_places(self, topic_of_passage: NDArray[np.int32], tree: "TopicTree") -> TopicPlaces:
        """Find where each topic lies: for its name, and for the view to go to.

        Parameters
        ----------
        topic_of_passage : int32 (n,)
            Leaf topic of each passage of the map, -1 for none.
        tree : TopicTree

        Returns
        -------
        TopicPlaces
            For leaf and inner topics.

        Raises
        ------
        ParameterError
            When there are more or fewer topics than passages.

        Examples
        --------
        >>> from isogloss.topics.tree import TopicTree
        >>> tree = TopicTree(parent=[2, 2, -1], size=[3, 1, 4], persistence=[0.5, 0.5, 0.5])
        >>> rows = np.array([[0, 0], [0, 0], [0, 0], [1, 1]], dtype=np.float32)
        >>> found = PassageMap(np.arange(4), rows, 1).topic_places(np.array([0, 0, 0, 1]), tree)
        >>> found.places.tolist(), found.spread.tolist()
        ([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], [0.0, 0.0, 0.0])
        """
        labels = np.asarray(topic_of_passage)
        if labels.shape != self.passages.shape:
            raise ParameterError(f"{len(labels)} topics were given for {len(self)} passages")
        count = len(tree)
        places = np.full((count, 2), np.nan, dtype=np.float32)
        spread = np.full(count, np.nan, dtype=np.float32)
        order = np.argsort(labels, kind="stable")
        start = np.searchsorted(labels[order], np.arange(count + 1))
        below: list[list[int]] = [[] for _ in range(count)]
        for topic in range(count):
            above = topic
            while above >= 0:
                below[above].append(topic)
                above = int(tree.parent[above])
        for topic in range(count):
            parts = [order[start[one] : start[one + 1]] for one in below[topic]]
            members = np.concatenate(parts)
            if len(members):
                every = max(1, -(-len(members) // LOOKED_AT))
                rows = np.asarray(self.coordinates[members[::every]], dtype=np.float64)
                places[topic], spread[topic] = _densest(rows)
        return TopicPlaces(places, spread)


def _densest(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Give the densest place of points, and the radius that holds half of them."""
    low, high = np.quantile(rows, [0.02, 0.98], axis=0)
    size = max(float((high - low).max()) / CELLS, 1e-6)
    cell = np.clip(((rows - low) / size).astype(np.int64) + 1, 0, CELLS + 2)
    counts = np.bincount(cell[:, 1] * (CELLS + 3) + cell[:, 0], minlength=(CELLS + 3) ** 2)
    grid = counts.reshape(CELLS + 3, CELLS + 3).astype(np.float64)
    for _ in range(2):  # a cell and its eight neighbours, twice
        for axis in (0, 1):
            padded = np.pad(grid, [(1, 1) if a == axis else (0, 0) for a in (0, 1)])
            parts = [np.take(padded, np.arange(i, i + CELLS + 3), axis=axis) for i in range(3)]
            grid = parts[0] + 2.0 * parts[1] + parts[2]
    row, column = divmod(int(grid.argmax()), CELLS + 3)
    centre = low + (np.array([column, row]) - 0.5) * size
    for _ in range(3):
        away = np.hypot(*(rows - centre).T)
        near = away <= max(1.5 * size, float(away.min()))
        centre = rows[near].mean(axis=0)
    away = np.hypot(*(rows - centre).T)
    return centre, float(np.median(away))
