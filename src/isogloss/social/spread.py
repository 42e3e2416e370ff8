"""A number and how it varies over runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """One number over several runs.

    Parameters
    ----------
    value : float
        Of the chosen run.
    mean, sd, low, high : float
        Mean, standard deviation (0 for one run), smallest and largest of all runs.

    Examples
    --------
    >>> Spread.of([1.0, 3.0], 1)
    Spread(value=3.0, mean=2.0, sd=1.0, low=1.0, high=3.0)
    """

    value: float
    mean: float
    sd: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float], chosen: int) -> "Spread":
        """Describe the values of several runs, of which one was chosen; NaN when there is none."""
        if not len(values):
            return cls(*[float("nan")] * 5)
        runs = np.asarray(values, dtype=np.float64)
        return cls(
            float(runs[chosen]),
            float(runs.mean()),
            float(runs.std()),
            float(runs.min()),
            float(runs.max()),
        )

    def to_json(self) -> dict[str, float]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}
