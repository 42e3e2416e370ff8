"""Phrases of two and three words that stand together more often than chance has it.

Two tests, both must be passed: the likelihood ratio of Dunning 1993 says that a pair is no chance,
normalised pointwise mutual information (Bouma 2009) that the words belong to each other. A phrase
of three is tested at both of its seams.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.text.tokens import tokenize

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Phrases", "likelihood_ratio", "phrase_npmi"]

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

# Distinct pairs held while counting; beyond it the rarest are forgotten.
HELD_RUNS = 4_000_000


def likelihood_ratio(both: Any, first: Any, second: Any, total: Any) -> Floats:
    """Give the likelihood ratio G2 of a pair of neighbours, with the sign of the association.

    Parameters
    ----------
    both : int (p,)
        How often the pair occurs.
    first, second : int (p,)
        How often its first and its second part occur.
    total : int
        Words in all.

    Returns
    -------
    float64 (p,)
        15.1 and more is chance in one case of 10,000; negative where the parts avoid each other.

    Examples
    --------
    >>> likelihood_ratio(np.array([8, 1]), np.array([10, 10]), np.array([10, 10]), 100).round(1)
    array([35.8,  0. ])
    """
    k11 = np.asarray(both, np.float64)
    k12 = np.maximum(np.asarray(first, np.float64) - k11, 0.0)
    k21 = np.maximum(np.asarray(second, np.float64) - k11, 0.0)
    k22 = np.maximum(total - k11 - k12 - k21, 0.0)
    rows, columns = (k11 + k12, k21 + k22), (k11 + k21, k12 + k22)
    whole = k11 + k12 + k21 + k22
    value = np.zeros_like(k11)
    for cell, row, column in (
        (k11, rows[0], columns[0]), (k12, rows[0], columns[1]),
        (k21, rows[1], columns[0]), (k22, rows[1], columns[1]),
    ):  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            value += np.where(cell > 0, cell * np.log(cell * whole / (row * column)), 0.0)
    return np.where(k11 * whole >= rows[0] * columns[0], 2.0, -2.0) * value


def phrase_npmi(both: Any, first: Any, second: Any, total: Any) -> Floats:
    """Give the normalised pointwise mutual information of a pair of neighbours, float64 (p,).

    Examples
    --------
    >>> phrase_npmi(np.array([10, 1]), np.array([10, 10]), np.array([10, 10]), 100).round(2)
    array([1., 0.])
    """
    share = np.asarray(both, np.float64) / total
    expected = np.asarray(first, np.float64) * np.asarray(second, np.float64) / total / total
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(share / expected) / -np.log(share)
    return np.where(share >= 1.0, 1.0, value)


class Phrases:
    """Phrases of a corpus, and texts as counts of them.

    Parameters
    ----------
    phrases : list of str
        Words joined by one space, as the tokeniser writes them.

    Examples
    --------
    >>> texts = ["the space shuttle flew", "a space shuttle landed", "shuttle bus", "outer space"]
    >>> found = Phrases.fit([texts * 9], ["space", "shuttle", "flew", "landed", "bus", "outer"])
    >>> "space shuttle" in found.phrases
    True
    >>> Phrases(["space shuttle"]).counts(["The Space Shuttle!", "bus"]).toarray().tolist()
    [[1.0], [0.0]]
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self.phrases = list(phrases)
        self._runs = {tuple(phrase.split(" ")): at for at, phrase in enumerate(self.phrases)}
        self._starts = {run[:2] for run in self._runs}
        if any(not 2 <= len(run) <= 3 for run in self._runs):
            raise ParameterError("phrases have two or three words, joined by one space")

    def __len__(self) -> int:
        return len(self.phrases)

    @classmethod
    def fit(
        cls,
        batches: Iterable[Sequence[str]],
        words: Iterable[str],
        *,
        min_count: int = 5,
        least_npmi: float = 0.3,
        least_ratio: float = 15.13,
        most: int = 5_000,
    ) -> "Phrases":
        """Find the phrases of a stream of texts.

        Neighbours are neighbours among the tokens: punctuation does not part them, the two tests
        do.

        Parameters
        ----------
        batches : iterable of list of str
            Texts. Held in memory are the counts of distinct runs of words, 4 million at most:
            beyond that the rarest are forgotten.
        words : iterable of str
            Words that may begin or end a phrase: a vocabulary without stop words. Between two of
            them any one word may stand ("bill of rights").
        min_count : int, default 5
            A phrase occurs that often.
        least_npmi : float, default 0.3
            In [-1, 1].
        least_ratio : float, default 15.13
            Likelihood ratio; 15.13 is a chance of 1 in 10,000.
        most : int, default 5,000
            Phrases at most, by falling likelihood ratio; ties go by phrase.

        Returns
        -------
        Phrases
            Sorted.

        Raises
        ------
        ParameterError
            For a bound out of range.
        """
        if min_count < 1 or not -1 <= least_npmi <= 1 or most < 1:
            raise ParameterError(
                f"min_count={min_count}, least_npmi={least_npmi}, most={most}: give min_count >= 1,"
                " least_npmi in [-1, 1] and most >= 1"
            )
        counter = _RunCounter(frozenset(words))
        for batch in batches:
            counter.add(tokenize(batch))
        scored = counter.tested(min_count=min_count, least_npmi=least_npmi, least_ratio=least_ratio)
        scored.sort(key=lambda item: (-item[1], item[0]))
        return cls(sorted(phrase for phrase, _ in scored[:most]))

    def counts(self, texts: Sequence[str]) -> "csr_matrix":
        """Count the phrases of texts: CSR float32 (n, p), sorted columns.

        A phrase within a longer one counts too.
        """
        from scipy.sparse import csr_matrix

        starts, columns = [0], list[int]()
        for tokens in tokenize(texts):
            for at in range(len(tokens) - 1):
                pair = (tokens[at], tokens[at + 1])
                if pair in self._starts:
                    if (found := self._runs.get(pair)) is not None:
                        columns.append(found)
                    three = (*pair, tokens[at + 2]) if at + 2 < len(tokens) else pair
                    if len(three) == 3 and (found := self._runs.get(three)) is not None:
                        columns.append(found)
            starts.append(len(columns))
        shape = (len(starts) - 1, len(self.phrases))
        ones = np.ones(len(columns), np.float32)
        table = csr_matrix((ones, np.array(columns, np.int32), np.array(starts)), shape=shape)
        table.sum_duplicates()
        table.sort_indices()
        return table


class _RunCounter:
    """Counts words, neighbours, and runs of three that begin and end with a word that may."""

    def __init__(self, words: frozenset[str]) -> None:
        self.allowed = words
        self.known: dict[str, int] = {}
        self.names: list[str] = []
        self.single = np.zeros(0, np.int64)
        self.total = 0
        self.runs: dict[int, tuple[Ids, Ids]] = {2: _nothing(2), 3: _nothing(3)}
        self.forgotten = {2: 0, 3: 0}

    def add(self, texts: list[list[str]]) -> None:
        """Take a batch of tokenised texts."""
        parts = [self._ids(tokens) for tokens in texts if tokens]
        if not parts:
            return
        flat = np.concatenate(parts)
        lengths = np.array([len(part) for part in parts])
        text = np.repeat(np.arange(len(parts)), lengths)
        new = np.bincount(flat, minlength=len(self.names))
        new[: len(self.single)] += self.single
        self.single = new
        self.total += len(flat)
        may = np.array([name in self.allowed for name in self.names], dtype=bool)
        for length in (2, 3):
            inside = text[: len(text) - length + 1] == text[length - 1 :]
            first, last = flat[: len(inside)], flat[length - 1 :]
            # pairs with a function word are needed for the seams of three
            wanted = inside & (may[first] & may[last] if length == 3 else may[first] | may[last])
            at = np.flatnonzero(wanted)
            rows = np.column_stack([flat[at + step] for step in range(length)])
            self._merge(length, rows)

    def _ids(self, tokens: list[str]) -> Ids:
        found = []
        for token in tokens:
            number = self.known.get(token)
            if number is None:
                number = self.known[token] = len(self.names)
                self.names.append(token)
            found.append(number)
        return np.array(found, np.int64)

    def _merge(self, length: int, rows: Ids) -> None:
        held, times = self.runs[length]
        joined = np.concatenate([held, rows])
        weights = np.concatenate([times, np.ones(len(rows), np.int64)])
        order = np.lexsort(joined.T[::-1])
        joined, weights = joined[order], weights[order]
        if not len(joined):
            return
        fresh = np.concatenate([[True], (joined[1:] != joined[:-1]).any(axis=1)])
        starts = np.flatnonzero(fresh)
        joined, weights = joined[starts], np.add.reduceat(weights, starts)
        if len(joined) > HELD_RUNS:
            self.forgotten[length] += 1
            kept = weights > self.forgotten[length]
            joined, weights = joined[kept], weights[kept]
        self.runs[length] = (joined, weights)

    def tested(
        self, *, min_count: int, least_npmi: float, least_ratio: float
    ) -> list[tuple[str, float]]:
        """Give the phrases that pass both tests, with their likelihood ratio."""
        if not self.total:
            return []
        may = np.array([name in self.allowed for name in self.names], dtype=bool)
        return [
            *self._pairs(may, min_count, least_npmi, least_ratio),
            *self._threes(min_count, least_npmi, least_ratio),
        ]

    def _pairs(
        self, may: NDArray[np.bool_], min_count: int, least_npmi: float, least_ratio: float
    ) -> Iterator[tuple[str, float]]:
        rows, times = self.runs[2]
        kept = (times >= min_count) & may[rows].all(axis=1) & (rows[:, 0] != rows[:, 1])
        rows, times = rows[kept], times[kept]
        first, second = self.single[rows[:, 0]], self.single[rows[:, 1]]
        ratio = likelihood_ratio(times, first, second, self.total)
        npmi = phrase_npmi(times, first, second, self.total)
        for at in np.flatnonzero((ratio >= least_ratio) & (npmi >= least_npmi)):
            yield " ".join(self.names[word] for word in rows[at]), round(float(ratio[at]), 6)

    def _threes(
        self, min_count: int, least_npmi: float, least_ratio: float
    ) -> Iterator[tuple[str, float]]:
        rows, times = self.runs[3]
        kept = times >= min_count
        rows, times = rows[kept], times[kept]
        same = (rows[:, 0] == rows[:, 1]) | (rows[:, 1] == rows[:, 2]) | (rows[:, 0] == rows[:, 2])
        rows, times = rows[~same], times[~same]
        left, right = self._times(rows[:, :2]), self._times(rows[:, 1:])
        ratio = np.full(len(rows), np.inf)
        npmi = np.full(len(rows), np.inf)
        for first, second in (
            (left, self.single[rows[:, 2]]),
            (self.single[rows[:, 0]], right),
        ):
            # a pair that was forgotten is no rarer than the run that holds it
            a, b = np.maximum(first, times), np.maximum(second, times)
            ratio = np.minimum(ratio, likelihood_ratio(times, a, b, self.total))
            npmi = np.minimum(npmi, phrase_npmi(times, a, b, self.total))
        for at in np.flatnonzero((ratio >= least_ratio) & (npmi >= least_npmi)):
            yield " ".join(self.names[word] for word in rows[at]), round(float(ratio[at]), 6)

    def _times(self, pairs: Ids) -> Ids:
        """How often each pair occurs."""
        held, times = self.runs[2]
        if not len(held):
            return np.zeros(len(pairs), np.int64)
        width = len(self.names)
        keys, asked = held[:, 0] * width + held[:, 1], pairs[:, 0] * width + pairs[:, 1]
        at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return np.where(keys[at] == asked, times[at], 0)


def _nothing(length: int) -> tuple[Ids, Ids]:
    return np.zeros((0, length), np.int64), np.zeros(0, np.int64)
