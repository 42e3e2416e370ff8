"""The entry's rule on made-up figures, and a small run on real posts."""

import pytest

from isogloss.ledger.system import Context, Figure
from isogloss.ledger.systems.topic_word_mixing import (
    JUDGES,
    MODELS,
    NO_PEOPLE,
    judge_figures,
    run,
)
from isogloss.ledger.word_tasks import TABLE, rank_figure, table_agrees


def figure(value, spread=0.02, n=100):
    return Figure(value, value - spread, value + spread, "", n)


def figures(*, auc=0.7, hits=0.8, last="Top2Vec", first="CFMF-emb", people=False):
    found = {}
    for name in JUDGES:
        place = f"stand_in.{name}"
        found |= {f"{place}.mixing_auc": figure(auc), f"{place}.intrusion": figure(hits)}
        if people:
            found |= {f"people.{name}.mixing_auc_people": figure(auc),
                      f"people.{name}.intrusion": figure(hits)}  # fmt: skip
        for model in MODELS:
            found[f"{place}.intrusion.{model}"] = figure(0.5 if model == last else 0.9)
            found[f"{place}.mixing_macro_f1.{model}"] = figure(0.7 if model == first else 0.5)
    if people:
        for model, (share, n, accuracy, two, macro, m) in TABLE.items():
            found[f"table.intrusion.{model}"] = figure(share, n=n)
            for measure, value in (("accuracy", accuracy), ("f1_two", two), ("macro_f1", macro)):
                found[f"table.mixing_{measure}.{model}"] = figure(value, n=m)
    return found


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"people": True}, "holds"),
        ({"people": True, "auc": 0.5}, "holds in part"),  # the table alone
        ({"people": True, "last": "LDA"}, "holds in part"),
        ({}, "holds in part"),  # nobody answered
        ({"auc": 0.61}, "does not hold"),  # the interval reaches below the bar
        ({"hits": 0.45}, "does not hold"),
    ],
)
def test_the_rule(changes, verdict):
    found, reasons = judge_figures(figures(**changes))
    assert found == verdict
    assert any("table: not measured" in reason for reason in reasons) != bool(changes.get("people"))


def test_a_table_that_differs_in_a_place_or_a_count_does_not_agree():
    right = figures(people=True)
    assert table_agrees(right)
    assert not table_agrees(right | {"table.mixing_macro_f1.NMF": figure(0.558, n=390)})
    assert not table_agrees(right | {"table.intrusion.LDA": figure(0.860, n=284)})


def test_ranks_over_cells():
    assert rank_figure([(1, 9), (2, 8), (3, 7), (4, 6)]).value == -1.0
    tied = rank_figure([(1, 1), (1, 2), (1, 3)])
    assert tied.value != tied.value  # no order to compare
    assert rank_figure([(1, float("nan")), (2, 1)]).n == 1


@pytest.mark.data
@pytest.mark.models
@pytest.mark.slow
def test_a_small_run_says_that_no_person_answered(data_dir, tmp_path):
    pytest.importorskip("tomotopy")
    outcome = run(Context(data_dir, tmp_path, limit=600))
    assert NO_PEOPLE in outcome.limits or (data_dir / "topic_word_mixing").is_dir()
    assert {f"stand_in.{judge}.intrusion" for judge in JUDGES} <= set(outcome.measured)
    assert outcome.verdict != "holds"
