"""The passages on which encoder, vocabulary and topics are fitted, when there are too many."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss.store.workspace import Shard, Workspace

_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of passages in an order of its own.

    Parameters
    ----------
    places : int64 (m,)
        Places of the passages, counted from the first shard, in canonical order.
    total : int
        Passages to choose from.

    Examples
    --------
    >>> Sample(np.array([2, 0]), 3).is_whole
    False
    """

    places: NDArray[np.int64]
    total: int

    @property
    def is_whole(self) -> bool:
        """True when every passage is in the sample."""
        return len(self.places) == self.total


def mix(hashes: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """Shuffle hashes by a seed (splitmix64): uint64 (n,).

    Examples
    --------
    >>> a = mix(np.array([1, 2]), 0)
    >>> b = mix(np.array([1, 2]), 1)
    >>> bool((a != b).all())
    True
    """
    with np.errstate(over="ignore"):
        z = hashes.view(np.uint64) + _ODD * np.uint64(seed + 1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def draw_sample(
    workspace: Workspace, shards: list[Shard], *, rows: int, size: int, seed: int
) -> Sample:
    """Draw the passages whose shuffled content hashes are smallest.

    The draw depends on what the passages say and not on where they stand, so the same documents
    in another order give the same sample, in the same order.

    Parameters
    ----------
    workspace, shards
        Where the documents are.
    rows : int
        Passages at most.
    size : int
        Bytes of text at most (one passage is always drawn).
    seed : int
        Of the shuffle.

    Returns
    -------
    Sample
    """
    hashes, sizes = [], []
    for shard in shards:
        table = workspace.documents(shard, ["content_hash", "text"])
        hashes.append(table["content_hash"].to_numpy())
        sizes.append(pc.binary_length(table["text"]).to_numpy())
    key = mix(np.concatenate(hashes), seed)
    order = np.argsort(key, kind="stable")[:rows]
    held = np.cumsum(np.concatenate(sizes)[order], dtype=np.int64)
    keep = max(1, int(np.searchsorted(held, size, side="right")))
    return Sample(order[:keep].astype(np.int64), len(key))


def sample_texts(workspace: Workspace, shards: list[Shard], sample: Sample) -> list[str]:
    """Read the texts of a sample, in its order."""
    texts: list[str] = [""] * len(sample.places)
    for shard, inside, where in _by_shard(shards, sample):
        column = workspace.documents(shard, ["text"])["text"].take(inside).to_pylist()
        for place, text in zip(where.tolist(), column, strict=True):
            texts[place] = text
    return texts


def sample_vectors(
    workspace: Workspace, shards: list[Shard], sample: Sample, key: str, dim: int
) -> NDArray[np.float32]:
    """Read the vectors of a sample, in its order: float32 (m, d)."""
    vectors = np.empty((len(sample.places), dim), dtype=np.float32)
    for shard, inside, where in _by_shard(shards, sample):
        vectors[where] = workspace.arrays("vectors", key, shard)["vectors"][inside]
    return vectors


def _by_shard(
    shards: list[Shard], sample: Sample
) -> list[tuple[Shard, NDArray[np.int64], NDArray[np.int64]]]:
    """Split a sample: for each shard the rows within it, and their places in the sample."""
    order = np.argsort(sample.places, kind="stable")
    sorted_places = sample.places[order]
    parts = []
    begin = 0
    for shard in shards:
        low, high = np.searchsorted(sorted_places, [begin, begin + shard.rows])
        if high > low:
            parts.append((shard, sorted_places[low:high] - begin, order[low:high]))
        begin += shard.rows
    return parts
