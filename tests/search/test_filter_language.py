"""What the filter language reads, and how it refuses the rest."""

import doctest
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import FilterError
from isogloss.search.filters import compile_filter, parse
from isogloss.search.grammar import And, Literal, Not, Or

SCHEMA = pa.schema(
    [
        ("label", pa.string()),
        ("year", pa.int16()),
        ("x", pa.float32()),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("ms")),
        ("zoned", pa.timestamp("us", "UTC")),
        ("dec", pa.decimal128(5, 2)),
        ("tags", pa.list_(pa.string())),
        ("days", pa.list_(pa.date32())),
        ("raw", pa.binary()),
        ("a`b", pa.int8()),
        ("two words", pa.int8()),
    ]
)


def test_and_binds_closer_than_or():
    node = parse("a = 1 or b = 2 AND NOT c = 3")
    assert isinstance(node, Or)
    assert isinstance(node.nodes[1], And)
    assert isinstance(node.nodes[1].nodes[1], Not)
    assert isinstance(parse("(a = 1 or b = 2) and c = 3"), And)


def test_literals_keep_value_and_place():
    node = parse("x IN ('it''s', -3, .5, TRUE)")
    assert node.values == (
        Literal("it's", 7),
        Literal(-3, 16),
        Literal(0.5, 20),
        Literal(True, 24),
    )
    assert parse("x = 18446744073709551615").values[0].value == 2**64 - 1
    assert parse('"NOT" = \'"\'').column == "NOT"


REFUSED = {
    "": "column 1: expected a column, found the end",
    "year": "column 5: expected an operator",
    "year =": "column 7: expected a value, found the end",
    "year = = 3": "column 8: expected a value",
    "year = 1993 label = 'x'": "column 13: expected AND, OR or the end, found 'label'",
    "(year = 1": r"column 10: expected \), found the end",
    "year = 1)": "column 9: expected AND, OR or the end",
    "1993 = year": "column 1: expected a column.*starts with its column",
    "year = 1; DROP TABLE t": "column 9: .*semicolon",
    "year = 1 -- x": "column 10: comments",
    "year = 1 /* x */": "column 10: comments",
    "lower(label) = 'x'": "column 1: 'lower': functions",
    "year = (SELECT 1)": "column 8: expected a value",
    "label = ‘x’": "column 9: .*straight single quotes",
    "label = 'x": "column 9: the ' that opens here is not closed",
    'label = "x"': "column 9: expected a value, found the column 'x'; strings take",
    "label = x": "column 9: .*single quotes",
    "label = NULL": "column 9: .*IS NULL",
    "NOT": "column 4: expected a column",
    "in = 3": "column 1: .*double quotes",
    "year NOT = 3": "column 10: expected IN, BETWEEN",
    "year IN ()": "column 10: expected a value",
    "year BETWEEN 1": "column 15: expected AND",
    "year = 1993abc": "column 8: .*runs into",
    "year = 1.2.3": "column 8: .*runs into",
    "yaer = 3": "column 1: no column 'yaer'; did you mean 'year'",
    "Year = 3": "did you mean 'year'",
    "label = 3": "column 9: column 'label' holds string: give a value such as 'x', not 3",
    "year = '1993'": "'year' holds int16: give a value such as 1993, not '1993'",
    "year = 1993.5": "'year' holds int16: give a value such as 1993",
    "year = TRUE": "'year' holds int16: give",
    "year = 40000": "out of its range, -32768 to 32767",
    "year = 1e999": "'year' holds int16: give",
    "x = 1e39": "out of its range",
    "x = NaN": "single quotes",
    "flag = 1": "holds bool: give a value such as TRUE",
    "flag < TRUE": "not for booleans",
    "day = '1993-02-30'": "give a value such as '1993-04-05'",
    "day = '1993-04-05 12:00'": "give a value such as '1993-04-05'",
    "day = '5/4/1993'": "give a value such as",
    "at = '1993-04-05 25:00'": "give a value such as",
    "at = '1993-04-05 12:00Z'": "leave the zone out",
    "at = '1993-04-05 12:00:00.0001'": "finer than the column's unit, ms",
    "zoned = '1993-04-05 12:00+99:00'": "give a value such as",
    "dec = 1.234": "more digits",
    "dec = 123456": "more digits",
    "year LIKE '19%'": "LIKE is for strings; write year = 1993",
    "label LIKE 3": "give a value such as 'x'",
    "tags = 'a'": "not for lists; write tags HAS 'x'",
    "label HAS 'a'": "no list",
    "tags HAS 3": "give a value such as 'x'",
    "days HAS '1993-04-05'": "write days IS NULL",
    "raw = 'a'": "cannot compare; write raw IS NULL",
    '"a`b" = 1': "backquote",
    "\"two words\" LIKE 'x'": 'write "two words" = 1993',
    "label = '\ud800'": "surrogate",
}


@pytest.mark.parametrize("text", list(REFUSED), ids=ascii)
def test_refusals_say_where_and_what(text):
    with pytest.raises(FilterError, match=REFUSED[text]) as caught:
        compile_filter(text, SCHEMA)
    assert str(caught.value).startswith("filter, column ")
    assert "\n" not in str(caught.value)


def test_sql_is_written_from_values():
    assert compile_filter("YEAR_ = 1", pa.schema([("YEAR_", pa.int8())])) == (
        "`YEAR_` = arrow_cast('1', 'Int8')"
    )
    assert compile_filter("NOT (label = 'a' OR flag = true)", SCHEMA) == (
        "NOT (`label` = 'a') AND NOT (`flag` = true)"
    )
    assert compile_filter("zoned = '1970-01-01T01:00:00+01:00'", SCHEMA) == (
        "`zoned` = arrow_cast(0, 'Timestamp(Microsecond, Some(\"UTC\"))')"
    )


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise(text):
    """Any text compiles or is refused in one line; nothing else is ever raised."""
    try:
        compile_filter(text, SCHEMA)
    except FilterError as error:
        assert "\n" not in str(error)


def test_the_page_of_the_language_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "filters.md"
    failed, ran = doctest.testfile(str(page), module_relative=False)
    assert (failed, ran) == (0, 9)
