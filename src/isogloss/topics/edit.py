"""What people do to topics after a fit: merge, split, rename, prune, look at other layers."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import NotFitted, ParameterError
from isogloss._core.estimator import absent
from isogloss.topics.assign import Assigner
from isogloss.topics.decision import Decision
from isogloss.topics.graph import WordWeights, neighbour_graphs
from isogloss.topics.leaves import fit_leaves, numbered, tree_over
from isogloss.topics.reshape import merge_tree, split_tree
from isogloss.topics.rows import canonical_order, checked_rows
from isogloss.topics.scale import Communities, first_communities
from isogloss.topics.target import Joins, communities_of, groups_of
from isogloss.topics.tree import TopicTree, checked_name
from isogloss.topics.votes import agreed_communities

if TYPE_CHECKING:
    from isogloss.topics.model import TopicModel

Ints = NDArray[np.int32]
# Nothing is too far for a part of the topic that it is in.
NO_FLOOR = np.array(-np.inf, dtype=np.float32)


class Layer(NamedTuple):
    """One layer of detail.

    Attributes
    ----------
    labels : int32 (n,)
        Topic of this layer for each passage of the fit, -1 for none.
    of : int32 (t,)
        Topic of this layer for each leaf topic; -1 for inner topics that lie above the layer.
        ``layer.of[model.predict(x)]`` gives those of new passages (mind -1).
    topics : int
        Topics in this layer.
    """

    labels: Ints
    of: Ints
    topics: int


class TopicEdits:
    """Merging, splitting, renaming, pruning and layers of a `TopicModel`.

    Every edit gives a new model and leaves the old one as it is. ``renumbered_`` of the new one
    tells the new number of each old topic.
    """

    tree_: TopicTree
    labels_: Ints
    renumbered_: Ints
    _decision: Decision
    _joins: Joins
    _words: WordWeights | None

    def merge(
        self: Any, groups: Sequence[Sequence[int]], vectors: Any = None, counts: Any = None
    ) -> "TopicModel":
        """Merge topics, and give the model in which they are one.

        Every passage of the group gets the merged leaf, and no other passage changes its topic.

        Parameters
        ----------
        groups : sequence of sequence of int
            Topics to be one leaf each, as ``[[3, 5], [8]]``: leaves, or inner topics with all that
            is below them. Numbers are those before the merge.
        vectors, counts
            The passages of the fit: gives `membership_`. Without them it is left out, since the
            strengths of merged topics are not kept.

        Returns
        -------
        TopicModel
            The merged leaf has the smallest number of its group and lies below the nearest topic
            that held all of it; higher numbers close up (``renumbered_``).

        Raises
        ------
        ParameterError
            For a number that is no topic, a group of one leaf, or groups that share a leaf.
        """
        self._need_topics()
        if isinstance(groups, str) or not np.iterable(groups):
            raise ParameterError(f"groups is {groups!r}: give lists of topic numbers, as [[3, 5]]")
        tree, number = merge_tree(self.tree_, list(groups))
        decision = self._decision.renumbered(number)
        merged: TopicModel = self._edited(tree, decision, number, vectors, counts)
        return merged

    def rename(self: Any, topic: int, name: str) -> "TopicModel":
        """Give the model in which a topic has a name; an empty one takes the name away.

        Raises
        ------
        ParameterError
            For a name that another topic has, that is no text of one line, or above 200 letters.
        """
        self._need_topics()
        name = checked_name(name)
        labels = list(self.tree_.labels)
        if name and name in labels and labels.index(name) != topic:
            raise ParameterError(f"topic {labels.index(name)} is called {name!r} already")
        labels[self.tree_[topic].id] = name
        made: TopicModel = copy.copy(self)
        made.tree_ = self.tree_.described(labels=labels)
        made.renumbered_ = np.arange(len(self.tree_), dtype=np.int32)
        return made

    def pins(self: Any, *, most: int = 100) -> dict[str, list[int]]:
        """Give the clearest passages of each named leaf, as seeds for another fit.

        ``TopicModel(seeds=model.pins()).fit(...)`` on the same passages finds leaves of the same
        names, whatever else has changed: seed, scale, words.

        Parameters
        ----------
        most : int, default 100
            Passages a name.

        Returns
        -------
        dict of str to list of int
            Numbers of passages of the fit, the strongest first; equal ones by number.
        """
        self._need_topics()
        found: dict[str, list[int]] = {}
        for topic in self.tree_.leaves:
            held: NDArray[np.intp] = np.flatnonzero(self.labels_ == topic.id)
            if topic.label and len(held):
                strength = self.membership_[held, topic.id].toarray().ravel()
                found[topic.label] = held[np.lexsort((held, -strength))][:most].tolist()
        return found

    def split(
        self: Any, topic: int, vectors: Any, counts: Any = None, *, into: int | None = None
    ) -> "TopicModel":
        """Split a leaf topic, and give the model in which its parts are leaves below it.

        Parameters
        ----------
        topic : int
            A leaf.
        vectors : float32 (n, d)
            Passages of the fit, all or some, in any order; the ones of this topic are parted by
            their own graph. A loaded model does not know them and takes any.
        counts : CSR (n, v), optional
            As in `fit`.
        into : int, optional
            Number of parts, 2 or more; by default what the graph suggests.

        Returns
        -------
        TopicModel
            The topic keeps its number as an inner topic; its parts, larger ones first, get the
            numbers after all others, and no number changes.

        Raises
        ------
        ParameterError
            When the topic is no leaf, has too few passages, or does not fall apart; for vectors
            that cannot be passages of the fit: more than it had, or more in a topic than that has.
        """
        self._need_topics()
        self.tree_.leaf(topic)
        if into is not None:
            into = whole_number(into, "into", 2)
        vectors, counts = checked_rows(vectors, counts, dim=self._dim)
        labels = self.assign(vectors, counts).labels
        self._check_fitted_on(labels)
        held = np.flatnonzero(labels == topic)
        inside, told = self._drawn(vectors, counts, held)
        if len(held) < 2:
            raise ParameterError(f"topic {topic} has {len(held)} of these passages: too few")
        order = canonical_order(inside, told).rows[: self.max_rows]
        rows, words = inside[order], None if told is None else told[order]
        graph, sought = neighbour_graphs(
            rows, words, neighbours=self.neighbours, lexical_weight=self.lexical_weight,
            even_edges=self.even_edges,
        )  # fmt: skip
        least, seed = self._least_size(len(rows)), self.random_state
        if into is None:
            scale = first_communities(graph, sought, least=least).resolution
            found = Communities(agreed_communities(sought, resolution=scale, seed=seed), scale)
        else:
            found, least = communities_of(sought, into, seed=seed, least=least, rows=rows)
        parts = numbered(found.labels, np.ones(len(rows), dtype=bool), least)

        def sizes_of(assigner: Assigner) -> NDArray[np.int64]:
            # Whoever is in the topic is in one of its parts.
            own, _ = replace(assigner, floor=NO_FLOOR).placed(inside, told)
            return np.bincount(own, minlength=assigner.leaves)

        leaves = fit_leaves(rows, words, parts, sizes_of)
        k = leaves.assigner.leaves
        if k < 2 or (into is not None and k != into):
            wanted = "give into=2" if into is None else f"{into} are wanted"
            raise ParameterError(f"topic {topic} falls into {k} of its own: {wanted}")
        assigner, sizes = replace(leaves.assigner, floor=NO_FLOOR), leaves.sizes
        below, joins = tree_over(
            graph, leaves, resolution=found.resolution, seed=self.random_state, least=2.0
        )
        new = np.arange(k, dtype=np.int32) + np.int32(len(self.tree_))
        decision = self._decision.parted(topic, assigner, new)
        number = np.arange(len(self.tree_), dtype=np.int32)
        tree = split_tree(self.tree_, topic, sizes, below.persistence[:k])
        made: TopicModel = self._edited(tree, decision, number, vectors, counts)
        first = len(self._decision.leaf_of)
        gate = int(decision.stages[-1].gate[0])
        # Parts of one topic are nearer to one another than to any other.
        made._joins = [
            *[(a + first, b + first, height) for a, b, height in joins],
            *[(gate, int(slot), 0.0) for slot in (*decision.stages[-1].gate[1:], first)],
            *self._joins,
        ]
        return made

    def prune(self: Any, n_topics: int, vectors: Any = None, counts: Any = None) -> "TopicModel":
        """Merge the nearest leaves until so many are left, and give that model.

        Parameters
        ----------
        n_topics : int
            Leaves wanted: 1 or more, at most those that there are (`split` makes more).
        vectors, counts
            As in `merge`.

        Raises
        ------
        ParameterError
            For a number out of range.
        """
        groups = self._groups(n_topics)
        n_topics = int(n_topics)
        members = [np.flatnonzero(groups == group).tolist() for group in range(n_topics)]
        pruned: TopicModel = self.merge([m for m in members if len(m) > 1], vectors, counts)
        return pruned

    def cut(self: Any, n_topics: int) -> Layer:
        """Give the layer that has so many topics: the nearest leaves joined, as `prune` would.

        Topics of the layer are 0, 1, ... in order of their first leaf.

        Raises
        ------
        ParameterError
            For a number out of range.
        NotFitted
            When the labels of the passages are not known, as in a loaded model.
        """
        layer: Layer = self._layer(self._groups(n_topics))
        return layer

    def layers(self: Any) -> tuple[Layer, ...]:
        """Give all layers of the tree, from its roots to its leaves.

        In layer d each passage has the topic of depth d on its path, or its leaf where the path
        is shorter. Topics have their numbers in the tree; the last layer has the labels.
        """
        self._need_topics()
        paths = [self.tree_.path(topic) for topic in range(len(self.tree_))]
        deepest = int(self.tree_.depth.max(initial=0))
        return tuple(
            self._layer(
                np.array(
                    [
                        path[min(depth, len(path) - 1)] if self.tree_[topic].is_leaf else -1
                        for topic, path in enumerate(paths)
                    ],
                    dtype=np.int32,
                )
            )
            for depth in range(deepest + 1)
        )

    def _check_fitted_on(self: Any, labels: Ints) -> None:
        """Refuse passages that are not those of the fit, as far as their topics tell.

        A part of them, or another order, has no more passages in any topic than the topic holds;
        those of a stream count as well. A topic that a stream has made may take some that came
        before it, so that topics tell no more.
        """
        if "labels_" not in vars(self):
            return
        arrived = 0 if self._stream is None else self._stream.arrived
        most = len(self.labels_) + arrived
        wrong = f"these {len(labels)} vectors are not passages of the fit"
        if len(labels) > most:
            raise ParameterError(f"{wrong}, which had {most}: give those, all or some")
        found = np.bincount(labels[labels >= 0], minlength=len(self.tree_))
        over = np.flatnonzero(found > self.tree_.size)
        if len(over) and not (self._stream is not None and self._stream.made):
            topic = int(over[0])
            raise ParameterError(
                f"{wrong}: {found[topic]} of them belong to topic {topic}, which has "
                f"{self.tree_.size[topic]}; give those, all or some"
            )
        none = int((self.labels_ < 0).sum()) + arrived
        if len(labels) - found.sum() > none:
            raise ParameterError(
                f"{wrong}: {len(labels) - found.sum()} of them belong to no topic, {none} did in "
                "the fit; give those, all or some"
            )

    def _groups(self, n_topics: int) -> Ints:
        """Give the group of each leaf topic when so many are left; -1 for inner topics."""
        self._need_topics()
        leaves = len(self._decision.leaves)
        n_topics = whole_number(n_topics, "n_topics", 1, leaves)  # split makes more leaves
        slots = groups_of(self._joins, self._decision.leaf_of, n_topics)
        group = np.full(len(self.tree_), -1, dtype=np.int32)
        used = self._decision.leaf_of >= 0
        group[self._decision.leaf_of[used]] = slots[used]
        first = np.unique(group[group >= 0], return_index=True)[1]
        number = np.full(n_topics, -1, dtype=np.int32)
        number[group[group >= 0][np.sort(first)]] = np.arange(n_topics)
        return np.where(group >= 0, number[group], -1).astype(np.int32)

    def _layer(self, of: Ints) -> Layer:
        if not hasattr(self, "labels_"):
            raise NotFitted("the labels of the passages are not known: fit keeps them, a saved "
                            "model does not")  # fmt: skip
        labels = np.append(of, np.int32(-1))[self.labels_]
        return Layer(labels, of, len(np.unique(of[of >= 0])))

    def _edited(
        self: Any, tree: TopicTree, decision: Decision, number: Ints, vectors: Any, counts: Any
    ) -> "TopicModel":
        """Give a copy with another tree and decision; `number` renumbers the topics."""
        made: TopicModel = copy.copy(self)
        made.tree_, made._decision, made.renumbered_ = tree, decision, number
        known = made.__dict__.pop("labels_", None)
        made.__dict__.pop("membership_", None)
        if known is not None and len(decision.stages) == len(self._decision.stages):
            made.labels_ = np.append(number, np.int32(-1))[known]
        if vectors is None:
            return made
        labels, membership = made.assign(vectors, counts)
        if known is None or _within(labels, np.append(number, np.int32(-1))[known], tree):
            made.labels_, made.membership_ = labels, membership
        elif hasattr(made, "labels_"):
            raise ParameterError(
                f"these {len(labels)} vectors are not the {len(known)} passages of the fit: "
                "give those, or none"
            )
        return made

    def __getattr__(self, name: str) -> Any:
        if name in ("labels_", "membership_") and "_decision" in self.__dict__:
            raise AttributeError(
                f"{name} of the passages is not known here: a saved model does not keep it, and "
                "edits find it anew only when given vectors; `assign` gives it for any passages"
            )
        raise absent(self, name)

    def _need_topics(self) -> None:
        if not hasattr(self, "_decision"):
            raise NotFitted("this TopicModel has no topics yet: call fit first")


def _within(labels: Ints, above: Ints, tree: TopicTree) -> bool:
    """Tell whether each label is the given topic or lies below it."""
    if len(labels) != len(above):
        return False
    pairs = sorted(set(zip(labels.tolist(), above.tolist(), strict=True)))
    return all(label == topic or topic in tree.path(label) for label, topic in pairs)
