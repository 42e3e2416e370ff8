"""What a build says when it is done."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from isogloss._core.plural import plural

# Rejected rows that the report lists; the rest is counted, and all stand in rejects.jsonl.
LISTED_REJECTS = 1000


def peak_rss_mb() -> float:
    """Peak resident memory of this process so far, in megabytes.

    Examples
    --------
    >>> peak_rss_mb() > 1
    True
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


class Stopwatch:
    """Wall-clock seconds by stage.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch("read"):
    ...     pass
    >>> list(watch.seconds)
    ['read']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time one stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + spent, 3)


@dataclass(slots=True)
class BuildReport:
    """The result of a build.

    Parameters
    ----------
    atlas : str
        Folder of the atlas.
    documents, passages, topics, unassigned : int
        What the atlas holds now; `topics` counts leaves.
    added : int
        Documents that this build added.
    status : {"built", "added", "refitted", "unchanged"}
        What this build did.
    refitted : bool
        Whether it found the topics of a finished atlas anew, by other settings.
    skipped : list of dict
        Rows that did not become documents, ``{"file", "row", "reason"}``, the first 1,000; rows
        count from 0.
    skipped_total, repaired_total : int
        All of them; texts or values that were repaired.
    seconds : dict
        Wall-clock seconds by stage.
    peak_rss_mb : float
        Peak resident memory.

    Examples
    --------
    >>> BuildReport("a.atlas", documents=3, passages=3, topics=1).to_json()["documents"]
    3
    """

    atlas: str
    documents: int = 0
    passages: int = 0
    topics: int = 0
    unassigned: int = 0
    added: int = 0
    status: str = "built"
    refitted: bool = False
    skipped: list[dict[str, Any]] = field(default_factory=list)
    skipped_total: int = 0
    repaired_total: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_mb: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Give the report as the command line prints it with ``--json``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def summary(self) -> str:
        """Say it for people."""
        what = {
            "built": f"built {self.atlas}",
            "added": f"added {plural(self.added, 'document')} to {self.atlas}"
            + (" and found its topics anew" if self.refitted else ""),
            "refitted": f"found the topics of {self.atlas} anew",
            "unchanged": f"{self.atlas} is up to date: nothing to do",
        }[self.status]
        lines = [
            f"{what}: {plural(self.documents, 'document')}, {plural(self.topics, 'topic')}, "
            f"{plural(self.unassigned, 'passage')} in no topic"
        ]
        if self.skipped_total:
            rows = plural(self.skipped_total, "row")
            lines.append(f"{rows} skipped, counted from 0 (see {self.atlas}/rejects.jsonl):")
            lines += [
                f"  {item['file']} row {item['row']}: {item['reason']}" for item in self.skipped[:5]
            ]
            if self.skipped_total > 5:
                lines.append(f"  ... and {self.skipped_total - 5:,} more")
        if self.repaired_total:
            values = plural(self.repaired_total, "value")
            lines.append(f"{values} repaired (isogloss info {self.atlas} says how)")
        total = sum(self.seconds.values())
        if total:
            lines.append(f"{total:.1f} s, {self.peak_rss_mb:,.0f} MB at most")
        return "\n".join(lines)


@dataclass(slots=True)
class ChangeReport:
    """The result of adding, deleting or updating documents.

    Parameters
    ----------
    atlas : str
        Folder of the atlas.
    documents, passages, topics, unassigned : int
        What the atlas holds now; `topics` counts leaves.
    status : {"added", "deleted", "updated", "unchanged"}
        What happened.
    dry_run : bool
        True where nothing was to be changed: the counts say what would be.
    added, deleted, updated : int
        Documents that came, went, or were replaced.
    unchanged : int
        Documents of the source that the atlas holds as they are.
    missing : list
        Ids to delete that the atlas does not hold.
    skipped : list of dict
        Rows that did not become documents, the first 1,000.
    skipped_total, repaired_total : int
        All of them; texts or values that were repaired.
    compacted : bool
        Whether upkeep copied the table of passages.
    upkeep_failed : list of str
        Steps of upkeep that did not work; the atlas is whole, and the next change tries again.
    seconds : dict
        Wall-clock seconds by stage.
    peak_rss_mb : float
        Peak resident memory.

    Examples
    --------
    >>> ChangeReport("a.atlas", documents=3, deleted=1, status="deleted").summary()
    'deleted 1 document from a.atlas: 3 documents are left'
    """

    atlas: str
    documents: int = 0
    passages: int = 0
    topics: int = 0
    unassigned: int = 0
    status: str = "unchanged"
    dry_run: bool = False
    added: int = 0
    deleted: int = 0
    updated: int = 0
    unchanged: int = 0
    missing: list[Any] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    skipped_total: int = 0
    repaired_total: int = 0
    compacted: bool = False
    upkeep_failed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_rss_mb: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Give the report as the command line prints it with ``--json``."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def summary(self) -> str:
        """Say it for people."""
        would = self.dry_run
        parts = [
            f"{'would ' if would else ''}{verb if would else verb + 'd'} {plural(n, 'document')}"
            for verb, n in (("update", self.updated), ("delete", self.deleted))
            if n
        ]
        if self.added:
            parts.append(f"{'would add' if would else 'added'} {plural(self.added, 'document')}")
        if parts:
            count = plural(self.documents, "document")
            left = "are left" if self.deleted else "are there now"
            told = f"it holds {count}" if would else f"{count} {left}"
            where = "from" if self.deleted else "in"
            lines = [f"{', '.join(parts)} {where} {self.atlas}: {told}"]
        else:
            lines = [
                f"{self.atlas} is as it was: nothing to {'do' if not self.missing else 'find'}"
            ]
        if self.unchanged:
            lines.append(f"{plural(self.unchanged, 'document')} of the source are there already")
        if self.missing:
            shown = ", ".join(repr(value) for value in self.missing[:3])
            more = ", ..." if len(self.missing) > 3 else ""
            lines.append(f"{plural(len(self.missing), 'id')} not in the atlas: {shown}{more}")
        if self.skipped_total:
            lines.append(f"{plural(self.skipped_total, 'row')} skipped, counted from 0, first: "
                         f"row {self.skipped[0]['row']}: {self.skipped[0]['reason']}")  # fmt: skip
        return "\n".join(lines)
