"""Topics over time and by class: periods, hand-checked tests, an atlas with dates."""

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import ColumnError, ParameterError
from isogloss.topics import TopicTree, topics_by, topics_over
from isogloss.topics.marks import marking_words, word_cells
from isogloss.topics.periods import make_periods
from isogloss.topics.spread import read_times
from isogloss.topics.trends import difference, false_discovery, rise, wilson


def day(text):
    return np.datetime64(text, "D")


@pytest.mark.parametrize(
    ("low", "high", "bins", "unit", "first", "last"),
    [
        ("2024-01-01", "2024-01-10", 20, "1 day", "2024-01-01", "2024-01-11"),
        ("2024-01-03", "2024-03-01", 20, "7 days", "2024-01-01", "2024-03-04"),
        ("2023-02-10", "2024-08-01", 20, "1 month", "2023-02-01", "2024-09-01"),
        ("1999-05-05", "2024-01-01", 20, "2 years", "1998-01-01", "2026-01-01"),
        ("0450-01-01", "2024-01-01", 5, "500 years", "0000-01-01", "2500-01-01"),
        ("2024-02-29", "2024-02-29", 1, "1 day", "2024-02-29", "2024-03-01"),
    ],
)
def test_periods_are_those_of_the_calendar(low, high, bins, unit, first, last):
    periods = make_periods(day(low), day(high), bins=bins)
    assert (periods.unit, periods.starts[0], periods.starts[-1]) == (unit, first, last)
    assert len(periods) <= bins
    places = periods.place(np.array([day(low), day(high), np.datetime64("NaT")]))
    assert places.tolist() == [0, len(periods) - 1, -1]


def test_hours_of_timestamps():
    stamps = np.array(
        ["2024-01-01T10:59", "2024-01-01T11:00", "2024-01-01T14:30"], "datetime64[us]"
    )
    periods = make_periods(stamps[0], stamps[-1], bins=5)
    assert periods.unit == "1 hour"
    assert periods.starts[0] == "2024-01-01T10:00"
    assert periods.place(stamps).tolist() == [0, 1, 4]


@given(
    st.integers(-3000, 3000), st.integers(0, 5000), st.integers(1, 40),
    st.lists(st.floats(0, 1), max_size=5),
)  # fmt: skip
def test_numbers_fall_into_their_period(low, span, bins, at):
    periods = make_periods(low, low + span, bins=bins)
    assert 1 <= len(periods) <= bins
    years = np.array([low + int(span * share) for share in at], dtype=np.int64)
    edges = [int(start) for start in periods.starts]
    for year, place in zip(years, periods.place(years), strict=True):
        assert edges[place] <= year < edges[place + 1]


@given(
    st.dates(datetime.date(1600, 1, 1), datetime.date(2100, 1, 1)),
    st.integers(0, 90_000),
    st.integers(1, 30),
)
def test_days_fall_into_their_period(low, span, bins):
    first, last = np.datetime64(low, "D"), np.datetime64(low, "D") + np.timedelta64(span, "D")
    periods = make_periods(first, last, bins=bins)
    assert 1 <= len(periods) <= bins
    days = np.linspace(0, span, 7).astype(np.int64) + first
    for moment, place in zip(days, periods.place(days), strict=True):
        low_edge, high_edge = (np.datetime64(periods.starts[at], "D") for at in (place, place + 1))
        assert low_edge <= moment < high_edge


def test_intervals_and_tests_against_scipy():
    from scipy.stats import binomtest, chi2_contingency

    low, high = wilson(np.array([[3, 0, 7]]), np.array([10, 4, 7]))
    for column, (count, total) in enumerate([(3, 10), (0, 4), (7, 7)]):
        expected = binomtest(count, total).proportion_ci(method="wilson")
        assert low[0, column] == pytest.approx(expected.low, abs=1e-9)
        assert high[0, column] == pytest.approx(expected.high, abs=1e-9)
    own, whole = np.array([30, 45, 20]), np.array([100, 90, 80])
    expected = chi2_contingency(np.array([own, whole - own]), correction=False).pvalue
    assert difference(own, whole) == pytest.approx(expected, rel=1e-9)
    # Small tables are drawn: all 5 of 5 + 20, by hand 1 / C(25, 5) and its mirror is not as rare.
    assert difference(np.array([5, 0]), np.array([5, 20])) < 0.003
    assert difference(np.array([1, 4]), np.array([5, 20])) > 0.9
    assert difference(np.array([0, 0]), np.array([5, 20])) == 1.0
    assert rise(np.array([5, 5]), np.array([5, 5])) == (0.0, 1.0)
    z, p = rise(np.array([30, 20, 10]), np.array([100, 100, 100]))
    assert z == pytest.approx(-3.5355, abs=1e-4)
    assert p < 0.001


def test_chance_is_called_change_as_often_as_said():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        whole = rng.integers(20, 60, 6)
        found.append(difference(rng.binomial(whole, 0.3), whole))
    assert 0.01 < np.mean(np.array(found) < 0.05) < 0.1
    assert (false_discovery(np.array(found)) >= np.array(found)).all()


TREE = TopicTree(parent=[2, 2, -1], size=[3, 2, 5], persistence=[0.5, 0.5, 0.5])


def test_inner_topics_and_missing_times():
    labels = np.array([0, 0, 1, -1, 1, 0])
    years = np.array([2001.0, 2001, 2003, 2003, np.nan, 2003])
    spread = topics_over(labels, years, tree=TREE)
    assert spread.groups == ("2001", "2002", "2003")
    assert spread.counts.tolist() == [[2, 0, 1], [0, 0, 1], [2, 0, 2]]
    assert spread.totals.tolist() == [2, 0, 3]
    assert spread.missing == 1
    assert np.isnan(spread.shares[0, 1])
    assert spread.shares[2, 2] == pytest.approx(2 / 3)
    told = json.loads(json.dumps(spread.to_json()))
    assert told["periods"][0] == {"start": "2001", "end": "2002", "passages": 2}
    assert told["topics"][2]["counts"] == [2, 0, 2]
    assert len(spread.to_pandas()) == 9


def test_classes_and_what_is_refused():
    spread = topics_by(np.array([0, 0, 1, 1]), ["x", None, "y", "y"], tree=TREE)
    assert spread.groups == ("y", "x")
    assert spread.missing == 1
    assert spread.counts.tolist() == [[0, 1], [2, 0], [2, 1]]
    assert "trend" not in spread.to_json()["topics"][0]["change"]
    with pytest.raises(ParameterError, match="300 classes"):
        topics_by(np.zeros(300, int), list(range(300)))
    with pytest.raises(ParameterError, match="give one a passage"):
        topics_over(np.zeros(3, int), np.array([2000, 2001]))
    with pytest.raises(ParameterError, match="no time"):
        topics_over(np.zeros(1, int), np.array(["soon"]))
    with pytest.raises(ParameterError, match="bins is 0"):
        topics_over(np.zeros(1, int), np.array([2000]), bins=0)
    with pytest.raises(ParameterError, match="labels reach"):
        topics_by(np.array([7]), ["a"], tree=TREE)


def test_words_mark_the_period_in_which_they_stand():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    groups = np.tile([0, 1], 100)
    rows = (rng.random((200, 6)) < 0.3).astype(np.float32)
    rows[(labels == 0) & (groups == 1), 4] = 1
    rows[(labels == 0) & (groups == 0), 4] = 0
    counts = sp.csr_matrix(rows)
    cells = word_cells(labels, groups, counts, 3, 2)
    halves = [
        word_cells(labels[h], groups[h], counts[h], 3, 2) for h in (slice(90), slice(90, 200))
    ]
    assert (halves[0] + halves[1] != cells).nnz == 0
    marks = marking_words(cells, ["a", "b", "c", "d", "news", "e"], TREE, 2)
    assert marks[0][1] == ("news",)
    assert "news" in marks[2][1]
    assert marks[1] == ((), ())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([datetime.date(2004, 2, 29), None]), ["2004-02-29", "NaT"]),
        (pa.array(["2004-02-29T10:00:00", " ", None]), ["2004-02-29", "NaT", "NaT"]),
        (
            pa.array([datetime.datetime(2004, 2, 29, 23)], pa.timestamp("ms", tz="UTC")),
            ["2004-02-29T23:00:00.000000"],
        ),
    ],
)
def test_columns_of_time(values, expected):
    assert [str(moment) for moment in read_times(values, "x")] == expected


def test_columns_of_no_time_are_refused():
    with pytest.raises(ColumnError, match="'soon', which is no time"):
        read_times(pa.array(["2004-01-01", "soon"]), "x")
    with pytest.raises(ColumnError, match="give dates"):
        read_times(pa.array([True]), "x")


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    import isogloss as ig

    rng = np.random.default_rng(0)
    words = {"sea": "ship wave harbour sail tide", "sky": "cloud wind storm rain sun"}
    texts, days, kinds = [], [], []
    for i in range(120):
        kind = "sea" if i % 120 < 60 else "sky"
        texts.append(" ".join(rng.choice(words[kind].split(), 6)) + f" note {i}")
        days.append(None if i == 7 else datetime.date(2020 + (i >= 60), 1 + i % 12, 3))
        kinds.append(kind)
    table = pa.table({"text": texts, "day": days, "kind": kinds})
    return ig.Atlas.build(table, tmp_path_factory.mktemp("over") / "a.atlas", encoder="lsa")


def test_an_atlas_over_time_and_by_class(atlas):
    spread = atlas.topics_over("day", bins=4)
    assert spread.unit == "6 months"
    assert spread.missing == 1
    assert spread.totals.sum() == 119
    roots = [topic.id for topic in atlas.topics.roots]
    assert spread.counts[roots].sum() <= 119
    classes = atlas.topics_by("kind", words=0)
    assert sorted(classes.groups) == ["sea", "sky"]
    assert classes.keywords == ()
    leaves = [topic.id for topic in atlas.topics.leaves]
    assert classes.counts[leaves].sum() + atlas.manifest.unassigned == 120
    with pytest.raises(ColumnError, match="did you mean 'day'"):
        atlas.topics_over("days")
    with pytest.raises(ColumnError, match="no time"):
        atlas.topics_over("kind")


def test_the_command_line_adds_keys_only(atlas, capsys):
    from isogloss.app.cli.main import main

    assert main(["topics", str(atlas.path), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    args = ["topics", str(atlas.path), "--over", "day", "--bins", "4", "--by", "kind"]
    assert main([*args, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {key: told[key] for key in plain} == plain
    assert told["over"]["column"] == "day"
    assert len(told["over"]["periods"]) == 4
    assert told["by"]["classes"][0]["passages"] == 60
    assert main(args) == 0
    said = capsys.readouterr().out
    assert "periods of 6 months" in said
    assert "periods, not" not in said
    assert main(["topics", str(atlas.path), "--over", "kind"]) == 2
    assert "no time" in capsys.readouterr().err


def test_the_command_line_says_why_there_are_fewer_periods_than_asked(atlas, capsys):
    from isogloss.app.cli.main import main

    args = ["topics", str(atlas.path), "--over", "day"]
    assert main([*args, "--bins", "7", "--by", "kind"]) == 0
    why = "4 periods, not 7: 6 months is the shortest round length of which 7 are enough"
    assert capsys.readouterr().out.count(why) == 1
    assert main(args) == 0
    assert "periods, not" not in capsys.readouterr().out
    assert main(["topics", str(atlas.path), "--bins", "3"]) == 2
    assert "name their column with --over COL" in capsys.readouterr().err
