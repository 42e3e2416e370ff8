"""Neighbours from a partition against those of a full search."""

import numpy as np
import pytest

from isogloss._core.errors import ParameterError
from isogloss._math.cells import near_rows
from isogloss._math.topk import nearest_rows


def clouds(n, d=16, centres=40, seed=0):
    draw = np.random.default_rng(seed)
    middle = draw.normal(size=(centres, d))
    rows = middle[draw.integers(0, centres, n)] + 0.5 * draw.normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_finds_nearly_all_neighbours_and_their_exact_scores():
    rows = clouds(12_000)
    columns, scores = near_rows(rows, 10, probes=6)
    truth, _ = nearest_rows(rows, rows, 10, same=True)
    shared = [len(np.intersect1d(a, b)) for a, b in zip(columns, truth, strict=True)]
    assert np.mean(shared) > 9
    at = np.arange(0, 12_000, 997)
    held = np.take_along_axis(rows[at] @ rows.T, columns[at].astype(np.int64), axis=1)
    assert scores[at] == pytest.approx(held, abs=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (columns != np.arange(12_000)[:, None]).all()


def test_more_probes_find_more():
    rows = clouds(12_000, d=48, centres=300)
    truth, _ = nearest_rows(rows, rows, 10, same=True)

    def found(probes):
        columns, _ = near_rows(rows, 10, probes=probes)
        return np.mean([len(np.intersect1d(a, b)) for a, b in zip(columns, truth, strict=True)])

    assert found(1) < found(4) < found(16)


def test_few_rows_are_searched_wholly():
    rows = clouds(700)
    assert (near_rows(rows, 5)[0] == nearest_rows(rows, rows, 5, same=True)[0]).all()


def test_identical_rows_and_zero_rows_are_no_obstacle():
    rows = np.zeros((10_000, 4), dtype=np.float32)
    rows[:9000, 0] = 1
    columns, scores = near_rows(rows, 3, probes=2)
    assert (scores[:9000] == 1).all() and (columns >= 0).all()


def test_the_number_of_threads_does_not_matter(monkeypatch):
    rows = clouds(10_000)
    monkeypatch.setenv("ISOGLOSS_THREADS", "1")
    one = near_rows(rows, 8, probes=4)
    monkeypatch.setenv("ISOGLOSS_THREADS", "3")
    three = near_rows(rows, 8, probes=4)
    assert (one[0] == three[0]).all() and (one[1] == three[1]).all()


@pytest.mark.parametrize(("k", "probes"), [(0, 4), (3, 0)])
def test_refuses_to_look_for_nothing(k, probes):
    with pytest.raises(ParameterError, match="must be 1 or more"):
        near_rows(clouds(100), k, probes=probes)
