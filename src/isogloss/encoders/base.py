"""What an encoder is, and what it reports of texts longer than it can read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Truncation:
    """Count of texts longer than an encoder's window, and what became of them.

    Parameters
    ----------
    window : int or None
        Tokens that the encoder reads at once; None when there is no limit.
    texts : int
        Texts seen.
    long_texts : int
        Texts longer than the window.
    tokens : int
        Tokens in all texts.
    tokens_beyond : int
        Tokens beyond the first window of their text: pooled over further windows
        (``overflow="pool"``) or lost (``overflow="truncate"``).
    overflow : {"pool", "truncate", "error"}
        What the encoder does with them.
    stretched : int
        Texts read in one go beyond the positions that the model was trained on.

    Examples
    --------
    >>> Truncation(window=256, texts=4, long_texts=1, tokens=900, tokens_beyond=90).summary()
    '1 of 4 texts (25.0%) are longer than 256 tokens; 10.0% of all tokens were pooled over windows'
    """

    window: int | None = None
    texts: int = 0
    long_texts: int = 0
    tokens: int = 0
    tokens_beyond: int = 0
    overflow: str = "pool"
    stretched: int = 0

    def summary(self) -> str:
        """Say in one sentence how many texts are long and by how much; empty when none is."""
        found = [self._beyond()] if self.long_texts else []
        if self.stretched:
            found.append(
                f"{self.stretched:,} of {self.texts:,} texts were read with stretched positions"
            )
        return "; ".join(found)

    def _beyond(self) -> str:
        fate = "cut off" if self.overflow == "truncate" else "pooled over windows"
        return (
            f"{self.long_texts:,} of {self.texts:,} texts "
            f"({100 * self.long_texts / self.texts:.1f}%) are longer than {self.window} tokens; "
            f"{100 * self.tokens_beyond / max(1, self.tokens):.1f}% of all tokens were {fate}"
        )


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into unit vectors.

    Attributes
    ----------
    spec : str
        The spec string that loads it again.
    dim : int
        Length of a vector.
    fingerprint : str
        SHA-256 hex digest over weights, vocabulary and settings: equal fingerprints, equal vectors.
    max_tokens : int or None
        Longest window in tokens, None when there is no limit.
    truncation : Truncation
        Running count over all calls of `encode`.
    """

    spec: str
    dim: int
    fingerprint: str
    max_tokens: int | None
    truncation: Truncation

    def encode(self, texts: Sequence[str], *, batch_size: int | None = None) -> NDArray[np.float32]:
        """Encode documents: float32 (n, dim), unit rows; a text without content gives zeros."""
        ...

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries, with the model's own query prompt where it has one."""
        ...


class EncodesDocuments:
    """`encode_document`, the name that sentence-transformers gives to `encode`.

    Examples
    --------
    >>> from isogloss import load_encoder
    >>> load_encoder("lexical").encode_document(["a cat"]).shape
    (1, 384)
    """

    def encode_document(
        self: Any, texts: Sequence[str], *, batch_size: int | None = None
    ) -> NDArray[np.float32]:
        """Encode documents: the same as `encode`."""
        vectors: NDArray[np.float32] = self.encode(texts, batch_size=batch_size)
        return vectors


@dataclass(frozen=True, slots=True)
class EncoderInfo:
    """What a manifest keeps of an encoder.

    Examples
    --------
    >>> EncoderInfo("lsa", 192, "ab12", None, {}).spec
    'lsa'
    """

    spec: str
    dim: int
    fingerprint: str
    max_tokens: int | None
    parameters: dict[str, Any] = field(default_factory=dict)


def unit_rows(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Scale rows to length 1; a row of zeros stays zero.

    Parameters
    ----------
    vectors : float (n, d)

    Returns
    -------
    float32 (n, d)

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    dense = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(dense, axis=1, keepdims=True)
    norms[norms == 0] = 1.0
    return np.ascontiguousarray(dense / norms, dtype=np.float32)


def check_texts(texts: Sequence[str]) -> list[str]:
    """Refuse a bare string or anything that is not text.

    Raises
    ------
    ParameterError
        For a single string (a list of one was meant) or an element that is no string.

    Examples
    --------
    >>> check_texts(["a", "b"])
    ['a', 'b']
    """
    from isogloss._core.errors import ParameterError

    if isinstance(texts, str):
        raise ParameterError("encode takes a list of texts, not one string: wrap it as [text]")
    if hasattr(texts, "to_pylist"):
        texts = texts.to_pylist()
    items = list(texts)
    for row, text in enumerate(items):
        if not isinstance(text, str):
            raise ParameterError(
                f"texts[{row}] is {type(text).__name__}, not a string: drop it or give it as text"
            )
    return items
