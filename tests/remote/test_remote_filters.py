"""Filters in real servers: their rows are the rows of our own evaluator."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss._core.errors import FilterError, IsoglossError
from isogloss.remote.address import read_address
from isogloss.remote.backend import Description, Row, pack_schema
from isogloss.remote.fields import fields_of, join, plain_values, split, to_column
from isogloss.remote.postgres_filter import column_type, has_folded, to_postgres
from isogloss.remote.qdrant_filter import to_qdrant
from isogloss.search.filters import check, parse, to_mask


def filter_tests():
    """The table of all types and the strategies of the tests for Lance."""
    path = Path(__file__).parents[1] / "search" / "test_filter_rows.py"
    spec = importlib.util.spec_from_file_location("filters_for_lance", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LANCE = filter_tests()
FILTERS = st.recursive(LANCE.conditions(), LANCE.joined, max_leaves=6)
QUIET = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture(scope="module")
def data():
    return pa.table(LANCE.make_columns())


def plain_of(data):
    fields = fields_of(data.schema)
    return fields, {f.key: plain_values(data[name], f) for name, f in fields.items()}


@given(st.integers(-(2**127), 2**127 - 1), st.integers(-(2**127), 2**127 - 1))
def test_limbs_keep_the_order_of_numbers(one, other):
    assert join(split(one, 4)) == one
    assert (split(one, 4) < split(other, 4)) == (one < other)
    assert all(0 <= limb < 2**32 for limb in split(one, 4)[1:])


def test_plain_values_come_back_for_the_evaluator(data):
    fields, plain = plain_of(data)
    table = pa.table({n: to_column(plain[f.key], f) for n, f in fields.items()})
    for text in ["f32 > 0", "nano >= '1970-01-01'", "tags HAS 'a'", "flags HAS TRUE", "dec < 0",
                 "zoned = '1960-01-01'", "u64 = 18446744073709551615", "pair HAS 3"]:  # fmt: skip
        before, after = (to_mask(check(parse(text), t.schema), t) for t in (data, table))
        assert before.tolist() == after.tolist() and before.any(), text


@pytest.fixture(scope="module")
def postgres(postgres_url, data):
    import psycopg

    fields, plain = plain_of(data)
    link = psycopg.connect(postgres_url, autocommit=True)
    parts, columns = [], []
    for field in fields.values():
        parts.append(f"{field.key} {column_type(field)}")
        columns.append(plain[field.key])
        if has_folded(field):
            parts.append(f'{field.key}_low text COLLATE "C"')
            lows = [None if v is None or v.lower() == v else v.lower() for v in plain[field.key]]
            columns.append(lows)
    link.execute(f"CREATE TEMP TABLE t (place int, {', '.join(parts)})")
    marks = ", ".join(["%s"] * (len(columns) + 1))
    with link.cursor() as cursor:
        for place, row in enumerate(zip(*columns, strict=True)):
            cursor.execute(f"INSERT INTO t VALUES ({marks})", [place, *row])
    yield link, fields
    link.close()


def rows_in_postgres(postgres, data, text):
    link, fields = postgres
    typed = check(parse(text), data.schema)
    sql, values = to_postgres(typed, fields)
    assert sql.count("%s") == len(values)
    found = link.execute(f"SELECT place FROM t WHERE {sql} ORDER BY 1", values or None).fetchall()
    expected = np.flatnonzero(to_mask(typed, data)).tolist()
    assert [row for (row,) in found] == expected, (text, sql, values)
    return expected


@settings(max_examples=300, **QUIET)
@given(text=FILTERS)
def test_postgres_gives_the_rows_of_our_evaluator(postgres, data, text):
    rows_in_postgres(postgres, data, text)


def test_every_literal_in_postgres(postgres, data):
    for column, values in LANCE.SAMPLES.items():
        for value in values:
            for op in ["=", "<>"] if column == "flag" else ["=", "<>", "<", "<=", ">", ">="]:
                rows_in_postgres(postgres, data, f"{column} {op} {value}")


def test_hostile_text_in_postgres(postgres, data):
    rng = np.random.default_rng(2)
    hostile, accepted = LANCE.HOSTILE, 0
    for turn in range(1000):
        body = "".join(hostile[i] for i in rng.integers(0, len(hostile), rng.integers(1, 9)))
        text = [body, f"s = '{body}'", f"year > 0 OR s IN ('{body}')", f'"{body}" = 1'][turn % 4]
        try:
            check(parse(text), data.schema)
        except FilterError:
            continue
        if "\0" in text:  # PostgreSQL has no such character: the driver refuses it
            continue
        accepted += 1
        rows_in_postgres(postgres, data, text)
    assert accepted > 60


@pytest.fixture(scope="module")
def qdrant(data, tmp_path_factory):
    pytest.importorskip("qdrant_client")
    from isogloss.remote.qdrant import QdrantBackend

    folder = tmp_path_factory.mktemp("qdrant")
    backend = QdrantBackend(read_address(f"qdrant+path://{folder}/filters"))
    _, plain = plain_of(data)
    backend.create(
        Description(
            "s", "l", "complete", len(data), {"spec": "x", "dim": 2, "fingerprint": "f"},
            pack_schema(data.schema), [],
        )
    )  # fmt: skip
    backend.put(
        [
            Row(n, np.array([1, n], np.float32), "", "{}", {k: v[n] for k, v in plain.items()}, {})
            for n in range(len(data))
        ]
    )
    yield backend
    backend.close()


def rows_in_qdrant(backend, data, text):
    typed = check(parse(text), data.schema)
    compiled = to_qdrant(typed, fields_of(data.schema))
    expected = np.flatnonzero(to_mask(typed, data)).tolist()
    points = backend._client.scroll("filters", compiled.filter, limit=1000)[0]
    numbers = sorted(point.id for point in points)
    if compiled.exact:
        assert numbers == expected, text
    else:
        assert set(numbers) >= set(expected), text
    assert sorted(point.id for point in backend._tested(points, typed)) == expected, text
    assert backend.count(typed) == len(expected), text
    return compiled.exact


@settings(max_examples=40, **QUIET)
@given(text=FILTERS)
def test_qdrant_gives_the_rows_of_our_evaluator(qdrant, data, text):
    rows_in_qdrant(qdrant, data, text)


@pytest.mark.slow  # the tests of its own engine are faster
def test_every_literal_in_qdrant(qdrant, data):
    for column, values in LANCE.SAMPLES.items():
        for value in values:
            for op in ["=", "<>"] if column == "flag" else ["=", "<>", "<", ">="]:
                exact = rows_in_qdrant(qdrant, data, f"{column} {op} {value}")
                assert exact or column in ("s", "Ls", "cat")
    for column, values in LANCE.LISTS.items():
        assert all(rows_in_qdrant(qdrant, data, f"{column} HAS {value}") for value in values)


def test_booleans_are_whole_numbers_in_qdrant(qdrant, data):
    """Qdrant's embedded edition keeps them as such, and a test for TRUE then finds nothing."""
    assert rows_in_qdrant(qdrant, data, "flag = TRUE")
    stored = [p.payload.get("c4") for p in qdrant._client.scroll("filters", limit=1000)[0]]
    assert {value for value in stored if value is not None} == {0, 1}
    assert not any(isinstance(value, bool) for value in stored)


def test_hits_that_the_server_cannot_test_are_looked_for_until_there_are_enough(qdrant, data):
    typed = check(parse("s LIKE 'a%' AND row >= 0"), data.schema)
    passing = np.flatnonzero(to_mask(typed, data))
    found = qdrant.by_vector(np.array([0, 1], np.float32), typed, 5, exact=True)
    assert [one.passage for one in found] == passing[::-1][:5].tolist()


def test_a_literal_that_postgres_cannot_hold_is_an_error_of_ours(data):
    typed = check(parse("s = 'a\0b'"), data.schema)
    assert to_postgres(typed, fields_of(data.schema))[1] == ["a\0b"]
    assert issubclass(FilterError, IsoglossError)
