"""Makes data sets of the LIMIT kind: who likes what, with judgements of a chosen pattern.

Paper: Weller et al., On the Theoretical Limitations of Embedding-Based Retrieval (2025), section on
the LIMIT data set. Texts are trivial and judgements are hard: each person is a document that
lists what they like, each query asks who likes one thing, and which people share a like is chosen
so that it combines them in as many ways as wanted. Names and things are lists of our own.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from isogloss._core.errors import ParameterError, SourceError, nearest

__all__ = ["PATTERNS", "PeopleSet", "limit_set", "relevant_people", "write_set"]

PATTERNS = ("dense", "random", "cycle", "disjoint")
SMALL, FULL = 46, 50_000  # people in the paper's two sets
LIKES = 46  # things that a person likes; the paper's people have 45 or 46

_WORDS = Path(__file__).parent / "words"


@dataclass(frozen=True, slots=True)
class PeopleSet:
    """A retrieval set: people, questions about them, and who answers which.

    Parameters
    ----------
    ids, texts : tuple of str
        Names of the people, and what they like.
    queries : dict of str to str
        Id and text of each question.
    qrels : dict of str to dict of str to float
        For each question the people who answer it, each with 1.0.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    queries: dict[str, str]
    qrels: dict[str, dict[str, float]]


@cache
def _words(name: str) -> tuple[str, ...]:
    return tuple((_WORDS / f"{name}.txt").read_text(encoding="utf-8").split())


def relevant_people(
    pattern: str, *, documents: int, queries: int, relevant: int = 2, seed: int = 0
) -> list[tuple[int, ...]]:
    """Choose which documents are relevant to each query.

    Parameters
    ----------
    pattern : {"dense", "random", "cycle", "disjoint"}
        ``dense``: different subsets of the fewest documents that have so many. ``random``:
        different subsets of all documents. ``cycle``: document i and those after it. ``disjoint``:
        no document twice.
    documents, queries : int
        How many there are.
    relevant : int, default 2
        Documents relevant to each query.
    seed : int, default 0

    Returns
    -------
    list of tuple of int
        One a query; numbers of documents in ascending order.

    Raises
    ------
    ParameterError
        For another pattern, or when there are too few documents for it.

    Examples
    --------
    >>> relevant_people("cycle", documents=3, queries=3)
    [(0, 1), (1, 2), (0, 2)]
    >>> relevant_people("disjoint", documents=5, queries=3)
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: 3 queries of 2 documents in the pattern 'disjoint' need \
6 documents, not 5
    """
    for name, value in (("documents", documents), ("queries", queries), ("relevant", relevant)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ParameterError(f"{name} is {value!r}: give a whole number of at least 1")
    if pattern not in PATTERNS:
        raise ParameterError(f"pattern {pattern!r} is not known; {nearest(str(pattern), PATTERNS)}")
    few = relevant
    while comb(few, relevant) < queries:
        few += 1
    least = {
        "dense": few,
        "random": few,
        "cycle": max(queries, relevant),
        "disjoint": queries * relevant,
    }[pattern]
    if documents < least:
        raise ParameterError(
            f"{queries:,} queries of {relevant} documents in the pattern {pattern!r} need "
            f"{least:,} documents, not {documents:,}"
        )
    rng = np.random.default_rng([seed, PATTERNS.index(pattern)])
    if pattern == "dense":
        subsets = list(combinations(range(few), relevant))
        return [subsets[place] for place in rng.permutation(len(subsets))[:queries]]
    if pattern == "cycle":
        return [
            tuple(sorted((i + step) % queries for step in range(relevant))) for i in range(queries)
        ]
    if pattern == "disjoint":
        return [tuple(range(i * relevant, (i + 1) * relevant)) for i in range(queries)]
    found: dict[tuple[int, ...], None] = {}
    while len(found) < queries:
        found[tuple(sorted(rng.choice(documents, relevant, replace=False).tolist()))] = None
    return list(found)


def limit_set(
    *,
    documents: int = 46,
    queries: int = 1000,
    relevant: int = 2,
    pattern: str = "dense",
    seed: int = 0,
) -> PeopleSet:
    """Make people and questions of the LIMIT kind.

    Every person likes the same number of things, 46 or as many as are asked about them, so that
    the length of a text says nothing. A thing that is asked for is liked by the relevant people
    only; all else is drawn from things that are never asked for.

    Parameters
    ----------
    documents : int, default 46
        People; the paper has a small set of 46 and a full one of 50,000.
    queries : int, default 1000
    relevant : int, default 2
        People who answer each question.
    pattern : {"dense", "random", "cycle", "disjoint"}, default "dense"
        See `relevant_people`.
    seed : int, default 0
        Of names, things and patterns; smaller sets are no parts of larger ones.

    Returns
    -------
    PeopleSet

    Raises
    ------
    ParameterError
        When there are not enough names, things or documents.

    Examples
    --------
    >>> made = limit_set(documents=5, queries=10)
    >>> made.queries["query_0"], sorted(map(len, made.qrels.values()))[-1]
    ('Who likes Guavas?', 2)
    """
    chosen = relevant_people(
        pattern, documents=documents, queries=queries, relevant=relevant, seed=seed
    )
    first, last, things = _words("first_names"), _words("last_names"), _words("things")
    if documents > len(first) * len(last):
        raise ParameterError(
            f"documents is {documents:,}: there are names for {len(first) * len(last):,} people"
        )
    asked: list[list[int]] = [[] for _ in range(documents)]
    for query, people in enumerate(chosen):
        for person in people:
            asked[person].append(query)
    likes = max(LIKES, *map(len, asked))
    spare = len(things) - queries
    if spare < likes - min(map(len, asked)):
        raise ParameterError(
            f"queries is {queries:,}: of {len(things):,} things at most "
            f"{len(things) - likes:,} can be asked for, since people like others as well"
        )
    rng = np.random.default_rng([seed, documents, queries, relevant])
    order = rng.permutation(len(things))
    named = rng.choice(len(first) * len(last), documents, replace=False)
    ids = tuple(f"{first[place // len(last)]} {last[place % len(last)]}" for place in named)
    texts = []
    for name, own in zip(ids, asked, strict=True):
        more = queries + rng.choice(spare, likes - len(own), replace=False)
        liked = [things[order[place]].title() for place in rng.permutation([*own, *more.tolist()])]
        texts.append(f"{name} likes {', '.join(liked[:-1])} and {liked[-1]}.")
    return PeopleSet(
        ids,
        tuple(texts),
        {f"query_{i}": f"Who likes {things[order[i]].title()}?" for i in range(queries)},
        {f"query_{i}": {ids[person]: 1.0 for person in people} for i, people in enumerate(chosen)},
    )


def write_set(made: PeopleSet, folder: str | Path) -> Path:
    """Write a set as corpus.parquet, queries.parquet and qrels.parquet, as published sets have it.

    Parameters
    ----------
    made : PeopleSet
    folder : path
        Is made where it is not there.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SourceError
        When the folder holds such files already: nothing is written over.
    StorageError
        When the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> folder = write_set(limit_set(), Path(tempfile.mkdtemp()) / "people")
    >>> sorted(path.name for path in folder.iterdir())
    ['corpus.parquet', 'qrels.parquet', 'queries.parquet']
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from isogloss._core.files import atomic_path, storage_errors

    place = Path(folder).expanduser()
    judged = [(query, *pair) for query, one in made.qrels.items() for pair in one.items()]
    tables: dict[str, dict[str, Any]] = {
        "corpus": {"id": made.ids, "title": [""] * len(made.ids), "text": made.texts},
        "queries": {"id": list(made.queries), "text": list(made.queries.values())},
        "qrels": dict(
            zip(("query_id", "doc_id", "score"), map(list, zip(*judged, strict=True)), strict=True)
        ),
    }
    for name in tables:
        if (place / f"{name}.parquet").exists():
            raise SourceError(f"{place} has a {name}.parquet already: give another folder")
    with storage_errors(f"the set in {place}"):
        try:
            place.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
            raise SourceError(f"{place} cannot be a folder: give another one") from error
        for name, columns in tables.items():
            with atomic_path(place / f"{name}.parquet") as path:
                pq.write_table(pa.table({k: list(v) for k, v in columns.items()}), path)
    return place
