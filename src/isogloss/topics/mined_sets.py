"""Sets of words that share documents, mined by Min-Hashing."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss._core.threads import map_blocks

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]

# Orderings that one kernel holds: wide enough for vector instructions, small enough for the cache.
LANES = 64


@dataclass(frozen=True, slots=True)
class MinedSets:
    """Distinct sets of columns, and how often each was found.

    Parameters
    ----------
    start : int64 (s + 1,)
        Where each set begins in `members`.
    members : int32 (m,)
        Columns of each set, rising.
    times : int32 (s,)
        Tables in which each set was found.
    columns : int
        Number of columns.
    rows : int
        Rows that were read.
    frequency : int64 (columns,)
        Rows that hold each column.
    passes : int
        How often the rows were read.
    """

    start: NDArray[np.int64]
    members: NDArray[np.int32]
    times: NDArray[np.int32]
    columns: int
    rows: int
    frequency: NDArray[np.int64]
    passes: int

    def __len__(self) -> int:
        return len(self.times)

    def matrix(self, kept: Any = slice(None)) -> Any:
        """Give the sets as ones, int32 CSR (s, columns)."""
        import scipy.sparse as sp

        ones = np.ones(len(self.members), dtype=np.int32)
        return sp.csr_matrix((ones, self.members, self.start), (len(self), self.columns))[kept]


def tables_for(similarity: float, tuple_size: int) -> int:
    """Give how many tables find a set of some similarity with probability 1/2.

    Parameters
    ----------
    similarity : float
        Documents that hold all words of a set, as a share of those that hold any; in (0, 1).
    tuple_size : int
        Orderings of a table.

    Raises
    ------
    ParameterError
        For a similarity out of range, or one that takes more than a million tables.

    Examples
    --------
    >>> tables_for(0.04, 2), tables_for(0.08, 2)
    (432, 107)
    """
    if not 0.0 < similarity < 1.0:
        raise ParameterError(f"similarity is {similarity}; it must be above 0 and below 1")
    found = similarity**tuple_size
    tables = math.log(0.5) / math.log1p(-found) if found > 0.0 else math.inf
    if tables > 1e6:
        raise ParameterError(
            f"similarity {similarity} with tuples of {tuple_size} takes {tables:.3g} tables: "
            "raise the similarity, lower tuple_size, or give tables"
        )
    return max(1, int(tables))


def mine_sets(
    batches: Iterable[Any],
    *,
    tuple_size: int,
    tables: int,
    expand: bool,
    least: int,
    seed: int,
    memory_mb: int,
) -> MinedSets:
    """Find sets of columns whose rows agree in all least places of a table.

    Parameters
    ----------
    batches : iterable of csr (n, v)
        Counts. Read once a pass; what can be read only once must do with one pass.
    tuple_size : int
        Orderings of a table: two columns meet in it with probability similarity ** tuple_size.
    tables : int
    expand : bool
        Whether a row stands for as many copies as its largest count, and a column of count f for
        the first f of them; else any count above 0 is 1.
    least : int
        Columns of a set at least.
    seed : int
    memory_mb : int
        For the least places: 4 bytes a column, ordering and table held.

    Returns
    -------
    MinedSets
        The same for any number of threads, batches and passes.

    Raises
    ------
    ParameterError
        When counts cannot be used, or the memory does not do.

    Paper
    -----
    G. Fuentes-Pineda, I. V. Meza-Ruiz, Topic Discovery in Massive Text Corpora Based on
    Min-Hashing, 2019, arXiv 1807.00938.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> counts = csr_matrix([[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    >>> sets = mine_sets(
    ...     [counts], tuple_size=2, tables=5, expand=True, least=3, seed=0, memory_mb=10
    ... )
    >>> sets.members.tolist(), sets.times.tolist()
    ([0, 1, 2], [5])
    """
    once = isinstance(batches, Iterator)
    pool = _native.SetPool()
    rows, columns, passes, first = 0, -1, 0, 0
    frequency = np.zeros(0, dtype=np.int64)
    wave: list[Any] = []
    while first < tables:
        copy, wave, held = 0, [], 0
        for number, batch in enumerate(batches):
            start, column, count = _rows(batch, columns, expand=expand, number=number)
            if columns < 0:
                columns = batch.shape[1]
                frequency = np.zeros(columns, dtype=np.int64)
            if not wave:
                held = tables_held(columns, tuple_size, tables - first, memory_mb)
                if once and held < tables:
                    raise ParameterError(_too_little(columns, tuple_size, tables, memory_mb))
                wave = _groups(columns, tuple_size, first, held, seed)
            copies = _add(wave, start, column, count, copy)
            copy = copies
            if passes == 0:
                rows += batch.shape[0]
                frequency += np.bincount(column, minlength=columns)
        if not wave:
            raise ParameterError("no batch of counts was given: give one at least")
        for group, many in wave:
            for found in map_blocks(partial(group.buckets, size=least), range(many)):
                pool.add(*found)
        first += held
        passes += 1
    start, members, times = pool.arrays()
    return MinedSets(start, members, times, columns, rows, frequency, passes)


def _add(wave: list[Any], start: Any, column: Any, count: Any, copy: int) -> int:
    try:
        return int(map_blocks(lambda one: one[0].add(start, column, count, copy), wave)[0])
    except ValueError as error:
        raise ParameterError(
            f"the counts expand to more than {2**32 - 2:,} copies of passages ({error}): give "
            "fewer passages, smaller counts, or expand=False"
        ) from error


def _groups(columns: int, tuple_size: int, first: int, tables: int, seed: int) -> list[Any]:
    """Make kernels of a few tables each, with how many."""
    many = max(1, LANES // tuple_size)
    firsts = range(first, first + tables, many)
    counts = [min(many, first + tables - one) for one in firsts]
    return [
        (_native.MinHashTables(columns, tuple_size, one, count, int(seed) % 2**64), count)
        for one, count in zip(firsts, counts, strict=True)
    ]


def tables_held(columns: int, tuple_size: int, tables: int, memory_mb: int) -> int:
    """Give how many tables fit into the memory, at most those asked for.

    Raises
    ------
    ParameterError
        When not even one does.

    Examples
    --------
    >>> tables_held(1_000_000, 2, 432, 1024)
    134
    """
    held = int(memory_mb * 2**20 // max(1, 4 * columns * tuple_size))
    if held < 1:
        raise ParameterError(_too_little(columns, tuple_size, 1, memory_mb))
    return min(held, tables)


def _too_little(columns: int, tuple_size: int, tables: int, memory_mb: int) -> str:
    need = math.ceil(4 * columns * tuple_size * tables / 2**20)
    what = "one table" if tables == 1 else f"{tables} tables in one pass"
    return f"memory_mb is {memory_mb}; {what} over {columns:,} words take {need}: raise it" + (
        "" if tables == 1 else ", or give batches that can be read again"
    )


def _rows(batch: Any, columns: int, *, expand: bool, number: int) -> Rows:
    """Check a batch; give its starts, columns and counts (none where they do not matter)."""
    import scipy.sparse as sp

    if not sp.issparse(batch) or batch.format != "csr":
        raise ParameterError(f"batch {number} of counts is {type(batch).__name__}: give CSR")
    if columns >= 0 and batch.shape[1] != columns:
        raise ParameterError(
            f"batch {number} has {batch.shape[1]} columns, the first had {columns}: use one "
            "vocabulary"
        )
    rows = canonical(batch)
    value = rows.data
    if not (value > 0).all() or not (value <= 2**31 - 1).all():
        raise ParameterError(f"batch {number} has a count below 0, above 2**31 - 1, or no number")
    count = np.zeros(0, dtype=np.int32)
    if expand:
        count = value.astype(np.int32)
        if (count != value).any():
            raise ParameterError(
                f"batch {number} has counts that are no whole numbers: give counts, or expand=False"
            )
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int32, copy=False), count


def canonical(counts: Any) -> Any:
    """Give the same CSR with each entry once, in order and not 0; a copy where that is needed.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> counts = csr_matrix(([1, 2, 0], ([0, 0, 0], [1, 1, 0])), shape=(1, 2))
    >>> canonical(counts).indices.tolist()
    [1]
    """
    if counts.has_canonical_format and not (counts.data == 0).any():
        return counts
    counts = counts.copy()
    counts.sum_duplicates()
    counts.eliminate_zeros()
    return counts
