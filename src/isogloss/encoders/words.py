"""Static word vectors, averaged with weights by word frequency (SIF).

Paper: Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings",
algorithm 1: each word weighs a / (a + p(word)), and the projection on the first principal component
of the vectors is taken away. Different here: files of word vectors hold no counts, so p comes from
the rank of a word by Zipf's law; and the component is fitted by `fit` on a sample, never by
`encode`, so that a text's vector does not depend on the texts beside it.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError
from isogloss._core.threads import single_threaded_blas
from isogloss.encoders.base import EncodesDocuments, Truncation, check_texts, unit_rows
from isogloss.encoders.folder import digest
from isogloss.encoders.word_files import read_word_file

_TOKEN = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


def split_words(text: str) -> list[str]:
    """Split a text into words, keeping inner apostrophes and hyphens.

    Examples
    --------
    >>> split_words("Don't use ice-cream, please!")
    ["Don't", 'use', 'ice-cream', ',', 'please', '!']
    """
    return _TOKEN.findall(text)


def zipf(count: int) -> NDArray[np.float64]:
    """Give the probability of each word by its rank: proportional to 1 / rank.

    Parameters
    ----------
    count : int
        Size of the vocabulary, v, in order of falling frequency.

    Returns
    -------
    float64 (v,)
        Sums to 1.

    Examples
    --------
    >>> zipf(2).round(3).tolist()
    [0.667, 0.333]
    """
    shares = 1.0 / np.arange(1, count + 1)
    return np.asarray(shares / shares.sum())


def first_component(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the direction of largest second moment; the vectors are not centred, as in the paper.

    Parameters
    ----------
    vectors : float32 (n, d)

    Returns
    -------
    float32 (d,)
        Unit length; its component of largest size is positive.

    Examples
    --------
    >>> first_component(np.array([[2.0, 0.0], [0.0, 1.0]], dtype=np.float32)).round(3).tolist()
    [1.0, 0.0]
    """
    dense = vectors.astype(np.float64)
    with single_threaded_blas():
        _, directions = np.linalg.eigh(dense.T @ dense)
    top = directions[:, -1]
    return np.asarray(top * np.sign(top[np.argmax(np.abs(top))]), dtype=np.float32)


class WordsEncoder(EncodesDocuments):
    """Texts as weighted means of static word vectors.

    A word is looked up as it is written, then in lower case; words of no vector are left out and
    counted. Reads texts of any length. After loading, reading is thread-safe.

    Parameters
    ----------
    path : Path
        A file that `isogloss.encoders.word_files.read_word_file` reads.
    max_words : int, default 500000
        Words to keep, the most frequent ones first.
    a : float, default 1e-3
        Smoothing of the weights a / (a + p(word)); larger means more even.

    Attributes
    ----------
    words_left_out : int or None
        Words of the file beyond `max_words`; None when there are some and nobody knows how many.
    duplicates : int
        Rows of the file whose word came before.
    unknown_words : int
        Words of all texts so far that have no vector.
    component_ : float32 (d,) or None
        The direction that `fit_component` found.

    Raises
    ------
    EncoderError
        When the file is missing, damaged or of another format.
    ParameterError
        For a parameter that is not positive.
    """

    def __init__(self, path: Path, *, max_words: int = 500_000, a: float = 1e-3) -> None:
        for name, value in (("max_words", max_words), ("a", a)):
            if not value > 0:
                raise ParameterError(f"{name}={value}: give more than 0")
        found = read_word_file(path, max_words=max_words)
        self.spec = f"words:{path}"
        self.dim = found.vectors.shape[1]
        self.max_tokens: int | None = None
        self.truncation = Truncation()
        self.words_left_out = found.left_out
        self.duplicates = found.duplicates
        self.unknown_words = 0
        self.component_: NDArray[np.float32] | None = None
        self._rows = {word: row for row, word in enumerate(found.words)}
        self._vectors = found.vectors
        self._weights = a / (a + zipf(len(found.words)))
        self._identity = f"words\0{digest(path)}\0{max_words}\0{a!r}"
        self.fingerprint = hashlib.sha256(self._identity.encode()).hexdigest()
        self._lock = threading.Lock()

    def fit_component(self, texts: Sequence[str]) -> "WordsEncoder":
        """Find the direction that all texts share, and take it away from now on.

        Parameters
        ----------
        texts : sequence of str
            A sample of the texts to be encoded, some hundreds or more.

        Returns
        -------
        WordsEncoder
            Itself, with another fingerprint; the component is not part of the spec string.

        Raises
        ------
        EncoderError
            When none of the texts has a word with a vector.
        """
        self.component_ = None
        vectors = self.encode(texts)
        if not vectors.any():
            raise EncoderError(f"{self.spec!r} knows no word of the {len(vectors)} sample texts")
        self.component_ = first_component(vectors)
        identity = self._identity.encode() + self.component_.tobytes()
        self.fingerprint = hashlib.sha256(identity).hexdigest()
        return self

    def encode(self, texts: Sequence[str], *, batch_size: int | None = None) -> NDArray[np.float32]:
        """Encode texts; each vector depends on its text alone.

        Parameters
        ----------
        texts : sequence of str
            Not one string.
        batch_size : int, optional
            Taken for the sake of the contract; changes nothing.

        Returns
        -------
        float32 (n, dim)
            Unit rows; zeros for a text without a known word.

        Raises
        ------
        ParameterError
            For a bare string or an element that is no string.
        """
        items = check_texts(texts)
        out = np.zeros((len(items), self.dim))
        tokens = unknown = 0
        for row, text in enumerate(items):
            words = split_words(text)
            known = [at for word in words if (at := self._find(word)) is not None]
            tokens += len(words)
            unknown += len(words) - len(known)
            if known:
                weighted = self._vectors[known] * self._weights[known, None]
                out[row] = weighted.sum(axis=0) / len(known)
        with self._lock:
            self.truncation.texts += len(items)
            self.truncation.tokens += tokens
            self.unknown_words += unknown
        if self.component_ is not None:
            shared = np.einsum("nd,d->n", out, self.component_)
            out -= shared[:, None] * self.component_
        return unit_rows(out)

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries; the same as `encode`."""
        return self.encode(texts)

    def _find(self, word: str) -> int | None:
        at = self._rows.get(word)
        return self._rows.get(word.lower()) if at is None else at
