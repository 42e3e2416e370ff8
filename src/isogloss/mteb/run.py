"""Run models on tasks through mteb, read its JSON back, and sum up as its tables do."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError
from isogloss._core.extras import need


@dataclass(frozen=True, slots=True)
class TaskScore:
    """What mteb wrote of one model on one task.

    Parameters
    ----------
    model, task, kind : str
        Names as in mteb, and the task's type.
    metric : str
        The task's main score.
    value : float
        As read back from the file.
    scores : dict
        All scores of the file.
    file : Path
        Where mteb keeps it.
    predictions : Path
        What the model answered.
    zero_shot : bool or None
        False where the model was trained on the task or on what it was made from; None where
        its training sets are not known.
    """

    model: str
    task: str
    kind: str
    metric: str
    value: float
    scores: dict[str, Any]
    file: Path
    predictions: Path
    zero_shot: bool | None


def evaluate(
    models: Iterable[Any], tasks: Sequence[Any], folder: str | Path, *, again: bool = False
) -> list[TaskScore]:
    """Evaluate models on tasks through `mteb.evaluate`.

    Parameters
    ----------
    models : iterable of MtebEncoder, MtebSearch or any model of mteb
    tasks : sequence of tasks
        A search takes part in tasks of retrieval only; other tasks are an error of its own in
        mteb.
    folder : path
        Keeps mteb's results (``results/``) and the models' answers (``predictions/``). What lies
        there is not measured again.
    again : bool
        Measure again all the same.

    Returns
    -------
    list of TaskScore
        In the order of models and tasks, read from mteb's files with `TaskResult`.

    Raises
    ------
    MissingExtra
        Without mteb.
    ParameterError
        For something that is no model of mteb.
    """
    mteb = need("mteb", extra="mteb")
    place = Path(folder)
    cache = need("mteb.cache", extra="mteb").ResultCache(place)
    read = need("mteb.results", extra="mteb").TaskResult.from_disk
    found = []
    for model in models:
        meta = getattr(model, "mteb_model_meta", None)
        if meta is None:
            raise ParameterError(
                f"{type(model).__name__} is no model of mteb: wrap an encoder as MtebEncoder(...)"
            )
        label = meta.model_name_with_experiment
        answers = place / "predictions" / re.sub(r"[^A-Za-z0-9._=-]+", "_", label)
        for task in tasks:
            mteb.evaluate(
                model,
                task,
                cache=cache,
                overwrite_strategy="always" if again else "only-missing",
                prediction_folder=answers,
                show_progress_bar=False,
                co2_tracker=False,
            )
            about = task.metadata
            file = cache.get_task_result_path(about.name, meta)
            result = read(file)
            [scores] = result.scores["test"]
            found.append(
                TaskScore(
                    label,
                    about.name,
                    about.type,
                    about.main_score,
                    float(scores["main_score"]),
                    dict(scores),
                    file,
                    answers / f"{about.name}_predictions.json",
                    _zero_shot(meta, about),
                )
            )
    return found


def _zero_shot(meta: Any, about: Any) -> bool | None:
    if meta.training_datasets is None:
        return None
    return not ({about.name, *(about.adapted_from or ())} & set(meta.training_datasets))


def read_run(predictions: Path) -> dict[str, dict[str, float]]:
    """Read what a model answered to a task of retrieval: query to document to score.

    Raises
    ------
    ParameterError
        When the file holds no ranking.
    """
    value = json.loads(predictions.read_text(encoding="utf-8"))
    run = value.get("default", {}).get("test")
    if not isinstance(run, dict):
        raise ParameterError(f"{predictions} holds no ranking")
    return run


def trec_order(scores: Mapping[str, float]) -> list[str]:
    """Order documents as trec_eval does: by score in 32 bits, equal ones by name, last first.

    Examples
    --------
    >>> trec_order({"a": 1.0, "b": 1.0, "c": 2.0})
    ['c', 'b', 'a']
    """
    import numpy as np

    return sorted(scores, key=lambda name: (np.float32(scores[name]), name.encode()), reverse=True)


def ndcg_of_run(
    qrels: Mapping[str, Mapping[str, float]], run: Mapping[str, Mapping[str, float]], *, k: int = 10
) -> dict[str, float]:
    """Score each judged query by our own nDCG, with trec_eval's order of equal scores.

    Examples
    --------
    >>> ndcg_of_run({"q": {"a": 1}}, {"q": {"a": 0.2, "b": 0.1}})
    {'q': 1.0}
    """
    from isogloss.evaluate.retrieval import ndcg_of

    return {
        query: ndcg_of(grades, trec_order(run.get(query, {})), k=k)
        for query, grades in qrels.items()
        if any(grade > 0 for grade in grades.values())
    }


def summary(found: Sequence[TaskScore]) -> dict[str, dict[str, float]]:
    """Sum up models that were measured on the same tasks, as mteb's tables do.

    Parameters
    ----------
    found : sequence of TaskScore

    Returns
    -------
    dict of str to dict of str to float
        For each model ``mean`` (over tasks), ``mean_by_type`` (over the means of each type of
        task, so that no type counts twice) and ``borda`` (places won, summed over tasks).

    Raises
    ------
    ParameterError
        When a model lacks a task: means over unequal tasks cannot be compared.

    Examples
    --------
    >>> def one(model, task, kind, value):
    ...     return TaskScore(model, task, kind, "m", value, {}, Path(), Path(), True)
    >>> table = [one("a", "t", "STS", 0.5), one("a", "u", "Retrieval", 0.7),
    ...          one("b", "t", "STS", 0.4), one("b", "u", "Retrieval", 0.8)]
    >>> summary(table)["b"]
    {'mean': 0.6, 'mean_by_type': 0.6, 'borda': 1.0}
    """
    table: dict[str, dict[str, TaskScore]] = {}
    for one in found:
        table.setdefault(one.model, {})[one.task] = one
    tasks = list(dict.fromkeys(one.task for one in found))
    for model, row in table.items():
        missing = [task for task in tasks if task not in row]
        if missing:
            raise ParameterError(f"{model!r} was not measured on {missing[0]!r}: measure it there")
    summed = {}
    for model, row in table.items():
        kinds: dict[str, list[float]] = {}
        for task in tasks:
            kinds.setdefault(row[task].kind, []).append(row[task].value)
        by_type = [sum(values) / len(values) for values in kinds.values()]
        borda = sum(
            sum(row[task].value > other[task].value for other in table.values())
            + (sum(row[task].value == other[task].value for other in table.values()) - 1) / 2
            for task in tasks
        )
        summed[model] = {
            "mean": round(sum(row[task].value for task in tasks) / len(tasks), 6),
            "mean_by_type": round(sum(by_type) / len(by_type), 6),
            "borda": float(borda),
        }
    return summed
