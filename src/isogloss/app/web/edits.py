"""Edits of topics through the server: one after the other, only of the version that was seen."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss.app.web.asgi import Refusal
from isogloss.atlas import Atlas

if TYPE_CHECKING:
    from isogloss.app.web.explorer import Explorer
    from isogloss.app.web.view import View
    from isogloss.topics.tree import TopicTree


class Edits:
    """Changes an explorer's atlas, and tells what became of the topics.

    Parameters
    ----------
    explorer : Explorer
    """

    def __init__(self, explorer: "Explorer") -> None:
        self.explorer = explorer
        self._one: asyncio.Lock | None = None
        self.running = False

    async def apply(self, version: int, change: Callable[[Atlas], Any]) -> dict[str, Any]:
        """Change the atlas if it still has the version that the client saw.

        Parameters
        ----------
        version : int
            That version.
        change : callable
            Takes an `Atlas` and edits it; runs in a thread of its own.

        Returns
        -------
        dict
            ``version``, and ``topics``: pairs of old and new number, new None where the topic
            is gone.

        Raises
        ------
        Refusal
            403 ``"read_only"`` where edits are off, 409 ``"stale"`` for another version.
        IsoglossError
            What the edit itself says.
        """
        self.explorer.need_editable()
        if self._one is None:
            self._one = asyncio.Lock()
        async with self._one:
            before = await self.explorer.view()
            self._check(version, before)
            self.running = True
            try:
                await _uninterrupted(asyncio.to_thread(self._change, version, change))
            except AtlasError as error:
                self._check(version, await self.explorer.view())
                raise Refusal(409, "conflict", str(error)) from error
            finally:
                self.running = False
            after = await self.explorer.view()
        pairs = await asyncio.to_thread(matched, before, after)
        return {"version": after.version, "topics": pairs}

    def _change(self, version: int, change: Callable[[Atlas], Any]) -> None:
        atlas = Atlas.open(self.explorer.path)
        if atlas.manifest.version == version:
            change(atlas)
        else:  # moved on this moment
            raise AtlasError(f"{self.explorer.path} was changed meanwhile: load it again")

    def _check(self, version: int, view: "View") -> None:
        if version != view.version:
            raise Refusal(
                409,
                "stale",
                f"the atlas is at version {view.version} by now, you saw {version}: load it again",
            )


async def _uninterrupted(work: Any) -> Any:
    """Finish work even when the client leaves: the lock must not be let go before."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def matched(before: "View", after: "View") -> list[dict[str, int | None]]:
    """Say which topic of a version is which of the next, by their passages.

    A topic is that of the next version with which it shares most, measured by their passages in
    common over those of either, if that is at least a half; else the smallest that took in nine
    tenths of it; else None.
    """
    old, new = before.atlas.topics, after.atlas.topics
    if before.points is after.points:  # names only
        return [{"old": topic, "new": topic} for topic in range(len(old))]
    rows = after.points.numbers.searchsorted(before.points.numbers).clip(
        0, max(0, len(after.points) - 1)
    )
    if not len(rows) or not len(after.points):
        return [{"old": topic, "new": None} for topic in range(len(old))]
    same = after.points.numbers[rows] == before.points.numbers
    shared = joint(
        before.points.topics[same], after.points.topics[rows[same]], old=old, new=new
    )  # fmt: skip
    union = old.size[:, None] + new.size[None, :] - shared
    alike = shared / np.maximum(union, 1)
    return [
        {"old": topic, "new": _new(topic, alike, shared, old, new)} for topic in range(len(old))
    ]


def _new(
    topic: int,
    alike: NDArray[np.float64],
    shared: NDArray[np.int64],
    old: "TopicTree",
    new: "TopicTree",
) -> int | None:
    if not len(new):
        return None
    best = int(alike[topic].argmax())
    # Among equals (an only child and its parent) the same number is the same topic.
    if topic < len(new) and alike[topic, topic] == alike[topic, best]:
        best = topic
    if alike[topic, best] >= 0.5:
        return best
    took = np.flatnonzero(shared[topic] >= max(1.0, 0.9 * float(old.size[topic])))
    return int(took[new.size[took].argmin()]) if len(took) else None


def joint(
    first: NDArray[np.int32], second: NDArray[np.int32], *, old: "TopicTree", new: "TopicTree"
) -> NDArray[np.int64]:
    """Count the passages that each topic shares with each of another tree: int64 (t, u)."""
    known = (first >= 0) & (second >= 0)
    flat = first[known].astype(np.int64) * len(new) + second[known]
    counts = np.bincount(flat, minlength=len(old) * len(new)).reshape(len(old), len(new))
    for tree, axis in ((old, 0), (new, 1)):
        leaves = {topic.id for topic in tree.leaves}
        total = np.zeros_like(counts)
        for topic in range(len(tree)):
            if topic in leaves:
                for above in tree.path(topic):
                    if axis == 0:
                        total[above] += counts[topic]
                    else:
                        total[:, above] += counts[:, topic]
        counts = total
    return np.asarray(counts, dtype=np.int64)
