"""What is proven of dimensions: against theory, and against slow checks by linear programming."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard
from scipy.optimize import linprog

from isogloss._core.errors import ParameterError
from isogloss.limits.bounds import dimension_bounds, sign_rank_bound, unseparable_documents
from isogloss.limits.critical import all_subsets
from isogloss.limits.free_fit import free_vectors
from isogloss.limits.moment_curve import circle_order, moment_vectors, runs_on_circle

MATRICES = st.integers(2, 7).flatmap(
    lambda n: st.lists(
        st.lists(st.booleans(), min_size=n, max_size=n).filter(any), min_size=1, max_size=8
    )
)


def separable(points, inside):
    """Say by a linear program whether some direction ranks all points inside above all others."""
    inside = np.asarray(inside, dtype=bool)
    if inside.all():
        return True
    gaps = [points[j] - points[i] for i in np.flatnonzero(inside) for j in np.flatnonzero(~inside)]
    found = linprog(np.zeros(points.shape[1]), A_ub=gaps, b_ub=-np.ones(len(gaps)),
                    bounds=[(None, None)] * points.shape[1])  # fmt: skip
    return found.status == 0


@pytest.mark.parametrize("n", [5, 8, 20, 46])
def test_all_pairs_need_exactly_four_dimensions(n):
    bounds = dimension_bounds(all_subsets(n, 2))
    assert (bounds.lower, bounds.upper) == (4, 4)
    assert bounds.gap > 0


@pytest.mark.parametrize(("k", "n"), [(1, 9), (2, 9), (3, 9), (4, 11)])
def test_all_subsets_of_many_need_twice_k(k, n):
    bounds = dimension_bounds(all_subsets(n, k))
    assert (bounds.lower, bounds.upper) == (2 * k, 2 * k)


def test_few_documents_are_a_simplex():
    assert dimension_bounds(all_subsets(4, 2)).upper == 3
    assert dimension_bounds(all_subsets(4, 2)).lower == 3


def test_cycles_and_single_documents_need_two():
    cycle = np.eye(40) + np.roll(np.eye(40), 1, 1)
    assert dimension_bounds(cycle).upper == 2
    assert dimension_bounds(np.eye(40), others=1000).upper == 2
    # One more document breaks the circle: the pair at the gap then forms two runs.
    assert dimension_bounds(cycle, others=1).upper == 4


def test_few_queries_need_few_dimensions():
    rng = np.random.default_rng(0)
    bounds = dimension_bounds(rng.random((3, 200)) < 0.4)
    assert bounds.upper <= 4


@settings(max_examples=60, deadline=None)
@given(MATRICES)
def test_the_curve_ranks_every_query_right(rows):
    matrix = np.array(rows, dtype=float)
    vectors = moment_vectors(matrix)
    scores = vectors.queries @ vectors.documents.T
    assert np.allclose(np.linalg.norm(vectors.documents, axis=1), 1)
    assert np.allclose(np.linalg.norm(vectors.queries, axis=1), 1)
    for row, wanted in zip(scores, matrix > 0, strict=True):
        if not wanted.all():
            assert row[wanted].min() > row[~wanted].max()
    assert vectors.documents.shape[1] == 2 * max(
        1, runs_on_circle(matrix, circle_order(matrix)).max()
    )


@settings(max_examples=60, deadline=None)
@given(MATRICES)
def test_lower_is_never_above_upper(rows):
    matrix = np.array(rows, dtype=float)
    for metric in ("cosine", "dot"):
        bounds = dimension_bounds(matrix, metric=metric)
        assert 1 <= bounds.lower <= bounds.upper
        assert bounds.share(bounds.upper) == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_no_points_of_too_few_dimensions_separate_the_documents_found(seed):
    # Five documents, all pairs asked for: three dimensions must fail for any points on a sphere.
    points = np.random.default_rng(seed).standard_normal((5, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    pairs = all_subsets(5, 2).toarray()
    assert not all(separable(points, pair) for pair in pairs)


def test_a_document_inside_the_hull_is_possible_by_dot_product_only():
    # Four documents in the plane, one amid the others: every pair can be parted by a line.
    points = np.array([[0.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [0.0, 0.0]])
    pairs = all_subsets(4, 2).toarray()
    assert all(separable(points, pair) for pair in pairs)
    assert dimension_bounds(pairs, metric="dot").lower <= 2
    assert dimension_bounds(pairs, metric="cosine").lower == 3


def split_every_way(matrix, documents, least):
    seen = {tuple(row[list(documents)] > 0) for row in matrix}
    size = len(documents)
    for count in range(least, size - least + 1):
        for part in combinations(range(size), count):
            inside = tuple(place in part for place in range(size))
            if inside not in seen and tuple(not one for one in inside) not in seen:
                return False
    return True


@settings(max_examples=60, deadline=None)
@given(MATRICES, st.sampled_from([("cosine", 2), ("dot", 1)]))
def test_documents_found_are_the_most_that_are_split_every_way(rows, kind):
    matrix = np.array(rows, dtype=float)
    metric, least = kind
    found = unseparable_documents(matrix, metric=metric)
    asked = [c for c in range(matrix.shape[1]) if matrix[:, c].any()]
    best = 0
    for size in range(2 * least, len(asked) + 1):
        if any(split_every_way(matrix, some, least) for some in combinations(asked, size)):
            best = size
    assert len(found) == best
    assert not found or split_every_way(matrix, found, least)


@pytest.mark.parametrize("n", [4, 16, 64])
def test_sign_rank_of_hadamard(n):
    assert sign_rank_bound((hadamard(n) + 1) / 2) == int(np.sqrt(n))


def test_sign_rank_is_a_lower_bound_of_what_is_shown():
    rng = np.random.default_rng(1)
    matrix = (rng.random((40, 40)) < 0.5).astype(float)
    matrix[:, 0] = 1
    bounds = dimension_bounds(matrix)
    assert bounds.lower >= sign_rank_bound(matrix) - 1
    assert bounds.lower > 2


@pytest.mark.parametrize("n", [5, 6])
def test_free_vectors_never_beat_the_lower_bound(n):
    for seed in range(3):
        assert not free_vectors(all_subsets(n, 2), 3, seed=seed, patience=100, steps=600).is_solved


def test_random_judgements_of_twenty_in_a_thousand_are_bounded_soon():
    rng = np.random.default_rng(2)
    matrix = np.zeros((300, 1000))
    for row in matrix:
        row[rng.choice(1000, 20, replace=False)] = 1
    bounds = dimension_bounds(matrix)
    assert bounds.upper <= 40
    assert bounds.lower >= 3


def test_unknown_metric():
    with pytest.raises(ParameterError, match="cosine"):
        dimension_bounds([[1, 0]], metric="cos")
    with pytest.raises(ParameterError, match="permutation"):
        moment_vectors([[1, 0]], order=np.array([0, 0]))
