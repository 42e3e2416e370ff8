"""Tiles: every point once, each in its square, drawn evenly, the same every time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isogloss.app.web.tiles import Quadtree, scatter

PLACES = hnp.arrays(
    np.float32, st.tuples(st.integers(0, 200), st.just(2)),
    elements=st.floats(-1.5, 1.5, width=32) | st.sampled_from([-1.0, 0.0, 1.0, 0.5]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(PLACES, st.integers(1, 9), st.integers(0, 5))
def test_tiles_part_the_points_and_hold_them(places, most, deepest):
    numbers = np.arange(len(places)) * 3 + 5
    tree = Quadtree(numbers, places, tile_points=most, deepest=deepest)
    assert sorted(tree.order.tolist()) == list(range(len(places)))
    x0, y0, x1, y1 = tree.bounds
    assert x1 - x0 == y1 - y0 and x0 == -x1
    for (z, x, y), tile in tree.tiles.items():
        rows = tree.rows(z, x, y)
        assert 0 < len(rows) == tile.stop - tile.start
        assert len(rows) <= most or z == deepest
        side = (x1 - x0) / 2**z
        offsets = tree.offsets(z, x, y) / 65536
        drawn = np.array([x0, y0]) + (np.array([x, y]) + offsets) * side
        assert np.abs(drawn - places[rows]).max() <= side / 65536 + 1e-6
        if z:  # a tile has points only where those above it are full
            above = tree.tiles[z - 1, x // 2, y // 2]
            assert above.stop - above.start == most


def test_who_is_drawn_first_is_an_even_sample():
    generator = np.random.default_rng(1)
    places = generator.uniform(-1, 1, (40_000, 2)).astype(np.float32)
    tree = Quadtree(np.arange(40_000), places, tile_points=4000)
    top = tree.rows(0, 0, 0)
    for half in (places[top] > 0).mean(axis=0):
        assert abs(half - 0.5) < 0.03  # 4 standard deviations
    # and of the numbers: the first thousand must not be preferred
    assert abs((top < 20_000).mean() - 0.5) < 0.03
    hashes = scatter(np.arange(40_000))
    assert hashes[top].max() < hashes[tree.rows(1, 0, 0)].max()


def test_the_same_whatever_the_order_of_the_rows():
    generator = np.random.default_rng(2)
    numbers = generator.permutation(5000)
    places = generator.normal(size=(5000, 2)).astype(np.float32)
    one = Quadtree(numbers, places, tile_points=64)
    order = np.argsort(numbers)
    other = Quadtree(numbers[order], places[order], tile_points=64)
    for key in one.tiles:
        assert numbers[one.rows(*key)].tolist() == numbers[order][other.rows(*key)].tolist()
    assert list(one.tiles) == list(other.tiles)


def test_equal_places_end_in_the_deepest_tile():
    tree = Quadtree(np.arange(100), np.zeros((100, 2), np.float32), tile_points=10, deepest=3)
    assert [(key, tile.stop - tile.start) for key, tile in tree.tiles.items()] == [
        ((0, 0, 0), 10), ((1, 1, 1), 10), ((2, 2, 2), 10), ((3, 4, 4), 70),
    ]  # fmt: skip
    assert tree.levels == 4


def test_an_empty_map():
    tree = Quadtree(np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    assert (tree.levels, tree.tiles, tree.bounds) == (0, {}, (-1.0, -1.0, 1.0, 1.0))
    assert tree.rows(0, 0, 0) is None


def test_hand_made_offsets():
    places = np.array([[-1, -1], [1, 1], [0, 0.5]], np.float32)
    tree = Quadtree(np.arange(3), places)
    found = dict(zip(tree.rows(0, 0, 0).tolist(), tree.offsets(0, 0, 0).tolist(), strict=True))
    assert found == {0: [0, 0], 1: [65535, 65535], 2: [32768, 49152]}
    assert tree.offsets(0, 0, 0).dtype == np.uint16


@pytest.mark.slow
def test_a_million_points():
    generator = np.random.default_rng(0)
    places = generator.normal(size=(1_000_000, 2)).astype(np.float32)
    tree = Quadtree(np.arange(1_000_000), places)
    assert len(np.unique(tree.order)) == 1_000_000
    assert max(tile.stop - tile.start for tile in tree.tiles.values()) <= 8192
