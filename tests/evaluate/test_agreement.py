"""Agreement of annotators, against examples worked out in the literature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.evaluate.agreement import answer_counts, fleiss_kappa, krippendorff_alpha

# Krippendorff 2011, section C: four observers, twelve units, missing values; nominal alpha .743
OBSERVERS = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]
# Krippendorff 2011, section A: two observers, binary; alpha .095
BINARY = ["0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"]
# Fleiss' kappa: ten subjects, fourteen raters, five categories; kappa .210
SUBJECTS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def units(observers):
    columns = zip(*(line.split() for line in observers), strict=True)
    return answer_counts([[answer for answer in unit if answer != "."] for unit in columns])


def test_alpha_of_the_worked_examples():
    assert krippendorff_alpha(units(OBSERVERS)).value == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(units(BINARY)).value == pytest.approx(0.095, abs=5e-4)
    assert krippendorff_alpha(units(OBSERVERS)).n == 11  # the last unit has one answer


def test_kappa_of_the_worked_example():
    assert fleiss_kappa(np.array(SUBJECTS)).value == pytest.approx(0.210, abs=5e-4)


def test_items_with_another_number_of_answers_are_told():
    score = fleiss_kappa(np.array([[2, 0], [0, 2], [1, 1], [1, 0], [3, 0]]))
    assert score.n == 3
    assert "2 others left out" in score.notes


def test_intervals_hold_the_value_and_sameness_is_undefined():
    score = krippendorff_alpha(units(OBSERVERS))
    assert score.low < score.value < score.high <= 1
    assert np.isnan(krippendorff_alpha(np.array([[2, 0], [3, 0]])).value)
    assert np.isnan(fleiss_kappa(np.array([[2, 0], [2, 0]])).value)
    assert np.isnan(krippendorff_alpha(np.zeros((0, 2), dtype=int)).value)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=4), min_size=2, max_size=12))
def test_alpha_is_that_of_the_coincidence_matrix(items):
    counts = answer_counts(items)
    value = krippendorff_alpha(counts, resamples=5).value
    size = counts.shape[1]
    coincidences = np.zeros((size, size))
    for row in counts:
        if row.sum() > 1:
            coincidences += (np.outer(row, row) - np.diag(row)) / (row.sum() - 1)
    total = coincidences.sum()
    if not total:
        assert np.isnan(value)
        return
    margin = coincidences.sum(axis=1)
    expected = 1 - (margin * (margin - 1)).sum() / (total * (total - 1))
    if expected < 1e-12:
        assert np.isnan(value)
    else:
        observed = 1 - np.trace(coincidences) / total
        assert value == pytest.approx(1 - observed / expected)
