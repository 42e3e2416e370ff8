"""Read texts longer than a model's window: cut, encode the pieces, pool their vectors.

A text longer than the window is cut between words into windows of at most ``limit`` tokens. The
unit vectors of its windows are averaged, each weighted by its tokens, and brought to unit length.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError, nearest
from isogloss.encoders.base import EncodesDocuments, Truncation, check_texts, unit_rows

Overflow = Literal["pool", "truncate", "error"]
Piece = TypeVar("Piece")

BLOCK_TEXTS = 2048  # texts held as tokens at once, and their characters: bounds memory
BLOCK_CHARACTERS = 4_000_000


@dataclass(slots=True)
class Pieces(Generic[Piece]):
    """Windows of a block of texts, ready for a model.

    Parameters
    ----------
    items : list
        What the model reads: token ids, or strings.
    lengths : list of int
        Tokens in each, with the model's special tokens.
    owners : list of int
        Which text of the block each belongs to, ascending.
    weights : list of int
        Tokens of the text in each, without special tokens.
    prompt : str
        What the model reads before each; its tokens are in ``lengths``.
    """

    items: list[Piece]
    lengths: list[int]
    owners: list[int]
    weights: list[int]
    prompt: str = ""


def check_overflow(overflow: str) -> Overflow:
    """Refuse an unknown way to treat long texts.

    Raises
    ------
    ParameterError
        When it is none of ``"pool"``, ``"truncate"``, ``"error"``.

    Examples
    --------
    >>> check_overflow("pool")
    'pool'
    """
    for known in get_args(Overflow):
        if overflow == known:
            return known  # type: ignore[no-any-return]
    raise ParameterError(f"overflow={overflow!r}: {nearest(overflow, get_args(Overflow))}")


def cut(words: Sequence[int | None], limit: int) -> list[tuple[int, int]]:
    """Cut a text's tokens into windows, between words where a word fits into a window.

    Parameters
    ----------
    words : sequence of int or None, length t
        For each token the number of the word it belongs to.
    limit : int
        Most tokens in a window, at least 1.

    Returns
    -------
    list of (start, stop)
        In order, without gaps or overlap; none is empty.

    Examples
    --------
    >>> cut([0, 1, 1, 2, 3], 2)
    [(0, 1), (1, 3), (3, 5)]
    >>> cut([0, 0, 0], 2)
    [(0, 2), (2, 3)]
    """
    spans = []
    start, total = 0, len(words)
    while start < total:
        stop = min(start + limit, total)
        if stop < total and words[stop] is not None and words[stop] == words[stop - 1]:
            edge = stop - 1
            while edge > start and words[edge - 1] == words[stop]:
                edge -= 1
            if edge > start:
                stop = edge
        spans.append((start, stop))
        start = stop
    return spans


def blocks(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut a list of texts into blocks that are held at once.

    Parameters
    ----------
    sizes : sequence of int
        Characters of each text.

    Yields
    ------
    (start, stop)
        At most `BLOCK_TEXTS` texts with `BLOCK_CHARACTERS` characters, or one longer text.

    Examples
    --------
    >>> list(blocks([1, BLOCK_CHARACTERS, 1, 1]))
    [(0, 1), (1, 2), (2, 4)]
    """
    start = characters = 0
    for row, size in enumerate(sizes):
        full = row - start == BLOCK_TEXTS or characters + size > BLOCK_CHARACTERS
        if full and row > start:
            yield start, row
            start, characters = row, 0
        characters += size
    if start < len(sizes):
        yield start, len(sizes)


def pool(
    vectors: NDArray[np.floating[Any]], pieces: Pieces[Any], texts: int
) -> NDArray[np.float32]:
    """Average the vectors of each text's windows, weighted by tokens; unit rows.

    Parameters
    ----------
    vectors : float (m, d)
        One row a window, any length.
    pieces : Pieces
        Which text each window belongs to.
    texts : int
        Number of texts, n.

    Returns
    -------
    float32 (n, d)
        Unit rows; zeros for a text without windows.

    Examples
    --------
    >>> pool(np.eye(2), Pieces(["a", "b"], [3, 3], [0, 0], [1, 1]), 2).round(3).tolist()
    [[0.7070000171661377, 0.7070000171661377], [0.0, 0.0]]
    """
    rows = unit_rows(vectors).astype(np.float64)
    out = np.zeros((texts, vectors.shape[1]))
    for row, owner, weight in zip(rows, pieces.owners, pieces.weights, strict=True):
        out[owner] += weight * row
    return unit_rows(out)


class WindowedEncoder(EncodesDocuments, Generic[Piece]):
    """What every encoder with a window shares: cutting, counting and pooling.

    A subclass gives `_tokenise` (texts to words of tokens), `_piece` (a window as the model reads
    it) and `_forward` (windows to vectors).

    Parameters
    ----------
    spec, dim, fingerprint, max_tokens
        See `isogloss.encoders.base.Encoder`.
    overflow : {"pool", "truncate", "error"}
        What to do with texts longer than the window.
    prompts : dict
        Text put before documents (``"document"``) and queries (``"query"``).
    """

    def __init__(
        self,
        *,
        spec: str,
        dim: int,
        fingerprint: str,
        max_tokens: int | None,
        overflow: str = "pool",
        prompts: dict[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self.dim = dim
        self.fingerprint = fingerprint
        self.max_tokens = max_tokens
        self.overflow: Overflow = check_overflow(overflow)
        self.prompts = dict(prompts or {})
        self.truncation = Truncation(window=max_tokens, overflow=self.overflow)
        self._trained: int | None = None  # positions of a stretched model
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], *, batch_size: int | None = None) -> NDArray[np.float32]:
        """Encode documents.

        Parameters
        ----------
        texts : sequence of str
            Not one string.
        batch_size : int, optional
            Most windows that the model reads at once. Changes time and memory only.

        Returns
        -------
        float32 (n, dim)
            Unit rows in the order of the texts; zeros for a text without content.

        Raises
        ------
        ParameterError
            For a bare string or an element that is no string.
        EncoderError
            For a text longer than the window under ``overflow="error"``.
        """
        return self._encode(texts, "document", batch_size)

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries, with the model's query prompt where it has one; see `encode`."""
        return self._encode(texts, "query", None)

    def _encode(
        self, texts: Sequence[str], kind: str, batch_size: int | None
    ) -> NDArray[np.float32]:
        items = check_texts(texts)
        if batch_size is not None and batch_size < 1:
            raise ParameterError(f"batch_size={batch_size}: give 1 or more")
        out = np.zeros((len(items), self.dim), dtype=np.float32)
        for start, stop in blocks([len(text) for text in items]):
            block = items[start:stop]
            pieces = self._pieces(block, self.prompts.get(kind, ""), start)
            if pieces.items:
                vectors = self._forward(pieces, batch_size)
                out[start:stop] = pool(vectors, pieces, len(block))
        return out

    def _pieces(self, texts: list[str], prompt: str, first: int) -> Pieces[Piece]:
        pieces: Pieces[Piece] = Pieces([], [], [], [], prompt)
        limit, extra = self._room(prompt)
        counts = []
        filled = [row for row, text in enumerate(texts) if text.strip()]
        tokenised = self._tokenise([texts[row] for row in filled], prompt)
        for row, (tokens, words) in zip(filled, tokenised, strict=True):
            counts.append(len(words))
            if limit is None or len(words) <= limit:
                spans = [(0, len(words))] if words else []
            elif self.overflow == "error":
                raise EncoderError(
                    f"texts[{first + row}] has {len(words):,} tokens and {self.spec!r} reads "
                    f"{limit}: shorten it, or use overflow='pool' or 'truncate'"
                )
            else:
                spans = [(0, limit)] if self.overflow == "truncate" else cut(words, limit)
            for start, stop in spans:
                pieces.items.append(self._piece(texts[row], tokens, start, stop))
                pieces.lengths.append(stop - start + extra)
                pieces.owners.append(row)
                pieces.weights.append(stop - start)
        self._count(len(texts), counts, limit, extra)
        return pieces

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Give the number of tokens of each text, special tokens and prompts left out."""
        return [len(words) for _, words in self._tokenise(check_texts(texts), "")]

    def room(self, kind: str) -> int | None:
        """Give the tokens of a text that fit into one window, None for no limit.

        Parameters
        ----------
        kind : {"document", "query"}
            Whose prompt stands before the text.
        """
        return self._room(self.prompts.get(kind, ""))[0]

    def _count(self, texts: int, counts: list[int], limit: int | None, extra: int) -> None:
        beyond = [count - limit for count in counts if limit is not None and count > limit]
        with self._lock:
            self.truncation.texts += texts
            self.truncation.long_texts += len(beyond)
            self.truncation.tokens += sum(counts)
            self.truncation.tokens_beyond += sum(beyond)
            if self._trained is not None:
                self.truncation.stretched += sum(n + extra > self._trained for n in counts)

    def _room(self, prompt: str) -> tuple[int | None, int]:
        """Tokens of a text that fit into a window, and tokens that the model adds to them."""
        raise NotImplementedError

    def _tokenise(self, texts: list[str], prompt: str) -> list[tuple[Any, Sequence[int | None]]]:
        """For each text its tokens, as `_piece` wants them, and the word of each token."""
        raise NotImplementedError

    def _piece(self, text: str, tokens: Any, start: int, stop: int) -> Piece:
        raise NotImplementedError

    def _forward(self, pieces: Pieces[Piece], batch_size: int | None) -> NDArray[np.floating[Any]]:
        raise NotImplementedError
