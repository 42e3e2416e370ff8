"""What every topic model gives: who belongs where, and the words of each topic."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.files import atomic_path, write_json
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.topics.saved_folder import RESULT, into_folder
from isogloss.topics.tree import TopicTree

__all__ = ["TopicResult"]

FORMAT = 1


@dataclass(frozen=True, eq=False)
class TopicResult:
    """Topics of a corpus, whatever model found them.

    Parameters
    ----------
    membership : float32 CSR (n, t)
        Part of each passage in each topic; rows sum to at most 1, the rest belongs nowhere. Hard
        clusterers give 1.
    labels : int32 (n,)
        One topic a passage, -1 for none.
    keywords : sequence of sequence of str
        Words of each topic, best first.
    topic_word : float32 CSR (t, v), optional
        Weight of each word in each topic; what it means is said by `weighting`.
    vocabulary : sequence of str, optional
        The word of each column of `topic_word`.
    weighting : str
        "probability", "counts", "class tf-idf", "feature maximization" ...; empty without weights.
    tree : TopicTree, optional
        How topics nest; flat by default.
    names : sequence of str, optional
        A name for each topic; empty by default.
    provenance : dict
        Model, parameters, seed, seconds: fit for JSON.

    Raises
    ------
    ParameterError
        When shapes do not fit, or a label is no topic.

    Examples
    --------
    >>> result = TopicResult.hard(np.array([0, 1, 1, -1]), keywords=[["cat"], ["moon"]])
    >>> result.count, result.sizes.tolist(), result.coverage
    (2, [1, 2], 0.75)
    """

    membership: Any
    labels: NDArray[np.int32]
    keywords: tuple[tuple[str, ...], ...]
    topic_word: Any = None
    vocabulary: tuple[str, ...] = ()
    weighting: str = ""
    tree: TopicTree | None = None
    names: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def keep(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        keep("membership", sp.csr_matrix(self.membership, dtype=np.float32))
        labels = np.array(self.labels, dtype=np.int32)
        labels.setflags(write=False)
        keep("labels", labels)
        keep("keywords", tuple(tuple(words) for words in self.keywords))
        keep("vocabulary", tuple(self.vocabulary))
        n, t = self.membership.shape
        keep("names", tuple(self.names) or ("",) * t)
        if labels.shape != (n,):
            raise ParameterError(f"labels have shape {labels.shape} for {n} passages")
        if n and not (int(labels.min()) >= -1 and int(labels.max()) < t):
            raise ParameterError(f"labels reach from {labels.min()} to {labels.max()}, topics {t}")
        for name in ("keywords", "names"):
            if len(getattr(self, name)) != t:
                raise ParameterError(f"{name} has {len(getattr(self, name))} entries, topics {t}")
        if self.tree is not None and len(self.tree) != t:
            raise ParameterError(f"the tree has {len(self.tree)} nodes, topics {t}")
        if self.topic_word is not None:
            weights = sp.csr_matrix(self.topic_word, dtype=np.float32)
            keep("topic_word", weights)
            if weights.shape != (t, len(self.vocabulary)):
                raise ParameterError(
                    f"topic_word has shape {weights.shape}, there are {t} topics and "
                    f"{len(self.vocabulary)} words"
                )

    @classmethod
    def hard(
        cls, labels: NDArray[np.integer[Any]], *, keywords: Any, **fields: Any
    ) -> "TopicResult":
        """Give the result of a clusterer: each passage wholly in one topic, or in none."""
        topics = np.asarray(labels).astype(np.int32)
        held = np.flatnonzero(topics >= 0)
        shape = (len(topics), len(keywords))
        ones = np.ones(len(held), dtype=np.float32)
        membership = sp.csr_matrix((ones, (held, topics[held])), shape=shape)
        return cls(membership, topics, keywords, **fields)

    @property
    def count(self) -> int:
        """Number of topics."""
        return int(self.membership.shape[1])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Passages labelled with each topic, int64 (t,)."""
        return np.bincount(self.labels[self.labels >= 0], minlength=self.count)

    @property
    def coverage(self) -> float:
        """Share of the passages with a topic."""
        return float((self.labels >= 0).mean()) if len(self.labels) else 0.0

    def named(self, names: Any) -> "TopicResult":
        """Give the same result with a name for each topic."""
        return replace(self, names=tuple(names))

    def save(self, folder: str | Path) -> None:
        """Write `topics.json` and `topics.safetensors` into a folder, made if need be.

        Raises
        ------
        ParameterError
            When the folder is a file, or holds files of these names that no topic model wrote.
        StorageError
            When the disk refuses.
        """
        folder = Path(folder)
        arrays: dict[str, NDArray[Any]] = {"labels": self.labels}
        for name in ("membership", "topic_word"):
            rows = getattr(self, name)
            if rows is not None:
                arrays[f"{name}.start"] = rows.indptr.astype(np.int64)
                arrays[f"{name}.column"] = rows.indices.astype(np.int32)
                arrays[f"{name}.value"] = rows.data
        about = {
            "format": FORMAT, "topics": self.count, "keywords": self.keywords,
            "vocabulary": self.vocabulary, "weighting": self.weighting, "names": self.names,
            "tree": None if self.tree is None else self.tree.to_json(),
            "provenance": self.provenance,
        }  # fmt: skip
        with into_folder(folder, RESULT):
            with atomic_path(folder / "topics.safetensors") as path:
                save_tensors(path, arrays)
            write_json(folder / "topics.json", about)

    @classmethod
    def load(cls, folder: str | Path) -> "TopicResult":
        """Read what `save` wrote.

        Raises
        ------
        AtlasError
            When the format is newer than this version knows.
        """
        folder = Path(folder)
        about = json.loads((folder / "topics.json").read_text(encoding="utf-8"))
        if about.get("format") != FORMAT:
            raise AtlasError(
                f"{folder}: topics of format {about.get('format')}, this isogloss reads {FORMAT}"
            )
        arrays = load_tensors(folder / "topics.safetensors")

        def rows(name: str, columns: int) -> Any:
            if f"{name}.start" not in arrays:
                return None
            stored = [arrays[f"{name}.{part}"] for part in ("value", "column", "start")]
            return sp.csr_matrix(tuple(stored), shape=(len(stored[2]) - 1, columns))

        return cls(
            membership=rows("membership", about["topics"]),
            labels=arrays["labels"],
            keywords=about["keywords"],
            topic_word=rows("topic_word", len(about["vocabulary"])),
            vocabulary=about["vocabulary"],
            weighting=about["weighting"],
            tree=None if about["tree"] is None else TopicTree.from_json(about["tree"]),
            names=about["names"],
            provenance=about["provenance"],
        )
