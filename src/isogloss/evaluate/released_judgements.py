"""Reads the human judgements that came with the paper on topic word mixing.

Their public repository is thibaultprouteau/LREC_2026_Prouteau_Human_Metrics_Topic_Models (MIT
licence). Its files `data/annotations/*.csv` and `data/tasks/word_mixing/track_*.csv` are read from
one folder, in which they lie at any depth.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from isogloss._core.errors import SourceError
from isogloss.evaluate.human_tasks import CONTROL, Task
from isogloss.evaluate.task_scores import Answer

__all__ = ["Judgements", "read_judgements"]

INTRUSIONS = "word_intrusion_annotations.csv"
MIXINGS = "word_mixing_annotations.csv"
TRACKS = "track_*.csv"
_INTRUSION_COLUMNS = ("annotator", "id", "intruder", "model", "sentiment", "word1", "word5")
_MIXING_COLUMNS = (
    "annotator", "mixed_set", "mixed_topics", "sentiment", "similarity",
    "task_id", "task_type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgements:
    """Tasks and what people answered.

    Parameters
    ----------
    tasks : tuple of Task
        The model is as in the files, with the number of topics (``"CFMF-emb_51"``). A mixing task
        that two models share is there once for each of them.
    answers : tuple of Answer
        Of a shared task once for each model.
    mixings : dict of str to str
        Name of the item in the files for each mixing task here, to count items once.
    """

    tasks: tuple[Task, ...]
    answers: tuple[Answer, ...]
    mixings: dict[str, str]

    def distinct(self) -> tuple[list[Task], list[Answer]]:
        """Give tasks and answers with every item once, whatever models share it."""
        first: dict[str, str] = {}
        for task in self.tasks:
            first.setdefault(self.mixings.get(task.id, task.id), task.id)
        kept = set(first.values())
        return (
            [task for task in self.tasks if task.id in kept],
            [answer for answer in self.answers if answer.task in kept],
        )


def read_judgements(folder: str | Path) -> Judgements:
    """Read the released judgements from a folder.

    Parameters
    ----------
    folder : path
        Holds the two annotation files and, for the models of the mixing tasks, the four track
        files of word mixing.

    Returns
    -------
    Judgements

    Raises
    ------
    SourceError
        When a file or column is missing, a row cannot be read, or a mixing task is in no track.
    """
    base = Path(folder)
    tasks: dict[str, Task] = {}
    answers: list[Answer] = []
    shown = _Showings()
    for line, row in _rows(_one(base, INTRUSIONS), _INTRUSION_COLUMNS):
        task = _intrusion(row, shown.number(row["annotator"], row["id"]), line)
        tasks.setdefault(task.id, task)
        answers.append(Answer(row["annotator"], task.id, _place(task, row["sentiment"], line)))
    models = _mixing_models(base)
    mixings: dict[str, str] = {}
    for line, row in _rows(_one(base, MIXINGS), _MIXING_COLUMNS):
        owners = models.get(row["mixed_set"])
        if owners is None and row["task_type"] != "control":
            raise SourceError(f"{line}: the words of {row['task_id']} are in no track file")
        if row["sentiment"] not in ("1", "2"):
            raise SourceError(f"{line}: the answer is {row['sentiment']!r}; 1 or 2 is right")
        held = [CONTROL] if row["task_type"] == "control" else owners or []
        item = shown.number(row["annotator"], row["task_id"])
        for model in held:
            task = _mixing(row, item, model, line)
            tasks.setdefault(task.id, task)
            mixings[task.id] = item
            answers.append(Answer(row["annotator"], task.id, int(row["sentiment"])))
    return Judgements(tuple(tasks.values()), tuple(answers), mixings)


class _Showings:
    """Tells apart the showings of one item: controls stand in all tracks, other items in two."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def number(self, annotator: str, item: str) -> str:
        """Give the item, from the annotator's second answer to it on with a number."""
        count = self._seen[annotator, item] = self._seen.get((annotator, item), 0) + 1
        return item if count == 1 else f"{item}#{count}"


def _one(base: Path, name: str) -> Path:
    found = sorted(base.rglob(name))
    if len(found) != 1:
        raise SourceError(f"{base} has {len(found)} files {name}: one is needed")
    return found[0]


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the rows of a CSV with where each stands."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        absent = [name for name in columns if name not in (reader.fieldnames or ())]
        if absent:
            raise SourceError(f"{path} has no column {absent[0]!r}; it has {reader.fieldnames}")
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if any(row[name] is None for name in columns):
                raise SourceError(f"{where}: the row is too short")
            yield where, row


def _intrusion(row: dict[str, str], item: str, line: str) -> Task:
    words = tuple(row[f"word{i}"] for i in range(1, 6))
    model = CONTROL if row["model"] == "CONTROL" else row["model"]
    task = Task(f"intrusion-{item}", "intrusion", model, (), words, 0)
    return replace(task, answer=_place(task, row["intruder"], line))


def _place(task: Task, word: str, line: str) -> int:
    if word not in task.words:
        raise SourceError(f"{line}: {word!r} is none of the words {', '.join(task.words)}")
    return task.words.index(word) + 1


def _mixing(row: dict[str, str], item: str, model: str, line: str) -> Task:
    shown = row["mixed_set"].split("<br>")
    words = tuple(re.sub(r"</?b>", "", word) for word in shown)
    kind = row["task_type"]
    similarity = _float(row["similarity"], line)
    if kind == "control":
        answer = 2 if similarity < 0.5 else 1
    elif kind == "single" or kind.startswith("mix_"):
        answer = 1 if kind == "single" else 2
    else:
        raise SourceError(f"{line}: task_type is {kind!r}; single, mix_... or control is right")
    return Task(
        f"{item}-{model}",
        "mixing",
        model,
        tuple(map(int, re.findall(r"\d+", row["mixed_topics"]))) if kind != "control" else (),
        words,
        answer,
        tuple(word.startswith("<b>") for word in shown),
        similarity if kind.startswith("mix_") else None,
    )


def _float(text: str, line: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SourceError(f"{line}: the similarity is {text!r}, no number") from error


def _mixing_models(base: Path) -> dict[str, list[str]]:
    """Give the models that showed each set of words, from the track files of word mixing."""
    found: dict[str, list[str]] = {}
    for path in sorted(base.rglob(TRACKS)):
        with path.open(encoding="utf-8-sig", newline="") as handle:
            if "mixed_set" not in (csv.DictReader(handle).fieldnames or ()):
                continue  # a track of word intrusion
        for _, row in _rows(path, ("mixed_set", "model")):
            owners = found.setdefault(row["mixed_set"], [])
            if row["model"] not in owners:
                owners.append(row["model"])
    if not found:
        raise SourceError(f"{base} has no track files of word mixing (tasks/word_mixing/{TRACKS})")
    return found
