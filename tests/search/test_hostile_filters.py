"""Hostile filters on a real atlas: an error, or exactly the rows that the filter as written names.

The same strings go through `Atlas.search`, `Atlas.delete` and the command line. What a string
means is told by plain Python where the generator knows it, else by the reference evaluator.
"""

import json
import random

import numpy as np
import pyarrow as pa
import pytest

from isogloss._core.columns import OWN_COLUMNS
from isogloss._core.errors import FilterError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.search.filters import check, parse, to_mask
from isogloss.search.topics import leaves_below, with_leaves

WORDS = "key cipher rocket orbit puck goalie engine brake doctor dose".split()
VALUES = [
    "a", "A", "it's", 'say "x"', "", "%", "_", "a%b", "a_b", "a\\b", "\\", "\\%", "x\ny", "a\tb",
    "' OR '1'='1", "'; DROP TABLE passages; --", "/* a */", "-- a", "NULL", "true", "1", "０", "＇",
    "ʼ OR 1=1", "’", "“a”", "日本", "Straße", "ΣΑΣ", "🙂", "e\u0301", "é", "\u202eabc", "\ufeffa",
    "a\u200bb", "{}", "${a}", "$1", "?", ":a", "@a", "`s`", "[a]", "lower(s)", "0x27", "char(39)",
    "vector", "content_hash", "a;b", "((((", "))))", "\u0130", "ſ", "K",
]  # fmt: skip
# Names of attributes.
NAMES = [
    "plain", "select", "it's", "x-y", "NULL", "日本", "a\\b", "1st", "Upper Case", "%", "OR 1=1",
    "a;b", "ünï", "e😀", "--", "/*", "count(*)", "_rowaddr", "_rowoffset", "_where", "true",
]  # fmt: skip
HIDDEN = [*(set(OWN_COLUMNS) - {"id", "topic"}), "rowid", "ctid", "oid", "__index_level_0__"]
PIECES = [
    "'", "''", '"', "`", ";", "--", "/*", "*/", "\\", "\0", "\n", "\r", "’", "“", "＇", "ʼ", "％",
    "%", "_", "(", ")", "((", "))", ",", "=", "==", "<>", " OR ", " AND ", " or 1=1", "1=1",
    "NOT ", " IN ", " IN (", "NULL", "s", "n", "topic", "id", "vector", "content_hash", "passage",
    "_rowid", "'a'", "DROP TABLE passages", "SELECT", "UNION ALL SELECT * FROM passages",
    "lower(", "array_has(", "sleep(5)", "0x27", "E'", "$$", "{}", "`s`", " IS ", "LIKE ",
    "CASE WHEN", "::", "||", "chr(39)", "1e999", "-", "🙂", "\ud83d", "\udc00", "s = ", "n > ",
    "9" * 30, "-9223372036854775809", "NaN", "inf", "1_000", "0b1", "true", "ＯＲ", "ＮＯＴ",
    "ſelect", "arrow_cast(", " HAS ", "ANY", "^", "~", "\u2028", "\u00a0", "\u202e", "\ufeff",
]  # fmt: skip


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    draw = np.random.default_rng(0)
    rows = []
    for place in range(120):
        rows.append(
            {
                "id": VALUES[place] if place < len(VALUES) and VALUES[place] else f"id{place}",
                "text": " ".join(draw.choice(WORDS, 6).tolist()),
                "s": VALUES[place % len(VALUES)] if place % 7 else None,
                "n": [0, 1, -1, 2**63 - 1, -(2**63), None, place][place % 7],
                "x": [0.5, float("nan"), None, 1e300, -0.0][place % 5],
                "tags": [["a", "it's"], [], None, ["%"]][place % 4],
                **{name: int(draw.integers(0, 3)) for name in NAMES},
            }
        )
    folder = tmp_path_factory.mktemp("hostile") / "a.atlas"
    return Atlas.build(pa.Table.from_pylist(rows), folder, text="text", id="id", encoder="lexical")


@pytest.fixture(scope="module")
def held(atlas):
    return pa.Table.from_batches(
        list(atlas.passages(["passage", "id", "topic", *attributes(atlas)]))
    )


def attributes(atlas):
    return atlas.manifest.attributes


def expected_rows(atlas, held, where):
    """Evaluate plainly what the filter says: passages, or None where it is refused."""
    known = held.drop_columns(["passage"]).schema
    try:
        typed = check(parse(where), known)
    except FilterError as error:
        assert "\n" not in str(error), repr(where)
        return None
    mask = to_mask(with_leaves(typed, leaves_below(atlas.topics)), held)
    return set(held["passage"].to_numpy()[mask].tolist())


def found_rows(atlas, where, mode="vector"):
    """Search for a word that everything has a score for: passages, or None where refused."""
    try:
        hits = atlas.search("key cipher rocket", k=1000, where=where, mode=mode).hits
    except FilterError as error:
        assert "\n" not in str(error), repr(where)
        return None
    assert all(set(hit.attributes) == set(attributes(atlas)) for hit in hits)
    return {hit.passage for hit in hits}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def named(text):
    return '"' + text.replace('"', '""') + '"'


def hostile(count, seed):
    """Throw strings together from hostile pieces, bare and in places where a value may stand."""
    draw = random.Random(seed)
    frames = [
        "{}",
        "s = '{}'",
        "n > 0 OR s IN ('{}')",
        '"{}" = 1',
        "s LIKE '{}'",
        "s = {}",
        "n = {}",
        "NOT ({})",
        "s = 'a' AND {}",
        "id = '{}' OR topic = 0",
        "tags HAS '{}'",
        "topic = {}",
    ]
    for turn in range(count):
        body = "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 8)))
        yield frames[turn % len(frames)].replace("{}", body, 1)


def test_the_columns_are_those_of_the_source(atlas):
    assert set(NAMES) - set(attributes(atlas)) <= {"_rowaddr", "_rowoffset"}


def test_thousand_hostile_strings(atlas, held):
    accepted = refused = 0
    for turn, where in enumerate(hostile(1200, seed=5)):
        expected = expected_rows(atlas, held, where)
        assert found_rows(atlas, where) == expected, repr(where)
        accepted, refused = accepted + (expected is not None), refused + (expected is None)
        if turn % 10 == 0:  # `delete` reads the same filter the same way
            if expected is None:
                with pytest.raises(FilterError):
                    atlas.delete(where=where, dry_run=True)
            else:
                assert atlas.delete(where=where, dry_run=True).deleted == len(expected), repr(where)
    assert accepted > 60
    assert refused > 600


def test_any_quoted_value_is_only_a_value(atlas, held):
    """A doubled-quote literal: the rows are known without our parser."""
    values = held["s"].to_pylist()
    numbers = held["passage"].to_pylist()
    draw = random.Random(1)
    bodies = VALUES + ["".join(draw.choice(PIECES) for _ in range(3)) for _ in range(25)]
    for body in bodies:
        if any("\ud800" <= char <= "\udfff" for char in body):
            assert found_rows(atlas, f"s = {quoted(body)}") is None
            continue
        same = {p for p, value in zip(numbers, values, strict=True) if value == body}
        assert found_rows(atlas, f"s = {quoted(body)}") == same, repr(body)
        other = {p for p, value in zip(numbers, values, strict=True) if value not in (body, None)}
        assert found_rows(atlas, f"s <> {quoted(body)}") == other, repr(body)
        escaped = body.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        assert found_rows(atlas, f"s LIKE {quoted(escaped)}") == same, repr(body)


def test_any_name_is_only_a_name(atlas, held):
    for name in attributes(atlas):
        if name in ("s", "x", "tags"):
            continue
        mask = [value == 1 for value in held[name].to_pylist()]
        rows = {p for p, wanted in zip(held["passage"].to_pylist(), mask, strict=True) if wanted}
        assert found_rows(atlas, f"{named(name)} = 1") == rows, name
        assert found_rows(atlas, f"{named(name)} = 1 AND id IS NOT NULL") == rows, name
    for name in ("nowhere", "s'; --", 's" OR "1', "`s`", "s`", " s", "S", "ｓ", "s\0", ""):
        assert found_rows(atlas, f"{named(name)} IS NOT NULL") is None, name


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_hidden_columns_are_out_of_reach(atlas, name):
    shapes = (
        name,
        named(name),
        name.upper(),
        f"`{name}`",
        f"[{name}]",
        f"passages.{name}",
        f'"passages"."{name}"',
        f" {name} ",
        f"{name}\0",
        named(f"{name} "),
    )
    tests = (
        "{} IS NULL",
        "{} IS NOT NULL",
        "{} = 1",
        "{} >= 0",
        "{} LIKE '%'",
        "{} HAS 1",
        "n = 1 OR {} IS NOT NULL",
        "NOT {} IS NULL",
        "{} IN (1)",
        "n = {}",
        "n BETWEEN {} AND 1",
        "s = {}",
        "n IN (1, {})",
    )
    for shape in shapes:
        for test in tests:
            where = test.format(shape)
            assert found_rows(atlas, where) is None, where


BEYOND = [
    "n = 1" + "0" * 1000, "n = " + "9" * 400, "x = 1e999", "x > -1e400", "n = 0x10", "n = 1_000",
    "n = ١", "n = １", "n = NaN", "x = Infinity", "x = -inf", "n = 1e19",
    "n = 9223372036854775808", "n = -9223372036854775809", "topic = 4294967296",
    "topic = 99999999999999999999", "(" * 14 + "n = 1" + ")" * 14, "NOT " * 50_000 + "n = 1",
    "(" * 100_000, "n = 1" + " OR n = 1" * 600, "s = '" + "x" * 10_001 + "'",
    "n IN (1" + ", 1" * 1001 + ")", "n = 1;", "n = 1; DROP TABLE passages", "s = 'a' 'b'",
    "s = 'a'--", "s = 'a' /* */", "1 = 1", "TRUE", "s", "''", "NULL", "s IS", "s IS NOT", "s NOT",
    "IN (1)", "s = s", "n = n", "n + 1 = 2", "-n = 1", "s || 'a' = 'aa'", "EXISTS (SELECT 1)",
    "s = (SELECT s)", "s = 'a' LIMIT 1", "s = 'a' ORDER BY n", "s = 'a' UNION SELECT 1",
    "lower(s) = 'a'", "s COLLATE nocase = 'a'", "s LIKE 'a' ESCAPE 'x'", "s ~ 'a'",
    "s REGEXP 'a'", "s SIMILAR TO 'a'", "n IS TRUE", "n IS DISTINCT FROM 1",
    "CAST(n AS text) = '1'", "n::text = '1'", "s = $1", "s = ?", "s = :a", "s = @a",
    "tags[0] = 'a'", "tags.a = 1", "s = N'a'", "s = E'a'", "s = X'61'", "s = U&'a'", "s = $$a$$",
    "s = r'a'", "s ＝ 'a'", "s = ＇a＇", "s = 'a' ＯＲ n = 1", "\ufeffs = 'a'", "s\u00a0= 'a'",
    "s = 'a", "s = a'", "s = 'it's'", "", " ", "\0", "s = 'a' \0", 1, b"s = 'a'", ["s = 'a'"],
    True,
]  # fmt: skip


def test_what_is_beyond_the_language_is_refused(atlas):
    for where in BEYOND:
        assert found_rows(atlas, where) is None, repr(where)[:80]
        with pytest.raises(FilterError):
            atlas.delete(where=where, dry_run=True)


def test_bounds_and_backslashes_mean_what_they_say(atlas, held):
    for where in (
        "n = -9223372036854775808",
        "n = 9223372036854775807",
        "s = 'a\\'",
        "s LIKE 'a\\b'",
        "s LIKE '\\'",
        "s = '\\%'",
        "NOT NOT n = 1",
        "x = -0.0",
        "(" * 12 + "n = 1" + ")" * 12,
        "topic <= 2147483647",
    ):
        expected = expected_rows(atlas, held, where)
        assert expected is not None, where
        assert found_rows(atlas, where) == expected, where


def test_text_and_hybrid_read_filters_alike(atlas, held):
    """The rows of all three modes pass the filter, whatever it is."""
    rows = {}
    for mode in ("vector", "text", "hybrid"):
        rows[mode] = [found_rows(atlas, where, mode) for where in hostile(150, seed=9)]
    for one, two, three in zip(rows["vector"], rows["text"], rows["hybrid"], strict=True):
        assert (one is None) == (two is None) == (three is None)
        if one is not None:
            assert two <= one
            assert three == one or len(three) >= min(100, len(one))


def test_command_line(atlas, held, capsys):
    """One line and code 2, or the rows; a NUL cannot come by a real command line."""
    ran = 0
    for turn, where in enumerate(hostile(400, seed=11)):
        expected = expected_rows(atlas, held, where)
        if turn % (8 if expected is None else 2):
            continue
        ran += 1
        search = ["search", str(atlas.path), " ".join(WORDS), "-k", "1000", "--mode", "text"]
        code = main([*search, "--json", f"--where={where}"])
        out, err = capsys.readouterr()
        if expected is None:
            assert code == 2, repr(where)
            assert len(err.rstrip("\n").split("\n")) == 1, repr(where)
            assert out == ""
            assert main(["delete", str(atlas.path), "--dry-run", "-q", f"--where={where}"]) == 2
            capsys.readouterr()
        else:
            assert code == 0, repr(where)
            assert {hit["passage"] for hit in json.loads(out)["hits"]} == expected, repr(where)
    assert ran > 50
