"""Which tasks an encoder can be measured on, by name: probes, data sets, own files.

A name is a probe (``passkey``), a kind (``sts``: the usual set of that kind), a data set
(``banking77``), a path, or a kind and one of these (``clustering:banking77``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from isogloss._core.errors import ParameterError, SourceError, nearest
from isogloss.evaluate.corpora import columns_of, retrieval_files
from isogloss.evaluate.needle import PROBES

__all__ = ["DEFAULTS", "METRICS", "Task", "find_tasks"]

METRICS = {
    "passkey": "top-1 accuracy",
    "needle": "top-1 accuracy",
    "sts": "spearman",
    "classification": "accuracy",
    "clustering": "nmi",
    "retrieval": "ndcg@10",
}
# The set that stands for each kind.
DEFAULTS = {
    "sts": "sts_benchmark",
    "classification": "banking77",
    "clustering": "bbc_news",
    "retrieval": "cranfield",
}
# Where texts stand under another name than ``text``.
_COLUMNS = {"newsgroups20": "body"}
_PAIRS = (("text1", "text2"), ("sentence1", "sentence2"))
_NO_FILE = "text and labels name columns of a file of texts and classes: name that file as a task"
_FILES = (".csv", ".tsv", ".parquet", ".jsonl")


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to measure.

    Parameters
    ----------
    name : str
        As it stands in the result.
    kind : str
        One of `METRICS`.
    path : Path or None
        The file, or the folder of a retrieval set; None for a probe.
    columns : tuple of str
        Columns of the texts.
    labels : str
        Column of the classes.
    """

    name: str
    kind: str
    path: Path | None = None
    columns: tuple[str, ...] = ()
    labels: str = "label"


def find_tasks(
    names: Iterable[str] | None, data: Path | None, *, text: str | None = None,
    labels: str | None = None,
) -> tuple[list[Task], dict[str, str]]:  # fmt: skip
    """Find what task names mean.

    Parameters
    ----------
    names : iterable of str, optional
        None for both probes and the usual set of each kind that is at hand.
    data : Path, optional
        Folder of data sets.
    text, labels : str, optional
        Columns of texts and classes in files of one's own: ``text`` and ``label`` by default.

    Returns
    -------
    tasks : list of Task
        In the order of the names.
    missing : dict of str to str
        Of the usual sets, those that are not at hand, and why; empty when names are given.

    Raises
    ------
    ParameterError
        For a name that means nothing, or names a set that is not there; for columns without a
        file of one's own.

    Examples
    --------
    >>> find_tasks(["passkey"], None)[0]
    [Task(name='passkey', kind='passkey', path=None, columns=(), labels='label')]
    >>> find_tasks(["pasky"], None)
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: no task 'pasky': did you mean 'passkey'?
    """
    if isinstance(names, str):
        raise ParameterError(f"tasks={names!r}: give a list of names")
    own = None if text is None and labels is None else (text or "text", labels or "label")
    if names is None:
        if own is not None:
            raise ParameterError(_NO_FILE)
        return _usual(data)
    if not isinstance(names, Iterable):
        raise ParameterError(f"tasks is {names!r}: give a list of names")
    tasks: list[Task] = []
    for name in names:
        if not isinstance(name, str):
            raise ParameterError(f"task {name!r} is no name: give strings, as 'passkey'")
        for task in _find(name.strip(), data, own):
            if task.name not in [one.name for one in tasks]:
                tasks.append(task)
    if not tasks:
        raise ParameterError(f"no task is named: give {', '.join(METRICS)}, a data set or a file")
    if own is not None and not any((*task.columns, task.labels) == own for task in tasks):
        raise ParameterError(_NO_FILE)
    return tasks, {}


def _usual(data: Path | None) -> tuple[list[Task], dict[str, str]]:
    tasks = [Task(name, name) for name in PROBES]
    missing: dict[str, str] = {}
    for kind, name in DEFAULTS.items():
        if data is not None and (data / name).is_dir():
            tasks += _of_kind(_set_tasks(name, data / name), kind, name)
        else:
            missing[name] = _absent(name, data)
    return tasks, missing


def _absent(name: str, data: Path | None) -> str:
    if data is None:
        return f"the data set {name} is not at hand: set ISOGLOSS_DATA or --data to its folder"
    return f"the data set {name} is not in {data}"


def _find(name: str, data: Path | None, own: tuple[str, str] | None) -> list[Task]:
    if name in PROBES:
        return [Task(name, name)]
    if name in DEFAULTS:
        return _of_kind(_find(DEFAULTS[name], data, None), name, name)
    kind, colon, rest = name.partition(":")
    if colon and kind in DEFAULTS and not Path(name).exists():
        if not rest:
            raise ParameterError(f"task {name!r} names no data: write '{kind}:...'")
        return _of_kind(_find(rest, data, own), kind, name)
    if data is not None and (data / name).is_dir() and name not in ("", ".", ".."):
        return _set_tasks(name, data / name)
    path = Path(name).expanduser()
    if name and path.exists():
        return _set_tasks(name, path, own)
    sets = sorted(one.name for one in data.iterdir() if one.is_dir()) if data is not None else []
    if name in DEFAULTS.values():
        raise ParameterError(_absent(name, data))
    if path.suffix.lower() in _FILES:
        raise ParameterError(f"there is no file {name}")
    hint = nearest(name, [*METRICS, *sets])
    if not hint.endswith("?"):
        hint = f"give {', '.join(METRICS)}, the name of a data set, or a file"
    raise ParameterError(f"no task {name!r}: {hint}")


def _of_kind(tasks: list[Task], kind: str, name: str) -> list[Task]:
    fitting = [task for task in tasks if task.kind == kind]
    if not fitting:
        raise ParameterError(f"task {name!r}: it holds {tasks[0].kind}, not {kind}")
    one = fitting[0]
    return [replace(one, name=name)]


def _set_tasks(name: str, path: Path, own: tuple[str, str] | None = None) -> list[Task]:
    """Say what a folder or file can measure, by its files and columns; `own`: texts and classes."""
    if path.is_dir():
        inner = path / "data.parquet"
        try:
            retrieval_files(path)
            return [Task(name, "retrieval", path)]
        except SourceError as error:
            if any(path.glob("corpus.*")) and not inner.is_file():
                raise ParameterError(f"task {name!r}: {error}") from error
        if not inner.is_file():
            raise ParameterError(
                f"task {name!r}: {path} holds neither data.parquet nor corpus, queries and qrels"
            )
        path = inner
    try:
        columns = columns_of(path)
    except SourceError as error:
        raise ParameterError(f"task {name!r}: {error}") from error
    if not columns:  # a header alone gives no types
        raise ParameterError(f"task {name!r}: {path} has no rows")
    for pair in _PAIRS:
        if own is None and {*pair, "score"} <= set(columns):
            return [Task(name, "sts", path, pair)]
    text, labels = own or (_COLUMNS.get(path.parent.name, "text"), "label")
    if {text, labels} <= set(columns):
        return [
            Task(name, "classification", path, (text,), labels),
            Task(f"{name}:clustering", "clustering", path, (text,), labels),
        ]
    if own is not None:
        absent = next(column for column in own if column not in columns)
        raise ParameterError(
            f"task {name!r}: {path} has no column {absent!r}; {nearest(absent, columns)}"
        )
    raise ParameterError(
        f"task {name!r}: {path} has the columns {', '.join(columns)}; give text1, text2 and score "
        "for pairs, or text and label for classes (or say what these are called: --text, --labels)"
    )
