"""A lexical encoder as the beginning of another: its rows, and rows for the words of new texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.events import OnEvent, ignore
from isogloss.encoders.base import Encoder
from isogloss.encoders.lexical import LexicalWeights
from isogloss.train.features import Features, choose_features, choose_pairs
from isogloss.train.teacher import teacher_vectors

# Words by which the way from the teacher's vectors to the table is fitted.
FITTED = 20_000
RIDGE = 1.0


class Extended(NamedTuple):
    """Features of an encoder and of new texts together.

    Attributes
    ----------
    features : Features
    known : int64 (f,)
        Row of each feature in the encoder's table; -1 for new ones.
    """

    features: Features
    known: NDArray[np.int64]


def extend_features(
    start: LexicalWeights, texts: Sequence[str], *, words: int, pairs: int, least: int = 3
) -> Extended:
    """Add the words and pairs of texts to those of an encoder.

    Parameters
    ----------
    start : LexicalWeights
    texts : sequence of str
    words, pairs : int
        How many are added at most.
    least : int, default 3
        Texts that must hold a new word, and places that must hold a new pair.

    Returns
    -------
    Extended
        Weights are of shares of texts, half from the encoder, half from the texts.

    Examples
    --------
    >>> one = np.ones((2, 2), np.float32)
    >>> start = LexicalWeights(["cat", "dog"], np.zeros((0, 2), np.int32), 0, one[0],
    ...     np.ones((2, 2), np.int8), one[0], one, one, one[0], one)
    >>> made = extend_features(start, ["a bird", "bird cat"], words=9, pairs=0, least=2)
    >>> made.features.words, made.known.tolist()
    (['bird', 'cat', 'dog'], [-1, 0, 1])
    """
    old = {word: row for row, word in enumerate(start.words)}
    own = choose_features(texts, words=len(old) + words, pairs=0, buckets=0, least=least)
    share = dict(zip(own.words, np.exp(-own.idf.astype(np.float64)).tolist(), strict=True))
    fresh = sorted((word for word in share if word not in old), key=lambda w: (-share[w], w))
    chosen = sorted([*old, *fresh[:words]])
    place = {word: number for number, word in enumerate(chosen)}
    pair, places = choose_pairs(texts, chosen, limit=pairs, least=least)
    before = np.array([[place[start.words[a]], place[start.words[b]]] for a, b in start.pairs],
                      dtype=np.int32).reshape(-1, 2)  # fmt: skip
    taken = {tuple(pair) for pair in before.tolist()}
    kept = [i for i, both in enumerate(pair.tolist()) if tuple(both) not in taken]
    weights = np.exp(-start.idf.astype(np.float64))
    middle = len(old) + len(start.pairs)
    shares = np.concatenate([
        [((weights[old[w]] if w in old else 0.0) + share.get(w, 0.0)) / 2 for w in chosen],
        weights[len(old) : middle],
        (1 + np.minimum(places[kept], len(texts))) / (1 + len(texts)),
        weights[middle:],
    ])  # fmt: skip
    known = np.concatenate([
        [old.get(word, -1) for word in chosen],
        np.arange(len(old), middle),
        np.full(len(kept), -1),
        np.arange(middle, len(start.idf)),
    ]).astype(np.int64)  # fmt: skip
    joined = np.ascontiguousarray(np.concatenate([before, pair[kept]]), dtype=np.int32)
    idf = np.maximum(-np.log(np.maximum(shares, 1e-9)), 0.05).astype(np.float32)
    return Extended(Features(chosen, joined, start.buckets, idf), known)


def extended_rows(
    extended: Extended,
    start: LexicalWeights,
    teacher: Encoder,
    cache: Path,
    *,
    on_event: OnEvent = ignore,
) -> NDArray[np.float32]:
    """Take known rows over; begin new ones where the teacher's vector of the feature points.

    The way from the teacher's vectors to rows is fitted by least squares on known words.

    Returns
    -------
    float32 (f, t)
    """
    features, known = extended
    rows = np.zeros((len(features.idf), start.table.shape[1]), dtype=np.float32)
    have = known >= 0
    rows[have] = start.table[known[have]] * start.scale[known[have], None]
    fresh = np.flatnonzero(~have)
    if not len(fresh):
        return rows
    words = features.words
    names = words + [f"{words[a]} {words[b]}" for a, b in features.pairs.tolist()]
    sample = np.flatnonzero(have[: len(words)])
    sample = sample[:: max(1, len(sample) // FITTED)]
    seen = teacher_vectors([names[i] for i in sample], teacher, cache, on_event=on_event)
    given = np.concatenate([seen.astype(np.float64), np.ones((len(sample), 1))], axis=1)
    square = given.T @ given + RIDGE * np.eye(given.shape[1])
    way = np.linalg.solve(square, given.T @ rows[sample].astype(np.float64))
    found = teacher_vectors([names[i] for i in fresh], teacher, cache, on_event=on_event)
    rows[fresh] = np.concatenate([found.astype(np.float64), np.ones((len(fresh), 1))], axis=1) @ way
    pair = fresh[fresh >= len(words)]
    rows[pair] *= 0.5  # its words count as well
    return rows
