"""From words with a worth to the few that are shown: by worth, that meet, or that differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.word_forms import distinct, readable

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Candidates", "Pool", "coherent", "different", "meetings", "npmi_of_pairs"]

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pool:
    """Words of one topic that compete, best first.

    Parameters
    ----------
    words : int64 (w,)
        Columns of the vocabulary.
    worth : float64 (w,)
        Falling; words in few documents stand behind all others.
    """

    words: Ids
    worth: Floats


class Candidates:
    """Picks the words that compete: readable, no stop words, in enough documents, each form once.

    Parameters
    ----------
    vocabulary : list of str
    stop_words : collection of str
    n : int
        Keywords wanted: so many compete at least.
    most : int
        So many compete at most.
    min_documents : int
        A word needs that many documents of the topic, while there are enough such words.
    phrase_worth : float
        See `isogloss.topics.word_forms.distinct`.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        stop_words: Iterable[str] = (),
        n: int,
        most: int,
        min_documents: int,
        phrase_worth: float = 0.8,
    ) -> None:
        stopped = frozenset(stop_words)
        self.vocabulary = vocabulary
        self.usable = np.array([w not in stopped and readable(w) for w in vocabulary], dtype=bool)
        self.rank = np.empty(len(vocabulary), dtype=np.int64)  # equal worth goes by word
        order = sorted(range(len(vocabulary)), key=vocabulary.__getitem__)
        self.rank[np.array(order, dtype=np.int64)] = np.arange(len(vocabulary))
        self.n, self.most = n, most
        self.min_documents, self.phrase_worth = min_documents, phrase_worth

    def pool(self, words: Ids, worth: Floats, documents: NDArray[Any]) -> Pool:
        """Take the best words of one topic.

        Parameters
        ----------
        words : int (w,)
            Columns of the words that the topic has.
        worth : float64 (w,)
        documents : (w,)
            Documents of the topic that hold each.
        """
        good = (documents >= self.min_documents) & (worth > 0)
        # doubtful words stand behind all others: they fill up what lacks
        order = np.lexsort((self.rank[words], -worth, ~good))
        order = order[self.usable[words[order]]]
        order = order[: max(self.n, min(self.most, int(good[order].sum())))]
        return Pool(
            *distinct(
                words[order].astype(np.int64), worth[order], self.vocabulary,
                phrase_worth=self.phrase_worth,
            )
        )  # fmt: skip


def meetings(
    pools: Sequence[Pool], counts: "csr_matrix | Iterable[csr_matrix]"
) -> tuple[int, list[Floats]]:
    """Count documents, and for each pool the documents that hold two of its words.

    Returns
    -------
    total : int
    pairs : list of float64 (w, w)
        One a pool.
    """
    from scipy.sparse import csr_matrix, issparse

    columns = np.unique(np.concatenate([*(p.words for p in pools), np.empty(0, np.int64)]))
    places = [np.searchsorted(columns, pool.words) for pool in pools]
    found = [np.zeros((place.size, place.size)) for place in places]
    total = 0
    batches = [counts] if issparse(counts) else counts
    for batch in cast("Iterable[csr_matrix]", batches):
        marks = csr_matrix(batch[:, columns] > 0, dtype=np.int64)
        product = (marks.T @ marks).tocsr()
        total += marks.shape[0]
        for row, place in enumerate(places):
            if place.size:
                found[row] += product[place][:, place].toarray()
    return total, found


def npmi_of_pairs(total: int, pairs: Floats) -> Floats:
    """Normalised pointwise mutual information, float64 (w, w); one meeting is taken for chance."""
    single = np.maximum(np.diag(pairs), 1.0)
    met = np.maximum(pairs - 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(met * total / np.outer(single, single)) / -np.log(met / total)
    return np.where(met > 0, np.clip(value, -1.0, 1.0), -1.0)


def coherent(
    pool: Pool,
    *,
    n: int,
    npmi: Floats | None,
    coherence: float,
    nearness: Floats | None = None,
) -> list[int]:
    """Take n words one after the other, by worth, nearness, and NPMI with those taken.

    Parameters
    ----------
    pool : Pool
    n : int
    npmi : float64 (w, w), optional
        Of the pool's words; without it words are taken by their own worth and nearness.
    coherence : float
        Weight of the mean NPMI against the logarithm of the worth.
    nearness : float64 (w,), optional
        Added to the logarithm of the worth.

    Returns
    -------
    list of int
        Places in the pool, best first.
    """
    base = np.log(np.maximum(pool.worth, 1e-12))
    order = np.arange(pool.words.size)
    if nearness is not None:
        base = np.round(base + nearness, 12)
        order = np.argsort(-base, kind="stable")
    if npmi is None or pool.words.size <= n or coherence <= 0:
        return [int(place) for place in order[:n]]
    weight = np.exp(base - base.max())
    weight /= weight.sum()
    fit = npmi @ weight - np.diag(npmi) * weight  # the first word fits all candidates
    sums = np.zeros(pool.words.size)
    free = np.ones(pool.words.size, dtype=bool)
    picked: set[int] = set()
    while len(picked) < n:
        value = np.where(free, np.round(base + coherence * fit, 12), -np.inf)
        best = int(np.argmax(value))  # the first of equals
        picked.add(best)
        free[best] = False
        sums += npmi[best]
        fit = sums / len(picked)
    return [int(place) for place in order if int(place) in picked]


def different(
    relevance: Floats, vectors: NDArray[np.float32], *, n: int, diversity: float
) -> list[int]:
    """Take n words one after the other, by relevance less the likeness to those taken (MMR).

    Maximal marginal relevance, Carbonell & Goldstein 1998.

    Parameters
    ----------
    relevance : float64 (w,)
        Of each word, as a cosine.
    vectors : float32 (w, d)
        Unit rows.
    n : int
    diversity : float
        In [0, 1]: the weight of being unlike the words taken; the relevance has the rest.

    Returns
    -------
    list of int
        Places, in the order in which they were taken.

    Examples
    --------
    >>> vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    >>> different(np.array([0.9, 0.8, 0.5]), vectors, n=2, diversity=0.5)
    [0, 2]
    """
    alike = np.round(vectors.astype(np.float64) @ vectors.T.astype(np.float64), 6)
    nearest = np.zeros(len(relevance))
    free = np.ones(len(relevance), dtype=bool)
    picked: list[int] = []
    while len(picked) < min(n, len(relevance)):
        value = (1 - diversity) * relevance - (diversity * nearest if picked else 0.0)
        best = int(np.argmax(np.where(free, np.round(value, 6), -np.inf)))
        picked.append(best)
        free[best] = False
        nearest = np.maximum(nearest, alike[best]) if len(picked) > 1 else alike[best].copy()
    return picked
