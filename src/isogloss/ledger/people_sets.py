"""Ranks sets of the LIMIT kind by words, by vectors, by both, and by late interaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.encoders.base import Encoder
from isogloss.ledger.system import Context
from isogloss.limits.people import PeopleSet

LISTED = 100  # documents of a ranking that are kept

Ranking = dict[str, list[int]]  # query -> numbers of documents, best first


def published(context: Context) -> PeopleSet:
    """Read the small set as it was published.

    Parameters
    ----------
    context : Context
        Whose data hold ``limit_small``.
    """
    import pyarrow.parquet as pq

    from isogloss.limits.judgement_files import read_judgements, read_queries

    corpus = pq.read_table(context.path("limit_small", "corpus.parquet"), columns=["id", "text"])
    return PeopleSet(
        tuple(corpus["id"].to_pylist()),
        tuple(corpus["text"].to_pylist()),
        read_queries(context.path("limit_small", "queries.parquet")),
        read_judgements(context.path("limit_small", "qrels.parquet")).qrels,
    )


def words(made: PeopleSet) -> Ranking:
    """Rank by our full-text search."""
    import tempfile

    import lancedb
    import pyarrow as pa

    from isogloss.search.passages import search_passages
    from isogloss.search.text_index import create_text_index
    from isogloss.store.table import table_schema

    count = len(made.ids)
    schema = table_schema(pa.string(), 1, pa.schema([]))
    numbers = pa.array(range(count), pa.int64())
    columns: dict[str, Any] = {
        "passage": numbers, "document": numbers, "row": numbers, "id": made.ids,
        "text": made.texts, "vector": pa.array([[0.0]] * count, pa.list_(pa.float32(), 1)),
    }  # fmt: skip
    rows = pa.table(
        {
            name: pa.array(columns[name], schema.field(name).type)
            if name in columns
            else pa.nulls(count, schema.field(name).type)
            for name in schema.names
        },
        schema=schema,
    )
    with tempfile.TemporaryDirectory() as folder:
        table = lancedb.connect(folder).create_table("passages", rows)
        create_text_index(table)
        return {
            query: [
                hit.passage
                for hit in search_passages(
                    table, query_text=text, schema=schema, attributes=[], k=LISTED, mode="text"
                ).hits
            ]
            for query, text in made.queries.items()
        }


def nearest(
    made: PeopleSet, documents: NDArray[np.float32], queries: NDArray[np.float32]
) -> Ranking:
    """Rank by cosine.

    Parameters
    ----------
    made : PeopleSet
    documents, queries : float32 (n, d), float32 (m, d)
        Unit rows in the order of the set.

    Examples
    --------
    >>> made = PeopleSet(("a", "b"), ("", ""), {"q": "?"}, {"q": {"b": 1.0}})
    >>> nearest(made, np.eye(2, dtype=np.float32), np.array([[0, 1]], dtype=np.float32))
    {'q': [1, 0]}
    """
    from isogloss._math.topk import nearest_rows

    columns, _ = nearest_rows(queries, documents, min(LISTED, len(documents)))
    return dict(zip(made.queries, columns.tolist(), strict=True))


def first(vectors: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Cut vectors to their first dimensions, and scale them to length 1.

    Examples
    --------
    >>> first(np.array([[3.0, 4.0, 12.0]], dtype=np.float32), 1).tolist()
    [[1.0]]
    """
    from isogloss.encoders.base import unit_rows

    return unit_rows(vectors[:, :width])


def fused(made: PeopleSet, one: Ranking, other: Ranking) -> Ranking:
    """Merge two rankings by reciprocal ranks, as the hybrid search does.

    Examples
    --------
    >>> made = PeopleSet(("a", "b"), ("", ""), {"q": "?"}, {"q": {"b": 1.0}})
    >>> fused(made, {"q": [1, 0]}, {"q": [1]})
    {'q': [1, 0]}
    """
    from isogloss.search.fusion import fuse

    return {
        query: [number for number, _ in fuse([one[query], other[query]])] for query in made.queries
    }


def late(made: PeopleSet, encoder: Encoder) -> Ranking:
    """Rank by late interaction over the tokens of a transformer."""
    from isogloss.limits.methods import late_run

    numbers = {name: number for number, name in enumerate(made.ids)}
    pairs = zip(made.ids, made.texts, strict=True)
    run = late_run(encoder, made.queries, pairs, depth=LISTED, total=len(made.ids))
    return {query: [numbers[name] for name in found] for query, found in run.items()}


def recalls(made: PeopleSet, run: Mapping[str, Sequence[int]], k: int) -> NDArray[np.float64]:
    """Give recall at k of each query.

    Examples
    --------
    >>> made = PeopleSet(("a", "b"), ("", ""), {"q": "?"}, {"q": {"b": 1.0}})
    >>> recalls(made, {"q": [0, 1]}, 1).tolist(), recalls(made, {"q": [0, 1]}, 2).tolist()
    ([0.0], [1.0])
    """
    found = [
        sum(made.ids[number] in wanted for number in run[query][:k]) / len(wanted)
        for query, wanted in made.qrels.items()
    ]
    return np.array(found, dtype=np.float64)
