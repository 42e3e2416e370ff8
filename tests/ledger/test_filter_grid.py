"""The grid of filtered search: widths and correlation as said, recall and short lists by hand."""

import numpy as np
import pyarrow as pa
import pytest

from isogloss._core.errors import ParameterError, SourceError
from isogloss.ledger.filter_cells import (
    Cell,
    cells,
    far_groups,
    lift,
    passing_rows,
    recalls,
    short_share,
    strangers,
    truth,
)
from isogloss.ledger.filter_data import Passages, group_centres, nearest_group, read_passages
from isogloss.ledger.systems import filtered_search

WIDTHS = {"50%": 0.5, "10%": 0.1, "1%": 0.01, "0.1%": 0.001, "0.01%": 0.0001}


def on_a_circle(degrees):
    angle = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


def tiny(degrees, mask, asks=(0.0,)):
    """Give passages at angles on a circle, and one cell over them."""
    rows = len(degrees)
    passages = Passages(
        on_a_circle(degrees),
        pa.table({"cluster": [0] * rows}),
        on_a_circle(asks),
        pa.table({"cluster": [0] * len(asks)}),
        0,
        0,
    )
    return passages, Cell("x", "random", "y", np.array(mask), np.arange(len(asks)))


def test_recall_is_against_the_best_rows_that_pass():
    # From 0 degrees the nearest are rows 0, 1, 2, ...; rows 0 and 1 do not pass.
    passages, cell = tiny([1, 2, 3, 4, 50], [False, False, True, True, True])
    least = truth(passages, cell, 2)
    assert least[0] == pytest.approx(np.cos(np.deg2rad(4)), abs=1e-6)
    for found, share in (
        ([2, 3], 1.0),
        ([3, 2], 1.0),
        ([2], 0.5),
        ([2, 2], 0.5),  # the same row again is no second hit
        ([2, 4], 0.5),
        ([0, 1], 0.0),  # nearer, but filtered out
        ([4, 3, 2], 0.5),  # only the first k count
        ([], 0.0),
    ):
        assert recalls(passages, cell, least, [found], 2).tolist() == [share], found


def test_of_equal_rows_any_will_do():
    passages, cell = tiny([1, 2, 2, 2, 9], [True] * 5)
    least = truth(passages, cell, 2)
    found = [[0, 1], [0, 2], [0, 3], [0, 4]]
    shares = [recalls(passages, cell, least, [one], 2)[0] for one in found]
    assert shares == [1.0, 1.0, 1.0, 0.5]


def test_where_fewer_than_k_pass_all_of_them_are_wanted():
    passages, cell = tiny([1, 2, 3], [False, True, True])
    least = truth(passages, cell, 10)
    assert recalls(passages, cell, least, [[1, 2]], 10).tolist() == [1.0]
    assert recalls(passages, cell, least, [[1]], 10).tolist() == [0.5]
    passages, none = tiny([1, 2, 3], [False] * 3)
    least = truth(passages, none, 10)
    assert np.isinf(least).all()
    assert recalls(passages, none, least, [[]], 10).tolist() == [1.0]
    assert recalls(passages, none, least, [[1]], 10).tolist() == [0.0]


def test_short_lists_and_strangers_are_counted():
    assert short_share([[1, 2], [1], [], [3, 3]], passing=9, k=2) == 0.75
    assert short_share([[5], []], passing=1, k=2) == 0.5
    assert short_share([[], []], passing=0, k=2) == 0.0
    mask = np.array([True, False, True])
    assert strangers([[0, 2], [], [1]], mask) == 1


def test_lift_by_hand():
    # The two rows nearest to 0 degrees are 0 and 1; half of all rows pass.
    degrees = [1, 2, 90, 91]
    for mask, wanted in (
        ([True, True, False, False], 2.0),
        ([False, False, True, True], 0.0),
        ([True, False, True, False], 1.0),
    ):
        passages, cell = tiny(degrees, mask)
        assert lift(passages, cell, near=2) == wanted
    passages, none = tiny(degrees, [False] * 4)
    assert np.isnan(lift(passages, none))


def test_far_groups_are_whole_clusters_away_from_the_queries():
    degrees = [0] * 6 + [60] * 2 + [170] * 2
    groups = [0] * 6 + [1] * 2 + [2] * 2
    passages = Passages(
        on_a_circle(degrees), pa.table({"cluster": groups}), on_a_circle([0, 10]),
        pa.table({"cluster": [0, 0]}), 0, 0,
    )  # fmt: skip
    assert far_groups(passages, 0.2) == [2]
    assert far_groups(passages, 0.4) == [1, 2]
    with pytest.raises(ParameterError, match="no cluster is small enough"):
        far_groups(passages, 0.01)


def test_clusters_are_found_and_rows_go_to_the_nearest():
    rows = on_a_circle([0, 1, 2, 90, 91, 92])
    centres = group_centres(rows, 2, seed=1)
    near = nearest_group(rows, centres)
    assert len(set(near[:3])) == len(set(near[3:])) == 1
    assert near[0] != near[3]
    assert np.linalg.norm(centres, axis=1) == pytest.approx([1, 1])


def test_an_empty_filter_passes_every_row():
    table = pa.table({"n": [1, None]})
    assert passing_rows("", table).tolist() == [True, True]
    assert passing_rows("NOT n = 2", table).tolist() == [True, False]


def test_missing_sets_and_too_few_rows_are_refused(tmp_path):
    with pytest.raises(SourceError, match="cannot read"):
        read_passages(tmp_path, rows=2000)
    with pytest.raises(ParameterError, match=r"at least 2,000"):
        read_passages(tmp_path, rows=10)


@pytest.fixture(scope="module")
def grid(data_dir):
    if not (data_dir / "clinc150" / "minilm_text.npy").is_file():
        pytest.skip("needs the ready vectors beside the data sets")
    passages = read_passages(data_dir, rows=20_000)
    return passages, {cell.name: cell for cell in cells(passages, queries=100)}


@pytest.mark.data
def test_widths_are_as_said(grid):
    _, found = grid
    for name, share in WIDTHS.items():
        assert found[f"random {name}"].selectivity == pytest.approx(share, abs=0.5 / 20_000)
    assert found["5 rows"].passing == 5
    assert found["no row"].passing == 0
    assert found["all rows"].passing == 20_000
    for name, share in (("10%", 0.1), ("1%", 0.01), ("0.1%", 0.001)):
        assert 0.5 * share < found[f"anti: clusters {name}"].selectivity < 1.6 * share


@pytest.mark.data
def test_anti_correlated_filters_are(grid):
    passages, found = grid
    for cell in found.values():
        if cell.kind == "anti":
            assert lift(passages, cell, near=200) < 0.35, cell.name
    for name in ("50%", "10%"):
        assert lift(passages, found[f"random {name}"], near=200) == pytest.approx(1, abs=0.1)
    assert lift(passages, found["source, own queries"], near=200) > 2
    sources = np.array(passages.asked["source"].to_pylist())
    anti = found["anti: source"]
    assert "clinc150" not in sources[anti.asks]
    clusters = np.asarray(passages.asked["cluster"])
    far = found["anti: clusters 1%"]
    inside = set(np.asarray(passages.attributes["cluster"])[far.mask].tolist())
    assert not inside & set(clusters[far.asks].tolist())


@pytest.mark.data
def test_every_kind_of_filter_is_there_and_agrees_with_plain_python(grid):
    passages, found = grid
    kinds = {cell.kind for cell in found.values()}
    assert kinds == {
        "none", "random", "equality", "correlated", "membership", "range", "containment", "and",
        "or", "not", "anti",
    }  # fmt: skip
    rows = passages.attributes.to_pylist()
    by_hand = {
        "tag": lambda r: "role::program" in r["tags"],
        "OR": lambda r: r["label"] == "sci.space" or "wheat" in r["tags"],
        "NOT": lambda r: r["source"] != "clinc150",
        "NOT of OR": lambda r: not (r["words"] < 100 or r["source"] == "newsgroups20"),
        "words narrow": lambda r: 400 <= r["words"] < 500,
        "AND of two": lambda r: r["source"] == "newsgroups20" and 150 <= r["words"] <= 200,
    }
    for name, test in by_hand.items():
        assert found[name].mask.tolist() == [test(row) for row in rows], name
        assert found[name].passing > 10, name


@pytest.mark.data
def test_passages_are_distinct_and_queries_are_held_out(grid):
    passages, _ = grid
    ids = passages.attributes["id"].to_pylist()
    assert len(set(ids)) == len(ids) == len(passages.vectors)
    assert not set(ids) & set(passages.asked["id"].to_pylist())
    assert passages.repeated == 0
    assert np.linalg.norm(passages.vectors, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.data
def test_the_rule_of_the_ledger_speaks_of_cells_that_are(grid):
    _, found = grid
    names = {filtered_search.slug(name) for name in found}
    assert len(names) == len(found) == 31
    assert names >= {*filtered_search.SHOWN, filtered_search.BY_LOT, filtered_search.NARROWER}
    assert filtered_search.slug("source, all queries") == "source_all_queries"
