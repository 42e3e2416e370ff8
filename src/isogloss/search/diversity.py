"""Maximal marginal relevance: hits that are good and not all the same.

J. Carbonell, J. Goldstein: The Use of MMR, Diversity-Based Reranking for Reordering Documents and
Producing Summaries. SIGIR 1998.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.search.fusion import scaled

__all__ = ["Mmr"]


class Mmr:
    """Choose one hit after the other: relevant, and unlike those chosen before.

    Each takes the candidate with the largest ``balance * relevance - (1 - balance) * likeness``:
    relevance is the score scaled to 0..1 over the candidates, likeness the largest cosine with
    a hit chosen before.

    Parameters
    ----------
    balance : float, default 0.7
        The paper's lambda, 0 to 1. 1 keeps the order; smaller values spread the hits.

    Raises
    ------
    ParameterError
        For a balance outside 0 to 1.

    Examples
    --------
    The second is a copy of the first and comes last:

    >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    >>> Mmr(0.5).order([0.9, 0.8, 0.5], vectors, k=3)
    [0, 2, 1]
    """

    def __init__(self, balance: float = 0.7) -> None:
        good = isinstance(balance, int | float) and not isinstance(balance, bool)
        if not good or not 0 <= balance <= 1:
            raise ParameterError(f"the balance of mmr is {balance!r}: give 0 to 1")
        self.balance = float(balance)

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"MMR (lambda {self.balance:g})"

    def order(
        self, scores: Sequence[float], vectors: NDArray[np.floating[Any]], *, k: int
    ) -> list[int]:
        """Give the places of the chosen candidates.

        Parameters
        ----------
        scores : sequence of float, length n
            Of the step before, best first.
        vectors : float (n, d)
            Unit rows.
        k : int
            How many to choose; all when there are fewer.

        Returns
        -------
        list of int
            In the order of choice; of equal ones the earlier candidate first.

        Raises
        ------
        ParameterError
            When scores and vectors differ in number.
        """
        rows = np.asarray(vectors, dtype=np.float64)
        relevance = scaled(scores, "min-max")
        if len(rows) != len(relevance):
            raise ParameterError(f"{len(relevance)} scores do not fit {len(rows)} vectors")
        likeness = np.zeros(len(rows))
        left = np.ones(len(rows), dtype=bool)
        chosen: list[int] = []
        for _ in range(min(k, len(rows))):
            value = self.balance * relevance - (1 - self.balance) * likeness
            best = int(np.argmax(np.where(left, value, -np.inf)))
            chosen.append(best)
            left[best] = False
            cosines = np.einsum("ij,j->i", rows, rows[best])
            likeness = cosines if len(chosen) == 1 else np.maximum(likeness, cosines)
        return chosen
