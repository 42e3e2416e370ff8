"""Communities of a co-participation graph: five numbers, over seeds.

The method is our own Leiden kernel, as in `isogloss.topics.communities.leiden`; the graph is handed
to it once, and the seeds share out over the threads.
Paper of the numbers: Price et al., Let There Be Claws, 2026; conductance and cut ratio as in Yang
and Leskovec, Defining and evaluating network communities based on ground-truth, 2012.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.threads import map_blocks
from isogloss.social.spread import Spread

__all__ = ["Communities", "communities", "cut_numbers"]

Labels = NDArray[np.int32]

_PASSES = 2  # as `leiden` itself


@dataclass(frozen=True, slots=True, eq=False)
class Communities:
    """Communities of the best of several runs, and how the numbers vary over the runs.

    Parameters
    ----------
    labels : int32 (n,)
        Community of each node, largest first, of the run with the largest modularity; -1 for
        nodes without an edge.
    sizes : int64 (c,)
        Nodes of each.
    alone : int
        Nodes without an edge, which are in no community.
    count, largest, median_size, modularity, between_edges, between_weight, conductance, \
cut_ratio : Spread
        Over the runs; see `cut_numbers`.
    agreement : float
        Mean adjusted Rand index of the runs with the best one; 1 for a single run.
    seeds : tuple of int
    """

    labels: Labels
    sizes: NDArray[np.int64]
    alone: int
    count: Spread
    largest: Spread
    median_size: Spread
    modularity: Spread
    between_edges: Spread
    between_weight: Spread
    conductance: Spread
    cut_ratio: Spread
    agreement: float
    seeds: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the numbers, and the sizes of the best run."""
        spreads = ("count", "largest", "median_size", "modularity", "between_edges",
                   "between_weight", "conductance", "cut_ratio")  # fmt: skip
        found: dict[str, Any] = {name: getattr(self, name).to_json() for name in spreads}
        found |= {
            "alone": self.alone,
            "sizes": self.sizes.tolist(),
            "agreement": self.agreement,
            "seeds": list(self.seeds),
        }
        return found


def communities(
    graph: Any, *, resolution: float = 1.0, seeds: int = 20, seed: int = 0
) -> Communities:
    """Find communities by Leiden with several seeds; describe them by five numbers.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights above 0 without a diagonal.
    resolution : float, default 1
        Of the modularity: a larger one gives smaller communities.
    seeds : int, default 20
        Runs.
    seed : int, default 0
        The first; the others follow.

    Returns
    -------
    Communities

    Raises
    ------
    ParameterError
        For a graph that is not square, fewer than one run, or a resolution not above 0.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> two = sp.csr_matrix(np.kron(np.eye(2), 1 - np.eye(3)))
    >>> found = communities(two, seeds=3)
    >>> found.count.value, found.modularity.value, found.agreement
    (2.0, 0.5, 1.0)
    """
    from isogloss.topics.communities import modularity, native_graph

    if seeds < 1:
        raise ParameterError(f"seeds is {seeds}; give at least 1")
    if not resolution > 0:
        raise ParameterError(f"resolution is {resolution}; it must be above 0")
    if graph.shape[0] != graph.shape[1]:
        raise ParameterError(f"the graph has shape {graph.shape}; it must be square")
    joined = np.flatnonzero(np.diff(graph.indptr) > 0)
    inner = graph[joined][:, joined].tocsr()
    inner.sort_indices()
    kernel = native_graph(inner) if len(joined) else None

    def run_of(one: int) -> tuple[Labels, float, dict[str, float]]:
        labels = np.arange(len(joined), dtype=np.int32)
        assert kernel is not None
        kernel.leiden(float(resolution), one % 2**64, _PASSES, labels)
        return labels, modularity(inner, labels, resolution=resolution), cut_numbers(inner, labels)

    found = map_blocks(run_of, range(seed, seed + seeds)) if len(joined) else []
    runs = [one[0] for one in found]
    modular = [one[1] for one in found]
    cuts = [one[2] for one in found]
    sizes = [np.bincount(run) for run in runs]
    best = int(np.argmax(modular)) if runs else 0
    labels = np.full(graph.shape[0], -1, dtype=np.int32)
    if runs:
        labels[joined] = _largest_first(runs[best])
    return Communities(
        labels,
        np.bincount(labels[labels >= 0]),
        int(graph.shape[0] - len(joined)),
        Spread.of([len(one) for one in sizes], best),
        Spread.of([int(one.max()) for one in sizes], best),
        Spread.of([float(np.median(one)) for one in sizes], best),
        Spread.of(modular, best),
        Spread.of([one["between_edges"] for one in cuts], best),
        Spread.of([one["between_weight"] for one in cuts], best),
        Spread.of([one["conductance"] for one in cuts], best),
        Spread.of([one["cut_ratio"] for one in cuts], best),
        _agreement(runs, best),
        tuple(range(seed, seed + seeds)),
    )


def _largest_first(labels: Labels) -> Labels:
    sizes = np.bincount(labels)
    place = np.empty(len(sizes), dtype=np.int32)
    place[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.asarray(place[labels], dtype=np.int32)


def _agreement(runs: list[Labels], best: int) -> float:
    from isogloss.evaluate.contingency import Contingency

    others = [run for i, run in enumerate(runs) if i != best]
    if not others:
        return 1.0
    found = []
    for other in others:
        table = Contingency.of(runs[best], other)
        found.append(float(table.ari(table.cells[None, :])[0]))
    return float(np.mean(found))


def cut_numbers(graph: Any, labels: Labels) -> dict[str, float]:
    """Measure what lies between communities.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights without a diagonal.
    labels : int (n,)
        Communities 0, 1, ...

    Returns
    -------
    dict of str to float
        ``between_edges``: edges that join two communities; ``between_weight``: their share of the
        weight; ``conductance``: weight that leaves a community, over the smaller of the weight at
        its nodes and at all others; ``cut_ratio``: edges that leave it over all pairs that could.
        Both are means over nodes of what their community has (in a median over communities, many
        small ones would hide the large); a community that has everything is left out.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> path = sp.csr_matrix(np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]))
    >>> found = cut_numbers(path, np.array([0, 0, 1, 1], dtype=np.int32))
    >>> found["between_edges"], round(found["conductance"], 4), found["cut_ratio"]
    (1.0, 0.3333, 0.25)
    """
    n = len(labels)
    owner = np.repeat(labels, np.diff(graph.indptr))
    leaves = owner != labels[graph.indices]
    count = int(labels.max(initial=-1)) + 1
    weight = np.bincount(owner, weights=graph.data, minlength=count)
    cut = np.bincount(owner[leaves], weights=graph.data[leaves], minlength=count)
    edges = np.bincount(owner[leaves], minlength=count)
    sizes = np.bincount(labels, minlength=count)
    total = float(weight.sum())
    smaller = np.minimum(weight, total - weight)
    pairs = sizes * (n - sizes)
    partial = (smaller > 0) & (pairs > 0)
    return {
        "between_edges": float(leaves.sum()) / 2,
        "between_weight": float(cut.sum()) / total if total else float("nan"),
        "conductance": _mean(cut[partial] / smaller[partial], sizes[partial]),
        "cut_ratio": _mean(edges[partial] / pairs[partial], sizes[partial]),
    }


def _mean(values: NDArray[np.float64], weights: NDArray[np.int64]) -> float:
    return float(np.average(values, weights=weights)) if len(values) else float("nan")
