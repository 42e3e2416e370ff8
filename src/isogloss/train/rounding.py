"""Tables in few bits: how rows are rounded, and how they go on learning behind their rounding."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def round_rows(
    rows: NDArray[np.float32], bits: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round rows to 4 or 8 bits, each with a scale of its own.

    At 4 bits the scale of a row is the one of a few that leaves the least error: the largest
    numbers may be cut off for the sake of the others.

    Parameters
    ----------
    rows : float32 (f, t)
    bits : {4, 8}

    Returns
    -------
    int8 (f, t), float32 (f,)
        Row i is about ``codes[i] * scale[i]``.

    Examples
    --------
    >>> codes, scale = round_rows(np.array([[7.0, -3.2, 0.0]], np.float32), 4)
    >>> codes.tolist(), scale.tolist()
    ([[7, -3, 0]], [1.0])
    """
    top = 2 ** (bits - 1) - 1
    largest = np.abs(rows).max(axis=1, initial=0.0)
    whole = np.where(largest > 0, largest / top, 1.0).astype(np.float32)
    codes, scale = np.zeros(rows.shape, np.int8), whole.copy()
    least = np.full(len(rows), np.inf)
    for share in (1.0,) if bits == 8 else (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        step = whole * np.float32(share)
        tried = np.clip(np.rint(rows / step[:, None]), -top, top)
        error = ((tried * step[:, None] - rows) ** 2).sum(axis=1)
        better = error < least
        codes[better], scale[better], least[better] = tried[better], step[better], error[better]
    return codes, scale


class RoundedTable:
    """A table that is computed with in few bits, while fine numbers learn behind it.

    Parameters
    ----------
    table : torch.nn.Parameter (f, t)
    bits : {4, 8}

    Paper
    -----
    Y. Bengio, N. Leonard, A. Courville, Estimating or propagating gradients through stochastic
    neurons, 2013 (the straight-through estimator); B. Jacob et al., Quantization and training of
    neural networks, 2018. Scales stay as they were at the beginning.

    Examples
    --------
    >>> table = torch.nn.Parameter(torch.tensor([[7.0, 2.9], [7.0, 1.0]]))
    >>> rounded = RoundedTable(table, 4)
    >>> table.tolist()
    [[7.0, 3.0], [7.0, 1.0]]
    >>> rounded.learn()
    >>> _ = table.data[0, 1].sub_(0.5)
    >>> rounded.show(torch.tensor([0]))
    >>> table.tolist(), rounded.codes().tolist()
    ([[7.0, 2.0], [7.0, 1.0]], [[7, 2], [7, 1]])
    """

    def __init__(self, table: Any, bits: int) -> None:
        self.table = table
        self.top = 2 ** (bits - 1) - 1
        self.fine = table.detach().clone()
        codes, self.scale = round_rows(self.fine.numpy(), bits)
        self._steps = torch.from_numpy(self.scale)[:, None]
        self.coarse = torch.from_numpy(codes).float().mul_(self._steps)
        table.data = self.coarse

    def learn(self) -> None:
        """Put the fine numbers into the table, for an optimiser to move."""
        self.table.data = self.fine

    def show(self, rows: Any) -> None:
        """Round these rows again and compute with the rounded table."""
        steps = self._steps[rows]
        moved = (self.fine[rows] / steps).round_().clamp_(-self.top, self.top)
        self.coarse[rows] = moved.mul_(steps)
        self.table.data = self.coarse

    def codes(self) -> NDArray[np.int8]:
        """Give the whole numbers that the table holds, int8 (f, t)."""
        return np.asarray((self.coarse / self._steps).round_(), dtype=np.int8)
