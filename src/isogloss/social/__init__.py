"""Who talks to whom: graphs, inequality, rhythm and topics of a discussion."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Public name -> module that defines it, imported on first use.
_HOMES = {
    "DiscussionReport": "isogloss.social.record",
    "discussion_report": "isogloss.social.report",
}

__all__ = ["DiscussionReport", "discussion_report"]

if TYPE_CHECKING:
    from isogloss.social.record import DiscussionReport
    from isogloss.social.report import discussion_report


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'isogloss.social' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
