"""What a situator is: chunks of documents in, one unit vector a chunk out, and what it rests on.

A *reading* holds everything that the vector of one chunk is computed from. Its key is a digest of
just that, so equal keys mean equal vectors, and a chunk is stale when its key is another.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.encoders.base import Truncation, check_texts

__all__ = ["BaseSituator", "Chunked", "Reading", "Situator", "Span", "as_chunked", "digest_of"]

# Readings that are held at once when whole documents are encoded.
BLOCK_CHUNKS = 2048


@dataclass(frozen=True, slots=True)
class Chunked:
    """A document, cut in chunks.

    Parameters
    ----------
    chunks : tuple of str
        In the order of the document, without gaps that matter and without overlap.
    title : str
        Empty when there is none.

    Examples
    --------
    >>> Chunked(("He left.", "She stayed."), title="Two people").chunks[1]
    'She stayed.'
    """

    chunks: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Some tokens of a window, which a chunk's vector is pooled from.

    Parameters
    ----------
    ids : tuple of int
        All tokens of the window, special ones included.
    start, stop : int
        Those of the chunk.
    """

    ids: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the vector of one chunk is computed from.

    Parameters
    ----------
    text : str
        What is read as the chunk, with a prefix where there is one.
    context : str
        What is read beside it; empty for nothing.
    spans : tuple of Span
        For late chunking: the chunk's tokens within their windows.
    neighbours : tuple of int
        Places of the other chunks of the document that the vector may depend on, ascending.
    empty : bool
        The chunk has no content: its vector is zeros, whatever surrounds it.

    Examples
    --------
    >>> Reading("a").key == Reading("a", neighbours=(1,)).key, Reading("a").key == Reading("b").key
    (True, False)
    """

    text: str
    context: str = ""
    spans: tuple[Span, ...] = ()
    neighbours: tuple[int, ...] = ()
    empty: bool = False

    @property
    def key(self) -> str:
        """Digest of what is read: 32 hex digits. The neighbours count through what they bring."""
        if self.empty:
            return digest_of([""])
        parts = [self.text, self.context]
        for span in self.spans:
            parts.append(f"{span.start}:{span.stop}:{','.join(map(str, span.ids))}")
        return digest_of(parts)


def digest_of(parts: Iterable[str]) -> str:
    """Digest strings, each with its length: 32 hex digits.

    Examples
    --------
    >>> digest_of(["ab", "c"]) == digest_of(["a", "bc"])
    False
    """
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        total.update(f"{len(data)}:".encode())
        total.update(data)
    return total.hexdigest()[:32]


@runtime_checkable
class Situator(Protocol):
    """Anything that gives chunks vectors within their documents; also an `Encoder`.

    Attributes
    ----------
    spec : str
        What it is, in words that `load_situator` or a person understands.
    dim : int
        Length of a vector.
    fingerprint : str
        SHA-256 hex digest over weights and settings: equal fingerprints and keys, equal vectors.
    max_tokens : int or None
        Longest window in tokens.
    truncation : Truncation
        Running count of what did not fit.
    """

    spec: str
    dim: int
    fingerprint: str
    max_tokens: int | None
    truncation: Truncation

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk's vector is computed from, and which neighbours enter it."""
        ...

    def vectors(self, readings: Sequence[Reading]) -> NDArray[np.float32]:
        """Encode readings: float32 (n, dim), unit rows."""
        ...

    def situate(self, documents: Iterable[Chunked | Sequence[str]]) -> NDArray[np.float32]:
        """Encode every chunk of documents: float32 (chunks, dim), unit rows, in order."""
        ...

    def encode(self, texts: Sequence[str], *, batch_size: int | None = None) -> NDArray[np.float32]:
        """Encode texts that stand alone, each a document of one chunk: float32 (n, dim)."""
        ...

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries, to be compared with the vectors of chunks by inner product."""
        ...


class BaseSituator:
    """What all situators share: whole documents, texts that stand alone, refusals.

    A subclass sets the attributes and gives `readings`, `_encode` and `encode_query`.
    """

    spec: str
    dim: int
    fingerprint: str
    max_tokens: int | None
    truncation: Truncation

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk's vector is computed from, and which neighbours enter it.

        Parameters
        ----------
        document : Chunked

        Returns
        -------
        list of Reading
            One a chunk, in order.
        """
        raise NotImplementedError

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries: float32 (n, dim), unit rows."""
        raise NotImplementedError

    def _encode(self, readings: list[Reading]) -> NDArray[np.float32]:
        """Encode readings, none of which is empty and no two of which are equal."""
        raise NotImplementedError

    def vectors(self, readings: Sequence[Reading]) -> NDArray[np.float32]:
        """Encode readings; equal ones are encoded once.

        Parameters
        ----------
        readings : sequence of Reading
            Of any documents, in any order.

        Returns
        -------
        float32 (n, dim)
            Unit rows; zeros for chunks without content.
        """
        places: dict[str, list[int]] = {}
        distinct: list[Reading] = []
        for row, reading in enumerate(readings):
            if reading.empty:
                continue
            key = reading.key
            if key not in places:
                distinct.append(reading)
            places.setdefault(key, []).append(row)
        found = self._encode(distinct) if distinct else None
        out = np.zeros((len(readings), self.dim), dtype=np.float32)
        if found is not None:
            for vector, rows in zip(found, places.values(), strict=True):
                out[rows] = vector
        return out

    def situate(self, documents: Iterable[Chunked | Sequence[str]]) -> NDArray[np.float32]:
        """Encode every chunk of documents.

        Parameters
        ----------
        documents : iterable of Chunked or of list of str

        Returns
        -------
        float32 (chunks, dim)
            Unit rows, document by document in the order of the chunks; zeros for chunks without
            content.

        Raises
        ------
        ParameterError
            For a document that is no list of texts.
        """
        if not isinstance(documents, Iterable) or isinstance(documents, str | Chunked):
            kind = type(documents).__name__
            raise ParameterError(f"documents is {kind}: give a list of documents cut in chunks")
        blocks: list[NDArray[np.float32]] = []
        held: list[Reading] = []
        for place, document in enumerate(documents):
            held += self.readings(as_chunked(document, place))
            if len(held) >= BLOCK_CHUNKS:
                blocks.append(self.vectors(held))
                held = []
        blocks.append(self.vectors(held))
        return np.concatenate(blocks)

    def encode(self, texts: Sequence[str], *, batch_size: int | None = None) -> NDArray[np.float32]:
        """Encode texts that stand alone, each a document of one chunk.

        Parameters
        ----------
        texts : sequence of str
        batch_size : int, optional
            Texts at once, 1 or more. Changes memory only.

        Returns
        -------
        float32 (n, dim)
            Unit rows.

        Raises
        ------
        ParameterError
            For one string instead of a list, what is no string, or a batch size below 1.
        """
        items = check_texts(texts)
        size = BLOCK_CHUNKS if batch_size is None else batch_size
        if size < 1:
            raise ParameterError(f"batch_size={batch_size}: give 1 or more")
        blocks = [np.zeros((0, self.dim), dtype=np.float32)]
        for start in range(0, len(items), size):
            some = [Chunked((text,)) for text in items[start : start + size]]
            blocks.append(self.vectors([self.readings(one)[0] for one in some]))
        return np.concatenate(blocks)


def as_chunked(document: Any, place: int = 0) -> Chunked:
    """Take a list of chunks for a document; refuse what is none.

    Parameters
    ----------
    document : Chunked or sequence of str
    place : int
        Of the document, for the message.

    Raises
    ------
    ParameterError
        For one string instead of a list, or a chunk that is no string.

    Examples
    --------
    >>> as_chunked(["a", "b"])
    Chunked(chunks=('a', 'b'), title='')
    >>> as_chunked("ab")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: documents[0] is one string: give its chunks as a list
    """
    chunks = document.chunks if isinstance(document, Chunked) else document
    if isinstance(chunks, str):
        raise ParameterError(f"documents[{place}] is one string: give its chunks as a list")
    if not isinstance(chunks, Iterable):
        kind = type(document).__name__
        raise ParameterError(f"documents[{place}] is {kind}: give its chunks as a list of strings")
    items = tuple(chunks)
    for row, text in enumerate(items):
        if not isinstance(text, str):
            raise ParameterError(
                f"documents[{place}], chunk {row} is {type(text).__name__}, not a string"
            )
    title = document.title if isinstance(document, Chunked) else ""
    if not isinstance(title, str):
        raise ParameterError(f"documents[{place}]: its title is {type(title).__name__}, not text")
    return Chunked(items, title)
