"""Who talks about what: topics by their authors and by communities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.social.inequality import gini

__all__ = [
    "CommunityTopics",
    "TopicVoices",
    "community_topics",
    "topic_voices",
    "topics_by_community",
]

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TopicVoices:
    """One topic, and how many hold the word in it.

    Parameters
    ----------
    topic : str
    entries : int
        Entries of the topic, each family of near copies counted once.
    copies : int
        Entries that were left out as copies.
    authors : int
        Known accounts with such an entry.
    gini : float
        Of these entries over these accounts.
    top_share : float
        Part of them by the account with most.
    effective_authors : float
        exp of the entropy over accounts: as many with equal parts would be as mixed.
    communities : tuple of (int, float, float)
        The communities with most of its entries: number, part of the topic's entries that have a
        community, and that part over the community's part of all such entries.
    """

    topic: str
    entries: int
    copies: int
    authors: int
    gini: float
    top_share: float
    effective_authors: float
    communities: tuple[tuple[int, float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Give all of it."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["communities"] = [_part("community", *one) for one in self.communities]
        return found


@dataclass(frozen=True, slots=True)
class CommunityTopics:
    """One community, and what it talks about.

    Parameters
    ----------
    community : int
    accounts, entries : int
        Its accounts, and their entries with a topic, families counted once.
    topics : tuple of (str, float, float)
        Its largest topics: name, part of its entries, and that part over the topic's part of all.
    """

    community: int
    accounts: int
    entries: int
    topics: tuple[tuple[str, float, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Give all of it."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["topics"] = [_part("topic", *one) for one in self.topics]
        return found


def _part(kind: str, name: Any, share: float, lift: float) -> dict[str, Any]:
    return {kind: name, "share": share, "lift": lift}


def topic_voices(
    topic: Codes,
    author: Codes,
    names: list[str],
    *,
    kept: NDArray[np.bool_] | None = None,
    communities: NDArray[Any] | None = None,
    most: int = 3,
) -> list[TopicVoices]:
    """Describe each topic by who writes in it.

    Parameters
    ----------
    topic, author : int64 (n,)
        Of each entry, -1 for none.
    names : list of str
        Of the topics.
    kept : bool (n,), optional
        False for near copies, which count for nothing but `copies`.
    communities : int (a,), optional
        Community of each account, -1 for none.
    most : int, default 3
        Communities to name.

    Returns
    -------
    list of TopicVoices
        By number of entries, largest first.

    Examples
    --------
    >>> voices = topic_voices(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), ["cats", "moon"])
    >>> voices[0].authors, round(voices[0].gini, 3), round(voices[0].top_share, 3)
    (2, 0.167, 0.667)
    """
    whole = np.ones(len(topic), dtype=bool) if kept is None else kept
    count = len(names)
    entries = np.bincount(topic[(topic >= 0) & whole], minlength=count)
    copies = np.bincount(topic[(topic >= 0) & ~whole], minlength=count)
    table = _pairs(topic, author, whole)
    home = None if communities is None else _home(author, communities)
    shared = None if home is None else _pairs(topic, home, whole)
    base = None if shared is None else _sizes(shared[:, 1], shared[:, 2])
    found = []
    for number in np.argsort(-entries, kind="stable").tolist():
        low, high = np.searchsorted(table[:, 0], [number, number + 1])
        amounts = table[low:high, 2]
        part = amounts / max(1, amounts.sum())
        leading: list[tuple[int, float, float]] = []
        if shared is not None and base is not None:
            low, high = np.searchsorted(shared[:, 0], [number, number + 1])
            leading = _leading(shared[low:high, 1], shared[low:high, 2], base, most)
        found.append(
            TopicVoices(
                names[number],
                int(entries[number]),
                int(copies[number]),
                len(amounts),
                float(gini(amounts)),
                float(part.max(initial=0.0)) if len(part) else float("nan"),
                float(np.exp(-(part * np.log(part)).sum())) if len(part) else float("nan"),
                tuple(leading),
            )
        )
    return found


def community_topics(
    topic: Codes,
    author: Codes,
    names: list[str],
    communities: NDArray[Any],
    *,
    kept: NDArray[np.bool_] | None = None,
    most: int = 3,
    largest: int = 20,
) -> list[CommunityTopics]:
    """Describe each community by what its accounts write about.

    Parameters
    ----------
    topic, author, names, communities, kept
        As in `topic_voices`.
    most : int, default 3
        Topics to name.
    largest : int, default 20
        Communities to describe, the first ones.

    Returns
    -------
    list of CommunityTopics

    Examples
    --------
    >>> talk = community_topics(
    ...     np.array([0, 0, 1]), np.array([0, 1, 2]), ["cats", "moon"], np.array([0, 0, 1]))
    >>> talk[0].topics
    (('cats', 1.0, 1.5),)
    """
    whole = np.ones(len(topic), dtype=bool) if kept is None else kept
    home = _home(author, communities)
    table = _pairs(home, topic, whole)
    base = _sizes(table[:, 1], table[:, 2], len(names))
    accounts = np.bincount(communities[communities >= 0])
    found = []
    for number in range(min(largest, len(accounts))):
        low, high = np.searchsorted(table[:, 0], [number, number + 1])
        leading = _leading(table[low:high, 1], table[low:high, 2], base, most)
        entries = int(table[low:high, 2].sum())
        named = tuple((names[one], share, lift) for one, share, lift in leading)
        found.append(CommunityTopics(number, int(accounts[number]), entries, named))
    return found


def topics_by_community(
    topic: Codes,
    author: Codes,
    communities: NDArray[Any],
    *,
    kept: NDArray[np.bool_] | None = None,
) -> float:
    """Tell how far the community of its author gives the topic of an entry.

    Returns
    -------
    float
        Mutual information adjusted for chance: 0 when it tells nothing, 1 when each tells the
        other; NaN without entries that have both.

    Examples
    --------
    >>> code = np.array([0, 0, 1, 1])
    >>> topics_by_community(code, np.arange(4), code)
    1.0
    """
    from isogloss.evaluate.contingency import (
        Contingency,
        adjusted_mutual_information,
        expected_mutual_information,
    )

    home = _home(author, communities)
    both = (topic >= 0) & (home >= 0)
    if kept is not None:
        both &= kept
    if not both.any():
        return float("nan")
    table = Contingency.of(home[both], topic[both])
    sizes = [np.bincount(side, weights=table.cells) for side in (table.gold, table.topic)]
    expected = expected_mutual_information(*[one.astype(np.int64) for one in sizes])
    return float(adjusted_mutual_information(table, table.cells[None, :], expected)[0])


def _home(author: Codes, communities: NDArray[Any]) -> Codes:
    """Give the community of each entry's author, -1 for none."""
    padded = np.append(communities.astype(np.int64), -1)
    return padded[author]


def _pairs(one: Codes, other: Codes, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count pairs: rows of (one, other, times), sorted; pairs with a -1 are left out."""
    both = (one >= 0) & (other >= 0) & kept
    width = int(other.max(initial=-1)) + 1
    key, times = np.unique(one[both] * max(1, width) + other[both], return_counts=True)
    return np.stack([key // max(1, width), key % max(1, width), times], axis=1)


def _sizes(codes: Codes, times: NDArray[np.int64], count: int = 0) -> NDArray[np.float64]:
    return np.bincount(codes, weights=times, minlength=count).astype(np.float64)


def _leading(
    codes: Codes, times: NDArray[np.int64], base: NDArray[np.float64], most: int
) -> list[tuple[int, float, float]]:
    total, whole = float(times.sum()), float(base.sum())
    found = []
    for place in np.argsort(-times, kind="stable")[:most].tolist():
        share = float(times[place]) / total
        found.append((int(codes[place]), share, share / (float(base[codes[place]]) / whole)))
    return found
