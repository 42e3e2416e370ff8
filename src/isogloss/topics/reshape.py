"""Trees with topics merged or split: which topics stay, and how they are numbered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.topics.tree import LONGEST_NAME, TopicTree

Ints = NDArray[np.int32]


def merge_tree(tree: TopicTree, groups: Sequence[Sequence[int]]) -> tuple[TopicTree, Ints]:
    """Make one leaf of the leaves at and below the topics of each group.

    The leaf gets the smallest number of its group and stands below the nearest topic that holds
    all of it; inner topics left with one child or none go. Numbers close up, in their order.

    Parameters
    ----------
    tree : TopicTree
    groups : sequence of sequence of int
        Leaf or inner topics; an inner topic alone becomes a leaf.

    Returns
    -------
    tree : TopicTree
        A merged leaf is called as the topic that it has taken the place of, else by the names of
        its group, joined.
    number : int32 (t,)
        The new number of each old topic: for one that went, of the topic that has its passages.

    Raises
    ------
    ParameterError
        For a number that is no topic, a group of one leaf, or groups that share a leaf.

    Examples
    --------
    >>> tree = TopicTree(parent=[3, 3, -1, -1], size=[5, 4, 2, 9], persistence=[0.5, 0.5, 0.7, 0.9])
    >>> merged, number = merge_tree(tree, [[0, 2]])
    >>> merged.size.tolist(), merged.parent.tolist(), number.tolist()
    ([7, 4], [-1, -1], [0, 1, 0, 1])
    """
    paths = [tree.path(topic) for topic in range(len(tree))]
    leaf = np.ones(len(tree), dtype=bool)
    leaf[tree.parent[tree.parent >= 0]] = False
    below = [
        [int(at) for at in np.flatnonzero(leaf) if topic in paths[at]] for topic in range(len(tree))
    ]
    parent = {topic: int(tree.parent[topic]) for topic in range(len(tree))}
    heir = {topic: topic for topic in range(len(tree))}
    size, persistence, label = tree.size.copy(), tree.persistence.copy(), list(tree.labels)
    taken: dict[int, int] = {}
    for given in groups:
        members = _checked(tree, given)
        leaves = sorted({at for topic in members for at in below[topic]})
        if len(leaves) < 2:
            raise ParameterError(f"{list(given)} is one leaf: give two topics or an inner one")
        for at in leaves:
            if at in taken:
                raise ParameterError(f"topic {at} is in two of the groups to merge")
            taken[at] = min(members)
        shared = [topic for topic in paths[leaves[0]] if set(leaves) <= set(below[topic])]
        kept = min(members)
        whole = bool(shared) and below[shared[-1]] == leaves
        lasting = [shared[-1]] if whole else leaves
        above = shared[:-1] if whole else shared
        gone = [topic for topic in range(len(tree)) if set(below[topic]) <= set(leaves)]
        owners = ([shared[-1]] if whole else [], members, leaves)
        names = [[tree.labels[at] for at in some if tree.labels[at]] for some in owners]
        for topic in gone:
            parent.pop(topic, None)
            heir[topic] = kept
        parent[kept] = above[-1] if above else -1
        heir[kept] = kept
        size[kept] = sum(int(tree.size[at]) for at in leaves)
        persistence[kept] = min(float(tree.persistence[topic]) for topic in lasting)
        label[kept] = _joined(next((some for some in names if some), []))
        leaf[gone] = False
        leaf[kept] = True
    _dissolve(parent, heir, leaf)
    return _closed_up(tree, parent, heir, leaf, size, persistence, label)


def _joined(names: Sequence[str]) -> str:
    """Join names to one, as many as a name may be long.

    Examples
    --------
    >>> _joined(["cars", "bikes", "cars"])
    'cars, bikes'
    """
    found = ""
    for name in dict.fromkeys(names):
        longer = f"{found}, {name}" if found else name
        found = longer if len(longer) <= LONGEST_NAME else found
    return found


def _checked(tree: TopicTree, given: Sequence[int]) -> list[int]:
    if isinstance(given, str | bytes) or not np.iterable(given) or len(given) == 0:
        raise ParameterError(f"{given!r} is no group: give lists of topic numbers, as [[3, 5]]")
    return [tree[topic].id for topic in given]


def _dissolve(parent: dict[int, int], heir: dict[int, int], leaf: NDArray[np.bool_]) -> None:
    """Take out inner topics with one child or none, until there are no more."""
    while True:
        family: dict[int, list[int]] = {topic: [] for topic in parent if not leaf[topic]}
        for topic in sorted(parent):
            if parent[topic] >= 0:
                family[parent[topic]].append(topic)
        thin = [topic for topic in sorted(family) if len(family[topic]) < 2]
        if not thin:
            return
        topic = thin[0]
        for child in family[topic]:
            parent[child] = parent[topic]
        heir[topic] = family[topic][0] if family[topic] else parent[topic]
        del parent[topic]


def _closed_up(
    tree: TopicTree, parent: dict[int, int], heir: dict[int, int], leaf: NDArray[np.bool_],
    size: NDArray[np.int64], persistence: NDArray[np.float32], label: list[str],
) -> tuple[TopicTree, Ints]:  # fmt: skip
    kept = sorted(parent)
    place = {topic: row for row, topic in enumerate(kept)}
    total = {topic: int(size[topic]) if leaf[topic] else 0 for topic in kept}
    for topic in kept:
        above = parent[topic] if leaf[topic] else -1
        while above >= 0:
            total[above] += int(size[topic])
            above = parent[above]
    made = TopicTree(
        parent=np.array([place.get(parent[topic], -1) for topic in kept], dtype=np.int32),
        size=np.array([total[topic] for topic in kept], dtype=np.int64),
        persistence=persistence[kept],
        labels=tuple(label[topic] for topic in kept),
        keywords=tuple(tree.keywords[topic] for topic in kept),
        exemplars=tuple(tree.exemplars[topic] for topic in kept),
    )
    number = []
    for topic in range(len(tree)):
        at = topic
        while at >= 0 and heir[at] != at:
            at = heir[at]
        number.append(place.get(at, -1))
    return made, np.array(number, dtype=np.int32)


def split_tree(
    tree: TopicTree, topic: int, sizes: NDArray[np.integer[Any]], persistence: NDArray[Any]
) -> TopicTree:
    """Put new leaves below a leaf; they get the numbers after all others, which stay.

    Parameters
    ----------
    tree : TopicTree
    topic : int
        A leaf; it keeps number, name and size.
    sizes : int (k,)
        Passages counted in each new leaf. Where they do not sum to the topic's size (they come
        from a sample), the size is shared out in proportion.
    persistence : float (k,)

    Examples
    --------
    >>> tree = TopicTree(parent=[-1], size=[9], persistence=[1.0])
    >>> split_tree(tree, 0, np.array([2, 1]), np.ones(2)).size.tolist()
    [9, 6, 3]
    """
    k = len(sizes)
    own = shared_out(int(tree.size[tree.leaf(topic).id]), np.asarray(sizes))
    return replace(
        tree,
        parent=np.append(tree.parent, np.full(k, topic, dtype=np.int32)),
        size=np.append(tree.size, own),
        persistence=np.append(tree.persistence, np.asarray(persistence, dtype=np.float32)),
        labels=(*tree.labels, *[""] * k),
        keywords=(*tree.keywords, *[()] * k),
        exemplars=(*tree.exemplars, *[()] * k),
    )


def shared_out(total: int, parts: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Share a total out in proportion, in whole numbers; the largest remainders round up.

    Examples
    --------
    >>> shared_out(10, np.array([1, 1, 1])).tolist()
    [4, 3, 3]
    """
    whole = int(parts.sum())
    if whole == total:
        return np.asarray(parts, dtype=np.int64)
    exact = [total * int(part) for part in parts]
    share = [value // whole for value in exact]
    order = sorted(range(len(share)), key=lambda row: (-(exact[row] % whole), row))
    for row in order[: total - sum(share)]:
        share[row] += 1
    return np.array(share, dtype=np.int64)
