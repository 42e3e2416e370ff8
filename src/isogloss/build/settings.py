"""What a build is told, and what of it decides the result."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss._core.errors import ParameterError
from isogloss.build.topic_settings import check_topics, topics_of

# Documents in a shard: what a kill loses at most, about half a minute of a transformer.
SHARD_ROWS = 2048
SHARD_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """Settings of a build.

    Parameters
    ----------
    text : str or None
        Text column; found when there is just one candidate.
    id : str or None
        Id column; the column `id` when there is one, else the documents are numbered.
    encoder : str or None
        Spec string of the encoder. None is the one that the atlas has, else `lexical`, or `lsa`
        for texts that are not in its language.
    passages : {"document"}
        What becomes a passage.
    seed : int
        Of every random draw.
    limit : int or None
        Documents to read at most.
    engine : {"local"}
        Where the work is done.
    memory_mb : int
        Bounds what the build holds at once: the sample on which encoder and topics are fitted.
    n_topics : int, "auto" or None
        Leaf topics wanted; "auto" is as many as the passages suggest. None is what the atlas has,
        else "auto".
    min_topic_size : int or None
        As in `TopicModel`. None is what the atlas has, else 10.
    seeds : mapping of str to sequence of str, or None
        Topics that are asked for: names, and words. None are those that the atlas has, else none.

    Examples
    --------
    >>> BuildSettings(seed=3, n_topics=20).identity()["n_topics"]
    20
    """

    text: str | None = None
    id: str | None = None
    encoder: str | None = None
    passages: str = "document"
    seed: int = 0
    limit: int | None = None
    engine: str = "local"
    memory_mb: int = 2048
    n_topics: int | str | None = None
    min_topic_size: int | None = None
    seeds: Mapping[str, Sequence[str]] | None = None

    def check(self) -> None:
        """Refuse values that cannot be used.

        Raises
        ------
        ParameterError
            With the name of the setting and what would be right.
        """
        _known("passages", self.passages, ["document", "segment"])
        _known("engine", self.engine, ["local", "ray"])
        if self.passages == "segment":
            raise ParameterError(
                "passages='segment' is not there yet: use 'document' (long documents are pooled "
                "over windows)"
            )
        if self.engine == "ray":
            raise ParameterError("engine='ray' is not there yet: use 'local'")
        if not (_whole(self.seed) and 0 <= self.seed < 2**63):
            raise ParameterError(
                f"seed is {self.seed!r}; it must be 0 or a positive 63-bit integer"
            )
        if self.limit is not None and not (_whole(self.limit) and self.limit >= 1):
            raise ParameterError(f"limit is {self.limit!r}; it must be a whole number, at least 1")
        if not _whole(self.memory_mb):
            raise ParameterError(f"memory_mb is {self.memory_mb!r}; it must be a whole number")
        if self.memory_mb < 256:
            raise ParameterError(f"memory is {self.memory_mb} MB; it must be at least 256 MB")
        check_topics(self)

    @property
    def encoder_spec(self) -> str:
        """The encoder, once one is chosen.

        Raises
        ------
        ParameterError
            Before.
        """
        if self.encoder is None:
            raise ParameterError("no encoder is chosen yet: give a spec such as 'lexical'")
        return self.encoder

    def identity(self) -> dict[str, Any]:
        """Give the settings that decide the result; two builds agree on all of them or differ."""
        return {
            "encoder": self.encoder,
            "passages": self.passages,
            "seed": self.seed,
            "memory_mb": self.memory_mb,
            **topics_of(self),
        }

    @property
    def sample_bytes(self) -> int:
        """Bytes of text in the sample on which encoder and vocabulary are fitted."""
        return self.memory_mb * (1 << 20) // 16

    @property
    def sample_rows(self) -> int:
        """Passages in that sample."""
        return max(2000, min(60_000, self.memory_mb * 30))


def _whole(value: Any) -> bool:
    """Tell whether a value is a whole number of Python's or NumPy's, no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _known(name: str, value: str, known: list[str]) -> None:
    if value not in known:
        close = difflib.get_close_matches(value, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise ParameterError(f"{name} is {value!r}; {hint}")
