"""Exact neighbours by 8-bit codes against a slow reference, for every kernel of this processor."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import _native
from isogloss._math import topk
from isogloss._math.topk import TileSearch, nearest_rows

KERNELS = list(_native.code_kernels())


def summed(x, y):
    """Give one dot product in float32: places modulo 32, then folded in halves."""
    lanes = np.zeros(32, dtype=np.float32)
    for place, (a, b) in enumerate(zip(x, y, strict=True)):
        lanes[place % 32] += a * b
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    return lanes[0]


def reference(scores, k, same):
    """Sort all scores: best first, equal ones by number."""
    scores = scores.copy()
    if same:
        np.fill_diagonal(scores, np.nan)
    columns = np.full((len(scores), k), -1, np.int32)
    values = np.full((len(scores), k), -np.inf, np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)  # NaN comes last
    best = np.take_along_axis(scores, order, axis=1)
    columns[:, : order.shape[1]] = np.where(np.isnan(best), -1, order)
    values[:, : order.shape[1]] = np.where(np.isnan(best), -np.inf, best)
    return columns, values


def pairs(queries, keys):
    out = np.empty((len(queries), len(keys)), np.float32)
    _native.pair_scores(queries, keys, out)
    return out


def coded(queries, keys, k, kernel, *, same=False, cuts=(), guess=True):
    """Search with codes, in tiles cut where told."""
    search = _native.NearestRows(queries, queries if same else keys, k, same, kernel)
    assert search.encode(0, len(queries) + (0 if same else len(keys)))
    if guess:
        search.guess(0, len(queries))
    n = len(queries) if same else len(keys)
    at = sorted({0, n, *(cut % n for cut in cuts)}) if n else [0, 0]
    parts = list(pairwise(at))
    if same:
        for i, (first, last) in enumerate(parts):
            search.add(first, last, first, last, False)
            for start, end in parts[i + 1 :]:
                search.add(first, last, start, end, True)
    else:
        for start, end in parts:
            search.add(0, len(queries), start, end, False)
    columns = np.empty((len(queries), k), np.int32)
    values = np.empty((len(queries), k), np.float32)
    for row in search.best(0, columns, values):
        search.add(row, row + 1, 0, n, False)
        assert not search.best(row, columns[row : row + 1], values[row : row + 1])
    return columns, values


def drawn(draw, n, d, kind):
    """Rows of many kinds: clouds, quarters with many ties, copies, zeros, lengths of all sizes."""
    rows = draw.normal(size=(n, d)) + draw.normal(size=d) * draw.choice([0.0, 2.0])
    if kind == "quarters":
        rows = draw.integers(-2, 3, (n, d)) / 4
    elif kind == "copies":
        rows = rows[draw.integers(0, max(1, n // 6), n)]
    elif kind == "zeros":
        rows[draw.random(n) < 0.5] = 0
    elif kind == "lengths":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        rows *= 10.0 ** draw.uniform(-11.9, 11.9, (n, 1))
    elif kind == "spikes":
        rows *= draw.random((n, d)) < 0.05
        rows[:, 0] += 10.0
    elif kind == "opposite":
        rows = -np.abs(rows) * draw.choice([-1.0, 1.0], (n, 1))
    return rows.astype(np.float32)


kinds = st.sampled_from(["clouds", "quarters", "copies", "zeros", "lengths", "spikes", "opposite"])
lengths = st.one_of(st.integers(1, 70), st.sampled_from([127, 128, 129, 384, 777, 2000]))
seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 7), st.integers(1, 9), lengths, kinds, seeds)
@settings(max_examples=30, deadline=None)
def test_pair_scores_are_summed_in_the_order_that_is_told(q, n, d, kind, seed):
    draw = np.random.default_rng(seed)
    queries, keys = drawn(draw, q, d, kind), drawn(draw, n, d, kind)
    found = pairs(queries, keys)
    for i in range(q):
        for j in range(n):
            assert found[i, j] == summed(queries[i], keys[j])
    assert (found == pairs(keys, queries).T).all()


@pytest.mark.parametrize("kernel", KERNELS)
@given(st.integers(1, 90), st.integers(1, 400), lengths, st.integers(1, 30), kinds, seeds)
@settings(max_examples=30, deadline=None)
def test_codes_find_what_a_sort_finds(kernel, q, n, d, k, kind, seed):
    draw = np.random.default_rng(seed)
    d = min(d, 70) if kernel == "plain" else d
    queries, keys = drawn(draw, q, d, kind), drawn(draw, n, d, kind)
    expected = reference(pairs(queries, keys), k, False)
    found = coded(queries, keys, k, kernel, cuts=(seed % 311, seed % 97))
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("kernel", KERNELS)
@given(st.integers(1, 450), lengths, st.integers(1, 60), kinds, st.lists(seeds, max_size=3), seeds)
@settings(max_examples=30, deadline=None)
def test_half_of_the_pairs_is_enough_for_one_set(kernel, n, d, k, kind, cuts, seed):
    d = min(d, 70) if kernel == "plain" else d
    rows = drawn(np.random.default_rng(seed), n, d, kind)
    expected = reference(pairs(rows, rows), k, True)
    found = coded(rows, rows, k, kernel, same=True, cuts=cuts)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def ordered(n, d, seed=0):
    """Rows of which the first lie far from all others: a sample tells little about them."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n, d))
    rows[: n // 2, 0] += np.linspace(0, 20, n // 2)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("k", [32, 60])
def test_guesses_change_nothing_also_where_they_are_wrong(k):
    rows = ordered(2600, 24)
    expected = reference(pairs(rows, rows), k, True)
    for guess in (True, False):
        found = coded(rows, rows, k, "", same=True, cuts=(700, 1500), guess=guess)
        assert (found[0] == expected[0]).all() and (found[1] == expected[1]).all()


def test_a_guess_that_is_too_high_is_noticed():
    # Every 32nd row or so is sampled: make those, and only those, near to all.
    n, k = 2600, 40
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(n, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = (4 * n // k + 32) // 32 * 32
    sampled = np.arange(wanted) * n // wanted
    rows[sampled[:30]] = 3 * np.ones(16, np.float32)  # fewer than k, more than the place asked for
    rows[:, 0] += 1
    search = _native.NearestRows(rows, rows, k, True)
    assert search.encode(0, n)
    search.guess(0, n)
    search.add(0, n, 0, n, False)
    columns, values = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    again = search.best(0, columns, values)
    assert len(again) > 100
    search = TileSearch(rows, rows, k, same=True)
    search.guess()
    search.add(0, n, 0, n, False)
    expected = reference(pairs(rows, rows), k, True)
    found = search.best()
    assert (found[0] == expected[0]).all() and (found[1] == expected[1]).all()


@pytest.mark.parametrize("shape", [(1, 700), (160, 3000), (700, 700)])
@pytest.mark.parametrize("same", [False, True])
def test_shapes_and_threads_do_not_matter(monkeypatch, shape, same):
    q, n = (shape[1] // 2, shape[1] // 2) if same else shape
    rows = ordered(n, 40)
    queries = rows if same else ordered(q, 40, seed=1)
    expected = reference(pairs(queries, rows), 9, same)
    for threads, most in (("1", 150), ("3", 150), ("2", 0), ("2", 10**9)):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        monkeypatch.setattr(topk, "CODED_ROWS", most)  # codes where they pay, always, and never
        found = nearest_rows(queries, rows, 9, same=same)
        assert (found[0] == expected[0]).all() and (found[1] == expected[1]).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30, 1e-30, 3e38, 1e-44])
def test_rows_that_codes_cannot_hold_are_scored_plainly(odd):
    rows = ordered(500, 7)
    rows[123, 3] = odd
    if odd == 1e-30:
        rows[123] = odd
    with np.errstate(over="ignore", invalid="ignore"):
        expected = reference(pairs(rows, rows), 12, True)
        found = nearest_rows(rows, rows, 12, same=True)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_copies_of_one_row_are_scored_without_codes(share):
    rows = ordered(3000, 9)
    rows[: int(share * 3000)] = rows[5]
    search = TileSearch(rows, rows, 7, same=True)
    search.add(0, 1000, 0, 1000, False)
    search.add(0, 1000, 1000, 3000, True)
    search.add(1000, 3000, 1000, 3000, False)
    assert search._useless
    expected = reference(pairs(rows, rows), 7, True)
    for found in (search.best(), nearest_rows(rows, rows, 7, same=True)):
        assert (found[0] == expected[0]).all() and (found[1] == expected[1]).all()


def test_empty_shapes():
    none, some = np.zeros((0, 3), np.float32), np.ones((4, 3), np.float32)
    assert nearest_rows(none, some, 2)[0].shape == (0, 2)
    assert nearest_rows(some, none, 2)[0].tolist() == [[-1, -1]] * 4
    assert nearest_rows(some, some, 0)[1].shape == (4, 0)
    flat = np.zeros((3, 0), np.float32)
    assert nearest_rows(flat, flat, 1, same=True)[0].ravel().tolist() == [1, 0, 0]
    assert (
        nearest_rows(some[:, ::2].astype(np.float64), some[:, :2], 1)[1].ravel().tolist()
        == [2.0] * 4
    )


def test_tiles_that_lie_outside_are_refused():
    rows = np.ones((40, 3), np.float32)
    search = _native.NearestRows(rows, rows, 2, True)
    search.encode(0, 40)
    for tile in ((0, 41, 0, 40), (-1, 4, 0, 40), (0, 4, 0, 41), (0, 4, -1, 40)):
        with pytest.raises(ValueError, match="outside"):
            search.add(*tile, False)
    with pytest.raises(ValueError, match="k is below 1"):
        _native.NearestRows(rows, rows, 0, True)
    with pytest.raises(ValueError, match="no such kernel"):
        _native.NearestRows(rows, rows, 2, True, "none")
    with pytest.raises(ValueError, match="shapes"):
        _native.NearestRows(rows, rows[:, :2].copy(), 2, False)
