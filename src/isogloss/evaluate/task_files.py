"""Topic tasks as files: a table and a page for annotators, a key for those who score.

Neither table nor page holds models or answers; the key holds both.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError, SourceError
from isogloss._core.files import atomic_path, storage_errors, write_json
from isogloss.evaluate.human_tasks import Task, TaskSet
from isogloss.evaluate.task_page import task_page
from isogloss.evaluate.task_scores import Answer

__all__ = ["KEY", "PAGE", "TABLE", "read_answers", "read_key", "write_tasks"]

FORMAT = 1
KEY, PAGE, TABLE = "key.json", "tasks.html", "tasks.csv"
WORDS = 8


def write_tasks(tasks: TaskSet, folder: str | Path, *, title: str = "Words that belong") -> Path:
    """Write `tasks.csv`, `tasks.html` and `key.json` into a folder, made if need be.

    Parameters
    ----------
    tasks : TaskSet
    folder : path
        Give annotators the page or the table, and keep the key. A table of the same tasks that is
        there stays: it may be filled in.
    title : str
        Heading of the page.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        When the folder holds other tasks, whose answers would fit these no more, or files of these
        names that are not ours.
    StorageError
        When the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> task = Task("a-1", "mixing", "lda", (3,), tuple("abcdefgh"), 1, (True, False) * 4)
    >>> folder = write_tasks(TaskSet((task,), {}), tempfile.mkdtemp())
    >>> sorted(path.name for path in folder.iterdir())
    ['key.json', 'tasks.csv', 'tasks.html']
    """
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise ParameterError(f"{target} is a file: give a folder for the tasks")
    texts = {TABLE: _table(tasks.tasks), PAGE: task_page(tasks, title=title)}
    ours = (target / KEY).exists()
    if not ours:
        _spare_others(target, texts)
    elif read_key(target).digest != tasks.digest:
        raise ParameterError(
            f"{target} holds other tasks (another model, encoder or seed): give another folder, or "
            "remove them if nobody has answered them"
        )
    with storage_errors(f"the tasks in {target}"):
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if name == TABLE and ours and (target / TABLE).exists():
                continue  # somebody may have filled it in
            with atomic_path(target / name) as path:
                path.write_text(text, encoding="utf-8", newline="")
        write_json(target / KEY, _key(tasks))
    return target


def _spare_others(target: Path, texts: Mapping[str, str]) -> None:
    """Refuse to replace files that hold anything but what is to be written."""
    for name, text in texts.items():
        path = target / name
        if path.exists() and not (path.is_file() and path.read_bytes() == text.encode()):
            raise ParameterError(
                f"{path} is there, and without {KEY} beside it none of ours: give another folder, "
                "or move it away"
            )


def _table(tasks: Sequence[Task]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    numbered = [f"word{i}" for i in range(1, WORDS + 1)]
    writer.writerow(["id", "question", *numbered, "bold", "annotator", "answer"])
    for task in tasks:
        if task.kind == "intrusion":
            question = f"Which word does not belong? (1 to {len(task.words)})"
        else:
            question = "Are these words about one topic or two? (1 or 2)"
        words = [_cell(word) for word in task.words]
        bold = " ".join(str(i) for i, marked in enumerate(task.marked, start=1) if marked)
        writer.writerow([task.id, question, *words, *[""] * (WORDS - len(words)), bold, "", ""])
    return out.getvalue()


def _cell(word: str) -> str:
    """Keep a spreadsheet from reading a word as a formula."""
    return "'" + word if word[:1] in "=+-@\t\r" else word


def _key(tasks: TaskSet) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "digest": tasks.digest,
        "left_out": dict(tasks.left_out),
        "tasks": [
            {
                "id": task.id, "kind": task.kind, "model": task.model, "topics": task.topics,
                "words": task.words, "bold": [int(mark) for mark in task.marked],
                "answer": task.answer, "similarity": task.similarity,
            }
            for task in tasks.tasks
        ],
    }  # fmt: skip


def read_key(folder: str | Path) -> TaskSet:
    """Read the tasks that `write_tasks` wrote.

    Raises
    ------
    SourceError
        When there is no key, or it is damaged or of a newer format.

    Examples
    --------
    >>> read_key("/no/such/folder")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.SourceError: there are no tasks in /no/such/folder: it has no key.json
    """
    path = Path(folder) / KEY
    if not path.is_file():
        raise SourceError(f"there are no tasks in {folder}: it has no {KEY}")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["format"] != FORMAT:
            raise SourceError(f"{path} has format {held['format']}, this isogloss reads {FORMAT}")
        tasks = tuple(
            Task(
                id=one["id"], kind=one["kind"], model=one["model"], topics=tuple(one["topics"]),
                words=tuple(one["words"]), answer=int(one["answer"]),
                marked=tuple(map(bool, one["bold"])), similarity=one["similarity"],
            )
            for one in held["tasks"]
        )  # fmt: skip
        return TaskSet(tasks, held["left_out"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path} is damaged: {type(error).__name__}: {error}") from error


def read_answers(paths: Iterable[str | Path]) -> list[Answer]:
    r"""Read filled-in tables, or those that the page saves.

    Parameters
    ----------
    paths : iterable of path
        CSV files with the columns ``id`` and ``answer`` and, where it has one, ``annotator``
        (else the name of the file), parted by commas, semicolons or tabs. Rows with an empty
        answer are questions that were skipped.

    Returns
    -------
    list of Answer

    Raises
    ------
    SourceError
        When a file cannot be read, lacks a column, or holds an answer that is no number or none at
        all.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ada.csv"
    >>> _ = path.write_text("id,answer\na-1,2\na-2,\n")
    >>> read_answers([path])
    [Answer(annotator='ada', task='a-1', choice=2)]
    """
    found: list[Answer] = []
    for path in map(Path, paths):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SourceError(f"cannot read the answers in {path}: {reason}") from error
        header = text.partition("\n")[0]
        comma = max(",;\t", key=header.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
        for column in ("id", "answer"):
            if column not in (reader.fieldnames or ()):
                raise SourceError(
                    f"{path} has no column {column!r}; it has {list(reader.fieldnames or ())}"
                )
        before = len(found)
        for row in reader:
            said = (row["answer"] or "").strip()
            if not said:
                continue
            if not (said.isascii() and said.isdigit()):
                raise SourceError(
                    f"{path}, line {reader.line_num}: the answer {said!r} is no number; give the "
                    "place of the intruder, or 1 or 2 topics"
                )
            name = (row.get("annotator") or "").strip() or path.stem
            found.append(Answer(name, (row["id"] or "").strip(), int(said)))
        if len(found) == before:
            raise SourceError(f"{path} has no answers yet: fill in its column 'answer'")
    return found
