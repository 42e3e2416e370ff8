"""One measured number with its interval."""

import math
from dataclasses import dataclass

__all__ = ["Score"]


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value with a 95% interval.

    Parameters
    ----------
    name : str
        Name of the metric: ``"nmi"``, ``"npmi"``, ...
    value : float
        The metric on the data.
    low, high : float
        Ends of the 95% bootstrap interval.
    n : int
        How many units the value rests on.
    unit : str
        What the units are: ``"documents"``, ``"topics"``.
    higher_is_better : bool or None
        None where neither is.
    notes : str
        Convention, and what was left out.

    Examples
    --------
    >>> Score("nmi", 0.5, 0.4, 0.6, 100, "documents").to_json()
    {'value': 0.5, 'low': 0.4, 'high': 0.6}
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    higher_is_better: bool | None = True
    notes: str = ""

    def to_json(self) -> dict[str, float | None]:
        """Give value, low and high rounded to six places; None where undefined.

        Examples
        --------
        >>> Score("c_v", float("nan"), 0.0, 1.0, 0, "topics").to_json()["value"] is None
        True
        """
        return {name: _finite(getattr(self, name)) for name in ("value", "low", "high")}

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def _finite(number: float) -> float | None:
    return round(number, 6) if math.isfinite(number) else None
