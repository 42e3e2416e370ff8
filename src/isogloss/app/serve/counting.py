"""Count what an encoder reads of each text: its own tokens where it says so, else words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss._core.errors import EncoderError
from isogloss.encoders.base import Encoder
from isogloss.encoders.lexical import LexicalEncoder
from isogloss.text.tokens import text_buffers, tokenize


@dataclass(frozen=True, slots=True)
class Counter:
    """How long texts are, in the encoder's own measure.

    Parameters
    ----------
    unit : {"tokens", "words"}
        Tokens of the model, special ones and prompts left out; or words.
    count : callable
        Texts to one number each.

    Examples
    --------
    >>> from isogloss.encoders.lsa import LsaEncoder
    >>> counter = counter_for(LsaEncoder())
    >>> counter.unit, counter.count(["two words", "one"])
    ('words', [2, 1])
    """

    unit: str
    count: Callable[[Sequence[str]], list[int]]


def counter_for(encoder: Encoder) -> Counter:
    """Give the measure of an encoder."""
    if isinstance(encoder, LexicalEncoder):
        return Counter("words", _lexical_words(encoder))
    count = getattr(encoder, "count_tokens", None)
    if callable(count):
        return Counter("tokens", count)
    return Counter("words", lambda texts: [len(words) for words in tokenize(texts)])


def _lexical_words(encoder: LexicalEncoder) -> Callable[[Sequence[str]], list[int]]:
    # The encoder's own table cuts words natively, without making a string of each.
    table: Any = encoder._features

    def count(texts: Sequence[str]) -> list[int]:
        data, offsets = text_buffers(texts)
        lengths, _ = table.sequences(data, offsets, 0, len(offsets) - 1)
        counts: list[int] = np.asarray(lengths).tolist()
        return counts

    return count


@dataclass(frozen=True, slots=True)
class Windows:
    """What an encoder does with texts longer than it reads at once.

    Parameters
    ----------
    room : dict
        Tokens of a text that fit into one window, by kind of prompt; None for no limit.
    overflow : {"pool", "truncate", "error"}
        What becomes of the rest.

    Examples
    --------
    >>> Windows({"document": 3}, "truncate").report([2, 5], "document")
    {'long_inputs': 1, 'window': 3, 'tokens_beyond': 2, 'overflow': 'truncate', 'indices': [1]}
    """

    room: dict[str, int | None]
    overflow: str

    def report(self, counts: Sequence[int], kind: str) -> dict[str, Any] | None:
        """Say which texts are longer than the window, and by how much; None when none is."""
        room = self.room.get(kind)
        if room is None or max(counts, default=0) <= room:
            return None
        long = [row for row, count in enumerate(counts) if count > room]
        return {
            "long_inputs": len(long),
            "window": room,
            "tokens_beyond": sum(counts[row] - room for row in long),
            "overflow": self.overflow,
            "indices": long,
        }

    def refusal(self, counts: Sequence[int], kind: str, first: int) -> EncoderError | None:
        """Give the error for the first text that is too long, under ``overflow="error"``."""
        room = self.room.get(kind)
        if self.overflow != "error" or room is None:
            return None
        for row, count in enumerate(counts, start=first):
            if count > room:
                return EncoderError(
                    f"input[{row}] has {count:,} tokens, and this model reads {room}: shorten it"
                )
        return None


def windows_of(encoder: Encoder) -> Windows:
    """Ask an encoder for its windows."""
    room = getattr(encoder, "room", None)
    overflow = str(getattr(encoder, "overflow", "pool"))
    if not callable(room):
        return Windows({"document": None, "query": None}, overflow)
    return Windows({kind: room(kind) for kind in ("document", "query")}, overflow)
