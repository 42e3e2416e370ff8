"""The cells of the filter grid: which filter, asked by which queries, and what the truth is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.ledger.filter_data import DRAWN, FEW, Passages

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

NEAR = 1000  # nearest rows by which the correlation of a filter with the queries is told
TIE = 1e-6  # cosines closer than this are one place

UTTERANCES = ("banking77", "clinc150", "trec_questions")
# name, kind, filter, whose queries: all, sources that they come from, or (after "not") do not
_REAL: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("all rows", "none", "", ()),
    ("source, all queries", "equality", "source = 'reuters21578'", ()),
    ("source, own queries", "correlated", "source = 'newsgroups20'", ("newsgroups20",)),
    ("label", "equality", "label = 'sci.space'", ()),
    ("section", "equality", "section = 'science'", ()),
    ("label in set", "membership", "label IN ('sci.med', 'wordpress', 'acq', 'HUM')", ()),
    ("words wide", "range", "words BETWEEN 40 AND 200", ()),
    ("words narrow", "range", "words >= 400 AND words < 500", ()),
    ("words 50 exactly", "range", "words BETWEEN 50 AND 50", ()),
    ("tag", "containment", "tags HAS 'role::program'", ()),
    ("rare tag", "containment", "tags HAS 'uitoolkit::ncurses'", ()),
    ("any tag", "containment", "tags HAS ANY ('crude', 'grain', 'works-with::text')", ()),
    ("AND of two", "and", "source = 'newsgroups20' AND words BETWEEN 150 AND 200", ()),
    ("AND of real and lot", "and", "licence = 'package metadata' AND s1 = 1", ()),
    ("AND of three", "and", "section = 'libs' AND words < 60 AND tags HAS 'role::shared-lib'", ()),
    ("OR", "or", "label = 'sci.space' OR tags HAS 'wheat'", ()),
    ("NOT", "not", "NOT source = 'clinc150'", ()),
    ("NOT of OR", "not", "NOT (words < 100 OR source = 'newsgroups20')", ()),
    ("anti: source", "anti", "source = 'clinc150'", ("not", *UTTERANCES)),
    ("anti: licence", "anti", "licence = 'PostgreSQL'", UTTERANCES),
    ("anti: section", "anti", "section = 'libs'", (*UTTERANCES, "agnews_test")),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One filter and the queries that it is asked with.

    Parameters
    ----------
    name : str
    kind : str
        ``none, random, equality, correlated, membership, range, containment, and, or, not, anti``.
    where : str
        The filter as a user writes it; empty for none.
    mask : bool (n,)
        Rows that pass.
    asks : int64 (q,)
        Rows of the held-out passages that ask.
    """

    name: str
    kind: str
    where: str
    mask: Mask
    asks: Rows

    @property
    def passing(self) -> int:
        """Rows that pass."""
        return int(self.mask.sum())

    @property
    def selectivity(self) -> float:
        """Share of the rows that pass."""
        return self.passing / max(1, len(self.mask))


def cells(passages: Passages, *, queries: int = 200) -> list[Cell]:
    """Give the cells of the grid.

    Parameters
    ----------
    passages : Passages
    queries : int
        Queries a cell; fewer where fewer fit.

    Returns
    -------
    list of Cell
        The unfiltered one first. Names are the same for all sizes of data.
    """
    found = []
    sources = np.array(passages.asked["source"].to_pylist())
    for name, kind, where, whose in _REAL:
        found.append(_cell(passages, name, kind, where, _askers(sources, whose), queries))
    everyone = np.ones(len(sources), dtype=bool)
    for column, share in DRAWN.items():
        name = f"random {100 * share:g}%"
        found.append(_cell(passages, name, "random", f"{column} = 1", everyone, queries))
    found.append(_cell(passages, f"{FEW} rows", "random", "few = 1", everyone, queries))
    found.append(_cell(passages, "no row", "random", "words < 0", everyone, queries))
    for share in (0.1, 0.01):
        far = far_groups(passages, share)
        where = f"cluster IN ({', '.join(map(str, far))})"
        may = _far_askers(passages, far)
        name = f"anti: clusters {100 * share:g}%"
        found.append(_cell(passages, name, "anti", where, may, queries))
        if share == 0.01:
            where += " AND s10 = 1"
            found.append(_cell(passages, "anti: clusters 0.1%", "anti", where, may, queries))
    return found


def _askers(sources: NDArray[np.str_], whose: tuple[str, ...]) -> Mask:
    if not whose:
        return np.ones(len(sources), dtype=bool)
    if whose[0] == "not":
        return np.asarray(~np.isin(sources, whose[1:]))
    return np.asarray(np.isin(sources, whose))


def _far_askers(passages: Passages, far: list[int]) -> Mask:
    """Give the half of the held-out passages least alike with the clusters, and from others."""
    inside = np.isin(np.asarray(passages.attributes["cluster"]), far)
    centre = passages.vectors[inside].astype(np.float64).mean(axis=0)
    alike = passages.queries @ centre.astype(np.float32)
    others = ~np.isin(np.asarray(passages.asked["cluster"]), far)
    return np.asarray(others & (alike <= np.median(alike)))


def _cell(passages: Passages, name: str, kind: str, where: str, may: Mask, queries: int) -> Cell:
    asks = np.flatnonzero(may)[:queries].astype(np.int64)
    if not len(asks):
        raise ParameterError(f"no held-out passage may ask in cell {name!r}")
    return Cell(name, kind, where, passing_rows(where, passages.attributes), asks)


def passing_rows(where: str, table: pa.Table) -> Mask:
    """Tell which rows pass a filter of ours; an empty one passes all.

    Examples
    --------
    >>> passing_rows("n > 1", pa.table({"n": [1, 2]})).tolist()
    [False, True]
    """
    from isogloss.search.filters import check, parse, to_mask

    if not where:
        return np.ones(len(table), dtype=bool)
    return to_mask(check(parse(where), table.schema), table)


def far_groups(passages: Passages, share: float) -> list[int]:
    """Give whole clusters far from the queries that together hold about a share of the rows.

    Clusters come in order of their rows' mean cosine with all queries, the least alike first, until
    the share is reached; what would overshoot it by more than half is passed over.

    Returns
    -------
    list of int
        Numbers of clusters, sorted.
    """
    groups = np.asarray(passages.attributes["cluster"])
    sizes = np.bincount(groups)
    mean_query = passages.queries.astype(np.float64).mean(axis=0)
    alike = passages.vectors @ mean_query.astype(np.float32)
    nearness = np.bincount(groups, weights=alike) / np.maximum(sizes, 1)
    wanted = share * len(groups)
    taken: list[int] = []
    held = 0
    for group in np.argsort(nearness, kind="stable").tolist():
        if sizes[group] and held + sizes[group] <= 1.5 * wanted:
            taken.append(group)
            held += int(sizes[group])
        if held >= wanted:
            break
    if not taken:
        raise ParameterError(f"no cluster is small enough for {100 * share:g}% of the rows")
    return sorted(taken)


def truth(passages: Passages, cell: Cell, k: int) -> Floats:
    """Give the least cosine that belongs to the k best passing rows, for each query of a cell.

    Returns
    -------
    float32 (q,)
        By exact scores of every passing row; infinity where no row passes.
    """
    from isogloss._math.topk import nearest_rows

    wanted = min(k, cell.passing)
    if not wanted:
        return np.full(len(cell.asks), np.inf, dtype=np.float32)
    slab = passages.vectors if not cell.where else passages.vectors[cell.mask]
    _, scores = nearest_rows(np.ascontiguousarray(passages.queries[cell.asks]), slab, wanted)
    return np.ascontiguousarray(scores[:, wanted - 1])


def recalls(
    passages: Passages, cell: Cell, least: Floats, found: Sequence[Sequence[int]], k: int
) -> NDArray[np.float64]:
    """Give for each query the share of the k best passing rows that was found.

    A row counts when it passes, has not come before, and is not less alike than the k-th best
    (`truth`): of rows with equal cosines any will do. Where fewer than k rows pass, all of them
    are wanted; where none passes, the answer is right when it is empty.

    Parameters
    ----------
    passages : Passages
    cell : Cell
    least : float32 (q,)
        What `truth` gave.
    found : sequence of sequences of int
        Rows found for the first queries of the cell.
    k : int

    Returns
    -------
    float64 (len(found),)
        Between 0 and 1.
    """
    wanted = min(k, cell.passing)
    shares = np.empty(len(found))
    for place, rows in enumerate(found):
        known = np.unique(np.asarray(rows[:k], dtype=np.int64))
        if not wanted:
            shares[place] = float(not len(known))
            continue
        known = known[cell.mask[known]]
        scores = passages.vectors[known] @ passages.queries[cell.asks[place]]
        shares[place] = min(wanted, int((scores >= least[place] - TIE).sum())) / wanted
    return shares


def short_share(found: Sequence[Sequence[int]], passing: int, k: int) -> float:
    """Give the share of queries that got fewer than k rows, or fewer than all that pass.

    Examples
    --------
    >>> short_share([[1, 2], [1]], passing=50, k=2)
    0.5
    >>> short_share([[7]], passing=1, k=2)
    0.0
    """
    wanted = min(k, passing)
    return float(np.mean([len(set(rows)) < wanted for rows in found]))


def strangers(found: Sequence[Sequence[int]], mask: Mask) -> int:
    """Count the rows found that do not pass: more than none means another filter was applied.

    Examples
    --------
    >>> strangers([[0, 1]], np.array([True, False]))
    1
    """
    return sum(int((~mask[np.asarray(rows, dtype=np.int64)]).sum()) for rows in found)


def lift(passages: Passages, cell: Cell, *, near: int = NEAR) -> float:
    """Tell how a filter correlates with its queries.

    Returns
    -------
    float
        Share of passing rows among the rows nearest to a query, over their share among all rows:
        about 1 for a filter by lot, below 1 for one that is anti-correlated. Not a number where
        no row passes.
    """
    from isogloss._math.topk import nearest_rows

    if not cell.passing:
        return float("nan")
    near = min(near, len(cell.mask))
    asked = np.ascontiguousarray(passages.queries[cell.asks])
    columns, _ = nearest_rows(asked, passages.vectors, near)
    return float(cell.mask[columns].mean() / cell.selectivity)
