"""How the topics of an atlas spread over the times or classes in one of its columns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, ParameterError
from isogloss.topics.marks import Marks, marking_words, word_cells
from isogloss.topics.periods import Periods, make_periods
from isogloss.topics.times import read_times
from isogloss.topics.trends import TopicSpread, class_name, count_cells, make_spread, order_classes

if TYPE_CHECKING:
    from isogloss.atlas import Atlas

BATCH = 4096


def atlas_over(
    atlas: "Atlas",
    column: str,
    *,
    bins: int = 20,
    words: int = 5,
    level: float = 0.95,
    seed: int = 0,
) -> TopicSpread:
    """Follow the topics of an atlas over the times in a column; see `Atlas.topics_over`."""
    low, high = None, None
    for _, times in _column(atlas, column, []):
        known = times[~_missing(times)]
        if len(known):
            low = known.min() if low is None else min(low, known.min())
            high = known.max() if high is None else max(high, known.max())
    if low is None or high is None:
        raise ColumnError(f"no passage of {atlas.path} has a time in {column!r}")
    if pa.types.is_integer(atlas.schema.field(column).type):
        low, high = int(low), int(high)
    periods = make_periods(low, high, bins=bins)
    return _spread(atlas, column, periods, words=words, level=level, seed=seed)


def atlas_by(
    atlas: "Atlas", column: str, *, words: int = 5, level: float = 0.95, seed: int = 0
) -> TopicSpread:
    """Compare the topics of an atlas between the classes in a column; see `Atlas.topics_by`."""
    sizes: dict[str, int] = {}
    for batch in atlas.passages([column], batch_size=BATCH):
        for value in batch.column(column).to_pylist():
            if name := class_name(value):
                sizes[name] = sizes.get(name, 0) + 1
    try:
        order = order_classes(sizes)
    except ParameterError as error:
        raise ColumnError(f"column {column!r} of {atlas.path}: {error}") from error
    return _spread(atlas, column, order, words=words, level=level, seed=seed)


def _spread(
    atlas: "Atlas", column: str, groups: Periods | tuple[str, ...], *, words: int, level: float,
    seed: int,
) -> TopicSpread:  # fmt: skip
    if words < 0:
        raise ParameterError(f"words is {words}; it must be 0 or more")
    tree, count = atlas.topics, len(groups)
    cells = np.zeros((len(tree) + 1, count), dtype=np.int64)
    vocabulary = _vocabulary(atlas) if words else None
    held: Any = None
    missing = 0
    for batch, values in _column(atlas, column, ["text"] if words else [], groups):
        labels = batch.column("topic").to_numpy()
        places = _places(values, groups)
        missing += int(_missing(values).sum())
        cells += count_cells(labels, places, count, tree)
        if vocabulary is not None:
            counts = vocabulary.counts(batch.column("text").to_pylist())
            part = word_cells(labels, places, counts, len(tree), count)
            held = part if held is None else held + part
    marks: Marks = ()
    if vocabulary is not None and held is not None:
        marks = marking_words(held, vocabulary.words, tree, count, n=words)
    return make_spread(cells, groups, tree, missing, level=level, seed=seed, keywords=marks)


def _vocabulary(atlas: "Atlas") -> Any:
    from isogloss.text import Vocabulary

    return Vocabulary.load(atlas.path / atlas.manifest.state / "topics" / "vocabulary")


def _column(
    atlas: "Atlas", column: str, more: list[str], groups: Any = None
) -> Iterator[tuple[pa.RecordBatch, NDArray[Any]]]:
    timed = groups is None or isinstance(groups, Periods)
    for batch in atlas.passages(["topic", column, *more], batch_size=BATCH):
        values = batch.column(column)
        if timed:
            yield batch, read_times(values, column)
        else:
            yield batch, np.array([class_name(value) for value in values.to_pylist()], dtype=str)


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "M":
        return np.asarray(np.isnat(values))
    return np.asarray(values == "") if values.dtype.kind == "U" else ~np.isfinite(values)


def _places(values: NDArray[Any], groups: Periods | tuple[str, ...]) -> NDArray[np.int64]:
    if isinstance(groups, Periods):
        return groups.place(values)
    place = {name: number for number, name in enumerate(groups)}
    return np.array([place.get(str(value), -1) for value in values], dtype=np.int64)
