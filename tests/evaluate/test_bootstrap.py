"""Intervals: known spreads, bounded blocks, and no false repeats."""

import numpy as np
import pytest

from isogloss._core.errors import ParameterError
from isogloss._math import bootstrap
from isogloss._math.bootstrap import interval, jackknife_interval, mean_interval, resample_cells


def test_mean_interval_has_the_textbook_width():
    values = np.random.default_rng(0).normal(2.0, 1.0, 400)
    low, high = mean_interval(values, resamples=4000)
    half = 1.96 * values.std() / np.sqrt(values.size)
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_blocks_do_not_change_the_draws(monkeypatch):
    cells = np.array([5, 3, 9, 1])
    whole = np.concatenate(list(resample_cells(cells, resamples=50, seed=2)))
    monkeypatch.setattr(bootstrap, "_BLOCK", 12)
    blocks = list(resample_cells(cells, resamples=50, seed=2))
    assert max(len(block) for block in blocks) == 3
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 18).all()


def test_jackknife_of_a_mean_is_the_bootstrap_of_the_mean():
    values = np.random.default_rng(1).random(30)
    without = (values.sum() - values) / 29
    ours = jackknife_interval(values.mean(), without, resamples=500, seed=3)
    assert ours == pytest.approx(mean_interval(values, resamples=500, seed=3), abs=1e-9)


def test_unknown_stays_unknown():
    assert np.isnan(mean_interval(np.array([np.nan]))).all()
    assert np.isnan(interval(np.array([np.nan]), 0.5)).all()


@pytest.mark.parametrize(
    ("cells", "resamples", "words"), [([1], 0, "at least 1"), ([0, 0], 5, "nothing to resample")]
)
def test_refusals(cells, resamples, words):
    with pytest.raises(ParameterError, match=words):
        list(resample_cells(np.array(cells), resamples=resamples))


def test_level_is_a_share():
    with pytest.raises(ParameterError, match="share"):
        interval(np.zeros(3), 0.0, level=95)
