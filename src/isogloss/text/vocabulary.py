"""The words of a corpus, and texts as counts of them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.files import write_json
from isogloss._core.threads import map_blocks
from isogloss.text.stopwords import stop_words_for
from isogloss.text.tokens import TOKENS_VERSION, text_buffers

FORMAT = 1
# Distinct words held while counting; beyond it the rarest are forgotten.
HELD_WORDS = 2_000_000
# Below FEW documents a word may stand in one, from MANY on it has to stand in three.
FEW, MANY = 200, 2000
# Rows that one thread counts at a time.
BLOCK_ROWS = 4096


class Vocabulary:
    """Words, and how many documents hold each.

    Parameters
    ----------
    words : list of str (v,)
        In the order of the columns of `counts`.
    document_frequency : int64 (v,)
        Documents that hold each word.
    n_documents : int
        Documents that were counted.

    Examples
    --------
    >>> vocabulary = Vocabulary.fit([["a cat", "the cat sat"], ["the dog sat"]], min_df=2)
    >>> vocabulary.words
    ['cat', 'sat', 'the']
    >>> vocabulary.counts(["cat cat dog"]).toarray().tolist()
    [[2.0, 0.0, 0.0]]
    """

    def __init__(
        self, words: Sequence[str], document_frequency: NDArray[np.int64], n_documents: int
    ) -> None:
        self.words = list(words)
        self.document_frequency = np.asarray(document_frequency, dtype=np.int64)
        self.n_documents = int(n_documents)

    @classmethod
    def fit(
        cls,
        batches: Iterable[Sequence[str]],
        *,
        max_words: int = 50_000,
        min_df: int | None = None,
        max_df_share: float = 0.5,
        stop_words: str | Iterable[str] | None = None,
    ) -> "Vocabulary":
        """Count the words of a stream of texts and keep those that tell texts apart.

        Parameters
        ----------
        batches : iterable of list of str, or of Arrow arrays of strings
        max_words : int, default 50,000
            The commonest are kept; ties go by word.
        min_df : int, optional
            Documents that must hold a word: 2, or 3 from 2,000 documents on, by default; 1 below
            200 documents, few of whose words stand there twice.
        max_df_share : float, default 0.5
            A word in more than this share of the documents says little and is left out (from
            20 documents on, and unless nothing else is left).
        stop_words : "auto", iterable of str, or None
            Words to leave out, written as the tokeniser writes them; ``"auto"`` takes the lists of
            the languages that the corpus speaks.

        Returns
        -------
        Vocabulary

        Raises
        ------
        ParameterError
            For a bound out of range.
        """
        if max_words < 1 or not 0 < max_df_share <= 1 or (min_df is not None and min_df < 1):
            raise ParameterError(
                f"max_words={max_words}, min_df={min_df}, max_df_share={max_df_share}: give "
                "max_words >= 1, min_df >= 1 and 0 < max_df_share <= 1"
            )
        if isinstance(stop_words, str) and stop_words != "auto":
            raise ParameterError(f"stop_words is {stop_words!r}: give 'auto' or a list of words")
        from isogloss import _native

        counter = _native.WordCounter(HELD_WORDS)
        for batch in batches:
            counter.add(*text_buffers(batch))
        documents = counter.documents
        least = min_df
        if least is None:
            least = 1 if documents < FEW else 2 + (documents >= MANY)
        most = max_df_share * documents if documents >= 20 else documents
        data, offsets, texts, _ = counter.words()
        raw, often = data.tobytes(), np.flatnonzero(texts >= min(least, documents / 50))
        bounds = np.stack([offsets[often], offsets[often + 1], texts[often]], axis=1).tolist()
        frequency = {raw[start:end].decode(): count for start, end, count in bounds}
        if stop_words == "auto":
            stopped = stop_words_for(frequency, documents)
        else:
            stopped = frozenset(stop_words or ())
        held = [(w, n) for w, n in frequency.items() if n >= least and w not in stopped]
        # Words that stand everywhere say little, but more than nothing.
        kept = [(word, count) for word, count in held if count <= most] or held
        kept.sort(key=lambda item: (-item[1], item[0]))
        kept = sorted(kept[:max_words])
        counts = np.array([count for _, count in kept], dtype=np.int64)
        return cls([word for word, _ in kept], counts, documents)

    @property
    def idf(self) -> NDArray[np.float32]:
        """Inverse document frequency, smoothed: ln((1 + n) / (1 + df)) + 1, float32 (v,)."""
        ratio = (1.0 + self.n_documents) / (1.0 + self.document_frequency)
        return np.asarray(np.log(ratio) + 1.0, dtype=np.float32)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over words and their frequencies."""
        held = json.dumps([TOKENS_VERSION, self.n_documents, self.words])
        digest = hashlib.sha256(held.encode())
        digest.update(self.document_frequency.astype("<i8").tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.words)

    def counts(self, texts: Sequence[str]) -> Any:
        """Count the words of texts: CSR float32 (n, v), sorted columns.

        Words that are not in the vocabulary do not count.
        """
        data, offsets = text_buffers(texts)
        n = len(offsets) - 1

        def count(first: int) -> Any:
            return self._table.count(data, offsets, first, min(first + BLOCK_ROWS, n))

        firsts = range(0, max(n, 1), BLOCK_ROWS)
        blocks = [count(0)] if len(firsts) == 1 else map_blocks(count, firsts)
        parts = list(zip(*blocks, strict=True))
        lengths, columns, values = (np.concatenate(part) for part in parts[:3])
        starts = np.zeros(n + 1, np.int32 if len(columns) < 2**31 else np.int64)
        np.cumsum(lengths, out=starts[1:])
        stored = (values.astype(np.float32), columns, starts)
        import scipy.sparse as sp

        return sp.csr_matrix(stored, shape=(n, len(self.words)))

    @cached_property
    def _table(self) -> Any:
        from isogloss import _native

        return _native.WordTable(*text_buffers(self.words))

    def save(self, folder: Path) -> None:
        """Write the vocabulary into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / "vocabulary.json",
            {
                "format": FORMAT,
                "documents": self.n_documents,
                "words": self.words,
                "document_frequency": self.document_frequency.tolist(),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """Read what `save` wrote.

        Raises
        ------
        AtlasError
            When the file is missing, damaged or too new.
        """
        path = folder / "vocabulary.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["format"] > FORMAT:
                raise AtlasError(f"{path} has format {value['format']}: upgrade isogloss")
            words, counts = value["words"], value["document_frequency"]
            documents = value["documents"]
            if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
                raise ValueError("words are no list of strings")
            if len(set(words)) != len(words):
                raise ValueError("a word stands twice")
            if len(counts) != len(words):
                raise ValueError("words and frequencies differ in number")
            if not all(type(count) is int and 0 <= count <= documents for count in counts):
                raise ValueError("a frequency is no number of documents")
            return cls(words, np.array(counts, dtype=np.int64), documents)
        except FileNotFoundError as error:
            raise AtlasError(f"{path} is missing") from error
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise AtlasError(f"{path} is damaged: {error}") from error


def tfidf(counts: Any, idf: NDArray[np.float32], *, sublinear: bool = True) -> Any:
    """Weigh counts by (1 + ln count) times idf, rows to unit length: CSR float32 (n, v).

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> weighed = tfidf(sp.csr_matrix([[1.0, 1.0], [0.0, 0.0]]), np.array([3.0, 4.0]))
    >>> [[round(float(x), 3) for x in row] for row in weighed.toarray()]
    [[0.6, 0.8], [0.0, 0.0]]
    """
    import scipy.sparse as sp

    weighed = sp.csr_matrix(counts, dtype=np.float32, copy=True)
    if sublinear:
        weighed.data = 1.0 + np.log(weighed.data)
    weighed.data *= np.asarray(idf, dtype=np.float32)[weighed.indices]
    squares = np.add.reduceat(
        np.append(weighed.data.astype(np.float64) ** 2, 0.0), weighed.indptr[:-1]
    ) if weighed.shape[0] else np.zeros(0)  # fmt: skip
    squares[np.diff(weighed.indptr) == 0] = 0.0
    lengths = np.sqrt(squares)
    lengths[lengths == 0] = 1.0
    scale = np.repeat(1.0 / lengths, np.diff(weighed.indptr)).astype(np.float32)
    weighed.data = (weighed.data * scale).astype(np.float32)
    return weighed
