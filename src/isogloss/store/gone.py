"""What was taken out of an atlas, so that building again from the same source leaves it out."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss._core.tensors import load_tensors, save_tensors

NAME = "gone.safetensors"


def _none() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Gone:
    """Documents that were deleted or replaced, 16 bytes each.

    Parameters
    ----------
    deleted : int64 (n,)
        Keys of deleted documents: hashes of their ids, or of their contents where the source has
        no ids.
    replaced, contents : int64 (m,)
        Keys of documents that were replaced, and hashes of the contents that they had.

    Examples
    --------
    >>> gone = Gone().with_deleted(np.array([7, 8])).without(np.array([8]))
    >>> gone.deleted.tolist()
    [7]
    """

    deleted: NDArray[np.int64] = field(default_factory=_none)
    replaced: NDArray[np.int64] = field(default_factory=_none)
    contents: NDArray[np.int64] = field(default_factory=_none)

    @classmethod
    def read(cls, state: Path) -> "Gone":
        """Read the record of a state folder; empty where there is none."""
        path = state / NAME
        return cls(**load_tensors(path)) if path.exists() else cls()

    def write(self, state: Path) -> None:
        """Write the record, where there is something to say."""
        if len(self.deleted) or len(self.replaced):
            arrays = {"deleted": self.deleted, "replaced": self.replaced, "contents": self.contents}
            save_tensors(state / NAME, arrays)

    def with_deleted(self, keys: NDArray[np.int64]) -> "Gone":
        """Add documents; equal keys are kept as often as they come (contents may be alike)."""
        return Gone(np.concatenate([self.deleted, keys]), self.replaced, self.contents)

    def with_replaced(self, keys: NDArray[np.int64], contents: NDArray[np.int64]) -> "Gone":
        """Add contents that were replaced, each once."""
        pairs = np.stack([self.replaced, self.contents], axis=1)
        pairs = np.unique(np.concatenate([pairs, np.stack([keys, contents], axis=1)]), axis=0)
        return Gone(self.deleted, pairs[:, 0].copy(), pairs[:, 1].copy())

    def without(self, keys: NDArray[np.int64]) -> "Gone":
        """Take back one deletion for each key: its document is in the atlas again."""
        order = np.argsort(self.deleted, kind="stable")
        held = self.deleted[order]
        back, counts = np.unique(keys, return_counts=True)
        first = np.searchsorted(held, back, side="left")
        stop = np.minimum(np.searchsorted(held, back, side="right"), first + counts)
        keep = np.ones(len(held), dtype=bool)
        for low, high in zip(first.tolist(), stop.tolist(), strict=True):
            keep[low:high] = False
        return Gone(held[keep], self.replaced, self.contents)
