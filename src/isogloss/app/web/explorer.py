"""What all requests share: the atlas as it is now, threads, and edits one after the other."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isogloss._core.errors import AtlasError, ParameterError
from isogloss.app.web.asgi import Refusal
from isogloss.app.web.attributes import Attributes
from isogloss.app.web.edits import Edits
from isogloss.app.web.metrics import Metrics
from isogloss.app.web.pool import WorkPool
from isogloss.app.web.selection import ByHeight, Selections
from isogloss.app.web.view import View
from isogloss.store.manifest import NAME

# Searches that run at once: see docs/decisions/0029-explorer-server.md for how it was chosen.
SEARCH_THREADS = 2
SEARCHES_WAITING = 256
READ_THREADS = 4
READS_WAITING = 256


class Opened:
    """One version of the atlas, with what was worked out about it.

    Parameters
    ----------
    view : View
    before : Opened, optional
        A version; what depends on passages alone is shared where they are the same.
    """

    def __init__(self, view: View, before: "Opened | None" = None) -> None:
        self.view = view
        if before is not None and before.view.points is view.points:
            self.attributes: Attributes = before.attributes
            heights: ByHeight = before.selections.heights
        else:
            self.attributes = Attributes(view.points)
            heights = ByHeight(view.points.coordinates)
        self.selections: Selections = Selections(view, heights)

    @classmethod
    def newest(cls, path: Path, before: "Opened | None" = None) -> "Opened":
        """Open the newest version of an atlas."""
        return cls(View.open(path, before.view if before else None), before)


class Explorer:
    """An atlas that is asked by many and may be changed meanwhile, here or by another process.

    Parameters
    ----------
    path : path
        Folder of the atlas.
    editable : bool
        Whether topics may be edited here; they never may where the folder cannot be written to.
    search_threads : int, optional
        Searches that run at once; None takes ``ISOGLOSS_SEARCH_THREADS``, or else 2.

    Raises
    ------
    AtlasError
        When there is no finished atlas.
    """

    def __init__(
        self, path: str | Path, *, editable: bool = True, search_threads: int | None = None
    ) -> None:
        self.path = Path(path)
        self.writable = may_be_written(self.path)
        self.editable = editable and self.writable
        self.metrics = Metrics()
        threads = search_threads if search_threads is not None else _threads()
        self.searches = WorkPool("search", threads=threads, waiting=SEARCHES_WAITING)
        self.reads = WorkPool("read", threads=READ_THREADS, waiting=READS_WAITING)
        self.edits = Edits(self)
        self._mark = self._look()
        self._opened = Opened.newest(self.path)
        self._opening: asyncio.Lock | None = None

    @property
    def current(self) -> View:
        """The version opened last, whether or not the folder has moved on."""
        return self._opened.view

    async def view(self) -> View:
        """Give the atlas as it is now; see `opened`."""
        return (await self.opened()).view

    async def opened(self) -> Opened:
        """Give the atlas as it is now; open it again when its manifest was replaced.

        Raises
        ------
        Refusal
            When it is gone or damaged by now: 503, kind ``"atlas"``.
        """
        if self._look() == self._mark:
            return self._opened
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            mark = self._look()
            if mark != self._mark:
                try:
                    opened = await asyncio.to_thread(Opened.newest, self.path, self._opened)
                except AtlasError as error:
                    raise Refusal(503, "atlas", str(error)) from error
                # A mark from before opening: what came after it is seen next time.
                self._opened, self._mark = opened, mark
        return self._opened

    async def search(self, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do work that searches."""
        return await self.searches.run(work, *args, **options)

    async def read(self, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Do work that reads passages or columns."""
        return await self.reads.run(work, *args, **options)

    def need_editable(self) -> None:
        """Refuse where topics may not be edited.

        Raises
        ------
        Refusal
            403, kind ``"read_only"``.
        """
        if not self.editable:
            why = "it was started read-only"
            if not self.writable:
                why = "it may not write to the folder of the atlas"
            raise Refusal(403, "read_only", f"this server does not edit: {why}")

    def close(self) -> None:
        """Wait for what runs."""
        for pool in (self.searches, self.reads):
            pool.close()

    def _look(self) -> tuple[int, int, int] | None:
        # Every commit replaces the file, so its number or time changes.
        try:
            found = os.stat(self.path / NAME)  # noqa: PTH116 - a request each: no Path twice
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def may_be_written(folder: Path) -> bool:
    """Tell whether this process may make files in a folder.

    Examples
    --------
    >>> may_be_written(Path("/nowhere"))
    False
    """
    own = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=own)


def _threads() -> int:
    given = os.environ.get("ISOGLOSS_SEARCH_THREADS", "")
    if not given:
        return SEARCH_THREADS
    if not given.isdecimal() or not 1 <= int(given) <= 64:
        raise ParameterError(f"ISOGLOSS_SEARCH_THREADS is {given!r}; it must be 1 to 64")
    return int(given)
