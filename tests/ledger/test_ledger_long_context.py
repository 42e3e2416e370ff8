"""`long-context`: its rule by hand, its small encoders, what it asks."""

import dataclasses

import numpy as np
import pytest

from isogloss.ledger.system import Context, Figure
from isogloss.ledger.systems.long_context import KINDS, SYSTEM, _kept, judge

pytestmark = pytest.mark.models


def figures(*, change=1e-7, alone=1e-7, gap=0.04, gain=0.4, low=0.3):
    found = {}
    for kind in KINDS:
        found[f"unchanged.{kind}"] = Figure(change, 0, change, "", 1)
        found[f"alone.{kind}"] = Figure(alone, 0, alone, "", 1)
        found[f"truncation_gap.{kind}"] = Figure(gap, 0, gap, "", 3)
        found[f"gain.{kind}.over_truncate"] = Figure(gain, low, 0.5, "", 100)
        found[f"gain.{kind}.over_windows"] = Figure(-0.1, -0.2, 0.0, "", 100)
    return found


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "holds"),
        ({"gap": 0.11}, "holds in part"),
        ({"gain": 0.24}, "does not hold"),
        ({"low": -0.01}, "does not hold"),
        ({"change": 2e-5}, "does not hold"),
        ({"alone": 2e-5}, "does not hold"),
    ],
)
def test_the_verdict_follows_from_the_figures(given, verdict):
    assert judge(figures(**given))[0] == verdict


def test_one_encoder_of_two_is_a_part():
    found = figures()
    found["gain.table.over_truncate"] = Figure(0.1, 0.0, 0.2, "", 100)
    verdict, reasons = judge(found)
    assert verdict == "holds in part"
    assert len(reasons) == 4
    assert "parallel windows by -10" in reasons[2]


def test_the_rule_in_words_has_the_numbers_of_the_rule_in_code():
    for part in ("1e-5", "10 points", "25 points", "512 tokens", "128 tokens"):
        assert part in SYSTEM.rule


@pytest.fixture
def small(monkeypatch):
    pytest.importorskip("torch")
    from isogloss.ledger import passkey_models

    monkeypatch.setattr(passkey_models, "SAVED_EVERY", 2)
    monkeypatch.setattr(passkey_models, "BATCH", 8)
    texts = passkey_models.make_texts()
    texts = dataclasses.replace(texts, filler=texts.filler[:200])
    monkeypatch.setattr(passkey_models, "make_texts", lambda: texts)
    return passkey_models


def test_those_asked_for_are_not_those_trained_on(small):
    texts = small.make_texts()
    assert not set(texts.train) & set(texts.test)
    named = [one for one in texts.pool(0) if one in set(texts.others)]
    assert len(named) / len(texts.pool(0)) == pytest.approx(small.OTHERS, abs=0.01)


def test_an_interrupted_training_ends_with_the_same_weights(small, tmp_path):
    whole = small.train(Context(tmp_path, tmp_path / "one"), "rotary", steps=5)
    steps = []

    def interrupt(event):
        steps.append(event.done)
        if event.done == 4:
            raise KeyboardInterrupt

    second = Context(tmp_path, tmp_path / "two", on_event=interrupt)
    with pytest.raises(KeyboardInterrupt):
        small.train(second, "rotary", steps=5)
    again = small.train(dataclasses.replace(second, on_event=lambda _: None), "rotary", steps=5)
    assert steps == [2, 4]
    one, two = ((folder / "model.safetensors").read_bytes() for folder in (whole, again))
    assert one == two
    assert not (again / "state.safetensors").exists()


def test_what_is_kept_is_what_ends_within_the_window():
    from isogloss.evaluate.needle import Probe

    class Words:
        def count_tokens(self, texts):
            return [len(text.split()) for text in texts]

    texts = ["x " * lead + "the key" + " y" * 300 for lead in (0, 124, 125)]
    probe = Probe(
        "passkey", 500, texts, ["the key"] * 3, np.zeros(3), ["?"] * 3, np.array([2, 1, 0]), 500.0
    )
    assert _kept(probe, Words()).tolist() == [0, 1, 1]
