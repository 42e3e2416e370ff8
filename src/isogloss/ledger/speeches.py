"""Real speeches cut in chunks, with queries that were taken out of them.

A stretch of a speech is cut in chunks of three sentences. One sentence of each chunk is taken out,
of the chunk and of everything else that is read, and is the query: what remains of its chunk must
be found. A query needs context when it shares no content word with what remains of its chunk, and
does share one with the chunks around.
"""

import hashlib
import re

import numpy as np

from isogloss.ledger.stories import Asked, Stories
from isogloss.ledger.system import Context
from isogloss.situate.base import Chunked
from isogloss.situate.plain import around

__all__ = ["cut_speech", "read_speeches"]

DATA = "us_presidential_speeches"
SENTENCES = 3  # of a chunk
CHUNKS = 12  # of a stretch
LEAST_WORDS = 8  # of a query
REACH = (3, 1)
FIRST_YEAR = 1945  # older sentences run over many lines
TEST_SHARE = 0.5

_END = re.compile(r"(?<=[a-z0-9%)\"][.!?])\s+(?=[A-Z\"'(])")
_WORD = re.compile(r"[a-z]{4,}")


def read_speeches(context: Context, part: str, count: int, *, seed: int = 0) -> Stories:
    """Read stretches of speeches since 1945, one a speech.

    Parameters
    ----------
    context : Context
    part : {"train", "test"}
        Speakers are parted by a hash of their names: none speaks in both.
    count : int
        Stretches at most; the speeches are drawn by the seed.
    seed : int
        Of the draws: speeches, stretches, sentences.

    Returns
    -------
    Stories
        The stretches as documents, and a query for each chunk that has a sentence for one.
    """
    import pyarrow.parquet as pq

    rows = pq.read_table(context.path(DATA, "data.parquet")).to_pylist()
    chosen = []
    for row in rows:
        digest = hashlib.sha256(str(row["speaker"]).encode()).digest()
        tested = int.from_bytes(digest[:8], "big") / 2**64 < TEST_SHARE
        if int(row["year"]) >= FIRST_YEAR and tested == (part == "test"):
            chosen.append(row["text"])
    rng = np.random.default_rng([seed, part == "test"])
    documents: list[Chunked] = []
    asked: list[Asked] = []
    for place in rng.permutation(len(chosen)).tolist():
        if len(documents) == count:
            break
        document, queries = cut_speech(chosen[place], len(documents), rng)
        if len(document.chunks) == CHUNKS:
            documents.append(document)
            asked += queries
    return Stories(documents, asked)


def cut_speech(text: str, number: int, rng: np.random.Generator) -> tuple[Chunked, list[Asked]]:
    """Cut a stretch of a speech in chunks, and take a sentence out of each.

    Examples
    --------
    >>> text = "We met today in the great hall of the city. The hall was full. It was cold. " * 12
    >>> document, asked = cut_speech(text, 0, np.random.default_rng(0))
    >>> document.chunks[0], asked[0].query, asked[0].needs_context
    ('The hall was full. It was cold.', 'We met today in the great hall of the city.', False)
    """
    sentences = [one.strip() for one in _END.split(" ".join(text.split())) if one.strip()]
    groups = [sentences[i : i + SENTENCES] for i in range(0, len(sentences), SENTENCES)]
    groups = [group for group in groups if len(group) == SENTENCES]
    start = int(rng.integers(max(1, len(groups) - CHUNKS + 1)))
    chunks: list[str] = []
    taken: list[str] = []
    for group in groups[start : start + CHUNKS]:
        able = [place for place in range(SENTENCES) if len(group[place].split()) >= LEAST_WORDS]
        out = able[int(rng.integers(len(able)))] if able else -1
        taken.append(group[out] if able else "")
        chunks.append(" ".join(group[place] for place in range(SENTENCES) if place != out))
    asked = []
    for place, query in enumerate(taken):
        words = _content(query)
        near = " ".join(chunks[i] for i in around(chunks, place, *REACH))
        if words:
            alone = not words & _content(chunks[place])
            if alone and not words & _content(near):
                continue  # nothing that is read says what it is about
            asked.append(Asked(query, number, place, alone))
    return Chunked(tuple(chunks)), asked


def _content(text: str) -> set[str]:
    from isogloss.text.stopwords import STOP_WORDS

    return set(_WORD.findall(text.lower())) - STOP_WORDS["en"]
