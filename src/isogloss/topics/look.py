"""Which passages a fit looks at, and which leaves it finds among them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.topics.assign import Assigner
from isogloss.topics.graph import WordWeights, neighbour_graphs
from isogloss.topics.guide import Seeds, read_seeds, seeded_communities, with_seeds
from isogloss.topics.leaves import Leaves, fit_leaves, numbered
from isogloss.topics.rows import canonical_order
from isogloss.topics.scale import COARSEST, first_communities
from isogloss.topics.target import communities_of
from isogloss.topics.votes import agreed_communities

# Copies of a passage are looked at once where there are so many different ones.
ENOUGH = 200
# Samples that are looked at where there are so many passages.
SAMPLES = 3
# So many times as many passages are looked at next.
GROWTH = 4
# Topics are large when they hold this many times the neighbours of a passage.
ROOM = 4
# Times that a fit is told another number where some of its topics were kept by no passage.
ATTEMPTS = 4
# Passages that are assigned together.
ASSIGNED_ROWS = 65_536


class Seen(NamedTuple):
    """Passages that were looked at: vectors, words, their graph, its scale, and their seeds.

    Communities are those of `sought`: the graph, or its even edges.
    """

    rows: NDArray[np.float32]
    words: Any
    graph: Any
    sought: Any
    resolution: float
    topics: int
    seeds: Seeds | None


class TopicLook:
    """Looking at passages, at a scale, and for the leaves, in the fit of a `TopicModel`."""

    # Parameters of the model that say how.
    neighbours: int
    lexical_weight: float
    even_edges: bool
    resolution: float | None
    min_topic_size: int
    n_topics: int | None
    seeds: Mapping[str, Sequence[str | int]] | None
    first_rows: int | None
    max_rows: int
    random_state: int
    # What is learned.
    resolution_: float
    _words: WordWeights | None

    def _least_size(self, n: int) -> int:
        return min(self.min_topic_size, max(2, n // 20))

    def _look(
        self, vectors: NDArray[np.float32], counts: Any, vocabulary: Sequence[str] | None
    ) -> Seen:
        """Find a scale among the first passages, and among more while topics are small.

        Topics not much larger than the neighbourhood of a passage run into each other. Where they
        are larger, more passages would only cut them finer. Where there are plenty, three samples
        are looked at, and that with the middle number of topics decides.
        """
        order, distinct = canonical_order(vectors, counts)
        whole = None
        if self.seeds:
            whole = read_seeds(self.seeds, *self._drawn(vectors, counts, order), vocabulary, order)
        most = distinct if distinct >= ENOUGH else len(order)
        most = most if self.first_rows is None else min(most, self.max_rows)
        take = most if self.first_rows is None else min(most, self.first_rows)
        coarsest = COARSEST
        while True:
            draws = [np.arange(take) if whole is None else whole.places(take)]
            if whole is None and self.n_topics is None and SAMPLES * take <= most:
                draws = [np.arange(i * take, (i + 1) * take) for i in range(SAMPLES)]
            looks = [self._looked(vectors, counts, order[places], coarsest) for places in draws]
            seen = sorted(looks, key=lambda one: one.topics)[len(looks) // 2]
            if take == most or take >= ROOM * self.neighbours * seen.topics:
                return seen if whole is None else seen._replace(seeds=whole.only(draws[0]))
            take = min(most, GROWTH * take)
            coarsest = seen.resolution / 2

    def _looked(
        self, vectors: NDArray[np.float32], counts: Any, drawn: NDArray[np.intp], coarsest: float
    ) -> Seen:
        """Give the graph of some passages, its scale, and how many topics that makes."""
        rows, words = self._drawn(vectors, counts, drawn)
        graph, sought = neighbour_graphs(
            rows, words, neighbours=self.neighbours, lexical_weight=self.lexical_weight,
            even_edges=self.even_edges,
        )  # fmt: skip
        if self.n_topics is not None:
            return Seen(rows, words, graph, sought, COARSEST, self.n_topics, None)
        least = self._least_size(len(drawn))
        found = first_communities(
            graph, sought, rows=rows, least=least, resolution=self.resolution, coarsest=coarsest
        )
        topics = int((np.bincount(found.labels) >= least).sum()) if len(drawn) else 0
        return Seen(rows, words, graph, sought, found.resolution, topics, None)

    def _drawn(
        self, vectors: NDArray[np.float32], counts: Any, drawn: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], Any]:
        """Give vectors and words of some passages."""
        if counts is None or self._words is None:
            return vectors[drawn], None
        return vectors[drawn], self._words.transform(counts[drawn])

    def _blocks(
        self, vectors: NDArray[np.float32], counts: Any
    ) -> Iterator[tuple[NDArray[np.float32], Any]]:
        """Give vectors and words, a block of passages at a time."""
        for first in range(0, len(vectors), ASSIGNED_ROWS):
            block = slice(first, first + ASSIGNED_ROWS)
            words = None
            if counts is not None and self._words is not None:
                words = self._words.transform(counts[block])
            yield vectors[block], words

    def _find_leaves(
        self, seen: Seen, vectors: NDArray[np.float32], counts: Any
    ) -> tuple[Leaves, dict[int, str]]:
        """Cut the graph, learn an assigner for its communities, and say which leaf has a name."""
        full: NDArray[np.bool_] = np.asarray(seen.rows.any(axis=1))
        if seen.words is not None:
            full |= np.diff(seen.words.indptr) > 0

        def sizes(assigner: Assigner) -> NDArray[np.int64]:
            total = np.zeros(assigner.leaves, dtype=np.int64)
            for part, words in self._blocks(vectors, counts):
                labels, _ = assigner.placed(part, words)
                total += np.bincount(labels[labels >= 0], minlength=len(total))
            return total

        wanted = self.n_topics
        names = () if seen.seeds is None else seen.seeds.names
        kept = 0
        for _ in range(ATTEMPTS):
            try:
                labels, least = self._cut(seen, full, wanted)
            except ParameterError:
                if wanted == self.n_topics:
                    raise
                break  # what was asked for can be cut, but is not kept
            own = numbered(labels, full, least, fixed=len(names))
            # The leaf of each seed: communities 0, 1, ... before they got their numbers.
            home = {int(own[(labels == s) & full][0]): name for s, name in enumerate(names)}
            more = None if len(seen.rows) == len(vectors) else sizes
            leaves = fit_leaves(seen.rows, seen.words, own, more, fixed=home)
            if self.n_topics is None or leaves.assigner.leaves == self.n_topics:
                origin = enumerate(leaves.origin.tolist())
                return leaves, {leaf: home[at] for leaf, at in origin if at in home}
            # Some topics were kept by no passage, or seeds parted some.
            kept = leaves.assigner.leaves
            wanted = max(1, (wanted or 1) + self.n_topics - kept)
        raise ParameterError(
            f"n_topics is {self.n_topics:,}, but these passages make {plural(kept, 'topic')} when "
            "so many are sought: give another number"
        )

    def _cut(
        self, seen: Seen, full: NDArray[np.bool_], wanted: int | None
    ) -> tuple[NDArray[np.int32], int]:
        """Give communities (those of seeds first), and the least size that counts."""
        seed, least, seeds = self.random_state, self._least_size(len(seen.rows)), seen.seeds
        whole, factor = (seen.sought, 1.0) if seeds is None else with_seeds(seen.sought, seeds)
        if wanted is None:
            self.resolution_ = seen.resolution
            labels = agreed_communities(whole, resolution=factor * seen.resolution, seed=seed)
        else:
            rows = seen.rows
            if seeds is not None:  # seeds stand with their passages
                rows = np.vstack([rows, seeds.anchors.T @ rows]).astype(np.float32)
                full = np.append(full, np.ones(seeds.count, dtype=bool))
            found, least = communities_of(
                whole, wanted, seed=seed, least=least, rows=rows, full=full
            )
            labels, self.resolution_ = found.labels, found.resolution / factor
        return (labels if seeds is None else seeded_communities(seen.graph, labels, seeds)), least
