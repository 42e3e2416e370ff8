"""The native top-k against a plain sort."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isogloss import _native


def reference(scores, first, skip_first, k):
    columns = np.full((len(scores), k), -1, np.int32)
    values = np.full((len(scores), k), -np.inf, np.float32)
    for i, row in enumerate(scores):
        pairs = sorted(
            (-value, first + j)
            for j, value in enumerate(row)
            if skip_first < 0 or first + j != skip_first + i
        )[:k]
        for place, (value, column) in enumerate(pairs):
            columns[i, place], values[i, place] = column, -value
    return columns, values


@given(
    st.integers(0, 6), st.integers(0, 12), st.integers(1, 15), st.integers(-1, 3),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_matches_a_sort_also_with_ties_and_in_two_parts(n, m, k, skip_first, seed):
    # Few distinct values, so that ties are common.
    scores = np.random.default_rng(seed).integers(0, 4, (n, m)).astype(np.float32)
    columns = np.full((n, k), -1, np.int32)
    values = np.full((n, k), -np.inf, np.float32)
    half = m // 2
    _native.topk_merge(np.ascontiguousarray(scores[:, half:]), half, skip_first, columns, values)
    _native.topk_merge(np.ascontiguousarray(scores[:, :half]), 0, skip_first, columns, values)
    expected_columns, expected_values = reference(scores, 0, skip_first, k)
    np.testing.assert_array_equal(columns, expected_columns)
    np.testing.assert_array_equal(values, expected_values)
