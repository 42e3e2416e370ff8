"""`TopicModel`: a tree of topics over passages, found and assigned by one function."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss._core.estimator import Estimator
from isogloss.topics.assign import Assigner
from isogloss.topics.communities import contract, row_sums
from isogloss.topics.graph import WordWeights, neighbour_graph
from isogloss.topics.hierarchy import condense, leaf_limits, merge_heights
from isogloss.topics.membership import path_strengths
from isogloss.topics.scale import COARSEST, agreed_communities, first_communities
from isogloss.topics.tree import TopicTree

FORMAT = 1
# Inner topics last at least over a factor 1.4 of resolution.
LEAST_PERSISTENCE = 0.3
# Samples that are looked at where there are so many passages.
SAMPLES = 3
# So many times as many passages are looked at next.
GROWTH = 4
# Topics are large when they hold this many times the neighbours of a passage.
ROOM = 4
# Passages that are assigned together.
ASSIGNED_ROWS = 65_536


class Assignment(NamedTuple):
    """Where passages belong.

    Attributes
    ----------
    labels : int32 (n,)
        Leaf of each passage, -1 for none.
    membership : float32 CSR (n, t)
        Row i holds the strengths of passage i on the path to its leaf, stored from root to leaf.
    """

    labels: NDArray[np.int32]
    membership: Any


class _Seen(NamedTuple):
    """Passages that were looked at: vectors, words, their graph, and the topic of each."""

    rows: NDArray[np.float32]
    words: Any
    graph: Any
    labels: NDArray[np.int32]
    resolution: float
    topics: int


class TopicModel(Estimator):
    """Find topics in passages: leaves for every passage, inner topics above them.

    Passages are joined to their nearest neighbours, with weights from vectors and words. Leiden
    communities of that graph, at a scale that the graph itself suggests, are the leaves; average
    linkage joins them, and inner topics that last over many scales stay. Leaves then become linear
    discriminants, and the labels are what these say: `predict` and `fit` share one function.

    Parameters
    ----------
    neighbours : int, default 50
        Neighbours a passage in the graph; more give broader topics.
    lexical_weight : float, default 0.5
        Weight of shared words (TF-IDF) as a share of that of the vectors, 0 or more.
    resolution : float, optional
        Scale of the leaves, above 0: larger gives more of them. Chosen from the graph by default.
    min_topic_size : int, default 10
        Communities below this many passages join others. Corpora of few passages use less.
    first_rows : int or None, default 6000
        Passages whose graph is looked at first, drawn by their content. It is doubled as long as
        topics hold less than four times `neighbours` passages. None looks at all of them.
    max_rows : int, default 100,000
        Most passages that are looked at so; time and memory of the fit grow with it. All others
        are assigned as new ones are.
    random_state : int, default 0
        Order in which the graph is visited.

    Attributes
    ----------
    labels_ : int32 (n,)
        Leaf of each passage, -1 for passages that belong nowhere.
    membership_ : float32 CSR (n, t)
        Strength of each passage in its leaf and in every topic above it. In a leaf it is the
        probability of that leaf (normal distributions with one covariance, calibrated so that its
        mean is the share of passages that keep the leaf of their community); in an inner topic
        the sum over its leaves, so it never falls towards the root.
    tree_ : TopicTree
        The topics; ``size`` counts the training passages.
    unassigned_ : float
        Share of the training passages with label -1, at most 0.05.
    resolution_ : float
        The scale that was used.

    Notes
    -----
    Time O(n^2 d) for exact neighbours, about O(n neighbours) for the rest; memory O(n neighbours).
    The order of the rows has no influence: they are put in one order first.

    Examples
    --------
    >>> rows = np.repeat(np.eye(3, dtype=np.float32), 8, axis=0)
    >>> model = TopicModel(neighbours=5).fit(rows)
    >>> len(set(model.labels_)), len(model.tree_)
    (3, 3)
    >>> bool((model.predict(rows) == model.labels_).all())
    True
    """

    def __init__(
        self,
        *,
        neighbours: int = 50,
        lexical_weight: float = 0.5,
        resolution: float | None = None,
        min_topic_size: int = 10,
        first_rows: int | None = 6000,
        max_rows: int = 100_000,
        random_state: int = 0,
    ) -> None:
        self.neighbours = neighbours
        self.lexical_weight = lexical_weight
        self.resolution = resolution
        self.min_topic_size = min_topic_size
        self.first_rows = first_rows
        self.max_rows = max_rows
        self.random_state = random_state

    def fit(
        self,
        vectors: NDArray[np.float32],
        counts: Any = None,
        y: Any = None,
    ) -> "TopicModel":
        """Find the topics.

        Parameters
        ----------
        vectors : float32 (n, d)
            One row a passage, unit length or zero.
        counts : CSR (n, v), optional
            How often each word stands in each passage, stop words left out.
        y : None
            Ignored, for scikit-learn.

        Returns
        -------
        TopicModel
            Itself.

        Raises
        ------
        ParameterError
            For a parameter out of range, NaN, or shapes that do not fit.
        """
        self._check_params()
        vectors, counts = _checked(vectors, counts)
        self._words: WordWeights | None = None if counts is None else WordWeights.fit(counts)
        self._dim = int(vectors.shape[1])
        seen = self._look(vectors, counts)
        self._fit_leaves(seen)
        self._order_leaves(vectors, counts)
        self._fit_tree(seen)
        self.labels_, self.membership_ = self.assign(vectors, counts)
        self.unassigned_ = float((self.labels_ < 0).mean()) if len(self.labels_) else 0.0
        return self

    def _check_params(self) -> None:
        bounds = {"neighbours": 1, "lexical_weight": 0, "min_topic_size": 1, "max_rows": 2}
        if self.first_rows is not None:
            bounds["first_rows"] = 2
        for name, least in bounds.items():
            if not getattr(self, name) >= least:
                raise ParameterError(f"{name} is {getattr(self, name)}; it must be {least} or more")
        if self.resolution is not None and not self.resolution > 0:
            raise ParameterError(f"resolution is {self.resolution}; it must be above 0")

    def _least_size(self, n: int) -> int:
        return min(self.min_topic_size, max(2, n // 20))

    def _large_enough(
        self, labels: NDArray[np.int32], rows: NDArray[np.float32], words: Any
    ) -> NDArray[np.int32]:
        """Give the communities that are topics numbers by falling size, and the others -1."""
        full = rows.any(axis=1)
        if words is not None:
            full |= np.diff(words.indptr) > 0
        sizes = np.bincount(labels[full], minlength=1) if full.any() else np.zeros(1, np.int64)
        kept = np.flatnonzero(sizes >= self._least_size(len(labels)))
        if len(kept) == 0:  # too few to speak of topics: all that is there is one
            return np.where(full, 0, -1).astype(np.int32)
        number = np.full(len(sizes), -1, dtype=np.int32)
        number[kept[np.argsort(-sizes[kept], kind="stable")]] = np.arange(len(kept))
        return np.where(full, number[np.minimum(labels, len(sizes) - 1)], -1).astype(np.int32)

    def _look(self, vectors: NDArray[np.float32], counts: Any) -> "_Seen":
        """Find communities among the first passages, and among more while topics are small.

        Topics not much larger than the neighbourhood of a passage run into each other. Where they
        are larger, more passages would only cut them finer. Where there are plenty, three samples
        are looked at, and that with the middle number of topics decides.
        """
        order = _canonical_order(vectors, counts)
        most = len(order) if self.first_rows is None else min(len(order), self.max_rows)
        take = most if self.first_rows is None else min(most, self.first_rows)
        coarsest = COARSEST
        while True:
            samples = SAMPLES if SAMPLES * take <= most else 1
            looks = [
                self._looked(vectors, counts, order[i * take : (i + 1) * take], coarsest)
                for i in range(samples)
            ]
            seen = sorted(looks, key=lambda one: one.topics)[samples // 2]
            if take == most or take >= ROOM * self.neighbours * seen.topics:
                break
            take = min(most, GROWTH * take)
            coarsest = seen.resolution / 2
        self.resolution_ = seen.resolution
        labels = agreed_communities(seen.graph, resolution=seen.resolution, seed=self.random_state)
        return seen._replace(labels=self._large_enough(labels, seen.rows, seen.words))

    def _looked(
        self, vectors: NDArray[np.float32], counts: Any, drawn: NDArray[np.intp], coarsest: float
    ) -> "_Seen":
        rows = vectors[drawn]
        words = None
        if counts is not None and self._words is not None:
            words = self._words.transform(counts[drawn])
        graph = neighbour_graph(
            rows, words, neighbours=self.neighbours, lexical_weight=self.lexical_weight
        )
        least = self._least_size(len(drawn))
        found = first_communities(graph, least=least, resolution=self.resolution, coarsest=coarsest)
        topics = int((np.bincount(found.labels) >= least).sum()) if len(drawn) else 0
        return _Seen(rows, words, graph, found.labels, found.resolution, topics)

    def _fit_leaves(self, seen: "_Seen") -> None:
        count = int(seen.labels.max(initial=-1)) + 1
        if count == 0:
            v = 0 if seen.words is None else seen.words.shape[1]
            nothing = np.zeros((0, 0), dtype=np.float32)
            self._assigner = Assigner(
                nothing.reshape(0, 0), nothing[0:0].reshape(0), np.zeros((v, 0), np.float32),
                nothing.reshape(2, 0) if nothing.size else np.zeros((2, 0), np.float32),
                np.zeros((), np.float32), np.ones((), np.float32),
            )  # fmt: skip
            return
        self._assigner = Assigner.fit(seen.rows, seen.words, seen.labels, count)

    def _order_leaves(self, vectors: NDArray[np.float32], counts: Any) -> None:
        """Drop leaves that nobody keeps, and number the rest by falling size."""
        while True:
            sizes = np.zeros(self._assigner.leaves, dtype=np.int64)
            for labels, _ in self._assigned(vectors, counts):
                sizes += np.bincount(labels[labels >= 0], minlength=len(sizes))
            self._sizes = sizes
            kept = np.flatnonzero(sizes)
            order = kept[np.argsort(-sizes[kept], kind="stable")]
            if np.array_equal(order, np.arange(self._assigner.leaves)):
                return
            self._assigner = self._assigner.kept(order)

    def _assigned(
        self, vectors: NDArray[np.float32], counts: Any
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        """Give labels and shares of the leaves, a block of passages at a time."""
        for first in range(0, len(vectors), ASSIGNED_ROWS):
            block = slice(first, first + ASSIGNED_ROWS)
            words = None
            if counts is not None and self._words is not None:
                words = self._words.transform(counts[block])
            yield self._assigner(vectors[block], words)

    def _fit_tree(self, seen: "_Seen") -> None:
        """Build the tree over the leaves."""
        labels, _ = self._assigner(seen.rows, seen.words)
        count = self._assigner.leaves
        placed = np.flatnonzero(labels >= 0)
        inner = seen.graph[placed][:, placed].tocsr()
        inner.sort_indices()
        own = labels[placed]
        strengths = row_sums(inner)
        coarse = contract(inner, own, count)
        mass = np.bincount(own, weights=strengths, minlength=count).astype(np.float64)
        merges = merge_heights(coarse.toarray(), mass, float(strengths.sum()))
        limits = leaf_limits(inner, own, count, resolution=self.resolution_, seed=self.random_state)
        parent, persistence = condense(merges, limits, least=LEAST_PERSISTENCE)
        parent, persistence, size = _by_size(parent, persistence, self._sizes)
        self.tree_ = TopicTree(parent=parent, size=size, persistence=persistence.astype(np.float32))

    def predict(self, vectors: NDArray[np.float32], counts: Any = None) -> NDArray[np.int32]:
        """Give the leaf topic of each passage, int32 (n,); -1 for those that belong nowhere.

        The same passage gets the same leaf in any batch, and the one that `fit` gave it.
        """
        return self.assign(vectors, counts).labels

    def assign(self, vectors: NDArray[np.float32], counts: Any = None) -> Assignment:
        """Give labels and memberships of passages, seen before or new.

        Parameters
        ----------
        vectors : float32 (n, d)
            One row a passage, unit length or zero.
        counts : CSR (n, v), optional
            Word counts over the same vocabulary as in `fit`; needed exactly when `fit` had them.

        Returns
        -------
        Assignment
            ``labels`` int32 (n,) and ``membership`` float32 CSR (n, t).

        Raises
        ------
        NotFitted
            Before `fit`.
        ParameterError
            For NaN, or shapes that differ from those in `fit`.

        Notes
        -----
        Time O(n d l) for l leaves; nothing depends on the other passages of the batch.
        """
        if not hasattr(self, "tree_") and not hasattr(self, "_assigner"):
            raise NotFitted("this TopicModel has no topics yet: call fit first")
        vectors, counts = _checked(vectors, counts)
        if vectors.shape[1] != self._dim:
            raise ParameterError(f"vectors have {vectors.shape[1]} columns, fit had {self._dim}")
        if (counts is None) != (self._words is None):
            raise ParameterError(
                "counts are missing: fit had them" if counts is None else "fit had no counts"
            )
        if self._words is not None and counts.shape[1] != len(self._words.idf):
            raise ParameterError(
                f"counts have {counts.shape[1]} words, fit had {len(self._words.idf)}"
            )
        labels, strengths = [np.zeros(0, dtype=np.int32)], []
        for part, shares in self._assigned(vectors, counts):
            labels.append(part)
            strengths.append(path_strengths(part, shares, self.tree_))
        nothing = sp.csr_matrix((0, len(self.tree_)), dtype=np.float32)
        membership = sp.vstack([nothing, *strengths], format="csr", dtype=np.float32)
        return Assignment(np.concatenate(labels), membership)

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give all that `predict` needs: arrays by name, and a dictionary fit for JSON."""
        if not hasattr(self, "_assigner"):
            raise NotFitted("this TopicModel has no topics yet: call fit first")
        made = self._assigner
        arrays: dict[str, NDArray[Any]] = {
            "weights": made.weights, "bias": made.bias, "near": made.near,
            "floor": made.floor.reshape(1), "temperature": made.temperature.reshape(1),
            "parent": self.tree_.parent, "size": self.tree_.size,
            "persistence": self.tree_.persistence,
        }  # fmt: skip
        if self._words is not None:
            rows = sp.csr_matrix(made.words)
            arrays["idf"] = self._words.idf
            arrays["word_start"] = rows.indptr.astype(np.int64)
            arrays["word_leaf"] = rows.indices.astype(np.int32)
            arrays["word_weight"] = rows.data.astype(np.float32)
        about: dict[str, Any] = {
            "format": FORMAT, "params": self.get_params(), "dim": self._dim,
            "resolution": self.resolution_, "unassigned": self.unassigned_,
        }  # fmt: skip
        return arrays, about

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
    ) -> "TopicModel":
        """Give the model that `to_arrays` wrote; it predicts the same bytes.

        Raises
        ------
        AtlasError
            When the format is newer than this version knows.
        """
        if about.get("format") != FORMAT:
            raise AtlasError(
                f"the topic model has format {about.get('format')}, this isogloss reads {FORMAT}"
            )
        model = cls(**about["params"])
        count = len(arrays["bias"])
        words = np.zeros((0, count), dtype=np.float32)
        model._words = None
        if "idf" in arrays:
            model._words = WordWeights(np.asarray(arrays["idf"], dtype=np.float32))
            stored = (arrays["word_weight"], arrays["word_leaf"], arrays["word_start"])
            words = sp.csr_matrix(stored, shape=(len(arrays["idf"]), count)).toarray()
        model._dim = int(about["dim"])
        model.resolution_ = float(about["resolution"])
        model.unassigned_ = float(about["unassigned"])
        model._assigner = Assigner(
            weights=np.ascontiguousarray(arrays["weights"], dtype=np.float32),
            bias=np.asarray(arrays["bias"], dtype=np.float32),
            words=np.ascontiguousarray(words, dtype=np.float32),
            near=np.asarray(arrays["near"], dtype=np.float32),
            floor=np.asarray(arrays["floor"], dtype=np.float32).reshape(()),
            temperature=np.asarray(arrays["temperature"], dtype=np.float32).reshape(()),
        )
        model.tree_ = TopicTree(
            parent=arrays["parent"], size=arrays["size"], persistence=arrays["persistence"]
        )
        return model


def _checked(vectors: Any, counts: Any) -> tuple[NDArray[np.float32], Any]:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2:
        raise ParameterError(f"vectors have shape {vectors.shape}; they must be rows (n, d)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ParameterError(f"vectors hold NaN or infinity, first in row {row}")
    if counts is None:
        return vectors, None
    counts = sp.csr_matrix(counts)
    if counts.shape[0] != len(vectors):
        raise ParameterError(f"counts have {counts.shape[0]} rows for {len(vectors)} vectors")
    if not np.isfinite(counts.data).all():
        raise ParameterError("counts hold NaN or infinity")
    if not counts.has_canonical_format:
        counts = counts.copy()
        counts.sum_duplicates()
    return vectors, counts


def _canonical_order(vectors: NDArray[np.float32], counts: Any) -> NDArray[np.intp]:
    """Order the rows by their content, so that the order in which they come has no influence."""
    import hashlib

    keys = []
    for i in range(len(vectors)):
        # + 0.0 makes -0.0 and 0.0 the same bytes.
        digest = hashlib.blake2b((vectors[i] + np.float32(0.0)).tobytes(), digest_size=16)
        if counts is not None:
            part = slice(counts.indptr[i], counts.indptr[i + 1])
            digest.update(counts.indices[part].astype(np.int64).tobytes())
            digest.update(counts.data[part].astype(np.float64).tobytes())
        keys.append(digest.digest())
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)


def _by_size(
    parent: NDArray[np.int32], persistence: NDArray[np.float64], leaf_sizes: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Give the inner topics numbers by falling size, after the leaves."""
    count, t = len(leaf_sizes), len(parent)
    size = np.concatenate([leaf_sizes, np.zeros(t - count, dtype=np.int64)])
    for leaf in range(count):
        above = parent[leaf]
        while above >= 0:
            size[above] += leaf_sizes[leaf]
            above = parent[above]
    order = np.concatenate(
        [np.arange(count), count + np.argsort(-size[count:], kind="stable")]
    ).astype(np.intp)
    number = np.empty(t + 1, dtype=np.int32)
    number[order] = np.arange(t)
    number[-1] = -1
    return number[parent[order]], persistence[order], size[order]
