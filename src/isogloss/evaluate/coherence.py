"""Do the words of a topic belong together? NPMI, UCI, C_v, and the diversity of words.

Papers: Bouma 2009 (NPMI); Newman et al. 2010 (UCI); Roeder, Both & Hinneburg 2015 (C_v);
Dieng, Ruiz & Blei 2020 (diversity).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from isogloss._core.extras import need
from isogloss._core.plural import plural
from isogloss._math.bootstrap import jackknife_interval, mean_interval
from isogloss.evaluate.cooccurrence import PairCounts, word_lists
from isogloss.evaluate.score import Score

__all__ = ["coherence_score", "cv", "diversity_score", "npmi", "uci"]

Values = NDArray[np.float64]
_EPSILON = 1e-12  # as in Roeder et al. and gensim


def npmi(counts: PairCounts, *, never: Literal["minus_one", "epsilon"] = "minus_one") -> Values:
    """Give each topic's mean normalised pointwise mutual information over its word pairs.

    Parameters
    ----------
    counts : PairCounts
        From `count_documents` or `count_windows`.
    never : {"minus_one", "epsilon"}
        Worth of a pair that never meets: -1, the limit of the measure; or what a probability of
        1e-12 gives, gensim's ``c_npmi`` (about -0.5 to -0.8).

    Returns
    -------
    float64 (k,)
        In [-1, 1]; NaN for a topic with fewer than two words.

    Examples
    --------
    >>> words, pairs = np.array([[2, 2]]), np.array([[[0, 2], [2, 0]]])
    >>> npmi(PairCounts(4, words, pairs)).tolist()
    [1.0]
    """
    together, apart, met, known = _probabilities(counts)
    if never == "epsilon":
        together = together + _EPSILON
        met = np.isfinite(apart)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (np.log(together) - apart) / -np.log(together)
    # both words in every window: never apart
    ratio = np.where(met & (together >= 1.0), 1.0, ratio)
    values = np.where(met, ratio, -1.0 if never == "minus_one" else 0.0)
    return _mean_pairs(values, known)


def uci(counts: PairCounts) -> Values:
    """Give each topic's mean pointwise mutual information, float64 (k,), in nats.

    As gensim's ``c_uci``: 1e-12 is added to the probability of a pair.

    Examples
    --------
    >>> words, pairs = np.array([[2, 2]]), np.array([[[0, 2], [2, 0]]])
    >>> uci(PairCounts(4, words, pairs)).round(4).tolist()
    [0.6931]
    """
    together, apart, _, known = _probabilities(counts)
    values = np.where(np.isfinite(apart), np.log(together + _EPSILON) - apart, 0.0)
    return _mean_pairs(values, known)


def _probabilities(
    counts: PairCounts,
) -> tuple[Values, Values, NDArray[np.bool_], NDArray[np.bool_]]:
    """Pair probability, log of the product of both, met at all, and pairs of real words."""
    total = max(1, counts.total)
    single = np.maximum(counts.words, 0) / total
    together = counts.pairs / total
    with np.errstate(divide="ignore"):
        logs = np.log(single)
    apart = logs[:, :, None] + logs[:, None, :]
    real = counts.words >= 0
    known = real[:, :, None] & real[:, None, :]
    known &= ~np.eye(known.shape[1], dtype=bool)[None]
    return together, apart, counts.pairs > 0, known


def _mean_pairs(values: Values, known: NDArray[np.bool_]) -> Values:
    many = known.sum(axis=(1, 2))
    total = np.where(known, values, 0.0).sum(axis=(1, 2))
    return np.where(many > 0, total / np.maximum(many, 1), np.nan)


def cv(
    keywords: Sequence[Sequence[str]],
    texts: Iterable[Sequence[str]],
    *,
    window: int = 110,
    top: int = 10,
) -> Values:
    """Give each topic's C_v coherence, computed by gensim (extra ``eval``).

    Parameters
    ----------
    keywords : list of list of str
        Words of each topic, best first.
    texts : iterable of list of str
        Tokens of each text. Held in memory: gensim reads them twice.
    window : int
        Tokens in a window.
    top : int
        How many words of each topic.

    Returns
    -------
    float64 (k,)
        About 0 to 1; NaN for a topic with fewer than two words found in the texts.

    Raises
    ------
    MissingExtra
        When gensim is not installed.
    """
    models = need("gensim.models.coherencemodel", extra="eval")
    corpora = need("gensim.corpora", extra="eval")
    held = list(word_lists(texts, "cv_texts"))
    dictionary = corpora.Dictionary(held)
    topics = [
        [word for word in dict.fromkeys(words) if word in dictionary.token2id][:top]
        for words in keywords
    ]
    values = np.full(len(topics), np.nan)
    usable = [row for row, words in enumerate(topics) if len(words) > 1]
    if usable:
        model = models.CoherenceModel(
            topics=[topics[row] for row in usable],
            texts=held,
            dictionary=dictionary,
            coherence="c_v",
            window_size=window,
            topn=top,
            processes=1,
        )
        values[usable] = model.get_coherence_per_topic()
    return values


def coherence_score(
    name: str,
    values: Values,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    resamples: int = 1000,
    seed: int = 0,
    notes: str = "",
) -> Score:
    """Give the mean over topics, with a bootstrap interval over topics.

    Parameters
    ----------
    name : str
    values : float (k,)
        One value a topic; NaN is left out, and said so in the notes.
    bounds : (float, float)
        Range of the measure.
    resamples, seed
        As everywhere.
    notes : str

    Returns
    -------
    Score

    Examples
    --------
    >>> coherence_score("npmi", np.array([0.2, 0.4, np.nan])).n
    2
    """
    known = values[~np.isnan(values)]
    left = values.size - known.size
    if left:
        notes = "; ".join(
            filter(None, [notes, f"{plural(left, 'topic')} with fewer than two words left out"])
        )
    value = float(known.mean()) if known.size else float("nan")
    low, high = mean_interval(known, resamples=resamples, seed=seed, bounds=bounds)
    return Score(name, value, low, high, int(known.size), "topics", True, notes)


def diversity_score(
    keywords: Sequence[Sequence[str]], *, top: int = 10, resamples: int = 1000, seed: int = 0
) -> Score:
    """Give the share of distinct words among the top words of all topics.

    Parameters
    ----------
    keywords : list of list of str
        Words of each topic, best first.
    top : int
        How many words of each topic.
    resamples, seed
        Of the bootstrap over the topics' jackknife pseudo-values: a plain bootstrap would draw a
        topic twice and take its words for repeats.

    Returns
    -------
    Score
        1 when no word is shared.

    Examples
    --------
    >>> diversity_score([["a", "b"], ["b", "c"]]).value
    0.75
    """
    topics = [list(dict.fromkeys(words))[:top] for words in keywords]
    seen = Counter(word for words in topics for word in words)
    total = sum(len(words) for words in topics)
    if not total:
        return Score("diversity", *(float("nan"),) * 3, 0, "topics", True, "no words")
    value = len(seen) / total
    without = np.array(
        [
            (len(seen) - sum(seen[word] == 1 for word in words)) / (total - len(words))
            for words in topics
            if total > len(words)
        ]
    )
    low, high = jackknife_interval(
        value, without, resamples=resamples, seed=seed, bounds=(0.0, 1.0)
    )
    notes = f"top {top} words; interval from the jackknife over topics"
    return Score("diversity", value, low, high, len(topics), "topics", True, notes)
