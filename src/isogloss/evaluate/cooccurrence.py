"""How often the words of a topic occur together: in documents or in sliding windows.

Only the keywords are counted, in one pass over batches, so that memory follows the number of
topics and not the corpus.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import many, strings, whole_number
from isogloss._core.errors import ParameterError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["PairCounts", "count_documents", "count_windows", "word_lists"]

Ids = NDArray[np.int64]
_INCIDENCES = 2_000_000  # (window, word) pairs held at once


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Counts of the topics' words and of their pairs.

    Parameters
    ----------
    total : int
        Documents or windows seen.
    words : int64 (k, w)
        Where each keyword of each topic occurs; -1 where a topic has fewer keywords.
    pairs : int64 (k, w, w)
        Where two keywords of a topic occur together; symmetric.
    """

    total: int
    words: Ids
    pairs: Ids


def word_lists(given: Any, name: str) -> Iterator[list[str]]:
    """Give the words of each text or topic, one after the other.

    Parameters
    ----------
    given : iterable of list of str
    name : str
        What it is, for the message.

    Raises
    ------
    ParameterError
        For anything but lists of strings, named by its place.

    Examples
    --------
    >>> list(word_lists([["a", "cat"], ["a", None]], "texts"))
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: texts[1][1] is None: give a string
    """
    for number, words in enumerate(many(given, name, "lists of words")):
        yield strings(words, f"{name}[{number}]")


class _Counter:
    """Adds up occurrences of keywords, batch by batch."""

    def __init__(self, keywords: Sequence[Sequence[str]], top: int) -> None:
        if whole_number(top, "top", 0) < 2:
            raise ParameterError(f"top={top!r}: coherence needs at least 2 words a topic")
        held = word_lists(keywords, "keywords")
        self.keywords = [list(dict.fromkeys(words))[:top] for words in held]
        self.known: dict[str, int] = {}
        for words in self.keywords:
            for word in words:
                self.known.setdefault(word, len(self.known))
        width = max((len(words) for words in self.keywords), default=0)
        self.ids = np.full((len(self.keywords), width), -1, dtype=np.int64)
        for row, words in enumerate(self.keywords):
            self.ids[row, : len(words)] = [self.known[word] for word in words]
        first, second = np.triu_indices(width, 1)
        both = (self.ids[:, first] >= 0) & (self.ids[:, second] >= 0)
        self.topic, place = np.nonzero(both)
        self.first, self.second = first[place], second[place]
        self.total = 0
        self.single = np.zeros(len(self.known), dtype=np.int64)
        self.double = np.zeros(self.topic.size, dtype=np.int64)

    def add(self, incidence: "csr_matrix", total: int) -> None:
        """Add a batch: ones (rows, words) where a word occurs in a row."""
        self.total += total
        if not incidence.nnz:
            return
        together = (incidence.T @ incidence).tocsr()
        self.single += together.diagonal().astype(np.int64)
        left = self.ids[self.topic, self.first]
        right = self.ids[self.topic, self.second]
        if len(left):  # an empty index gives no array but an empty matrix
            self.double += np.asarray(together[left, right], dtype=np.int64).ravel()

    def result(self) -> PairCounts:
        words = np.where(self.ids >= 0, self.single[np.maximum(self.ids, 0)], -1)
        width = self.ids.shape[1]
        pairs = np.zeros((len(self.keywords), width, width), dtype=np.int64)
        pairs[self.topic, self.first, self.second] = self.double
        pairs[self.topic, self.second, self.first] = self.double
        return PairCounts(self.total, words, pairs)


def count_documents(
    keywords: Sequence[Sequence[str]],
    counts: "csr_matrix | Iterable[csr_matrix]",
    vocabulary: Sequence[str],
    *,
    top: int = 10,
) -> PairCounts:
    """Count keywords and their pairs over whole documents.

    Parameters
    ----------
    keywords : list of list of str
        Words of each topic, best first.
    counts : csr (n, v), or an iterable of such batches
        Words of each document; any entry above 0 is an occurrence.
    vocabulary : list of str (v,)
        The word of each column. A keyword outside it counts as never seen.
    top : int
        How many words of each topic.

    Returns
    -------
    PairCounts

    Raises
    ------
    ParameterError
        When the vocabulary does not fit the counts.

    Notes
    -----
    Time: one sparse product of the keywords' columns. Memory: one pair of numbers a keyword pair.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> counts = csr_matrix([[1, 2, 0], [1, 0, 0], [0, 0, 1]])
    >>> pairs = count_documents([["a", "b"]], counts, ["a", "b", "c"])
    >>> pairs.total, pairs.words.tolist(), int(pairs.pairs[0, 0, 1])
    (3, [[2, 1]], 1)
    """
    from scipy.sparse import csr_matrix, issparse

    counter = _Counter(keywords, top)
    where = {word: column for column, word in enumerate(vocabulary)}
    columns = [(where[word], number) for word, number in counter.known.items() if word in where]
    # a 0/1 matrix that picks the keywords' columns in their own order
    picker = csr_matrix(
        (
            np.ones(len(columns), dtype=np.int64),
            ([c for c, _ in columns], [number for _, number in columns]),
        ),
        shape=(len(vocabulary), len(counter.known)),
    )
    batches = [counts] if issparse(counts) else many(counts, "counts", "word counts, csr (n, v)")
    for batch in cast("Iterable[csr_matrix]", batches):
        if batch.shape[1] != len(vocabulary):
            raise ParameterError(
                f"counts has {batch.shape[1]} columns and the vocabulary {len(vocabulary)} words: "
                "give the word of each column"
            )
        found = csr_matrix(batch > 0, dtype=np.int64) @ picker
        counter.add(found.tocsr(), batch.shape[0])
    return counter.result()


def count_windows(
    keywords: Sequence[Sequence[str]],
    texts: Iterable[Sequence[str]],
    *,
    window: int = 10,
    top: int = 10,
    as_gensim: bool = False,
) -> PairCounts:
    """Count keywords and their pairs over sliding windows of tokens.

    A text of t tokens has ``max(1, t - window + 1)`` windows; a word occurs in a window or not.

    Parameters
    ----------
    keywords : list of list of str
        Words of each topic, best first.
    texts : iterable of list of str
        Tokens of each text, in order; read once.
    window : int
        Tokens in a window.
    top : int
        How many words of each topic.
    as_gensim : bool
        Repeat a slip of gensim 4: when the first of two equal words in a window leaves it, the
        word counts as gone. Only for comparisons with gensim's own figures.

    Returns
    -------
    PairCounts

    Raises
    ------
    ParameterError
        For a window below 2 tokens, or texts that are no lists of strings.

    Examples
    --------
    >>> pairs = count_windows([["a", "b"]], [["a", "x", "b", "x"]], window=3)
    >>> pairs.total, pairs.words.tolist(), int(pairs.pairs[0, 0, 1])
    (2, [[1, 2]], 1)
    """
    whole_number(window, "window", 2)
    counter = _Counter(keywords, top)
    texts_held: list[tuple[Ids, Ids, int]] = []
    held = 0
    for text in word_lists(texts, "texts"):
        found = [
            (place, counter.known[token])
            for place, token in enumerate(text)
            if token in counter.known
        ]
        places = np.array([place for place, _ in found], dtype=np.int64)
        words = np.array([word for _, word in found], dtype=np.int64)
        texts_held.append((places, words, len(text)))
        held += places.size * window
        if held > _INCIDENCES:
            counter.add(*_windows(texts_held, window, len(counter.known), as_gensim))
            texts_held, held = [], 0
    if texts_held:
        counter.add(*_windows(texts_held, window, len(counter.known), as_gensim))
    return counter.result()


def _windows(
    texts: list[tuple[Ids, Ids, int]], window: int, width: int, as_gensim: bool
) -> "tuple[csr_matrix, int]":
    """Mark the words of every window: ones (windows, words) and the number of windows."""
    from scipy.sparse import csr_matrix

    lengths = np.array([length for _, _, length in texts], dtype=np.int64)
    windows = np.maximum(1, lengths - window + 1)
    offset = np.concatenate([[0], np.cumsum(windows)])
    many = np.array([places.size for places, _, _ in texts])
    text = np.repeat(np.arange(len(texts)), many)
    place = np.concatenate([places for places, _, _ in texts])
    word = np.concatenate([words for _, words, _ in texts])
    start = np.maximum(0, place - window + 1)
    stop = place + 1
    if as_gensim:
        order = np.lexsort((place, word, text))
        text, place, word, start = text[order], place[order], word[order], start[order]
        # one rising key, so that a search never leaves its own text and word
        stride = int(lengths.max(initial=0)) + 1
        group = (text * width + word) * stride
        stop = place[np.searchsorted(group + place, group + start)] + 1
    stop = np.minimum(stop, windows[text])
    span = np.maximum(0, stop - start)
    ends = np.cumsum(span)
    inside = np.arange(int(ends[-1]) if ends.size else 0) - np.repeat(ends - span, span)
    rows = np.repeat(offset[text] + start, span) + inside
    marks = csr_matrix(
        (np.ones(rows.size, dtype=np.int64), (rows, np.repeat(word, span))),
        shape=(int(offset[-1]), width),
    )
    marks.data[:] = 1  # the conversion added up repeats
    return marks, int(offset[-1])
