"""Up to what length does an encoder see what stands in a text? One sentence among much else.

Every document is filler of real sentences with one sentence about one person, at a depth of its
own; every question asks for one of them, and counts when its document comes first of all.
``passkey`` asks in the words of the text, ``needle`` in other words.

After Zhu et al., LongEmbed (2024): 50 questions and 100 documents at each length.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest

__all__ = ["PROBES", "Point", "Probe", "filler_sentences", "make_probe", "measure_probe"]

Floats = NDArray[np.float64]

LENGTHS = (256, 512, 1024, 2048, 4096)
QUERIES, DOCUMENTS = 50, 100
_SAMPLE = 3000  # sentences of filler that are held
_MISSES = 10
_WORDS = 40  # longest sentence of filler; longer ones are cut

_FIRST = str.split(
    "Amara Anselm Aurelia Bartolo Beatrix Benedek Calliope Casimir Dagny Dorotea Edvard Eluned "
    "Emeric Fenna Florian Gaspard Greta Hanneke Henrik Ilse Ivo Jorun Kasper Leocadia Ludo "
    "Maren Matthias Nadezda Odile Olaf Petronella Quirin Renske Rosalind Sigrid Tiberius Ursula "
    "Viktor Wilhelmina Yorick"
)
_LAST = str.split(
    "Abelard Ashdown Barrowby Bergstrom Calloway Castellan Dalgaard Drummond Eastwick Ellerby "
    "Falkner Fitzroy Gallowglass Greenhalgh Haldane Hollister Ingram Isherwood Jernigan Kavanagh "
    "Kestrel Lindqvist Lovelace Marchbanks Merriweather Northcote Oakhurst Ormsby Pemberton "
    "Penhaligon Quillfeather Ravenscroft Rutherford Sandoval Silverton Thackeray Underhill "
    "Vandermeer Whitlock Zimmerman"
)
_PLACES = str.split(
    "Aberfoyle Bergamo Cartagena Dubrovnik Esbjerg Fremantle Galway Haarlem Innsbruck Jaipur "
    "Kanazawa Leuven Mombasa Nantes Oaxaca Perugia Quebec Rotorua Salzburg Tampere Uppsala "
    "Valparaiso Windhoek Xanten Yerevan Zagreb"
)
# What was done, and the question in other words.
_DEEDS = (
    ("repaired church clocks", "mend the timepieces of a church"),
    ("kept bees on a roof", "look after hives above a house"),
    ("baked bread for sailors", "make loaves for the crews of ships"),
    ("drew maps of caves", "chart caverns"),
    ("taught children to juggle", "give pupils lessons in juggling"),
    ("carved wooden flutes", "make wind instruments out of timber"),
    ("painted shop signs", "letter the boards above stores"),
    ("bred racing pigeons", "raise birds for races"),
    ("restored old motorcycles", "make vintage motorbikes run again"),
    ("wrote letters for strangers", "pen correspondence for people unknown to them"),
)


@dataclass(frozen=True, slots=True)
class Probe:
    """Documents of one length, and questions.

    Parameters
    ----------
    kind : {"passkey", "needle"}
    length : int
        Tokens that a document has at most.
    documents : list of str
    needles : list of str
        The sentence in each document.
    depths : float64 (d,)
        Where it stands: 0 at the beginning, 1 at the end.
    queries : list of str
    targets : int64 (q,)
        Which document answers each.
    tokens : float
        Mean tokens of a document.
    """

    kind: str
    length: int
    documents: list[str]
    needles: list[str]
    depths: Floats
    queries: list[str]
    targets: NDArray[np.int64]
    tokens: float


@dataclass(frozen=True, slots=True)
class Point:
    """What an encoder made of one probe.

    Parameters
    ----------
    length : int
    tokens : float
        Mean tokens of a document.
    hits : float64 (q,)
        1 where the right document came first, alone; else 0.
    depths : float64 (q,)
        Where the sentence stood that was asked for.
    """

    length: int
    tokens: float
    hits: Floats
    depths: Floats

    def to_json(self, *, seed: int = 0) -> dict[str, Any]:
        """Give accuracy with its 95% interval, and by thirds of the depth."""
        from isogloss._math.bootstrap import mean_interval

        low, high = mean_interval(self.hits, seed=seed, bounds=(0.0, 1.0))
        third = np.minimum((self.depths * 3).astype(np.int64), 2)
        parts = [self.hits[third == part] for part in range(3)]
        return {
            "length": self.length,
            "tokens": round(self.tokens, 1),
            "value": round(float(self.hits.mean()), 6),
            "low": round(low, 6),
            "high": round(high, 6),
            "queries": len(self.hits),
            "by_depth": [round(float(one.mean()), 6) if len(one) else None for one in parts],
        }


def _passkeys(count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    found = []
    for name in _names(count, rng):
        key = int(rng.integers(10_000, 100_000))
        said = f"The pass key of {name} is {key}. Remember it: {key} is the pass key of {name}."
        found.append((said, f"What is the pass key of {name}?"))
    return found


def _needles(count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    pairs = [(place, deed) for place in _PLACES for deed in _DEEDS]
    if count > len(pairs):
        raise ParameterError(f"documents={count}: the needle task has {len(pairs)} at most")
    found = []
    for row, name in zip(rng.permutation(len(pairs)).tolist(), _names(count, rng), strict=False):
        place, (did, asked) = pairs[row]
        year = int(rng.integers(1850, 1990))
        said = f"In {year} {name} moved to {place} and {did} there."
        found.append((said, f"Who went to live in {place}, to {asked}?"))
    return found


def _names(count: int, rng: np.random.Generator) -> list[str]:
    if count > len(_FIRST) * len(_LAST):
        raise ParameterError(f"documents={count}: give {len(_FIRST) * len(_LAST)} at most")
    rows = rng.permutation(len(_FIRST) * len(_LAST))[:count].tolist()
    return [f"{_FIRST[row // len(_LAST)]} {_LAST[row % len(_LAST)]}" for row in rows]


PROBES: dict[str, Callable[[int, np.random.Generator], list[tuple[str, str]]]] = {
    "passkey": _passkeys,
    "needle": _needles,
}


def make_probe(
    kind: str,
    length: int,
    *,
    filler: Sequence[str],
    count_tokens: Callable[[Sequence[str]], list[int]],
    queries: int = QUERIES,
    documents: int = DOCUMENTS,
    special_tokens: int = 2,
    seed: int = 0,
    facts: Sequence[tuple[str, str]] | None = None,
) -> Probe:
    """Hide a sentence in each document of a length.

    Parameters
    ----------
    kind : {"passkey", "needle"}
        What is hidden and how it is asked for.
    length : int
        Tokens of a document, special tokens included.
    filler : sequence of str
        Sentences to fill the documents with.
    count_tokens : callable
        Gives the tokens of texts, without special tokens.
    queries, documents : int
        How many; no more queries than documents.
    special_tokens : int
        What a model adds to a text.
    seed : int
        Of all draws.
    facts : sequence of (sentence, question), optional
        Others than those of `PROBES`, one a document.

    Returns
    -------
    Probe

    Raises
    ------
    ParameterError
        For an unknown kind, a number that cannot be, and a length with no room for the sentence.

    Examples
    --------
    >>> words = lambda texts: [len(text.split()) for text in texts]
    >>> probe = make_probe("passkey", 60, filler=["It rains."], count_tokens=words,
    ...                    queries=2, documents=4)
    >>> sorted(probe.depths.tolist())
    [0.125, 0.375, 0.625, 0.875]
    >>> all(needle in text for needle, text in zip(probe.needles, probe.documents))
    True
    """
    if kind not in PROBES and facts is None:
        raise ParameterError(f"no task {kind!r}; {nearest(kind, PROBES)}")
    for name, value, least in (("queries", queries, 1), ("documents", documents, 2)):
        if value < least:
            raise ParameterError(f"{name}={value}: give {least} or more")
    if queries > documents:
        raise ParameterError(f"queries={queries}: there are only documents={documents}")
    if not filler:
        raise ParameterError("the filler holds no sentence")
    # Each length draws for itself, so that leaving one out changes no other.
    rng = np.random.default_rng([seed, length])
    pairs = list(facts) if facts is not None else PROBES[kind](documents, rng)
    depths = (rng.permutation(documents) + 0.5) / documents
    needles = [said for said, _ in pairs[:documents]]
    sizes = np.array(count_tokens(filler), dtype=np.int64)
    rooms = length - special_tokens - np.array(count_tokens(needles), dtype=np.int64)
    if rooms.min() < 0:
        least = length - int(rooms.min())
        raise ParameterError(f"length {length} has no room for the {kind}: give {least} or more")
    texts, tokens = [], []
    for needle, depth, room in zip(needles, depths, rooms.tolist(), strict=True):
        rows = _fill(sizes, room, rng)
        before = np.cumsum([0, *sizes[rows]])
        place = int(np.abs(before - depth * before[-1]).argmin())
        parts = [filler[row] for row in rows]
        text = " ".join([*parts[:place], needle, *parts[place:]])
        # Some tokenizers join what stands side by side: check the whole.
        while (size := count_tokens([text])[0]) > length - special_tokens and parts:
            parts.pop(0 if place == len(parts) else -1)
            place = min(place, len(parts))
            text = " ".join([*parts[:place], needle, *parts[place:]])
        texts.append(text)
        tokens.append(size + special_tokens)
    targets = rng.permutation(documents)[:queries]
    return Probe(
        kind,
        length,
        texts,
        needles,
        depths,
        [pairs[row][1] for row in targets.tolist()],
        targets.astype(np.int64),
        float(np.mean(tokens)),
    )


def _fill(sizes: NDArray[np.int64], room: int, rng: np.random.Generator) -> list[int]:
    """Draw sentences, each once before one comes again, until ten in turn do not fit."""
    rows: list[int] = []
    left, misses = room, 0
    while True:
        for row in rng.permutation(len(sizes)).tolist():
            if sizes[row] > left:
                misses += 1
                if misses == _MISSES:
                    return rows
                continue
            rows.append(row)
            left, misses = left - int(sizes[row]), 0
        if not sizes.any() or sizes.min() > left:
            return rows


def measure_probe(probe: Probe, encoder: Any) -> Point:
    """Ask an encoder all questions of a probe.

    Parameters
    ----------
    probe : Probe
    encoder : Encoder

    Returns
    -------
    Point
        A document that ties with another has not come first.
    """
    from isogloss._core.threads import single_threaded_blas

    documents = encoder.encode(probe.documents)
    asked = encoder.encode_query(probe.queries)
    with single_threaded_blas():
        scores = asked.astype(np.float64) @ documents.astype(np.float64).T
    rows = np.arange(len(asked))
    right = scores[rows, probe.targets].copy()
    scores[rows, probe.targets] = -np.inf
    hits = (right > scores.max(axis=1) + 1e-9).astype(np.float64)
    return Point(probe.length, probe.tokens, hits, probe.depths[probe.targets])


def filler_sentences(texts: Iterable[str] | None = None, *, most: int = _SAMPLE) -> list[str]:
    """Give sentences to fill documents with: those of texts, else requests that people made.

    Parameters
    ----------
    texts : iterable of str, optional
        Cut at the ends of sentences; None takes the sample of the package, requests to a voice
        assistant.
    most : int
        Sentences at most, drawn with seed 0.

    Raises
    ------
    ParameterError
        When there is none.

    Examples
    --------
    >>> filler_sentences(["It rains. Does it? Yes", ""])
    ['It rains.', 'Does it?', 'Yes']
    """
    pool = _sample() if texts is None else _cut(texts, most)
    found = list(dict.fromkeys(pool))
    if not found:
        raise ParameterError("the filler holds no sentence: give a source with texts")
    if len(found) <= most:
        return found
    rows = np.sort(np.random.default_rng(0).permutation(len(found))[:most])
    return [found[row] for row in rows.tolist()]


def _sample() -> list[str]:
    from pathlib import Path

    import pyarrow.parquet as pq

    import isogloss.samples

    path = Path(str(isogloss.samples.__file__)).parent / "clinc150.parquet"
    return [f"{text}." for text in pq.read_table(path, columns=["text"])["text"].to_pylist()]


def _cut(texts: Iterable[str], most: int) -> Iterator[str]:
    """Cut texts into sentences, from at most ten times as many as are kept."""
    given = 0
    for text in texts:
        for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", text):
            words = sentence.split()
            for start in range(0, len(words), _WORDS):
                yield " ".join(words[start : start + _WORDS])
                given += 1
        if given >= 10 * most:
            return
