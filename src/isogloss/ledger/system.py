"""What an entry of the ledger is: a claim, the paper's figures, and a way to measure ours."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore

__all__ = ["VERDICTS", "Context", "Figure", "Outcome", "PaperFigure", "System"]

VERDICTS = ("holds", "holds in part", "does not hold")


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """One number as the paper gives it.

    Parameters
    ----------
    value : float or str
        The number; a string for a range.
    unit : str
        What it counts.
    where : str
        On which data, and whether the number was checked at its source.

    Examples
    --------
    >>> PaperFigure(0.939, "AUC", "FineWeb-Edu").to_json()
    {'value': 0.939, 'unit': 'AUC', 'where': 'FineWeb-Edu'}
    """

    value: float | str
    unit: str
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give it as the result file holds it."""
        return {"value": self.value, "unit": self.unit, "where": self.where}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that was measured, with its interval.

    Parameters
    ----------
    value, low, high : float
        The number and the ends of its interval.
    unit : str
        What it counts.
    n : int
        On how many units it rests (texts, queries, rounds).
    interval : {"bootstrap", "range"}
        A 95% bootstrap interval over the n units, or the smallest and largest of n runs.
    seeds : tuple of int
        Seeds of the runs it is taken over.
    timed : bool
        Whether it is a time or a ratio of times, which no second run gives again.

    Examples
    --------
    >>> Figure(0.5, 0.4, 0.6, "accuracy", 100).to_json()["interval"]
    'bootstrap'
    """

    value: float
    low: float
    high: float
    unit: str
    n: int
    interval: Literal["bootstrap", "range"] = "bootstrap"
    seeds: tuple[int, ...] = (0,)
    timed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Give it as the result file holds it, rounded to six places; None where undefined."""
        return {
            "value": _rounded(self.value),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "unit": self.unit,
            "n": self.n,
            "interval": self.interval,
            "seeds": list(self.seeds),
            "timed": self.timed,
        }


def _rounded(number: float) -> float | None:
    return round(float(number), 6) if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a system came to.

    Parameters
    ----------
    measured : dict of str to Figure
        Our figures by name; dots part a family from its members (``"probe.banking77.ours"``).
    verdict : {"holds", "holds in part", "does not hold"}
        What the entry's rule makes of them.
    reasons : tuple of str
        One sentence for each part of the rule, with the figures that decided it.
    limits : tuple of str
        What the figures do not show.
    encoders : dict of str to str
        Spec and fingerprint of every encoder that was measured.

    Raises
    ------
    ParameterError
        For any other verdict, or without a figure.

    Examples
    --------
    >>> Outcome({"x": Figure(1, 1, 1, "", 1)}, "holds").holds
    True
    """

    measured: dict[str, Figure]
    verdict: str
    reasons: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    encoders: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ParameterError(f"verdict {self.verdict!r}: give one of {', '.join(VERDICTS)}")
        if not self.measured:
            raise ParameterError("an outcome needs at least one measured figure")

    @property
    def holds(self) -> bool:
        """True when the whole claim holds, not a part of it."""
        return self.verdict == "holds"


@dataclass(frozen=True, slots=True)
class Context:
    """What a run is given.

    Parameters
    ----------
    data : Path
        Folder of the data sets.
    cache : Path
        Folder for what is dear to compute and can be computed again.
    seeds : tuple of int
        Seeds to use.
    limit : int or None
        Most texts of a set, for a trial; None for the sizes of the entry.
    on_event : callable
        Takes progress.

    Examples
    --------
    >>> Context(Path("data"), Path("cache")).most(4000)
    4000
    >>> Context(Path("data"), Path("cache"), limit=100).most(4000)
    100
    """

    data: Path
    cache: Path
    seeds: tuple[int, ...] = (0,)
    limit: int | None = None
    on_event: OnEvent = ignore

    def most(self, size: int) -> int:
        """Give a size of the entry, or the limit when that is smaller."""
        return size if self.limit is None else min(size, self.limit)

    def path(self, *parts: str) -> Path:
        """Give the path of a file of a data set."""
        return self.data.joinpath(*parts)

    def say(self, stage: str, done: int = 0, total: int | None = None, unit: str = "") -> None:
        """Report progress."""
        self.on_event(Event(stage, done, total, unit))


@dataclass(frozen=True, slots=True)
class System:
    """An entry of the ledger that can be run.

    Parameters
    ----------
    id : str
        As in `isogloss.ledger.catalogue`, which has the title and the sheet.
    claim : str
        The claim in one sentence.
    paper : dict of str to PaperFigure
        The paper's own figures.
    rule : str
        How the verdict follows from the figures, in words; `run` holds it in code.
    data : tuple of str
        Folders of data sets that it reads.
    budget_seconds : int
        Seconds on two cores that it should stay under.
    run : callable
        Measures: `Context` to `Outcome`.
    seeds : tuple of int
        Seeds it is run with.
    encoders : tuple of str
        Specs of the encoders of ours that it measures: another fingerprint makes an old result
        stale.
    version : int
        Raised when the measurement changes, which makes old results stale.

    Examples
    --------
    >>> System("bat", "It works.", {}, "", (), 1, run=lambda context: None).version
    1
    """

    id: str
    claim: str
    paper: dict[str, PaperFigure]
    rule: str
    data: tuple[str, ...]
    budget_seconds: int
    run: Callable[[Context], Outcome]
    seeds: tuple[int, ...] = (0,)
    encoders: tuple[str, ...] = ()
    version: int = 1
