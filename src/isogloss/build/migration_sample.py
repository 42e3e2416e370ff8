"""Passages of an atlas on which a map between two encoders is fitted and measured."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._math.topk import nearest_rows
from isogloss.build.sample import mix
from isogloss.drift.diagnosis import NEIGHBOURS, recall_kept
from isogloss.store.manifest import Manifest
from isogloss.store.table import open_table, scan

BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A sample of different passages that have content.

    Parameters
    ----------
    passages : int64 (n,)
        Their numbers.
    texts : list of str
    vectors : float32 (n, d)
        As the atlas has them.
    """

    passages: NDArray[np.int64]
    texts: list[str]
    vectors: NDArray[np.float32]


def vectors_of(batch: pa.RecordBatch) -> NDArray[np.float32]:
    """Give the vectors of a batch: float32 (n, d)."""
    column = batch.column("vector")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(len(column), column.type.list_size)


def draw(path: Path, manifest: Manifest, *, rows: int, seed: int) -> Drawn:
    """Draw passages by their shuffled content hashes: the same ones wherever they stand."""
    opened = open_table(path, manifest.table, manifest.table_version)
    hashes = np.concatenate(
        [np.zeros(0, np.int64)]
        + [
            batch.column("content_hash").to_numpy()
            for batch in scan(opened, ["content_hash"], batch_size=BATCH)
        ]
    )
    _, first = np.unique(hashes, return_index=True)
    keys = mix(hashes[first], seed)
    wanted = np.sort(first[np.argsort(keys, kind="stable")[:rows]])
    numbers: list[int] = []
    texts: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    done = 0
    for batch in scan(opened, ["passage", "text", "vector"], batch_size=BATCH):
        low, high = np.searchsorted(wanted, [done, done + batch.num_rows])
        take = wanted[low:high] - done
        done += batch.num_rows
        found = vectors_of(batch)[take]
        full = found.any(axis=1)
        take = take[full]
        vectors.append(found[full])
        numbers += batch.column("passage").to_numpy()[take].tolist()
        texts += batch.column("text").take(pa.array(take)).to_pylist()
    dim = int(manifest.encoder["dim"])
    whole = np.concatenate([np.zeros((0, dim), np.float32), *vectors])
    return Drawn(np.array(numbers, dtype=np.int64), texts, whole)


def recall_in_atlas(
    path: Path,
    manifest: Manifest,
    own: NDArray[np.float32],
    mapped: NDArray[np.float32],
    passages: NDArray[np.int64],
) -> float:
    """Say how many of the ten nearest passages stay when queries come through a map.

    Parameters
    ----------
    own, mapped : float32 (q, d)
        Queries by the encoder of the vectors, and by the other one through the map.
    passages : int64 (q,)
        The passage that each of them is; it is no neighbour of itself.

    Returns
    -------
    float
        Mean share; every passage of the atlas is looked at, a batch at a time.
    """
    queries = np.ascontiguousarray(np.concatenate([own, mapped]), dtype=np.float32)
    k = NEIGHBOURS + 1
    names = np.full((len(queries), k), -1, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    opened = open_table(path, manifest.table, manifest.table_version)
    for batch in scan(opened, ["passage", "vector"], batch_size=BATCH):
        columns, found = nearest_rows(queries, vectors_of(batch), k)
        numbers = np.append(batch.column("passage").to_numpy(), -1)
        names = np.hstack([names, numbers[columns]])
        scores = np.hstack([scores, found])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        names = np.take_along_axis(names, order, axis=1)
        scores = np.take_along_axis(scores, order, axis=1)
    nearest = []
    for row, self_ in zip(names.tolist(), [*passages.tolist()] * 2, strict=True):
        others = [one for one in row if one not in (self_, -1)][:NEIGHBOURS]
        nearest.append(others + [-1] * (NEIGHBOURS - len(others)))
    both = np.array(nearest, dtype=np.int64)
    return recall_kept(both[len(own) :], both[: len(own)])
