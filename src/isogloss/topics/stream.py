"""Passages that arrive after a fit: assigned, counted, and watched for new topics."""

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.threads import single_threaded_blas
from isogloss.topics.assign import Assigner
from isogloss.topics.decision import Decision, Stage
from isogloss.topics.emerge import EXPECTED_NOVELTY, Base, dense_groups, renewed, with_leaf
from isogloss.topics.rows import checked_rows
from isogloss.topics.scale import LEAST_SHARE
from isogloss.topics.tree import TopicTree

if TYPE_CHECKING:
    from isogloss.topics.model import TopicModel

# Passages that are summed at once, whatever the batch.
UNIT = 256
# Of the passages of a small topic, so many parts fit badly at least: the others lie near a topic.
PARTS = 2
# Fewer novel passages make no topic.
FEWEST = 3
# Groups are sought again when the novel passages have grown by such a part.
RARER = 4
# Novelty of a batch is worth a warning from so many times what is expected, in so many passages.
ALARM, LEAST_ALARM = 3.0, 50


@dataclass(frozen=True, eq=False)
class Stream:
    """What a model knows of the passages that came after its fit.

    Parameters
    ----------
    base : Base
        Of the fit; new leaves add rows.
    arrived, novel, made : int
        Passages so far, those that fitted badly, and leaves that they became.
    looked : int
        Novel passages when groups were last sought.
    sizes : int64 (l,)
        Passages of the stream by column of the first assigner.
    sums : float64 (l, d)
        Sum of their vectors, of whole units.
    moments : float64 (d, d)
        Sum of the products of their differences to the centre of their leaf, of whole units.
    words : float64 CSR (l, v)
        Sum of their TF-IDF rows, of whole units.
    pending : (float32 (m, d), CSR (m, v) or None, int64 (m,))
        Vectors, TF-IDF rows and columns of the unit under way, fewer than 256.
    held : (float32 (m, d), CSR (m, v) or None, int64 (m,))
        The latest novel passages and their leaf topics, -1 for none.
    """

    base: Base
    arrived: int
    novel: int
    made: int
    looked: int
    sizes: NDArray[np.int64]
    sums: NDArray[np.float64]
    moments: NDArray[np.float64]
    words: Any
    pending: tuple[NDArray[np.float32], Any, NDArray[np.int64]]
    held: tuple[NDArray[np.float32], Any, NDArray[np.int64]]

    @classmethod
    def begin(cls, base: Base, d: int, v: int | None) -> "Stream":
        """Give the stream of a model that has just been fitted; `v` is None without words."""
        count = len(base.size)
        rows = sp.csr_matrix((0, v), dtype=np.float32) if v is not None else None
        empty = (np.zeros((0, d), np.float32), rows, np.zeros(0, np.int64))
        words = sp.csr_matrix((count, v), dtype=np.float64) if v is not None else None
        return cls(
            base, 0, 0, 0, 0, np.zeros(count, np.int64), np.zeros((count, d)), np.zeros((d, d)),
            words, empty, empty,
        )  # fmt: skip

    def folded(self, centres: NDArray[np.float64]) -> "Stream":
        """Take the unit under way into the sums."""
        rows, words, columns = self.pending
        count = len(self.sizes)
        used = np.flatnonzero(columns >= 0)
        own = columns[used]
        belongs = sp.csr_matrix((np.ones(len(used)), (own, used)), shape=(count, len(rows)))
        rest = rows[used].astype(np.float64)
        if len(used):
            rest -= centres[own]
        with single_threaded_blas():
            moments = self.moments + rest.T @ rest
        empty = (rows[:0], None if words is None else words[:0], columns[:0])
        return replace(
            self, sums=self.sums + belongs @ rows.astype(np.float64), moments=moments,
            words=None if words is None else (self.words + belongs @ words).tocsr(), pending=empty,
        )  # fmt: skip


class TopicStream:
    """`partial_fit` of a `TopicModel`."""

    _stream: Stream | None
    novelty_: float
    new_topics_: int

    def partial_fit(
        self: Any, vectors: Any, counts: Any = None, y: Any = None, *, on_event: OnEvent = ignore
    ) -> "TopicModel":
        """Take in new passages: assign, count, and make a leaf where novel ones come together.

        Topics keep their numbers and names, and their discriminants stay as they are, so that
        passages keep their topics; only to a new leaf may some move. A new subject becomes one from
        about as many passages as the smallest topic of a fit has, sooner when none of them fits.
        Sizes in `tree_` grow at once, and count passages that fitted where they came first. A
        model without topics is fitted.

        Parameters
        ----------
        vectors : float32 (n, d)
            Unit or zero rows, in the order in which they come; how they are cut into calls has no
            influence on the model.
        counts : CSR (n, v), optional
            As in `fit`, over the same vocabulary.
        y : None
            Ignored.
        on_event : callable
            Hears of new leaves, and of a batch that fits badly.

        Returns
        -------
        TopicModel
            Itself. ``novelty_`` is the share of these passages that fit badly: nearer the
            centroid of their leaf are 95% of the passages of the fit. ``new_topics_`` counts the
            leaves that the stream has made; they have the numbers after all others.

        Raises
        ------
        AtlasError
            For a model that was saved before there were streams.

        Notes
        -----
        Memory: the latest `novel_rows` novel passages, 256 others, and sums by leaf.
        """
        if not hasattr(self, "_decision"):
            self.fit(vectors, counts)
            return self  # type: ignore[no-any-return]
        if self._stream is None:
            raise AtlasError("this topic model was saved without what a stream needs: fit again")
        vectors, counts = checked_rows(vectors, counts, dim=self._dim)
        self._check_counts(counts)
        before, topics = self._stream.novel, len(self.tree_)
        first = 0
        while first < len(vectors):
            room = UNIT - len(self._stream.pending[0])
            part = slice(first, first + room)
            first += self._take(
                vectors[part], None if counts is None else self._words.transform(counts[part])
            )
            if len(self._stream.pending[0]) == UNIT:
                centres = _centres(self._decision.stages[0].assigner, self._stream.base)
                self._stream = self._stream.folded(centres)
            if self._waited_for() == 0:
                self._seek()
        self._tell(len(vectors), self._stream.novel - before, topics, on_event)
        return self  # type: ignore[no-any-return]

    def refresh(self: Any) -> "TopicModel":
        """Give a model whose discriminants know the passages of the stream too.

        Means, covariance, priors and words of the topics are those of all passages, fitted and
        arrived; numbers and names stay. Some passages may get other topics than before, so sizes
        are those of `predict` no longer until all passages are assigned anew.
        """
        self._need_topics()
        if self._stream is None:
            raise AtlasError("this topic model was saved without what a stream needs: fit again")
        made: TopicModel = copy.copy(self)
        first = self._decision.stages[0]
        stream = self._stream.folded(_centres(first.assigner, self._stream.base))
        if not first.assigner.leaves:
            return made
        assigner, base = renewed(
            first.assigner, stream.base, stream.sizes, stream.sums, stream.moments, stream.words
        )
        stages = (replace(first, assigner=assigner), *self._decision.stages[1:])
        made._decision = Decision(stages, self._decision.leaf_of)
        begun = Stream.begin(base, self._dim, None if stream.words is None else len(assigner.words))
        made._stream = replace(begun, held=stream.held, arrived=stream.arrived, novel=stream.novel,
                               made=stream.made, looked=stream.looked)  # fmt: skip
        for name in ("labels_", "membership_"):
            made.__dict__.pop(name, None)
        return made

    def _take(self: Any, rows: NDArray[np.float32], words: Any) -> int:
        """Assign and count passages of one unit, up to where groups are sought; say how many."""
        stream: Stream = self._stream
        first = self._decision.stages[0].assigner
        labels, _ = self._decision(rows, words)
        columns, _ = first(rows, words)
        choice, cosine = first.nearness(rows, words)
        full = rows.any(axis=1)
        if words is not None:
            full |= np.diff(words.indptr) > 0
        low = stream.base.low if first.leaves else np.full(1, -1.0, dtype=np.float32)
        novel = np.flatnonzero(full & ((columns < 0) | (cosine < low[choice])))
        # What comes after the last that is waited for may get a topic that is not there yet.
        waited = max(1, self._waited_for())
        count = int(novel[waited - 1]) + 1 if waited <= len(novel) else len(rows)
        rows, labels, columns = rows[:count], labels[:count], columns[:count]
        words, novel = None if words is None else words[:count], novel[novel < count]
        held = _joined(stream.held, rows[novel], words, novel, labels[novel].astype(np.int64))
        sizes = np.bincount(columns[columns >= 0], minlength=len(stream.sizes))
        self._stream = replace(
            stream, arrived=stream.arrived + count, novel=stream.novel + len(novel),
            sizes=stream.sizes + sizes, held=_latest(held, self._most_held()),
            pending=_joined(
                stream.pending, rows, words, np.arange(count), columns.astype(np.int64)
            ),
        )  # fmt: skip
        self.tree_ = _resized(
            self.tree_, np.bincount(labels[labels >= 0], minlength=len(self.tree_))
        )
        return count

    def _most_held(self: Any) -> int:
        return max(int(self.novel_rows), 2 * int(self.min_topic_size))

    def _few(self: Any) -> int:
        """Give the number of novel passages that make a topic, of as many as there are by now."""
        passages = sum(root.size for root in self.tree_.roots)
        looked_at = passages if self.first_rows is None else min(passages, self.first_rows)
        least = max(self._least_size(passages), int(LEAST_SHARE * looked_at))
        return max(FEWEST, int(least) // PARTS)

    def _waited_for(self: Any) -> int:
        """Give how many more novel passages must come before groups are sought."""
        stream: Stream = self._stream
        few, most = self._few(), self._most_held()
        held, fresh = len(stream.held[0]), stream.novel - stream.looked
        more: int = max(0, 2 * few - held, few - fresh)
        while fresh + more < min(held + more, most) // RARER:
            more += 1
        return more

    def _seek(self: Any) -> None:
        """Look for groups among the novel passages, and make each a leaf."""
        stream: Stream = self._stream
        rows, words, topics = stream.held
        self._stream = replace(stream, looked=stream.novel)
        first: Stage = self._decision.stages[0]
        groups = dense_groups(
            rows, words, stream.base, _centroids(first.assigner),
            neighbours=min(self.neighbours, max(5, len(rows) // 10)),
            lexical_weight=self.lexical_weight, even_edges=self.even_edges, least=self._few(),
            seed=self.random_state,
        )  # fmt: skip
        for members in groups:
            self._add_leaf(rows[members], None if words is None else words[members])
        if not groups:
            return
        # Novel passages that now fit leave; those that moved are counted where they are.
        labels, _ = self._decision(rows, words)
        old, new = topics[topics >= 0], labels[labels >= 0]
        change = np.bincount(new, minlength=len(self.tree_)).astype(np.int64)
        change -= np.bincount(old, minlength=len(self.tree_))
        self.tree_ = _resized(self.tree_, change)
        stay = np.flatnonzero(labels < len(self.tree_) - len(groups))
        told = None if words is None else words[stay]
        self._stream = replace(self._stream, held=(rows[stay], told, labels[stay].astype(np.int64)))

    def _add_leaf(self: Any, rows: NDArray[np.float32], words: Any) -> None:
        stream: Stream = self._stream
        decision: Decision = self._decision
        first = decision.stages[0]
        assigner, base = with_leaf(first.assigner, stream.base, rows, words)
        slot, topic = len(decision.leaf_of), len(self.tree_)
        likeness = assigner.weights[:, assigner.leaves : -1].T @ assigner.weights[:, -1]
        stage = Stage(assigner, np.append(first.slots, np.int32(slot)), first.gate)
        self._decision = Decision(
            (stage, *decision.stages[1:]), np.append(decision.leaf_of, np.int32(topic))
        )
        nearest = int(first.slots[int(likeness.argmax())]) if len(likeness) else slot
        self._joins = [*self._joins, *([(nearest, slot, 0.0)] if nearest != slot else [])]
        self.tree_ = replace(
            self.tree_, parent=np.append(self.tree_.parent, np.int32(-1)),
            size=np.append(self.tree_.size, 0),
            persistence=np.append(self.tree_.persistence, np.float32(0)),
            labels=(*self.tree_.labels, ""), keywords=(*self.tree_.keywords, ()),
            exemplars=(*self.tree_.exemplars, ()),
        )  # fmt: skip
        self._stream = replace(
            stream, base=base, made=stream.made + 1, sizes=np.append(stream.sizes, 0),
            sums=np.vstack([stream.sums, np.zeros((1, rows.shape[1]))]),
            words=None if words is None else sp.vstack(
                [stream.words, sp.csr_matrix((1, words.shape[1]))], format="csr"),
        )  # fmt: skip

    def _tell(self: Any, count: int, novel: int, topics: int, on_event: OnEvent) -> None:
        self.novelty_ = novel / count if count else 0.0
        self.new_topics_ = self._stream.made
        on_event(Event("partial fit", count, count, "passages"))
        for topic in range(topics, len(self.tree_)):
            message = f"a new topic, {topic}, of passages that fitted no other"
            on_event(Event("partial fit", message=message, level="info"))
        if count >= LEAST_ALARM and self.novelty_ > ALARM * EXPECTED_NOVELTY:
            message = (
                f"{self.novelty_:.0%} of {count:,} new passages fit the topics badly, "
                f"{EXPECTED_NOVELTY:.0%} are expected: fit again when that goes on"
            )
            on_event(Event("partial fit", message=message, level="warning"))


def _centroids(assigner: Assigner) -> NDArray[np.float32]:
    return np.ascontiguousarray(assigner.weights[:, assigner.leaves :].T)


def _centres(assigner: Assigner, base: Base) -> NDArray[np.float64]:
    return np.asarray(_centroids(assigner).astype(np.float64) * base.length[:, None])


def _joined(
    held: tuple[NDArray[np.float32], Any, NDArray[np.int64]], rows: NDArray[np.float32],
    words: Any, taken: NDArray[np.intp], numbers: NDArray[np.int64],
) -> tuple[NDArray[np.float32], Any, NDArray[np.int64]]:  # fmt: skip
    told = None if words is None else sp.vstack([held[1], words[taken]], format="csr")
    return np.vstack([held[0], rows]), told, np.concatenate([held[2], numbers])


def _latest(
    held: tuple[NDArray[np.float32], Any, NDArray[np.int64]], most: int
) -> tuple[NDArray[np.float32], Any, NDArray[np.int64]]:
    rows, words, numbers = held
    if len(rows) <= most:
        return held
    return rows[-most:], None if words is None else words[-most:], numbers[-most:]


def _resized(tree: TopicTree, change: NDArray[np.integer[Any]]) -> TopicTree:
    """Add to the sizes of leaves, and of the topics above them."""
    size = tree.size.copy()
    for topic in np.flatnonzero(change).tolist():
        for above in tree.path(topic):
            size[above] += change[topic]
    return replace(tree, size=size)
