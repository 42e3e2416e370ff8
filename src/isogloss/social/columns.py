"""Read the columns of a discussion: who, when, where, in answer to what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, ParameterError, SourceError, nearest
from isogloss._core.plural import plural
from isogloss.social.moments import check_moments

__all__ = ["Columns", "numbers", "read_columns", "strings"]


@dataclass(slots=True)
class Columns:
    """Columns of one table, by what they are for.

    Parameters
    ----------
    name : str
        Of the table, for messages.
    rows : int
    values : dict
        Use (``"author"``, ...) -> pyarrow.ChunkedArray.
    named : dict
        Use -> name in the table.
    notes : list of str
        What was left out on reading.
    topics : dict of int to str
        Names of an atlas's topics, by number.
    """

    name: str
    rows: int
    values: dict[str, pa.ChunkedArray]
    named: dict[str, str]
    notes: list[str] = field(default_factory=list)
    topics: dict[int, str] = field(default_factory=dict)

    def __contains__(self, use: str) -> bool:
        return use in self.values


def read_columns(
    source: Any, wanted: Mapping[str, str | None], *, optional: Sequence[str] = ()
) -> Columns:
    """Read some columns of a table whole.

    Parameters
    ----------
    source : atlas, path, pyarrow table, frame, dict of lists, list of dict
        As for `isogloss.corpus.open_source`, and a folder of an atlas, or an `Atlas`.
    wanted : mapping of str to str or None
        Use -> name of the column; None leaves it out.
    optional : sequence of str
        Uses whose column may be missing.

    Returns
    -------
    Columns

    Raises
    ------
    SourceError
        When the source cannot be read, or is empty.
    ColumnError
        When a column is missing, or stands twice.

    Examples
    --------
    >>> table = read_columns({"who": ["a", "b"], "n": [1, 2]}, {"author": "who"})
    >>> table.rows, table.values["author"].to_pylist()
    (2, ['a', 'b'])
    """
    named = {use: name for use, name in wanted.items() if name is not None}
    for use, name in named.items():
        if not isinstance(name, str):
            raise ParameterError(f"{use} is {name!r}: give the name of a column")
    atlas = _atlas_of(source)
    if atlas is not None:
        return _from_atlas(atlas, named, optional)
    from isogloss.corpus.part import no_rows
    from isogloss.corpus.parts import open_parts

    check_moments(source, named.get("time"))
    lost: dict[str, int] = {}

    def reject(one: Any) -> None:
        lost[f"row skipped: {one.kind}"] = lost.get(f"row skipped: {one.kind}", 0) + 1

    def repair(kind: str, count: int) -> None:
        lost[kind] = lost.get(kind, 0) + count

    parts = open_parts(source, 65536)
    what = parts[0].name
    if not any(part.schema.names for part in parts):
        raise no_rows(parts)
    kept = {}
    for use, name in named.items():
        missing = [part for part in parts if part.schema.names.count(name) != 1]
        if not missing:
            kept[use] = name
        elif missing[0].schema.names.count(name) > 1:
            raise ColumnError(f"{missing[0].name} has two columns named {name!r}: rename one")
        elif use not in optional:
            raise _no_column(missing[0].name, name, use, missing[0].schema.names)
    held: dict[str, list[pa.Array]] = {use: [] for use in kept}
    rows = 0
    for part in parts:
        for _, batch in part.batches(reject, repair):
            rows += batch.num_rows
            for use, name in kept.items():
                held[use].append(batch.column(name))
    if not rows:
        raise SourceError(f"{what} has no rows")
    values = {use: _together(arrays, kept[use], what) for use, arrays in held.items()}
    notes = [f"{what}: {count:,} x {kind}" for kind, count in lost.items()]
    return Columns(what, rows, values, kept, notes)


def _no_column(table: str, name: str, use: str, known: Sequence[str]) -> ColumnError:
    return ColumnError(f"{table} has no column {name!r} ({use}); {nearest(name, known)}")


def _plain(array: pa.Array) -> pa.Array:
    """Undo encodings: dictionaries, and the long and short forms of strings."""
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        return array.cast(pa.string())
    return array


def _together(arrays: list[pa.Array], name: str, what: str) -> pa.ChunkedArray:
    plain = [_plain(array) for array in arrays]
    kinds = {str(a.type): a.type for a in plain if not pa.types.is_null(a.type)}
    if not kinds:
        return pa.chunked_array(plain)
    if len(kinds) == 1:
        (kind,) = kinds.values()
        return pa.chunked_array([a.cast(kind) if a.type != kind else a for a in plain])
    try:
        kind = pa.unify_schemas(
            [pa.schema([("x", kind)]) for kind in kinds.values()], promote_options="permissive"
        )[0].type
        return pa.chunked_array([a.cast(kind) for a in plain])
    except pa.ArrowException as error:
        raise ColumnError(
            f"column {name!r} is {' and '.join(sorted(kinds))} in the parts of {what}: make them "
            "alike"
        ) from error


def _atlas_of(source: Any) -> Any:
    from isogloss.atlas import Atlas

    if isinstance(source, Atlas):
        return source
    if isinstance(source, str | Path) and str(source) != "-":
        folder = Path(source).expanduser()
        try:
            found = (folder / "manifest.json").is_file() or (
                folder / "work" / "plan.json"
            ).is_file()
        except (OSError, ValueError):
            found = False
        if found:
            return Atlas.open(folder)
    return None


def _from_atlas(atlas: Any, named: dict[str, str], optional: Sequence[str]) -> Columns:
    known = ["id", "text", "topic", *atlas.manifest.attributes]
    kept = {}
    for use, name in named.items():
        if name in known:
            kept[use] = name
        elif use not in optional:
            raise _no_column(str(atlas.path), name, use, known)
    names: dict[int, str] = {}
    if "topic" not in kept:
        kept["topic"] = "topic"
    if kept["topic"] == "topic":
        names = {topic.id: topic.label for topic in atlas.topics}
    columns = sorted({*kept.values(), "document"})
    held: dict[str, list[pa.Array]] = {name: [] for name in columns}
    for batch in atlas.passages(columns):
        for name in columns:
            held[name].append(batch.column(name))
    if not held["document"]:
        raise SourceError(f"{atlas.path} has no passages")
    whole = {name: pa.chunked_array(arrays) for name, arrays in held.items()}
    # A document of several passages is one entry: its first passage speaks for it.
    documents = whole.pop("document").to_numpy()
    first = np.unique(documents, return_index=True)[1]
    notes = []
    if len(first) < len(documents):
        taken = pa.array(np.sort(first))
        if "document" not in kept.values():
            whole = {name: column.take(taken) for name, column in whole.items()}
        notes.append(
            f"{plural(len(documents) - len(first), 'further passage')} of documents left out"
        )
    values = {use: whole[name] for use, name in kept.items()}
    return Columns(str(atlas.path), len(first), values, kept, notes, names)


def strings(column: pa.ChunkedArray, name: str, use: str) -> pa.ChunkedArray:
    """Give names as strings: numbers are written out, lists and the like refused.

    Examples
    --------
    >>> strings(pa.chunked_array([[7, None]]), "who", "author").to_pylist()
    ['7', None]
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return strings(column.cast(kind.value_type), name, use)
    plain = (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
        or pa.types.is_null(kind) or pa.types.is_string_view(kind)
    )  # fmt: skip
    if pa.types.is_floating(kind):  # whole numbers with gaps, as pandas has them
        whole = np.asarray(pc.drop_null(column).to_numpy(), dtype=np.float64)
        whole = whole[~np.isnan(whole)]
        if (whole == np.floor(whole)).all() and (np.abs(whole) < 2**53).all():
            holes = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
            return holes.cast(pa.int64()).cast(pa.string())
    if not plain:
        raise ColumnError(f"column {name!r} ({use}) is {kind}; names are strings or whole numbers")
    return column.cast(pa.string())


def numbers(column: pa.ChunkedArray, name: str, use: str) -> NDArray[np.float64]:
    """Give numbers as float64, NaN where there is none.

    Examples
    --------
    >>> numbers(pa.chunked_array([[3, None]]), "votes", "score").tolist()
    [3.0, nan]
    """
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not number and not pa.types.is_null(kind):
        raise ColumnError(f"column {name!r} ({use}) is {kind}; it must hold numbers")
    return np.array(column.cast(pa.float64()).fill_null(float("nan")).to_numpy(), dtype=np.float64)
