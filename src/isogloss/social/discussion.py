"""A discussion as arrays: entries with author, thread, whom they answer, time and topic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, ParameterError
from isogloss._core.plural import of_all, plural
from isogloss.social.columns import Columns, numbers, read_columns, strings
from isogloss.social.moments import NO_TIME, moments

__all__ = ["UNKNOWN", "Discussion", "read_discussion"]

UNKNOWN = ("[deleted]", "[removed]")
"""Names that stand for authors nobody knows any more."""

# Names that exports write where there was none; an account may be called so, too.
_DOUBTFUL = ("none", "null", "nan", "na", "n/a", "<na>", "deleted", "removed", "unknown",
             "anonymous")  # fmt: skip

Codes = NDArray[np.int64]
USES = ("id", "author", "parent", "thread", "addressee", "time", "score", "group", "text", "topic")


@dataclass(frozen=True, slots=True, eq=False)
class Discussion:
    """Entries of a discussion: posts that open threads, and comments that answer.

    Parameters
    ----------
    accounts, groups, topics : list of str
        Names; all numbers below point into these lists, -1 stands for none or unknown.
    author, group, topic : int64 (n,)
        Of each entry.
    thread : int64 (n,)
        Number of its thread, -1 for none.
    target : int64 (n,)
        Account that it answers; -1 when unknown or when it answers nothing.
    answers : bool (n,)
        Whether it answers something.
    opens : bool (n,)
        Whether it opens a thread; all True where that cannot be told (see `kinds`).
    kinds : bool
        Whether posts and comments can be told apart.
    together : {"thread", "group", ""}
        What joins accounts: threads, groups where there are no threads, or nothing.
    time : int64 (n,)
        Microseconds since 1970, UTC; `NO_TIME` for none.
    score : float64 (n,)
        NaN for none.
    texts : pyarrow.ChunkedArray or None
    has : frozenset of str
        Which of time, score, group, text, topic, ties the discussion has.
    notes : tuple of str
        What was left out or taken as unknown.
    """

    accounts: list[str]
    groups: list[str]
    topics: list[str]
    author: Codes
    group: Codes
    topic: Codes
    thread: Codes
    target: Codes
    answers: NDArray[np.bool_]
    opens: NDArray[np.bool_]
    kinds: bool
    together: Literal["thread", "group", ""]
    time: NDArray[np.int64]
    score: NDArray[np.float64]
    texts: Any
    has: frozenset[str]
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.author)


def read_discussion(
    posts: Any,
    comments: Any = None,
    *,
    columns: dict[str, str | None],
    tie: str = "root",
    unknown: Sequence[str] = UNKNOWN,
    timezone: str | None = None,
    time_unit: str | None = None,
) -> Discussion:
    """Read posts, or posts and comments, and find out who answers whom.

    Parameters
    ----------
    posts, comments
        See `isogloss.social.report.discussion_report`, which has all parameters.
    columns : dict of str to str or None
        Use -> column, for the uses of `USES`.

    Returns
    -------
    Discussion

    Raises
    ------
    ColumnError, SourceError, ParameterError
        As `discussion_report`.

    Examples
    --------
    >>> posts = {"id": [1, 2], "who": ["ann", "bob"], "to": [None, 1]}
    >>> read = read_discussion(posts, columns={"id": "id", "author": "who", "parent": "to"})
    >>> read.thread.tolist(), read.target.tolist(), read.opens.tolist()
    ([0, 0], [-1, 0], [True, False])
    """
    if tie not in ("root", "parent"):
        raise ParameterError(f"tie is {tie!r}; give 'root' or 'parent'")
    if isinstance(unknown, str) or not isinstance(unknown, Iterable):
        raise ParameterError(f"unknown is {unknown!r}: give a list of names, not one string")
    wanted = {use: columns.get(use) for use in USES}
    notes: list[str] = []
    if comments is not None:
        tables = _two_tables(posts, comments, wanted)
    else:
        tables = [read_columns(posts, wanted)]
    for table in tables:
        notes += table.notes
    sizes = [table.rows for table in tables]
    n = sum(sizes)
    accounts, author, addressee = _accounts(tables, frozenset(unknown), notes)
    time = _stack(
        tables, "time", np.int64, NO_TIME,
        lambda column, name: moments(column, name, timezone=timezone, unit=time_unit),
    )  # fmt: skip
    score = _stack(
        tables, "score", np.float64, np.nan, lambda column, name: numbers(column, name, "score")
    )
    if np.isinf(score).any():
        raise ColumnError(f"column {wanted['score']!r} (score) holds an infinite number")
    groups, group = _names(tables, "group")
    topics, topic = _names(tables, "topic")
    thread, parent, opens, kinds = _structure(tables, wanted, time, tie, notes)
    together: Literal["thread", "group", ""] = "thread"
    if (thread < 0).all():
        together = "group" if groups else ""
    answers = (parent != _NOTHING) & (thread >= 0)
    known = answers & (parent >= 0)
    target = np.where(known, author[np.where(known, parent, 0)], -1)
    ties = kinds and bool(answers.any())
    if addressee is not None:
        target, answers = addressee, addressee != _NOTHING
        target = np.where(answers, target, -1)
        ties = True
    texts = None
    if any("text" in table for table in tables):
        texts = pa.chunked_array(
            [
                chunk
                for table in tables
                for chunk in (
                    strings(table.values["text"], table.named["text"], "text").chunks
                    if "text" in table
                    else [pa.nulls(table.rows, pa.string())]
                )
            ],
            pa.string(),
        )
    has = {
        use for use in ("time", "score", "group", "text", "topic") if any(use in t for t in tables)
    }
    if ties:
        has.add("ties")
    for use in ("time", "score"):
        missing = int((time == NO_TIME).sum() if use == "time" else np.isnan(score).sum())
        if use in has and missing:
            has_none = "has no" if missing == 1 else "have no"
            notes.append(f"{of_all(missing, n, 'entry', 'entries')} {has_none} {use}")
    return Discussion(
        accounts, groups, topics, author, group, topic, thread, target, answers, opens, kinds,
        together, time, score, texts, frozenset(has), tuple(notes),
    )  # fmt: skip


_NOTHING = -2  # a parent or addressee that is not there at all; -1 is one that is unknown


def _two_tables(posts: Any, comments: Any, wanted: dict[str, str | None]) -> list[Columns]:
    for use in ("id", "parent"):
        if wanted[use] is None:
            raise ParameterError(
                f"comments need the column {use!r}: id names the posts, parent the comments' post"
            )
    for use in ("thread", "addressee"):
        if wanted[use] is not None:
            raise ParameterError(
                f"{use} is {wanted[use]!r}, but posts and comments already say who answers whom: "
                f"leave {use} out, or give one table"
            )
    first = read_columns(posts, {**wanted, "parent": None})
    answers = {**wanted, "id": None}
    second = read_columns(comments, answers, optional=("score", "group", "text", "topic"))
    for use in ("score", "group", "text", "topic"):
        if use in first and use not in second:
            second.notes.append(
                f"{second.name} has no column {wanted[use]!r}: comments have no {use}"
            )
    return [first, second]


def _stack(tables: list[Columns], use: str, kind: Any, empty: Any, read: Any) -> NDArray[Any]:
    parts = [
        read(table.values[use], table.named[use])
        if use in table
        else np.full(table.rows, empty, dtype=kind)
        for table in tables
    ]
    return np.concatenate(parts).astype(kind, copy=False)


def _encode(column: pa.ChunkedArray) -> tuple[list[Any], Codes]:
    """Give each value of a column a number, by first appearance; null is -1."""
    coded = column.combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = pa.concat_arrays(coded.chunks) if coded.num_chunks else pa.array([], column.type)
    coded = coded.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return coded.dictionary.to_pylist(), codes


def _accounts(
    tables: list[Columns], unknown: frozenset[str], notes: list[str]
) -> tuple[list[str], Codes, Codes | None]:
    columns = [strings(t.values["author"], t.named["author"], "author") for t in tables]
    addressed = [
        strings(t.values["addressee"], t.named["addressee"], "addressee")
        for t in tables
        if "addressee" in t
    ]
    whole = pa.chunked_array(
        [c for column in columns + addressed for c in column.chunks], pa.string()
    )
    names, codes = _encode(whole)
    nobody = np.array([not name.strip() or name in unknown for name in names], dtype=bool)
    kept = np.cumsum(~nobody) - 1
    renumbered = np.where(nobody, -1, kept) if len(names) else np.zeros(0, np.int64)
    lookup = np.concatenate([renumbered, [_NOTHING]]).astype(np.int64)  # the last is for -1: null
    coded = lookup[codes]
    n = sum(len(column) for column in columns)
    author = np.maximum(coded[:n], -1)
    hidden = int((author < 0).sum())
    if hidden:
        verb = "has" if hidden == 1 else "have"
        notes.append(f"{of_all(hidden, n, 'entry', 'entries')} {verb} an unknown author")
    for number, name in enumerate(names):
        if not nobody[number] and name.strip().lower() in _DOUBTFUL:
            entries = int((codes[:n] == number).sum())
            notes.append(
                f"{name!r} is taken for an account ({plural(entries, 'entry', 'entries')}): if it "
                "stands for no author, give it as unknown"
            )
    accounts = [name for name, gone in zip(names, nobody, strict=True) if not gone]
    return accounts, author, coded[n:] if addressed else None


def _names(tables: list[Columns], use: str) -> tuple[list[str], Codes]:
    """Give groups or topics numbers; null, blank and an atlas's topic -1 are none."""
    held = [table for table in tables if use in table]
    if not held:
        return [], np.full(sum(table.rows for table in tables), -1, dtype=np.int64)
    chunks = []
    for table in tables:
        if use in table:
            column = strings(table.values[use], table.named[use], use)
            if table.topics and table.named[use] == "topic":
                column = pc.if_else(pc.equal(column, "-1"), pa.scalar(None, pa.string()), column)
            chunks += column.chunks
        else:
            chunks.append(pa.nulls(table.rows, pa.string()))
    names, codes = _encode(pa.chunked_array(chunks, pa.string()))
    blank = np.array([not name.strip() for name in names], dtype=bool)
    lookup = np.concatenate([np.where(blank, -1, np.cumsum(~blank) - 1), [-1]]).astype(np.int64)
    shown = [name for name, empty in zip(names, blank, strict=True) if not empty]
    labels = next((table.topics for table in held if table.topics), {})
    if labels and use == "topic":
        shown = [labels.get(int(name), name) for name in shown]
    return shown, lookup[codes]


def _structure(
    tables: list[Columns],
    wanted: dict[str, str | None],
    time: NDArray[np.int64],
    tie: str,
    notes: list[str],
) -> tuple[Codes, Codes, NDArray[np.bool_], bool]:
    """Find thread and answered entry of each entry.

    Returns
    -------
    thread : int64 (n,)
    parent : int64 (n,)
        Row of the entry that it ties to; -1 for one that is missing, -2 for nothing.
    opens : bool (n,)
    kinds : bool
    """
    n = sum(table.rows for table in tables)
    if "parent" in tables[-1]:
        return _by_parent(tables, wanted, tie, notes)
    if "thread" not in tables[0]:
        return np.full(n, -1), np.full(n, _NOTHING), np.ones(n, dtype=bool), False
    named = tables[0].named["thread"]
    _, thread = _encode(strings(tables[0].values["thread"], named, "thread"))
    if "time" not in tables[0]:
        return thread, np.full(n, _NOTHING), np.ones(n, dtype=bool), False
    # The earliest entry opens the thread; entries without a time come last.
    late = np.where(time == NO_TIME, np.iinfo(np.int64).max, time)
    order = np.lexsort((np.arange(n), late, thread))
    first = np.concatenate([[True], np.diff(thread[order]) != 0])
    opener = order[first][np.cumsum(first) - 1]
    parent = np.empty(n, dtype=np.int64)
    parent[order] = opener
    opens = (parent == np.arange(n)) | (thread < 0)
    return thread, np.where(opens, _NOTHING, parent), opens, True


def _by_parent(
    tables: list[Columns], wanted: dict[str, str | None], tie: str, notes: list[str]
) -> tuple[Codes, Codes, NDArray[np.bool_], bool]:
    if "id" not in tables[0]:
        raise ParameterError("parent needs the column of the ids that it names: give id")
    asked = tables[-1]
    ids = strings(tables[0].values["id"], tables[0].named["id"], "id")
    parents = strings(asked.values["parent"], asked.named["parent"], "parent")
    posts, n = tables[0].rows, sum(table.rows for table in tables)
    names, codes = _encode(pa.chunked_array([*ids.chunks, *parents.chunks], pa.string()))
    own, above = codes[:posts], codes[posts:]
    counts = np.bincount(own[own >= 0], minlength=len(names))
    if (counts > 1).any():
        twice = names[int(np.flatnonzero(counts > 1)[0])]
        raise ColumnError(
            f"{tables[0].name}: column {wanted['id']!r} (id) holds {twice!r} more than once"
        )
    row_of = np.full(len(names) + 1, -1, dtype=np.int64)
    row_of[own[own >= 0]] = np.flatnonzero(own >= 0)
    parent = np.full(n, _NOTHING, dtype=np.int64)
    missing = np.full(n, -1, dtype=np.int64)  # name of a parent that is in no row
    rows = np.arange(n)[n - len(above) :]
    parent[rows] = np.where(above >= 0, row_of[above], _NOTHING)
    lost = (above >= 0) & (row_of[above] < 0)
    missing[rows[lost]] = above[lost]
    if lost.any():
        count = plural(int(lost.sum()), "entry answers", "entries answer")
        notes.append(f"{count} one that is not there")
    if len(tables) > 1:  # a comment without a parent belongs to no thread
        bare = rows[above < 0]
        parent[bare] = -1
        if len(bare):
            they = (
                ("comment does", "it answers") if len(bare) == 1 else ("comments do", "they answer")
            )
            notes.append(f"{len(bare):,} {they[0]} not say what {they[1]}")
    root = _roots(parent)
    top_missing = missing[root]
    thread = np.where(top_missing >= 0, n + top_missing, root)
    if len(tables) > 1:
        thread[rows[above < 0]] = -1
    opens = parent == _NOTHING
    if wanted["thread"] is not None and "thread" in tables[0]:
        _, thread = _encode(
            strings(tables[0].values["thread"], tables[0].named["thread"], "thread")
        )
    if tie == "root":
        # Below a missing entry nobody knows who opened the thread.
        parent = np.where(opens, _NOTHING, np.where(parent[root] == -1, -1, root))
    return thread, parent, opens, True


def _roots(parent: Codes) -> Codes:
    """Follow parents to the top, by doubling the steps."""
    n = len(parent)
    up = np.where(parent >= 0, parent, np.arange(n))
    for _ in range(n.bit_length() + 1):
        further = up[up]
        if (further == up).all():
            break
        up = further
    if (parent[up] >= 0).any():
        raise ColumnError("the parents form a circle: an entry answers itself through others")
    return up
