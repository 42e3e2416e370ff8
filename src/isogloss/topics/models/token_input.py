"""Tokens as a topic model reads them, and how probable a model finds them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import many, strings
from isogloss._core.errors import ParameterError

__all__ = ["Likelihood", "checked_tokens", "commonest_words", "numbered_words"]


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """How probable each document is, and what was not counted.

    Parameters
    ----------
    logs : float64 (n,)
        Logarithm of each document's probability given its length, in nats.
    words : int64 (n,)
        Words that it is the probability of.
    unknown : int64 (n,)
        Words outside the vocabulary: left out.
    """

    logs: NDArray[np.float64]
    words: NDArray[np.int64]
    unknown: NDArray[np.int64]

    @property
    def perplexity(self) -> float:
        """Exp of the mean over documents with a known word of the mean cost of a word.

        Examples
        --------
        >>> two = np.array([2, 0])
        >>> Likelihood(np.array([-2.0, 0.0]) * np.log(8), two, two * 0).perplexity.__round__(6)
        8.0
        """
        held = self.words > 0
        return float(np.exp(np.mean(-self.logs[held] / self.words[held]))) if held.any() else np.nan


def checked_tokens(texts: Sequence[Sequence[str]], name: str) -> list[list[str]]:
    """Give lists of tokens, and refuse strings.

    Examples
    --------
    >>> checked_tokens([("a", "b")], "X")
    [['a', 'b']]
    """
    each = many(texts, name, "lists of tokens")
    return [strings(text, f"{name}[{row}]", "tokens") for row, text in enumerate(each)]


def commonest_words(texts: Sequence[Sequence[str]], most: int, least: int) -> list[str]:
    """Give the words that occur `least` times or more, commonest first, at most `most`.

    Raises
    ------
    ParameterError
        When there is none.

    Examples
    --------
    >>> commonest_words([["b", "a"], ["b"]], 5, 1)
    ['b', 'a']
    """
    counts = Counter(word for text in texts for word in text)
    held = [(word, count) for word, count in counts.items() if count >= least]
    if not held:
        raise ParameterError(f"no word occurs {least} times in the {len(texts)} documents given")
    return [word for word, _ in sorted(held, key=lambda item: (-item[1], item[0]))[:most]]


def numbered_words(
    texts: Sequence[Sequence[str]], vocabulary: Sequence[str]
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Give each text's known words by number, and how many are not known.

    Examples
    --------
    >>> found, lost = numbered_words([["b", "x", "a"]], ["a", "b"])
    >>> found[0].tolist(), lost.tolist()
    ([1, 0], [1])
    """
    number = {word: place for place, word in enumerate(vocabulary)}
    found = [
        np.array([number[word] for word in text if word in number], dtype=np.int64)
        for text in texts
    ]
    lost = [len(text) - len(one) for text, one in zip(texts, found, strict=True)]
    return found, np.array(lost, dtype=np.int64)
