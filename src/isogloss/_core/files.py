"""Files that are either whole or not there."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isogloss._core.errors import StorageError

_REFUSALS = {"ENOSPC", "EDQUOT", "EROFS", "EFBIG", "EIO", "EACCES", "EPERM"}
_REFUSALS_IN_WORDS = (
    "no space left",
    "os error 28",
    "disk quota exceeded",
    "read-only file system",
    "permission denied",
)


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn the operating system's refusals to write into one clear error.

    Parameters
    ----------
    what : str
        What was being written, for the message.

    Raises
    ------
    StorageError
        When the disk is full, over quota, read-only, or not ours to write.

    Examples
    --------
    >>> with storage_errors("the manifest"):
    ...     pass
    """
    try:
        yield
    except OSError as error:
        if is_refusal(error):
            raise StorageError(refusal_message(what, error)) from error
        raise


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error is the disk's own: full, over quota, read-only, not ours to write.

    Libraries that write through native code report these in words only, so the words count too.

    Examples
    --------
    >>> import errno
    >>> is_refusal(OSError(errno.ENOSPC, "No space left on device"))
    True
    >>> is_refusal(ValueError("no"))
    False
    """
    import errno

    if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _REFUSALS:
        return True
    text = str(error).lower()
    return any(words in text for words in _REFUSALS_IN_WORDS)


def refusal_message(what: str, error: BaseException) -> str:
    """Say what could not be written, why, and what to do.

    Examples
    --------
    >>> refusal_message("shard 3", OSError(28, "No space left on device"))
    'cannot write shard 3: No space left on device; free some room and run the same command again'
    """
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = " ".join(reason.split())[:160]
    if isinstance(error, OSError) and error.filename:
        reason += f": {error.filename}"
    if any(words in reason.lower() for words in ("permission", "not permitted", "read-only")):
        return f"cannot write {what}: {reason}; give a place that you may write to"
    return f"cannot write {what}: {reason}; free some room and run the same command again"


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; on success sync it and rename it to `target`.

    Parameters
    ----------
    target : Path
        The file to be. What stood there before is replaced as a whole or stays as it was.

    Yields
    ------
    Path
        The path to write to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "a.txt") as path:
    ...     _ = path.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames within a folder durable.

    Examples
    --------
    >>> sync_folder(Path("."))
    """
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    """Give a number of NumPy as Python's."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} is nothing that JSON holds")


def write_json(target: Path, value: Any) -> None:
    r"""Write a value as JSON, atomically; keys keep their order.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> write_json(path, {"b": 1})
    >>> path.read_text()
    '{\n  "b": 1\n}\n'
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hex.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a"
    >>> _ = path.write_bytes(b"abc")
    >>> file_digest(path)[:8]
    'ba7816bf'
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
