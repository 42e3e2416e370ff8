"""`work/`: the shards of a build under way.

Every file in it is written whole or not at all and is named after what it was made from, so a
build that starts again takes what fits and makes the rest. Nothing here is part of the atlas until
the manifest says so, and the folder goes when the build is done.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss._core.files import atomic_path, storage_errors, write_json
from isogloss._core.tensors import load_tensors, save_tensors

NAME = "work"
PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of consecutive documents on disk.

    Parameters
    ----------
    number : int
        Place in the order of shards, from 0.
    digest : str
        Of the contents; part of every file name made from them.
    rows : int
        Documents in it.
    start : int
        Number of its first passage in the atlas.

    Examples
    --------
    >>> Shard(0, "ab", 10, 0).stem
    '000000-ab'
    """

    number: int
    digest: str
    rows: int
    start: int

    @property
    def stem(self) -> str:
        """The part of the file names that tells this shard from others."""
        return f"{self.number:06d}-{self.digest}"


class Workspace:
    """The folder of a build under way.

    Parameters
    ----------
    atlas : Path
        Folder of the atlas.

    Examples
    --------
    >>> import tempfile
    >>> work = Workspace(Path(tempfile.mkdtemp()))
    >>> work.read_plan() is None
    True
    """

    def __init__(self, atlas: Path) -> None:
        self.atlas = atlas
        self.folder = atlas / NAME

    def read_plan(self) -> dict[str, Any] | None:
        """Give the parameters of the unfinished build, None where there is none."""
        try:
            plan = json.loads((self.folder / PLAN).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return plan if isinstance(plan, dict) else None

    def begin(self, plan: dict[str, Any]) -> None:
        """Make the folder and note the parameters."""
        with storage_errors("the work folder"):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".*.tmp"):
                if leftover.is_dir():
                    shutil.rmtree(leftover)
                else:
                    leftover.unlink()
            write_json(self.folder / PLAN, plan)

    def clear(self) -> None:
        """Remove the folder."""
        if self.folder.exists():
            shutil.rmtree(self.folder)

    # Documents

    def documents_path(self, shard: Shard) -> Path:
        """Where a shard's documents are."""
        return self.folder / f"documents-{shard.stem}.parquet"

    def put_documents(self, number: int, start: int, table: pa.Table) -> Shard:
        """Keep a shard of documents, unless the same is there already."""
        digest = documents_digest(table)
        shard = Shard(number, digest, table.num_rows, start)
        path = self.documents_path(shard)
        if not path.exists():
            with storage_errors(f"shard {number} of the documents"), atomic_path(path) as temporary:
                pq.write_table(table, temporary, compression="zstd")
        return shard

    def documents(self, shard: Shard, columns: list[str] | None = None) -> pa.Table:
        """Read a shard of documents."""
        return pq.read_table(self.documents_path(shard), columns=columns, memory_map=True)

    def numbers(self, shard: Shard) -> NDArray[np.int64]:
        """Give the passage numbers of a shard: int64 (n,), consecutive for new documents."""
        path = self.documents_path(shard)
        if "passage" in pq.read_schema(path).names:  # out of an atlas, where some may be gone
            held = self.documents(shard, ["passage"])["passage"].to_numpy()
            return np.asarray(held, dtype=np.int64)
        return np.arange(shard.start, shard.start + shard.rows, dtype=np.int64)

    # Arrays made from a shard

    def arrays_path(self, kind: str, key: str, shard: Shard) -> Path:
        """Where arrays of one kind, made with the settings `key`, are for a shard."""
        return self.folder / f"{kind}-{key[:12]}-{shard.stem}.safetensors"

    def put_arrays(
        self, kind: str, key: str, shard: Shard, arrays: dict[str, NDArray[Any]]
    ) -> None:
        """Keep arrays made from a shard."""
        path = self.arrays_path(kind, key, shard)
        with storage_errors(f"shard {shard.number} of the {kind}"), atomic_path(path) as temporary:
            save_tensors(temporary, arrays)

    def has_arrays(self, kind: str, key: str, shard: Shard) -> bool:
        """Tell whether arrays of this kind and key are there for a shard."""
        return self.arrays_path(kind, key, shard).exists()

    def arrays(self, kind: str, key: str, shard: Shard) -> dict[str, NDArray[Any]]:
        """Read arrays made from a shard."""
        return load_tensors(self.arrays_path(kind, key, shard))


def documents_digest(table: pa.Table) -> str:
    """Digest a shard by the ids and content hashes of its documents.

    Examples
    --------
    >>> table = pa.table({"id": ["a"], "row": [0], "content_hash": [7]})
    >>> len(documents_digest(table))
    16
    """
    digest = hashlib.blake2b(digest_size=8)
    digest.update(np.ascontiguousarray(table["content_hash"].to_numpy(), dtype=np.int64).tobytes())
    digest.update(np.ascontiguousarray(table["row"].to_numpy(), dtype=np.int64).tobytes())
    digest.update("\x1f".join(str(value) for value in table["id"].to_pylist()).encode())
    digest.update(table.schema.to_string(show_schema_metadata=False).encode())
    return digest.hexdigest()


def unfinished(atlas: Path) -> str:
    """Say that a build has to end, or to be given up, before anything else changes an atlas.

    Examples
    --------
    >>> print(unfinished(Path("a.atlas")))
    a.atlas has an unfinished build: run the same isogloss build again, or give it up by removing \
a.atlas/work
    """
    return (
        f"{atlas} has an unfinished build: run the same isogloss build again, or give it up by "
        f"removing {atlas / 'work'}"
    )


@contextmanager
def build_lock(atlas: Path) -> Iterator[None]:
    """Let one build at a time work on an atlas; a killed build leaves no lock behind.

    Raises
    ------
    AtlasError
        When another process is building it, or a file stands where its folder should be.
    """
    with storage_errors("the atlas folder"):
        try:
            atlas.mkdir(parents=True, exist_ok=True)
        except (NotADirectoryError, FileExistsError) as error:
            raise AtlasError(
                f"cannot make the folder {atlas}: a file stands in its path; give another -o"
            ) from error
        except FileNotFoundError as error:  # a file system that takes no folders, such as /proc
            raise AtlasError(
                f"cannot make the folder {atlas}: {error.strerror}; give another -o"
            ) from error
        descriptor = os.open(atlas / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AtlasError(f"another command is changing {atlas}: wait for it to end") from error
        yield
    finally:
        os.close(descriptor)
