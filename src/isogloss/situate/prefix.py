"""Contextual prefixes without a language model: title, first sentence, keywords of the document.

A prefix says in a line what the chunk belongs to, and is read before it. The chunk's own words are
never repeated: its own first sentence is left out, and so are keywords that it holds itself.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest
from isogloss.encoders.base import Encoder
from isogloss.situate.base import BaseSituator, Chunked, Reading
from isogloss.situate.plain import fingerprint_of

__all__ = ["PARTS", "PrefixedChunk", "first_sentence", "keywords_of"]

PARTS = ("title", "first", "keywords")
_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*(?:\s+|(?<=[。！？]))")
LONGEST = 40  # words of a first sentence


class PrefixedChunk(BaseSituator):
    r"""Each chunk is read after a line about its document.

    Parameters
    ----------
    encoder : Encoder
    parts : sequence of {"title", "first", "keywords"}
        What the line is made of, in this order. "first" is the first sentence of the document.
    keywords : int, default 8
        How many at most.
    language : str, default "en"
        Whose function words are no keywords.

    Raises
    ------
    ParameterError
        For an unknown part or language, or fewer than one keyword.

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> prefixed = PrefixedChunk(load_encoder("lexical"), parts=["title", "first"])
    >>> story = Chunked(("Ada Byron was born in London. It rained.", "She wrote."), "A life")
    >>> prefixed.readings(story)[1].text
    'A life. Ada Byron was born in London.\nShe wrote.'
    """

    name = "prefix"

    def __init__(
        self,
        encoder: Encoder,
        *,
        parts: Sequence[str] = PARTS,
        keywords: int = 8,
        language: str = "en",
    ) -> None:
        from isogloss.text.stopwords import STOP_WORDS

        wanted = [parts] if isinstance(parts, str) else list(parts)
        for part in wanted:
            if part not in PARTS:
                raise ParameterError(f"a prefix has no part {part!r}; {nearest(part, PARTS)}")
        if language not in STOP_WORDS:
            raise ParameterError(f"language is {language!r}; {nearest(language, STOP_WORDS)}")
        if keywords < 1:
            raise ParameterError(f"keywords is {keywords}: give 1 or more")
        self.encoder, self.parts, self.keywords = encoder, tuple(wanted), keywords
        self._stop_words = STOP_WORDS[language]
        self.spec = f"{self.name} for {encoder.spec}"
        self.dim = encoder.dim
        self.max_tokens = encoder.max_tokens
        self.truncation = encoder.truncation
        settings = {"parts": wanted, "keywords": keywords, "language": language}
        self.fingerprint = fingerprint_of(self.name, settings, [encoder.fingerprint])

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk is read as: its prefix, and its text."""
        prefixes = self.prefixes(document)
        return [
            Reading(
                f"{prefix}\n{text}" if prefix else text,
                neighbours=near,
                empty=not text.strip(),
            )
            for text, (prefix, near) in zip(document.chunks, prefixes, strict=True)
        ]

    def prefixes(self, document: Chunked) -> list[tuple[str, tuple[int, ...]]]:
        """Give the prefix of each chunk, and the chunks that it may depend on."""
        filled = [place for place, text in enumerate(document.chunks) if text.strip()]
        opening = first_sentence(document.chunks[filled[0]]) if filled else ""
        words, held = keywords_of(document.chunks, self._stop_words)
        found = []
        for place in range(len(document.chunks)):
            lines = []
            near: set[int] = set()
            for part in self.parts:
                if part == "title" and document.title.strip():
                    lines.append(document.title.strip().rstrip(".") + ".")
                elif part == "first" and filled and place != filled[0]:
                    lines.append(opening)
                    near.add(filled[0])
                elif part == "keywords":
                    lacking = [word for word in words if word not in held[place]]
                    if lacking:
                        lines.append(", ".join(lacking[: self.keywords]) + ".")
                    near.update(filled)
            found.append((" ".join(lines), tuple(sorted(near - {place}))))
        return found

    def _encode(self, readings: list[Reading]) -> NDArray[np.float32]:
        return self.encoder.encode([reading.text for reading in readings])

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries as the encoder does: float32 (n, dim), unit rows."""
        return self.encoder.encode_query(texts)


def first_sentence(text: str) -> str:
    """Give the first sentence of a text, 40 words of it at most.

    Examples
    --------
    >>> first_sentence("It began. Then it ended.")
    'It began.'
    """
    sentence = _END.split(text.strip(), maxsplit=1)[0]
    return " ".join(sentence.split()[:LONGEST])


def keywords_of(
    chunks: Sequence[str], stop_words: frozenset[str]
) -> tuple[list[str], list[set[str]]]:
    """Give the words of a document, those in most chunks first, and the words of each chunk.

    Words in equally many chunks are ordered by how often they stand, then by where they come
    first.

    Examples
    --------
    >>> keywords_of(["a fox and a hen", "the hen"], frozenset({"a", "and", "the"}))[0]
    ['hen', 'fox']
    """
    from isogloss.text.tokens import tokens_of

    spread: Counter[str] = Counter()
    often: Counter[str] = Counter()
    held = []
    for text in chunks:
        words = [word for word in tokens_of(text) if word not in stop_words]
        often.update(words)
        spread.update(dict.fromkeys(words, 1))
        held.append(set(words))
    order = {word: place for place, word in enumerate(often)}
    return sorted(often, key=lambda word: (-spread[word], -often[word], order[word])), held
