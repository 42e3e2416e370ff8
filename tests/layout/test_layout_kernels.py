"""The kernels of the map against plain NumPy."""

import numpy as np
import pytest

from isogloss import _native
from isogloss.layout.neighbours import symmetric, weights
from isogloss.layout.place import Anchors
from isogloss.layout.repulsion import Repulsion
from isogloss.layout.start import spread_out
from isogloss.layout.workers import Workers


def places_of(n, seed=0, scale=20.0):
    return (np.random.default_rng(seed).normal(size=(n, 2)) * scale).astype(np.float32)


def plain_fields(at, places):
    away = at[:, None, :].astype(np.float64) - places[None].astype(np.float64)
    near = 1.0 / (1.0 + (away**2).sum(axis=2))
    push = (away * (near**2)[:, :, None]).sum(axis=1)
    return np.column_stack([near.sum(axis=1), push])


def test_the_field_is_the_sum_over_all_pairs():
    places = places_of(700)
    with Workers() as workers:
        found = Repulsion().field(places).at(places, workers)
    wanted = plain_fields(places, places)
    assert np.abs(found[:, 0] - wanted[:, 0]).max() < 0.12  # of which .04 is the own kernel
    assert (found[:, 1:] - wanted[:, 1:]).std() < 0.1 * wanted[:, 1:].std()
    assert np.corrcoef(found[:, 1], wanted[:, 1])[0, 1] > 0.995


def test_two_places_push_each_other_apart_by_what_one_can_compute():
    places = np.array([[0, 0], [3, 0]], dtype=np.float32)
    with Workers() as workers:
        found = Repulsion().field(places).at(places, workers)
    assert found[1, 1] == pytest.approx(3 / 100, abs=0.004)  # 3 / (1 + 9)^2
    assert found[0, 1] == pytest.approx(-3 / 100, abs=0.004)
    assert found[:, 2] == pytest.approx([0, 0], abs=1e-5)


def test_a_wide_map_gets_a_coarser_grid_and_still_a_field():
    places = places_of(300, scale=3000.0)
    field = Repulsion().field(places)
    assert max(field.values.shape) <= 1500
    assert np.isfinite(field.values).all()


def test_attraction_is_the_sum_along_edges():
    rng = np.random.default_rng(1)
    columns = np.array([rng.choice(np.delete(np.arange(50), i), 6, False) for i in range(50)])
    graph = symmetric(columns.astype(np.int32), rng.random((50, 6)).astype(np.float32))
    places = places_of(50, 2)
    found = np.empty_like(places)
    start, target = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    _native.map_attract(start, target, graph.data, places, 0, 50, found)
    away = places[None] - places[:, None]
    pull = graph.toarray() / (1 + (away**2).sum(axis=2))
    np.testing.assert_allclose(found, (pull[:, :, None] * away).sum(axis=1), atol=1e-4)


def test_weights_have_the_perplexity_asked_for():
    scores = np.sort(np.random.default_rng(0).random((40, 30)), axis=1)[:, ::-1]
    with Workers() as workers:
        found = weights(np.ascontiguousarray(scores, dtype=np.float32), 8.0, workers)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)
    entropy = -(found * np.log(np.maximum(found, 1e-30))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), 8.0, rtol=1e-3)
    assert (np.diff(found, axis=1) <= 1e-7).all()


def test_weights_of_rows_without_neighbours_are_zero():
    scores = np.full((2, 3), -np.inf, dtype=np.float32)
    scores[1, 0] = 0.5
    with Workers() as workers:
        assert weights(scores, 5.0, workers).tolist() == [[0, 0, 0], [1, 0, 0]]


def test_ties_within_a_topic_are_stronger():
    columns = np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int32)
    values = np.full((3, 2), 0.5, dtype=np.float32)
    graph = symmetric(columns, values, np.array([0, 0, -1], dtype=np.int32)).toarray()
    assert graph[0, 1] == pytest.approx(2.5 * graph[0, 2])
    assert graph.sum() == pytest.approx(3.0)


def test_centres_of_a_square_are_placed_as_a_square():
    angles = np.array([0, 0.5, 1.0, 1.5]) * np.pi
    found = spread_out(np.column_stack([np.cos(angles), np.sin(angles)]))
    sides = np.hypot(*(found - np.roll(found, 1, axis=0)).T)
    np.testing.assert_allclose(sides, np.sqrt(2), atol=1e-3)


def plain_place(near, weight, anchors, push, steps):
    """Walk as the kernel does, with the exact field."""
    own = anchors[near].astype(np.float64)
    apart = ((own[:, None] - own[None]) ** 2).sum(axis=2)
    at = own[(weight[None] / (1 + apart)).sum(axis=1).argmax()]
    for _ in range(steps):
        away = own - at
        pull = weight / (1 + (away**2).sum(axis=1))
        force = (pull[:, None] * away).sum(axis=0)
        force = (force + push * plain_fields(at[None], anchors)[0, 1:]) / pull.sum() * 0.5
        at = at + force * min(1.0, 1.0 / max(np.hypot(*force), 1e-9))
    return at


def test_a_row_is_placed_where_pull_and_push_are_even():
    rng = np.random.default_rng(3)
    anchors = places_of(400, 4)
    near = np.array([rng.choice(400, 10, False) for _ in range(30)]).astype(np.int32)
    weight = rng.random((30, 10)).astype(np.float32)
    weight /= weight.sum(axis=1, keepdims=True)
    field = Repulsion().field(anchors)
    found = np.empty((30, 2), dtype=np.float32)
    _native.map_place(
        near, weight, anchors, field.left, field.bottom, field.per_unit, field.values, 0.2, 15,
        0, 30, found,
    )  # fmt: skip
    wanted = np.array([plain_place(near[i], weight[i], anchors, 0.2, 15) for i in range(30)])
    assert np.median(np.hypot(*(found - wanted).T)) < 0.12  # the map is 100 wide


def test_cells_find_nearly_what_all_anchors_give(monkeypatch):
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(20, 32))
    rows = centres[rng.integers(0, 20, 3000)] + rng.normal(size=(3000, 32)) * 0.6
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    places = places_of(2500)
    exact = Anchors(rows[:2500], places)
    monkeypatch.setattr("isogloss.layout.place.EXACT_ANCHORS", 100)
    cells = Anchors(rows[:2500], places)
    found = cells._cells.near(rows[2500:], 10)[0]
    wanted = np.argsort(-(rows[2500:] @ rows[:2500].T), axis=1)[:, :10]
    share = (found[:, :, None] == wanted[:, None]).any(axis=2).mean()
    assert share > 0.9
    assert exact.place(rows[2500:]).shape == (500, 2)
    placed = cells.place(rows[2500:])
    apart = np.hypot(*(placed[:, None] - places[None, :2500]).transpose(2, 0, 1)).min(axis=1)
    assert (apart > 1e-3).mean() > 0.9  # between the anchors, not on them


def test_kernels_refuse_what_does_not_fit():
    places = places_of(3)
    with pytest.raises(ValueError, match="shapes differ"):
        _native.map_weights(places, 2.0, 0, 9, places.copy())
    with pytest.raises(ValueError, match="4 nodes"):
        _native.map_charge(places, 0, 0, 1, np.zeros((2, 2), dtype=np.float32))
    with pytest.raises(ValueError, match="no such anchor"):
        near = np.array([[7]], dtype=np.int32)
        fields = np.zeros((3, 9, 9), dtype=np.float32)
        _native.map_place(
            near, np.ones((1, 1), np.float32), places, 0, 0, 1, fields, 1, 1, 0, 1,
            np.zeros((1, 2), np.float32),
        )  # fmt: skip
