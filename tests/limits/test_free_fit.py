"""Free vectors: slopes against differences, fits against what is known to be possible."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import ParameterError
from isogloss.limits import contrast, free_fit
from isogloss.limits.contrast import blocks_of, slopes
from isogloss.limits.critical import all_subsets, critical_n, paper_critical_n
from isogloss.limits.free_fit import free_vectors, solved_queries
from isogloss.limits.people import relevant_people


def pairs_matrix(pairs, documents):
    matrix = np.zeros((len(pairs), documents))
    for row, pair in zip(matrix, pairs, strict=True):
        row[list(pair)] = 1
    return matrix


def slow_loss(queries, documents, matrix, scale):
    scores = scale * queries @ documents.T
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    wanted = matrix / matrix.sum(axis=1, keepdims=True)
    return -(wanted * logs).sum()


def test_slopes_are_those_of_the_loss():
    rng = np.random.default_rng(0)
    matrix = np.array([[1.0, 0, 2, 0], [0, 1, 0, 0], [1, 1, 1, 1]])
    queries, documents = rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    block = blocks_of(sp.csr_matrix(matrix))[0]
    found = slopes(queries.astype(np.float32), documents.astype(np.float32), block, 2.0)
    assert found.loss == pytest.approx(slow_loss(queries, documents, matrix, 2.0), rel=1e-5)
    step = 1e-5
    for rows, slope in ((queries, found.queries), (documents, found.documents)):
        for place in np.ndindex(rows.shape):
            rows[place] += step
            above = slow_loss(queries, documents, matrix, 2.0)
            rows[place] -= 2 * step
            below = slow_loss(queries, documents, matrix, 2.0)
            rows[place] += step
            assert slope[place] == pytest.approx((above - below) / (2 * step), abs=1e-4)
    scores = queries @ documents.T
    assert found.solved.tolist() == [
        min(scores[0, 0], scores[0, 2]) > max(scores[0, 1], scores[0, 3]),
        scores[1].argmax() == 1,
        True,
    ]


def test_a_solved_fit_is_solved():
    matrix = all_subsets(8, 2)
    found = free_vectors(matrix, 5)
    assert found.is_solved and found.ended == "solved"
    assert solved_queries(matrix, found.queries, found.documents).all()
    assert np.allclose(np.linalg.norm(found.documents, axis=1), 1, atol=1e-6)
    assert np.allclose(np.linalg.norm(found.queries, axis=1), 1, atol=1e-6)


def test_an_impossible_fit_ends_and_says_so():
    found = free_vectors(all_subsets(6, 2), 2, patience=100)
    assert not found.is_solved
    assert found.ended == "no improvement"
    assert 0 < found.accuracy < 1


def test_the_best_vectors_are_kept():
    matrix = all_subsets(7, 2)
    found = free_vectors(matrix, 3, steps=300, restarts=2)
    again = solved_queries(matrix, found.queries, found.documents)
    assert found.accuracy == again.mean()


def test_ties_solve_nothing():
    one = np.ones((1, 2), dtype=np.float32)
    assert not solved_queries([[1, 0]], one, np.ones((2, 2), dtype=np.float32))[0]


def test_same_seed_same_vectors_other_seed_others():
    first, again = (free_vectors(all_subsets(6, 2), 4, steps=50) for _ in range(2))
    assert np.array_equal(first.documents, again.documents)
    other = free_vectors(all_subsets(6, 2), 4, steps=50, seed=1)
    assert not np.array_equal(first.documents, other.documents)


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(contrast, "_BLOCK", 100)
    matrix = all_subsets(12, 2)
    monkeypatch.setenv("ISOGLOSS_THREADS", "1")
    one = free_vectors(matrix, 6, steps=40, patience=500)
    monkeypatch.setenv("ISOGLOSS_THREADS", "4")
    four = free_vectors(matrix, 6, steps=40, patience=500)
    assert np.array_equal(one.documents, four.documents)
    assert len(blocks_of(sp.csr_matrix(matrix))) > 1


def test_a_large_fit_is_sampled_and_checked_whole(monkeypatch):
    monkeypatch.setattr(free_fit, "_WHOLE", 1000)
    monkeypatch.setattr(free_fit, "_SAMPLED_QUERIES", 32)
    monkeypatch.setattr(free_fit, "_SAMPLED_DOCUMENTS", 40)
    pairs = relevant_people("random", documents=60, queries=80)
    matrix = pairs_matrix(pairs, 60)
    found = free_vectors(matrix, 16)
    assert found.sampled and found.is_solved
    assert solved_queries(matrix, found.queries, found.documents).all()
    monkeypatch.setenv("ISOGLOSS_THREADS", "3")
    assert np.array_equal(free_vectors(matrix, 16).documents, found.documents)


def test_sums_are_a_good_start_in_many_dimensions():
    matrix = pairs_matrix(relevant_people("random", documents=200, queries=300), 200)
    assert free_vectors(matrix, 128, start="sums").steps < 20


def test_grades_are_ordered():
    matrix = np.array([[3.0, 1, 0, 0], [0, 3, 1, 0], [1, 0, 0, 3]])
    found = free_vectors(matrix, 4, steps=400, patience=400)
    assert found.is_solved


@pytest.mark.parametrize(("dim", "n"), [(2, 3), (3, 4)])
def test_critical_n_where_theory_knows_it(dim, n):
    found = critical_n(dim, restarts=1, patience=100, steps=1000)
    assert found.n == n
    assert not any(found.tried.values())


def test_critical_n_of_four_dimensions():
    found = critical_n(4, restarts=1, patience=200)
    assert 8 <= found.n <= 10
    assert set(range(found.n - 3, found.n + 6)) <= set(found.tried) | {5}


def test_critical_n_stops_at_the_most():
    assert critical_n(8, most=9).n == 9
    assert critical_n(8, most=7).n == 7


def test_one_dimension_holds_two_documents():
    assert critical_n(1, 1, patience=50).n == 2
    assert critical_n(1, 2, patience=50).n == 2


def test_the_papers_cubic_is_what_the_paper_has():
    assert round(paper_critical_n(512), -5) == 500_000


@pytest.mark.parametrize(
    "options",
    [{"dim": 0}, {"dim": 2.5}, {"restarts": 0}, {"steps": 0}, {"start": "zeros"},
     {"temperature": 0}, {"rate": float("nan")}, {"patience": True}],
)  # fmt: skip
def test_bad_options(options):
    with pytest.raises(ParameterError):
        free_vectors([[1, 0]], **{"dim": 2, **options})


def test_bad_subsets():
    for k in (0, 4):
        with pytest.raises(ParameterError):
            all_subsets(3, k)
    with pytest.raises(ParameterError):
        critical_n(2, most=2)
