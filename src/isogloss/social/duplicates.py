"""Families of near-duplicate texts by MinHash.

Paper: Broder, On the resemblance and containment of documents, 1997; banding as in Leskovec,
Rajaraman, Ullman, Mining of massive datasets, chapter 3.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["Families", "families", "signatures"]

HASHES, BANDS = 128, 16  # bands of 8: half of the pairs with Jaccard .71 meet in a band
SHINGLE = 3  # words
_WORD = re.compile(r"\w+|[^\w\s]")
_EMPTY = np.uint32(0xFFFFFFFF)
_BLOCK = 1 << 18  # numbers in one product of shingles and hashes


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """Texts that are copies of one another, or nearly.

    Parameters
    ----------
    labels : int64 (n,)
        Family of each text, numbered by first text; -1 for texts without a word or sign.
    threshold : float
        Similarity from which two texts are joined.
    """

    labels: NDArray[np.int64]
    threshold: float

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Texts of each family, int64 (f,)."""
        return np.bincount(self.labels[self.labels >= 0])

    @property
    def firsts(self) -> NDArray[np.int64]:
        """First text of each family, int64 (f,), and with them one text a family."""
        held = np.flatnonzero(self.labels >= 0)
        return held[np.unique(self.labels[held], return_index=True)[1]]

    def kept(self) -> NDArray[np.bool_]:
        """Tell which texts remain when each family counts once, bool (n,)."""
        mask = np.zeros(len(self.labels), dtype=bool)
        mask[self.firsts] = True
        return mask

    def to_json(self) -> dict[str, Any]:
        """Give the numbers."""
        sizes = self.sizes
        several = sizes > 1
        held = int(sizes.sum())
        return {
            "texts": len(self.labels),
            "blank": len(self.labels) - held,
            "families": int(several.sum()),
            "in_families": int(sizes[several].sum()),
            "copies": held - len(sizes),
            "share_of_copies": (held - len(sizes)) / held if held else float("nan"),
            "largest": int(sizes.max(initial=0)),
            "threshold": self.threshold,
        }


def families(texts: Iterable[str | None], *, threshold: float = 0.8, seed: int = 0) -> Families:
    """Join texts that share most of their word triples.

    A text is the set of its runs of three words and signs, lower case (all of it, when it is
    shorter). Texts whose signatures agree in a band become candidates; a candidate is joined with
    the first and the one before it in its bucket when the share of equal hashes, an estimate of
    the Jaccard index, reaches the threshold. Families are what is joined directly or by others.

    Parameters
    ----------
    texts : iterable of str or None, n of them
        Read once.
    threshold : float, default .8
        Above .5, at most 1. Pairs near it are joined by chance; exact copies always are.
    seed : int, default 0
        Of the hashes.

    Returns
    -------
    Families

    Raises
    ------
    ParameterError
        For a threshold out of range, a bare string, or an item that is no text.

    Notes
    -----
    Linear in the words. 512 bytes a text are held.

    Examples
    --------
    >>> spam = "mint one hundred of the claw coin now and tell your friends of it "
    >>> found = families([spam + "1", "a quiet morning by the sea", spam + "2", None])
    >>> found.labels.tolist(), found.to_json()["copies"]
    ([0, 1, 0, -1], 1)
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not 0.5 < threshold <= 1:
        raise ParameterError(f"threshold is {threshold}; give one above .5 and at most 1")
    marks = signatures(texts, seed=seed)
    n = len(marks)
    held = np.flatnonzero(~(marks == _EMPTY).all(axis=1))
    labels = np.full(n, -1, dtype=np.int64)
    if not len(held):
        return Families(labels, threshold)
    whole = _row_keys(marks[held])
    _, first, copy_of = np.unique(whole, return_index=True, return_inverse=True)
    distinct = marks[held[first]]
    left, right = _candidates(distinct)
    near = _equal_share(distinct, left, right) >= threshold
    size = len(distinct)
    graph = coo_matrix((np.ones(int(near.sum()), bool), (left[near], right[near])), (size, size))
    part = connected_components(graph, directed=False)[1][copy_of]
    _, first, number = np.unique(part, return_index=True, return_inverse=True)
    labels[held] = np.argsort(np.argsort(first))[number]
    return Families(labels, threshold)


def signatures(texts: Iterable[str | None], *, seed: int = 0) -> NDArray[np.uint32]:
    """Give the smallest values of 128 hashes over each text's word triples.

    Parameters
    ----------
    texts : iterable of str or None, n of them
    seed : int, default 0

    Returns
    -------
    uint32 (n, 128)
        The share of equal columns estimates the Jaccard index; texts without words have the
        largest number throughout.

    Examples
    --------
    >>> one, two = signatures(["a b c d", "A b  c d"])
    >>> bool((one == two).all())
    True
    """
    if isinstance(texts, str | bytes):
        raise ParameterError("texts is one string: give a list of texts")
    rng = np.random.default_rng(seed)
    # Odd factors, modulo 2^32: each hash reorders all numbers, which are well mixed before.
    factors = rng.integers(0, 2**32, HASHES, dtype=np.uint32) | np.uint32(1)
    offsets = rng.integers(0, 2**32, HASHES, dtype=np.uint32)
    words: dict[str, int] = {}
    rows = [_signature(_shingles(row, text, words), factors, offsets)
            for row, text in enumerate(texts)]  # fmt: skip
    return np.array(rows, dtype=np.uint32).reshape(-1, HASHES)


def _shingles(row: int, text: str | None, words: dict[str, int]) -> NDArray[np.uint32]:
    if text is None:
        return np.zeros(0, dtype=np.uint32)
    if not isinstance(text, str):
        raise ParameterError(f"texts[{row}] is a {type(text).__name__}, not a text")
    found = []
    for word in _WORD.findall(text.lower()):
        code = words.get(word)
        if code is None:
            raw = word.encode("utf-8", "surrogatepass")
            code = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
            words[word] = code
        found.append(code)
    codes = np.array(found, dtype=np.uint64)
    span = min(SHINGLE, len(codes))
    if not span:
        return np.zeros(0, dtype=np.uint32)
    mixed = np.zeros(len(codes) - span + 1, dtype=np.uint64)
    for i in range(span):
        mixed = _mix(mixed ^ codes[i : len(codes) - span + 1 + i])
    return (mixed >> np.uint64(32)).astype(np.uint32)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers (the finisher of SplitMix64)."""
    x = (x + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _signature(
    shingles: NDArray[np.uint32], factors: NDArray[np.uint32], offsets: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    smallest = np.full(HASHES, _EMPTY, dtype=np.uint32)
    step = _BLOCK // HASHES
    for start in range(0, len(shingles), step):
        part = shingles[start : start + step, None]
        smallest = np.minimum(smallest, (part * factors + offsets).min(axis=0))
    return smallest


def _row_keys(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Give one 64-bit number for each row; equal rows have equal ones."""
    key = np.zeros(len(rows), dtype=np.uint64)
    for column in range(rows.shape[1]):
        key = _mix(key ^ rows[:, column].astype(np.uint64))
    return key


def _candidates(marks: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair every text with the first, and with the one before, of each of its buckets."""
    n = len(marks)
    width = HASHES // BANDS
    pairs = []
    for band in range(BANDS):
        key = _row_keys(marks[:, band * width : (band + 1) * width])
        order = np.argsort(key, kind="stable")
        ordered = key[order]
        same = ordered[1:] == ordered[:-1]
        begins = np.concatenate([[True], ~same])
        lead = np.maximum.accumulate(np.where(begins, np.arange(n), 0))[1:][same]
        later = order[1:][same]
        for earlier in (order[lead], order[:-1][same]):
            pairs.append(np.minimum(earlier, later) * n + np.maximum(earlier, later))
    every = np.unique(np.concatenate(pairs))
    return every // n, every % n


def _equal_share(
    marks: NDArray[np.uint32], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    shares = np.empty(len(left))
    step = _BLOCK // HASHES
    for start in range(0, len(left), step):
        part = slice(start, start + step)
        shares[part] = (marks[left[part]] == marks[right[part]]).mean(axis=1)
    return shares
