"""Measurements on word tasks that people or machines answered, for the ledger."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from isogloss.ledger.system import Context, Figure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isogloss.evaluate.human_tasks import Task
    from isogloss.evaluate.judges import EncoderJudge
    from isogloss.evaluate.released_judgements import Judgements
    from isogloss.evaluate.score import Score
    from isogloss.evaluate.task_scores import Answer

PEOPLE = "topic_word_mixing"  # folder for the released judgements

# What the scorer must give on the released judgements: intrusion hits with n, then accuracy, F1 of
# "two" and macro F1 of mixing with n.
TABLE: dict[str, tuple[float, int, float, float, float, int]] = {
    "LDA": (0.860, 285, 0.620, 0.469, 0.586, 410),
    "NMF": (0.818, 275, 0.610, 0.402, 0.556, 390),
    "Top2Vec": (0.675, 265, 0.689, 0.582, 0.667, 370),
    "BERTopic": (0.868, 280, 0.625, 0.472, 0.591, 405),
    "CFMF": (0.785, 275, 0.623, 0.428, 0.573, 390),
    "CFMF-emb": (0.804, 270, 0.642, 0.500, 0.611, 380),
    "controls": (1.000, 100, 0.963, 0.962, 0.962, 80),
}


def released_people(context: Context) -> "Judgements | None":
    """Read the released judgements, where a user has put them."""
    from isogloss.evaluate.released_judgements import read_judgements

    folder = context.path(PEOPLE)
    return read_judgements(folder) if folder.is_dir() else None


def table(people: "Judgements") -> dict[str, Figure]:
    """Score the released judgements: the sheet's table, and how far annotators agree."""
    from dataclasses import replace

    from isogloss.evaluate.human_tasks import CONTROL
    from isogloss.evaluate.task_scores import score_by_model

    def named(model: str) -> str:
        return "controls" if model == CONTROL else family(model)

    tasks = [replace(task, model=named(task.model)) for task in people.tasks]
    found: dict[str, Figure] = {}
    for model, scores in score_by_model(tasks, people.answers).items():
        for measure in ("intrusion", "mixing_accuracy", "mixing_f1_two", "mixing_macro_f1"):
            if measure in scores:
                found[f"table.{measure}.{model}"] = score_figure(scores[measure])
    once, answers = people.distinct()
    for measure, score in task_scores(once, answers).items():
        if measure.endswith(("_alpha", "_kappa")):
            found[f"table.{measure}"] = score_figure(score)
    return found


def table_agrees(measured: Mapping[str, Figure]) -> bool:
    """Tell whether the scored judgements give the table to its three places, and its counts."""
    for model, (hits, n, accuracy, two, macro, m) in TABLE.items():
        wanted = {
            "intrusion": (hits, n), "mixing_accuracy": (accuracy, m), "mixing_f1_two": (two, m),
            "mixing_macro_f1": (macro, m),
        }  # fmt: skip
        for measure, (value, count) in wanted.items():
            figure = measured.get(f"table.{measure}.{model}")
            if figure is None or figure.n != count or abs(figure.value - value) > 0.00051:
                return False
    return True


def against_people(people: "Judgements", judge: "EncoderJudge", name: str) -> dict[str, Figure]:
    """Compare a judge with the people of the released judgements."""
    from isogloss.evaluate.judges import EncoderJudge, judge_agreement, judge_answers
    from isogloss.evaluate.task_scores import score_by_model

    tasks, answers = people.distinct()
    place = f"people.{name}"
    said = judge_answers(tasks, judge)[0]
    found = {f"{place}.intrusion": score_figure(task_scores(tasks, said)["intrusion"])}
    for measure, score in judge_agreement(tasks, answers, judge).items():
        found[f"{place}.{measure}"] = score_figure(score)
    told = judge_agreement(tasks, answers, EncoderJudge(judge.encoder))["mixing_auc_people"]
    found[f"{place}.mixing_auc_people_by_halves"] = score_figure(told)
    theirs = score_by_model(people.tasks, people.answers, resamples=1)
    ours = score_by_model(people.tasks, judge_answers(people.tasks, judge)[0], resamples=1)
    for measure in ("intrusion", "mixing_macro_f1"):
        pairs = [
            (ours[model][measure].value, theirs[model][measure].value)
            for model in theirs
            if measure in theirs[model] and measure in ours[model]
        ]
        found[f"{place}.{measure}.rank"] = rank_figure(pairs)
    return found


def task_scores(tasks: "Sequence[Task]", answers: "Sequence[Answer]") -> "dict[str, Score]":
    """Give `score_answers` of the tasks."""
    from isogloss.evaluate.task_scores import score_answers

    return score_answers(tasks, answers)


def family(model: str) -> str:
    """Name a model without its number of topics; what has none is as it is."""
    return model.rpartition("_")[0] or model


def score_figure(score: "Score") -> Figure:
    """Give a score as a figure of the ledger."""
    unit = {
        "intrusion": "share of intruders found",
        "mixing_accuracy": "share of right answers",
        "mixing_f1_two": "F1 of the answer two",
        "mixing_macro_f1": "macro F1",
        "mixing_d_prime": "d'",
        "mixing_auc": "AUC, mixed against single",
        "mixing_auc_people": "AUC, called two by most people against others",
        "intrusion_same_word": "share of tasks, the word that most people took",
    }.get(score.name, score.name)
    return Figure(score.value, score.low, score.high, unit, score.n)


def rank_figure(pairs: Sequence[tuple[float, float]]) -> Figure:
    """Give Spearman's correlation over cells, with an interval from resampled cells.

    Examples
    --------
    >>> rank_figure([(0.1, 1.0), (0.2, 2.0), (0.3, 3.0)]).value
    1.0
    """
    import numpy as np
    from scipy.stats import rankdata

    from isogloss._math.bootstrap import interval, resample_cells

    rows = np.array([pair for pair in pairs if np.isfinite(pair).all()], dtype=np.float64)
    rows = rows.reshape(-1, 2)

    def correlation(part: "NDArray[np.float64]") -> float:
        ranks = np.column_stack([rankdata(part[:, 0]), rankdata(part[:, 1])])
        if (ranks.std(axis=0) < 1e-12).any():
            return float("nan")
        return round(float(np.corrcoef(ranks.T)[0, 1]), 12)

    if len(rows) < 3:
        return Figure(float("nan"), float("nan"), float("nan"), "Spearman, cells", len(rows))
    value = correlation(rows)
    ones = np.ones(len(rows), dtype=np.int64)
    draws = [
        correlation(np.repeat(rows, count, axis=0))
        for block in resample_cells(ones, resamples=300)
        for count in block
    ]
    low, high = interval(np.array(draws), value, bounds=(-1.0, 1.0))
    return Figure(value, low, high, "Spearman, cells of model and K", len(rows))
