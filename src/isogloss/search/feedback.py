"""Pseudo-relevance feedback: the first hits say what else to look for.

Dense: J. Rocchio: Relevance Feedback in Information Retrieval, 1971, over unit vectors.
Sparse: V. Lavrenko, W. B. Croft: Relevance-Based Language Models, SIGIR 2001, in the mixture with
the query of N. Abdul-Jaleel et al., UMass at TREC 2004 (RM3).
Both drift when the first hits are wrong; both therefore have a guard, whose bounds were measured
(docs/decisions/0020-second-stage.md).
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError

__all__ = ["Rm3", "Rocchio", "kept"]


class Rocchio:
    """Move the query's vector towards the first hits, and away from the last candidates.

    ``q' = alpha q + beta mean(first) - gamma mean(last)``, brought to unit length. Where q' would
    turn from q by more than `least_cosine` allows it is turned back to that bound. Where the
    first hits of q' keep less than `least_kept` of those of q, the feedback is refused and the
    search is that of q; this costs one more search, and no measured query needed it, so it is
    left out by default.

    Parameters
    ----------
    top : int, default 3
        First hits that are taken for relevant, at least 1.
    bottom : int, default 0
        Last of the candidates that are taken for irrelevant.
    alpha, beta, gamma : float, defaults 1, 0.5, 0.15
        Weights of the query (above 0), the first and the last hits (0 or more).
    least_cosine : float, default 0.95
        Bound of the turn, -1 to 1; -1 is none.
    least_kept : float, default 0
        Bound of the first ten that must stay, 0 to 1; 0 is none.

    Raises
    ------
    ParameterError
        For a parameter out of its range.

    Examples
    --------
    >>> q = np.array([1.0, 0.0])
    >>> moved = Rocchio(beta=1.0, least_cosine=-1.0).move(q, np.array([[0.0, 1.0]]))
    >>> moved.round(3).tolist()
    [0.707, 0.707]
    >>> turned = Rocchio(beta=1.0, least_cosine=0.8).move(q, np.array([[0.0, 1.0]]))
    >>> turned.round(3).tolist()
    [0.8, 0.6]
    """

    kind = "vector"

    def __init__(
        self,
        top: int = 3,
        *,
        bottom: int = 0,
        alpha: float = 1.0,
        beta: float = 0.5,
        gamma: float = 0.15,
        least_cosine: float = 0.95,
        least_kept: float = 0.0,
    ) -> None:
        whole_number(top, "top", 1)
        whole_number(bottom, "bottom", 0)
        if _number("alpha", alpha) <= 0:
            raise ParameterError(f"alpha is {alpha!r}: give more than 0, or the query is lost")
        for name, value in (("beta", beta), ("gamma", gamma)):
            if _number(name, value) < 0:
                raise ParameterError(f"{name} is {value!r}: give 0 or more")
        if not -1 <= _number("least_cosine", least_cosine) <= 1:
            raise ParameterError(f"least_cosine is {least_cosine!r}: give -1 to 1")
        if not 0 <= _number("least_kept", least_kept) <= 1:
            raise ParameterError(f"least_kept is {least_kept!r}: give 0 to 1")
        self.top = top
        self.bottom = bottom
        self.alpha = float(alpha)
        self.beta = float(beta)
        self.gamma = float(gamma)
        self.least_cosine = float(least_cosine)
        self.least_kept = float(least_kept)

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        last = f" and against the last {self.bottom}" if self.bottom else ""
        return f"Rocchio feedback from the first {self.top}{last}"

    def move(
        self, query: NDArray[np.floating[Any]], hits: NDArray[np.floating[Any]]
    ) -> NDArray[np.float64]:
        """Give the moved query.

        Parameters
        ----------
        query : float (d,)
            Of any length but 0.
        hits : float (n, d)
            Unit rows of the candidates, best first. The last ones count only where they are not
            among the first.

        Returns
        -------
        float64 (d,)
            Unit vector; the query itself where there is nothing to learn from.
        """
        q = _unit(np.asarray(query, dtype=np.float64))
        rows = np.asarray(hits, dtype=np.float64)
        if not len(rows) or not q.any():
            return q
        first = rows[: self.top]
        moved = self.alpha * q + self.beta * first.mean(axis=0)
        last = rows[self.top :][-self.bottom :] if self.bottom else rows[:0]
        if len(last):
            moved = moved - self.gamma * last.mean(axis=0)
        moved = _unit(moved)
        return self._turn_back(q, moved) if moved.any() else q

    def _turn_back(self, q: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float64]:
        cosine = float(q @ moved)
        if cosine >= self.least_cosine:
            return moved
        aside = _unit(moved - cosine * q)
        return self.least_cosine * q + math.sqrt(1 - self.least_cosine**2) * aside


class Rm3:
    """Add the words that the first hits share to the words of the query.

    A word's weight is its share of the first hits' text, each hit counting by its score; the
    `terms` heaviest are kept and ``1 - share`` of all weight is theirs. Function words of the
    candidates' language do not count. Where the first hits of the longer query keep less than
    `least_kept` of those of the query, the feedback is refused.

    Parameters
    ----------
    top : int, default 5
        First hits that are taken for relevant, at least 1.
    terms : int, default 10
        Words added, at least 1.
    share : float, default 0.8
        Weight of the query's own words, above 0, at most 1.
    least_kept : float, default 0.2
        Bound of the first ten that must stay, 0 to 1; 0 is none.

    Raises
    ------
    ParameterError
        For a parameter out of its range.

    Notes
    -----
    The query itself keeps weight 1 and its words are cut by the index; the weights of the added
    words are scaled to that, so the score stays a sum of BM25 scores.

    Examples
    --------
    >>> texts = ["wing wing flow", "wing drag", "a cat"]
    >>> added = Rm3(top=2, terms=2, share=0.5).expand("lift", texts, [2.0, 1.0, 0.1])
    >>> [(word, round(weight, 3)) for word, weight in added.items()]
    [('wing', 0.733), ('flow', 0.267)]
    """

    kind = "text"

    def __init__(
        self, top: int = 5, *, terms: int = 10, share: float = 0.8, least_kept: float = 0.2
    ) -> None:
        whole_number(top, "top", 1)
        whole_number(terms, "terms", 1)
        if not 0 < _number("share", share) <= 1:
            raise ParameterError(f"share is {share!r}: give above 0 to 1, the query's own part")
        if not 0 <= _number("least_kept", least_kept) <= 1:
            raise ParameterError(f"least_kept is {least_kept!r}: give 0 to 1")
        self.top = top
        self.terms = terms
        self.share = float(share)
        self.least_kept = float(least_kept)

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"RM3 feedback of {self.terms} words from the first {self.top}"

    def expand(self, query: str, texts: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
        """Give the words to add and their weights beside the query's weight of 1.

        Parameters
        ----------
        query : str
            The query.
        texts : sequence of str
            Of the candidates, best first.
        scores : sequence of float
            Theirs, above 0.

        Returns
        -------
        dict of str to float
            Heaviest first, equal ones by letter; empty where there is nothing to learn from.
        """
        from isogloss.text.stopwords import stop_words_for
        from isogloss.text.tokens import tokenize

        *candidates, asked = tokenize([*texts, query])
        seen = Counter(word for words in candidates for word in sorted(set(words)))
        stop = stop_words_for(seen, len(candidates))
        total = math.fsum(max(0.0, score) for score in scores[: self.top])
        share: dict[str, float] = {}
        for words, score in zip(candidates[: self.top], scores, strict=False):
            useful = [word for word in words if word not in stop]
            for word, count in Counter(useful).items():
                part = max(0.0, score) / total * count / len(useful) if total > 0 else 0.0
                share[word] = share.get(word, 0.0) + part
        best = sorted(share.items(), key=lambda pair: (-pair[1], pair[0]))[: self.terms]
        weight = math.fsum(value for _, value in best)
        if weight <= 0 or self.share == 1:
            return {}
        own = [word for word in asked if word not in stop] or asked
        scale = (1 - self.share) / self.share * max(1, len(own)) / weight
        return {word: scale * value for word, value in best}


def kept(before: Sequence[int], after: Sequence[int]) -> float:
    """Say what share of the first hits stayed among the first.

    Examples
    --------
    >>> kept([1, 2, 3, 4], [2, 9, 1, 8])
    0.5
    """
    if not before:
        return 1.0
    stayed = set(after)
    return sum(passage in stayed for passage in before) / len(before)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / (np.linalg.norm(vector) or 1.0), dtype=np.float64)


def _number(name: str, value: object) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value):  # type: ignore[arg-type]
        raise ParameterError(f"{name} is {value!r}: give a number")
    return float(value)  # type: ignore[arg-type]
