"""The entry `limit`: its rule."""

import pytest

from isogloss.ledger import people_sets
from isogloss.ledger.system import Figure
from isogloss.ledger.systems import limit as entry
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
