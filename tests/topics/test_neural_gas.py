"""The growing neural gas: finds planted groups, whoever asks, in any order of work."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss.topics.models import number
from isogloss.topics.models.gas import _birth, grow_gas, nearest_unit, scores_of


def blobs(groups=6, each=30, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.eye(groups, 12), each, axis=0) + rng.normal(0, 0.05, (groups * each, 12))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), np.repeat(np.arange(groups), each)


def winners(rows, units):
    return nearest_unit(scores_of(rows, units))


def same_parts(one, other):
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize("seed", range(5))
def test_finds_planted_groups(seed):
    rows, truth = blobs()
    units, _ = grow_gas(rows, 6, seed=seed)
    assert same_parts(winners(rows, units), truth)
    # The units are the unit means of their rows.
    for unit, own in zip(units, range(6), strict=True):
        mean = rows[winners(rows, units) == own].mean(axis=0)
        assert unit == pytest.approx(mean / np.linalg.norm(mean))


def test_sparse_rows_give_what_dense_rows_give():
    rows, _ = blobs()
    rows = np.abs(rows)
    dense, sparse = grow_gas(rows, 4)[0], grow_gas(sp.csr_matrix(rows), 4)[0]
    assert dense == pytest.approx(sparse)


def test_an_edge_joins_winner_and_runner_up():
    rows = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    _, edges = grow_gas(rows, 2)
    assert edges.toarray().tolist() == [[0, 4], [4, 0]]  # all four have these two


def test_error_falls_as_the_gas_grows():
    rows, _ = blobs(groups=10, each=20)
    errors = [(1 - scores_of(rows, grow_gas(rows, k)[0]).max(axis=1)).sum() for k in (1, 3, 6, 10)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 20


def test_a_unit_is_born_where_the_error_is_greatest():
    rows = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.6, 0.8]])
    scores = rows @ np.array([[1.0, 0, 0], [0, 1, 0]]).T
    born = _birth(rows, scores, nearest_unit(scores), np.random.default_rng(0))
    assert born.tolist() == [0, 0.6, 0.8]  # the only row that is off its unit


def test_equal_rows_cannot_have_two_units():
    units, _ = grow_gas(np.ones((5, 1)), 3)
    assert units.tolist() == [[1.0]]


def test_threads_do_not_matter(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(3000, 20))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        found.append(grow_gas(rows, 8)[0].tobytes())
    assert found[0] == found[1]


def test_the_number_of_topics_is_that_of_the_communities(monkeypatch):
    rows, _ = blobs(groups=5, each=60)
    words = sp.csr_matrix(np.abs(rows).round(1), dtype=np.float32)
    vectors = rows.astype(np.float32)
    assert number.found_number(words, vectors) == 5
    # A sample holds as many.
    monkeypatch.setattr(number, "SAMPLE", 200)
    assert number.found_number(words, vectors) == 5
    assert number.found_number(words[:0], vectors[:0]) == 0
    assert number.found_number(words[:1], vectors[:1]) == 1
