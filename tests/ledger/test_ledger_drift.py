"""`drift-compensation`: its rule, its arms on drifts that are known, and its model cut in two."""

import numpy as np
import pytest

from isogloss.drift import Side
from isogloss.encoders.base import unit_rows
from isogloss.ledger.system import Figure
from isogloss.ledger.systems.drift_compensation import LAST, judge

torch = pytest.importorskip("torch")

from isogloss.ledger.drift_tasks import Age, Task, known_item_ndcg  # noqa: E402
from isogloss.ledger.systems.drift_compensation import _drift, _search  # noqa: E402

pytestmark = pytest.mark.models


def figures(gap, share):
    def figure(value, low, high):
        return Figure(value, low, high, "", 500)

    found = {f"gap.{LAST}": figure(*gap), f"recovered.both.{LAST}": figure(*share)}
    for name in ("recovered.qdc", "recovered.distilled", "kept.both", "left_by_shift.plain"):
        found[f"{name}.{LAST}"] = figure(0.4, 0.3, 0.5)
    return found


@pytest.mark.parametrize(
    ("gap", "share", "verdict"),
    [
        ((0.1, 0.05, 0.15), (0.8, 0.6, 0.9), "holds"),
        ((0.1, 0.05, 0.15), (0.8, 0.4, 0.9), "holds in part"),
        ((0.1, 0.05, 0.15), (0.5, 0.4, 0.9), "does not hold"),
        ((0.01, -0.01, 0.03), (0.9, 0.8, 1.0), "does not hold"),  # nothing to recover
    ],
)
def test_the_rule(gap, share, verdict):
    assert judge(figures(gap, share))[0] == verdict


def test_ndcg_of_known_items_is_that_of_the_common_measure():
    from isogloss.ledger.measure import ndcg

    rng = np.random.default_rng(0)
    documents, queries = unit_rows(rng.normal(size=(40, 4))), unit_rows(rng.normal(size=(15, 4)))
    right = rng.integers(40, size=15)
    ranked = np.argsort(-(queries @ documents.T), axis=1, kind="stable").tolist()
    names = {str(row): [str(one) for one in order] for row, order in enumerate(ranked)}
    expected = ndcg({str(row): {str(one): 1.0} for row, one in enumerate(right)}, names)
    assert np.allclose(known_item_ndcg(queries, documents, right), expected)


def ages(drifts, d=16, m=200, q=40):
    """Encoders whose queries drift by vectors that are known, the same for all texts."""
    rng = np.random.default_rng(1)
    asked, own, trained = (unit_rows(rng.normal(size=(n, d))) for n in (q, m, m))
    documents = unit_rows(np.vstack([own, asked]) + 0.1 * rng.normal(size=(m + q, d)))
    found, before = [], np.zeros(d)
    for age, drift in enumerate([np.zeros(d), *drifts]):
        after = before + drift
        vectors = [asked + after, documents, trained + before, trained + after, own + after]
        side = Side(f"age{age}", f"{age:064d}", d)
        found.append(Age(side, *(unit_rows(rows) for rows in vectors), trained))
        before = after
    return Task("news", [""] * (m + q), [""] * (m + q), m, 0), found


def test_the_arms_take_known_drifts_off():
    rng = np.random.default_rng(2)
    task, found = ages([0.5 * rng.normal(size=16), 0.5 * rng.normal(size=16)])
    arms = _search(task, {"plain": found, "distilled": found}, 2, 0)
    scores = {name: float(values.mean()) for name, values in arms.items()}
    assert set(scores) == {
        "ceiling", "no_fix", "qdc", "distilled", "both", "reindexed_plain", "reindexed_distilled",
        "affine_new", "procrustes_new", "affine_own", "procrustes_own",
    }  # fmt: skip
    assert scores["ceiling"] >= scores["qdc"] == scores["both"] > scores["no_fix"] + 0.1
    assert scores["affine_own"] > scores["no_fix"] + 0.1
    assert scores["affine_new"] > scores["no_fix"] + 0.1


def test_what_a_shift_leaves_by_hand():
    task, found = ages([0.3 * np.ones(16), 0.2 * np.ones(16)])
    for place in (1, 2):
        told = _drift(found, place)
        shift = sum((age.after - age.before).mean(axis=0) for age in found[1 : place + 1])
        moved = found[place].asked - found[0].asked
        assert told["shift"] == pytest.approx(np.linalg.norm(shift), rel=1e-5)
        left = ((moved - shift) ** 2).sum() / (moved**2).sum()
        assert told["left_by_shift"] == pytest.approx(left, rel=1e-4)
    assert task.test == slice(200, 240)


def test_a_model_cut_in_two_gives_the_vectors_of_the_whole(tmp_path):
    import copy

    from isogloss.drift.distil import encode_texts
    from isogloss.encoders.transformer import TransformerEncoder
    from isogloss.ledger.drift_tasks import MODEL
    from isogloss.ledger.upper_layers import UpperLayers, lower_states, split_model

    texts = ["a cat purrs on the mat", "stocks fell", "a much longer text about rockets and moons"]
    whole = TransformerEncoder(MODEL, offline=True, overflow="truncate").encode(texts)
    model, upper, _ = split_model(MODEL, lower=4, tokens=40)
    states = lower_states(model, texts, tmp_path / "states.safetensors")
    made = UpperLayers(upper, states)
    assert np.abs(encode_texts(made, texts) - whole).max() < 1e-3
    again = lower_states(model, texts, tmp_path / "states.safetensors")
    assert all(np.array_equal(again[text], states[text]) for text in texts)
    other = copy.deepcopy(made)
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    assert other.fingerprint != made.fingerprint
    other.save(tmp_path / "upper.safetensors")
    assert made.load(tmp_path / "upper.safetensors").fingerprint == other.fingerprint
