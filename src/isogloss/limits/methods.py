"""What the ways to search an atlas reach on judgements: words, vectors, both, late interaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import EncoderError, MissingExtra
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.limits.late import max_sim, token_vectors

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

__all__ = ["MODES", "Runs", "late_run", "search_runs"]

Run = dict[str, dict[str, float]]
# Name in a report -> mode of a search.
MODES = {"bm25": "text", "dense": "vector", "hybrid": "hybrid"}

_HELD = 32  # documents whose token vectors are held at once


@dataclass(frozen=True, slots=True)
class Runs:
    """Rankings by method, and why a method has none.

    Parameters
    ----------
    runs : dict of str to run
        Method -> query -> document -> score, as `isogloss.evaluate.retrieval` takes them. Scores
        are places counted from the end, so that they order as the search did.
    skipped : dict of str to str
        Method -> reason.
    """

    runs: dict[str, Run]
    skipped: dict[str, str]


def search_runs(
    search: Callable[..., Any],
    queries: Mapping[str, str],
    *,
    depth: int,
    on_event: OnEvent = ignore,
) -> Runs:
    """Ask every query in every mode of a search.

    Parameters
    ----------
    search : callable
        Takes a text, ``k`` and ``mode``; gives a result with ``hits`` that have an ``id``, as
        `isogloss.Atlas.search` does.
    queries : mapping of str to str
    depth : int
        Documents wanted for each; where several passages are of one document, its best counts.
    on_event : callable

    Returns
    -------
    Runs
    """
    runs: dict[str, Run] = {}
    skipped: dict[str, str] = {}
    for method, mode in MODES.items():
        run: Run = {}
        try:
            for done, (query, text) in enumerate(queries.items()):
                on_event(Event(f"search by {method}", done, len(queries), "queries"))
                run[query] = _documents(search, text, mode, depth)
        except (EncoderError, MissingExtra) as error:
            skipped[method] = " ".join(str(error).split())
            continue
        on_event(Event(f"search by {method}", len(queries), len(queries), "queries"))
        runs[method] = run
    return Runs(runs, skipped)


def _documents(search: Callable[..., Any], text: str, mode: str, depth: int) -> dict[str, float]:
    wanted = depth
    while True:
        hits = search(text, k=wanted, mode=mode).hits
        ids = list(dict.fromkeys(str(hit.id) for hit in hits))[:depth]
        if len(ids) == depth or len(hits) < wanted:
            return {one: float(depth - place) for place, one in enumerate(ids)}
        wanted *= 4


def late_run(
    encoder: "Encoder",
    queries: Mapping[str, str],
    documents: Any,
    *,
    depth: int,
    total: int,
    candidates: Mapping[str, Sequence[str]] | None = None,
    on_event: OnEvent = ignore,
) -> Run:
    """Rank documents by late interaction.

    Parameters
    ----------
    encoder : Encoder
        A transformer, see `isogloss.limits.late.gives_tokens`.
    queries : mapping of str to str
    documents : iterable of (str, str)
        Ids and texts of passages; of several passages of one document the best counts.
    depth : int
        Documents kept for each query.
    total : int
        Passages, for progress.
    candidates : mapping of query to documents, optional
        Only these are ranked for each query.
    on_event : callable

    Returns
    -------
    dict of query to dict of document to score
    """
    asked = token_vectors(encoder, list(queries.values()), query=True)
    allowed = {query: frozenset(one) for query, one in (candidates or {}).items()}
    wanted = frozenset[str]().union(*allowed.values())
    best: Run = {query: {} for query in queries}
    ids: list[str] = []
    texts: list[str] = []

    def score() -> None:
        scores = max_sim(asked, token_vectors(encoder, texts))
        for row, (query, kept) in enumerate(best.items()):
            for document, value in zip(ids, scores[row].tolist(), strict=True):
                if candidates is None or document in allowed[query]:
                    kept[document] = max(value, kept.get(document, -2.0))
            best[query] = dict(sorted(kept.items(), key=lambda one: (-one[1], one[0]))[:depth])
        ids.clear()
        texts.clear()

    for done, (document, text) in enumerate(documents):
        on_event(Event("late interaction", done, total, "passages"))
        if candidates is None or document in wanted:
            ids.append(document)
            texts.append(text)
        if len(ids) == _HELD:
            score()
    if ids:
        score()
    on_event(Event("late interaction", total, total, "passages"))
    return best
