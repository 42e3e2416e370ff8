"""Feature maximization: numbers worked out by hand, and a plain reference."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isogloss._core.errors import ParameterError
from isogloss.topics.models.feature_maximization import feature_maximization

# Sizes of shoes, hair and nose of three men and three women.
PEOPLE = [[9, 5, 5], [9, 10, 5], [9, 20, 6], [5, 15, 5], [6, 25, 6], [5, 25, 5]]
SEX = np.array([0, 0, 0, 1, 1, 1])


def test_shoes_tell_men_and_hair_tells_women():
    # Sums: men 27 35 16 (78 in all), women 16 65 16 (97); shoes 43, hair 100, noses 32.
    found = feature_maximization(PEOPLE, SEX)
    assert found.recall.toarray() == pytest.approx(
        np.array([[27 / 43, 0.35, 0.5], [16 / 43, 0.65, 0.5]])
    )
    assert found.predominance.toarray() == pytest.approx(
        np.array([[27 / 78, 35 / 78, 16 / 78], [16 / 97, 65 / 97, 16 / 97]])
    )
    # 2 s / (word's sum + class's sum), which is the harmonic mean of both.
    f = [[54 / 121, 70 / 178, 32 / 110], [32 / 140, 130 / 197, 32 / 129]]
    assert found.f_measure.toarray() == pytest.approx(np.array(f))
    # The mean is .378: noses (.291, .248) are not selected.
    assert found.selected.tolist() == [True, True, False]
    assert found.contrast.toarray().round(3)[:, :2].tolist() == [[1.323, 0.747], [0.677, 1.253]]
    assert (found.active.toarray() > 0).tolist() == [[True, False, False], [False, True, False]]


def test_the_amplification_is_a_power_of_the_contrast():
    one, two = (feature_maximization(PEOPLE, SEX, amplification=a) for a in (1, 2))
    assert two.contrast.toarray() == pytest.approx(one.contrast.toarray() ** 2)
    assert (two.active != one.active).nnz == 0


def slow(weights, labels, classes):
    """Every sum as it is written."""
    n, v = weights.shape
    f = np.zeros((classes, v))
    for c in range(classes):
        for w in range(v):
            inside = sum(weights[d, w] for d in range(n) if labels[d] == c)
            everywhere = sum(weights[d, w] for d in range(n) if labels[d] >= 0)
            whole = sum(weights[d, x] for d in range(n) if labels[d] == c for x in range(v))
            if inside > 0:
                recall, predominance = inside / everywhere, inside / whole
                f[c, w] = 2 * recall * predominance / (recall + predominance)
    active = np.zeros_like(f)
    for c in range(classes):
        for w in range(v):
            chosen = f[:, w].max() > f.mean() * (1 + 1e-9)
            if chosen and (classes == 1 or f[c, w] / f[:, w].mean() > 1 + 1e-9):
                active[c, w] = f[c, w]
    return f, active


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.int64, (6, 4), elements=st.integers(0, 3)),
    hnp.arrays(np.int64, 6, elements=st.integers(-1, 2)),
)
def test_equals_the_plain_sums(weights, labels):
    found = feature_maximization(sp.csr_matrix(weights), labels, count=3)
    f, active = slow(weights, labels, 3)
    assert found.f_measure.toarray() == pytest.approx(f)
    assert found.active.toarray() == pytest.approx(active)


def test_weights_of_any_kind_scale_away_in_recall():
    rng = np.random.default_rng(0)
    weights = rng.random((20, 5))
    labels = rng.integers(0, 3, 20)
    one, other = feature_maximization(weights, labels), feature_maximization(7 * weights, labels)
    assert one.f_measure.toarray() == pytest.approx(other.f_measure.toarray())


def test_one_class_keeps_its_selected_words():
    found = feature_maximization([[4, 1], [4, 1]], np.array([0, 0]))
    assert (found.active.toarray() > 0).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("weights", "labels", "more", "message"),
    [
        ([[1, -1]], [0], {}, "negative"),
        ([[1, np.nan]], [0], {}, "NaN"),
        ([[1, 1]], [0, 1], {}, "for 1 passages"),
        ([[1, 1]], [0.5], {}, "float64"),
        ([[1, 1]], [3], {"count": 2}, "classes are 2"),
        ([[1, 1]], [-2], {}, "reach from -2"),
        ([[1, 1]], [0], {"amplification": 0}, "above 0"),
    ],
)
def test_refuses_what_it_cannot_measure(weights, labels, more, message):
    with pytest.raises(ParameterError, match=message):
        feature_maximization(weights, np.array(labels), **more)
