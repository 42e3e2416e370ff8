"""Search the passages of an atlas: by meaning, by words, or by both.

Filters act before ranking in both indexes. Every ranking is complete to its last place: where
equal scores reach beyond it, more is fetched, so that ties are always broken by the passage's
number and never by the order of the scan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError, nearest
from isogloss.search.filters import read_filter, to_sql
from isogloss.search.fusion import DEFAULT, Fusion, Ranking
from isogloss.search.passage_index import PassageIndex
from isogloss.search.plan import Plan
from isogloss.search.results import Hit, SearchResult, json_columns
from isogloss.search.text_index import need_text_index
from isogloss.search.typed import Typed
from isogloss.search.vector_index import RECALL

MODES = ("hybrid", "vector", "text")
FUSED = 100  # hybrid: at least so many places of each ranking are fused
_FIXED = ("id", "topic")  # columns that a filter may name beside the attributes
_SPARE = 16  # fetched beyond the last place, to see ties


@dataclass(frozen=True, slots=True)
class _Ranked:
    passages: list[int]
    scores: list[float]
    rows: dict[int, int]  # passage -> Lance row id
    plan: Plan | None = None


def search_passages(
    table: Any,
    *,
    query_text: str,
    schema: pa.Schema,
    attributes: Sequence[str],
    query_vector: NDArray[np.floating[Any]] | None = None,
    k: int = 10,
    mode: str = "hybrid",
    where: str | None = None,
    below: Mapping[int, Sequence[int]] | None = None,
    index: PassageIndex | None = None,
    exact: bool = False,
    recall: float = RECALL,
    fusion: Fusion | None = None,
    terms: Mapping[str, float] | None = None,
) -> SearchResult:
    """Find the k best passages for a query.

    Parameters
    ----------
    table : lancedb.table.Table
        Columns ``passage`` (int64, unique), ``id``, ``text``, ``topic``, ``vector`` (unit rows;
        zeros for a text without content) and the attributes.
    query_text : str
        The query. It is text, never a query language: operators and quotes are plain characters.
    schema : pyarrow.Schema
        The table's schema.
    attributes : sequence of str
        The columns that hits show; with ``id`` and ``topic`` those that a filter may name.
    query_vector : float (d,), optional
        The query, encoded; scaled to length 1 here. Not needed when ``mode="text"``.
    k : int, default 10
        Hits wanted, at least 1; more than there are rows gives them all.
    mode : {"hybrid", "vector", "text"}, default "hybrid"
        ``vector``: the score is the cosine, -1 to 1; all rows rank, so k hits come whenever k
        rows pass the filter; a query vector of zeros finds nothing. ``text``: the score is BM25,
        above 0; only rows that share a word with the query rank. ``hybrid``: both rankings, cut
        at the same depth of max(100, 3 k), are fused, and the score is the fusion's.
    where : str, optional
        A filter; see docs/filters.md.
    below : mapping of int to ints, optional
        Leaves of each topic, for filters on ``topic``.
    index : PassageIndex, optional
        The vectors of the table, at the table's version; read from the table where not given.
    exact : bool, default False
        Score every passage that passes the filter.
    recall : float, default 0.985
        The share of the k nearest to be expected where passages are left out, as happens from
        50,000 on; see docs/search.md.
    fusion : Fusion, optional
        What makes one ranking of two; by default the sum over both of 1 / (60 + rank).
    terms : mapping of str to float, optional
        Words to look for beside the query's, whose BM25 counts by these weights.

    Returns
    -------
    SearchResult
        Hits, best first, equal scores by passage.

    Raises
    ------
    ParameterError
        For an empty query, k below 1, an unknown mode, or a vector that does not fit.
    FilterError
        For a filter that does not parse or does not fit the columns.
    AtlasError
        When the text index is missing.

    Notes
    -----
    How vectors were searched stands in the result's `plan`.

    Examples
    --------
    >>> import lancedb, tempfile
    >>> from isogloss.search.text_index import create_text_index
    >>> vectors = pa.FixedSizeListArray.from_arrays(pa.array([1, 0, 0, 1], pa.float32()), 2)
    >>> rows = pa.table({"passage": [0, 1], "id": ["a", "b"], "text": ["a cat", "a dog"],
    ...                  "topic": [0, 0], "year": [1992, 1993], "vector": vectors})
    >>> table = lancedb.connect(tempfile.mkdtemp()).create_table("passages", rows)
    >>> _ = create_text_index(table)
    >>> result = search_passages(table, query_text="dogs", query_vector=np.array([0.6, 0.8]),
    ...     schema=rows.schema, attributes=["year"], k=1, where="year >= 1993")
    >>> result.hits[0].id, result.hits[0].attributes
    ('b', {'year': 1993})
    """
    started = perf_counter()
    query_text = check_query(query_text)
    _check_options(k, mode)
    node = None
    if where is not None:
        node = read_filter(where, _filterable(schema, attributes), below=below)
    vector = _check_vector(query_vector, schema, mode)
    if index is None and mode != "text":
        index = PassageIndex(table)
    total = len(index) if index is not None else table.count_rows()
    ranked: dict[str, _Ranked] = {}
    if total:
        depth = min(k if mode != "hybrid" else max(FUSED, 3 * k), total)
        if index is not None and mode != "text":
            ranked["vector"] = _by_vector(index, vector, node, k=depth, exact=exact, recall=recall)
        if mode != "vector":
            sql = None if node is None else to_sql(node)
            ranked["text"] = _by_text(
                table, query_text, sql, k=depth, total=total, terms=terms, index=index
            )
    fusion = fusion or DEFAULT
    if mode == "hybrid":
        lists = {name: Ranking(r.passages[:depth], r.scores[:depth]) for name, r in ranked.items()}
        best = fusion.fuse(lists)[:k]
    else:
        best = [pair for o in ranked.values() for pair in zip(o.passages, o.scores, strict=True)]
    rows = {passage: row for one in ranked.values() for passage, row in one.rows.items()}
    hits = _hits(table, best, rows, attributes, vector if mode == "vector" else None)[:k]
    plan = ranked["vector"].plan if "vector" in ranked else None
    how = _strategy(mode, ranked, node, _fused(fusion, max(FUSED, 3 * k), ranked))
    return SearchResult(hits, how, perf_counter() - started, plan)


def check_query(query: str) -> str:
    """Give a query as it can be encoded, or say what is wrong with it.

    Raises
    ------
    ParameterError
        When it is no string, or empty.

    Examples
    --------
    >>> check_query("cost of a launch")
    'cost of a launch'
    """
    if not isinstance(query, str) or not query.strip():
        raise ParameterError(f"the query is {query!r}: give at least one word")
    # Half characters, which no encoding can hold, come from broken escapes.
    return query.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _check_options(k: int, mode: str) -> None:
    if mode not in MODES:
        raise ParameterError(f"mode {mode!r} is not known; {nearest(str(mode), MODES)}")
    whole_number(k, "k", 1)


def _filterable(schema: pa.Schema, attributes: Sequence[str]) -> pa.Schema:
    names = [name for name in _FIXED if name in schema.names]
    names += [name for name in attributes if name not in names]
    return pa.schema([schema.field(name) for name in names])


def _check_vector(
    given: NDArray[np.floating[Any]] | None, schema: pa.Schema, mode: str
) -> NDArray[np.float32]:
    if mode == "text":
        return np.zeros(0, np.float32)
    if given is None:
        raise ParameterError(f"mode {mode!r} needs a query vector; mode 'text' does without")
    vector = np.asarray(given, dtype=np.float64)
    dim = schema.field("vector").type.list_size
    if vector.shape != (dim,):
        raise ParameterError(f"the query vector has shape {vector.shape}; the passages have {dim}")
    if not np.isfinite(vector).all():
        raise ParameterError("the query vector holds NaN or infinity; encode the query again")
    return (vector / (np.linalg.norm(vector) or 1.0)).astype(np.float32)


def _by_vector(
    index: PassageIndex,
    vector: NDArray[np.float32],
    node: Typed | None,
    *,
    k: int,
    exact: bool,
    recall: float,
) -> _Ranked:
    if not vector.any():
        return _Ranked([], [], {})
    passing = None if node is None else index.passing(node)
    found = index.search(vector, k=k, passing=passing, exact=exact, recall=recall)
    passages = found.rows.tolist()
    rows = dict(zip(passages, index.row_ids(passages), strict=True))
    return _Ranked(passages, found.scores.tolist(), rows, found.plan)


def _by_text(
    table: Any,
    text: str,
    sql: str | None,
    *,
    k: int,
    total: int,
    terms: Mapping[str, float] | None = None,
    index: PassageIndex | None = None,
) -> _Ranked:
    from lancedb.query import BooleanQuery, FullTextQuery, MatchQuery, Occur

    if index is None:
        need_text_index(table)
    else:
        index.need_text_index()
    wanted: FullTextQuery = MatchQuery(text, "text")
    if terms:
        more = [MatchQuery(word, "text", boost=weight) for word, weight in terms.items()]
        wanted = BooleanQuery([(Occur.SHOULD, one) for one in (wanted, *more)])

    def query(limit: int) -> pa.Table:
        builder = table.search(wanted, query_type="fts")
        if sql is not None:
            builder = builder.where(sql, prefilter=True)
        shown = ["_score"] if index is not None else ["passage", "_score"]
        found = builder.select(shown).with_row_id(True).limit(limit).to_arrow()
        if index is None:
            return found
        # Reading the numbers from the table would take as long again as the search.
        numbers = index.numbers(found["_rowid"].to_numpy().astype(np.int64))
        return found.append_column("passage", pa.array(numbers))

    return _ranked(query, k, total, lambda found: _float64(found, "_score"))


def _float64(found: pa.Table, column: str) -> NDArray[np.float64]:
    return np.asarray(found[column].to_numpy(), dtype=np.float64)


def _ranked(
    query: Callable[[int], pa.Table],
    k: int,
    total: int,
    score: Callable[[pa.Table], NDArray[np.float64]],
) -> _Ranked:
    limit = min(k + _SPARE, total)
    while True:
        found = query(limit)
        scores = score(found)
        passages = found["passage"].to_numpy()
        order = np.lexsort((passages, -scores))  # best first, equal scores by passage
        complete = len(order) < limit or limit == total or len(order) <= k
        if complete or scores[order[-1]] < scores[order[k - 1]]:
            break
        limit = min(limit * 4, total)
    order = order[:k]
    rows = found["_rowid"].to_numpy()[order].tolist()
    ids = passages[order].tolist()
    return _Ranked(ids, scores[order].tolist(), dict(zip(ids, rows, strict=True)))


def _hits(
    table: Any,
    best: list[tuple[int, float]],
    rows: dict[int, int],
    attributes: Sequence[str],
    vector: NDArray[np.float32] | None,
) -> tuple[Hit, ...]:
    if not best:
        return ()
    shown = list(attributes)
    wanted = list(dict.fromkeys(["passage", "id", "text", "topic", *shown]))
    needed = wanted if vector is None else [*wanted, "vector"]
    found = table.take_row_ids([rows[passage] for passage, _ in best]).select(needed).to_arrow()
    if vector is not None:  # the index rounds: scores and order are those of the vectors
        best = _exact_order(found, vector)
    place = {passage: row for row, passage in enumerate(found["passage"].to_pylist())}
    columns = json_columns(found, wanted)
    return tuple(
        Hit(
            id=columns["id"][row],
            passage=passage,
            score=float(value),
            text=columns["text"][row] or "",
            attributes={name: columns[name][row] for name in shown},
            topic=-1 if columns["topic"][row] is None else columns["topic"][row],
        )
        for passage, value in best
        for row in (place[passage],)
    )


def _exact_order(found: pa.Table, vector: NDArray[np.float32]) -> list[tuple[int, float]]:
    passages = found["passage"].to_numpy()
    numbers = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    # Row by row: a matrix product may round equal rows apart.
    products = numbers.reshape(len(passages), -1).astype(np.float64) * vector.astype(np.float64)
    scores = products.sum(axis=1)
    order = np.lexsort((passages, -scores))
    return list(zip(passages[order].tolist(), scores[order].tolist(), strict=True))


def _fused(fusion: Fusion, depth: int, ranked: dict[str, _Ranked]) -> str:
    """Say how rankings were fused, and how long they are where one has not as many."""
    found = [min(depth, len(one.passages)) for one in ranked.values()]
    short = f" ({' and '.join(map(str, found))} found)" if min(found, default=0) < depth else ""
    return f"{fusion.name} of the best {depth} of each{short}"


def _strategy(mode: str, ranked: dict[str, _Ranked], node: Typed | None, fused: str) -> str:
    plan = ranked["vector"].plan if "vector" in ranked else None
    exact = plan is None or plan.expected_recall == 1
    names = {"vector": "exact cosine" if exact else "cosine by cells", "text": "BM25"}
    used = [names[name] for name, one in ranked.items() if one.passages]
    how = " + ".join(used) or "nothing matched"
    if mode == "hybrid" and len(used) == 2:
        how += f", {fused}"
    return f"{mode}: {how}" + ("" if node is None else ", filtered before ranking")
