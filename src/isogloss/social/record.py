"""The record of a discussion's measures."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss.social import rhythm
from isogloss.social.bursts import Burst
from isogloss.social.communities import Communities
from isogloss.social.discussion import Discussion
from isogloss.social.duplicates import Families
from isogloss.social.graphs import CoParticipation, ReplyGraph
from isogloss.social.hits import Hits, best
from isogloss.social.inequality import Inequality
from isogloss.social.instants import SECOND
from isogloss.social.lifespans import Lifespans, first_and_last
from isogloss.social.moments import NO_TIME
from isogloss.social.reciprocity import Reciprocity
from isogloss.social.voices import CommunityTopics, TopicVoices

__all__ = ["DiscussionReport", "amounts_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class DiscussionReport:
    """What was measured of a discussion; a part is None when its columns were not given.

    Parameters
    ----------
    discussion : Discussion
        The entries as they were read.
    co_participation : CoParticipation or None
        Who writes in the same threads.
    communities : Communities or None
        Of that graph.
    replies : ReplyGraph or None
        Who answers whom.
    reciprocity : Reciprocity or None
    hits : Hits or None
    inequality : dict of str to Inequality
        Over accounts: ``entries``, ``posts``, ``comments``, ``received`` (answers received),
        ``score``; over entries ``score_by_entry``; over groups ``group_entries``.
    lifespans, burstiness, hours, early : records of `lifespans` and `rhythm`, or None
        ``hours`` counts posts where they can be told from comments, else entries.
    duplicates : Families or None
        Near copies among the texts.
    topics : list of TopicVoices
    community_topics : list of CommunityTopics
    topics_by_community : float
        How far a community gives away the topic, adjusted for chance; NaN when not measured.
    topic_bursts, group_bursts, bursts : list of Burst
        When a topic, a group, or everything was more than usual.
    notes : tuple of str
        What was left out, taken as unknown, or not measured, and why.
    """

    discussion: Discussion
    co_participation: CoParticipation | None
    communities: Communities | None
    replies: ReplyGraph | None
    reciprocity: Reciprocity | None
    hits: Hits | None
    inequality: dict[str, Inequality]
    lifespans: Lifespans | None
    burstiness: rhythm.Burstiness | None
    hours: rhythm.Hours | None
    early: rhythm.Early | None
    duplicates: Families | None
    topics: list[TopicVoices]
    community_topics: list[CommunityTopics]
    topics_by_community: float
    topic_bursts: list[Burst]
    group_bursts: list[Burst]
    bursts: list[Burst]
    notes: tuple[str, ...]

    def to_json(self, *, top: int = 10) -> dict[str, Any]:
        """Give everything but the accounts' own numbers, fit for JSON; None where undefined.

        Parameters
        ----------
        top : int, default 10
            Hubs, authorities, families and bursts to list.
        """
        return cast(dict[str, Any], _plain(self._parts(top)))

    def _parts(self, top: int) -> dict[str, Any]:
        talk = self.discussion
        named = np.unique(talk.author[talk.author >= 0])
        timed = talk.time[talk.time != NO_TIME]
        opens = int(talk.opens.sum())
        return {
            "entries": len(talk),
            "posts": opens if talk.kinds else None,
            "comments": len(talk) - opens if talk.kinds else None,
            "accounts": len(talk.accounts),
            "authors": len(named),
            "threads": len(np.unique(talk.thread[talk.thread >= 0])),
            "groups": len(talk.groups),
            "unknown_author": int((talk.author < 0).sum()),
            "first": _iso(int(timed.min())) if len(timed) else None,
            "last": _iso(int(timed.max())) if len(timed) else None,
            "joined_by": talk.together or None,
            "co_participation": _json(self.co_participation),
            "communities": _json(self.communities),
            "replies": _json(self.replies),
            "reciprocity": _json(self.reciprocity),
            "hits": self._hits(top),
            "inequality": {name: one.to_json() for name, one in self.inequality.items()},
            "lifespans_seconds": _json(self.lifespans),
            "burstiness": _json(self.burstiness),
            "hours_utc": _json(self.hours),
            "early_arrival": _json(self.early),
            "duplicates": self._duplicates(top),
            "topics": [one.to_json() for one in self.topics],
            "community_topics": [one.to_json() for one in self.community_topics],
            "topics_by_community": self.topics_by_community,
            "bursts": {
                "topics": [self._burst(one, talk.topics) for one in self.topic_bursts[:top]],
                "groups": [self._burst(one, talk.groups) for one in self.group_bursts[:top]],
                "all": [self._burst(one, [""]) for one in self.bursts[:top]],
                "found": [len(self.topic_bursts), len(self.group_bursts), len(self.bursts)],
            },
            "notes": list(self.notes),
        }

    def _hits(self, top: int) -> dict[str, Any] | None:
        if self.hits is None:
            return None

        def first(scores: NDArray[np.float64]) -> list[dict[str, Any]]:
            names = self.discussion.accounts
            return [{"account": names[i], "score": float(scores[i])} for i in best(scores, top)]

        return {
            "rounds": self.hits.rounds,
            "converged": self.hits.converged,
            "rank_correlation": self.hits.rank_correlation(),
            "overlap_top_100": self.hits.overlap(100),
            "hubs": first(self.hits.hubs),
            "authorities": first(self.hits.authorities),
        }

    def _duplicates(self, top: int) -> dict[str, Any] | None:
        if self.duplicates is None:
            return None
        found = self.duplicates.to_json()
        sizes, firsts = self.duplicates.sizes, self.duplicates.firsts
        order = np.argsort(-sizes, kind="stable")[:top]
        talk = self.discussion
        found["largest_families"] = [
            {
                "entries": int(sizes[i]),
                "authors": len(np.unique(talk.author[self.duplicates.labels == i])),
                "text": " ".join(str(talk.texts[int(firsts[i])]).split())[:160],
            }
            for i in order.tolist()
            if sizes[i] > 1
        ]
        return found

    @staticmethod
    def _burst(one: Burst, names: list[str]) -> dict[str, Any]:
        return {
            "label": names[one.label],
            "start": _iso(one.start),
            "end": _iso(one.end),
            "entries": one.count,
            "expected": one.expected,
            "weight": one.weight,
        }

    def accounts(self) -> pa.Table:
        """Give one row an account, as an Arrow table.

        Returns
        -------
        pyarrow.Table
            ``account``, ``entries``, ``posts``, ``comments``, ``received``, ``score``, ``hub``,
            ``authority``, ``community``, ``first`` and ``last`` (UTC), ``lifespan`` (seconds);
            null where not measured.
        """
        talk = self.discussion
        n = len(talk.accounts)
        known = talk.author >= 0
        columns: dict[str, Any] = {"account": pa.array(talk.accounts, pa.string())}
        for name, amounts in amounts_of(talk).items():
            columns[name] = pa.array(amounts.astype(np.int64) if name != "score" else amounts)
        columns["hub"] = None if self.hits is None else pa.array(self.hits.hubs)
        columns["authority"] = None if self.hits is None else pa.array(self.hits.authorities)
        columns["community"] = None if self.communities is None else pa.array(
            self.communities.labels, pa.int32(), mask=self.communities.labels < 0
        )  # fmt: skip
        timed = known & (talk.time != NO_TIME)
        first, last, actions = first_and_last(talk.author[timed], talk.time[timed], n)
        never = actions == 0
        moment = pa.timestamp("us", "UTC")
        columns["first"] = pa.array(first, pa.int64(), mask=never).cast(moment)
        columns["last"] = pa.array(last, pa.int64(), mask=never).cast(moment)
        spans = (np.where(never, 0, last) - np.where(never, 0, first)) / SECOND
        columns["lifespan"] = pa.array(spans, mask=never)
        kinds = {"posts": pa.int64(), "comments": pa.int64(), "received": pa.int64(),
                 "community": pa.int32()}  # fmt: skip
        order = ("account", "entries", "posts", "comments", "received", "score", "hub",
                 "authority", "community", "first", "last", "lifespan")  # fmt: skip
        for name in order:
            if columns.get(name) is None:
                columns[name] = pa.nulls(n, kinds.get(name, pa.float64()))
        return pa.table({name: columns[name] for name in order})


def _plain(value: Any) -> Any:
    """Write numbers that JSON lacks (NaN, infinity) as None."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _json(part: Any) -> Any:
    return None if part is None else part.to_json()


def _iso(microseconds: int) -> str:
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def amounts_of(talk: Discussion) -> dict[str, NDArray[np.float64]]:
    """Give what each account wrote and got; zeros for accounts with nothing."""
    n = len(talk.accounts)
    known = talk.author >= 0

    def count(rows: NDArray[np.bool_], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.bincount(codes[rows], minlength=n).astype(np.float64)

    found = {"entries": count(known, talk.author)}
    if talk.kinds:
        found["posts"] = count(known & talk.opens, talk.author)
        found["comments"] = count(known & ~talk.opens, talk.author)
    if "ties" in talk.has:
        other = talk.answers & (talk.target >= 0) & (talk.target != talk.author)
        found["received"] = count(other, talk.target)
    if "score" in talk.has:
        rows = known & ~np.isnan(talk.score)
        found["score"] = np.bincount(
            talk.author[rows], weights=talk.score[rows], minlength=n
        ).astype(np.float64)
    return found
