"""Which tokens read as words, which of them are one word, and which phrases stand for their parts.

Nothing here knows a language: the rules look at letters, common beginnings and short ends.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["distinct", "readable", "same_word"]

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


def readable(word: str) -> bool:
    """Tell whether a token reads as a word: at least two letters, mostly letters, one first.

    Examples
    --------
    >>> readable("xfree86"), readable("猫"), readable("1993"), readable("0d")
    (True, True, False, False)
    """
    if word.isascii() and word.isalpha():
        return len(word) >= 2
    kinds = [unicodedata.category(character)[0] for character in word]
    letters = sum(kind in "LM" for kind in kinds)
    wide = len(word) == 1 and unicodedata.east_asian_width(word) == "W"
    return (
        bool(kinds) and kinds[0] == "L" and (wide or letters >= 2) and 3 * letters >= 2 * len(word)
    )


def same_word(one: str, other: str) -> bool:
    """Tell whether two words look like forms of one: a common start and short ends.

    Examples
    --------
    >>> same_word("car", "cars"), same_word("encrypted", "encryption"), same_word("car", "care")
    (True, True, True)
    >>> same_word("app", "apple"), same_word("internet", "international")
    (False, False)
    """
    short, long = sorted((one, other), key=len)
    common = 0
    while common < len(short) and short[common] == long[common]:
        common += 1
    tail, longer = len(short) - common, len(long) - common
    if tail == 0:
        return common >= 3 and longer <= min(4, max(1, common // 2))
    return common >= 5 and longer <= 3 and tail + longer <= max(4, common - 2)


def distinct(
    words: Ids, worth: Floats, vocabulary: Sequence[str], *, phrase_worth: float = 0.8
) -> tuple[Ids, Floats]:
    """Keep the best of all forms of a word, and either a phrase or its parts.

    Parameters
    ----------
    words : int64 (w,)
        Columns of the vocabulary, best first.
    worth : float64 (w,)
    vocabulary : list of str
        An entry with a space is a phrase; the words in it, and shorter phrases, are its parts.
    phrase_worth : float, default 0.8
        A phrase takes the place of its parts when it is worth at least that share of the best of
        them; otherwise the parts stay and the phrase goes.

    Returns
    -------
    words, worth
        Those that are kept, in their order.

    Examples
    --------
    >>> names = ["cars", "car", "york", "new york"]
    >>> distinct(np.arange(4), np.array([0.9, 0.8, 0.5, 0.45]), names)[0].tolist()
    [0, 3]
    """
    left = _without_parts(words, worth, vocabulary, phrase_worth)
    kept: list[int] = []
    alike: dict[str, list[str]] = {}  # forms of a word have three letters in common, at least
    for place in left:
        word = vocabulary[int(words[place])]
        near = alike.setdefault(word[:3], [])
        if not any(same_word(word, other) for other in near):
            kept.append(place)
            near.append(word)
    return words[kept], worth[kept]


def _without_parts(
    words: Ids, worth: Floats, vocabulary: Sequence[str], phrase_worth: float
) -> list[int]:
    """Settle between phrases and their parts, the best phrase first; longer ones go first."""
    names = [vocabulary[int(word)] for word in words]
    places = {name: place for place, name in enumerate(names)}
    phrases = [place for place, name in enumerate(names) if " " in name]
    gone: set[int] = set()
    for place in sorted(phrases, key=lambda at: (-names[at].count(" "), at)):
        parts = [
            places[part]
            for part in _parts(names[place])
            if part in places and places[part] not in gone
        ]
        best = max((float(worth[part]) for part in parts), default=0.0)
        if float(worth[place]) >= phrase_worth * best:
            gone.update(parts)
        else:
            gone.add(place)
    return [place for place in range(len(names)) if place not in gone]


def _parts(phrase: str) -> list[str]:
    """Give all shorter runs of words of a phrase.

    Examples
    --------
    >>> _parts("new york city")
    ['new', 'york', 'city', 'new york', 'york city']
    """
    words = phrase.split(" ")
    return [
        " ".join(words[start : start + length])
        for length in range(1, len(words))
        for start in range(len(words) - length + 1)
    ]
