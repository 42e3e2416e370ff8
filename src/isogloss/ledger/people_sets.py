"""Ranks sets of the LIMIT kind by words, by vectors, by both, and by late interaction."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.encoders.base import Encoder
from isogloss.ledger.system import Context
from isogloss.limits.people import PeopleSet
from isogloss.search.fusion import DEFAULT, Ranking

LISTED = 100  # documents of a ranking that are kept

Run = dict[str, Ranking]  # query -> numbers of documents, best first, and their scores


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


def words(made: PeopleSet) -> Run:
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
        found = {
            query: search_passages(
                table, query_text=text, schema=schema, attributes=[], k=LISTED, mode="text"
            ).hits
            for query, text in made.queries.items()
        }
    return {
        query: Ranking([hit.passage for hit in hits], [hit.score for hit in hits])
        for query, hits in found.items()
    }


def nearest(made: PeopleSet, documents: NDArray[np.float32], queries: NDArray[np.float32]) -> Run:
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
    {'q': Ranking(passages=[1, 0], scores=[1.0, 0.0])}
    """
    from isogloss._math.topk import nearest_rows

    columns, scores = nearest_rows(queries, documents, min(LISTED, len(documents)))
    rankings = map(Ranking, columns.tolist(), scores.tolist())
    return dict(zip(made.queries, rankings, strict=True))


def first(vectors: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Cut vectors to their first dimensions, and scale them to length 1.

    Examples
    --------
    >>> first(np.array([[3.0, 4.0, 12.0]], dtype=np.float32), 1).tolist()
    [[1.0]]
    """
    from isogloss.encoders.base import unit_rows

    return unit_rows(vectors[:, :width])


def fused(made: PeopleSet, text: Run, vector: Run) -> Run:
    """Merge two rankings as the hybrid search does.

    Examples
    --------
    >>> made = PeopleSet(("a", "b"), ("", ""), {"q": "?"}, {"q": {"b": 1.0}})
    >>> fused(made, {"q": Ranking([1], [3.0])}, {"q": Ranking([1, 0], [0.8, 0.2])})
    {'q': Ranking(passages=[1, 0], scores=[1.0, 0.15])}
    """
    merged = {}
    for query in made.queries:
        pairs = DEFAULT.fuse({"vector": vector[query], "text": text[query]})
        merged[query] = Ranking([passage for passage, _ in pairs], [score for _, score in pairs])
    return merged


def late(made: PeopleSet, encoder: Encoder) -> Run:
    """Rank by late interaction over the tokens of a transformer."""
    from isogloss.limits.methods import late_run

    numbers = {name: number for number, name in enumerate(made.ids)}
    pairs = zip(made.ids, made.texts, strict=True)
    run = late_run(encoder, made.queries, pairs, depth=LISTED, total=len(made.ids))
    return {
        query: Ranking([numbers[name] for name in found], list(found.values()))
        for query, found in run.items()
    }


def recalls(made: PeopleSet, run: Mapping[str, Ranking], k: int) -> NDArray[np.float64]:
    """Give recall at k of each query.

    Examples
    --------
    >>> made = PeopleSet(("a", "b"), ("", ""), {"q": "?"}, {"q": {"b": 1.0}})
    >>> run = {"q": Ranking([0, 1], [0.9, 0.2])}
    >>> recalls(made, run, 1).tolist(), recalls(made, run, 2).tolist()
    ([0.0], [1.0])
    """
    found = [
        sum(made.ids[number] in wanted for number in run[query].passages[:k]) / len(wanted)
        for query, wanted in made.qrels.items()
    ]
    return np.array(found, dtype=np.float64)
