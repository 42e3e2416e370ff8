"""Communities on which many runs agree."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import map_blocks
from isogloss.topics.communities import native_graph

# Runs over all passages, over what these never part, and over what all of them agree on.
RUNS, MORE, AGAIN = 16, 60, 40
# Passes of a run: a second one begins where the first ended, and parts less by accident.
PASSES = 2
# Edges stay whose ends are together in this share of the runs.
SOME = 0.3


def agreed_communities(graph: Any, *, resolution: float, seed: int) -> NDArray[np.int32]:
    """Find communities on which many runs agree.

    The Leiden method runs 16 times in other orders. What none of these parts becomes one node, and
    60 further runs over such nodes, each a small part of the work, vote with them: edges are
    weighed by the share of runs in which their ends are together, and those below 30% are cut. 40
    runs vote on what remains, again over nodes that were never parted; edges with the majority of
    these are split once more. Single runs differ much more than the outcome of many.

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
    Reports 2, 2012; two rounds, over the graph's own edges. Nodes that no run parts are those of
    M. Ovelgoenne, A. Geyer-Schulz, Cluster cores and modularity maximization, ICDM Workshops 2010.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> two = sp.csr_matrix(np.kron(np.eye(2), 1 - np.eye(3)))
    >>> agreed_communities(two, resolution=1.0, seed=0).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    state = np.random.SeedSequence(int(seed) % 2**64).generate_state(RUNS + MORE + AGAIN + 1, "u8")
    seeds = [int(number) for number in state]
    runs = RUNS + MORE
    whole = native_graph(graph)
    cores = np.arange(whole.nodes, dtype=np.int32)
    votes = np.zeros(whole.edges, dtype=np.int32)
    _vote(whole, votes, cores, resolution, seeds[:RUNS])
    whole.together(votes, RUNS, cores)
    _vote(whole, votes, cores, resolution, seeds[RUNS:runs])
    whole.together(votes, runs, cores)
    some = whole.weighed(votes, int(np.ceil(SOME * runs)), runs)
    votes = np.zeros(some.edges, dtype=np.int32)
    _vote(some, votes, cores, resolution, seeds[runs:-1])
    most = some.agreed(votes, (AGAIN + 1) // 2).contracted(cores)
    return _run(most, resolution, seeds[-1])[cores]


def _vote(
    graph: Any,
    votes: NDArray[np.int32],
    cores: NDArray[np.int32],
    resolution: float,
    seeds: list[int],
) -> None:
    """Add to each edge the runs in which its ends are together; no run parts a core."""
    small = graph.contracted(cores)
    for labels in map_blocks(lambda seed: _run(small, resolution, seed), seeds):
        graph.vote(labels[cores], votes)


def _run(graph: Any, resolution: float, seed: int) -> NDArray[np.int32]:
    labels = np.arange(graph.nodes, dtype=np.int32)
    graph.leiden(resolution, seed, PASSES, labels)
    return labels
