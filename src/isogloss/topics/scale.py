"""At which scale to cut the graph, and communities on which many runs agree."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import map_blocks
from isogloss.topics.communities import native_graph

# Scales that are tried, coarse to fine, by a factor of 2**(1/4).
COARSEST, FINEST, STEPS = 2.0**-3, 2.0**5, 4
# Leaves keep this share of the edge weight inside ...
CLEAR = 0.84
# ... or this one, where it gives no more leaves than one reads through.
BLURRED, FEW = 0.7, 24
# Communities that stay the same (adjusted Rand) from step to step, for so many steps, are the
# answer ...
SAME, LASTING = 0.9, 4
# Right after it, communities break: this much edge weight comes between them in so many steps.
BREAK, SOON = 0.04, 3
# A handful must last longer: the very top of a corpus is often stable, and too coarse to use.
HANDFUL, LONGER = 5, 8
# Communities below this share of the passages do not count towards FEW.
LEAST_SHARE = 0.005
# Runs that vote on which passages belong together, and runs on what they agree on.
RUNS, AGAIN = 20, 10
# Edges stay whose ends are together in this share of the first runs.
SOME = 0.3


class Communities(NamedTuple):
    """A partition and the resolution at which it was found."""

    labels: NDArray[np.int32]
    resolution: float


def first_communities(
    graph: Any, *, least: int = 2, resolution: float | None = None, coarsest: float = COARSEST
) -> Communities:
    """Find the finest scale at which communities still hold their weight together.

    Communities get smaller as the resolution grows, and more edges run between them. Where they
    stay the same over a factor of 2 or more (4 when there are less than 5) and then break, the
    middle of the longest such stretch is the answer. Else it is the finest scale that keeps 84% of
    the edge weight inside communities, or 70% where that makes no more than 24 of them. Always
    visited in one order: the scale does not depend on a seed.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights.
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
    whole = native_graph(graph)
    if resolution is not None:
        return Communities(_cut(whole, float(resolution)), float(resolution))
    octaves = int(np.log2(FINEST / COARSEST))
    scales = [float(COARSEST * 2.0 ** (step / STEPS)) for step in range(STEPS * octaves + 1)]
    scales = [scale for scale in scales if scale >= coarsest]
    looks: list[_Look] = []
    for first in range(0, len(scales), STEPS):  # an octave at a time
        octave = scales[first : first + STEPS]
        looks += map_blocks(lambda scale: _look(whole, _cut(whole, scale), least), octave)
        # No finer scale will do: communities keep less and less of their weight.
        if not any(look.holds or look.clear for look in looks[-STEPS:]):
            break
    step = _middle_of_plateau(looks)
    if step is None:
        step = max((step for step, look in enumerate(looks) if look.holds), default=0)
    return Communities(looks[step].labels, scales[step])


class _Look(NamedTuple):
    labels: NDArray[np.int32]
    topics: int
    share: float

    @property
    def clear(self) -> bool:
        """Tell whether the communities keep their weight to themselves."""
        return self.share >= CLEAR

    @property
    def holds(self) -> bool:
        """Tell whether they keep as much of it as so many of them should."""
        return self.share >= (BLURRED if self.topics <= FEW else CLEAR)


def _cut(graph: Any, resolution: float, seed: int = 0) -> NDArray[np.int32]:
    """Give the communities of one run over a graph of the kernel."""
    labels = np.arange(graph.nodes, dtype=np.int32)
    graph.leiden(resolution, seed, 1, labels)
    return labels


def _look(graph: Any, labels: NDArray[np.int32], least: int) -> _Look:
    least = max(least, int(LEAST_SHARE * len(labels)))
    topics = int((np.bincount(labels) >= least).sum()) if len(labels) else 0
    return _Look(labels, topics, graph.share(labels))


def _middle_of_plateau(looks: list[_Look]) -> int | None:
    """Find the longest stretch of steps over which communities stay, and after which they break."""
    best, middle, length = 0, None, 0
    for step in range(1, len(looks) + 1):
        if step < len(looks) and _stays(looks[step - 1], looks[step]):
            length += 1
            continue
        last = step - 1
        needed = LASTING if looks[last].topics >= HANDFUL else LONGER
        after = looks[min(len(looks) - 1, last + SOON)]
        breaks = looks[last].share - after.share >= BREAK
        if breaks and length >= max(best, needed):  # of equal stretches the finer
            best, middle = length, last - length // 2
        length = 0
    return middle


def _stays(one: _Look, two: _Look) -> bool:
    return two.clear and one.topics > 1 and _agreement(one.labels, two.labels) >= SAME


def _agreement(a: NDArray[np.int32], b: NDArray[np.int32]) -> float:
    """Give the adjusted Rand index of two partitions (Hubert and Arabie, 1985)."""

    def pairs(sizes: NDArray[np.int64]) -> float:
        return float((sizes.astype(np.float64) * (sizes - 1) / 2).sum())

    both = np.unique(a.astype(np.int64) * (int(b.max(initial=0)) + 1) + b, return_counts=True)[1]
    one, two = pairs(np.bincount(a)), pairs(np.bincount(b))
    chance = one * two / max(1.0, len(a) * (len(a) - 1) / 2)
    middle = (one + two) / 2
    return 1.0 if middle == chance else (pairs(both) - chance) / (middle - chance)


def agreed_communities(graph: Any, *, resolution: float, seed: int) -> NDArray[np.int32]:
    """Find communities on which several runs agree.

    The Leiden method runs 20 times in other orders. Edges are weighed by the share of runs in
    which their ends are together, those below 30% are cut, and 10 further runs vote on what
    remains; edges with the majority of these are split once more: single runs differ much more
    than the outcome of many.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights.
    resolution : float
        Above 0.
    seed : int
        For the orders.

    Returns
    -------
    int32 (n,)
        Communities 0, 1, ... in order of their first node.

    Paper
    -----
    After A. Lancichinetti, S. Fortunato, Consensus clustering in complex networks, Scientific
    Reports 2, 2012; two rounds, over the graph's own edges.
    """
    count = RUNS + AGAIN + 1
    seeds = [int(s) for s in np.random.SeedSequence(seed % 2**64).generate_state(count, "u8")]
    whole = native_graph(graph)
    some = whole.weighed(_votes(whole, resolution, seeds[:RUNS]), int(np.ceil(SOME * RUNS)), RUNS)
    most = some.agreed(_votes(some, resolution, seeds[RUNS:-1]), (AGAIN + 1) // 2)
    return _cut(most, resolution, seeds[-1])


def _votes(graph: Any, resolution: float, seeds: list[int]) -> NDArray[np.int32]:
    """Count for each edge the runs in which its ends are together."""
    votes = np.zeros(graph.edges, dtype=np.int32)
    for labels in map_blocks(lambda run: _cut(graph, resolution, run), seeds):
        graph.vote(labels, votes)
    return votes
