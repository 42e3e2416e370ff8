"""The native top-k against a plain sort."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isogloss import _native


def reference(scores, k, distinct):
    columns = np.full((len(scores), k), -1, np.int32)
    values = np.full((len(scores), k), -np.inf, np.float32)
    for i, row in enumerate(scores):
        pairs = sorted((-value, j) for j, value in enumerate(row) if not (distinct and j == i))[:k]
        for place, (value, column) in enumerate(pairs):
            columns[i, place], values[i, place] = column, -value
    return columns, values


def check(best, scores, k, distinct):
    columns = np.zeros((len(scores), k), np.int32)
    values = np.zeros((len(scores), k), np.float32)
    best.best(0, columns, values)
    expected_columns, expected_values = reference(scores, k, distinct)
    np.testing.assert_array_equal(columns, expected_columns)
    np.testing.assert_array_equal(values, expected_values)


def drawn(n, m, seed):
    # Few distinct values, so that ties are common.
    return np.random.default_rng(seed).integers(0, 4, (n, m)).astype(np.float32)


seeds = st.integers(0, 2**32 - 1)


@given(st.integers(0, 6), st.integers(0, 40), st.integers(1, 15), st.booleans(), seeds)
def test_matches_a_sort_also_with_ties_and_in_two_parts(n, m, k, distinct, seed):
    scores = drawn(n, m, seed)
    best = _native.TopK(n, k)
    half = m // 2
    best.add(np.ascontiguousarray(scores[:, half:]), 0, half, distinct, False)
    best.add(np.ascontiguousarray(scores[:, :half]), 0, 0, distinct, False)
    check(best, scores, k, distinct)


@given(st.integers(1, 40), st.integers(1, 39), st.integers(1, 8), seeds)
def test_half_of_a_symmetric_product_is_enough(n, cut, k, seed):
    scores = drawn(n, n, seed)
    scores = np.maximum(scores, scores.T)
    cut = min(cut, n)
    best = _native.TopK(n, k)
    best.add(np.ascontiguousarray(scores[:cut, cut:]), 0, cut, True, True)
    best.add(np.ascontiguousarray(scores[cut:, cut:]), cut, cut, True, False)
    best.add(np.ascontiguousarray(scores[:cut, :cut]), 0, 0, True, False)
    check(best, scores, k, True)
