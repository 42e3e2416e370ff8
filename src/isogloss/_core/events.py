"""Progress as events: the library reports, the shell around it draws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Event:
    """One step of one stage.

    Parameters
    ----------
    stage : str
        Which stage speaks: ``"read"``, ``"fit encoder"``, ``"encode"``, ...
    done : int
        Units finished so far.
    total : int or None
        Units in all, None while nobody knows.
    unit : str
        What is counted, in the plural.
    message : str
        A sentence for people; empty for a plain step.
    level : {"progress", "info", "warning"}
        Warnings are shown even where progress is not.

    Examples
    --------
    >>> Event("encode", 10, 100, "passages").done
    10
    """

    stage: str
    done: int = 0
    total: int | None = None
    unit: str = ""
    message: str = ""
    level: Literal["progress", "info", "warning"] = "progress"


OnEvent: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take an event and do nothing: the default of every function that reports.

    Examples
    --------
    >>> ignore(Event("read"))
    """
