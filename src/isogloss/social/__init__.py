"""Who talks to whom: graphs, inequality, rhythm and topics of a discussion."""

from typing import TYPE_CHECKING

from isogloss._core.lazy import lazy

# Public name -> module that defines it.
_HOMES = {
    "DiscussionReport": "record",
    "discussion_report": "report",
}

__all__ = ["DiscussionReport", "discussion_report"]

if TYPE_CHECKING:
    from isogloss.social.record import DiscussionReport
    from isogloss.social.report import discussion_report

__getattr__, __dir__ = lazy(__name__, _HOMES)
