"""Seeds: named leaves that attract, while the rest is found as it is."""

import json

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import ParameterError
from isogloss.topics import TopicModel
from isogloss.topics.guide import Seeds, seeded_communities
from isogloss.topics.leaves import fit_leaves


def planted(topics=6, each=40, dim=24, noise=0.8, seed=0):
    """Centres in close pairs (0 and 1, 2 and 3, ...), each topic with ten words of its own."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(topics), each)
    centres = rng.normal(size=(topics, dim))
    centres[1::2] = centres[::2] + 0.3 * centres[1::2]
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[truth] + noise * rng.normal(size=(len(truth), dim)) / np.sqrt(dim)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rates = np.full((topics, topics * 10 + 20), 0.05)
    for topic in range(topics):
        rates[topic, topic * 10 : topic * 10 + 10] = 0.25
    counts = sp.csr_matrix(rng.poisson(rates[truth]).astype(np.float32))
    vocabulary = [f"word{i}" for i in range(counts.shape[1])]
    return vectors.astype(np.float32), counts, truth, vocabulary


def precision_recall(labels, truth, topic):
    held = labels == topic
    right = (held & truth).sum()
    return right / held.sum(), right / truth.sum()


def test_seed_words_draw_a_topic_out_of_a_coarser_one():
    vectors, counts, truth, words = planted()
    settings = {"neighbours": 15, "resolution": 1.0}
    free = TopicModel(**settings).fit(vectors, counts)
    assert len(free.tree_.leaves) == 3  # the pairs are one topic each
    seeds = {"first": words[:4], "second": words[10:14]}
    model = TopicModel(**settings, seeds=seeds).fit(vectors, counts, vocabulary=words)
    for name, topic in (("first", 0), ("second", 1)):
        leaf = model.tree_.labels.index(name)
        assert model.tree_[leaf].is_leaf
        precision, recall = precision_recall(model.labels_, truth == topic, leaf)
        assert precision > 0.85
        assert recall > 0.75
    for pair in ((2, 3), (4, 5)):  # the rest is found as it was
        assert len(set(model.labels_[np.isin(truth, pair)].tolist())) == 1
    assert np.array_equal(model.predict(vectors, counts), model.labels_)


def test_seed_passages_need_no_words():
    vectors, _, truth, _ = planted(noise=0.5)
    rows = {name: np.flatnonzero(truth == t)[:5] for name, t in (("first", 0), ("second", 1))}
    model = TopicModel(neighbours=15, resolution=1.0, seeds=rows).fit(vectors)
    for name, topic in (("first", 0), ("second", 1)):
        leaf = model.tree_.labels.index(name)
        assert set(model.labels_[rows[name]].tolist()) == {leaf}
        assert precision_recall(model.labels_, truth == topic, leaf)[0] > 0.8
    order = np.random.default_rng(0).permutation(len(vectors))
    place = np.argsort(order)
    moved = {name: [int(place[row]) for row in given] for name, given in rows.items()}
    again = TopicModel(neighbours=15, resolution=1.0, seeds=moved).fit(vectors[order])
    assert np.array_equal(again.labels_, model.labels_[order])
    assert again.tree_.labels == model.tree_.labels


def test_seeds_are_found_beyond_the_first_passages():
    vectors, counts, truth, words = planted(each=100)
    seeds = {"first": words[:4], "last": [int(np.flatnonzero(truth == 5)[-1])]}
    model = TopicModel(neighbours=5, first_rows=120, seeds=seeds)
    model.fit(vectors, counts, vocabulary=words)
    for name, topic in (("first", 0), ("last", 5)):
        leaf = model.tree_.labels.index(name)
        assert np.bincount(truth[model.labels_ == leaf]).argmax() // 2 == topic // 2
    assert model.labels_[seeds["last"][0]] == model.tree_.labels.index("last")


def test_every_seed_keeps_a_leaf_however_small():
    vectors, counts, _, words = planted()
    counts = counts.tolil()
    counts[:, 3] = 0
    counts[7, 3] = 1  # one passage holds this word
    seeds = {"rare": [words[3]], "a": words[10:12], "b": words[12:14], "c": words[14:16]}
    model = TopicModel(neighbours=15, seeds=seeds).fit(
        vectors, sp.csr_matrix(counts), vocabulary=words
    )
    assert set(seeds) <= set(model.tree_.labels)
    leaves = {topic.label for topic in model.tree_.leaves}
    assert set(seeds) <= leaves
    arrays, about = model.to_arrays()
    loaded = TopicModel.from_arrays(arrays, json.loads(json.dumps(about)))
    assert loaded.tree_.labels == model.tree_.labels
    assert loaded.get_params()["seeds"] == seeds


def test_a_leaf_that_nobody_keeps_stays_only_when_asked_for():
    rows = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    labels = np.repeat(np.arange(3, dtype=np.int32), 4)

    def sizes_of(assigner):
        return np.array([4, 0, 9])[: assigner.leaves] if assigner.leaves == 3 else np.array([9, 4])

    assert fit_leaves(rows, None, labels, sizes_of).origin.tolist() == [2, 0]

    def in_order(assigner):
        return np.sort([4, 0, 9])[::-1] if assigner.weights[2, 3] == 1 else np.array([4, 0, 9])

    assert fit_leaves(rows, None, labels, in_order, fixed=[1]).origin.tolist() == [2, 0, 1]


def test_all_rows_count_themselves_as_a_caller_would():
    draw = np.random.default_rng(3)
    labels = draw.integers(0, 4, 300).astype(np.int32)
    rows = np.eye(6, dtype=np.float32)[labels] + 0.4 * draw.normal(size=(300, 6)).astype("f4")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    def sizes_of(assigner):
        own = assigner(rows, None)[0]
        return np.bincount(own[own >= 0], minlength=assigner.leaves)

    one, two = fit_leaves(rows, None, labels), fit_leaves(rows, None, labels, sizes_of)
    assert one.sizes.tolist() == two.sizes.tolist() == sorted(two.sizes, reverse=True)
    assert one.sizes.sum() == (one.labels >= 0).sum() > 280
    assert one.labels.tolist() == two.labels.tolist() == one.assigner(rows, None)[0].tolist()
    assert one.cosine.tobytes() == one.assigner.nearness(rows, None)[1].tobytes()


def test_names_survive_another_seed_and_a_wanted_number():
    vectors, counts, truth, words = planted()
    seeds = {"first": words[:4], "fourth": words[30:34]}
    for more in ({"random_state": 5}, {"n_topics": 4}, {"n_topics": 9}):
        model = TopicModel(neighbours=15, seeds=seeds, **more)
        model.fit(vectors, counts, vocabulary=words)
        if "n_topics" in more:
            assert len(model.tree_.leaves) == more["n_topics"]
        for name, topic in (("first", 0), ("fourth", 3)):
            leaf = model.tree_.labels.index(name)
            top = np.bincount(truth[model.labels_ == leaf]).argmax()
            assert top // 2 == topic // 2


def test_names_given_by_hand_survive_a_refit():
    vectors, counts, _, _ = planted()
    model = TopicModel(neighbours=15).fit(vectors, counts).rename(2, "moon").rename(0, "sea")
    again = TopicModel(neighbours=15, random_state=3, seeds=model.pins()).fit(vectors, counts)
    for name, topic in (("moon", 2), ("sea", 0)):
        same = (again.labels_ == again.tree_.labels.index(name)) & (model.labels_ == topic)
        assert same.sum() > 0.9 * (model.labels_ == topic).sum()


def test_seeds_that_share_a_community_part_it():
    graph = sp.csr_matrix(np.ones((4, 4)) - np.eye(4))
    anchors = sp.csr_matrix(np.array([[1.0, 0], [0, 0], [0, 0], [0, 1.0]]))
    seeds = Seeds(("a", "b"), anchors)
    found = seeded_communities(graph, np.array([0, 0, 0, 0, 0, 0], np.int32), seeds)
    assert found[0] == 0
    assert found[3] == 1
    free = seeded_communities(graph, np.array([0, 0, 1, 1, 0, 2], np.int32), seeds)
    assert free.tolist() == [0, 0, 3, 1]  # the second took its anchor


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ({"a": "word1"}, "give a name and a list"),
        ({"a": []}, "give a name and a list"),
        ({"a": None}, "give a name and a list"),
        ({3: [1]}, "give a name and a list"),
        ({"a": ["wrod1"]}, "did you mean 'word1"),
        ({"a": [999]}, "passage 999 of 240"),
        ({"a": [3], "b": [3]}, "share passage 3"),
        ({"  ": [3]}, "give a name and a list"),
        ({"one\ntwo": [3]}, "the name of a seed 'one.*ntwo' holds line ends"),
        ({"\u202ea": [3]}, "marks that turn"),
        ({"\u200b": [3]}, "shows nothing"),
        ({"a" * 201: [3]}, "the name of a seed has 201 characters; 200 at most"),
        ({"a": [3], " a": [4]}, "two seeds are called 'a'"),
    ],
)
def test_seeds_that_say_nothing_are_refused(seeds, message):
    vectors, counts, _, words = planted()
    with pytest.raises(ParameterError, match=message):
        TopicModel(seeds=seeds).fit(vectors, counts, vocabulary=words)
    with pytest.raises(ParameterError, match="vocabulary"):
        TopicModel(seeds={"a": ["word1"]}).fit(vectors, counts)
    with pytest.raises(ParameterError, match="at least 2"):
        TopicModel(seeds={"a": [1], "b": [2]}, n_topics=1).fit(vectors, counts)


def test_a_seed_has_the_name_that_rename_would_give():
    vectors, counts, _, _ = planted()
    model = TopicModel(neighbours=15, seeds={" sea ": [0, 1]}).fit(vectors, counts)
    assert "sea" in model.tree_.labels
    assert model.rename(model.tree_.labels.index("sea"), " sea ").tree_.labels == model.tree_.labels


@pytest.mark.data
def test_seeds_on_a_real_corpus(data_dir):
    import pyarrow.parquet as pq

    from isogloss.text import Vocabulary

    table = np.load(data_dir / "bbc_news" / "minilm_text.npy").astype(np.float32)
    vectors = table / np.linalg.norm(table, axis=1, keepdims=True)
    rows = pq.read_table(data_dir / "bbc_news" / "data.parquet")
    texts, classes = rows["text"].to_pylist(), np.array(rows["label"].to_pylist())
    vocabulary = Vocabulary.fit([texts], stop_words="auto")
    seeds = {"tech": ["software", "computer", "internet"], "sport": ["football", "match", "cup"]}
    model = TopicModel(seeds=seeds).fit(
        vectors, vocabulary.counts(texts), vocabulary=vocabulary.words
    )
    for name in seeds:
        leaf = model.tree_.labels.index(name)
        assert precision_recall(model.labels_, classes == name, leaf)[0] > 0.8
