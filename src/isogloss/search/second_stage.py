"""Search in steps: first rankings, fusion, feedback, reranking, diversity.

Every step is optional and named in the result's strategy, with the number of candidates it saw.
The score of a hit has one meaning: that of the last step that scores. Diversity orders hits and
leaves their scores.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.search.feedback import kept
from isogloss.search.results import Hit, SearchResult
from isogloss.search.steps import Steps

__all__ = ["CANDIDATES", "First", "need_fused", "passage_vectors", "search_in_steps"]

CANDIDATES = 100  # what feedback, reranking and diversity look at
_WATCHED = 10  # first hits that the guard of feedback compares


class First(Protocol):
    """The first rankings, fused where the mode is hybrid."""

    def __call__(
        self, *, k: int, vector: NDArray[np.floating[Any]] | None, terms: dict[str, float] | None
    ) -> SearchResult:
        """Search with this vector, and with these words beside the query's."""
        ...


def search_in_steps(
    first: First,
    query: str,
    *,
    vector: NDArray[np.floating[Any]] | None,
    vectors_of: Callable[[Sequence[int]], NDArray[np.floating[Any]]],
    mode: str,
    k: int,
    steps: Steps,
    depth: int | None = None,
) -> SearchResult:
    """Run the steps of a search.

    Parameters
    ----------
    first : callable
        Gives the first hits, with the filter applied.
    query : str
        The query, checked.
    vector : float (d,) or None
        The query, encoded; None when `mode` is ``"text"``.
    vectors_of : callable
        Gives the unit rows of passages, in the order asked: float (n, d).
    mode : {"hybrid", "vector", "text"}
        That of `first`.
    k : int
        Hits wanted.
    steps : Steps
        What to do beside it.
    depth : int, optional
        Candidates for feedback, reranking and diversity; 100 by default, never fewer than `k`.

    Returns
    -------
    SearchResult
        Never fewer hits than `first` gives for `k`.

    Raises
    ------
    ParameterError
        For feedback that the mode has no use for, a depth below 1, or a reranker that does not
        give one number a text.
    """
    whole_number(k, "k", 1)
    if depth is not None:
        whole_number(depth, "depth", 1)
    pool = max(depth or CANDIDATES, int(k))
    done: list[str] = []
    terms: dict[str, float] | None = None
    if steps.feedback is not None:
        vector, terms, note = _feed_back(first, query, vector, vectors_of, mode, pool, steps)
        done.append(note)
    second = steps.rerank is not None or steps.diversify is not None
    result = first(k=pool if second else k, vector=vector, terms=terms)
    hits = list(result.hits)
    if steps.rerank is not None and hits:
        hits = _rerank(steps.rerank, query, hits)
        done.append(f"{plural(len(hits), 'candidate')} reranked by {steps.rerank.name}")
    if steps.diversify is not None and hits:
        rows = vectors_of([hit.passage for hit in hits])
        order = steps.diversify.order([hit.score for hit in hits], rows, k=k)
        done.append(
            f"{plural(len(hits), 'candidate')} ordered by {steps.diversify.name}, scores as before"
        )
        hits = [hits[place] for place in order]
    strategy = "; ".join([result.strategy, *done])
    return replace(result, hits=tuple(hits[:k]), strategy=strategy)


def need_fused(steps: Steps, mode: str) -> None:
    """Refuse a fusion where there is one ranking only.

    Raises
    ------
    ParameterError
        When `mode` is not ``"hybrid"``.

    Examples
    --------
    >>> need_fused(Steps(), "text")
    """
    if steps.fusion is not None and mode != "hybrid":
        raise ParameterError(f"mode {mode!r} has one ranking and nothing to fuse: "
                             "leave out fusion, or use mode 'hybrid'")  # fmt: skip


def passage_vectors(
    table: Any, passages: Sequence[int], *, column: str = "vector"
) -> NDArray[np.float32]:
    """Read the vectors of passages.

    Parameters
    ----------
    table : lancedb.table.Table
        With the columns ``passage`` and `column`.
    passages : sequence of int
        Which.
    column : str
        The column of vectors.

    Returns
    -------
    float32 (n, d)
        In the order asked.
    """
    dim = table.schema.field(column).type.list_size
    if not len(passages):
        return np.zeros((0, dim), dtype=np.float32)
    wanted = ", ".join(str(int(passage)) for passage in passages)
    builder = table.search().where(f"passage IN ({wanted})", prefilter=True)
    found = builder.select(["passage", column]).limit(len(passages)).to_arrow().combine_chunks()
    flat = np.concatenate([c.flatten().to_numpy(zero_copy_only=False)
                           for c in found[column].chunks])  # fmt: skip
    place = {passage: row for row, passage in enumerate(found["passage"].to_pylist())}
    rows = flat.reshape(len(place), dim).astype(np.float32)
    return np.ascontiguousarray(rows[[place[int(passage)] for passage in passages]])


def _feed_back(
    first: First,
    query: str,
    vector: NDArray[np.floating[Any]] | None,
    vectors_of: Callable[[Sequence[int]], NDArray[np.floating[Any]]],
    mode: str,
    pool: int,
    steps: Steps,
) -> tuple[NDArray[np.floating[Any]] | None, dict[str, float] | None, str]:
    """Give the query to search with, and what was done; the query as it was where refused."""
    feedback = steps.feedback
    moves = hasattr(feedback, "move")
    if moves and mode == "text":
        raise ParameterError(
            "this feedback moves the query's vector, and mode 'text' has none: "
            "use 'rm3', or mode 'vector' or 'hybrid'"
        )
    if not moves and mode == "vector":
        raise ParameterError(
            "this feedback adds words, and mode 'vector' has no use for them: "
            "use 'rocchio', or mode 'text' or 'hybrid'"
        )
    found = first(k=pool, vector=vector, terms=None)
    passages = [hit.passage for hit in found.hits]
    if not passages:
        return vector, None, f"no {feedback.name}: no hits to learn from"
    if moves and not np.any(vector):
        return vector, None, f"no {feedback.name}: no word of the query has a vector"
    moved, terms, note = vector, None, feedback.name
    if moves and vector is not None:
        moved = feedback.move(vector, vectors_of(passages))
        note += f" (cosine with the query {_cosine(vector, moved):.2f})"
    else:
        texts = [hit.text for hit in found.hits]
        terms = feedback.expand(query, texts, [hit.score for hit in found.hits])
    least = getattr(feedback, "least_kept", 0.0)
    if least > 0:
        again = first(k=_WATCHED, vector=moved, terms=terms)
        share = kept(passages[:_WATCHED], [hit.passage for hit in again.hits])
        if share < least:
            note = (
                f"{feedback.name} refused: of the first {_WATCHED} hits {share:.0%} would stay, "
                f"less than {least:.0%}"
            )
            return vector, None, note
    return moved, terms, note


def _cosine(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> float:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.dot(one.astype(np.float64), other)) / (lengths or 1.0)


def _rerank(reranker: Any, query: str, hits: list[Hit]) -> list[Hit]:
    scores = np.asarray(reranker.score(query, [hit.text for hit in hits]), dtype=np.float64)
    if scores.shape != (len(hits),) or not np.isfinite(scores).all():
        raise ParameterError(
            f"the reranker gave scores of shape {scores.shape} for {len(hits)} texts, or one that "
            "is no finite number: it must give one number a text"
        )
    scored = [replace(hit, score=float(value)) for hit, value in zip(hits, scores, strict=True)]
    return sorted(scored, key=lambda hit: (-hit.score, hit.passage))
