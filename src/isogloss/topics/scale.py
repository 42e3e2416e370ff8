"""At which scale to cut the graph."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import map_blocks
from isogloss.topics.communities import modularity, native_graph
from isogloss.topics.separation import least_apart, mean_silhouette

# Scales that are tried, coarse to fine, by a factor of 2**(1/4).
COARSEST, FINEST, STEPS = 2.0**-3, 2.0**5, 4
# Communities that stay the same (adjusted Rand) from step to step, for so many steps, are the
# answer ...
SAME, LASTING = 0.9, 4
# Between steps that agree less than so, communities do not stay.
LIKE = 0.7
# Right after it, communities break within so many steps.
SOON = 3
# A handful must last longer: the very top of a corpus is often stable, and too coarse to use.
HANDFUL, LONGER = 5, 8
# So many leaves one reads through. Communities below this share of the passages do not count.
FEW, LEAST_SHARE = 24, 0.005
# Of the heaviest edges of every node, so many.
NEAREST = 5
# Up to so many passages the scale follows from how far their vectors lie apart, which counts so
# many times what the edges say.
SOME_ROWS, APART = 4000, 2.0
# An octave in which that sum is less than so much of the largest before ends the search.
WORTH = 0.85
# Digits of that sum: later ones may differ between processors.
DIGITS = 9


class Rule(NamedTuple):
    """What communities of the right scale keep inside.

    Parameters
    ----------
    clear : float
        Share of the edge weight that leaves keep inside.
    blurred : float
        Share that is enough where leaves are few and the graph is noisy.
    torn : (float, float) or None
        Share of everyone's heaviest edges inside, at which a graph counts as noisy, and at which
        as not noisy at all; between them the share that is asked for grows evenly. Where even the
        nearest are parted, no scale keeps more; where they stay together, topics are cut. None
        takes every graph for noisy.
    breaks : float
        Edge weight that comes between communities right after a stable stretch.

    Examples
    --------
    >>> [round(EVEN.asked(nearest), 2) for nearest in (0.75, 0.81, 0.85)]
    [0.7, 0.76, 0.82]
    """

    clear: float
    blurred: float
    torn: tuple[float, float] | None
    breaks: float

    def asked(self, nearest: float) -> float:
        """Give the share that few leaves should keep, for that of the heaviest edges."""
        if self.torn is None:
            return self.blurred
        low, high = self.torn
        clean = 0.0 if nearest < low else 1.0 if nearest >= high else (nearest - low) / (high - low)
        return self.blurred + clean * (self.clear - self.blurred)


# For edges as they are, and for even ones (`graph.even_graph`).
PLAIN = Rule(clear=0.84, blurred=0.7, torn=None, breaks=0.04)
EVEN = Rule(clear=0.82, blurred=0.7, torn=(0.79, 0.83), breaks=0.03)


class Communities(NamedTuple):
    """A partition and the resolution at which it was found."""

    labels: NDArray[np.int32]
    resolution: float


def first_communities(
    graph: Any,
    sought: Any = None,
    *,
    rows: NDArray[np.float32] | None = None,
    least: int = 2,
    resolution: float | None = None,
    coarsest: float = COARSEST,
) -> Communities:
    """Find the finest scale at which communities still hold their weight together.

    Where the vectors of at most 4,000 passages are given, and edges are even, it is the scale at
    which the modularity of those edges and twice the mean silhouette of the vectors have the
    largest sum. Communities of less than a tenth of the passages (3 to 10) have no silhouette.

    Elsewhere communities get smaller as the resolution grows, and more edges run between them.
    Where they stay the same over a factor of 2 or more (4 when there are less than 5) and then
    break, the middle of the longest such stretch is the answer. Else it is the finest scale that
    keeps 84% of the edge weight inside communities, or 70% where that makes no more than 24 of
    them. With even edges it is 82%, and the 70% of few communities grow to 82% as they keep more of
    the five heaviest edges of each node.

    Always visited in one order: the scale does not depend on a seed.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights.
    sought : CSR (n, n), optional
        What `isogloss.topics.graph.even_graph` makes of it: communities are those of these
        weights, shares those of the weights of `graph`. By default both are those of `graph`.
    rows : float32 (n, d), optional
        The vectors of the nodes, of unit length or zero.
    least : int, default 2
        Smaller communities are not counted, nor those below 0.5% of the passages.
    resolution : float, optional
        The scale, where it is known.
    coarsest : float, default 1/8
        Coarser scales are not tried.

    Returns
    -------
    Communities
        Those of one run at a resolution between `coarsest` and 32.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> cliques = sp.csr_matrix(np.kron(np.eye(3), 1 - np.eye(4)))
    >>> len(set(first_communities(cliques).labels))
    3
    """
    even = sought is not None and sought is not graph
    cut = native_graph(sought if even else graph)
    if resolution is not None:
        return Communities(_cut(cut, float(resolution)), float(resolution))
    octaves = int(np.log2(FINEST / COARSEST))
    scales = [float(COARSEST * 2.0 ** (step / STEPS)) for step in range(STEPS * octaves + 1)]
    scales = [scale for scale in scales if scale >= coarsest]
    if even and rows is not None and len(rows) <= SOME_ROWS:
        return _farthest_apart(sought, cut, rows, scales)
    rule, whole, nearest = PLAIN, cut, None
    if even:
        rule, whole = EVEN, native_graph(graph)
        nearest = whole.heaviest(NEAREST)

    def look(scale: float) -> _Look:
        return _look(rule, whole, nearest, _cut(cut, scale), least)

    looks: dict[int, _Look] = {}

    def look_at(steps: Iterable[int]) -> None:
        new = sorted({step for step in steps if 0 <= step < len(scales)} - looks.keys())
        looks.update(zip(new, map_blocks(lambda step: look(scales[step]), new), strict=True))

    for first in range(0, len(scales), STEPS):  # an octave at a time, every other step
        look_at(range(first, first + STEPS, 2))
        # No finer scale will do: communities keep less and less of their weight.
        if not any(looks[at].some for at in looks if at >= first):
            break
    # The steps between, where they could be part of a stable stretch, or the finest that will do.
    alike = [at for at in list(looks) if at + 2 in looks and _stays(looks[at], looks[at + 2], LIKE)]
    look_at(at + side for at in alike for side in (-1, 1, 3))
    look_at([max((at for at in looks if looks[at].holds), default=0) + 1])
    look_at([max((at for at in looks if looks[at].some), default=0) + 1])
    stretches = _stretches(looks)
    look_at(last + SOON for last, _ in stretches)
    lasting = [
        (length, last) for last, length in stretches
        if (even and last == len(scales) - 1)  # nothing finer is tried
        or looks[last].share - looks[_upto(looks, last + SOON)].share >= rule.breaks
    ]  # fmt: skip
    if lasting:
        length, last = max(lasting)  # of equal stretches the finer
        step = last - length // 2
    else:
        step = max((at for at in looks if looks[at].holds), default=0)
        if looks[step].topics < 2:  # better blurred ones than none
            step = max((at for at in looks if looks[at].some), default=step)
    return Communities(looks[step].labels, scales[step])


def _farthest_apart(
    sought: Any, cut: Any, rows: NDArray[np.float32], scales: list[float]
) -> Communities:
    """Take the scale whose communities are most apart, by edges and by vectors.

    Of equals the coarsest. One community has a sum of 0.
    """
    least = least_apart(len(rows))

    def look(scale: float) -> tuple[float, NDArray[np.int32]]:
        labels = _cut(cut, scale)
        both = modularity(sought, labels) + APART * mean_silhouette(rows, labels, least=least)
        return round(both, DIGITS), labels

    looks: dict[int, tuple[float, NDArray[np.int32]]] = {}

    def best_of(steps: list[int]) -> int:
        looks.update(zip(steps, map_blocks(lambda at: look(scales[at]), steps), strict=True))
        return max(sorted(looks), key=lambda at: looks[at][0])

    for first in range(0, len(scales), STEPS):  # every other scale, then those beside the best
        octave = [at for at in range(first, first + STEPS, 2) if at < len(scales)]
        best = best_of(octave)
        # Finer scales cost more and more, and come to less and less.
        if max(looks[at][0] for at in octave) < WORTH * looks[best][0]:
            break
    best = best_of([at for at in (best - 1, best + 1) if 0 <= at < len(scales)])
    return Communities(looks[best][1], scales[best])


class _Look(NamedTuple):
    labels: NDArray[np.int32]
    topics: int
    share: float
    clear: bool  # whether the communities keep their weight to themselves
    holds: bool  # whether they keep as much of it as so many of them should
    some: bool  # whether they do where the graph is taken for noisy


def _cut(graph: Any, resolution: float, seed: int = 0) -> NDArray[np.int32]:
    """Give the communities of one run over a graph of the kernel."""
    labels = np.arange(graph.nodes, dtype=np.int32)
    graph.leiden(resolution, seed, 1, labels)
    return labels


def _look(rule: Rule, whole: Any, nearest: Any, labels: NDArray[np.int32], least: int) -> _Look:
    """Count communities, and measure what they keep of the weight of `whole` and of `nearest`."""
    least = max(least, int(LEAST_SHARE * len(labels)))
    topics = int((np.bincount(labels) >= least).sum()) if len(labels) else 0
    share = whole.share(labels)
    clear = share >= rule.clear
    some = clear or (topics <= FEW and share >= rule.blurred)
    holds = clear
    if some and not clear:
        holds = share >= rule.asked(0.0 if nearest is None else nearest.share(labels))
    return _Look(labels, topics, share, clear, holds, some)


def _stretches(looks: dict[int, _Look]) -> list[tuple[int, int]]:
    """Find stretches over which communities stay long enough: the last step, and how many."""
    found, length = [], 0
    for step in range(1, max(looks) + 2):
        if step - 1 in looks and step in looks and _stays(looks[step - 1], looks[step], SAME):
            length += 1
            continue
        last = step - 1
        if length and length >= (LASTING if looks[last].topics >= HANDFUL else LONGER):
            found.append((last, length))
        length = 0
    return found


def _upto(looks: dict[int, _Look], step: int) -> int:
    return max(at for at in looks if at <= step)


def _stays(one: _Look, two: _Look, least: float) -> bool:
    return two.clear and one.topics > 1 and _agreement(one.labels, two.labels) >= least


def _agreement(a: NDArray[np.int32], b: NDArray[np.int32]) -> float:
    """Give the adjusted Rand index of two partitions (Hubert and Arabie, 1985)."""

    def pairs(sizes: NDArray[np.int64]) -> float:
        return float((sizes.astype(np.float64) * (sizes - 1) / 2).sum())

    both = np.unique(a.astype(np.int64) * (int(b.max(initial=0)) + 1) + b, return_counts=True)[1]
    one, two = pairs(np.bincount(a)), pairs(np.bincount(b))
    chance = one * two / max(1.0, len(a) * (len(a) - 1) / 2)
    middle = (one + two) / 2
    return 1.0 if middle == chance else (pairs(both) - chance) / (middle - chance)
