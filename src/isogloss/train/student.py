"""The lexical student as a torch module, and how it becomes an encoder."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isogloss.encoders.lexical import LexicalWeights
from isogloss.train.features import Features
from isogloss.train.rows import sum_rows


class LexicalStudent(nn.Module):  # type: ignore[misc,unused-ignore]
    """A table of feature rows, summed by weight, and a residual network over the sum.

    Parameters
    ----------
    rows : float32 (f, t)
        What the table begins as.
    skip : float32 (t, dim)
        What the linear way around the hidden layer begins as.
    hidden : int
        Width of the hidden layer; its way out begins at zero.
    seed : int
        Of the hidden layer's first weights.
    start : LexicalWeights, optional
        An encoder whose network this one begins with.
    weigh : bool, default False
        Rows are weighed again by how they agree with their sum (`LexicalWeights`); it begins
        without effect. True in any case where `start` does so.

    Examples
    --------
    >>> student = LexicalStudent(np.eye(3, 2, dtype=np.float32), np.eye(2, dtype=np.float32),
    ...     hidden=4, seed=0)
    >>> ids, starts = torch.tensor([0, 1]), torch.tensor([0, 1])
    >>> student(ids, starts, torch.ones(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        skip: NDArray[np.float32],
        *,
        hidden: int,
        seed: int,
        start: LexicalWeights | None = None,
        weigh: bool = False,
    ) -> None:
        super().__init__()
        width, dim = skip.shape
        self.table = nn.EmbeddingBag.from_pretrained(
            torch.from_numpy(np.array(rows)), freeze=False, mode="sum", sparse=True
        )
        self.skip = nn.Parameter(torch.from_numpy(np.array(skip)))
        draw = torch.Generator().manual_seed(seed)
        scale = float(np.sqrt(2.0 / width))
        self.inner = nn.Parameter(torch.randn(width, hidden, generator=draw) * scale)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.outer = nn.Parameter(torch.zeros(hidden, dim))
        if start is not None:
            for name in ("inner", "bias", "outer"):
                setattr(self, name, nn.Parameter(torch.from_numpy(np.array(getattr(start, name)))))
        self.weigh = self.weigh_bias = None
        if start is not None and start.weigh is not None and start.weigh_bias is not None:
            self.weigh = nn.Parameter(torch.from_numpy(np.array(start.weigh)))
            self.weigh_bias = nn.Parameter(torch.tensor(float(start.weigh_bias[0])))
        elif weigh:
            self.weigh = nn.Parameter(torch.zeros(width, width))
            self.weigh_bias = nn.Parameter(torch.zeros(()))

    def forward(self, ids: Any, starts: Any, weights: Any) -> Any:
        """Give vectors (n, dim), not yet of unit length."""
        total = sum_rows(
            self.table.weight, ids, starts, weights, turn=self.weigh, bias=self.weigh_bias
        )
        return total @ self.skip + torch.relu(total @ self.inner + self.bias) @ self.outer

    def weights(
        self, features: Features, codes: NDArray[np.int8], scale: NDArray[np.float32]
    ) -> LexicalWeights:
        """Give what an encoder needs; codes and scale are those of a `RoundedTable`.

        The network goes out as it was trained, in floats; `LexicalEncoder` rounds its dense layers
        to 8 bits when it is made, also for any evaluation.
        """
        numbers = {
            name: np.ascontiguousarray(getattr(self, name).detach().numpy())
            for name in ("skip", "inner", "bias", "outer")
        }
        if self.weigh is not None and self.weigh_bias is not None:
            numbers["weigh"] = np.ascontiguousarray(self.weigh.detach().numpy())
            numbers["weigh_bias"] = self.weigh_bias.detach().numpy().reshape(1)
        return LexicalWeights(
            words=features.words, pairs=features.pairs, buckets=features.buckets,
            idf=features.idf, table=codes, scale=scale, **numbers,
        )  # fmt: skip
