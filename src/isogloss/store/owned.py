"""Spare files of the user's that stand where a result is to be written."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from isogloss._core.errors import ParameterError

__all__ = ["VECTORS_MARK", "holds_assignments", "holds_vectors", "spare_other_file"]

# Stands in plain bytes near the end of a file of vectors, also of one that lost its last bytes.
VECTORS_MARK = b"isogloss.made_of"
_END = 1 << 16


def spare_other_file(
    path: Path, ours: Callable[[pa.Schema], bool], what: str, way: str, *, mark: bytes = b""
) -> None:
    """Refuse to replace a file that is no earlier result.

    Parameters
    ----------
    path : Path
        Where the result is to go. An empty file may be replaced.
    ours : callable
        Says by the schema whether a Parquet file is such a result.
    what, way : str
        For the message: what is written, and what the user can do.
    mark : bytes, optional
        A file that cannot be read may be replaced where its last 64 kB still hold this: a result
        that was cut. All others may be anybody's.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.parquet"
    >>> spare_other_file(path, holds_vectors, "vectors", "give another -o")
    >>> pq.write_table(pa.table({"text": ["precious"]}), path)
    >>> try:
    ...     spare_other_file(path, holds_vectors, "vectors", "give another -o")
    ... except ParameterError as error:
    ...     print(str(error).replace(str(path), path.name))
    mine.parquet is there and holds no vectors that isogloss wrote: give another -o
    """
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        known = ours(pq.read_schema(path))
    except (OSError, pa.ArrowException) as error:
        if mark and mark in _last(path):  # a result that is cut is made again
            return
        raise ParameterError(
            f"{path} is there and cannot be read as {what} that isogloss wrote: {way}"
        ) from error
    if not known:
        raise ParameterError(f"{path} is there and holds no {what} that isogloss wrote: {way}")


def _last(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END))
        return file.read(_END)


def holds_vectors(schema: pa.Schema) -> bool:
    """Tell whether a file is one of `isogloss embed`.

    Examples
    --------
    >>> holds_vectors(pa.schema([("id", pa.int64()), ("text", pa.string())]))
    False
    """
    ours = any(key.startswith(b"isogloss.") for key in schema.metadata or {})
    return ours and {"vector"} <= set(schema.names) <= {"id", "vector", "scale"}


def holds_assignments(schema: pa.Schema) -> bool:
    """Tell whether a file is one of `isogloss topics --assignments`.

    Examples
    --------
    >>> holds_assignments(pa.schema([("id", pa.int64()), ("topic", pa.int32())]))
    False
    """
    return list(schema.names[:5]) == ["id", "passage", "topic", "membership", "path"]
