"""The filter language: `parse`, `check`, `to_sql`, `to_mask`, and all of it in one step."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from isogloss.search.grammar import Node, parse
from isogloss.search.mask import to_mask
from isogloss.search.sql import to_sql
from isogloss.search.topics import refuse_unknown, with_leaves
from isogloss.search.typed import Typed, check

__all__ = ["Node", "Typed", "check", "compile_filter", "parse", "read_filter", "to_mask", "to_sql"]


def compile_filter(
    text: str, schema: pa.Schema, *, below: Mapping[int, Sequence[int]] | None = None
) -> str:
    """Turn a filter into a SQL predicate for Lance, or say what is wrong with it.

    Parameters
    ----------
    text : str
        The filter.
    schema : pyarrow.Schema
        The columns that it may name.
    below : mapping of int to ints, optional
        Leaves of each topic: passages hold leaves, and ``topic = 7`` means all below 7. A topic
        that is not among them is refused.

    Returns
    -------
    str
        A predicate whose every literal was written anew from its typed value.

    Raises
    ------
    FilterError
        When it does not parse, does not fit the columns, or names a topic that does not exist.

    Examples
    --------
    >>> compile_filter("label IN ('a', 'b')", pa.schema([("label", pa.string())]))
    "`label` IN ('a', 'b')"
    >>> compile_filter("topic = 2", pa.schema([("topic", pa.int8())]), below={2: (0, 1)})
    "`topic` IN (arrow_cast('0', 'Int8'), arrow_cast('1', 'Int8'))"
    >>> compile_filter("label = 3", pa.schema([("label", pa.string())]))
    Traceback (most recent call last):
    isogloss._core.errors.FilterError: filter, column 9: column 'label' holds string: \
give a value such as 'x', not 3
    """
    return to_sql(read_filter(text, schema, below=below))


def read_filter(
    text: str, schema: pa.Schema, *, below: Mapping[int, Sequence[int]] | None = None
) -> Typed:
    """Read a filter and check it against the columns that it may name.

    Parameters
    ----------
    text, schema, below
        As for `compile_filter`.

    Returns
    -------
    Typed
        The checked tree.

    Raises
    ------
    FilterError
        When it does not parse, does not fit the columns, or names a topic that does not exist.

    Examples
    --------
    >>> read_filter("year >= 1993", pa.schema([("year", pa.int16())])).values
    (1993,)
    """
    typed = check(parse(text), schema)
    if below is None:
        return typed
    refuse_unknown(typed, below)
    return with_leaves(typed, below)
