"""The filters in Qdrant's own engine, which its embedded edition brings into the process.

The server holds the same engine. The conditions are those that go to the server, written anew for
the embedded edition's own classes.
"""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from test_remote_filters import FILTERS, LANCE, QUIET, plain_of

from isogloss.remote.fields import fields_of
from isogloss.remote.qdrant import QdrantBackend, _payload
from isogloss.remote.qdrant_filter import to_qdrant
from isogloss.search.filters import check, parse, to_mask

edge = pytest.importorskip("qdrant_edge", reason="needs the package qdrant-edge-py")
pytest.importorskip("qdrant_client")


@pytest.fixture(scope="module")
def data():
    return pa.table(LANCE.make_columns())


@pytest.fixture(scope="module", params=["indexed", "plain"])
def shard(request, data, tmp_path_factory):
    fields, plain = plain_of(data)
    config = edge.EdgeConfig(vectors=edge.EdgeVectorParams(2, edge.Distance.Dot))
    shard = edge.EdgeShard.create(str(tmp_path_factory.mktemp("edge")), config)
    if request.param == "indexed":
        backend = QdrantBackend.__new__(QdrantBackend)
        backend.__class__ = type("Fields", (QdrantBackend,), {"_fields": fields})
        kinds = {"keyword": "Keyword", "integer": "Integer", "float": "Float"}
        for key, kind in backend._indexes().items():
            schema = getattr(edge.PayloadSchemaType, kinds[kind])
            shard.update(edge.UpdateOperation.create_field_index(key, schema))
    points = [
        edge.Point(
            row,
            [1.0, float(row)],
            _payload({key: values[row] for key, values in plain.items()}, list(fields.values())),
        )
        for row in range(len(data))
    ]
    shard.update(edge.UpdateOperation.upsert_points(points))
    yield shard
    shard.close()


def as_edge(condition):
    """Write a condition of the client with the classes of the embedded edition."""
    name = type(condition).__name__
    if name == "Filter":
        sides = {side: getattr(condition, side) for side in ("must", "should", "must_not")}
        return edge.Filter(
            **{side: [as_edge(one) for one in each] for side, each in sides.items() if each}
        )
    if condition.range is not None:
        ends = condition.range.model_dump(exclude_none=True)
        return edge.FieldCondition(condition.key, range=edge.RangeFloat(**ends))
    match = condition.match
    if hasattr(match, "any"):
        return edge.FieldCondition(condition.key, match=edge.MatchAny(match.any))
    return edge.FieldCondition(condition.key, match=edge.MatchValue(match.value))


def same_rows(shard, data, text):
    typed = check(parse(text), data.schema)
    compiled = to_qdrant(typed, fields_of(data.schema))
    expected = set(np.flatnonzero(to_mask(typed, data)).tolist())
    request = edge.ScrollRequest(limit=1000, filter=as_edge(compiled.filter), with_payload=False)
    found = {point.id for point in shard.scroll(request)[0]}
    assert found == expected if compiled.exact else found >= expected, text


@settings(max_examples=200, **QUIET)
@given(text=FILTERS)
def test_the_engine_gives_the_rows_of_our_evaluator(shard, data, text):
    same_rows(shard, data, text)


def test_every_literal_in_the_engine(shard, data):
    for column, values in LANCE.SAMPLES.items():
        for value in values:
            for op in ["=", "<>"] if column == "flag" else ["=", "<>", "<", "<=", ">", ">="]:
                same_rows(shard, data, f"{column} {op} {value}")
    for column, values in LANCE.LISTS.items():
        for value in values:
            same_rows(shard, data, f"{column} HAS {value} OR {column} IS NULL")
