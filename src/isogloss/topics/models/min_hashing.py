"""Topics by Min-Hashing: sets of words that share documents, chained where they overlap."""

import json
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import one_of, real_number, whole_number
from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.plural import plural
from isogloss._core.tensors import load_tensors
from isogloss.topics.estimator import AT_LEAST_ONE, TopicEstimator, largest_part
from isogloss.topics.mined_sets import MinedSets, mine_sets, tables_for
from isogloss.topics.models.hashed_parts import csr_counts, largest_parts, score_matrix
from isogloss.topics.models.inputs import checked_words
from isogloss.topics.result import TopicResult
from isogloss.topics.saved_folder import write_folder
from isogloss.topics.set_clusters import (
    Giant,
    cluster_words,
    link_sets,
    passages_holding,
    split_giants,
)

__all__ = ["MinHashingTopics"]

Self = TypeVar("Self", bound="MinHashingTopics")

FORMAT = 1
KEYWORDS = 20
FEW_TOPICS = 20
GIANT = 100  # words below which no topic is called a giant, however small the vocabulary


class MinHashingTopics(TopicEstimator):
    """Find topics as sets of words that occur in the same passages, with no number of topics.

    Every word stands for the passages that it occurs in. In each table a word is hashed by the
    least of its passages in some random orderings; words that agree are a set that was found to
    occur together. Sets that overlap are chained into clusters; a topic is the union of a
    cluster, each word weighted by the number of its sets. Time grows in line with passages and
    vocabulary; topics of all sizes are found at once.

    Parameters
    ----------
    similarity : float, default 0.04
        Passages with all words of a set, as a share of those with any, at which a set is found
        with probability 1/2; in (0, 1). Smaller finds more topics and takes more tables. Short
        texts need a far smaller one.
    tuple_size : int, default 2
        Orderings that a table takes: more make its buckets purer and take more tables.
    tables : int, optional
        Tables; from `similarity` and `tuple_size` by default.
    overlap : float, default 0.9
        Two sets are chained when they share more than this part of the smaller; in [0, 1).
    min_set_size : int, default 3
        Words of a set at least.
    min_cluster_size : int, default 5
        Sets of a topic at least, one that was found in several tables counted as often.
    min_words : int, default 10
        Words of a topic at least.
    min_passages : int, default 3
        Passages that must hold half of the ten first words of a topic: what fewer hold is a
        text, not a topic.
    rank_by : {"passages", "frequency"}, default "passages"
        Order of the topics: by the passages that hold half of their ten first words, or, as in
        the paper, by the mean number of passages with one of these words.
    expand : bool, default True
        Whether counts count: a passage stands for as many copies as its largest count, and a word
        of count f for the first f of them. Else only presence does. Whole weights of passages can
        be given by multiplying their rows.
    top_topics : int, optional
        Keep so many topics, the first by `rank_by`; all by default.
    largest_share : float, default 0.05
        A topic with more than this share of the vocabulary (and more than 100 words) is a giant,
        which chains make: it is cut into communities. 1 leaves giants as they are.
    cluster_tuple_size, cluster_tables : int, default 3 and 255
        Of the second Min-Hashing, which finds sets that may overlap.
    topics_per_passage : int, default 20
        Largest parts kept for each passage.
    memory_mb : int, default 1024
        For the least places: 4 bytes a word, ordering and table held at once. What does not fit
        at once takes more passes.
    random_state : int, default 0
        Of the orderings.

    Attributes
    ----------
    result_ : TopicResult
        Topics in the order of `rank_by`; `topic_word` has in how many sets of the topic each
        word was found.
    giants_ : tuple of Giant
        Clusters that were cut, and how wide they were.
    document_frequency_ : int64 (v,)
        Passages with each word.

    Notes
    -----
    The parts of a passage in the topics are the sums of counts times inverse document frequency
    over a topic's words, divided by the root of the number of those words, and scaled to sum to 1;
    only the largest are kept. The paper has no such rule.

    Paper
    -----
    G. Fuentes-Pineda, I. V. Meza-Ruiz, Topic Discovery in Massive Text Corpora Based on
    Min-Hashing, 2019, arXiv 1807.00938.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> counts = sp.csr_matrix(np.kron(np.eye(25, dtype=int), np.ones((4, 12), dtype=int)))
    >>> model = MinHashingTopics(min_cluster_size=3).fit(counts)
    >>> model.result_.count, model.result_.coverage
    (25, 1.0)
    >>> model.predict(counts[:4]).tolist() == [model.labels_[0]] * 4
    True
    """

    input_kind: ClassVar[Literal["vectors", "counts", "tokens"]] = "counts"
    limits: ClassVar = {
        **dict.fromkeys(
            (
                "tuple_size", "min_cluster_size", "min_words", "cluster_tuple_size", "tables",
                "cluster_tables", "topics_per_passage", "memory_mb", "top_topics",
            ),
            AT_LEAST_ONE,
        ),
        "min_set_size": partial(whole_number, least=2),
        "min_passages": partial(whole_number, least=0),
        "rank_by": partial(one_of, known=("passages", "frequency")),
        "overlap": partial(real_number, least=0, below=1),
        "largest_share": partial(real_number, least=0, above=True, most=1),
    }  # fmt: skip

    def __init__(
        self,
        *,
        similarity: float = 0.04,
        tuple_size: int = 2,
        tables: int | None = None,
        overlap: float = 0.9,
        min_set_size: int = 3,
        min_cluster_size: int = 5,
        min_words: int = 10,
        min_passages: int = 3,
        rank_by: Literal["passages", "frequency"] = "passages",
        expand: bool = True,
        top_topics: int | None = None,
        largest_share: float = 0.05,
        cluster_tuple_size: int = 3,
        cluster_tables: int = 255,
        topics_per_passage: int = 20,
        memory_mb: int = 1024,
        random_state: int = 0,
    ) -> None:
        self.similarity = similarity
        self.tuple_size = tuple_size
        self.tables = tables
        self.overlap = overlap
        self.min_set_size = min_set_size
        self.min_cluster_size = min_cluster_size
        self.min_words = min_words
        self.min_passages = min_passages
        self.rank_by = rank_by
        self.expand = expand
        self.top_topics = top_topics
        self.largest_share = largest_share
        self.cluster_tuple_size = cluster_tuple_size
        self.cluster_tables = cluster_tables
        self.topics_per_passage = topics_per_passage
        self.memory_mb = memory_mb
        self.random_state = random_state

    def fit(
        self: Self, X: Any, y: Any = None, *, vocabulary: Sequence[str] | None = None, **given: Any
    ) -> Self:
        """Find topics in counts.

        Parameters
        ----------
        X : sparse or dense (n, v)
            Counts of words; whole numbers where `expand` is on.
        y
            Not used.
        vocabulary : sequence of str (v,), optional
            The word of each column; its number by default.

        Returns
        -------
        MinHashingTopics
            Itself.

        Raises
        ------
        ParameterError
            For counts or parameters that cannot be used.

        Warns
        -----
        UserWarning
            When fewer than 20 topics come out, as from short texts.
        """
        if given:
            raise ParameterError(f"fit takes vocabulary by name, not {', '.join(sorted(given))}")
        return self._fit([csr_counts(X)], vocabulary)

    def fit_batches(
        self: Self, batches: Iterable[Any], *, vocabulary: Sequence[str] | None = None
    ) -> Self:
        """Find topics in batches of counts, which need not be held in memory together.

        Parameters
        ----------
        batches : iterable of csr (m, v)
            Read once for as many tables as fit into `memory_mb`, and once more for the parts of
            the passages. An iterator, which can be read only once, must do with one pass, with
            ``rank_by="frequency"`` and ``min_passages=0``, and leaves `result_` without passages:
            `transform` gives their parts.
        vocabulary : sequence of str (v,), optional
            The word of each column; its number by default.

        Returns
        -------
        MinHashingTopics
            The same as `fit` gives on all rows, whatever the batches.

        Raises
        ------
        ParameterError
            For counts or parameters that cannot be used.

        Warns
        -----
        UserWarning
            When fewer than 20 topics come out.

        Notes
        -----
        Memory: `memory_mb`, a batch, the mined sets, and the result.

        Examples
        --------
        >>> import numpy as np, scipy.sparse as sp
        >>> counts = sp.csr_matrix(np.kron(np.eye(25, dtype=int), np.ones((4, 12), dtype=int)))
        >>> model = MinHashingTopics(min_cluster_size=3)
        >>> model.fit_batches([counts[:30], counts[30:]]).result_.count
        25
        """
        return self._fit(batches, vocabulary)

    def _fit(self: Self, batches: Iterable[Any], vocabulary: Sequence[str] | None) -> Self:
        self._check_params()
        began = time.perf_counter()
        again = not isinstance(batches, Iterator)
        if not again and (self.rank_by == "passages" or self.min_passages):
            raise ParameterError(
                "batches can be read only once, and passages are counted in a second pass: give "
                'a list of batches, or rank_by="frequency" with min_passages=0'
            )
        tables = self.tables or tables_for(self.similarity, self.tuple_size)
        sets = mine_sets(
            batches, tuple_size=self.tuple_size, tables=tables, expand=self.expand,
            least=self.min_set_size, seed=self.random_state, memory_mb=self.memory_mb,
        )  # fmt: skip
        words = list(checked_words(vocabulary, sets.columns))
        clusters = self._clusters(sets)
        weights = cluster_words(
            sets, clusters, least_sets=self.min_cluster_size, least_words=self.min_words
        )
        weights = weights[self._ranked(weights, batches if again else [])]
        self.document_frequency_ = sets.frequency
        self.n_documents_ = sets.rows
        self._prepare(weights)
        membership = self._memberships(batches if again else [])
        bounds = zip(weights.indptr, weights.indptr[1:], strict=False)
        keywords = tuple(
            tuple(words[column] for column in weights.indices[first : min(last, first + KEYWORDS)])
            for first, last in bounds
        )
        weights = weights.copy()
        weights.sort_indices()
        self.result_ = TopicResult(
            membership, largest_part(membership), keywords, topic_word=weights,
            vocabulary=tuple(words), weighting="counts",
            provenance={
                "model": type(self).__name__, "parameters": self.get_params(),
                "seed": self.random_state, "tables": tables, "passes": sets.passes,
                "passages": sets.rows, "sets": int(sets.times.sum()), "distinct_sets": len(sets),
                "giants": [asdict(giant) for giant in self.giants_],
                "seconds": round(time.perf_counter() - began, 3),
            },
        )  # fmt: skip
        if self.result_.count < min(FEW_TOPICS, self.top_topics or FEW_TOPICS):
            warnings.warn(self._few(sets), UserWarning, stacklevel=3)
        return self

    def transform(self, X: Any) -> Any:
        """Give the part of each passage in each topic.

        Parameters
        ----------
        X : sparse or dense (n, v)
            Counts over the vocabulary of `fit`.

        Returns
        -------
        csr (n, t), float32
            Rows sum to at most 1, or to 0 for a passage without a word of any topic.

        Raises
        ------
        NotFitted
            Before `fit`.
        ParameterError
            For counts of another width, or below 0.
        """
        self._need_fit("result_")
        rows = csr_counts(X)
        if rows.shape[1] != len(self.document_frequency_):
            raise ParameterError(
                f"X has {rows.shape[1]} columns, the model has "
                f"{len(self.document_frequency_)} words"
            )
        if rows.nnz and not (rows.data >= 0).all():
            raise ParameterError("X has a count below 0, or no number")
        return self._memberships([rows])

    def save(self, folder: str | Path) -> None:
        """Write the result, the parameters and what `transform` needs into a folder."""
        self._need_fit("result_")
        arrays = {"document_frequency": self.document_frequency_}
        about = {
            "format": FORMAT, "parameters": self.get_params(), "documents": self.n_documents_,
            "giants": [asdict(giant) for giant in self.giants_],
        }  # fmt: skip
        write_folder(Path(folder), self.result_, arrays, about, name="min_hashing")

    @classmethod
    def load(cls: type[Self], folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        AtlasError
            When the model is missing, or of another format.
        """
        folder = Path(folder)
        path = folder / "min_hashing.json"
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise AtlasError(f"{path} is missing: no such model was saved there") from error
        if about.get("format") != FORMAT:
            raise AtlasError(
                f"{path} has format {about.get('format')}, this isogloss reads {FORMAT}"
            )
        model = cls(**about["parameters"])
        model.result_ = TopicResult.load(folder)
        tensors = load_tensors(folder / "min_hashing.safetensors")
        model.document_frequency_ = tensors["document_frequency"]
        model.n_documents_ = int(about["documents"])
        model.giants_ = tuple(Giant(**giant) for giant in about["giants"])
        model._prepare(model.result_.topic_word)
        return model

    def _clusters(self, sets: MinedSets) -> NDArray[np.int32]:
        """Chain the sets, and cut what grew too wide."""
        second: dict[str, Any] = {
            "overlap": self.overlap, "tuple_size": self.cluster_tuple_size,
            "tables": self.cluster_tables, "memory_mb": self.memory_mb,
            "seed": int(self.random_state) + 1,  # other orderings than those of the mining
        }  # fmt: skip
        clusters = link_sets(sets, **second)
        giants: list[Giant] = []
        if self.largest_share < 1.0:
            most = max(GIANT, int(self.largest_share * sets.columns))
            clusters, giants = split_giants(sets, clusters, most=most, **second)
        self.giants_ = tuple(giants)
        return clusters

    def _ranked(self, weights: Any, batches: Iterable[Any]) -> NDArray[np.int64]:
        """Give the topics to keep, in order; ties stay in the order of `cluster_words`."""
        order = np.arange(weights.shape[0])
        if self.rank_by == "passages" or self.min_passages:
            holding = passages_holding(weights, batches)
            if self.rank_by == "passages":
                order = np.argsort(-holding, kind="stable")
            order = order[holding[order] >= self.min_passages]
        return order[: self.top_topics]

    def _prepare(self, weights: Any) -> None:
        self._scores = score_matrix(weights, self.document_frequency_, self.n_documents_)

    def _memberships(self, batches: Iterable[Any]) -> Any:
        return largest_parts(batches, self._scores, most=self.topics_per_passage)

    def _few(self, sets: MinedSets) -> str:
        held = int(sets.frequency.sum()) / max(1, sets.rows)
        return (
            f"{plural(self.result_.count, 'topic')} from {plural(sets.rows, 'passage')} of "
            f"{held:.0f} words each on average: short texts need a smaller similarity than "
            f"{self.similarity}, or to be joined into longer ones"
        )
