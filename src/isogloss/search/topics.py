"""Filters on `topic`: an inner topic stands for the leaves below it, an unknown one is refused."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from isogloss._core.errors import FilterError
from isogloss.search.typed import Condition, Typed

if TYPE_CHECKING:
    from isogloss.topics.tree import TopicTree


def leaves_below(tree: "TopicTree") -> dict[int, tuple[int, ...]]:
    """Give the leaves of each topic, a leaf's own being itself: passages hold their leaf.

    Examples
    --------
    >>> from isogloss.topics.tree import TopicTree
    >>> leaves_below(TopicTree(parent=[2, 2, -1], size=[1, 1, 2], persistence=[0.5, 0.5, 0.5]))
    {0: (0,), 1: (1,), 2: (0, 1)}
    """
    found: dict[int, list[int]] = {topic.id: [] for topic in tree}
    for topic in tree:
        if topic.is_leaf:
            for above in tree.path(topic.id):
                found[above].append(topic.id)
    return {topic: tuple(leaves) for topic, leaves in found.items()}


def refuse_unknown(node: Typed, topics: Collection[int]) -> None:
    """Refuse a filter that asks for topics that do not exist; -1, for none, may be asked for.

    Parameters
    ----------
    node : Condition, All or Some
        What `check` gave.
    topics : collection of int
        Those that there are.

    Raises
    ------
    FilterError
        Where `topic` is compared by ``=``, ``<>`` or ``IN`` with a number that is no topic.

    Examples
    --------
    >>> import pyarrow as pa
    >>> refuse_unknown(Condition("topic", pa.int32(), "IN", (1, -1)), range(3))
    >>> refuse_unknown(Condition("topic", pa.int32(), "=", (99,)), range(3))
    Traceback (most recent call last):
    isogloss._core.errors.FilterError: filter: there is no topic 99; topics are 0..2
    """
    if not isinstance(node, Condition):
        for child in node.nodes:
            refuse_unknown(child, topics)
    elif node.column == "topic" and node.op in ("=", "<>", "IN"):
        for value in node.values:
            if value != -1 and value not in topics:
                there = f"topics are 0..{max(topics)}" if topics else "there are no topics"
                raise FilterError(f"filter: there is no topic {value}; {there}")


def with_leaves(node: Typed, below: Mapping[int, Sequence[int]]) -> Typed:
    """Write inner topics in a checked filter as the leaves below them.

    Parameters
    ----------
    node : Condition, All or Some
        What `check` gave.
    below : mapping of int to ints
        Leaves of each topic.

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
    if node.column != "topic" or node.op not in ("=", "<>", "IN"):
        return node
    if all(tuple(below.get(value, (value,))) == (value,) for value in node.values):
        return node
    values = [leaf for value in node.values for leaf in below.get(value, (value,))]
    negated = node.negated != (node.op == "<>")
    return replace(node, op="IN", values=tuple(dict.fromkeys(values)), negated=negated)
