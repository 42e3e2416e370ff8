"""What a changed neighbour makes stale, and doing only that again.

Beside each vector stands the key of its reading: a digest of everything the vector was computed
from. When documents change, their readings are made anew (which takes no encoder), and a chunk is
stale exactly when its key has no vector of the same situator yet. Chunks that moved, or whose
document was renamed, keep their vectors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from isogloss._core.errors import StorageError
from isogloss._core.files import atomic_path, storage_errors
from isogloss.situate.base import Chunked, Reading, Situator, as_chunked

__all__ = ["FINGERPRINT", "Known", "Situated", "redo", "resituate", "vector_column"]

FINGERPRINT = "isogloss.fingerprint"
GROUP_ROWS = 4096  # rows of a group of the table: what is held at once


@dataclass(frozen=True, slots=True)
class Situated:
    """Vectors of chunks, and what of them was encoded now.

    Parameters
    ----------
    vectors : float32 (n, dim)
        Document by document, in the order of the chunks.
    keys : list of str
        Of the readings.
    stale : bool (n,)
        Chunks that had no vector, or whose inputs had changed: those that were encoded.
    """

    vectors: NDArray[np.float32]
    keys: list[str]
    stale: NDArray[np.bool_]


class Known:
    """Vectors on disk by the keys of their readings.

    Parameters
    ----------
    path : path
        A Parquet file with the columns ``key`` and ``vector``, as `resituate` and
        ``isogloss embed --situate`` write them. It may be missing.
    situator : Situator
        Vectors of another one, and of other lengths, are not used.

    Raises
    ------
    StorageError
        When there is a file and it is no such table.

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> from isogloss.situate.plain import ChunkOnly
    >>> len(Known("nowhere.parquet", ChunkOnly(load_encoder("lexical"))))
    0
    """

    def __init__(self, path: str | Path, situator: Situator) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._group = -1
        self._held: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        target = Path(path)
        if not target.exists():
            return
        try:
            self._file = pq.ParquetFile(target)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(
                f"{target} is no table of vectors: give another name, or remove it"
            ) from error
        schema = self._file.schema_arrow
        told = (schema.metadata or {}).get(FINGERPRINT.encode(), b"").decode("utf-8", "replace")
        if told != situator.fingerprint or not {"key", "vector"} <= set(schema.names):
            return
        kind = schema.field("vector").type
        if not pa.types.is_fixed_size_list(kind) or kind.list_size != situator.dim:
            return
        for group in range(self._file.num_row_groups):
            keys = self._file.read_row_group(group, columns=["key"])["key"].to_pylist()
            for row, key in enumerate(keys):
                if key is not None:
                    self._places.setdefault(key, (group, row))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def vectors(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """Give the vectors of known keys: float32 (n, dim), one group of rows at a time."""
        out: list[NDArray[np.float32] | None] = [None] * len(keys)
        places = [self._places[key] for key in keys]
        for number in sorted(range(len(keys)), key=lambda one: places[one]):
            group, row = places[number]
            if group != self._group:
                column = self._file.read_row_group(group, columns=["vector"])["vector"]
                flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
                self._held = flat.astype(np.float32).reshape(len(column), -1)
                self._group = group
            out[number] = self._held[row]
        return np.stack([one for one in out if one is not None])


def redo(situator: Situator, readings: Sequence[Reading], known: Known | None = None) -> Situated:
    """Encode the readings that have no vector yet, and take the others from what is known.

    Parameters
    ----------
    situator : Situator
    readings : sequence of Reading
    known : Known, optional

    Returns
    -------
    Situated
    """
    keys = [reading.key for reading in readings]
    stale = np.array([known is None or key not in known for key in keys], dtype=bool)
    vectors = np.zeros((len(readings), situator.dim), dtype=np.float32)
    fresh = np.flatnonzero(stale).tolist()
    kept = np.flatnonzero(~stale).tolist()
    if fresh:
        vectors[fresh] = situator.vectors([readings[row] for row in fresh])
    if known is not None and kept:
        vectors[kept] = known.vectors([keys[row] for row in kept])
    return Situated(vectors, keys, stale)


def resituate(
    situator: Situator,
    documents: Iterable[Chunked | Sequence[str]],
    table: str | Path,
) -> Situated:
    """Encode documents that may have changed, beside a table of what is known of them.

    Parameters
    ----------
    situator : Situator
    documents : iterable of Chunked or of list of str
        All of them as they are now.
    table : path
        A Parquet file: read when it is there, and replaced as a whole. Columns ``document`` and
        ``chunk`` (places from 0), ``key``, ``vector``.

    Returns
    -------
    Situated
        The same vectors as encoding everything anew; ``stale`` says what was encoded.

    Raises
    ------
    ParameterError
        For a document that is no list of texts.
    StorageError
        When the table cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from isogloss.encoders.spec import load_encoder
    >>> from isogloss.situate.plain import BiggerChunk
    >>> table = Path(tempfile.mkdtemp()) / "chunks.parquet"
    >>> window = BiggerChunk(load_encoder("lexical"), before=1, after=0)
    >>> _ = resituate(window, [["One cat.", "It sat.", "It ran."]], table)
    >>> resituate(window, [["Two cats.", "It sat.", "It ran."]], table).stale.tolist()
    [True, True, False]
    """
    target = Path(table)
    if target.is_dir() or not target.parent.is_dir():
        why = "it is a folder" if target.is_dir() else f"there is no folder {target.parent}"
        raise StorageError(f"cannot write {target}: {why}; give the name of a file")
    readings: list[Reading] = []
    places: list[tuple[int, int]] = []
    for number, document in enumerate(documents):
        some = situator.readings(as_chunked(document, number))
        readings += some
        places += [(number, chunk) for chunk in range(len(some))]
    found = redo(situator, readings, Known(target, situator))
    rows = pa.table(
        {
            "document": pa.array([document for document, _ in places], pa.int64()),
            "chunk": pa.array([chunk for _, chunk in places], pa.int64()),
            "key": pa.array(found.keys, pa.string()),
            "vector": vector_column(found.vectors),
        }
    ).replace_schema_metadata({FINGERPRINT: situator.fingerprint})
    with storage_errors(str(target)), atomic_path(target) as temporary:
        pq.write_table(rows, temporary, compression="zstd", row_group_size=GROUP_ROWS)
    return found


def vector_column(vectors: NDArray[np.float32], dtype: str = "float32") -> pa.Array:
    """Give vectors as a column of lists of one length.

    Examples
    --------
    >>> vector_column(np.eye(2, dtype=np.float32)).type
    FixedSizeListType(fixed_size_list<item: float>[2])
    """
    numbers = pa.float16() if dtype == "float16" else pa.float32()
    flat = pa.array(np.ascontiguousarray(vectors).astype(dtype).ravel(), numbers)
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
