"""Filters on `topic`: an inner topic stands for the leaves below it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from isogloss.search.typed import Condition, Typed


def with_leaves(node: Typed, below: Mapping[int, Sequence[int]]) -> Typed:
    """Write inner topics in a checked filter as the leaves below them.

    Parameters
    ----------
    node : Condition, All or Some
        What `check` gave.
    below : mapping of int to ints
        Leaves of each inner topic.

    Returns
    -------
    Condition, All or Some
        Tests of `topic` by ``=``, ``<>`` and ``IN`` name leaves; all else is as it was.

    Examples
    --------
    >>> import pyarrow as pa
    >>> test = Condition("topic", pa.int32(), "<>", (7,))
    >>> changed = with_leaves(test, {7: (1, 2)})
    >>> changed.op, changed.values, changed.negated
    ('IN', (1, 2), True)
    """
    if not isinstance(node, Condition):
        return type(node)(tuple(with_leaves(child, below) for child in node.nodes))
    inner = node.op in ("=", "<>", "IN") and any(value in below for value in node.values)
    if node.column != "topic" or not inner:
        return node
    values = [leaf for value in node.values for leaf in below.get(value, (value,))]
    negated = node.negated != (node.op == "<>")
    return replace(node, op="IN", values=tuple(dict.fromkeys(values)), negated=negated)
