"""Topics after passages went and came: sizes, and exemplars in the place of those that went."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss.build.edit import BATCH, passage_vectors
from isogloss.build.topics import EXEMPLARS, inner_sizes, leaf_columns

if TYPE_CHECKING:
    from isogloss.topics.tree import TopicTree


def without_passages(
    tree: "TopicTree", change: NDArray[np.int64], gone: NDArray[np.int64], opened: Any
) -> "TopicTree":
    """Give the tree new sizes, and new exemplars where old ones went.

    Parameters
    ----------
    tree : TopicTree
        Before the change.
    change : int64 (l,)
        How much larger or smaller each leaf has become.
    gone : int64 (n,)
        Numbers of the passages that went.
    opened : lancedb.table.Table
        The passages after the change.

    Returns
    -------
    TopicTree
        Names, keywords and numbers as before.
    """
    size = tree.size + inner_sizes(tree.parent, change)
    lost = set(gone.tolist())  # asked, never iterated
    kept = [[p for p in shown if int(p) not in lost] for shown in tree.exemplars]
    short = [
        topic for topic, shown in enumerate(tree.exemplars)
        if len(kept[topic]) < len(shown) or (not shown and size[topic])
    ]  # fmt: skip
    if short:
        _refill(tree, kept, short, size, opened)
    return replace(tree, size=size, exemplars=tuple(map(tuple, kept)))


def _refill(
    tree: "TopicTree", kept: list[list[int]], short: list[int], size: NDArray[np.int64], opened: Any
) -> None:
    """Fill up the exemplars of topics that lost some; what stayed comes first."""
    from isogloss.topics.exemplars import inner_exemplars

    column = leaf_columns(tree.parent)[:-1]
    leaves = [topic for topic in short if column[topic] >= 0]
    for topic, found in zip(leaves, _central(leaves, opened), strict=True):
        kept[topic] = _joined(kept[topic], found)
    leaf_ids = np.flatnonzero(column >= 0)
    shown = [np.array(kept[leaf], dtype=np.int64) for leaf in leaf_ids.tolist()]
    inner = inner_exemplars(shown, tree.parent, size[leaf_ids], k=EXEMPLARS)
    for topic in short:
        if column[topic] < 0:
            kept[topic] = _joined(kept[topic], inner[topic].tolist())


def _joined(first: list[int], more: list[int]) -> list[int]:
    return list(dict.fromkeys([*map(int, first), *more]))[:EXEMPLARS]


def _central(leaves: list[int], opened: Any) -> list[list[int]]:
    """Find the most central passages of some leaves, in two passes over their vectors."""
    from isogloss.topics.exemplars import ExemplarPicker

    if not leaves:
        return []
    dim = opened.schema.field("vector").type.list_size
    place = np.full(max(leaves) + 2, -1, dtype=np.int64)
    place[leaves] = np.arange(len(leaves))
    centres = np.zeros((len(leaves), dim))
    for label, rows, _ in _members(leaves, place, opened):
        np.add.at(centres, label, rows.astype(np.float64))
    picker = ExemplarPicker(centres, k=EXEMPLARS)
    for label, rows, batch in _members(leaves, place, opened):
        picker.add(
            rows, label, batch.column("membership").to_numpy(), batch.column("passage").to_numpy()
        )
    return [found.tolist() for found in picker.result()]


def _members(leaves: list[int], place: NDArray[np.int64], opened: Any) -> Any:
    from isogloss.store import table

    columns = ["passage", "topic", "membership", "vector"]
    query = opened.search().where(f"topic IN ({', '.join(map(str, leaves))})").select(columns)
    with table.reading("the table of passages"):
        for batch in query.to_batches(batch_size=BATCH):
            yield place[batch.column("topic").to_numpy()], passage_vectors(batch), batch
