"""What answers to topic tasks come to: hits, accuracy, F1, d', and how far annotators agree.

Papers: Chang et al. 2009 (hit rate of intrusions); Prouteau et al. 2026 (topic word mixing);
Macmillan & Creelman 2005 (d'), with the log-linear correction of Hautus 1995.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.agreement import answer_counts, fleiss_kappa, krippendorff_alpha
from isogloss.evaluate.human_tasks import CONTROL, Task
from isogloss.evaluate.score import Score

__all__ = ["Answer", "auc_score", "score_answers", "score_by_model"]

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one annotator.

    Parameters
    ----------
    annotator : str
    task : str
        Id of the task.
    choice : int
        The place of the word taken for the intruder, or the number of topics.
    """

    annotator: str
    task: str
    choice: int


def score_answers(
    tasks: Sequence[Task],
    answers: Iterable[Answer],
    *,
    note: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """Score answers, by one annotator or by several.

    Parameters
    ----------
    tasks : sequence of Task
    answers : iterable of Answer
        Tasks without an answer do not count.
    note : str
        Stands in front of the notes of every score; says so when no person answered.
    resamples, seed
        Of the bootstrap over tasks.

    Returns
    -------
    dict of str to Score
        ``intrusion`` (share of intruders found; chance .2), ``mixing_accuracy``,
        ``mixing_f1_two`` (F1 of the answer "two"), ``mixing_macro_f1``, ``mixing_d_prime`` (how
        well one and two are told apart, whatever the leaning to one of the answers); the same
        with ``control_`` in front for the control tasks; and where two annotators answered a
        task, ``intrusion_alpha``, ``intrusion_kappa`` (of hit or miss), ``mixing_alpha``,
        ``mixing_kappa``. What has no answers is not there.

    Raises
    ------
    ParameterError
        When an answer is of an unknown task, out of range, or a second one of one annotator.

    Examples
    --------
    >>> task = Task("a-1", "mixing", "lda", (0, 1), tuple("abcdefgh"), 2)
    >>> score_answers([task], [Answer("p", "a-1", 2)])["mixing_accuracy"].value
    1.0
    """
    given = _by_task(tasks, answers)
    found: dict[str, Score] = {}
    how = {"resamples": resamples, "seed": seed}
    for prefix, control in (("", False), ("control_", True)):
        held = [task for task in tasks if (task.model == CONTROL) == control and given[task.id]]
        intrusion = [task for task in held if task.kind == "intrusion"]
        mixing = [task for task in held if task.kind == "mixing"]
        if intrusion:
            hits = [[choice == task.answer for choice in given[task.id]] for task in intrusion]
            table = np.array([[sum(row), len(row)] for row in hits], dtype=np.float64)
            found[f"{prefix}intrusion"] = _score("intrusion", _share, table, (0, 1), **how)
            if not control:
                found |= _agreement("intrusion", hits, **how)
        if mixing:
            said = [given[task.id] for task in mixing]
            table = np.array(
                [_confusion(task, row) for task, row in zip(mixing, said, strict=True)]
            )
            for name, (statistic, bounds) in _MIXING.items():
                found[f"{prefix}mixing_{name}"] = _score(
                    f"mixing_{name}", statistic, table, bounds, **how
                )
            if not control:
                found |= _agreement("mixing", said, **how)
    if note:
        found = {
            name: replace(score, notes="; ".join(filter(None, [note, score.notes])))
            for name, score in found.items()
        }
    return found


def score_by_model(
    tasks: Sequence[Task],
    answers: Sequence[Answer],
    *,
    note: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Score]]:
    """Give `score_answers` for the tasks of each model; controls are left out."""
    found = {}
    for model in dict.fromkeys(task.model for task in tasks if task.model != CONTROL):
        own = [task for task in tasks if task.model == model]
        known = {task.id for task in own}
        theirs = [answer for answer in answers if answer.task in known]
        found[model] = score_answers(own, theirs, note=note, resamples=resamples, seed=seed)
    return found


def _by_task(tasks: Sequence[Task], answers: Iterable[Answer]) -> dict[str, list[int]]:
    """Give the choices of each task, in the order of the answers."""
    choices = {task.id: task.choices for task in tasks}
    given: dict[str, list[int]] = {task.id: [] for task in tasks}
    seen: set[tuple[str, str]] = set()
    for answer in answers:
        if answer.task not in given:
            raise ParameterError(
                f"{answer.annotator} answers task {answer.task!r}, which is not in this set of "
                f"{len(tasks)} tasks: give the answers and the key of one set"
            )
        if not 1 <= answer.choice <= choices[answer.task]:
            raise ParameterError(
                f"{answer.annotator} answers {answer.choice} to task {answer.task}: give 1 to "
                f"{choices[answer.task]}"
            )
        if (answer.annotator, answer.task) in seen:
            raise ParameterError(
                f"{answer.annotator} answers task {answer.task} twice: give each annotator's "
                "answers once"
            )
        seen.add((answer.annotator, answer.task))
        given[answer.task].append(answer.choice)
    return given


def _confusion(task: Task, said: list[int]) -> list[float]:
    """Count [two said two, two said one, one said two, one said one]."""
    twos, ones = float(said.count(2)), float(said.count(1))
    return [twos, ones, 0.0, 0.0] if task.answer == 2 else [0.0, 0.0, twos, ones]


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan), dtype=np.float64)


def _share(counts: Floats) -> Floats:
    return _ratio(counts[:, 0], counts[:, 1])


def _accuracy(counts: Floats) -> Floats:
    return _ratio(counts[:, 0] + counts[:, 3], counts.sum(axis=1))


def _f1_two(counts: Floats) -> Floats:
    return _ratio(2 * counts[:, 0], 2 * counts[:, 0] + counts[:, 1] + counts[:, 2])


def _macro_f1(counts: Floats) -> Floats:
    one = _ratio(2 * counts[:, 3], 2 * counts[:, 3] + counts[:, 1] + counts[:, 2])
    return (_f1_two(counts) + one) / 2


def _d_prime(counts: Floats) -> Floats:
    from scipy.special import ndtri

    double, single = counts[:, 0] + counts[:, 1], counts[:, 2] + counts[:, 3]
    hits = (counts[:, 0] + 0.5) / (double + 1)
    alarms = (counts[:, 2] + 0.5) / (single + 1)
    both = (double > 0) & (single > 0)
    return np.asarray(np.where(both, ndtri(hits) - ndtri(alarms), np.nan), dtype=np.float64)


_MIXING: Mapping[str, tuple[Statistic, tuple[float, float]]] = {
    "accuracy": (_accuracy, (0, 1)),
    "f1_two": (_f1_two, (0, 1)),
    "macro_f1": (_macro_f1, (0, 1)),
    "d_prime": (_d_prime, (-np.inf, np.inf)),
}


def _score(
    name: str,
    statistic: Statistic,
    table: Floats,
    bounds: tuple[float, float],
    *,
    resamples: int,
    seed: int,
) -> Score:
    """Score a statistic of summed counts, resampling tasks with all their answers."""
    ones = np.ones(len(table), dtype=np.int64)
    value = float(statistic(table.sum(axis=0, keepdims=True))[0])
    draws = np.concatenate(
        [statistic(block @ table) for block in resample_cells(ones, resamples=resamples, seed=seed)]
    )
    low, high = interval(draws, value, bounds=bounds)
    count = int(table[:, 1].sum()) if table.shape[1] == 2 else int(table.sum())
    return Score(
        name, value, low, high, count, "answers", True, f"{plural(len(table), 'task')} resampled"
    )


def _agreement(
    kind: str, answers: Sequence[Sequence[object]], *, resamples: int, seed: int
) -> dict[str, Score]:
    if max(map(len, answers)) < 2:
        return {}
    counts = answer_counts(answers)
    how = {"resamples": resamples, "seed": seed}
    return {
        f"{kind}_alpha": krippendorff_alpha(counts, name=f"{kind}_alpha", **how),
        f"{kind}_kappa": fleiss_kappa(counts, name=f"{kind}_kappa", **how),
    }


def auc_score(
    name: str,
    scores: NDArray[np.floating[Any]],
    truth: NDArray[np.bool_],
    *,
    note: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> Score:
    """Give the chance that a true item has a larger score than a false one; ties count half.

    Parameters
    ----------
    name : str
    scores : float (n,)
    truth : bool (n,)
    note : str
    resamples, seed
        Of the bootstrap over items.

    Returns
    -------
    Score
        In [0, 1], .5 for no relation; NaN when all items are of one kind.

    Examples
    --------
    >>> auc_score("auc", np.array([0.1, 0.9, 0.5]), np.array([False, True, True])).value
    1.0
    """
    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    yes, no = values[marks], values[~marks]
    wins = (yes[:, None] > no) + 0.5 * (yes[:, None] == no)

    def share(draws: Floats) -> Floats:
        above, below = draws[:, marks], draws[:, ~marks]
        won = np.einsum("bi,bi->b", above @ wins, below)
        return _ratio(won, above.sum(axis=1) * below.sum(axis=1))

    if not len(values):
        return Score(name, *(float("nan"),) * 3, 0, "items", True, note)
    ones = np.ones(len(values), dtype=np.int64)
    value = float(share(ones[None, :].astype(np.float64))[0])
    draws = np.concatenate(
        [
            share(block.astype(np.float64))
            for block in resample_cells(ones, resamples=resamples, seed=seed)
        ]
    )
    low, high = interval(draws, value, bounds=(0, 1))
    return Score(name, value, low, high, len(values), "items", True, note)
