"""The entry `limit`: its rule."""

import pytest

from isogloss.ledger import people_sets
from isogloss.ledger.system import Context, Figure
from isogloss.ledger.systems import limit as entry
from isogloss.limits import people
from isogloss.limits.people import limit_set


def figure(low, high=None):
    high = low if high is None else high
    return Figure((low + high) / 2, low, high, "x", 5)


def figures(minilm=0.2, words=0.95, step=1, late=0.1, dense=0.1, wider=0.05):
    found = {
        f"critical_n.k{k}.d{dim}": figure(3 + place * step)
        for k in entry.KS
        for place, dim in enumerate(entry.DIMS)
    }
    for name in entry.ENCODERS:
        found[f"pattern.dense.{name}.recall@2"] = figure(dense - 0.05, dense)
        for other in entry.PATTERNS[1:]:
            found[f"pattern.{other}.{name}.recall@2"] = figure(0.2, 0.4)
    return found | {
        "published.minilm.recall@2": figure(0.1, minilm),
        "published.lexical.recall@2": figure(0.3),
        "published.bm25.recall@2": figure(words, 1.0),
        "published.maxsim_less_minilm.recall@2": figure(late, 0.9),
        "published.minilm.384_less_32.recall@2": figure(wider, 0.9),
        "bounds.published.lower": figure(4),
        "free.published.least_dimension": figure(12),
    }


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "holds"),
        ({"step": 0}, "holds in part"),
        ({"step": -1}, "holds in part"),
        ({"dense": 0.2}, "holds in part"),
        ({"dense": 0.3, "wider": 0.0}, "holds in part"),
        ({"dense": 0.3, "wider": 0.0, "late": 0.0}, "does not hold"),
        ({"minilm": 0.5}, "does not hold"),
        ({"words": 0.9}, "does not hold"),
    ],
)
def test_the_verdict_follows_from_the_figures(given, verdict):
    found, reasons = entry.judge(figures(**given))
    assert found == verdict
    assert len(reasons) == 6
    assert "4 dimensions (proven" in reasons[-1]


def test_words_rank_who_likes_a_thing():
    made = limit_set(documents=12, queries=20)
    assert people_sets.recalls(made, people_sets.words(made), 2).mean() > 0.95


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.models
def test_a_small_measurement_runs_through(data_dir, tmp_path, monkeypatch):
    small = {"documents": 20, "queries": 60}
    monkeypatch.setattr(people_sets, "published", lambda context: limit_set(**small))
    monkeypatch.setattr(people, "limit_set", lambda **given: limit_set(**{**small, **given}))
    for name, value in {"DIMS": (2, 3), "STEPS": 200, "LARGE": 46, "FULL": 60}.items():
        monkeypatch.setattr(entry, name, value)
    outcome = entry.run(Context(data_dir, tmp_path, limit=60))
    figures = outcome.measured
    assert figures["critical_n.k2.d3"].value == figures["proven_most.k2.d3"].value == 4
    assert figures["graph.published.density"].value == pytest.approx(0.085481, abs=1e-6)
    assert figures["moment_curve.k2.d4.n46.solved"].value == 1.0
    assert figures["published.bm25.recall@2"].value > 0.9
    assert figures["published.maxsim_less_minilm.recall@2"].low > 0
    assert len(outcome.reasons) == 6 and outcome.encoders
