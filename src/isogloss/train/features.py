"""Which words and pairs of words a lexical student knows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.threads import map_blocks
from isogloss.text.tokens import text_buffers

# Distinct words, and pairs, held while counting; beyond it the rarest are forgotten.
HELD = 4_000_000
BLOCK = 4096


class Features(NamedTuple):
    """Words, pairs and their weights.

    Attributes
    ----------
    words : list of str
    pairs : int32 (p, 2)
    buckets : int
    idf : float32 (w + p + buckets,)
        ln((1 + texts) / (1 + texts that hold it)); buckets have that of the rarest word.
    """

    words: list[str]
    pairs: NDArray[np.int32]
    buckets: int
    idf: NDArray[np.float32]

    def table(self) -> _native.LexicalTable:
        """Give the native lookup."""
        data, offsets = text_buffers(self.words)
        return _native.LexicalTable(data, offsets, self.pairs, self.buckets)

    def weigh(self, texts: Sequence[str]) -> Any:
        """Weigh the features of texts: CSR float32 (n, f), unit rows."""
        table = self.table()
        data, offsets = text_buffers(texts)
        n = len(offsets) - 1
        parts = map_blocks(
            lambda first: table.weigh(data, offsets, self.idf, first, min(first + BLOCK, n)),
            range(0, n, BLOCK),
        )
        lengths, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        start = np.concatenate([[0], np.cumsum(lengths)])
        return sp.csr_matrix((values, columns, start), shape=(n, len(self.idf)))


def choose_features(
    texts: Sequence[str], *, words: int, pairs: int, buckets: int, least: int = 3
) -> Features:
    """Choose the commonest words, and the pairs that stand together more than by chance.

    Parameters
    ----------
    texts : sequence of str
    words, pairs, buckets : int
        How many of each at most; there are exactly as many buckets.
    least : int, default 3
        Texts that must hold a word, and places that must hold a pair.

    Returns
    -------
    Features

    Notes
    -----
    Words are counted by lossy counting, pairs exactly block by block, the rarest forgotten when
    more than four million are held: a count is too low by at most how often that happened.

    Examples
    --------
    >>> made = choose_features(["new york city", "new york", "a new city"], words=9, pairs=9,
    ...     buckets=0, least=2)
    >>> made.words, made.pairs.tolist()
    (['city', 'new', 'york'], [[1, 2]])
    """
    counter = _native.WordCounter(HELD)
    data, offsets = text_buffers(texts)
    counter.add(data, offsets)
    raw, ends, held, places = counter.words()
    order = [i for i in np.argsort(-held, kind="stable").tolist() if held[i] >= least]
    known = sorted((bytes(raw[ends[i] : ends[i + 1]]).decode(), i) for i in order[:words])
    chosen = [word for word, _ in known]
    numbers = np.array([i for _, i in known], dtype=np.int64)
    found, sizes = _pairs(texts, chosen, places[numbers], limit=pairs, least=least)
    documents = len(offsets) - 1
    frequency = np.concatenate([held[numbers], sizes]).astype(np.float64)
    idf = np.log((1 + documents) / (1 + np.minimum(frequency, documents)))
    rare = np.full(buckets, np.log((1 + documents) / (1 + least)))
    weights = np.maximum(np.concatenate([idf, rare]), 0.05).astype(np.float32)
    return Features(chosen, found, buckets, weights)


def _pairs(
    texts: Sequence[str], words: list[str], places: NDArray[np.int64], *, limit: int, least: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rank pairs by the log-likelihood of standing together; give pairs and their counts."""
    data, offsets = text_buffers(words)
    table = _native.LexicalTable(data, offsets, np.zeros((0, 2), np.int32), 0)
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    data, offsets = text_buffers(texts)
    n = len(offsets) - 1
    step = 32 * BLOCK
    for first in range(0, n, step):
        lengths, numbers = table.sequences(data, offsets, first, min(first + step, n))
        ids = numbers.astype(np.int64)
        inside = np.ones(max(len(ids) - 1, 0), dtype=bool)
        ends = np.cumsum(lengths)
        ends = ends[(ends > 0) & (ends < len(ids))]
        inside[ends - 1] = False
        inside &= (ids[:-1] >= 0) & (ids[1:] >= 0)
        fresh, times = np.unique((ids[:-1] << 32 | ids[1:])[inside], return_counts=True)
        both = np.concatenate([keys, fresh])
        keys, inverse = np.unique(both, return_inverse=True)
        counts = np.bincount(inverse, weights=np.concatenate([counts, times])).astype(np.int64)
        if len(keys) > HELD:
            kept = counts > 1
            keys, counts = keys[kept], counts[kept]
    kept = counts >= least
    keys, counts = keys[kept], counts[kept]
    a, b = keys >> 32, keys & 0xFFFFFFFF
    total = max(1, int(places.sum()))
    with np.errstate(divide="ignore"):
        surprise = counts * np.log(counts * (total / places[a].astype(float) / places[b]))
    order = np.argsort(-surprise, kind="stable")[:limit]
    order = np.sort(order[surprise[order] > 0])
    found = np.stack([a[order], b[order]], axis=1).astype(np.int32)
    return np.ascontiguousarray(found), counts[order]
