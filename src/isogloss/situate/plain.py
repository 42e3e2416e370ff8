"""Two baselines: the chunk alone, and a bigger chunk.

Neither is situated. A bigger chunk reads its neighbours as if they were its own text, so that it
is found by what the neighbours say; it stands here to be compared with.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.encoders.base import Encoder
from isogloss.situate.base import BaseSituator, Chunked, Reading

__all__ = ["BiggerChunk", "ChunkOnly", "around", "check_reach", "fingerprint_of"]


class ChunkOnly(BaseSituator):
    """Each chunk is read alone: what every situator is compared with.

    Parameters
    ----------
    encoder : Encoder

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> plain = ChunkOnly(load_encoder("lexical"))
    >>> plain.situate([["a black cat", "it sleeps"], ["a dog"]]).shape
    (3, 384)
    >>> plain.readings(Chunked(("a black cat", "it sleeps")))[1].neighbours
    ()
    """

    name = "chunk"

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.spec = f"{self.name} of {encoder.spec}"
        self.dim = encoder.dim
        self.max_tokens = encoder.max_tokens
        self.truncation = encoder.truncation
        self.fingerprint = fingerprint_of(self.name, {}, [encoder.fingerprint])

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk's vector is computed from: its own text."""
        return [Reading(text, empty=not text.strip()) for text in document.chunks]

    def _encode(self, readings: list[Reading]) -> NDArray[np.float32]:
        return self.encoder.encode([reading.text for reading in readings])

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries as the encoder does: float32 (n, dim), unit rows."""
        return self.encoder.encode_query(texts)


class BiggerChunk(ChunkOnly):
    """The chunk and its neighbours, read as one text: a baseline, not a situated vector.

    Parameters
    ----------
    encoder : Encoder
    before, after : int, default 1
        Neighbours on either side, 0 or more.

    Raises
    ------
    ParameterError
        For a negative number.

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> window = BiggerChunk(load_encoder("lexical"))
    >>> middle = window.readings(Chunked(("One.", "Two.", "Three.")))[1]
    >>> middle.text, middle.neighbours
    ('One. Two. Three.', (0, 2))
    """

    name = "window"

    def __init__(self, encoder: Encoder, *, before: int = 1, after: int = 1) -> None:
        super().__init__(encoder)
        check_reach(before, after)
        self.before, self.after = before, after
        self.fingerprint = fingerprint_of(
            self.name, {"before": before, "after": after}, [encoder.fingerprint]
        )

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk's vector is computed from: itself amid its neighbours."""
        found = []
        for place, text in enumerate(document.chunks):
            near = around(document.chunks, place, self.before, self.after)
            whole = [document.chunks[i] for i in sorted((*near, place))]
            found.append(
                Reading(
                    " ".join(part.strip() for part in whole if part.strip()),
                    neighbours=near,
                    empty=not text.strip(),
                )
            )
        return found


def around(chunks: Sequence[str], place: int, before: int, after: int) -> tuple[int, ...]:
    """Give the places of the neighbours of a chunk, ascending and without its own.

    Examples
    --------
    >>> around("abcde", 1, 2, 2)
    (0, 2, 3)
    """
    first, last = max(0, place - before), min(len(chunks), place + after + 1)
    return tuple(i for i in range(first, last) if i != place)


def check_reach(before: int, after: int) -> None:
    """Refuse a number of neighbours that is none.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> check_reach(1, 0)
    """
    for name, value in (("before", before), ("after", after)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ParameterError(f"{name} is {value!r}: give a number of chunks, 0 or more")


def fingerprint_of(name: str, settings: dict[str, Any], parts: Sequence[str]) -> str:
    """Give one SHA-256 over the name of a situator, its settings and its encoders.

    Examples
    --------
    >>> len(fingerprint_of("chunk", {}, ["ab"]))
    64
    """
    held = json.dumps([name, settings, list(parts)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(held.encode("utf-8", "surrogatepass")).hexdigest()
