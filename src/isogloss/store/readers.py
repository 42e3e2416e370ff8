"""Which versions of an atlas somebody has open: shared locks on their state folders.

A reader holds a shared lock (flock) on the `tree.json` of the version it opened, for as long as it
lives; the operating system lets go of it even after kill -9. Whoever cleans up takes the exclusive
lock first, so no file goes from under a reader, and what nobody holds can go at once.
"""

import fcntl
import json
import os
import shutil
import time
import weakref
from pathlib import Path

from isogloss._core.errors import AtlasError
from isogloss._core.files import write_json

_LOCKED = "tree.json"
_TABLE = "table.json"
# Where the file system knows no locks, a state may be in use for this long: seconds.
UNKNOWN_FOR = 24 * 3600


class Hold:
    """Keeps a version of an atlas from being cleaned up, until it is closed or collected.

    Parameters
    ----------
    state : Path
        The state folder of the version.

    Raises
    ------
    AtlasError
        When the version is being removed. A folder that is missing raises nothing here: reading
        it will say so.

    Examples
    --------
    >>> import tempfile
    >>> state = Path(tempfile.mkdtemp()) / "state-0001"
    >>> state.mkdir()
    >>> _ = (state / "tree.json").write_text("{}")
    >>> hold = Hold(state)
    >>> remove_unheld(state)
    False
    >>> hold.close()
    >>> remove_unheld(state)
    True
    """

    def __init__(self, state: Path) -> None:
        self._let_go: weakref.finalize[[int], Hold] | None = None
        try:
            descriptor = os.open(state / _LOCKED, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            gone = os.fstat(descriptor).st_nlink == 0
        except BlockingIOError:
            gone = True
        except OSError:  # a file system without locks: there is nothing to hold
            gone = False
        if gone:
            os.close(descriptor)
            raise AtlasError(f"{state} is being removed, the atlas has moved on: open it again")
        self._let_go = weakref.finalize(self, os.close, descriptor)

    def close(self) -> None:
        """Let go; a second time does nothing."""
        if self._let_go is not None:
            self._let_go()


def remove_unheld(state: Path) -> bool:
    """Remove a state folder that nobody has open; tell whether it is gone.

    Where the file system has no locks, a folder of the last day counts as open.
    """
    try:
        descriptor = _open_to_lock(state / _LOCKED)
    except (FileNotFoundError, NotADirectoryError):
        shutil.rmtree(state)
        return True
    except PermissionError:  # somebody else's, and not ours to judge
        return False
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            if time.time() - os.fstat(descriptor).st_mtime < UNKNOWN_FOR:
                return False
        shutil.rmtree(state)
        return True
    finally:
        os.close(descriptor)


def _open_to_lock(path: Path) -> int:
    """Open for writing where that is allowed: some network file systems lock only then."""
    try:
        return os.open(path, os.O_RDWR)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def note_table(state: Path, table: str) -> None:
    """Note in a state folder which table of passages its version reads."""
    write_json(state / _TABLE, {"state": state.name, "table": table})


def noted_table(state: Path) -> str | None:
    """Give the table that was noted, None where none was (or by a copy of another state)."""
    try:
        noted = json.loads((state / _TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(noted, dict) or noted.get("state") != state.name:
        return None
    return str(noted.get("table"))
