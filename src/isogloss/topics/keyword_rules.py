"""Rules for keywords behind one interface: what is a word worth for a topic, and which are shown.

A rule is an object that takes the counts of some topics and gives keywords for each node of their
tree. Four rules: feature maximization (the default, `isogloss.topics.keywords`), class-based
TF-IDF, log-odds with an informative Dirichlet prior, and relevance of a word's vector to the
topic's centre. Decision 17 has the figures that compare them.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest
from isogloss.topics.keywords import Keywords, chosen_keywords, topic_keywords
from isogloss.topics.topic_counts import TopicCounts, near_centres
from isogloss.topics.word_choice import Candidates, Pool, different

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from isogloss.encoders.base import Encoder

__all__ = [
    "RULES",
    "ClassTfidf",
    "FeatureMaximization",
    "KeywordRule",
    "LogOdds",
    "TopicCounts",
    "VectorRelevance",
    "default_rule",
    "keyword_rule",
    "near_centres",
]

Floats = NDArray[np.float64]
# Weight of nearness: the largest that costs no coherence on held-out documents (decision 17).
RELEVANCE = 2.0


class KeywordRule(Protocol):
    """Anything that gives keywords for the nodes of a topic tree."""

    def __call__(self, topics: TopicCounts, *, n: int = 10) -> list[Keywords]:
        """Give up to n keywords a node, best first, by node number."""
        ...


@dataclass(frozen=True)
class FeatureMaximization:
    """F-measure of a word's share of a topic and of a topic's part in the word, and coherence.

    Lamirel et al. 2015; see `isogloss.topics.keywords.topic_keywords`, which this calls.

    Parameters
    ----------
    coherence, exclusive, candidates, min_documents, phrase_worth
        As in `topic_keywords`.
    relevance : float
        Weight of the cosine between a word's vector and the topic's centre, against the logarithm
        of the worth.
    encoder : Encoder, optional
        Gives the words' vectors, in the space of `TopicCounts.centres`; needed for `relevance`.
    """

    coherence: float = 2.0
    exclusive: float = 2.0
    candidates: int = 30
    min_documents: int = 3
    phrase_worth: float = 0.8
    relevance: float = 0.0
    encoder: "Encoder | None" = field(default=None, repr=False)

    def __call__(self, topics: TopicCounts, *, n: int = 10) -> list[Keywords]:
        """Give up to n keywords a node, best first."""
        nearness = None
        if self.relevance > 0:
            if self.encoder is None:
                raise ParameterError(f"relevance={self.relevance!r} needs an encoder for the words")
            nearness = near_centres(
                self.encoder, topics.node_centres(self.encoder.dim), self.relevance
            )
        return topic_keywords(
            topics.documents, topics.vocabulary, parent=topics.parent, sizes=topics.sizes,
            counts=topics.passages, stop_words=topics.stop_words, n=n, coherence=self.coherence,
            exclusive=self.exclusive, candidates=max(self.candidates, n),
            min_documents=self.min_documents, phrase_worth=self.phrase_worth, nearness=nearness,
        )  # fmt: skip


@dataclass(frozen=True)
class ClassTfidf:
    """Class-based TF-IDF: a topic is one long document (Grootendorst 2022).

    Worth: the word's share of the topic's words times ``ln(1 + words a topic / the word's count)``.

    Parameters
    ----------
    over : {"documents", "occurrences"}
        What is counted. Documents are less moved by one text that repeats a word.
    coherence, candidates, min_documents, phrase_worth
        As in `isogloss.topics.keywords.topic_keywords`; without coherence the best words by worth.
    """

    over: str = "documents"
    coherence: float = 2.0
    candidates: int = 30
    min_documents: int = 3
    phrase_worth: float = 0.8

    def __call__(self, topics: TopicCounts, *, n: int = 10) -> list[Keywords]:
        """Give up to n keywords a node, best first."""
        leaves, nodes = _tables(topics, self.over)
        total = np.asarray(leaves.sum(axis=0)).ravel()
        average = total.sum() / max(1, leaves.shape[0])
        idf = np.log1p(average / np.maximum(total, 1e-12))
        rows = np.maximum(np.asarray(nodes.sum(axis=1)).ravel(), 1e-12)

        def worth(node: int, words: NDArray[Any], here: Floats) -> Floats:
            value: Floats = here / rows[node] * idf[words]
            return value

        return _by_worth(topics, nodes, worth, rule=self, n=n)


@dataclass(frozen=True)
class LogOdds:
    """Log-odds ratio with an informative Dirichlet prior, as a z-score (Monroe et al. 2008).

    A node is compared with all documents outside it (equations 15, 16 and 22); a root that
    holds all is worth nothing and gets no words. Words that are not commoner inside are left out.

    Parameters
    ----------
    prior : float, default 1000
        Pseudo-counts, shared out as the words of the corpus: the larger, the less rare words count.
    over : {"documents", "occurrences"}
        What is counted.
    coherence, candidates, min_documents, phrase_worth
        As in `isogloss.topics.keywords.topic_keywords`.
    """

    prior: float = 1000.0
    over: str = "documents"
    coherence: float = 2.0
    candidates: int = 30
    min_documents: int = 3
    phrase_worth: float = 0.8

    def __call__(self, topics: TopicCounts, *, n: int = 10) -> list[Keywords]:
        """Give up to n keywords a node, best first."""
        if not self.prior > 0:
            raise ParameterError(f"prior={self.prior!r}: give a number above 0")
        leaves, nodes = _tables(topics, self.over)
        total = np.asarray(leaves.sum(axis=0)).ravel()
        inside = np.asarray(nodes.sum(axis=1)).ravel()
        prior = self.prior * total / max(float(total.sum()), 1.0)

        def worth(node: int, words: NDArray[Any], here: Floats) -> Floats:
            mass = self.prior
            mine = here + prior[words]
            theirs = total[words] - here + prior[words]
            in_all, out_all = inside[node] + mass, total.sum() - inside[node] + mass
            odds = np.log(mine / (in_all - mine)) - np.log(theirs / (out_all - theirs))
            value: Floats = odds / np.sqrt(1 / mine + 1 / theirs)
            return value

        return _by_worth(topics, nodes, worth, rule=self, n=n)


@dataclass(frozen=True)
class VectorRelevance:
    """Words whose vectors are near the topic's centre, and unlike each other.

    The best words of feature maximization compete; of these, n are taken one by one by maximal
    marginal relevance (Carbonell & Goldstein 1998), as KeyBERT does with the words of a document.

    Parameters
    ----------
    encoder : Encoder
        Gives the words' vectors, in the space of `TopicCounts.centres`.
    diversity : float, default 0.2
        In [0, 1]: the weight of being unlike the words taken; the cosine to the centre has the
        rest.
    candidates, exclusive, min_documents, phrase_worth
        As in `isogloss.topics.keywords.topic_keywords`.
    """

    encoder: "Encoder" = field(repr=False)
    diversity: float = 0.2
    candidates: int = 30
    exclusive: float = 2.0
    min_documents: int = 3
    phrase_worth: float = 0.8

    def __call__(self, topics: TopicCounts, *, n: int = 10) -> list[Keywords]:
        """Give up to n keywords a node, best first; scores are cosines to the centre."""
        centres = topics.node_centres(self.encoder.dim)
        if not 0 <= self.diversity <= 1:
            raise ParameterError(f"diversity={self.diversity!r}: give a number in [0, 1]")
        pool = FeatureMaximization(
            0.0, self.exclusive, self.candidates, self.min_documents, self.phrase_worth
        )(topics, n=max(n, self.candidates))
        names = sorted({word for topic in pool for word in topic.words})
        row = {name: place for place, name in enumerate(names)}
        vectors = np.zeros((len(names), self.encoder.dim), dtype=np.float32)
        if names:
            vectors = self.encoder.encode(names)
        out = []
        for topic, centre in zip(pool, centres, strict=True):
            mine = vectors[[row[word] for word in topic.words]].reshape(-1, self.encoder.dim)
            near = np.round(mine.astype(np.float64) @ centre, 6)
            taken = different(near, mine, n=n, diversity=self.diversity)
            out.append(Keywords([topic.words[i] for i in taken], [float(near[i]) for i in taken]))
        return out


def _tables(topics: TopicCounts, over: str) -> "tuple[csr_matrix, csr_matrix]":
    """Give the counts of the leaves and of all nodes."""
    from scipy.sparse import csr_matrix

    if over not in ("documents", "occurrences"):
        raise ParameterError(f"over={over!r}: {nearest(over, ['documents', 'occurrences'])}")
    held = topics.occurrences if over == "occurrences" else None
    leaves = csr_matrix(topics.documents if held is None else held, dtype=np.float64)
    nodes = csr_matrix(topics.above() @ leaves)
    nodes.sort_indices()
    return leaves, nodes


def _by_worth(
    topics: TopicCounts,
    nodes: "csr_matrix",
    worth: Any,
    *,
    rule: ClassTfidf | LogOdds,
    n: int,
) -> list[Keywords]:
    """Choose keywords by a worth that is computed node by node."""
    from scipy.sparse import csr_matrix

    if n < 1:
        raise ParameterError(f"n={n!r}: give 1 or more")
    documents = csr_matrix(topics.above() @ csr_matrix(topics.documents, dtype=np.float64))
    picker = Candidates(
        topics.vocabulary, stop_words=topics.stop_words, n=n, most=max(rule.candidates, n),
        min_documents=rule.min_documents, phrase_worth=rule.phrase_worth,
    )  # fmt: skip
    pools: list[Pool] = []
    for node in range(nodes.shape[0]):
        part = slice(nodes.indptr[node], nodes.indptr[node + 1])
        words, here = nodes.indices[part], nodes.data[part]
        held = np.asarray(documents[node].toarray()).ravel()[words]
        # rounded: the order of the topics changes the last bits of sums, and no tie may break
        value = np.round(worth(node, words, here), 12)
        above_zero = value > 0
        pools.append(picker.pool(words[above_zero], value[above_zero], held[above_zero]))
    return chosen_keywords(
        pools, topics.vocabulary, n=n, counts=topics.passages, coherence=rule.coherence
    )


def default_rule(encoder: "Encoder | None" = None) -> FeatureMaximization:
    """Give the rule of `isogloss build`: feature maximization, coherence, nearness to the topic.

    Parameters
    ----------
    encoder : Encoder, optional
        That of the passages. One that knows no more of words than the corpus itself does (`lsa`)
        adds nothing to coherence, and an endpoint would be asked again: both go without nearness.
    """
    knows = encoder is not None and encoder.spec.partition(":")[0] not in ("lsa", "openai")
    return (
        FeatureMaximization(relevance=RELEVANCE, encoder=encoder)
        if knows
        else FeatureMaximization()
    )


RULES: dict[str, Any] = {
    "feature-maximization": FeatureMaximization,
    "class-tfidf": ClassTfidf,
    "log-odds": LogOdds,
    "vector-relevance": VectorRelevance,
}


def keyword_rule(name: str, **options: Any) -> KeywordRule:
    """Give a rule by its name.

    Parameters
    ----------
    name : {"feature-maximization", "class-tfidf", "log-odds", "vector-relevance"}
    **options
        Of that rule.

    Raises
    ------
    ParameterError
        When there is no such rule or option.

    Examples
    --------
    >>> keyword_rule("log-odds", prior=100.0).prior
    100.0
    """
    if name not in RULES:
        raise ParameterError(f"there is no keyword rule {name!r}; {nearest(name, RULES)}")
    kind = RULES[name]
    known = list(kind.__dataclass_fields__)
    for option in options:
        if option not in known:
            raise ParameterError(f"{name} has no option {option!r}; {nearest(option, known)}")
    rule: KeywordRule = kind(**options)
    return rule
