"""Free vectors: the best that an optimiser finds when queries and documents may be any vectors.

Paper: Weller, Boratko, Naim, Lee, On the Theoretical Limitations of Embedding-Based Retrieval
(2025), section on free embeddings. Vectors are trained on the very judgements they are scored on,
so that no encoder of that dimension is left out by its training or its data. Success proves that
such vectors exist, since it shows them. Failure proves nothing: see `isogloss.limits.bounds`.

Differs from the paper: vectors can start from sums instead of at random, and large matrices are
fitted on samples of queries and documents and checked as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest
from isogloss._core.threads import single_threaded_blas
from isogloss.limits.contrast import (
    Adam,
    Block,
    Slopes,
    blocks_of,
    margins,
    over_blocks,
    slopes,
    unit,
)
from isogloss.limits.judgements import relevance

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["FreeVectors", "free_vectors", "solved_queries"]

Floats = NDArray[np.float32]

TEMPERATURE = 0.1  # the paper's
RATE = 0.01  # the paper's
STEPS = 100_000  # the paper's
PATIENCE = 1000  # the paper's: steps without an improvement of TOLERANCE
TOLERANCE = 1e-5
STARTS = ("random", "sums")

_WHOLE = 1 << 22  # scores of a matrix that is fitted as a whole; larger ones are sampled
_SAMPLED_QUERIES, _SAMPLED_DOCUMENTS = 1024, 4096
PAIRS_A_STEP = _SAMPLED_QUERIES * _SAMPLED_DOCUMENTS
_CHECKS = 20  # of a sampled fit, the whole matrix is scored once in so many steps


@dataclass(frozen=True, slots=True)
class FreeVectors:
    """What a fit of free vectors came to.

    Parameters
    ----------
    queries : float32 (m, d)
        Unit rows.
    documents : float32 (n, d)
        Unit rows.
    solved : bool (m,)
        Queries whose relevant documents all score above all others.
    loss : float
        Of the last step.
    steps : int
        Steps made by this start.
    restart : int
        Which start it is from, counted from 0.
    ended : {"solved", "no improvement", "steps used up"}
        Why it ended.
    sampled : bool
        Whether each step saw a sample of queries and documents.
    """

    queries: Floats
    documents: Floats
    solved: NDArray[np.bool_]
    loss: float
    steps: int
    restart: int
    ended: str
    sampled: bool

    @property
    def accuracy(self) -> float:
        """Share of the queries that are solved."""
        return float(self.solved.mean())

    @property
    def is_solved(self) -> bool:
        """True when every query is: the vectors prove that the dimension is enough."""
        return bool(self.solved.all())


def free_vectors(
    judged: Any,
    dim: int,
    *,
    restarts: int = 1,
    seed: int = 0,
    start: str = "random",
    steps: int = STEPS,
    patience: int = PATIENCE,
    temperature: float = TEMPERATURE,
    rate: float = RATE,
    on_step: Callable[[int, float], None] | None = None,
) -> FreeVectors:
    """Fit unit vectors of queries and documents to judgements, as freely as they can be.

    The loss is InfoNCE: the cross-entropy between the softmax of a query's cosines over all
    documents, at a temperature, and its gains scaled to sum 1. Adam minimises it, all vectors are
    scaled back to length 1 after every step, and a start ends when every query is solved, or
    after `patience` steps without an improvement of 1e-5.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)
        Rows are queries; entries above 0 are gains.
    dim : int
        Length of the vectors, at least 1.
    restarts : int, default 1
        Starts at most; the first that solves every query ends them, else the best is given.
    seed : int, default 0
        Of the first vectors.
    start : {"random", "sums"}, default "random"
        ``random``: all at random, as in the paper. ``sums``: documents at random, each query the
        sum of its documents' vectors; much sooner done where there are more dimensions than
        needed. Only for the first start, later ones are random.
    steps : int, default 100000
        Steps of one start at most.
    patience : int, default 1000
        Steps without improvement after which a start ends.
    temperature, rate : float
        Of the softmax, 0.1, and of Adam, 0.01.
    on_step : callable, optional
        Takes the number of steps and the loss, now and then.

    Returns
    -------
    FreeVectors

    Raises
    ------
    ParameterError
        For a matrix that is none, and numbers out of range.

    Notes
    -----
    Time O(m n d) a step, memory O((m + n) d) and one block of scores a thread. Beyond 4 million
    scores a step sees 1,024 queries and 4,096 documents, those relevant to the queries among them;
    every 20 steps all queries are checked against all documents. Blocks are fixed: the number of
    threads changes nothing.

    Paper
    -----
    Weller et al. (2025).

    Related
    -------
    `isogloss.limits.bounds.dimension_bounds`, which proves what this can only suggest.

    Examples
    --------
    Every pair of four people is asked for: three dimensions are enough.

    >>> from isogloss.limits.critical import all_subsets
    >>> free_vectors(all_subsets(4, 2), 3).is_solved
    True
    """
    matrix = relevance(judged)
    _check(dim, restarts, steps, patience, temperature, rate, start)
    best: FreeVectors | None = None
    with single_threaded_blas():
        for restart in range(restarts):
            fit = _Fit(matrix, dim, temperature, rate, np.random.default_rng([seed, restart]))
            if start == "sums" and restart == 0:
                fit.start_from_sums()
            found = fit.run(steps, patience, restart, on_step)
            if best is None or found.accuracy > best.accuracy:
                best = found
            if best.is_solved:
                break
    assert best is not None
    return best


def solved_queries(judged: Any, queries: Floats, documents: Floats) -> NDArray[np.bool_]:
    """Say which queries have all their relevant documents above all others.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)
    queries, documents : float (m, d), float (n, d)
        Scored by dot product; a tie between a relevant document and another solves nothing.

    Returns
    -------
    bool (m,)

    Examples
    --------
    >>> one = np.eye(2, dtype=np.float32)
    >>> solved_queries([[1, 0], [1, 0]], one, one).tolist()
    [True, False]
    """
    matrix = relevance(judged)

    def look(block: Block) -> NDArray[np.bool_]:
        return margins(queries[block.rows] @ documents.T, block)[0] > 0

    with single_threaded_blas():
        return np.concatenate(over_blocks(look, blocks_of(matrix)))


def _check(
    dim: int, restarts: int, steps: int, patience: int, temperature: float, rate: float, start: str
) -> None:
    numbers = {"dim": dim, "restarts": restarts, "steps": steps, "patience": patience}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ParameterError(f"{name} is {value!r}: give a whole number of at least 1")
    for name, number in {"temperature": temperature, "rate": rate}.items():
        if not (np.isfinite(number) and number > 0):
            raise ParameterError(f"{name} is {number!r}: give a number above 0")
    if start not in STARTS:
        raise ParameterError(f"start {start!r} is not known; {nearest(str(start), STARTS)}")


class _Fit:
    def __init__(
        self,
        matrix: "sp.csr_matrix",
        dim: int,
        temperature: float,
        rate: float,
        rng: np.random.Generator,
    ) -> None:
        self._matrix = matrix
        self._rng = rng
        self._scale = 1 / temperature
        rows, columns = matrix.shape
        self.queries = unit(rng.standard_normal((rows, dim), dtype=np.float32))
        self.documents = unit(rng.standard_normal((columns, dim), dtype=np.float32))
        self._adam = Adam(self.queries, rate), Adam(self.documents, rate)
        self._sampled = rows * columns > _WHOLE
        self._blocks = [] if self._sampled else blocks_of(matrix)

    def start_from_sums(self) -> None:
        self.queries[:] = unit(np.asarray(self._matrix @ self.documents, dtype=np.float32))

    def run(
        self, steps: int, patience: int, restart: int, tell: Callable[[int, float], None] | None
    ) -> FreeVectors:
        lowest, since, loss = np.inf, 0, np.inf
        solved = np.zeros(len(self.queries), dtype=bool)
        kept = (self.queries.copy(), self.documents.copy(), solved)
        ended, done = "steps used up", 0
        for done in range(steps + 1):  # vectors are scored before each step and after the last
            last = done == steps
            loss, now, move = self._sample(done, last) if self._sampled else self._whole()
            if now is not None and (done == 0 or now.sum() > kept[2].sum()):
                kept = (self.queries.copy(), self.documents.copy(), now)
            if now is not None and now.all():
                ended = "solved"
                break
            if loss < lowest - TOLERANCE:
                lowest, since = loss, 0
            else:
                since += 1
            if since >= patience:
                ended = "no improvement"
                break
            if tell is not None and done % 100 == 0:
                tell(done, loss)
            if not last:
                move()
        return FreeVectors(*kept, float(loss), done, restart, ended, self._sampled)

    def _whole(self) -> tuple[float, NDArray[np.bool_], Callable[[], None]]:
        """Score all; give loss, solved queries, and the step that follows from them."""
        parts = self._slopes(self.queries, self.documents, self._blocks)
        rows = len(self.queries)

        def move() -> None:
            self._adam[0].step(np.concatenate([part.queries for part in parts]) / rows)
            self._adam[1].step(_sum(parts) / rows)

        loss = sum(part.loss for part in parts) / rows
        return loss, np.concatenate([part.solved for part in parts]), move

    def _sample(
        self, done: int, last: bool
    ) -> tuple[float, NDArray[np.bool_] | None, Callable[[], None]]:
        """Score a sample of queries and documents; now and then check all queries."""
        rows, columns = self._matrix.shape
        asked = np.sort(self._rng.choice(rows, min(rows, _SAMPLED_QUERIES), replace=False))
        some = self._matrix[asked]
        needed = np.unique(some.indices)
        spare = self._rng.integers(0, columns, max(0, _SAMPLED_DOCUMENTS - len(needed)))
        seen = np.union1d(needed, spare)
        some = some[:, seen].tocsr()
        some.sort_indices()
        parts = self._slopes(self.queries[asked], self.documents[seen], blocks_of(some))

        def move() -> None:
            up = np.concatenate([part.queries for part in parts])
            self._adam[0].step(up / len(asked), asked)
            self._adam[1].step(_sum(parts) / len(asked), seen)

        check = last or done % _CHECKS == 0
        solved = solved_queries(self._matrix, self.queries, self.documents) if check else None
        return sum(part.loss for part in parts) / len(asked), solved, move

    def _slopes(self, queries: Floats, documents: Floats, blocks: list[Block]) -> list[Slopes]:
        def work(block: Block) -> Slopes:
            return slopes(queries[block.rows], documents, block, self._scale)

        return over_blocks(work, blocks)


def _sum(parts: list[Slopes]) -> Floats:
    """Add up the documents' slopes, in the order of the blocks."""
    total = parts[0].documents
    for part in parts[1:]:
        total = total + part.documents
    return total
