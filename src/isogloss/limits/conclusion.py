"""Says in plain sentences what an audit found, and keeps proof and search apart."""

from collections.abc import Mapping
from dataclasses import replace
from math import isnan

from isogloss.evaluate.score import Score
from isogloss.limits.judgements import Judgements, QueryGraph
from isogloss.limits.reach import Reach

__all__ = ["conclude", "without_chance"]

FLOAT32_GAP = 1e-6  # below it, rounding of float32 cosines decides the order
NEAR = 0.9  # share of what is possible from which on the encoder is not blamed
COMPARED = 2  # queries from which on methods are compared
ENOUGH = 10  # queries from which on an interval alone says that a difference is no chance


def without_chance(score: Score) -> Score:
    """Give a score without its interval where it rests on a single query.

    Examples
    --------
    >>> without_chance(Score("ndcg@10", 0.5, 0.5, 0.5, 1, "queries")).to_json()["low"] is None
    True
    """
    return score if score.n >= COMPARED else replace(score, low=float("nan"), high=float("nan"))


def conclude(
    judged: Judgements,
    dim: int,
    graph: QueryGraph,
    possible: Reach,
    methods: Mapping[str, Mapping[str, Score]],
    differences: Mapping[str, Score],
) -> tuple[str, ...]:
    """Say what follows from the figures of an audit.

    Parameters
    ----------
    judged : Judgements
    dim : int
        Of the atlas' vectors.
    graph : QueryGraph
    possible : Reach
    methods : mapping of method to mapping of measure to Score
    differences : mapping of method to Score
        nDCG less that of the dense search, paired.

    Returns
    -------
    tuple of str
    """
    if len(judged.queries) < COMPARED:
        few = "A single query is judged: it gives no intervals, and nothing can be compared on it."
        return few, _dimension(dim, possible)
    said = [
        f"{100 * graph.density:.1f}% of the pairs of queries share a relevant document "
        f"(mean query strength {graph.strength:.2f}).",
        _dimension(dim, possible),
    ]
    dense = methods.get("dense")
    if dense:
        said.append(_encoder(dim, possible, dense))
    if methods:
        said += _methods(methods, differences)
    return tuple(said)


def _dimension(dim: int, possible: Reach) -> str:
    at, bounds = possible.of(dim), possible.bounds
    if at.status == "impossible":
        return (
            f"Proven: no vectors of {dim} dimensions can rank every query right, however they are "
            f"trained; at least {bounds.lower} dimensions are needed ({bounds.lower_by}). The best "
            f"vectors found solve {100 * at.solved:.0f}% of the queries."
        )
    if at.status in ("shown", "follows"):
        return (
            f"For these judgements {dim} dimensions are enough: vectors of {possible.least_shown} "
            "were found that rank every query right, which proves it. They were "
            "fitted to these very judgements: an encoder has to find such vectors from the texts "
            "alone."
        )
    if at.status == "exact only":
        gap = "" if isnan(bounds.gap) else f" with a smallest gap of {bounds.gap:.0e}"
        if bounds.gap < FLOAT32_GAP:
            gap = " but with gaps so small that float32 loses them"
        return (
            f"In exact arithmetic {bounds.upper} dimensions are enough (proven: {bounds.upper_by})"
            f"{gap}; the fit of {dim} dimensions solved {100 * at.solved:.0f}% of the queries "
            "and no more. That it found nothing better proves nothing."
        )
    return (
        f"Whether {dim} dimensions are enough is open: the fit solved {100 * at.solved:.0f}% of "
        f"the queries, and the least number lies between {bounds.lower} and {bounds.upper} "
        "(proven)."
    )


def _encoder(dim: int, possible: Reach, dense: Mapping[str, Score]) -> str:
    name = next(iter(dense))
    best, own = possible.of(dim).scores[name].value, dense[name].value
    if own >= NEAR * best:
        return (
            f"The encoder's vectors reach {name} {own:.3f} of {best:.3f} that vectors of {dim} "
            "dimensions are known to reach: there is little to gain with one vector a text."
        )
    return (
        f"The encoder's vectors reach {name} {own:.3f}, where vectors of {dim} dimensions are "
        f"known to reach {best:.3f}: it is not the dimension that holds them back but what the "
        "encoder makes of the texts."
    )


def _methods(
    methods: Mapping[str, Mapping[str, Score]], differences: Mapping[str, Score]
) -> list[str]:
    name = next(iter(next(iter(methods.values()))))
    order = sorted(methods, key=lambda method: (-methods[method][name].value, method))
    best = methods[order[0]][name]
    said = [
        f"Best on this atlas: {order[0]} with {name} {best.value:.3f} "
        f"({best.low:.3f} to {best.high:.3f})."
    ]
    for method, gap in differences.items():
        sure = "" if gap.low > 0 or gap.high < 0 else ", which may be chance"
        if gap.n < ENOUGH:
            sure = f", which on {gap.n} queries may be chance"
        said.append(
            f"{method} against dense: {name} {gap.value:+.3f} "
            f"({gap.low:+.3f} to {gap.high:+.3f}){sure}."
        )
    return said
