"""Filters against a real Lance table: its rows are the rows of our own evaluator."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss._core.errors import FilterError
from isogloss.search.columns import Columns
from isogloss.search.filters import check, parse, to_mask, to_sql
from isogloss.search.grammar import MAX_DEPTH, MAX_NUMBER, MAX_STRING, MAX_TESTS, MAX_VALUES

NAMES = ["Upper Case", "ünï", "select", 'a"b', "it's", "x-y", "日本", "NULL", "1st", "e😀", "a\\b"]
STRINGS = [
    "a",
    "A",
    "b'c",
    "",
    "a%b",
    "a_b",
    "a\\b",
    "x\ny",
    "Straße",
    "ΣΑ",
    "日本",
    "' OR 1=1",
    None,
]
DAY = dt.date(1993, 4, 5)
MOMENT = dt.datetime(1993, 4, 5, 1, 2, 3)


def make_columns() -> dict[str, pa.Array]:
    rng = np.random.default_rng(0)
    n = 120

    def some(values, type_=None):
        return pa.array([values[i] for i in rng.integers(0, len(values), n)], type_)

    nan = float("nan")
    columns = {
        "row": pa.array(range(n)),
        "s": some(STRINGS),
        "Ls": some(STRINGS, pa.large_string()),
        "cat": some(["a", "b", None]).dictionary_encode(),
        "flag": some([True, False, None]),
        "i8": some([-128, 0, 1, 127, None], pa.int8()),
        "u64": some([0, 1, 2**64 - 1, None], pa.uint64()),
        "year": some([-(2**63), 1992, 1993, 2**63 - 1, None], pa.int64()),
        "f16": some([0.1, 1.0, nan, None], pa.float16()),
        "f32": some([0.1, -0.0, 0.0, nan, float("inf"), None], pa.float32()),
        "f64": some([0.1, 1e300, -5e-324, nan, -float("inf"), None], pa.float64()),
        "dec": some([Decimal("1.50"), Decimal("-2.25"), None], pa.decimal128(10, 2)),
        "day": some([DAY, dt.date(1, 1, 1), dt.date(9999, 12, 31), None], pa.date32()),
        "day64": some([DAY, dt.date(1970, 1, 1), None], pa.date64()),
        "at": some([MOMENT, MOMENT.replace(microsecond=5), None], pa.timestamp("us")),
        "nano": some([0, 1, -1, None], pa.timestamp("ns")),
        "zoned": some([MOMENT, dt.datetime(1960, 1, 1), None], pa.timestamp("s", "Europe/Berlin")),
        "utc": some([MOMENT, None], pa.timestamp("ms", "UTC")),
        "tags": some([["a", "b'c"], [], [None], ["a", None], ["A"], None], pa.list_(pa.string())),
        "many": some([["a"], ["b", None], None], pa.large_list(pa.large_string())),
        "ints": some([[1, 2], [], [127, None], None], pa.list_(pa.int8())),
        "floats": some([[0.1, 2.0], [nan], [], None], pa.list_(pa.float32())),
        "flags": some([[True], [False, None], [], None], pa.list_(pa.bool_())),
        "pair": some([[1, 2], [2, 3], None], pa.list_(pa.int32(), 2)),
    }
    return columns | {name: some([1, 2, None]) for name in NAMES}


@pytest.fixture(scope="module")
def data() -> pa.Table:
    return pa.table(make_columns())


@pytest.fixture(scope="module")
def lance(data, tmp_path_factory):
    import lancedb

    return lancedb.connect(tmp_path_factory.mktemp("filters")).create_table("t", data)


def rows_of(lance, sql: str) -> list[int]:
    found = lance.search().where(sql).select(["row"]).limit(10_000).to_arrow()
    return sorted(found["row"].to_pylist())


def assert_same(lance, data, text: str) -> list[int]:
    typed = check(parse(text), data.schema)
    expected = np.flatnonzero(to_mask(typed, data)).tolist()
    assert rows_of(lance, to_sql(typed)) == expected, (text, to_sql(typed))
    assert np.flatnonzero(Columns(data.column).mask(typed)).tolist() == expected, text
    return expected


SAMPLES = {
    "s": ["'a'", "'b''c'", "''", "'a\\b'", "'x\ny'", "'ΣΑ'", "'日本'", "''' OR 1=1'", "'zz'"],
    "Ls": ["'a'", "'A'", "'Straße'"],
    "cat": ["'a'", "'b'", "'c'"],
    "flag": ["TRUE", "false"],
    "i8": ["-128", "127", "1.0", "+0", "1e2"],
    "u64": ["18446744073709551615", "0", "1"],
    "year": ["-9223372036854775808", "9223372036854775807", "1993", "1992.0"],
    "f16": ["0.1", "1", ".5"],
    "f32": ["0.1", "0", "-0.0", "1e-30", "3"],
    "f64": ["0.1", "1e300", "-5e-324", "0", "7"],
    "dec": ["1.5", "-2.25", "3", "0.1"],
    "day": ["'1993-04-05'", "'0001-01-01'", "'9999-12-31'"],
    "day64": ["'1993-04-05'", "'1970-01-01'"],
    "at": ["'1993-04-05'", "'1993-04-05 01:02:03'", "'1993-04-05T01:02:03.000005'"],
    "nano": ["'1970-01-01'", "'1970-01-01 00:00:00.000000001'"],
    "zoned": ["'1993-04-05 01:02:03'", "'1993-04-05T03:02:03+02:00'", "'1960-01-01'"],
    "utc": ["'1993-04-05 01:02:03Z'", "'1993-04-05 01:02'", "'1993-04-04 20:02:03-0500'"],
}
LISTS = {
    "tags": ["'a'", "'b''c'", "'zz'"],
    "many": ["'a'", "'b'"],
    "ints": ["1", "2", "127"],
    "floats": ["0.1", "2"],
    "flags": ["TRUE", "FALSE"],
    "pair": ["1", "2", "3"],
}
PATTERNS = [
    "'%'",
    "'a%'",
    "'_'",
    "'a\\%b'",
    "'a\\_b'",
    "'a\\b'",
    "'%\\\\%'",
    "''",
    "'%Σ%'",
    "'x_y'",
]


@st.composite
def conditions(draw) -> str:
    kind = draw(st.sampled_from(["compare", "in", "between", "like", "null", "has", "name"]))
    negated = draw(st.sampled_from(["", "NOT "]))
    if kind == "has":
        column = draw(st.sampled_from(sorted(LISTS)))
        value = st.sampled_from(LISTS[column])
        many = draw(st.sampled_from(["", "ANY ", "all "]))
        values = ", ".join(draw(st.lists(value, min_size=1, max_size=3)))
        return f"{column} {negated}has {many}" + (f"({values})" if many else draw(value))
    if kind == "name":
        quoted = draw(st.sampled_from(NAMES)).replace('"', '""')
        return f'"{quoted}" {draw(st.sampled_from(["=", "<>", "<"]))} 2'
    if kind == "null":
        column = draw(st.sampled_from(sorted(SAMPLES) + sorted(LISTS)))
        return f"{column} IS {negated}NULL"
    if kind == "like":
        column = draw(st.sampled_from(["s", "Ls", "cat"]))
        return f"{column} {negated}{draw(st.sampled_from(['LIKE', 'ilike']))} " + draw(
            st.sampled_from(PATTERNS)
        )
    column = draw(st.sampled_from(sorted(SAMPLES)))
    value = st.sampled_from(SAMPLES[column])
    if kind == "in":
        return f"{column} {negated}IN ({', '.join(draw(st.lists(value, min_size=1, max_size=4)))})"
    if kind == "between" and column != "flag":
        return f"{column} {negated}BETWEEN {draw(value)} and {draw(value)}"
    ops = ["=", "==", "!=", "<>"] + ([] if column == "flag" else ["<", "<=", ">", ">="])
    return f"{column} {draw(st.sampled_from(ops))} {draw(value)}"


def joined(children):
    pairs = st.lists(children, min_size=2, max_size=3)
    return st.one_of(
        children.map(lambda c: f"NOT ({c})"),
        pairs.map(lambda cs: "(" + " AND ".join(cs) + ")"),
        pairs.map(lambda cs: "(" + " or ".join(cs) + ")"),
    )


SLOW_FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=400, deadline=None, suppress_health_check=SLOW_FIXTURES, derandomize=True)
@given(text=st.recursive(conditions(), joined, max_leaves=6))
def test_lance_gives_the_rows_of_our_evaluator(lance, data, text):
    assert_same(lance, data, text)


def test_every_sample_alone(lance, data):
    """Each literal of each type, under each operator that it allows."""
    for column, values in SAMPLES.items():
        for value in values:
            for op in ["=", "<>"] if column == "flag" else ["=", "<>", "<", "<=", ">", ">="]:
                assert_same(lance, data, f"{column} {op} {value}")
    for column, values in LISTS.items():
        for value in values:
            assert_same(lance, data, f"{column} HAS {value}")


def test_known_rows():
    """Hand-checked: NULL and NaN are neither equal nor unequal; NOT keeps them out too."""
    table = pa.table({"x": [1.0, float("nan"), None, 2.0], "s": ["a", "A", "a%", None]})

    def mask(text):
        return to_mask(check(parse(text), table.schema), table).tolist()

    assert mask("x = 1") == [True, False, False, False]
    assert mask("NOT x = 1") == [False, False, False, True]
    assert mask("x > 0") == [True, False, False, True]
    assert mask("x IS NULL") == [False, True, True, False]
    assert mask("x = 1 OR s = 'a%'") == [True, False, True, False]
    assert mask("s ILIKE 'A'") == [True, True, False, False]
    assert mask("s LIKE 'a\\%'") == [False, False, True, False]
    assert mask("x NOT IN (1) AND s IS NULL") == [False, False, False, True]


def test_deepest_and_widest_filters_run(lance, data):
    deep = "i8 = 1"
    for level in range(MAX_DEPTH):
        deep = f"({deep} {'AND' if level % 2 else 'OR'} year NOT BETWEEN 1 AND 2)"
    assert_same(lance, data, deep)
    assert_same(lance, data, "NOT " * MAX_DEPTH + "i8 = 1")
    assert_same(lance, data, " OR ".join(f"year = {n}" for n in range(1700, 1700 + MAX_TESTS)))
    assert_same(lance, data, "year IN (" + ",".join(map(str, range(1500, 1500 + MAX_VALUES))) + ")")
    assert assert_same(lance, data, f"s <> '{'x' * MAX_STRING}'")
    assert_same(lance, data, f"s NOT LIKE '{'%a' * 200}'")
    with pytest.raises(FilterError, match="nest deeper"):
        parse("(" + deep + ")")
    for text in [
        "year IN (" + ",".join(["1"] * (MAX_VALUES + 1)) + ")",
        " OR ".join(["year = 1"] * (MAX_TESTS + 1)),
        f"s = '{'x' * (MAX_STRING + 1)}'",
        "year = " + "1" * (MAX_NUMBER + 1),
        "(" * 50_000,
        "x" * 200_000,
    ]:
        with pytest.raises(FilterError):
            check(parse(text), data.schema)


HOSTILE = [
    *("'", "''", '"', "`", ";", "--", "/*", "*/", "\\", "\0", "\n", "’", "“", "＇", "ʼ", "%", "_"),
    *(
        "(",
        ")",
        ",",
        "=",
        " OR ",
        " AND ",
        "1=1",
        "NOT ",
        " IN ",
        "NULL",
        "s",
        "year",
        "true",
        "'a'",
    ),
    *(
        "DROP TABLE t",
        "SELECT",
        "UNION ALL",
        "lower(",
        "array_has(",
        "sleep(5)",
        "0x27",
        "E'",
        "$$",
    ),
    *(
        "{}",
        "`s`",
        "row",
        " IS ",
        "LIKE",
        "CASE WHEN",
        "::",
        "||",
        "chr(39)",
        "1e999",
        "-",
        "😀",
        "s = ",
    ),
]


def test_hostile_text_is_refused_or_means_what_we_say(lance, data):
    """1,500 strings thrown together from hostile parts, bare and inside a literal."""
    rng = np.random.default_rng(1)
    accepted = 0
    for turn in range(1500):
        parts = [HOSTILE[i] for i in rng.integers(0, len(HOSTILE), rng.integers(1, 9))]
        body = "".join(parts)
        text = [body, f"s = '{body}'", f"year > 0 OR s IN ('{body}')", f'"{body}" = 1'][turn % 4]
        try:
            typed = check(parse(text), data.schema)
        except FilterError as error:
            assert "\n" not in str(error), text
            continue
        accepted += 1
        assert rows_of(lance, to_sql(typed)) == np.flatnonzero(to_mask(typed, data)).tolist(), text
    assert accepted > 100


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW_FIXTURES, derandomize=True)
@given(value=st.text(max_size=30))
def test_any_string_is_only_a_string(lance, data, value):
    """A doubled-quote literal of any text gives exactly the rows that hold that text."""
    quoted = value.replace("'", "''")
    expected = [row for row, s in enumerate(data["s"].to_pylist()) if s == value]
    assert assert_same(lance, data, f"s = '{quoted}'") == expected
    assert_same(lance, data, f"s LIKE '{quoted}' OR s ILIKE '{quoted}'")
