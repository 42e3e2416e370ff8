"""`--assignments`: who belongs where, as Parquet."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from isogloss._core.errors import AtlasError, StorageError
from isogloss._core.files import atomic_path, storage_errors

if TYPE_CHECKING:
    from isogloss.topics.tree import TopicTree


def write_assignments(batches: Iterable[pa.RecordBatch], tree: "TopicTree", path: Path) -> int:
    """Write id, passage, topic, membership, path and memberships of every passage.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        With columns id, passage, topic, membership, memberships.
    tree : TopicTree
        Gives the path of a leaf, root first.
    path : Path
        The Parquet file to make.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    StorageError
        When the folder is missing or the disk refuses.
    AtlasError
        When there are no passages.
    """
    if not path.parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise StorageError(f"cannot write {path}: it is a folder; give the name of a file")
    rows = 0
    writer: pq.ParquetWriter | None = None
    with storage_errors(str(path)), atomic_path(path) as temporary:
        for batch in batches:
            topics = batch.column("topic").to_pylist()
            paths = pa.array([tree.path(topic) for topic in topics], pa.list_(pa.int32()))
            table = pa.table(
                {
                    "id": batch.column("id"),
                    "passage": batch.column("passage"),
                    "topic": batch.column("topic"),
                    "membership": batch.column("membership"),
                    "path": paths,
                    "memberships": batch.column("memberships"),
                }
            )
            if writer is None:
                writer = pq.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table)
            rows += table.num_rows
        if writer is None:
            raise AtlasError("there are no passages, so there are no assignments to write")
        writer.close()
    return rows
