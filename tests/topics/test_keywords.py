"""Keywords: worked sums, planted words, trees, ties, and real topics."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from isogloss._core.errors import ParameterError
from isogloss.topics.exemplars import ExemplarPicker, choose_exemplars, inner_exemplars
from isogloss.topics.inner_names import naming_words
from isogloss.topics.keywords import Keywords, topic_keywords, topic_labels
from isogloss.topics.word_choice import Pool, meetings, npmi_of_pairs
from isogloss.topics.word_forms import readable, same_word

TEN = np.array([10, 10])


def words_of(*arguments, **how):
    return [topic.words for topic in topic_keywords(*arguments, **how)]


def planted(seed=0, topics=6, words=12, documents=150):
    """Documents that draw from their topic's words and from common ones."""
    rng = np.random.default_rng(seed)
    names = [f"{chr(97 + t) * 3}{chr(97 + w) * 4}" for t in range(topics) for w in range(words)]
    common = ["the", "and", "people", "using"]
    labels = np.repeat(np.arange(topics), documents)
    chance = np.full((labels.size, topics * words + len(common)), 0.005)
    for t in range(topics):
        chance[labels == t, t * words : (t + 1) * words] = 0.35
    chance[:, topics * words :] = 0.6
    counts = csr_matrix(rng.random(chance.shape) < chance, dtype=np.int64)
    pick = csr_matrix((np.ones(labels.size), (labels, np.arange(labels.size))))
    return counts, (pick @ counts).tocsr(), [*names, *common], np.full(topics, documents), labels


def test_worth_by_hand():
    # shares: cat .9 and .3; part .75, of which .5 is an even share: (.75 - .5) / .5;
    # F = 2*.9*.5/1.4. Bird .4 and .1: .6, F = 2*.4*.6/1
    found = topic_keywords(
        np.array([[9, 0, 4], [3, 5, 1]]), ["cat", "moon", "bird"], sizes=TEN, candidates=10
    )
    assert found[0] == Keywords(["cat", "bird"], [round(0.9 / 1.4, 6), 0.48])
    # cat and bird tell nothing of the second topic; they fill up what lacks
    assert found[1].words == ["moon", "bird", "cat"]


def test_a_word_loses_by_what_another_topic_has_more_of():
    # three topics: shares .8, .4, 0; part of the second 1/3, an even share: nothing;
    # shares .8, .6, 0: part 3/7, of which 1/3 is even: (9/7 - 1) / 2 = 1/7; times (.6/.8)^2
    document_counts = np.array([[8], [6], [0]])
    sizes = np.array([10, 10, 10])
    found = topic_keywords(document_counts, ["cat"], sizes=sizes)
    worth = 2 * 0.6 * (1 / 7) / (0.6 + 1 / 7)
    assert found[1].scores == [round(worth * 0.5625, 6)]
    free = topic_keywords(document_counts, ["cat"], sizes=sizes, exclusive=0)
    assert free[1].scores == [round(worth, 6)]


def test_planted_words_are_found_without_stop_words():
    counts, document_counts, vocabulary, sizes, _ = planted()
    for given_counts in (None, counts):
        found = words_of(document_counts, vocabulary, sizes=sizes, counts=given_counts)
        for topic, words in enumerate(found):
            assert len(words) == 10
            assert {word[:3] for word in words} == {chr(97 + topic) * 3}


def test_dense_sparse_and_batches_agree():
    counts, document_counts, vocabulary, sizes, _ = planted(1)
    whole = topic_keywords(document_counts, vocabulary, sizes=sizes, counts=counts)
    batches = (counts[start : start + 37] for start in range(0, counts.shape[0], 37))
    parts = topic_keywords(document_counts.toarray(), vocabulary, sizes=sizes, counts=batches)
    assert whole == parts


def test_coherence_prefers_words_that_meet():
    # topic 0: a and b always together, c and d never with them, all equally good
    rows = (
        [[1, 1, 0, 0, 0]] * 5 + [[0, 0, 1, 0, 0]] * 5 + [[0, 0, 0, 1, 0]] * 5 + [[0] * 4 + [1]] * 15
    )
    counts = csr_matrix(rows)
    labels = np.repeat([0, 1], 15)
    pick = csr_matrix((np.ones(30), (labels, np.arange(30))))
    names = ["ccc", "ddd", "aaa", "bbb", "zzz"]
    how = {"sizes": np.array([15, 15]), "n": 2, "candidates": 4}
    assert words_of(pick @ counts, names, **how)[0] == ["aaa", "bbb"]  # by word
    names = ["yyy", "xxx", "aaa", "bbb", "zzz"]
    assert words_of(pick @ counts, names, **how)[0] == ["aaa", "bbb"]
    assert words_of(pick @ counts, names, counts=counts, **how)[0] == ["xxx", "yyy"]


def test_npmi_by_hand():
    pool = Pool(np.array([0, 2]), np.array([0.5, 0.4]))
    counts = csr_matrix([[1, 0, 2], [1, 9, 1], [0, 1, 1], [0, 0, 0]])
    total, pairs = meetings([pool], counts)
    assert total == 4
    assert pairs[0].tolist() == [[2, 2], [2, 3]]
    # one meeting off the pair: 1/4 against 2/4 * 3/4
    expected = np.log(0.25 / 0.375) / -np.log(0.25)
    assert npmi_of_pairs(total, pairs[0])[0, 1] == pytest.approx(expected, abs=1e-12)
    assert npmi_of_pairs(4, np.array([[1.0, 1.0], [1.0, 1.0]]))[0, 1] == -1.0


def test_forms_of_a_word_come_once():
    document_counts = np.array([[9, 8, 7, 0], [0, 0, 0, 9]])
    found = words_of(document_counts, ["cars", "car", "wheel", "moon"], sizes=TEN)
    assert found[0] == ["cars", "wheel"]
    assert same_word("armenia", "armenian")
    assert same_word("transfer", "transferred")
    assert same_word("charge", "charging")
    assert not same_word("internet", "international")
    assert not same_word("game", "gate")
    assert not same_word("key", "keyboard")


@pytest.mark.parametrize(
    "word", ["space", "xfree86", "समस्या", "ধর্ম", "don't", "москва", "猫", "os"]
)
def test_words_read_as_words(word):
    assert readable(word)


@pytest.mark.parametrize("word", ["", "a", "7", "1993", "0d", "_o", "a86", "!!!", "c_"])
def test_debris_does_not(word):
    assert not readable(word)


def test_stop_words_and_debris_are_never_chosen():
    document_counts = np.array([[9, 9, 9, 5], [0, 0, 0, 0]])
    found = words_of(document_counts, ["the", "1993", "q", "cat"], sizes=TEN, stop_words={"the"})
    assert found == [["cat"], []]


def test_a_word_goes_to_the_topic_that_has_it_most():
    document_counts = np.array([[9, 6, 0], [7, 0, 6], [0, 0, 0]])
    names = ["both", "cat", "dog"]
    sizes = np.array([10, 10, 10])
    # both: .9 and .7, parts 9/16 and 7/16, worth .498 and .256
    shared = topic_keywords(document_counts, names, sizes=sizes, n=2, exclusive=0)
    assert [topic.words for topic in shared] == [["cat", "both"], ["dog", "both"], []]
    apart = topic_keywords(document_counts, names, sizes=sizes, n=2, exclusive=4)
    assert apart[0].scores == shared[0].scores
    assert apart[1].scores[1] == pytest.approx(shared[1].scores[1] * (7 / 9) ** 4, abs=1e-5)


def test_ties_go_by_word_whatever_the_columns():
    document_counts = np.array([[5, 5, 5], [0, 0, 0]])
    first = words_of(document_counts, ["bee", "ant", "cow"], sizes=TEN, n=2, candidates=2)
    second = words_of(document_counts, ["cow", "bee", "ant"], sizes=TEN, n=2, candidates=2)
    assert first == second == [["ant", "bee"], []]


def test_inner_topics_are_told_from_their_siblings():
    # leaves 0, 1 under 4 (animals); 2, 3 under 5 (sky); roots 4 and 5
    names = ["animal", "cat", "dog", "sky", "moon", "sun"]
    document_counts = np.array(
        [[9, 9, 0, 0, 0, 0], [9, 0, 9, 0, 0, 0], [0, 0, 0, 9, 9, 0], [0, 0, 0, 9, 0, 9]]
    )
    parent = np.array([4, 4, 5, 5, -1, -1])
    sizes = np.full(4, 10)
    found = words_of(document_counts, names, parent=parent, sizes=sizes, n=1, candidates=3)
    assert found == [["cat"], ["dog"], ["moon"], ["sun"], ["animal"], ["sky"]]
    # "the" is in half of all documents, and in one of ten under the last root
    wide = np.column_stack([document_counts, [5, 5, 5, 1]])
    lopsided = np.array([4, 4, 4, -1, -1])
    found = words_of(wide, [*names, "the"], parent=lopsided, sizes=sizes, n=3, candidates=7)
    assert "the" not in found[4]
    # under one root, that tells nothing apart
    parent = np.array([4, 4, 5, 5, 6, 6, -1])
    found = words_of(document_counts, names, parent=parent, sizes=sizes, n=2, candidates=3)
    assert [words[0] for words in found[4:6]] == ["animal", "sky"]
    assert len(found[6]) == 2
    assert "the" not in words_of(wide, [*names, "the"], parent=parent, sizes=sizes)[6][:4]


@settings(max_examples=40, deadline=None)
@example(628, 3, 12)  # ties that the order of the topics broke
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 12))
def test_laws(seed, topics, n):
    rng = np.random.default_rng(seed)
    names = [f"w{chr(97 + i)}{chr(97 + i // 3)}" for i in range(20)]
    sizes = rng.integers(5, 20, topics)
    document_counts = np.minimum(rng.poisson(2, (topics, 20)), sizes[:, None])
    found = topic_keywords(document_counts, names, sizes=sizes, n=n, candidates=max(n, 20))
    for topic in found:
        assert len(topic.words) == len(set(topic.words)) <= n
        assert all(0 <= score <= 1 for score in topic.scores)
    order = rng.permutation(topics)
    again = topic_keywords(
        document_counts[order], names, sizes=sizes[order], n=n, candidates=max(n, 20)
    )
    assert again == [found[topic] for topic in order]
    # twice the corpus, the same words
    double = topic_keywords(
        2 * document_counts, names, sizes=2 * sizes, n=n, candidates=max(n, 20), min_documents=1
    )
    once = topic_keywords(
        document_counts, names, sizes=sizes, n=n, candidates=max(n, 20), min_documents=1
    )
    assert double == once


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": np.array([1])},
        {"n": 0},
        {"n": 5, "candidates": 4},
        {"parent": np.array([1, 0])},
        {"parent": np.array([2, 2, 3])},
    ],
)
def test_mistakes_are_named(change):
    with pytest.raises(ParameterError):
        topic_keywords(np.array([[1, 0], [0, 1]]), ["cat", "dog"], **({"sizes": TEN} | change))


def test_labels_are_short_and_distinct():
    topics = [
        Keywords(["space", "moon", "orbit", "nasa"], [1.0] * 4),
        Keywords(["space", "moon", "orbit", "earth"], [1.0] * 4),
        Keywords(["car", "bike", "road"], [1.0] * 3),
        Keywords([], []),
        Keywords([], []),
    ]
    assert topic_labels(topics) == [
        "space, moon, orbit, nasa",
        "space, moon, orbit, earth",
        "car, bike, road",
        "(no words)",
        "(no words) (2)",
    ]


def test_an_inner_topic_is_not_called_as_one_of_its_parts_is():
    words = [
        ["disk", "drive", "scsi", "floppy"],
        ["monitor", "card", "video"],
        ["printer", "toner"],
        ["moon"],
        ["scsi", "disk", "card", "drive", "cards", "bus"],
        ["scsi", "moon", "disk", "bus"],
    ]
    topics = [Keywords(one, [1.0] * len(one)) for one in words]
    parent, sizes = np.array([4, 4, 4, 5, 5, -1]), np.array([50, 40, 10, 9, 100, 109])
    plain = topic_labels(topics)
    found = topic_labels(topics, parent=parent, sizes=sizes)
    assert found[:4] == plain[:4]  # leaves keep their names
    # a word of each part that is a sixth or more, then one that no part is called by
    assert found[4] == "scsi, card, bus"
    assert found[5] == "scsi, moon, disk"
    # what has no other words is numbered, and never without a name
    same = [Keywords(["a", "b"], [1.0] * 2), Keywords([], []), Keywords(["a", "b"], [1.0] * 2)]
    found = topic_labels(same, parent=np.array([2, 2, -1]), sizes=np.array([3, 2, 5]))
    assert found == ["a, b", "(no words)", "a, b (2)"]


@settings(deadline=None)
@given(st.data())
def test_names_of_inner_topics_differ_from_those_below(data):
    t = data.draw(st.integers(2, 12))
    parent = np.array([data.draw(st.integers(i + 1, t - 1)) for i in range(t - 1)] + [-1])
    word = st.integers(0, 25).map(lambda number: 3 * chr(97 + number))
    words = [data.draw(st.lists(word, min_size=9, max_size=9, unique=True)) for _ in range(t)]
    sizes = np.array([data.draw(st.integers(1, 50)) for _ in range(t)])
    found = naming_words(words, parent, sizes)
    for topic in range(t):
        assert set(words[topic]) <= set(found[topic])
        if topic < t - 1:
            assert set(found[topic][:3]) != set(found[parent[topic]][:3]), (topic, found)


def test_exemplars_are_central_and_no_copies():
    centre = np.array([1.0, 0.0, 0.0])
    rows = [[1, 0, 0], [1, 0, 0], [0.999, 0.02, 0], [0.8, 0.6, 0], [0.6, 0, 0.8], [0, 1, 0]]
    vectors = np.array(rows, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    picker = ExemplarPicker(centre[None], k=3)
    picker.add(vectors, np.zeros(6, dtype=int))
    # row 1 is row 0 again, row 2 nearly
    assert picker.result()[0].tolist() == [0, 3, 4]
    picker = ExemplarPicker(centre[None], k=1)
    picker.add(vectors, np.zeros(6, dtype=int), np.array([0.1, 0.1, 0.1, 1, 0.1, 0.1]))
    assert picker.result()[0].tolist() == [3]


def test_a_topic_of_near_copies_still_has_exemplars():
    vectors = np.array([[1, 0], [0.9999, 0.01], [0.9998, -0.015]], dtype=np.float32)
    assert len(choose_exemplars(vectors, np.zeros(3, dtype=int), k=3)[0]) == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_batches_do_not_change_exemplars(seed, step):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(120, 4)).round(1).astype(np.float32)
    vectors[60:90] = vectors[:30]
    labels, sure = rng.integers(-1, 3, 120), rng.random(120).round(1)
    centres = rng.normal(size=(3, 4))
    whole, parts = (ExemplarPicker(centres, k=4, pool=6) for _ in range(2))
    whole.add(vectors, labels, sure)
    order = rng.permutation(120)
    for start in range(0, 120, step):
        rows = order[start : start + step]
        parts.add(vectors[rows], labels[rows], sure[rows], rows)
    for one, other in zip(whole.result(), parts.result(), strict=True):
        assert one.tolist() == other.tolist()


def test_inner_exemplars_take_turns():
    leaves = [np.array([1, 2]), np.array([5]), np.array([7, 8])]
    found = inner_exemplars(leaves, np.array([3, 3, -1, -1]), np.array([4, 9, 2]))
    assert [ids.tolist() for ids in found] == [[1, 2], [5], [7, 8], [5, 1, 2]]


def test_exemplars_need_one_label_each():
    with pytest.raises(ParameterError, match="one each"):
        choose_exemplars(np.eye(3, dtype=np.float32), np.array([0, 0]))


@pytest.mark.data
def test_real_topics_read_well_without_stop_words(data_dir):
    feature = pytest.importorskip("sklearn.feature_extraction.text")
    table = pq.read_table(data_dir / "bbc_news" / "data.parquet")
    gold = table["label"].to_pylist()
    names = sorted(set(gold))
    labels = np.array([names.index(label) for label in gold])
    counter = feature.CountVectorizer(min_df=3)
    counts = counter.fit_transform(table["text"].to_pylist())
    pick = csr_matrix((np.ones(labels.size), (labels, np.arange(labels.size))))
    found = words_of(
        pick @ (counts > 0),
        counter.get_feature_names_out().tolist(),
        sizes=np.bincount(labels),
        counts=counts,
    )
    words = dict(zip(names, found, strict=True))
    assert {"film", "music"} & set(words["entertainment"])
    assert {"election", "labour", "party"} & set(words["politics"])
    chosen = [word for topic in found for word in topic]
    assert len(set(chosen)) == len(chosen) == 50
    # "however" and "side" pass
    assert len(set(chosen) & set(feature.ENGLISH_STOP_WORDS)) <= 2


@pytest.mark.data
def test_newsgroups_are_coherent_and_diverse(data_dir):
    """The peers' sample: BERTopic has NPMI .26 to .29 at diversity .86 to .88."""
    feature = pytest.importorskip("sklearn.feature_extraction.text")
    cluster = pytest.importorskip("sklearn.cluster")
    from isogloss.evaluate import evaluate_topics

    table = pq.read_table(data_dir / "newsgroups20" / "data.parquet", columns=["body", "label"])
    texts = table["body"].to_pylist()
    rows = np.array([row for row, text in enumerate(texts) if len(text.split()) >= 20])
    rows = np.sort(np.random.default_rng(0).choice(rows, 5000, replace=False))
    stored = np.load(data_dir / "newsgroups20" / "minilm_body.npy", mmap_mode="r")
    vectors = stored[rows].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = cluster.KMeans(25, n_init=1, random_state=0).fit(vectors).labels_
    counter = feature.CountVectorizer(min_df=3)
    counts = counter.fit_transform([texts[row] for row in rows])
    vocabulary = counter.get_feature_names_out().tolist()
    pick = csr_matrix((np.ones(labels.size), (labels, np.arange(labels.size))))
    # without a list of stop words
    found = words_of(pick @ (counts > 0), vocabulary, sizes=np.bincount(labels), counts=counts)
    report = evaluate_topics(
        labels,
        found,
        gold=table["label"].take(rows),
        counts=counts,
        vocabulary=vocabulary,
        resamples=200,
    )
    assert report["npmi"].value > 0.38
    assert report["diversity"].value > 0.93
    assert 0.45 < report["nmi"].low < report["nmi"].value < report["nmi"].high < 0.65
    debris = {"edu", "com", "writes", "article", "nntp", "posting", "would", "don", "know"}
    assert len(debris & {word for words in found for word in words}) <= 1
