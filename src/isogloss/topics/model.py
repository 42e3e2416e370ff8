"""`TopicModel`: a tree of topics over passages, found and assigned by one function."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import real_number, whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.estimator import Estimator
from isogloss.topics.decision import Decision
from isogloss.topics.edit import TopicEdits
from isogloss.topics.emerge import measure_base
from isogloss.topics.graph import WordWeights
from isogloss.topics.leaves import tree_over
from isogloss.topics.look import TopicLook
from isogloss.topics.membership import Assignment, path_strengths
from isogloss.topics.placing import TopicPlaces
from isogloss.topics.rows import checked_rows, checked_vocabulary
from isogloss.topics.saved import pack, read_file, restored, write_model
from isogloss.topics.stream import Stream, TopicStream


class TopicModel(TopicPlaces, TopicLook, TopicEdits, TopicStream, Estimator):
    """Find topics in passages: leaves for every passage, inner topics above them.

    Passages are joined to their nearest neighbours, with weights from vectors and words. Leiden
    communities of that graph, at a scale that the graph itself suggests, are the leaves; Ward
    linkage joins them, and inner topics that stand out stay. Leaves then become linear
    discriminants, and the labels are what these say: `predict` and `fit` share one function.

    Parameters
    ----------
    neighbours : int, default 50
        Neighbours a passage in the graph; more give broader topics. Below 500 passages a tenth of
        them is enough, and 10 at least.
    lexical_weight : float, default 0.5
        Weight of shared words (TF-IDF) as a share of that of the vectors, 0 or more.
    even_edges : bool, default True
        Whether passages that very many resemble decide less about what belongs together. Better
        for vectors that know more than these passages; set it to False for those that were learned
        from their words alone, as `lsa` does (`isogloss build` does so).
    resolution : float, optional
        Scale of the leaves, above 0: larger gives more of them. Chosen from the graph by default.
    min_topic_size : int, default 10
        Communities below this many passages join others. Corpora of few passages use less: see
        `min_topic_size_`.
    n_topics : int, optional
        Leaves wanted, exactly: those of the coarsest scale that gives so many, or those of a finer
        one, joined, where they lie clearly farther apart. Smaller communities count where there
        are too few. Not with `resolution`.
    seeds : mapping of str to sequence of str or int, optional
        Topics that are asked for: by name, words of the vocabulary and numbers of passages. Each
        attracts what resembles it and keeps a leaf of its name; the rest is found as it is.
    first_rows : int or None, default 6000
        Passages whose graph is looked at first, drawn by their content. It is doubled as long as
        topics hold less than four times `neighbours` passages. None looks at all of them.
    max_rows : int, default 100,000
        Most passages that are looked at so; time and memory of the fit grow with it. All others
        are assigned as new ones are.
    novel_rows : int, default 2000
        Most novel passages that `partial_fit` keeps in memory to find new topics among, but
        always twice `min_topic_size`.
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
    min_topic_size_ : int
        The least size that was used: `min_topic_size`, but at most a twentieth of the passages
        that were looked at, and 2 at least. Models saved by older versions lack it.

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
        even_edges: bool = True,
        resolution: float | None = None,
        min_topic_size: int = 10,
        n_topics: int | None = None,
        seeds: Mapping[str, Sequence[str | int]] | None = None,
        first_rows: int | None = 6000,
        max_rows: int = 100_000,
        novel_rows: int = 2000,
        random_state: int = 0,
    ) -> None:
        self.neighbours = neighbours
        self.lexical_weight = lexical_weight
        self.even_edges = even_edges
        self.resolution = resolution
        self.min_topic_size = min_topic_size
        self.n_topics = n_topics
        self.seeds = seeds
        self.first_rows = first_rows
        self.max_rows = max_rows
        self.novel_rows = novel_rows
        self.random_state = random_state

    def fit(
        self,
        vectors: NDArray[np.float32],
        counts: Any = None,
        y: Any = None,
        *,
        vocabulary: Sequence[str] | None = None,
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
        vocabulary : sequence of str (v,), optional
            The word of each column of `counts`; needed for seeds that have words.

        Returns
        -------
        TopicModel
            Itself.

        Raises
        ------
        ParameterError
            For a parameter out of range, NaN, rows that are neither of unit length nor zero, or
            shapes that do not fit.
        """
        self._check_params()
        vectors, counts = checked_rows(vectors, counts)
        if vocabulary is not None and counts is not None:
            vocabulary = checked_vocabulary(vocabulary, counts.shape[1])
        self._words: WordWeights | None = None if counts is None else WordWeights.fit(counts)
        self._dim = int(vectors.shape[1])
        seen = self._look(vectors, counts, vocabulary)
        self.min_topic_size_ = self._least_size(len(seen.rows))
        leaves, names = self._find_leaves(seen, vectors, counts)
        self._decision = Decision.plain(leaves.assigner)
        base = measure_base(
            seen.rows, seen.words, leaves.labels, leaves.assigner, leaves.sizes,
            cosine=leaves.cosine,
        )  # fmt: skip
        v = None if counts is None else counts.shape[1]
        self._stream = Stream.begin(base, self._dim, v)
        tree, self._joins = tree_over(
            seen.graph, leaves, resolution=self.resolution_, seed=self.random_state
        )
        self.tree_ = tree.described(labels=[names.get(i, "") for i in range(len(tree))])
        for name in ("renumbered_", "novelty_", "new_topics_"):
            self.__dict__.pop(name, None)
        self.labels_, self.membership_ = self.assign(vectors, counts)
        self.unassigned_ = float((self.labels_ < 0).mean()) if len(self.labels_) else 0.0
        return self

    def _check_params(self) -> None:
        """Refuse what is out of range, then what is of a wrong kind: ranges say more."""
        for name in ("neighbours", "min_topic_size", "novel_rows"):
            whole_number(getattr(self, name), name, 1)
        whole_number(self.max_rows, "max_rows", 2)
        whole_number(self.random_state, "random_state", -(2**63), 2**64 - 1)
        real_number(self.lexical_weight, "lexical_weight", 0)
        if self.first_rows is not None:
            whole_number(self.first_rows, "first_rows", 2)
        if self.resolution is not None:
            real_number(self.resolution, "resolution", 0, above=True)
        if self.seeds is not None and not isinstance(self.seeds, Mapping):
            raise ParameterError(f"seeds are {self.seeds!r}: give names with words or passages")
        if self.n_topics is not None:
            whole_number(self.n_topics, "n_topics", max(1, len(self.seeds or ())))
        if self.n_topics is not None and self.resolution is not None:
            raise ParameterError("n_topics and resolution both set the scale: give one of them")
        self._check_kinds()

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
        self._need_topics()
        vectors, counts = checked_rows(vectors, counts, dim=self._dim)
        self._check_counts(counts)
        labels, strengths = [np.zeros(0, dtype=np.int32)], []
        for rows, words in self._blocks(vectors, counts):
            part, shares = self._decision(rows, words)
            labels.append(part)
            strengths.append(path_strengths(part, shares, self.tree_))
        nothing = sp.csr_matrix((0, len(self.tree_)), dtype=np.float32)
        membership = sp.vstack([nothing, *strengths], format="csr", dtype=np.float32)
        return Assignment(np.concatenate(labels), membership)

    def _check_counts(self, counts: Any) -> None:
        if (counts is None) != (self._words is None):
            raise ParameterError(
                "counts are missing: fit had them" if counts is None else "fit had no counts"
            )
        if self._words is not None and counts.shape[1] != len(self._words.idf):
            raise ParameterError(
                f"counts have {counts.shape[1]} words, fit had {len(self._words.idf)}"
            )

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Give all that `predict` and the edits need: arrays by name, a dictionary for JSON."""
        self._need_topics()
        return pack(self)

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
    ) -> "TopicModel":
        """Give the model that `to_arrays` wrote; it predicts the same bytes.

        Raises
        ------
        AtlasError
            When the format is newer than this version knows, or a part is missing or damaged.
        """
        return restored(cls, arrays, about)

    def save(self, path: str | Path) -> None:
        """Write the fitted model into one file (safetensors), atomically.

        Parameters
        ----------
        path : str or Path
            The file, such as ``topics.safetensors``. Vectors and texts are not kept in it.

        Raises
        ------
        NotFitted
            Before `fit`.
        ParameterError
            When `path` is a folder, or leads through a file.

        Examples
        --------
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "topics.safetensors"
        >>> rows = np.repeat(np.eye(3, dtype=np.float32), 8, axis=0)
        >>> model = TopicModel(neighbours=5).fit(rows)
        >>> model.save(path)
        >>> bool((TopicModel.load(path).predict(rows) == model.labels_).all())
        True
        """
        self._need_topics()
        write_model(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "TopicModel":
        """Read the model that `save` wrote; it predicts the same bytes, and can be edited.

        Raises
        ------
        AtlasError
            When there is no such file, it is damaged, or of a newer format.
        """
        return cls.from_arrays(*read_file(Path(path)))
