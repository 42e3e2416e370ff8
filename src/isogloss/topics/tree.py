"""The tree of topics: a frozen record of arrays, and views of its nodes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural

# Characters of a topic's name.
LONGEST_NAME = 200
# Line ends, C0 and C1 controls, bidirectional overrides and isolates, halves of characters.
_NOT_IN_NAMES = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True, eq=False)
class TopicTree:
    """Topics, each with at most one parent; sizes of children add up to their parent's.

    A fit numbers leaves first (0, 1, ... by falling size), then inner topics (by falling size).
    Edits and streams keep numbers where they can, so that leaves may stand anywhere.

    Parameters
    ----------
    parent : int32 (t,)
        The topic above each; -1 for roots.
    size : int64 (t,)
        Passages in each topic.
    persistence : float32 (t,)
        How far a topic stands out, 0..1: of a leaf the share of scales over which it survives (it
        joins another at resolution r, falls apart at s: ``1 - r / s``), of an inner topic
        ``1 - c / d``, where its parts join at cost c and it joins others at d (Ward).
    labels : sequence of str, optional
        A name for each topic.
    keywords : sequence of sequence of str, optional
        Words for each topic, best first.
    exemplars : sequence of sequence, optional
        Passage ids for each topic, best first.

    Raises
    ------
    ParameterError
        When lengths differ, a parent does not come after its children, or sizes do not add up.

    Examples
    --------
    >>> tree = TopicTree(parent=[3, 3, -1, -1], size=[5, 4, 2, 9], persistence=[0.5, 0.5, 0.7, 0.9])
    >>> [topic.id for topic in tree.roots], tree.path(1)
    ([3, 2], [3, 1])
    >>> [topic.id for topic in tree[3].children]
    [0, 1]
    """

    parent: NDArray[np.int32]
    size: NDArray[np.int64]
    persistence: NDArray[np.float32]
    labels: tuple[str, ...] = ()
    keywords: tuple[tuple[str, ...], ...] = ()
    exemplars: tuple[tuple[Any, ...], ...] = ()
    depth: NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        def set_field(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        for name, dtype in (("parent", np.int32), ("size", np.int64), ("persistence", np.float32)):
            array = np.array(getattr(self, name), dtype=dtype).reshape(-1)
            array.setflags(write=False)
            set_field(name, array)
        t = len(self.parent)
        set_field("labels", tuple(self.labels) or ("",) * t)
        set_field("keywords", tuple(tuple(words) for words in self.keywords) or ((),) * t)
        set_field("exemplars", tuple(tuple(ids) for ids in self.exemplars) or ((),) * t)
        for name in ("size", "persistence", "labels", "keywords", "exemplars"):
            if len(getattr(self, name)) != t:
                raise ParameterError(
                    f"{name} has {len(getattr(self, name))} entries for {t} topics"
                )
        set_field("depth", self._depths())
        self._check_sizes()

    def _depths(self) -> NDArray[np.int32]:
        t = len(self.parent)
        depth = np.full(t, -1, dtype=np.int32)
        for start in range(t):
            chain: list[int] = []
            node = start
            while node >= 0 and depth[node] < 0:
                if len(chain) > t or self.parent[node] >= t:
                    raise ParameterError(f"topic {start} has no root: parents must form a tree")
                chain.append(node)
                node = int(self.parent[node])
            below = -1 if node < 0 else int(depth[node])
            for steps, topic in enumerate(reversed(chain), start=1):
                depth[topic] = below + steps
        depth.setflags(write=False)
        return depth

    def _check_sizes(self) -> None:
        inner = self.parent >= 0
        sums = np.bincount(self.parent[inner], weights=self.size[inner], minlength=len(self))
        wrong = np.flatnonzero(self._has_children() & (sums != self.size))
        if len(wrong):
            topic = int(wrong[0])
            raise ParameterError(
                f"topic {topic} has size {self.size[topic]}, its children {int(sums[topic])}"
            )

    def _has_children(self) -> NDArray[np.bool_]:
        inner = np.zeros(len(self), dtype=bool)
        inner[self.parent[self.parent >= 0]] = True
        return inner

    def __len__(self) -> int:
        return len(self.parent)

    def __iter__(self) -> Iterator["Topic"]:
        return (Topic(self, i) for i in range(len(self)))

    def __getitem__(self, topic: int) -> "Topic":
        whole = isinstance(topic, int | np.integer) and not isinstance(topic, bool)
        if not whole or not 0 <= topic < len(self):
            there = f"topics are 0..{len(self) - 1}" if len(self) else "there are no topics"
            raise ParameterError(f"there is no topic {topic!r}; {there}")
        return Topic(self, int(topic))

    def __repr__(self) -> str:
        return (
            f"TopicTree({plural(len(self.leaves), 'leaf', 'leaves')}, {plural(len(self), 'topic')})"
        )

    @property
    def roots(self) -> tuple["Topic", ...]:
        """Topics without a parent, largest first."""
        return self._ordered(np.flatnonzero(self.parent < 0))

    @property
    def leaves(self) -> tuple["Topic", ...]:
        """Topics without children, by id."""
        return tuple(Topic(self, int(i)) for i in np.flatnonzero(~self._has_children()))

    def leaf(self, topic: int) -> "Topic":
        """Give a leaf topic by its id; an inner topic is refused (use ``tree[id]``)."""
        node = self[topic]
        if not node.is_leaf:
            raise ParameterError(f"topic {topic} is no leaf: it has {len(node.children)} children")
        return node

    def children(self, topic: int) -> tuple["Topic", ...]:
        """Give the topics right below one, largest first."""
        return self._ordered(np.flatnonzero(self.parent == self[topic].id))

    def _ordered(self, ids: NDArray[np.intp]) -> tuple["Topic", ...]:
        order = np.lexsort((ids, -self.size[ids]))
        return tuple(Topic(self, int(i)) for i in ids[order])

    def path(self, topic: int) -> list[int]:
        """Give the ids from the root to a topic, itself included; empty for -1 (no topic)."""
        if topic == -1:
            return []
        ids = [self[topic].id]
        while self.parent[ids[-1]] >= 0:
            ids.append(int(self.parent[ids[-1]]))
        return ids[::-1]

    def label(self, topic: int) -> str:
        """Give the label of a topic; empty until it is described."""
        return self.labels[self[topic].id]

    def described(
        self,
        *,
        labels: Sequence[str] | None = None,
        keywords: Sequence[Sequence[str]] | None = None,
        exemplars: Sequence[Sequence[Any]] | None = None,
    ) -> "TopicTree":
        """Give the same tree with labels, keywords or exemplars, one entry a topic."""
        return replace(
            self,
            labels=self.labels if labels is None else tuple(labels),
            keywords=self.keywords if keywords is None else tuple(map(tuple, keywords)),
            exemplars=self.exemplars if exemplars is None else tuple(map(tuple, exemplars)),
        )

    def to_json(self) -> list[dict[str, Any]]:
        """Give one dictionary a topic, by id; the parent of a root is None."""
        return [topic.to_json() for topic in self]

    @classmethod
    def from_json(cls, topics: Sequence[dict[str, Any]]) -> "TopicTree":
        """Give the tree that `to_json` wrote.

        Examples
        --------
        >>> tree = TopicTree(parent=[-1], size=[3], persistence=[1.0])
        >>> TopicTree.from_json(tree.to_json()).to_json() == tree.to_json()
        True
        """
        if [topic["id"] for topic in topics] != list(range(len(topics))):
            raise ParameterError("topics must have the ids 0, 1, 2, ... in order")
        parents = [-1 if topic["parent"] is None else topic["parent"] for topic in topics]
        return cls(
            parent=np.array(parents, dtype=np.int32),
            size=np.array([topic["size"] for topic in topics], dtype=np.int64),
            persistence=np.array([topic["persistence"] for topic in topics], dtype=np.float32),
            labels=tuple(topic["label"] for topic in topics),
            keywords=tuple(tuple(topic["keywords"]) for topic in topics),
            exemplars=tuple(tuple(topic["exemplars"]) for topic in topics),
        )

    def to_pandas(self) -> Any:
        """Give a pandas frame, one row a topic; needs pandas."""
        from isogloss._core.extras import need

        columns = ["id", "parent", "depth", "size", "label", "keywords", "exemplars", "persistence"]
        frame = need("pandas", extra="eval").DataFrame(self.to_json(), columns=columns)
        return frame.astype({"parent": "Int64"})


@dataclass(frozen=True, slots=True, eq=False)
class Topic:
    """One topic of a tree: its id, and what the tree knows of it.

    Examples
    --------
    >>> tree = TopicTree(parent=[-1, -1], size=[5, 4], persistence=[0.5, 0.5])
    >>> tree[0].size, tree[0].parent, tree[0].is_leaf
    (5, None, True)
    """

    tree: TopicTree = field(repr=False)
    id: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topic) and other.tree is self.tree and other.id == self.id

    def __hash__(self) -> int:
        return self.id

    @property
    def parent(self) -> "Topic | None":
        """The topic above, None for a root."""
        above = int(self.tree.parent[self.id])
        return None if above < 0 else Topic(self.tree, above)

    @property
    def children(self) -> tuple["Topic", ...]:
        """The topics right below, largest first."""
        return self.tree.children(self.id)

    @property
    def is_leaf(self) -> bool:
        """Whether nothing is below."""
        return not bool((self.tree.parent == self.id).any())

    @property
    def path(self) -> list[int]:
        """Ids from the root to here."""
        return self.tree.path(self.id)

    @property
    def depth(self) -> int:
        """Steps from the root."""
        return int(self.tree.depth[self.id])

    @property
    def size(self) -> int:
        """Passages in this topic."""
        return int(self.tree.size[self.id])

    @property
    def persistence(self) -> float:
        """How lasting it is over scales, 0..1."""
        return float(self.tree.persistence[self.id])

    @property
    def label(self) -> str:
        """Its name."""
        return self.tree.labels[self.id]

    @property
    def keywords(self) -> tuple[str, ...]:
        """Its words, best first."""
        return self.tree.keywords[self.id]

    @property
    def exemplars(self) -> tuple[Any, ...]:
        """Ids of its clearest passages, best first."""
        return self.tree.exemplars[self.id]

    def to_json(self) -> dict[str, Any]:
        """Give the topic as the command line prints it."""
        above = int(self.tree.parent[self.id])
        return {
            "id": self.id,
            "parent": None if above < 0 else above,
            "depth": self.depth,
            "size": self.size,
            "label": self.label,
            "keywords": list(self.keywords),
            "exemplars": list(self.exemplars),
            "persistence": round(self.persistence, 4),
        }


def checked_name(name: Any, *, of: str = "") -> str:
    """Give a topic's name without space around it; empty stands for none.

    Parameters
    ----------
    name : str
    of : str
        Whose name it is, for the message: ``"a seed"``.

    Raises
    ------
    ParameterError
        For what is no text, holds line ends, control characters or marks that turn the direction
        of what follows, shows nothing, or is above 200 characters. Joiners (U+200C, U+200D) are
        letters' own in Persian, Indic scripts and emoji.

    Examples
    --------
    >>> checked_name("  harbours ")
    'harbours'
    """
    whose = f"the name of {of}" if of else "the name"
    if not isinstance(name, str):
        raise ParameterError(f"{whose} {name!r} is no text: give a str, '' for none")
    plain = name.strip()
    if _NOT_IN_NAMES.search(plain):
        raise ParameterError(
            f"{whose} {plain[:40]!a} holds line ends, control characters or marks that turn the "
            "direction of writing: give one line without them"
        )
    if plain and not any(character.isprintable() for character in plain):
        raise ParameterError(f"{whose} {plain[:40]!a} shows nothing: give a word, '' for none")
    if len(plain) > LONGEST_NAME:
        raise ParameterError(f"{whose} has {len(plain)} characters; {LONGEST_NAME} at most")
    return plain
