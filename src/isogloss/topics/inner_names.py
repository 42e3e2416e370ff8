"""Words that name inner topics: of each large part one, so that no part has the same name.

The keywords of an inner topic are often those of its largest part, and tell it from its siblings
rather than say what is in it. Leaves are named by their first keywords; a topic above takes a word
out of the name of each of its larger parts, then its own keywords that repeat no part's name. A
leaf that others were merged into has no parts any more, and gets such words once and for all.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.topics.word_forms import same_word

__all__ = ["naming_words", "words_of_parts"]

Words = Sequence[str]


def naming_words(
    keywords: Sequence[Words],
    parent: NDArray[np.integer[Any]],
    sizes: NDArray[np.integer[Any]],
    *,
    words: int = 3,
) -> list[list[str]]:
    """Give the words of each topic in the order in which its name takes them.

    Parameters
    ----------
    keywords : list of list of str (t,)
        Best first.
    parent : int (t,)
        The topic above each, -1 for roots.
    sizes : int (t,)
        Passages; a part with less than half of what a word stands for, 1 / `words`, is left out.
    words : int, default 3
        Words in a name; with one word, all stay as they are.

    Returns
    -------
    list of list of str (t,)
        Keywords of leaves as they are. Those of inner topics begin with their name, in which there
        may be words of the topics below.

    Notes
    -----
    Time O(t). A name takes no two words of the name of one part while there are others, and never
    all, unless the topic has no other words.

    Examples
    --------
    >>> words = [["disk", "drive"], ["moon", "nasa"], ["disk", "drive", "ram"]]
    >>> naming_words(words, np.array([2, 2, -1]), np.array([5, 4, 9]))[2]
    ['disk', 'ram', 'moon', 'drive']
    """
    family: dict[int, list[int]] = {}
    for topic, above in enumerate(np.asarray(parent).tolist()):
        family.setdefault(above, []).append(topic)
    size = np.asarray(sizes).tolist()
    found = [list(one) for one in keywords]
    if words < 2:
        return found
    for topic in reversed(_downwards(family)):
        below = sorted(family.get(topic, []), key=lambda part: (-size[part], part))
        if below:
            large = [part for part in below if 2 * words * size[part] >= size[topic]][:words]
            found[topic] = _inner(
                keywords[topic],
                [(keywords[part], found[part][:words]) for part in large],
                [found[part][:words] for part in below],
                words,
            )
    return found


def words_of_parts(own: Words, parts: Sequence[Words], sizes: Sequence[int]) -> list[str]:
    """Give the words of a topic that others were merged into, so that its name tells of them.

    Its own words may all be those of its largest part. The name is that of a topic above the parts.

    Parameters
    ----------
    own : list of str
        Keywords of the merged topic, best first.
    parts : list of list of str
        Those of each topic that it was merged from.
    sizes : list of int
        Passages in each of these.

    Returns
    -------
    list of str
        As many as `own`, but one for each part at least; those of the name first.

    Examples
    --------
    >>> words_of_parts(["key", "cipher", "hash"], [["key", "cipher"], ["wheel", "brake"]], [9, 8])
    ['key', 'hash', 'wheel']
    """
    parent = np.array([-1, *[0] * len(parts)])
    found = naming_words([own, *parts], parent, np.array([sum(sizes), *sizes]))
    return found[0][: max(len(own), len(parts))]


def _downwards(family: dict[int, list[int]]) -> list[int]:
    """Give all topics, each after the one above it."""
    order = list(family.get(-1, []))
    for topic in order:  # grows as it is read
        order += family.get(topic, [])
    return order


def _inner(
    own: Words, large: Sequence[tuple[Words, Words]], names: Sequence[Words], words: int
) -> list[str]:
    """Order the words of one inner topic, given keywords and names of its parts."""
    taken: list[str] = []
    for keywords, name in large:
        if name and not _meet(name, taken):
            known = (word for word in [*own, *keywords] if word in name)
            taken.append(next(known, name[0]))
    for most in (1, words - 1):  # words of the name of one part
        for word in own:
            fits = all(sum(_meet([one], [*taken, word]) for one in name) <= most for name in names)
            if len(taken) < words and fits and not _meet([word], taken):
                taken.append(word)
    # Words of its own come first, in their order.
    taken.sort(key=lambda word: own.index(word) if word in own else len(own))
    return taken + [word for word in own if word not in taken]


def _meet(some: Iterable[str], others: Sequence[str]) -> bool:
    """Tell whether a word of one list is a word, or a form of one, of the other."""
    return any(one == other or same_word(one, other) for one in some for other in others)
