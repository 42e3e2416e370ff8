"""Late chunking: read the document in one pass, pool each chunk's tokens afterwards.

Every token's vector has seen the whole window; a chunk's vector is the mean over its own tokens.
The document's tokens are made once, and each belongs to the chunk in which its last character
lies. A document longer than the window is read in several: the chunks are taken in order as cores
that fit between two margins, and each window reads its core with a margin of tokens on either
side. A chunk that is longer than such a core is read in pieces, which are pooled together.

Paper: Günther et al., Late Chunking: Contextual Chunk Embeddings Using Long-Context Embedding
Models (2024). There, tokens of overlapping windows count for the first that holds them; here they
count for the window in whose core they lie, so that none is pooled at an edge.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.encoders.base import Truncation, check_texts, unit_rows
from isogloss.situate.base import BaseSituator, Chunked, Reading, Span
from isogloss.situate.model import Item, TokenModel
from isogloss.situate.plain import fingerprint_of

__all__ = ["LateChunking", "cores", "owners"]

BETWEEN = "\n"  # stands between two chunks in the text that is read


class LateChunking(BaseSituator):
    """Pool each chunk from the token vectors of its document.

    Parameters
    ----------
    model : TokenModel
        Pools by mean. Its window is what is read at once.
    margin : int, optional
        Tokens of context on either side of a window's core, at most a third of the window, which
        is the default. Documents that fit the window do not need it.

    Raises
    ------
    ParameterError
        For a margin below 0 or above a third of the window.

    Notes
    -----
    A document of one chunk gets the vector that the model gives its text. Queries are encoded as
    the model encodes them.
    """

    name = "late"

    def __init__(self, model: TokenModel, *, margin: int | None = None) -> None:
        self.model = model
        room = model.window - len(model.lead) - len(model.trail)
        most = max(0, (room - 1) // 3)
        if margin is not None and not 0 <= margin <= most:
            raise ParameterError(f"margin is {margin}: give 0 to {most}, a third of the window")
        self.margin = most if margin is None else margin
        self._room = room
        self.spec = f"{self.name} chunking by {model.name}"
        self.dim = model.dim
        self.max_tokens = model.window
        # Nothing is cut: what is counted as beyond the window is read in further ones.
        self.truncation = Truncation(window=model.window, overflow="pool")
        self.fingerprint = fingerprint_of(
            self.name, {"window": model.window, "margin": self.margin}, [model.fingerprint]
        )

    def readings(self, document: Chunked) -> list[Reading]:
        """Say which tokens of which windows each chunk is pooled from."""
        return self._readings(document, self.model.prompts.get("document", ""))

    def _readings(self, document: Chunked, prompt: str) -> list[Reading]:
        spans: list[list[Span]] = [[] for _ in document.chunks]
        near: list[set[int]] = [set() for _ in document.chunks]
        ids, owner = self._tokens(document, prompt)
        counts = np.bincount(owner[owner >= 0], minlength=len(document.chunks)).tolist()
        self._count(len(ids))
        starts = np.concatenate([[0], np.cumsum(counts)])
        for first, last in cores(counts, self._room, self.margin):
            begin, end = self._reach(int(first), int(last), len(ids))
            whole = (*self.model.lead, *ids[begin:end], *self.model.trail)
            inside = sorted(set(owner[begin:end].tolist()))
            for chunk in sorted(set(owner[first:last].tolist())):
                start = max(int(starts[chunk]), first) - begin + len(self.model.lead)
                stop = min(int(starts[chunk + 1]), last) - begin + len(self.model.lead)
                # special tokens at the ends of the document belong to its first and last chunk
                if begin == 0 and start == len(self.model.lead):
                    start = 0
                if end == len(ids) and stop == len(whole) - len(self.model.trail):
                    stop = len(whole)
                spans[chunk].append(Span(whole, start, stop))
                near[chunk].update(inside)
        return [
            Reading(
                "" if spans[place] else text,
                spans=tuple(spans[place]),
                neighbours=tuple(sorted(near[place] - {place})),
                empty=not spans[place],
            )
            for place, text in enumerate(document.chunks)
        ]

    def _tokens(self, document: Chunked, prompt: str) -> tuple[list[int], NDArray[np.int64]]:
        """Give the document's tokens and the chunk of each; tokens between chunks are left out."""
        pieces = [prompt + text if place == 0 else text for place, text in
                  enumerate(document.chunks)]  # fmt: skip
        ids, offsets = self.model.tokens(BETWEEN.join(pieces))
        owner = owners(offsets, [len(piece) for piece in pieces], len(BETWEEN))
        kept = owner >= 0
        return [one for one, keep in zip(ids, kept, strict=True) if keep], owner[kept]

    def _reach(self, first: int, last: int, total: int) -> tuple[int, int]:
        """Widen a core by context: at the ends of the document the other side gets more."""
        if total <= self._room:
            return 0, total
        spare = self._room - (last - first)
        left = min(first, max(self.margin, spare - (total - last)), spare)
        return first - left, min(total, last + spare - left)

    def _count(self, tokens: int) -> None:
        self.truncation.texts += 1
        self.truncation.tokens += tokens
        self.truncation.long_texts += tokens > self._room
        self.truncation.tokens_beyond += max(0, tokens - self._room)

    def _encode(self, readings: list[Reading]) -> NDArray[np.float32]:
        windows: dict[tuple[int, ...], dict[tuple[int, int], list[int]]] = {}
        total = np.zeros((len(readings), self.model.hidden))
        counts = np.zeros(len(readings))
        for row, reading in enumerate(readings):
            for span in reading.spans:
                place = (span.start, span.stop)
                windows.setdefault(span.ids, {}).setdefault(place, []).append(row)
        items = [Item(ids, tuple(places)) for ids, places in windows.items()]
        for item, sums in zip(items, self.model.sums(items), strict=True):
            for place, vector in zip(item.spans, sums, strict=True):
                for row in windows[item.ids][place]:
                    total[row] += vector
                    counts[row] += place[1] - place[0]
        return unit_rows(self.model.dense(total / np.maximum(counts, 1)[:, None]))

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries, each a text of its own: float32 (n, dim), unit rows."""
        prompt = self.model.prompts.get("query", "")
        asked = [
            self._readings(Chunked((text,)), prompt if text.strip() else "")[0]
            for text in check_texts(texts)
        ]
        return self.vectors(asked)


def owners(
    offsets: Sequence[tuple[int, int]], lengths: Sequence[int], between: int
) -> NDArray[np.int64]:
    """Tell to which chunk each token belongs: that in which its last character lies.

    Parameters
    ----------
    offsets : sequence of (int, int)
        Start and stop of each token in the joined text, ascending.
    lengths : sequence of int
        Characters of each chunk.
    between : int
        Characters between two chunks.

    Returns
    -------
    int64 (t,)
        -1 for a token that ends between two chunks, or has no characters.

    Examples
    --------
    Chunks "ab" and "c d", joined by one character: a token that spans the gap ends in the second.

    >>> owners([(0, 2), (2, 4), (5, 6)], [2, 3], 1).tolist()
    [0, 1, 1]
    """
    starts = np.cumsum([0, *(length + between for length in lengths)])
    found = np.full(len(offsets), -1, dtype=np.int64)
    for row, (start, stop) in enumerate(offsets):
        if stop > start:
            chunk = int(np.searchsorted(starts, stop - 1, side="right")) - 1
            if chunk < len(lengths) and stop - 1 - starts[chunk] < lengths[chunk]:
                found[row] = chunk
    return found


def cores(counts: Sequence[int], room: int, margin: int) -> list[tuple[int, int]]:
    """Cut a document's tokens into cores, between chunks where a chunk fits into a core.

    Parameters
    ----------
    counts : sequence of int
        Tokens of each chunk.
    room : int
        Tokens of a window; a document that fits is one core.
    margin : int
        Tokens of a window on either side that are context only.

    Returns
    -------
    list of (start, stop)
        Runs of tokens without gaps; none is empty.

    Examples
    --------
    >>> cores([3, 3, 3], 9, 2), cores([3, 3, 3], 8, 1), cores([9], 8, 2)
    ([(0, 9)], [(0, 6), (6, 9)], [(0, 4), (4, 8), (8, 9)])
    """
    total = sum(counts)
    if total <= room:
        return [(0, total)] if total else []
    size = max(1, room - 2 * margin)
    found: list[tuple[int, int]] = []
    begin = place = 0
    for count in counts:
        if place + count - begin > size and place > begin:
            found.append((begin, place))
            begin = place
        place += count
        while place - begin > size:
            found.append((begin, begin + size))
            begin += size
    if place > begin:
        found.append((begin, place))
    return found
