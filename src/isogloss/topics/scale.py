"""At which scale to cut the graph: the resolution that its own communities suggest."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.communities import inside_share, leiden

# From fine to coarse, by a factor of the square root of 2.
RESOLUTIONS = tuple(16.0 * 2.0 ** (-step / 2) for step in range(14))
# Leaves keep at least this share of the edge weight inside.
INSIDE = 0.78


class Communities(NamedTuple):
    """A partition and the resolution at which it was found."""

    labels: NDArray[np.int32]
    resolution: float


def choose_communities(graph: Any, *, resolution: float | None, seed: int) -> Communities:
    """Find the communities at a given resolution, or at the finest that keeps them whole.

    Parameters
    ----------
    graph : CSR (n, n)
        Symmetric weights.
    resolution : float or None
        None to choose.
    seed : int
        For the order of visits.
    """
    if resolution is not None:
        return Communities(leiden(graph, resolution=resolution, seed=seed), float(resolution))
    labels = np.zeros(graph.shape[0], dtype=np.int32)
    chosen = RESOLUTIONS[-1]
    for chosen in RESOLUTIONS:  # noqa: B007
        labels = leiden(graph, resolution=chosen, seed=seed)
        if inside_share(graph, labels) >= INSIDE:
            break
    return Communities(labels, chosen)
