"""Which judgements speak of documents that are there and of queries that have a text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from isogloss._core.errors import SourceError

__all__ = ["Matched", "match"]

_SHOWN = 5  # unknown ids that are listed


@dataclass(frozen=True, slots=True)
class Matched:
    """Judgements as far as they speak of an atlas' documents and of queries with a text.

    Parameters
    ----------
    qrels : dict of str to dict of str to float
    queries : dict of str to str
        Texts, one for each judged query.
    left_out : dict of str to dict
        What was left out: kind -> how many (``count``) and the first of them (``first``).
    repeated : int
        Judgements of a pair that stood twice.
    """

    qrels: dict[str, dict[str, float]]
    queries: dict[str, str]
    left_out: dict[str, dict[str, Any]]
    repeated: int = 0


def match(
    qrels: Mapping[str, Mapping[str, float]],
    queries: Mapping[str, str],
    documents: Iterable[str],
    *,
    repeated: int = 0,
    where: str = "the atlas",
) -> Matched:
    """Keep the judgements that speak of known documents and of queries with a text.

    Parameters
    ----------
    qrels : mapping of query to mapping of document to float
    queries : mapping of str to str
    documents : iterable of str
        Ids that are known.
    repeated : int
        Handed on.
    where : str
        The atlas, for messages.

    Returns
    -------
    Matched

    Raises
    ------
    SourceError
        When no judged document is known, no judged query has a text, or nothing relevant is left.

    Examples
    --------
    >>> kept = match({"q": {"a": 1, "b": 1}, "r": {"b": 1}}, {"q": "which?", "r": "who?"}, ["a"])
    >>> kept.qrels, kept.left_out["documents not in the atlas"]
    ({'q': {'a': 1}}, {'count': 1, 'first': ['b']})
    """
    known = frozenset(documents)
    named = list(dict.fromkeys(document for judged in qrels.values() for document in judged))
    strange = [document for document in named if document not in known]
    if len(strange) == len(named):
        raise SourceError(
            f"none of the {len(named):,} judged documents is in {where}: ids there are like "
            f"{min(known, default='none')!r}, in the judgements like {next(iter(named), '-')!r}; "
            "build the atlas with --id COL"
        )
    silent = [query for query in qrels if query not in queries]
    if len(silent) == len(qrels):
        raise SourceError(
            f"none of the {len(qrels):,} judged queries has a text: ids in the judgements are like "
            f"{silent[0]!r}, of the texts like {next(iter(queries), 'none')!r}"
        )
    kept: dict[str, dict[str, float]] = {}
    empty = []
    for query, judged in qrels.items():
        if query not in queries:
            continue
        kept[query] = {document: gain for document, gain in judged.items() if document in known}
        if not any(gain > 0 for gain in kept[query].values()):
            empty.append(query)
            del kept[query]
    if not kept:
        raise SourceError(f"no query has a relevant document in {where}: scores must be above 0")
    left_out = {
        kind: {"count": len(names), "first": names[:_SHOWN]}
        for kind, names in (
            ("documents not in the atlas", strange),
            ("queries without a text", silent),
            ("queries without a relevant document", empty),
        )
        if names
    }
    return Matched(kept, {query: queries[query] for query in kept}, left_out, repeated)
