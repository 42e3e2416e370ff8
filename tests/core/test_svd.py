"""The truncated decomposition against the full one of numpy."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from isogloss._math.svd import truncated_svd


def sparse(n, v, density=0.2, seed=0):
    return sp.random(n, v, density, format="csr", random_state=seed, dtype=np.float32)


def check_parts(matrix, rank, tolerance=2e-4):
    """Hold values, vectors and their sign against the full decomposition."""
    values, vectors = truncated_svd(matrix, rank)
    dense = matrix.toarray().astype(np.float64)
    _, expected, _ = np.linalg.svd(dense, full_matrices=False)
    v = matrix.shape[1]
    found = len(values)
    assert (values.dtype, vectors.dtype) == (np.float32, np.float32)
    assert vectors.shape == (v, found)
    top = max(float(expected.max(initial=0.0)), 1e-30)
    true_rank = int((expected > top * 1e-5).sum())
    assert found == min(rank, true_rank)
    np.testing.assert_allclose(values, expected[:found], atol=tolerance * top)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(found), atol=1e-5)
    # A' A v = s^2 v: true of every right singular vector, also where values are equal.
    left = dense.T @ (dense @ vectors)
    np.testing.assert_allclose(left, vectors * values**2, atol=tolerance * top**2)
    if found:  # the largest entry is positive, but for ties within rounding
        assert (vectors.max(axis=0) >= -vectors.min(axis=0) - 1e-6).all()
    assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize("shape", [(40, 25), (25, 40), (12, 12), (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("rank", [1, 5, 100])
def test_equals_numpy_where_the_basis_holds_all(shape, rank):
    # With rank + 16 directions at least as many as rows or columns, nothing is left out.
    n, v = shape
    check_parts(sparse(n, v, 0.6), rank if min(n, v) <= 16 else max(rank, 9))


@settings(deadline=None)
@given(st.integers(1, 14), st.integers(1, 14), st.integers(1, 20), st.integers(0, 10**6))
def test_small_integers(n, v, rank, seed):
    dense = np.random.default_rng(seed).integers(0, 3, (n, v)).astype(np.float32)
    check_parts(sp.csr_matrix(dense), rank)


def test_leading_directions_of_a_larger_matrix():
    # A clear spectrum: 1, 0.7, 0.49, ... so that power iterations have something to find.
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.standard_normal((400, 60)))
    right, _ = np.linalg.qr(rng.standard_normal((300, 60)))
    strengths = 0.7 ** np.arange(60)
    matrix = sp.csr_matrix(((left * strengths) @ right.T).astype(np.float32))
    values, vectors = truncated_svd(matrix, 8)
    np.testing.assert_allclose(values, strengths[:8], rtol=1e-4)
    cosines = np.abs((right[:, :8] * vectors).sum(axis=0))
    np.testing.assert_allclose(cosines, 1.0, atol=1e-4)


def test_flat_spectrum_keeps_nearly_all_that_can_be_kept():
    matrix = sparse(600, 500, 0.02)
    values, vectors = truncated_svd(matrix, 20)
    full = np.linalg.svd(matrix.toarray(), compute_uv=False)
    assert (values**2).sum() > 0.97 * (full[:20] ** 2).sum()
    assert ((matrix @ vectors) ** 2).sum() > 0.97 * (full[:20] ** 2).sum()


@pytest.mark.parametrize("copies", [1, 7, 60])
def test_rows_that_repeat_add_no_directions(copies):
    base = sparse(5, 80, 0.3)
    matrix = sp.csr_matrix(sp.vstack([base] * copies))
    values, vectors = truncated_svd(matrix, 30)
    assert vectors.shape == (80, 5)
    expected = np.linalg.svd(base.toarray(), compute_uv=False) * np.sqrt(copies)
    np.testing.assert_allclose(values, expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (4, 6)])
def test_nothing_in_it(shape):
    values, vectors = truncated_svd(sp.csr_matrix(shape, dtype=np.float32), 3)
    assert values.shape == (0,)
    assert vectors.shape == (shape[1], 0)
    assert (values.dtype, vectors.dtype) == (np.float32, np.float32)


def test_rank_zero_gives_none():
    assert truncated_svd(sparse(8, 6), 0)[1].shape == (6, 0)


def test_same_bytes_for_any_number_of_threads():
    matrix = sparse(900, 700, 0.05)
    with threadpool_limits(limits=1):
        one = truncated_svd(matrix, 30)
    with threadpool_limits(limits=2):
        two = truncated_svd(matrix, 30)
        again = truncated_svd(matrix, 30)
    for first, second, third in zip(one, two, again, strict=True):
        assert first.tobytes() == second.tobytes() == third.tobytes()


class Watched:
    """A matrix that notes how many threads BLAS may use while it is multiplied."""

    def __init__(self, matrix, seen):
        self.matrix, self.seen, self.shape = matrix, seen, matrix.shape

    @property
    def T(self):
        return Watched(self.matrix.T.tocsr(), self.seen)

    def tocsr(self):
        return self

    def __matmul__(self, other):
        self.seen += [pool["num_threads"] for pool in threadpool_info()]
        return self.matrix @ other


def test_blas_is_held_to_one_thread():
    seen: list[int] = []
    with threadpool_limits(limits=2):
        truncated_svd(Watched(sparse(30, 20), seen), 4)
    assert len(seen) >= 10
    assert set(seen) == {1}


def test_the_seed_counts():
    matrix = sparse(300, 200, 0.05)
    zero = truncated_svd(matrix, 10, seed=0, iterations=0)[0]
    one = truncated_svd(matrix, 10, seed=1, iterations=0)[0]
    assert not np.array_equal(zero, one)


def test_more_iterations_are_more_exact():
    matrix = sparse(600, 500, 0.02)
    kept = [(truncated_svd(matrix, 20, iterations=i)[0] ** 2).sum() for i in (0, 2, 8)]
    assert kept[0] < kept[1] < kept[2]


def test_the_matrix_is_not_changed():
    matrix = sparse(30, 20)
    before = matrix.copy()
    truncated_svd(matrix, 4)
    assert (matrix != before).nnz == 0
