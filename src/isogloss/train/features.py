"""Which words and pairs of words a lexical student knows."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.errors import SourceError
from isogloss._core.threads import map_blocks
from isogloss.text.tokens import text_buffers

# Distinct words, and pairs, held while counting; beyond it the rarest are forgotten.
HELD = 4_000_000
BLOCK = 4096
# Running words of a typical text, to make a frequency a share of texts.
TYPICAL = 40


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
    texts: Sequence[str],
    *,
    words: int,
    pairs: int,
    buckets: int,
    least: int = 3,
    frequencies: Mapping[str, float] | None = None,
) -> Features:
    """Choose the commonest words, and the pairs that stand together more than by chance.

    Parameters
    ----------
    texts : sequence of str
    words, pairs, buckets : int
        How many of each at most; there are exactly as many buckets.
    least : int, default 3
        Texts that must hold a word, and places that must hold a pair.
    frequencies : mapping of str to float, optional
        Of words in the language at large, as shares of running words. A word's rank and weight then
        come half from the texts and half from here, and words that no text holds are chosen too.

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
    raw, ends, held, _ = counter.words()
    names = [bytes(raw[a:b]).decode() for a, b in pairwise(ends.tolist())]
    documents = len(offsets) - 1
    share = {
        word: (1 + int(count)) / (1 + documents)
        for word, count in zip(names, held, strict=True)
        if count >= least
    }
    if frequencies:
        share = _mixed(share, frequencies)
    chosen = sorted(sorted(share, key=lambda word: (-share[word], word))[:words])
    found, sizes = choose_pairs(texts, chosen, limit=pairs, least=least)
    shares = np.concatenate([
        [share[word] for word in chosen],
        (1 + np.minimum(sizes, documents)) / (1 + documents),
        np.full(buckets, (1 + least) / (1 + documents)),
    ])  # fmt: skip
    return Features(chosen, found, buckets, np.maximum(-np.log(shares), 0.05).astype(np.float32))


def _mixed(share: dict[str, float], frequencies: Mapping[str, float]) -> dict[str, float]:
    """Give shares of texts that hold a word, half from the corpus, half from the language."""
    listed = list(frequencies)
    data, offsets = text_buffers(listed)
    table = _native.LexicalTable(data, offsets, np.zeros((0, 2), np.int32), 0)
    lengths, numbers = table.sequences(data, offsets, 0, len(listed))
    # What the scanner cuts otherwise is a word of somebody else's.
    whole = np.zeros(len(listed), dtype=bool)
    starts = np.cumsum(lengths) - lengths
    single = np.flatnonzero(lengths == 1)
    whole[single] = numbers[starts[single]] == single
    mixed = {word: value / 2 for word, value in share.items()}
    for word, kept in zip(listed, whole.tolist(), strict=True):
        if kept:
            there = -np.expm1(-frequencies[word] * TYPICAL)
            mixed[word] = mixed.get(word, 0.0) + float(there) / 2
    return mixed


def read_frequencies(path: Path) -> dict[str, float]:
    """Read how often words are: a Parquet file of columns `word` and `frequency`.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict
        Frequencies as shares of running words, above 0 and at most 1.

    Raises
    ------
    SourceError
        For a file that cannot be read, or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow as pa
    >>> path = Path(tempfile.mkdtemp()) / "words.parquet"
    >>> pq.write_table(pa.table({"word": ["the", "cat"], "frequency": [0.05, 0.0001]}), path)
    >>> read_frequencies(path)
    {'the': 0.05, 'cat': 0.0001}
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path}: give a Parquet file of words and frequencies")
    try:
        table = pq.read_table(path, columns=["word", "frequency"])
        words = table["word"].to_pylist()
        values = table["frequency"].to_numpy().astype(np.float64)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SourceError(f"{path} holds no columns word and frequency: {error}") from error
    bad = np.flatnonzero(~((values > 0) & (values <= 1)))
    if len(bad):
        raise SourceError(
            f"{path}, row {bad[0]}: frequency {values[bad[0]]}; give a share above 0, at most 1"
        )
    if len(set(words)) < len(words) or not all(isinstance(word, str) for word in words):
        raise SourceError(f"{path}: the words must be strings, each once")
    return dict(zip(words, values.tolist(), strict=True))


def choose_pairs(
    texts: Sequence[str], words: list[str], *, limit: int, least: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Choose neighbouring words by the log-likelihood of standing together.

    Returns
    -------
    int32 (p, 2), int64 (p,)
        Pairs, by the numbers of their words, and the places that hold them.

    Examples
    --------
    >>> choose_pairs(["new york city", "new york"], ["city", "new", "york"], limit=5, least=2)
    (array([[1, 2]], dtype=int32), array([2]))
    """
    if not limit:
        return np.zeros((0, 2), np.int32), np.zeros(0, np.int64)
    data, offsets = text_buffers(words)
    table = _native.LexicalTable(data, offsets, np.zeros((0, 2), np.int32), 0)
    keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    places = np.zeros(len(words), dtype=np.int64)
    data, offsets = text_buffers(texts)
    n = len(offsets) - 1
    step = 32 * BLOCK
    for first in range(0, n, step):
        lengths, numbers = table.sequences(data, offsets, first, min(first + step, n))
        ids = numbers.astype(np.int64)
        places += np.bincount(ids[ids >= 0], minlength=len(words))
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
