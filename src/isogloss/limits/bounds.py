"""What can be proven of the dimension that judgements need, and what cannot.

All bounds are about exact arithmetic and an order without any gap: a dimension is enough when some
vectors rank every query's relevant documents above all others. No optimiser enters here.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest
from isogloss._core.threads import single_threaded_blas
from isogloss.limits.judgements import Distinct, distinct_documents
from isogloss.limits.moment_curve import circle_order, moment_vectors, runs_on_circle

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["DimensionBounds", "dimension_bounds", "sign_rank_bound", "unseparable_documents"]

METRICS = ("cosine", "dot")

_CANDIDATES = 48  # documents among which a set that cannot be separated is looked for
_VISITS = 20_000  # sets looked at
_LARGEST = 12  # documents in such a set: 2^12 patterns
_SPECTRAL = 1500  # documents of the matrix whose norm is taken
_SHOWN = 20_000_000  # numbers in vectors that are written down to measure their gap


@dataclass(frozen=True, slots=True)
class DimensionBounds:
    """Between which dimensions the least sufficient one lies; both ends are proven.

    Parameters
    ----------
    lower : int
        No vectors of fewer dimensions rank every query right.
    upper : int
        Some vectors of so many dimensions do.
    lower_by, upper_by : str
        The argument, in a sentence.
    documents : tuple of int
        Columns of the documents behind `lower`, empty where it follows from counts alone.
    runs : int64 (m,)
        Runs of each query on the circle of documents: 2 r dimensions hold all queries of at most
        r runs at once, see `share`.
    gap : float
        Smallest cosine gap between relevant and other documents in the vectors behind `upper`, as
        computed in float64; NaN where they are too many to write down. A gap below about 1e-7 is
        lost in float32.

    Examples
    --------
    >>> from isogloss.limits.critical import all_subsets
    >>> bounds = dimension_bounds(all_subsets(12, 2))
    >>> bounds.lower, bounds.upper
    (4, 4)
    """

    lower: int
    upper: int
    lower_by: str
    upper_by: str
    documents: tuple[int, ...]
    runs: NDArray[np.int64]
    gap: float

    def share(self, dim: int) -> float:
        """Give a share of the queries that some vectors of `dim` dimensions certainly solve."""
        return 1.0 if dim >= self.upper else float((2 * self.runs <= dim).mean())


def dimension_bounds(judged: Any, *, others: int = 0, metric: str = "cosine") -> DimensionBounds:
    """Bound the least dimension in which vectors can rank every query right.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)
        Entries above 0 are relevant; how far above does not matter.
    others : int
        Documents beside these, relevant to nothing.
    metric : {"cosine", "dot"}, default "cosine"
        What scores: dot products of documents of length 1, or of any length.

    Returns
    -------
    DimensionBounds

    Raises
    ------
    ParameterError
        For another metric, or a matrix that is none.

    Notes
    -----
    Lower, the larger of two. (1) A set of documents that the judgements split in every way, see
    `unseparable_documents`. (2) The sign-rank: sqrt(m n) over the norm of 2A - 1, less one, because
    each query may have a threshold of its own, see `sign_rank_bound`. Upper, the smallest of
    three: the moment curve in 2 r dimensions, see `isogloss.limits.moment_curve`; a simplex of all
    documents that differ; one dimension for each different query, and one more. The two ends
    need not meet: what lies between is not known.

    Paper
    -----
    Weller et al. (2025), proposition 1: sign-rank(2A - 1) - 1 <= least dimension <= sign-rank.

    Examples
    --------
    Each query has documents of its own: two dimensions are enough, however many there are.

    >>> dimension_bounds(np.kron(np.eye(50), np.ones((1, 2)))).upper
    2
    """
    if metric not in METRICS:
        raise ParameterError(f"metric {metric!r} is not known; {nearest(str(metric), METRICS)}")
    whole = distinct_documents(_binary(judged), others=others)
    matrix = whole.matrix
    count = matrix.shape[1]
    first = _first(whole)
    lower, lower_by, documents = _lower(matrix, metric)
    order = circle_order(matrix)
    runs = runs_on_circle(matrix, order)
    choices = [
        (
            2 * max(1, int(runs.max())),
            f"documents on the moment curve: a query's relevant documents form at most "
            f"{int(runs.max())} runs on it",
        ),
        (max(1, count - 1), f"a simplex of the {count} documents that differ"),
        (
            _distinct_rows(matrix) + 1,
            "one dimension for each different query, and one to make documents equally long",
        ),
    ]
    upper, upper_by = min(choices, key=lambda choice: choice[0])
    gap = float("nan")
    if upper == choices[0][0] and (matrix.shape[0] + count) * upper <= _SHOWN:
        gap = float(moment_vectors(matrix, order=order).gaps.min())
    shown = tuple(int(first[column]) for column in documents if first[column] >= 0)
    return DimensionBounds(lower, upper, lower_by, upper_by, shown, runs, gap)


def _binary(judged: Any) -> "sp.csr_matrix":
    from isogloss.limits.judgements import relevance

    matrix = relevance(judged).copy()
    matrix.data[:] = 1.0
    return matrix


def _first(whole: Distinct) -> NDArray[np.int64]:
    """Give one document of each column, -1 where only documents beside the matrix stand there."""
    first = np.full(len(whole.counts), -1, dtype=np.int64)
    for document in range(len(whole.group) - 1, -1, -1):
        first[whole.group[document]] = document
    return first


def _distinct_rows(matrix: "sp.csr_matrix") -> int:
    starts = matrix.indptr
    return len({matrix.indices[begin:end].tobytes() for begin, end in pairwise(starts)})


def _lower(matrix: "sp.csr_matrix", metric: str) -> tuple[int, str, tuple[int, ...]]:
    count = matrix.shape[1]
    lower, by = 1, "there is a document"
    if metric == "cosine" and count > 2:
        lower, by = 2, f"{count} documents differ, and a line has two unit vectors"
    documents: tuple[int, ...] = ()
    found = unseparable_documents(matrix, metric=metric)
    if len(found) - 1 > lower:
        lower, documents = len(found) - 1, found
        by = (
            f"the judgements split {len(found)} documents in every way that matters, which by "
            f"Radon's theorem no {len(found) - 2} dimensions allow"
        )
    spectral = sign_rank_bound(matrix) - 1
    if spectral > lower:
        lower, documents = spectral, ()
        by = "the sign-rank of the judgements is at least sqrt(m n) over their norm"
    return lower, by, documents


def unseparable_documents(judged: Any, *, metric: str = "cosine") -> tuple[int, ...]:
    """Find documents that the judgements split in every way.

    Any d + 2 points of d dimensions can be parted in two so that the hulls of the parts meet
    (Radon's theorem), and then nothing linear ranks one part above the other. If for *every* way to
    part d + 2 documents some query has exactly one part relevant, d dimensions are therefore
    not enough. Unit vectors are vertices of their hull, so that under the cosine ways with a
    single document on one side need not occur.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)
    metric : {"cosine", "dot"}, default "cosine"

    Returns
    -------
    tuple of int
        Columns of s documents: no s - 2 dimensions are enough. Empty where none were found.

    Notes
    -----
    Looks among the 48 documents that are relevant to most queries, at 20,000 sets: what it finds is
    proven, that there is no larger one is not.

    Source: Radon (1921), for the theorem.

    Examples
    --------
    All pairs of five documents are asked for: three dimensions are not enough.

    >>> from isogloss.limits.critical import all_subsets
    >>> len(unseparable_documents(all_subsets(5, 2)))
    5
    """
    matrix = _binary(judged)
    least = 2 if metric == "cosine" else 1
    asked = np.diff(matrix.tocsc().indptr)
    order = np.lexsort((np.arange(len(asked)), -asked))
    order = order[asked[order] > 0][:_CANDIDATES]
    patterns = np.unique(matrix[:, order].toarray().astype(np.int64), axis=0)
    best: list[int] = []
    visits = 0

    def grow(held: list[int], codes: NDArray[np.int64]) -> None:
        nonlocal best, visits
        for one in range(held[-1] + 1 if held else 0, len(order)):
            if visits >= _VISITS or len(held) + len(order) - one <= len(best):
                return
            visits += 1
            more = codes + (patterns[:, one] << len(held))
            if _split_every_way(more, len(held) + 1, least):
                now = [*held, one]
                if len(now) > len(best):
                    best = now
                if len(now) < _LARGEST:
                    grow(now, more)

    grow([], np.zeros(len(patterns), dtype=np.int64))
    return tuple(int(order[one]) for one in best) if len(best) >= 2 * least else ()


def _split_every_way(codes: NDArray[np.int64], size: int, least: int) -> bool:
    seen = np.zeros(1 << size, dtype=bool)
    seen[codes] = True
    parts = np.arange(1 << size)
    ones = np.bitwise_count(parts) if hasattr(np, "bitwise_count") else _ones(parts)
    wanted = (ones >= least) & (size - ones >= least)
    return bool((seen | seen[::-1])[wanted].all())  # the last but i is the complement of i


def _ones(parts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([int(part).bit_count() for part in parts], dtype=np.int64)


def sign_rank_bound(judged: Any) -> int:
    """Give a lower bound of the sign-rank of 2A - 1: sqrt(m n) over its spectral norm.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)

    Returns
    -------
    int
        At least 1. The least dimension of vectors is at least one less.

    Notes
    -----
    Strong for judgements that are half relevant, nearly always 1 or 2 where few documents are
    relevant. Beyond 1,500 documents those that are relevant to most queries are taken, since a part
    of a matrix needs no more dimensions than the whole. The norm is exact to rounding.

    Source: Forster, A linear lower bound on the unbounded error probabilistic communication
    complexity (2002), theorem 2.2.

    Examples
    --------
    Of a Hadamard matrix of 16 rows the norm is 4: sign-rank at least 4.

    >>> from scipy.linalg import hadamard
    >>> sign_rank_bound((hadamard(16) + 1) / 2)
    4
    """
    matrix = _binary(judged)
    if matrix.shape[1] > _SPECTRAL:
        asked = np.diff(matrix.tocsc().indptr)
        keep = np.sort(np.lexsort((np.arange(len(asked)), -asked))[:_SPECTRAL])
        matrix = matrix[:, keep]
    rows, count = matrix.shape
    sums = np.asarray(matrix.sum(axis=0)).ravel()
    # (2A - 1)'(2A - 1) without the dense matrix of signs
    gram = 4 * (matrix.T @ matrix).toarray() - 2 * (sums[:, None] + sums[None, :]) + rows
    with single_threaded_blas():
        norm = sqrt(float(np.linalg.eigvalsh(gram)[-1]))
    return max(1, ceil(sqrt(rows * count) / norm - 1e-6))
