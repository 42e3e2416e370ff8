"""One report of a discussion: who talks to whom, how unequally, when, and about what.

Paper: Price, AlMuhanna, Bassani, Ho, Evans, Let There Be Claws: An Early Social Network Analysis
of AI Agents on Moltbook, 2026.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.plural import plural
from isogloss.social import bursts, rhythm, voices
from isogloss.social.communities import communities
from isogloss.social.discussion import UNKNOWN, Discussion, read_discussion
from isogloss.social.duplicates import families
from isogloss.social.graphs import co_participation, reply_graph
from isogloss.social.hits import hits
from isogloss.social.inequality import Inequality, inequality
from isogloss.social.lifespans import Lifespans, first_and_last, lifespans
from isogloss.social.moments import NO_TIME
from isogloss.social.reciprocity import reciprocity
from isogloss.social.record import DiscussionReport, amounts_of

__all__ = ["discussion_report", "report_of"]


def discussion_report(
    posts: Any,
    comments: Any = None,
    *,
    author: str = "author",
    id: str | None = None,  # noqa: A002 - the name of the column's use
    parent: str | None = None,
    thread: str | None = None,
    addressee: str | None = None,
    time: str | None = None,
    score: str | None = None,
    group: str | None = None,
    text: str | None = None,
    topic: str | None = None,
    tie: str = "root",
    unknown: Sequence[str] = UNKNOWN,
    timezone: str | None = None,
    time_unit: str | None = None,
    cap: int = 50,
    full: int = 500,
    resolution: float = 1.0,
    seeds: int = 20,
    rewirings: int = 20,
    seed: int = 0,
    on_event: OnEvent = ignore,
) -> DiscussionReport:
    """Measure who talks to whom, how unequally, when, and about what.

    Give one table of entries, or one of posts and one of comments. Who answers whom follows from
    `parent` (the id of the entry answered), from `addressee` (the account answered), or, with
    `thread` and `time`, from the first entry of the thread, which all others answer. Accounts are
    joined by threads in which both wrote; without threads, by groups.

    Parameters
    ----------
    posts : atlas, folder of an atlas, path, pyarrow table, frame, dict of lists, list of dict
        Entries; only the posts when `comments` are given. An atlas brings its topics.
    comments : the same, optional
        Comments, whose column `parent` holds the id of their post; other columns are named as
        those of the posts.
    author : str, default "author"
        Column of the account that wrote. Null, blank and `unknown` names are unknown authors:
        their entries count, but they are no account.
    id, parent, thread, addressee, time, score, group, text, topic : str, optional
        Columns, by what they are for. `score` are votes, views and the like; `topic` any label.
    tie : {"root", "parent"}, default "root"
        Whether an answer ties to the account that opened the thread, as in the paper, or to the
        one that wrote the entry answered.
    unknown : sequence of str, default ("[deleted]", "[removed]")
        Names of no account.
    timezone : str, optional
        Zone of times that have none of their own, as ``"UTC"``.
    time_unit : {"s", "ms", "us"}, optional
        What numeric times count since 1970.
    cap, full : int, default 50 and 500
        Accounts of a thread above which it weighs less, and above which it joins each account to
        `full` others only; see `co_participation`. Lower `full` to save memory.
    resolution : float, default 1
        Of the communities.
    seeds : int, default 20
        Runs of the communities.
    rewirings : int, default 20
        Rewired graphs for the expected reciprocity.
    seed : int, default 0
        Of every random draw.
    on_event : callable
        Takes progress.

    Returns
    -------
    DiscussionReport

    Raises
    ------
    SourceError
        When a table cannot be read.
    ColumnError
        When a column is missing or of a type that cannot be used; when times have no zone, or
        only some have; when ids stand twice or parents form a circle.
    ParameterError
        When settings do not go together or are out of range.

    Notes
    -----
    Linear in the entries, but for the projection of threads: a thread of s accounts gives s
    squared pairs, and at most s times `full`. Texts are read once; 512 bytes a text are held.

    Examples
    --------
    >>> forum = {
    ...     "id": [1, 2, 3, 4],
    ...     "author": ["ann", "bob", "cy", "ann"],
    ...     "parent": [None, 1, 1, 2],
    ... }
    >>> report = discussion_report(forum, id="id", parent="parent", tie="parent")
    >>> report.reciprocity.value, report.co_participation.edges
    (0.6666666666666666, 3)
    """
    columns = {
        "author": author, "id": id, "parent": parent, "thread": thread, "addressee": addressee,
        "time": time, "score": score, "group": group, "text": text, "topic": topic,
    }  # fmt: skip
    on_event(Event("read"))
    talk = read_discussion(
        posts, comments, columns=columns, tie=tie, unknown=unknown, timezone=timezone,
        time_unit=time_unit,
    )  # fmt: skip
    return report_of(
        talk, cap=cap, full=full, resolution=resolution, seeds=seeds, rewirings=rewirings,
        seed=seed, on_event=on_event,
    )  # fmt: skip


def report_of(
    talk: Discussion,
    *,
    cap: int = 50,
    full: int = 500,
    resolution: float = 1.0,
    seeds: int = 20,
    rewirings: int = 20,
    seed: int = 0,
    on_event: OnEvent = ignore,
) -> DiscussionReport:
    """Measure a discussion that was read; see `discussion_report`."""
    if seeds < 1:
        raise ParameterError(f"seeds is {seeds}; give at least 1")
    notes = list(talk.notes)
    n = len(talk.accounts)

    def say(stage: str) -> None:
        on_event(Event(stage))

    joined = parts = None
    if talk.together:
        say("co-participation")
        where = talk.thread if talk.together == "thread" else talk.group
        joined = co_participation(talk.author, where, count=n, cap=cap, full=full, seed=seed)
        say("communities")
        parts = communities(joined.graph, resolution=resolution, seeds=seeds, seed=seed)
    else:
        notes.append("no co-participation: give thread, parent or group")
    replies = returned = scores = None
    if "ties" in talk.has:
        say("replies")
        replies = reply_graph(talk.author[talk.answers], talk.target[talk.answers], count=n)
        returned = reciprocity(replies.graph, rewirings=rewirings, seed=seed)
        if returned.swaps < 1:
            notes.append("expected reciprocity says little: its degrees hardly leave other graphs")
        scores = hits(replies.graph)
        if not scores.converged:
            notes.append(f"hubs and authorities still change by {scores.change:.1e} a round")
    else:
        notes.append(
            "no reciprocity, hubs and authorities: give parent, addressee, or thread and time"
        )
    say("inequality")
    spread = _spread(talk, notes)
    copies = None
    if "text" in talk.has:
        say("near copies")
        copies = families((text for c in talk.texts.chunks for text in c.to_pylist()), seed=seed)
    rhythms = _rhythms(talk, notes)
    kept = None if copies is None else copies.kept()
    told: list[voices.TopicVoices] = []
    heard: list[voices.CommunityTopics] = []
    tied = float("nan")
    if "topic" in talk.has:
        say("topics")
        labels = None if parts is None else parts.labels
        told = voices.topic_voices(
            talk.topic, talk.author, talk.topics, kept=kept, communities=labels
        )
        if labels is not None:
            heard = voices.community_topics(talk.topic, talk.author, talk.topics, labels, kept=kept)
            tied = voices.topics_by_community(talk.topic, talk.author, labels, kept=kept)
        if copies is None:
            notes.append("topics count near copies each: give text to count them once")
    timed = talk.time != NO_TIME
    counted = timed if kept is None else timed & kept
    dated = "time" in talk.has
    return DiscussionReport(
        talk, joined, parts, replies, returned, scores, spread, *rhythms, copies, told, heard, tied,
        bursts.label_bursts(talk.time[counted], talk.topic[counted])
        if dated and talk.topics else [],
        bursts.label_bursts(talk.time[timed], talk.group[timed]) if dated and talk.groups else [],
        bursts.stream_bursts(talk.time[timed]) if dated else [],
        tuple(notes),
    )  # fmt: skip


def _spread(talk: Discussion, notes: list[str]) -> dict[str, Inequality]:
    found = {name: inequality(amounts) for name, amounts in amounts_of(talk).items()}
    if "score" in talk.has:
        found["score_by_entry"] = inequality(talk.score[~np.isnan(talk.score)])
        below = found["score"].below_zero
        if below:
            count = plural(below, "account has", "accounts have")
            notes.append(f"{count} a score below 0, which counts as 0")
    if talk.groups:
        rows = talk.group[talk.group >= 0]
        found["group_entries"] = inequality(np.bincount(rows, minlength=len(talk.groups)))
    return found


def _rhythms(
    talk: Discussion, notes: list[str]
) -> tuple[Lifespans | None, rhythm.Burstiness | None, rhythm.Hours | None, rhythm.Early | None]:
    if "time" not in talk.has:
        notes.append("no lifespans, hours and bursts: give time")
        return None, None, None, None
    timed = talk.time != NO_TIME
    rows = timed & (talk.author >= 0)
    who, when = talk.author[rows], talk.time[rows]
    posts = talk.time[timed & talk.opens]
    early = None
    if "score" in talk.has and len(when):
        first, _, actions = first_and_last(who, when, len(talk.accounts))
        scored = (actions > 0) & _scored(talk)
        totals = amounts_of(talk)["score"]
        early = rhythm.early_arrival(first[scored], totals[scored], end=int(when.max()))
    return (
        lifespans(who, when),
        rhythm.accounts_burstiness(who, when),
        rhythm.hours(posts),
        early,
    )


def _scored(talk: Discussion) -> NDArray[np.bool_]:
    rows = (talk.author >= 0) & ~np.isnan(talk.score)
    return np.bincount(talk.author[rows], minlength=len(talk.accounts)) > 0
