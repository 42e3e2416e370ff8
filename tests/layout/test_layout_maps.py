"""Maps of rows: what they keep, what they refuse, and that threads do not matter."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss._math.topk import nearest_rows
from isogloss.layout import PassageMap, map_rows
from isogloss.layout.frame import Frame, drawn_in, without_heaps
from isogloss.layout.start import principal
from isogloss.topics.tree import TopicTree


def unit(rows):
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def clumps(n, kinds=6, dim=24, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, kinds, n)
    return unit(rng.normal(size=(kinds, dim))[kind] + rng.normal(size=(n, dim)) * 0.4), kind


def nearest_on(places, k=15):
    from scipy.spatial import cKDTree

    found = cKDTree(places).query(places, k + 1)[1]
    return np.array([row[row != i][:k] for i, row in enumerate(found)])


def share_kept(rows, places, k=15):
    wanted = nearest_rows(rows, rows, k, same=True)[0]
    return float((nearest_on(places)[:, :, None] == wanted[:, None, :]).any(axis=2).mean())


@pytest.mark.parametrize("n", [1, 2, 3, 5, 17])
def test_few_rows_fill_the_frame(n):
    places = map_rows(unit(np.random.default_rng(n).normal(size=(n, 8))))
    assert places.dtype == np.float32
    assert np.isfinite(places).all()
    assert np.abs(places).max() == pytest.approx(1.0 if n > 1 else 0.0, abs=1e-5)
    assert len(np.unique(places, axis=0)) == n


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_rows_are_spread_and_not_heaped(value):
    rows = unit(np.full((60, 5), value))
    places = map_rows(rows)
    assert len(np.unique(places, axis=0)) == 60
    assert np.abs(places).max() <= 1.0 + 1e-6


def test_no_rows_and_rows_that_are_none():
    assert map_rows(np.zeros((0, 4), dtype=np.float32)).shape == (0, 2)
    with pytest.raises(ParameterError, match="NaN"):
        map_rows(np.full((3, 4), np.nan, dtype=np.float32))
    with pytest.raises(ParameterError, match=r"\(n, d\)"):
        map_rows(np.zeros(4, dtype=np.float32))
    with pytest.raises(ParameterError, match="do not fit"):
        map_rows(np.eye(3, dtype=np.float32), np.zeros(2, dtype=np.int32))
    with pytest.raises(ParameterError, match="most"):
        map_rows(np.eye(3, dtype=np.float32), most=0)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 5), st.booleans(), st.integers(2, 50))
def test_any_rows_get_places(n, dim, zeros, repeated, most):
    rng = np.random.default_rng(n * 7 + dim)
    rows = rng.normal(size=(n, dim))
    rows[: min(zeros, n)] = 0.0
    if repeated:
        rows[n // 2 :] = rows[-1]
    topics = rng.integers(-1, 4, n).astype(np.int32)
    places = map_rows(unit(rows), topics, most=most)
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()
    assert np.abs(places).max() <= 1.0 + 1e-5


@pytest.mark.parametrize("most", [60_000, 500])
def test_threads_do_not_matter(monkeypatch, most):
    rows, kind = clumps(1500)
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        found.append(map_rows(rows, kind.astype(np.int32), most=most).tobytes())
    assert found[0] == found[1] == found[2]


def test_another_seed_is_another_sample():
    rows, _ = clumps(300)
    assert (map_rows(rows, most=100) != map_rows(rows, most=100, seed=1)).any()


@pytest.mark.parametrize("most", [60_000, 400])
def test_clumps_stay_together(most):
    rows, kind = clumps(1200)
    places = map_rows(rows, most=most)
    assert (kind[nearest_on(places)] == kind[:, None]).mean() > 0.97


@pytest.mark.data
def test_neighbours_are_kept_on_real_data(data_dir):
    folder = data_dir / "bbc_news"
    rows = unit(np.load(folder / "minilm_text.npy").astype(np.float32))
    labels = np.unique(
        pq.read_table(folder / "data.parquet", columns=["label"])["label"].to_numpy(
            zero_copy_only=False
        ),
        return_inverse=True,
    )[1]
    whole, partly = map_rows(rows), map_rows(rows, most=1100)
    flat = principal(rows)
    kept = [share_kept(rows, one) for one in (whole, partly, flat)]
    assert kept[0] > 0.45, kept
    assert kept[1] > 0.30, kept
    assert kept[2] < 0.20, kept  # the bounds say something
    assert (labels[nearest_on(whole)] == labels[:, None]).mean() > 0.9


def test_a_far_place_does_not_shrink_the_others():
    places = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    places[0] = (500, 0)
    frame = Frame.around(drawn_in(places))
    assert frame.half < 8
    inside = np.abs(places) < 1
    np.testing.assert_allclose(drawn_in(places)[inside], places[inside], atol=1e-5)


def test_places_that_stand_alone_stay_where_they_are():
    places = np.array([[0, 0], [0, 0], [5, 5]], dtype=np.float32)
    found = without_heaps(places, np.arange(3), single=False)
    assert found[2].tolist() == [5, 5]
    assert (found[0] != found[1]).any()
    assert np.hypot(*found[:2].T).max() <= 0.25 * np.sqrt(2)


def test_a_frame_goes_both_ways():
    places = np.array([[3, 4], [7, 5], [5, 4.5]], dtype=np.float32)
    frame = Frame.around(places)
    coordinates = frame.coordinates(places)
    assert coordinates.tolist() == [[-1, -0.25], [1, 0.25], [0, 0]]
    assert frame.places(coordinates).tolist() == places.tolist()


def test_a_topic_lies_where_its_members_are_densest():
    rng = np.random.default_rng(0)
    crowd = rng.normal(size=(300, 2)) * 0.02 + (0.5, 0.5)
    few = rng.normal(size=(60, 2)) * 0.02 + (-0.8, -0.8)
    rows = np.concatenate([crowd, few, [[0.1, 0.9]]]).astype(np.float32)
    tree = TopicTree(parent=[2, 2, -1, -1], size=[360, 1, 361, 0], persistence=[0.5] * 4)
    labels = np.array([0] * 360 + [1], dtype=np.int32)
    found = PassageMap(np.arange(361), rows, 1).topic_places(labels, tree)
    np.testing.assert_allclose(found.places[0], (0.5, 0.5), atol=0.02)
    np.testing.assert_allclose(found.places[1], (0.1, 0.9), atol=1e-6)
    np.testing.assert_allclose(found.places[2], (0.5, 0.5), atol=0.02)
    assert found.spread[0] == pytest.approx(0.03, abs=0.015)
    assert np.isnan(found.places[3]).all()
    with pytest.raises(ParameterError, match="for 361 passages"):
        PassageMap(np.arange(361), rows, 1).topic_places(labels[:5], tree)


def test_places_by_number():
    found = PassageMap(np.array([3, 8]), np.array([[0, 1], [1, 0]], dtype=np.float32), 1)
    assert found.of([8, 3]).tolist() == [[1, 0], [0, 1]]
    assert found.of([]).shape == (0, 2)
    with pytest.raises(ParameterError, match="no passage 4 "):
        found.of([4])


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        ([[1e38, 0], [0, 1e38], [1, 1]], r"as large as 1e\+38"), ([[1e300, 1], [1, 1]], "infinity"),
        ([["a", "b"]], "give real numbers"), (np.ones((3, 2), complex), "give real numbers"),
        (np.array([[None, 1]], object), "give real numbers"), ([[1, 2], [3]], "different lengths"),
    ],
)  # fmt: skip
def test_rows_that_are_none(vectors, told):
    with pytest.raises(ParameterError, match=told):
        map_rows(vectors)


def test_passages_of_a_map_are_whole_numbers():
    found = PassageMap(np.array([0, 7]), np.eye(2, dtype=np.float32), 1)
    assert found.of([]).shape == (0, 2)
    assert found.of(np.array([7], np.uint8)).tolist() == [[0.0, 1.0]]
    for wrong in ([0.5], ["0"], [True], [None], 0.0):
        with pytest.raises(ParameterError, match="give whole numbers"):
            found.of(wrong)
    with pytest.raises(ParameterError, match="no passage 5"):
        found.of([5])
