"""One step of contrastive training of free vectors: scores in fixed blocks, loss, slopes, Adam.

The loss is InfoNCE: the cross-entropy between the softmax of a query's scaled cosines over all
documents and its gains, brought to sum 1. Adam is of Kingma & Ba (2015), with its usual decays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import map_blocks

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["Adam", "Block", "Slopes", "blocks_of", "margins", "over_blocks", "slopes", "unit"]

Floats = NDArray[np.float32]

_BLOCK = 1 << 20  # scores in one block: 4 MB
_DECAY_1, _DECAY_2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class Block:
    """Some queries and what they want.

    Parameters
    ----------
    rows : slice
        The queries.
    own, columns : int64 (e,)
        Row within the block, from 0, and column of each relevant pair.
    starts : int64 (b,)
        Where the pairs of each query begin.
    wanted : float32 (e,)
        Gains; those of a query sum to 1.
    """

    rows: slice
    own: NDArray[np.int64]
    columns: NDArray[np.int64]
    starts: NDArray[np.int64]
    wanted: Floats


def blocks_of(matrix: "sp.csr_matrix") -> list[Block]:
    """Cut judgements into blocks of queries of a fixed size.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> blocks_of(sp.csr_matrix([[1.0, 3.0]]))[0].wanted.tolist()
    [0.25, 0.75]
    """
    rows, columns = matrix.shape
    step = max(1, _BLOCK // max(1, columns))
    found = []
    for first in range(0, rows, step):
        bounds = matrix.indptr[first : first + step + 1].astype(np.int64)
        part = slice(int(bounds[0]), int(bounds[-1]))
        own = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        starts = bounds[:-1] - bounds[0]
        gains = matrix.data[part]
        wanted = (gains / np.add.reduceat(gains, starts)[own]).astype(np.float32)
        rows_here = slice(first, first + len(bounds) - 1)
        found.append(Block(rows_here, own, matrix.indices[part].astype(np.int64), starts, wanted))
    return found


def over_blocks(work: Callable[[Block], Any], blocks: list[Block]) -> list[Any]:
    """Apply a function to blocks, in threads where there are several; results in their order."""
    # One block needs no threads, and small fits make thousands of steps.
    return [work(blocks[0])] if len(blocks) == 1 else map_blocks(work, blocks)


def margins(scores: Floats, block: Block) -> tuple[Floats, Floats]:
    """Compare relevant documents with others.

    Parameters
    ----------
    scores : float32 (b, n)
        Of the block's queries; unchanged afterwards.
    block : Block

    Returns
    -------
    margin : float32 (b,)
        Lowest score of a relevant document less the highest of another; inf without another.
    highest : float32 (b,)
        Highest score of all.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> block = blocks_of(sp.csr_matrix([[1.0, 0.0, 1.0]]))[0]
    >>> margins(np.array([[0.5, 0.25, 0.75]], dtype=np.float32), block)[0].tolist()
    [0.25]
    """
    values = scores[block.own, block.columns]
    scores[block.own, block.columns] = -np.inf
    others = scores.max(axis=1)
    scores[block.own, block.columns] = values
    margin = np.minimum.reduceat(values, block.starts) - others
    return margin, np.maximum(np.maximum.reduceat(values, block.starts), others)


@dataclass(frozen=True, slots=True)
class Slopes:
    """Loss of a block, and its slopes.

    Parameters
    ----------
    loss : float
        Summed over the block's queries.
    solved : bool (b,)
        Queries whose relevant documents all stand above all others.
    queries : float32 (b, d)
    documents : float32 (n, d)
    """

    loss: float
    solved: NDArray[np.bool_]
    queries: Floats
    documents: Floats


def slopes(queries: Floats, documents: Floats, block: Block, scale: float) -> Slopes:
    """Give loss and slopes of a block.

    Parameters
    ----------
    queries : float32 (b, d)
        Those of the block.
    documents : float32 (n, d)
    block : Block
    scale : float
        One over the temperature.

    Returns
    -------
    Slopes

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> block = blocks_of(sp.csr_matrix([[1.0, 0.0]]))[0]
    >>> one = slopes(np.zeros((1, 2), np.float32), np.eye(2, dtype=np.float32), block, 1.0)
    >>> round(one.loss, 4), one.queries.tolist()
    (0.6931, [[-0.5, 0.5]])
    """
    scores: Floats = queries @ documents.T
    margin, highest = margins(scores, block)
    scores -= highest[:, None]
    scores *= np.float32(scale)
    picked = scores[block.own, block.columns]
    np.exp(scores, out=scores)
    total = scores.sum(axis=1)
    loss = float(np.dot(block.wanted, np.log(total)[block.own] - picked))
    scores /= total[:, None]
    scores[block.own, block.columns] -= block.wanted
    scores *= np.float32(scale)
    # Products of a few numbers may raise the processor's flag for padding that BLAS never uses.
    with np.errstate(invalid="ignore"):
        up: Floats = scores @ documents
        down: Floats = scores.T @ queries
    return Slopes(loss, margin > 0, up, down)


def unit(rows: NDArray[np.floating[Any]]) -> Floats:
    """Scale rows to length 1; a row of zeros stays zero.

    Examples
    --------
    >>> unit(np.array([[3.0, 4.0]], dtype=np.float32)).round(3).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    norms[norms == 0] = 1.0
    return np.asarray(rows / norms, dtype=np.float32)


class Adam:
    """Adam over unit rows, changed in place; rows that a step leaves out stay as they are.

    Parameters
    ----------
    rows : float32 (n, d)
    rate : float

    Examples
    --------
    >>> rows = np.array([[1.0, 0.0]], dtype=np.float32)
    >>> Adam(rows, 1.0).step(np.array([[0.0, -5.0]], dtype=np.float32))
    >>> rows.round(3).tolist()
    [[0.7070000171661377, 0.7070000171661377]]
    """

    def __init__(self, rows: Floats, rate: float) -> None:
        self._rows = rows
        self._rate = np.float32(rate)
        self._first = np.zeros_like(rows)
        self._second = np.zeros_like(rows)
        self._seen = np.zeros((len(rows), 1), dtype=np.float32)

    def step(
        self, slope: NDArray[np.floating[Any]], touched: NDArray[np.int64] | None = None
    ) -> None:
        """Make a step, and scale the rows back to length 1.

        Parameters
        ----------
        slope : float32 (t, d)
        touched : int64 (t,), optional
            The rows that it is of; None for all.
        """
        part: Any = slice(None) if touched is None else touched
        first, second = self._first[part], self._second[part]
        first *= np.float32(_DECAY_1)
        first += np.float32(1 - _DECAY_1) * slope
        second *= np.float32(_DECAY_2)
        second += np.float32(1 - _DECAY_2) * slope * slope
        self._seen[part] += 1
        if touched is None:  # all rows have made equally many steps
            seen: Any = self._seen[:1]
        else:
            self._first[part], self._second[part] = first, second
            seen = self._seen[part]
        spread = np.sqrt(second / (1 - np.float32(_DECAY_2) ** seen))
        spread += np.float32(_EPSILON)
        moved = first / spread
        moved *= -self._rate / (1 - np.float32(_DECAY_1) ** seen)
        moved += self._rows[part]
        self._rows[part] = unit(moved)
