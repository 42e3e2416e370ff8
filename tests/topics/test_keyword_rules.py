"""Rules for keywords: worked sums, planted words, one law for all, and real topics."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from isogloss._core.errors import ParameterError
from isogloss.topics.keyword_rules import (
    RULES,
    ClassTfidf,
    FeatureMaximization,
    LogOdds,
    VectorRelevance,
    default_rule,
    keyword_rule,
)
from isogloss.topics.keywords import topic_keywords
from isogloss.topics.topic_counts import TopicCounts
from isogloss.topics.word_choice import different
from isogloss.topics.word_forms import distinct


class Plane:
    """An encoder of two numbers: words are angles in degrees."""

    dim, spec = 2, "plane"

    def __init__(self, **angles):
        self.angles = angles

    def encode(self, texts):
        rows = [np.radians(self.angles.get(text, 0)) for text in texts]
        return np.array([[np.cos(a), np.sin(a)] for a in rows], dtype=np.float32)


def planted(seed=0, topics=5, words=12, documents=120):
    """Documents that draw from their topic's words and from common ones."""
    rng = np.random.default_rng(seed)
    names = [f"{chr(97 + t) * 3}{chr(97 + w) * 4}" for t in range(topics) for w in range(words)]
    labels = np.repeat(np.arange(topics), documents)
    chance = np.full((labels.size, topics * words + 3), 0.005)
    for t in range(topics):
        chance[labels == t, t * words : (t + 1) * words] = 0.35
    chance[:, topics * words :] = 0.6
    counts = csr_matrix(rng.random(chance.shape) < chance, dtype=np.int64)
    pick = csr_matrix((np.ones(labels.size), (labels, np.arange(labels.size))))
    return TopicCounts(
        (pick @ counts).tocsr(), [*names, "the", "and", "people"], np.full(topics, documents),
        passages=counts, centres=np.eye(topics),
    )  # fmt: skip


def all_rules(dim=5):
    class Axes:
        """Gives each planted word the axis of its topic."""

        spec = "axes"

        def encode(self, texts):
            rows = np.full((len(texts), dim), 0.1, dtype=np.float32)
            for row, text in zip(rows, texts, strict=True):
                row[max(0, min(ord(text[0]) - 97, dim - 1))] = 1
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    axes = Axes()
    axes.dim = dim
    return {
        "fm": FeatureMaximization(),
        "near": FeatureMaximization(relevance=2.0, encoder=axes),
        "tfidf": ClassTfidf(),
        "tfidf alone": ClassTfidf(coherence=0.0),
        "odds": LogOdds(),
        "odds alone": LogOdds(coherence=0.0),
        "vectors": VectorRelevance(axes),
    }


@pytest.mark.parametrize("name", list(all_rules()))
def test_planted_words_are_found(name):
    found = all_rules()[name](planted(), n=8)
    for topic, keywords in enumerate(found):
        assert len(keywords.words) == len(keywords.scores) == 8
        assert {word[:3] for word in keywords.words} == {chr(97 + topic) * 3}


@pytest.mark.parametrize("name", list(all_rules()))
def test_no_rule_minds_the_order_of_columns_or_topics(name):
    rule, counts = all_rules()[name], planted(3)
    plain = rule(counts, n=6)
    columns = np.random.default_rng(1).permutation(len(counts.vocabulary))
    mixed = TopicCounts(
        counts.documents[:, columns], [counts.vocabulary[i] for i in columns], counts.sizes,
        passages=counts.passages[:, columns], centres=counts.centres,
    )  # fmt: skip
    assert rule(mixed, n=6) == plain
    order = np.array([3, 1, 4, 0, 2])
    turned = TopicCounts(
        counts.documents[order], counts.vocabulary, counts.sizes[order],
        passages=counts.passages, centres=counts.centres[order],
    )  # fmt: skip
    assert rule(turned, n=6) == [plain[topic] for topic in order]


@pytest.mark.parametrize("name", list(all_rules(2)))
def test_inner_topics_and_topics_without_words(name):
    documents = np.array([[9, 9, 0, 0, 0], [9, 0, 9, 0, 0], [0, 0, 0, 9, 0], [0, 0, 0, 0, 0]])
    counts = TopicCounts(
        documents, ["beast", "cat", "dog", "moon", "unused"], np.full(4, 10),
        parent=np.array([4, 4, -1, -1, -1]), centres=np.eye(2)[[0, 0, 1, 1]],
    )  # fmt: skip
    found = [topic.words for topic in all_rules(2)[name](counts, n=1)]
    assert found[0] == ["cat"]
    assert found[2:4] == [["moon"], []]
    assert found[4][0] in {"beast", "cat", "dog"}


def test_feature_maximization_is_that_of_topic_keywords():
    counts = planted(5)
    expected = topic_keywords(
        counts.documents, counts.vocabulary, sizes=counts.sizes, counts=counts.passages, n=7
    )
    assert FeatureMaximization()(counts, n=7) == expected


def test_class_tfidf_by_hand():
    counts = TopicCounts(np.array([[6, 2], [0, 4]]), ["cat", "sun"], np.array([6, 6]))
    found = ClassTfidf(min_documents=1)(counts)
    # 12 words in 2 topics: 6 a topic, and 6 of each word: idf ln 2
    assert found[0].words == ["cat", "sun"]
    assert found[0].scores == [
        pytest.approx(6 / 8 * np.log(2), abs=1e-6),
        pytest.approx(2 / 8 * np.log(2), abs=1e-6),
    ]
    assert found[1].words == ["sun"]


def test_occurrences_are_counted_where_they_are_given():
    counts = TopicCounts(
        np.array([[5, 4], [5, 5]]), ["cat", "sun"], np.array([5, 5]),
        occurrences=np.array([[5, 50], [5, 5]]),
    )  # fmt: skip
    assert ClassTfidf()(counts, n=1)[0].words == ["cat"]
    assert ClassTfidf(over="occurrences")(counts, n=1)[0].words == ["sun"]
    with pytest.raises(ParameterError, match="did you mean 'occurrences'"):
        ClassTfidf(over="occurences")(counts)


def test_log_odds_by_hand():
    # Monroe et al. 2008, equations 15, 16, 22, for "cat" in the first of two topics
    counts = TopicCounts(np.array([[6, 2], [1, 7]]), ["cat", "sun"], np.array([8, 8]))
    found = LogOdds(prior=4.0, min_documents=1)(counts)
    prior = 4 * 7 / 16
    mine, theirs = 6 + prior, 1 + prior
    odds = np.log(mine / (8 + 4 - mine)) - np.log(theirs / (8 + 4 - theirs))
    z = odds / np.sqrt(1 / mine + 1 / theirs)
    assert found[0].words == ["cat"]  # sun is rarer here than there
    assert found[0].scores == [pytest.approx(z, abs=1e-6)]


def test_relevance_and_diversity_by_hand():
    counts = TopicCounts(
        np.array([[9, 9, 9, 0], [0, 0, 0, 9]]), ["cat", "paw", "fur", "moon"], np.array([10, 10]),
        centres=np.array([[1.0, 0.0], [0.0, 1.0]]),
    )  # fmt: skip
    encoder = Plane(cat=10, paw=12, fur=-40, moon=90)
    near = VectorRelevance(encoder, diversity=0.0)(counts, n=2)[0]
    assert near.words == ["cat", "paw"]
    assert near.scores[0] == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    # cat first; paw .5 * cos 12 - .5 * cos 2 = -.011, fur .5 * cos 40 - .5 * cos 50 = .062
    assert VectorRelevance(encoder, diversity=0.5)(counts, n=2)[0].words == ["cat", "fur"]
    assert different(np.array([0.5, 0.5]), np.eye(2, dtype=np.float32), n=5, diversity=1) == [0, 1]


def test_nearness_moves_words_to_the_front():
    counts = TopicCounts(
        np.array([[9, 8, 7], [0, 0, 0]]), ["cat", "junk", "paw"], np.array([10, 10]),
        centres=np.array([[1.0, 0.0], [0.0, 1.0]]),
    )  # fmt: skip
    assert FeatureMaximization()(counts, n=2)[0].words == ["cat", "junk"]
    near = FeatureMaximization(relevance=2.0, encoder=Plane(cat=0, paw=5, junk=90))
    assert near(counts, n=2)[0].words == ["cat", "paw"]
    assert near(counts, n=3)[0].words == ["cat", "paw", "junk"]


def test_the_default_goes_without_nearness_where_it_tells_nothing_new():
    encoder = Plane()
    assert default_rule(encoder).encoder is encoder
    for spec in ("lsa", "lsa:folder", "openai:small"):
        encoder.spec = spec
        assert default_rule(encoder) == FeatureMaximization()
    assert default_rule() == FeatureMaximization()


def test_phrases_stand_for_their_parts_where_they_are_as_good():
    names = ["new", "york", "new york", "new york city", "hudson"]
    worth = np.array([0.5, 0.6, 0.5, 0.1, 0.3])
    order = np.argsort(-worth, kind="stable")

    def kept(**how):
        words, _ = distinct(order, worth[order], names, **how)
        return [names[word] for word in words]

    assert kept() == ["new york", "hudson"]
    assert kept(phrase_worth=0.9) == ["york", "new", "hudson"]
    assert kept(phrase_worth=0.1) == ["hudson", "new york city"]


def test_mistakes_are_named():
    counts = planted()
    with pytest.raises(ParameterError, match="did you mean 'log-odds'"):
        keyword_rule("log-ods")
    with pytest.raises(ParameterError, match="did you mean 'coherence'"):
        keyword_rule("class-tfidf", coherense=1)
    with pytest.raises(ParameterError, match="needs an encoder"):
        FeatureMaximization(relevance=1.0)(counts)
    with pytest.raises(ParameterError, match="centres are"):
        VectorRelevance(Plane())(counts)
    with pytest.raises(ParameterError, match="prior"):
        LogOdds(prior=0)(counts)
    with pytest.raises(ParameterError, match="n=0"):
        ClassTfidf()(counts, n=0)
    with pytest.raises(ParameterError, match="leaves and the vocabulary"):
        ClassTfidf()(TopicCounts(np.eye(2), ["a"], np.array([1, 1])))
    assert [keyword_rule(name).__class__ for name in list(RULES)[:3]] == list(RULES.values())[:3]


@pytest.mark.data
def test_nearness_moves_real_keywords_towards_their_topic(data_dir):
    """BBC News classes: most words stay."""
    import pyarrow.parquet as pq

    from isogloss import load_encoder
    from isogloss.text import Vocabulary

    table = pq.read_table(data_dir / "bbc_news" / "data.parquet").slice(0, 1500)
    texts = table["text"].to_pylist()
    labels = np.unique(table["label"].to_pylist(), return_inverse=True)[1]
    vocabulary = Vocabulary.fit([texts], stop_words="auto")
    counts, lexical = vocabulary.counts(texts), load_encoder("lexical")
    pick = csr_matrix((np.ones(len(texts)), (labels, np.arange(len(texts)))))
    topics = TopicCounts(
        pick @ (counts > 0).astype(float), vocabulary.words, np.bincount(labels), passages=counts,
        centres=pick @ lexical.encode(texts),
    )  # fmt: skip
    near, plain = default_rule(lexical)(topics), default_rule()(topics)
    unit = np.asarray(topics.node_centres(lexical.dim))

    def mean_cosine(found):
        return np.mean([lexical.encode(t.words) @ unit[row] for row, t in enumerate(found)])

    assert mean_cosine(near) > mean_cosine(plain) + 0.02
    kept = [len(set(a.words) & set(b.words)) for a, b in zip(near, plain, strict=True)]
    assert sum(kept) >= 6 * len(kept)
    assert kept != [10] * len(kept)
