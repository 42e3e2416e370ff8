"""Topics over time and by class: counts, shares with intervals, and whether they differ.

Papers: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927);
W. G. Cochran (1954) and P. Armitage (1955) on trends in proportions; Y. Benjamini & Y. Hochberg,
Controlling the false discovery rate (1995); B. L. Monroe, M. P. Colaresi & K. M. Quinn, Fightin'
words (2008).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.topics.periods import Periods, make_periods
from isogloss.topics.tree import TopicTree

__all__ = ["TopicSpread", "make_spread", "topics_by", "topics_over"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Below this expected count the chi-square law is not trusted: tables are drawn instead.
LEAST_EXPECTED = 5.0
DRAWS = 2000
# Classes at most: more of them are no classes.
MOST_CLASSES = 200


@dataclass(frozen=True, eq=False)
class TopicSpread:
    """How topics spread over groups of passages: periods or classes.

    Parameters
    ----------
    topics : tuple of int
        Ids, inner topics included: one row of the tables each.
    groups : tuple of str
        Periods by their start, or classes: one column each.
    counts : int64 (t, g)
        Passages of each topic in each group.
    totals : int64 (g,)
        Passages of each group, those without a topic included.
    low, high : float64 (t, g)
        Wilson interval of the share; NaN where the group is empty.
    missing : int
        Passages without a time or class, left out.
    level : float
        Of the intervals.
    p, q : float64 (t,)
        How likely shares would differ so much between groups by chance, and that corrected for
        the number of topics (Benjamini-Hochberg); 1 where there is nothing to compare.
    trend, trend_p : float64 (t,)
        Cochran-Armitage z over periods in their order, above 0 for a rise, and its p; NaN for
        classes.
    end : str
        Where the last period ends; empty for classes.
    unit : str
        Length of a period; empty for classes.
    keywords : tuple of tuple of tuple of str
        Words that mark each topic in each group against its other groups; empty without words.
    """

    topics: tuple[int, ...]
    groups: tuple[str, ...]
    counts: Ints
    totals: Ints
    low: Floats
    high: Floats
    missing: int
    level: float
    p: Floats
    q: Floats
    trend: Floats
    trend_p: Floats
    end: str = ""
    unit: str = ""
    keywords: tuple[tuple[tuple[str, ...], ...], ...] = field(default=())

    @property
    def shares(self) -> Floats:
        """Share of each group in each topic, float64 (t, g); NaN where the group is empty."""
        empty = np.where(self.totals > 0, self.totals, 1)
        return np.where(self.totals > 0, self.counts / empty, np.nan)

    def to_json(self) -> dict[str, Any]:
        """Give the tables as the command line prints them; NaN stays NaN."""
        ends = (*self.groups[1:], self.end)
        groups = [
            {"start": group, "end": end, "passages": int(total)}
            if self.unit
            else {"value": group, "passages": int(total)}
            for group, end, total in zip(self.groups, ends, self.totals, strict=True)
        ]
        shares = self.shares
        topics = []
        for row, topic in enumerate(self.topics):
            entry: dict[str, Any] = {
                "id": topic,
                "counts": self.counts[row].tolist(),
                "shares": _rounded(shares[row]),
                "low": _rounded(self.low[row]),
                "high": _rounded(self.high[row]),
                "change": {"p": float(self.p[row]), "q": float(self.q[row])},
            }
            if self.unit:
                entry["change"]["trend"] = float(self.trend[row])
                entry["change"]["trend_p"] = float(self.trend_p[row])
            if self.keywords:
                entry["keywords"] = [list(words) for words in self.keywords[row]]
            topics.append(entry)
        name = "periods" if self.unit else "classes"
        about = {"unit": self.unit} if self.unit else {}
        return {**about, "missing": self.missing, "level": self.level, name: groups,
                "topics": topics}  # fmt: skip

    def to_pandas(self) -> Any:
        """Give a pandas frame, one row a topic and group; needs pandas."""
        from isogloss._core.extras import need

        t, g = self.counts.shape
        return need("pandas", extra="eval").DataFrame(
            {
                "topic": np.repeat(np.array(self.topics, dtype=np.int64), g),
                "group": list(self.groups) * t,
                "count": self.counts.ravel(),
                "total": np.tile(self.totals, t),
                "share": self.shares.ravel(),
                "low": self.low.ravel(),
                "high": self.high.ravel(),
            }
        )


def _rounded(values: Floats) -> list[float]:
    return [round(value, 6) for value in values.tolist()]


def _read(times: Any) -> NDArray[Any]:
    import pyarrow as pa

    from isogloss._core.errors import ColumnError
    from isogloss.topics.times import read_times

    try:
        return read_times(pa.array(list(times)), "times")
    except ColumnError as error:
        raise ParameterError(str(error)) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ParameterError(
            f"times are of several kinds: give dates, timestamps or numbers ({error})"
        ) from error


def topics_over(
    labels: NDArray[np.integer[Any]], times: Any, *, bins: int = 20,
    tree: TopicTree | None = None, level: float = 0.95, seed: int = 0,
) -> TopicSpread:  # fmt: skip
    """Follow topics over time.

    Parameters
    ----------
    labels : int (n,)
        Leaf topic of each passage, -1 for none.
    times : datetime64, int or float (n,), or a list of dates, datetimes or texts
        Dates, timestamps or years; NaT, NaN and None are missing. Times of day with a zone are
        brought to UTC.
    bins : int, default 20
        Periods at most: whole days, weeks, months, years, or round numbers.
    tree : TopicTree, optional
        Counts its inner topics too.
    level : float, default 0.95
        Of the intervals.
    seed : int, default 0
        Of the tables that are drawn where counts are small.

    Returns
    -------
    TopicSpread

    Raises
    ------
    ParameterError
        When lengths differ, no time is known, or times are no times.

    Examples
    --------
    >>> spread = topics_over(np.array([0, 0, 1, 1, -1]), np.array([2000, 2001, 2001, 2001, 2000]))
    >>> spread.groups, spread.counts.tolist(), spread.totals.tolist()
    (('2000', '2001'), [[1, 1], [0, 2]], [2, 3])
    """
    given = np.asarray(times)
    if given.dtype.kind in "OU":  # dates, datetimes or texts
        given = _read(times)
    if given.dtype.kind not in "Miuf":
        raise ParameterError(f"times are {given.dtype}: give dates, timestamps or numbers")
    missing = np.isnat(given) if given.dtype.kind == "M" else ~np.isfinite(given)
    if len(given) != len(labels) or missing.all():
        raise ParameterError(
            f"{len(labels)} labels and {len(given)} times, {int((~missing).sum())} of them known: "
            "give one a passage"
        )
    known = given[~missing]
    low, high = known.min(), known.max()
    if known.dtype.kind == "f" and (known == np.floor(known)).all():  # years beside NaN
        low, high = int(low), int(high)
    periods = make_periods(low, high, bins=bins)
    cells = count_cells(labels, periods.place(given), len(periods), tree)
    return make_spread(cells, periods, tree, int(missing.sum()), level=level, seed=seed)


def topics_by(
    labels: NDArray[np.integer[Any]], classes: Sequence[Any], *,
    tree: TopicTree | None = None, level: float = 0.95, seed: int = 0,
) -> TopicSpread:  # fmt: skip
    """Compare topics between classes of passages; None and NaN are missing.

    Parameters
    ----------
    labels : int (n,)
        Leaf topic of each passage, -1 for none.
    classes : sequence (n,)
        At most 200 different values, larger classes first in the answer.
    tree, level, seed
        As in `topics_over`.

    Raises
    ------
    ParameterError
        When lengths differ, there is no class, or there are too many.

    Examples
    --------
    >>> topics_by(np.array([0, 0, 1]), ["a", "b", "b"]).counts.tolist()
    [[1, 1], [1, 0]]
    """
    names = [class_name(value) for value in classes]
    if len(names) != len(labels):
        raise ParameterError(f"{len(labels)} labels and {len(names)} classes: give one a passage")
    order = order_classes({name: names.count(name) for name in dict.fromkeys(names) if name})
    place = {name: number for number, name in enumerate(order)}
    groups = np.array([place.get(name, -1) if name else -1 for name in names], dtype=np.int64)
    cells = count_cells(labels, groups, len(order), tree)
    return make_spread(cells, order, tree, int((groups < 0).sum()), level=level, seed=seed)


def class_name(value: Any) -> str:
    """Give the name of a class, empty for a missing one."""
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if missing else str(value)


def order_classes(sizes: dict[str, int]) -> tuple[str, ...]:
    """Put classes in order, larger ones first, and refuse what are no classes."""
    if not 1 <= len(sizes) <= MOST_CLASSES:
        raise ParameterError(
            f"there are {len(sizes)} classes: give a column with 1 to {MOST_CLASSES} values"
        )
    return tuple(sorted(sizes, key=lambda name: (-sizes[name], name)))


def count_cells(
    labels: NDArray[np.integer[Any]], groups: Ints, count: int, tree: TopicTree | None
) -> Ints:
    """Count passages by topic and group: int64 (t + 1, g), the last row for those of no topic."""
    topics = np.asarray(labels, dtype=np.int64)
    t = len(tree) if tree is not None else int(topics.max(initial=-1)) + 1
    if len(topics) and not (topics.min() >= -1 and topics.max() < t):
        raise ParameterError(f"labels reach from {topics.min()} to {topics.max()}, topics {t}")
    rows = np.where(topics < 0, t, topics)
    known = groups >= 0
    flat = np.bincount(rows[known] * count + groups[known], minlength=(t + 1) * count)
    return flat.reshape(t + 1, count)


def make_spread(
    cells: Ints, groups: Periods | tuple[str, ...], tree: TopicTree | None, missing: int, *,
    level: float = 0.95, seed: int = 0,
    keywords: tuple[tuple[tuple[str, ...], ...], ...] = (),
) -> TopicSpread:  # fmt: skip
    """Make the record of counts as `count_cells` gives them (added up over batches)."""
    if not 0 < level < 1:
        raise ParameterError(f"level is {level}; it must lie between 0 and 1")
    totals, counts = cells.sum(axis=0), upwards(cells[:-1], tree)
    low, high = wilson(counts, totals, level=level)
    timed = isinstance(groups, Periods)
    p = np.array([difference(row, totals, seed=seed) for row in counts])
    trend = np.full((len(counts), 2), np.nan)
    if timed:
        trend = np.array([rise(row, totals) for row in counts]).reshape(-1, 2)
    return TopicSpread(
        topics=tuple(range(len(counts))),
        groups=groups.starts[:-1] if isinstance(groups, Periods) else groups,
        counts=counts, totals=totals, low=low, high=high, missing=missing, level=level,
        p=p, q=false_discovery(p), trend=trend[:, 0], trend_p=trend[:, 1],
        end=groups.starts[-1] if isinstance(groups, Periods) else "",
        unit=groups.unit if isinstance(groups, Periods) else "",
        keywords=keywords,
    )  # fmt: skip


def upwards(counts: Any, tree: TopicTree | None) -> Any:
    """Add the rows of leaves to those of the topics above them."""
    out = counts.copy()
    if tree is not None:
        for topic in tree.leaves:
            for above in tree.path(topic.id)[:-1]:
                out[above] += counts[topic.id]
    return out


def wilson(counts: Ints, totals: Ints, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Give Wilson's interval of shares; NaN where the total is 0.

    Examples
    --------
    >>> low, high = wilson(np.array([[0, 5]]), np.array([10, 10]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([[0.0, 0.237]], [[0.278, 0.763]])
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + level / 2))
    n = np.where(totals > 0, totals, 1).astype(np.float64)
    share = counts / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    known = np.broadcast_to(totals > 0, counts.shape)
    low = np.where(known, np.where(counts == 0, 0.0, np.clip(middle - half, 0, 1)), np.nan)
    high = np.where(known, np.where(counts == totals, 1.0, np.clip(middle + half, 0, 1)), np.nan)
    return low, high


def difference(counts: Ints, totals: Ints, *, seed: int = 0) -> float:
    """Give the p of a chi-square test that a topic's share is the same in all groups.

    Where an expected count is below 5, tables with the same margins are drawn instead.

    Examples
    --------
    >>> round(difference(np.array([30, 10]), np.array([100, 100])), 5)
    0.00041
    """
    used = totals > 0
    own, whole = counts[used].astype(np.int64), totals[used].astype(np.int64)
    held, n = int(own.sum()), int(whole.sum())
    if len(own) < 2 or held in (0, n):
        return 1.0
    expected = whole * (held / n)
    weight = n / (n - held)  # (o - e)^2 / e for the topic and for the rest, in one term

    def statistic(table: Any) -> Any:
        return ((table - expected) ** 2 / expected).sum(axis=-1) * weight

    found = float(statistic(own))
    if min(expected.min(), (whole - expected).min()) >= LEAST_EXPECTED:
        from scipy.special import chdtrc

        return float(chdtrc(len(own) - 1, found))
    rng = np.random.default_rng(seed)
    drawn = statistic(rng.multivariate_hypergeometric(whole, held, size=DRAWS, method="marginals"))
    return float((1 + (drawn >= found - 1e-9).sum()) / (1 + DRAWS))


def rise(counts: Ints, totals: Ints) -> tuple[float, float]:
    """Give the Cochran-Armitage z of a trend over the groups in their order, and its p.

    Examples
    --------
    >>> z, p = rise(np.array([10, 20, 30]), np.array([100, 100, 100]))
    >>> round(z, 3), round(p, 5)
    (3.536, 0.00041)
    """
    from scipy.special import ndtr

    n, held = float(totals.sum()), float(counts.sum())
    if not 0 < held < n:
        return 0.0, 1.0
    steps = np.arange(len(counts), dtype=np.float64)
    centred = steps - float((steps * totals).sum()) / n
    share = held / n
    spread = share * (1 - share) * float((totals * centred**2).sum())
    if spread <= 0:
        return 0.0, 1.0
    z = float((counts * centred).sum()) / float(np.sqrt(spread))
    return z, float(2 * ndtr(-abs(z)))


def false_discovery(p: Floats) -> Floats:
    """Correct p for their number (Benjamini and Hochberg).

    Examples
    --------
    >>> false_discovery(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / (1 + np.arange(len(p)))
    out = np.empty_like(p)
    out[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return out
