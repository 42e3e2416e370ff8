"""Communities of a weighted graph, and how much of its weight they keep inside."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.errors import ParameterError


def leiden(
    graph: Any,
    *,
    resolution: float = 1.0,
    seed: int = 0,
    passes: int = 2,
    start: NDArray[np.int32] | None = None,
    strengths: NDArray[np.float64] | None = None,
) -> NDArray[np.int32]:
    """Split the nodes of a graph into communities with more inner weight than chance gives.

    Maximises the modularity with a resolution by the Leiden method: nodes move to the community
    that gains most, communities are refined into well connected parts, parts become nodes, until
    nothing gains. The seed sets the order in which nodes are visited.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights, 0 or more; loops are ignored except through `strengths`.
    resolution : float, default 1
        Above 0; a larger one gives smaller communities.
    seed : int, default 0
        Same seed, same communities.
    passes : int, default 2
        How often the whole method runs over its own result; -1 means until nothing changes.
    start : int32 (n,), optional
        The partition to start from, values in 0..n-1; alone by default.
    strengths : float64 (n,), optional
        Sum of the weights at each node; row sums by default.

    Returns
    -------
    int32 (n,)
        Communities 0, 1, ... in order of their first node.

    Raises
    ------
    ParameterError
        When the graph is not square, or the resolution not above 0.

    Paper
    -----
    V. Traag, L. Waltman, N. J. van Eck, From Louvain to Leiden: guaranteeing well-connected
    communities, Scientific Reports 9, 2019. Refinement here takes the best merge instead of a
    random good one.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> two = sp.csr_matrix(np.kron(np.eye(2), 1 - np.eye(3)))
    >>> leiden(two).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    n = graph.shape[0]
    if graph.shape[1] != n:
        raise ParameterError(f"the graph has shape {graph.shape}; it must be square")
    if not resolution > 0.0:
        raise ParameterError(f"resolution is {resolution}; it must be above 0")
    labels = np.arange(n, dtype=np.int32) if start is None else start.astype(np.int32, copy=True)
    native_graph(graph, strengths).leiden(float(resolution), int(seed) % 2**64, passes, labels)
    return labels


def native_graph(graph: Any, strengths: NDArray[np.float64] | None = None) -> Any:
    """Read a CSR graph into the kernel, which holds its weights as float32."""
    mass = row_sums(graph) if strengths is None else strengths
    return _native.CommunityGraph(
        graph.indptr.astype(np.int64, copy=False), graph.indices.astype(np.int32, copy=False),
        graph.data.astype(np.float64, copy=False), mass.astype(np.float64, copy=False),
    )  # fmt: skip


def row_sums(graph: Any) -> NDArray[np.float64]:
    """Give the strength of every node: the sum of its edge weights, float64 (n,)."""
    owner = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    return np.bincount(owner, weights=graph.data, minlength=graph.shape[0]).astype(np.float64)


def inside_share(graph: Any, labels: NDArray[np.int32]) -> float:
    """Give the share of the edge weight that joins nodes of one community; 1 without edges.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> path = sp.csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> inside_share(path, np.array([0, 0, 1], dtype=np.int32))
    0.5
    """
    total = float(graph.data.sum())
    if total <= 0.0:
        return 1.0
    owner = np.repeat(labels, np.diff(graph.indptr))
    return float(graph.data[owner == labels[graph.indices]].sum()) / total


def modularity(graph: Any, labels: NDArray[np.int32], *, resolution: float = 1.0) -> float:
    """Give the share of weight inside communities less the share that chance would put there.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> two = sp.csr_matrix(np.kron(np.eye(2), 1 - np.eye(3)))
    >>> modularity(two, np.array([0, 0, 0, 1, 1, 1], dtype=np.int32))
    0.5
    """
    mass = np.bincount(labels, weights=row_sums(graph)) if len(labels) else np.zeros(1)
    total = float(mass.sum())
    if total <= 0.0:
        return 0.0
    chance = float(((mass / total) ** 2).sum())
    return inside_share(graph, labels) - resolution * chance


def contract(graph: Any, labels: NDArray[np.int32], count: int) -> Any:
    """Make every community a node: weights between and (as loops) within, CSR (count, count)."""
    import scipy.sparse as sp

    n = len(labels)
    members = sp.csr_matrix((np.ones(n), (np.arange(n), labels)), shape=(n, count))
    coarse = (members.T @ graph @ members).tocsr()
    coarse.sort_indices()
    return coarse
