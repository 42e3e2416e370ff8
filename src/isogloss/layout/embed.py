"""A 2-d layout of rows by attraction along a graph of neighbours and repulsion by a field.

The objective is that of t-SNE (van der Maaten & Hinton, JMLR 2008), with the field of Pezzotti et
al. (IEEE TVCG 2020) and the transform of Linderman et al. (Nature Methods 2019) for the repulsion.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss.layout.repulsion import Repulsion
from isogloss.layout.workers import Workers

Places = NDArray[np.float32]

# Steps, the factor on attraction, momentum: first the coarse order, then the fine one.
PHASES = ((120, 12.0, 0.5), (280, 1.0, 0.8))
BLOCK = 1024
# No place moves further than this in a step.
MOST_MOVED = 5.0


def embed(
    graph: Any,
    start: Places,
    workers: Workers,
    *,
    phases: tuple[tuple[int, float, float], ...] = PHASES,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Places:
    """Move places until attraction and repulsion are even.

    Parameters
    ----------
    graph : float32 CSR (n, n)
        Symmetric weights; rows sum to about 1.
    start : float32 (n, 2)
        Where places begin.
    workers : Workers
    phases : tuple of (steps, factor on attraction, momentum)
    on_step : callable
        Takes steps done and steps in all.

    Returns
    -------
    float32 (n, 2)

    Notes
    -----
    Every step takes all places at once, so the order of the work does not matter. Time
    O(steps (edges + n + g log g)), g the nodes of the grid.
    """
    indptr, indices = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    weight = np.ascontiguousarray(graph.data, dtype=np.float32)
    n = len(start)
    places = np.ascontiguousarray(start, dtype=np.float32)
    pull, speed = np.zeros_like(places), np.zeros_like(places)
    gain = np.ones_like(places)
    repulsion = Repulsion()
    total = sum(steps for steps, _, _ in phases)
    done = 0
    for steps, factor, momentum in phases:
        for _ in range(steps):

            def attract(first: int, last: int) -> None:
                _native.map_attract(indptr, indices, weight, places, first, last, pull)  # noqa: B023

            workers.each(attract, n, block=BLOCK)
            field = repulsion.field(places).at(places, workers)
            mass = float(field[:, 0].sum(dtype=np.float64)) - n
            # Few places, or parts without ties, would fly apart without end: hence the floor.
            push = field[:, 1:] * np.float32(n / max(mass, float(n)))
            force = pull * np.float32(factor) + push
            # Where a place goes on in the same direction it goes faster (Jacobs 1988).
            onward = (force > 0) == (speed > 0)
            gain = np.where(onward, gain + np.float32(0.2), gain * np.float32(0.8))
            np.maximum(gain, np.float32(0.01), out=gain)
            speed = np.float32(momentum) * speed + gain * force * np.float32(4.0 / factor)
            moved = np.sqrt((speed**2).sum(axis=1, keepdims=True))
            speed *= np.minimum(np.float32(1.0), np.float32(MOST_MOVED) / np.maximum(moved, 1e-9))
            places = places + speed
            done += 1
            if done % 20 == 0:
                on_step(done, total)
    centre = places.mean(axis=0, dtype=np.float64)
    return np.asarray(places - centre, dtype=np.float32)
