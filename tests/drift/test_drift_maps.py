"""Maps between two encoders: known answers, a slow reference, and what is refused."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss.drift import Compensation, DriftHistory, Side, fit_compensation
from isogloss.drift.diagnosis import Diagnosis, neighbours_of, recall_kept
from isogloss.drift.fit import distinct_rows, held_out_rows
from isogloss.drift.maps import Map, affine_map, mean_map, procrustes_map
from isogloss.encoders.base import unit_rows


def unit(rng, n, d):
    return unit_rows(rng.normal(size=(n, d)))


def sides(old=8, new=8):
    return {"old": Side("a", "1" * 64, old), "new": Side("b", "2" * 64, new)}


def test_procrustes_is_scipys():
    from scipy.linalg import orthogonal_procrustes

    rng = np.random.default_rng(0)
    new, old = rng.normal(size=(50, 6)), rng.normal(size=(50, 6))
    turn, _ = orthogonal_procrustes(new - new.mean(axis=0), old - old.mean(axis=0))
    made = procrustes_map(new, old)
    assert np.allclose(made.matrix, turn)
    assert np.allclose(made(new).mean(axis=0), old.mean(axis=0))


@pytest.mark.parametrize(("d", "e"), [(5, 9), (9, 5)])
def test_procrustes_between_unequal_dimensions_is_half_orthogonal(d, e):
    rng = np.random.default_rng(1)
    matrix = procrustes_map(rng.normal(size=(60, d)), rng.normal(size=(60, e))).matrix
    assert matrix.shape == (d, e)
    product = matrix @ matrix.T if d < e else matrix.T @ matrix
    assert np.allclose(product, np.eye(min(d, e)))


def test_affine_with_hardly_a_penalty_is_least_squares():
    rng = np.random.default_rng(2)
    new = rng.normal(size=(400, 5))
    old = new @ rng.normal(size=(5, 7)) + rng.normal(size=7) + 1e-3 * rng.normal(size=(400, 7))
    exact, *_ = np.linalg.lstsq(np.column_stack([new, np.ones(400)]), old, rcond=None)
    made = affine_map(new, old)
    assert np.allclose(made.matrix, exact[:-1], atol=1e-2)
    assert np.allclose(made.shift, exact[-1], atol=1e-2)


def test_affine_stays_near_no_change_where_texts_are_few():
    rng = np.random.default_rng(3)
    old = unit(rng, 120, 64)
    new = unit_rows(old + 0.05 * rng.normal(size=old.shape) / 8 + 0.2 * np.eye(64)[0])
    train, test = slice(60), slice(60, 120)
    made = affine_map(new[train].astype(float), old[train].astype(float))
    assert ((made(new[test]) - old[test]) ** 2).sum() < 0.3 * ((new[test] - old[test]) ** 2).sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_the_mean_shift_takes_off_all_of_a_common_drift(seed, d):
    rng = np.random.default_rng(seed)
    old, drift = rng.normal(size=(30, d)), rng.normal(size=d)
    assert np.allclose(mean_map(old + drift, old)(old + drift), old)


def test_figures_of_a_diagnosis_by_hand():
    rng = np.random.default_rng(4)
    old, new = unit(rng, 200, 8), unit(rng, 200, 8)
    found = fit_compensation(old, new, **sides(), method="mean", seed=7)
    test = held_out_rows(200, seed=7)
    train = [row for row in range(200) if row not in set(test.tolist())]
    assert (found.diagnosis.fitted, found.diagnosis.held_out) == (160, 40)
    shift = (new[train].astype(float) - old[train]).mean(axis=0)
    moved = new[test].astype(float) - old[test]
    assert found.diagnosis.shift == pytest.approx(np.linalg.norm(shift), abs=1e-6)
    left = ((moved - shift) ** 2).sum() / (moved**2).sum()
    assert found.diagnosis.left_by_shift == pytest.approx(left, abs=1e-6)
    mapped = unit_rows(new[test] - shift)
    spread = ((old[test] - old[train].mean(axis=0)) ** 2).sum()
    residual = ((old[test] - mapped) ** 2).sum() / spread
    assert found.diagnosis.residual == pytest.approx(residual, abs=1e-5)
    assert found.diagnosis.cosine == pytest.approx(
        (old[test] * mapped).sum(axis=1).mean(), abs=1e-6
    )
    order = [
        [one for one in np.argsort(-(old @ query), kind="stable").tolist() if one != own][:10]
        for query, own in zip(mapped, test.tolist(), strict=True)
    ]
    right = [
        [one for one in np.argsort(-(old @ old[own]), kind="stable").tolist() if one != own][:10]
        for own in test.tolist()
    ]
    shares = [len(set(a) & set(b)) / 10 for a, b in zip(order, right, strict=True)]
    assert found.diagnosis.recall_old == pytest.approx(np.mean(shares))
    assert found.advice.startswith("re-index: the map misses")  # nothing binds the two


def test_auto_takes_the_plainest_that_does_as_well():
    rng = np.random.default_rng(5)
    old = unit(rng, 400, 8)
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    drift = np.zeros(8)
    drift[0] = 0.8
    moved = old + drift  # left unscaled, so that the shift takes off all of it
    stretched = old @ (np.eye(8) + 0.9 * rng.normal(size=(8, 8)))
    assert fit_compensation(old, old @ turn, **sides()).method == "procrustes"
    assert fit_compensation(old, stretched, **sides()).method == "affine"
    found = fit_compensation(old, unit_rows(0.1 * moved + 0.9 * old), **sides())
    assert found.method == "mean"
    assert list(found.diagnosis.tried) == ["mean", "procrustes", "affine"]


def test_held_out_texts_do_not_touch_the_map():
    rng = np.random.default_rng(6)
    old, new = unit(rng, 100, 8), unit(rng, 100, 8)
    before = fit_compensation(old, new, **sides(), method="affine")
    other = old.copy()
    other[held_out_rows(100)] = unit(rng, 20, 8)
    after = fit_compensation(other, new, **sides(), method="affine")
    assert np.array_equal(before.map.matrix, after.map.matrix)
    assert before.diagnosis.residual != after.diagnosis.residual


def test_copies_of_a_text_count_once():
    rng = np.random.default_rng(7)
    old, new = unit(rng, 60, 8), unit(rng, 60, 8)
    once = fit_compensation(old, new, **sides(), method="affine")
    twice = fit_compensation(
        np.vstack([old, old]), np.vstack([new, new]), **sides(), method="affine"
    )
    assert once.diagnosis == twice.diagnosis
    old[3] = 0
    assert 3 not in distinct_rows(old, new).tolist()


def test_a_zero_query_stays_zero_and_others_have_length_one():
    shift = Compensation("mean", **sides(), map=Map(None, np.full(8, 0.5)))
    out = shift.apply(np.vstack([np.zeros(8), np.eye(8)[0]]))
    assert not out[0].any()
    assert np.linalg.norm(out[1]) == pytest.approx(1)


def test_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(8)
    made = fit_compensation(unit(rng, 80, 6), unit(rng, 80, 4), **sides(6, 4), method="affine")
    made.save(tmp_path / "c")
    again = Compensation.load(tmp_path / "c")
    queries = unit(rng, 3, 4)
    assert np.array_equal(made.apply(queries), again.apply(queries))
    assert again.old == made.old
    assert again.advice == made.advice
    assert again.diagnosis.recall_unmapped is None
    about = json.loads((tmp_path / "c" / "compensation.json").read_text())
    about["new"]["dim"] = 5
    (tmp_path / "c" / "compensation.json").write_text(json.dumps(about))
    with pytest.raises(AtlasError, match="its map is not from 5 to 6"):
        Compensation.load(tmp_path / "c")
    about["format"] = 99
    (tmp_path / "c" / "compensation.json").write_text(json.dumps(about))
    with pytest.raises(AtlasError, match="format 99"):
        Compensation.load(tmp_path / "c")
    with pytest.raises(AtlasError, match="there is no compensation"):
        Compensation.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "afine"}, "did you mean 'affine'"),
        ({"held_out": 1.0}, "between 0 and 1"),
        ({"old_vectors": np.zeros((50, 3))}, r"old_vectors has shape \(50, 3\)"),
        ({"new_vectors": np.full((50, 8), np.nan)}, "NaN"),
        ({"new_vectors": np.ones((49, 8))}, "row by row"),
        ({"old_vectors": np.ones((50, 8))}, "1 distinct texts"),
        ({"new_vectors": [["a"] * 8] * 50}, "new_vectors has shape"),
    ],
)
def test_refused(change, message):
    rng = np.random.default_rng(9)
    given = {"old_vectors": np.eye(8)[np.zeros(50, int)] * 1.0, "new_vectors": np.ones((50, 8))}
    if "old_vectors" not in change:
        given["old_vectors"] = unit(rng, 50, 8)
    given |= change
    with pytest.raises(ParameterError, match=message):
        fit_compensation(given.pop("old_vectors"), given.pop("new_vectors"), **sides(), **given)


def test_the_mean_shift_needs_equal_dimensions_and_two_encoders():
    rng = np.random.default_rng(10)
    with pytest.raises(ParameterError, match="needs equal dimensions, these are 8 and 4"):
        fit_compensation(unit(rng, 50, 8), unit(rng, 50, 4), **sides(8, 4), method="mean")
    with pytest.raises(ParameterError, match="str is no encoder"):
        fit_compensation(unit(rng, 50, 8), unit(rng, 50, 8), old="a", new=Side("b", "2", 8))
    one = Side("a", "1", 8)
    with pytest.raises(EncoderError, match="one encoder"):
        fit_compensation(unit(rng, 50, 8), unit(rng, 50, 8), old=one, new=one)


def chain(count, d=4, seed=0):
    """Encoders of every age, and the training queries of each task by both."""
    rng = np.random.default_rng(seed)
    ages = [Side(f"age{n}", f"{n:064d}", d) for n in range(count)]
    history, drifts = DriftHistory(), []
    for before, after in pairwise(ages):
        old, new = unit(rng, 20, d), unit(rng, 20, d)
        drifts.append((new.astype(float) - old).mean(axis=0))
        history.add(old, new, old=before, new=after)
    return ages, history, drifts


def test_drifts_add_up_by_the_age_of_the_index():
    ages, history, drifts = chain(5)
    for j in range(4):
        for t in range(j + 1, 5):
            made = history.compensation(ages[j].fingerprint, ages[t].fingerprint)
            assert np.allclose(made.map.shift, -np.sum(drifts[j:t], axis=0))
            assert (made.old, made.new) == (ages[j], ages[t])
    whole = history.compensation(ages[0].fingerprint, ages[4].fingerprint)
    with pytest.raises(EncoderError, match="leads to vectors of 'age0'"):
        whole.check(index=ages[2].fingerprint)  # the sum for another age


def test_a_history_refuses_what_it_does_not_know(tmp_path):
    ages, history, _ = chain(3)
    rows = np.ones((2, 4))
    with pytest.raises(EncoderError, match="younger"):
        history.compensation(ages[1].fingerprint, ages[1].fingerprint)
    with pytest.raises(EncoderError, match="no training here leads from"):
        history.compensation("f" * 64, ages[2].fingerprint)
    with pytest.raises(EncoderError, match="no training here leads to"):
        history.compensation(ages[0].fingerprint, "f" * 64)
    with pytest.raises(EncoderError, match="the newest encoder here is 'age2'"):
        history.add(rows, rows, old=ages[1], new=Side("x", "x", 4))
    with pytest.raises(EncoderError, match="in this history already"):
        history.add(rows, rows, old=ages[2], new=ages[0])
    with pytest.raises(ParameterError, match="needs one dimension"):
        history.add(rows, rows, old=ages[2], new=Side("x", "x", 5))
    with pytest.raises(ParameterError, match="of one set by both"):
        history.add(rows, rows[:1], old=ages[2], new=Side("x", "x", 4))
    history.save(tmp_path)
    again = DriftHistory.load(tmp_path)
    ends = ages[0].fingerprint, ages[2].fingerprint
    assert np.array_equal(
        again.compensation(*ends).map.shift, history.compensation(*ends).map.shift
    )
    with pytest.raises(AtlasError, match="no drift history"):
        DriftHistory.load(tmp_path / "nowhere")


def test_advice():
    base = {"fitted": 80, "held_out": 20, "shift": 0.1, "drift": 0.3, "cosine": 0.9,
            "neighbours": 10, "recall_old": 0.9, "recall_new": 0.8, "recall_between": 0.8,
            "recall_unmapped": 0.7}  # fmt: skip
    assert Diagnosis(**base, left_by_shift=0.9, residual=0.2).advice("mean") == (
        "use the affine map, or re-index: the mean shift leaves 90% of the drift"
    )
    assert Diagnosis(**base, left_by_shift=0.9, residual=0.2).advice("affine").startswith("use the")
    assert Diagnosis(**base, left_by_shift=0.1, residual=0.2).advice("mean").startswith("use the m")
    assert Diagnosis(**base, left_by_shift=0.1, residual=0.6).advice("mean").startswith("re-index")


def test_neighbours_leave_the_query_out():
    rows = unit_rows(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]]))
    assert neighbours_of(rows[:2], rows, [0, 1], k=2).tolist() == [[1, 3], [0, 3]]
    assert recall_kept(np.array([[1, -1]]), np.array([[1, -1]])) == 1.0
