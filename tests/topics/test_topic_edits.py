"""Merging, splitting, pruning, layers: hand-checked trees, and laws over any series of edits."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import NotFitted, ParameterError
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.topics import TopicModel, TopicTree
from isogloss.topics.reshape import merge_tree, shared_out, split_tree
from isogloss.topics.target import groups_of

GOLDEN = Path(__file__).parent / "golden"


def planted(topics=6, each=40, dim=24, noise=0.8, seed=0, pairs=True):
    """Unit vectors around centres; centres stand in pairs, so that there are inner topics."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(topics), each)
    centres = rng.normal(size=(topics, dim))
    if pairs:
        centres[1::2] = centres[::2] + 0.7 * centres[1::2]
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[truth] + noise * rng.normal(size=(len(truth), dim)) / np.sqrt(dim)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rates = np.full((topics, topics * 10 + 20), 0.05)
    for topic in range(topics):
        rates[topic, topic * 10 : topic * 10 + 10] = 0.8
    counts = sp.csr_matrix(rng.poisson(rates[truth]).astype(np.float32))
    return vectors.astype(np.float32), counts, truth


@pytest.fixture(scope="module")
def fitted():
    vectors, counts, truth = planted()
    # The scale is given, so that every topic that was planted is a leaf.
    return vectors, counts, truth, TopicModel(neighbours=15, resolution=1.5).fit(vectors, counts)


def check(model, vectors, counts):
    """Sizes add up, labels agree with predict, strengths run along the paths."""
    labels, strengths = model.assign(vectors, counts)
    assert np.array_equal(labels, model.labels_)
    leaves = [topic.id for topic in model.tree_.leaves]
    sizes = np.bincount(labels[labels >= 0], minlength=len(model.tree_))
    assert sizes[leaves].tolist() == model.tree_.size[leaves].tolist()
    assert sum(root.size for root in model.tree_.roots) == (labels >= 0).sum()
    for i in range(0, len(labels), 7):
        part = slice(strengths.indptr[i], strengths.indptr[i + 1])
        assert strengths.indices[part].tolist() == model.tree_.path(labels[i])
        assert (np.diff(strengths.data[part]) <= 0).all()
        assert (strengths.data[part] <= 1).all()
    return labels


TREE = TopicTree(
    parent=[5, 5, 6, 6, -1, 7, 7, -1], size=[9, 8, 7, 6, 5, 17, 13, 30],
    persistence=[0.5, 0.6, 0.7, 0.8, 0.9, 0.4, 0.3, 0.2], labels=["", "", "", "d", "", "", "", ""],
)  # fmt: skip


def test_siblings_take_their_parents_place():
    tree, number = merge_tree(TREE, [[1, 0]])
    assert tree.size.tolist() == [17, 7, 6, 5, 13, 30]
    assert tree.parent.tolist() == [5, 4, 4, -1, 5, -1]
    assert number.tolist() == [0, 0, 1, 2, 3, 0, 4, 5]


def test_cousins_go_below_what_holds_both():
    tree, number = merge_tree(TREE, [[1, 3]])
    # 0 and 2 are alone below 5 and 6, which go.
    assert tree.size.tolist() == [9, 14, 7, 5, 30]
    assert tree.parent.tolist() == [4, 4, 4, -1, -1]
    assert number.tolist() == [0, 1, 2, 1, 3, 0, 2, 4]
    assert tree.labels == ("", "d", "", "", "")


def test_an_inner_topic_becomes_a_leaf():
    tree, number = merge_tree(TREE, [[7]])
    assert tree.size.tolist() == [5, 30]
    assert tree.parent.tolist() == [-1, -1]
    assert number.tolist() == [1, 1, 1, 1, 0, 1, 1, 1]
    assert tree.labels == ("", "d")


def test_strangers_meet_at_the_root_and_groups_are_independent():
    tree, number = merge_tree(TREE, [[4, 2], [0, 1]])
    assert tree.size.tolist() == [17, 12, 6, 23]
    assert tree.parent.tolist() == [3, -1, 3, -1]
    assert number.tolist() == [0, 0, 1, 2, 1, 0, 2, 3]
    both, _ = merge_tree(TREE, [[0, 2], [1, 3]])  # 5 and 6 lose all that was theirs
    assert both.size.tolist() == [16, 14, 5, 30]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[0]], "is one leaf"),
        ([[0, 99]], "no topic 99"),
        ([[0, 1], [5, 2]], "in two of the groups"),
        ([[]], "no group"),
        ([3, 5], "no group"),
    ],
)
def test_bad_groups_are_refused(groups, message):
    with pytest.raises(ParameterError, match=message):
        merge_tree(TREE, groups)


def test_parts_come_after_all_others():
    tree = split_tree(TREE, 4, np.array([3, 2]), np.array([0.5, 0.5]))
    assert tree.parent.tolist()[8:] == [4, 4]
    assert tree.size.tolist()[8:] == [3, 2]
    assert [topic.id for topic in tree.leaves] == [0, 1, 2, 3, 8, 9]


@given(st.integers(0, 1000), st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_shared_out_is_whole_and_fair(total, parts):
    found = shared_out(total, np.array(parts))
    assert found.sum() == total
    exact = total * np.array(parts) / sum(parts)
    assert (np.abs(found - exact) < 1).all()


def test_slots_without_passages_join_nothing_by_themselves():
    joins = [(2, 3, 1.0), (1, 2, 0.5), (0, 1, 0.2)]
    topic = np.array([0, -1, 1, 2])
    assert groups_of(joins, topic, 3).tolist() == [0, -1, 1, 2]
    assert groups_of(joins, topic, 2).tolist() == [0, -1, 1, 1]
    assert groups_of(joins, topic, 1).tolist() == [0, -1, 0, 0]


def test_merge_moves_the_group_and_nobody_else(fitted):
    vectors, counts, _, model = fitted
    merged = model.merge([[0, 3]], vectors, counts)
    labels = check(merged, vectors, counts)
    assert np.array_equal(labels, merged.renumbered_[model.labels_])
    assert (labels == 0).sum() == np.isin(model.labels_, [0, 3]).sum()
    assert len(merged.tree_.leaves) == len(model.tree_.leaves) - 1
    # The old model is as it was.
    check(model, vectors, counts)
    blind = model.merge([[0, 3]])
    assert np.array_equal(blind.labels_, labels)
    with pytest.raises(AttributeError, match="given vectors"):
        _ = blind.membership_
    with pytest.raises(ParameterError, match="not the 240 passages"):
        model.merge([[0, 3]], vectors[:9], counts[:9])


def test_split_parts_one_topic_and_nobody_else(fitted):
    vectors, counts, truth, model = fitted
    pair = np.flatnonzero(np.isin(truth, [2, 3]))
    topics = sorted(set(model.labels_[pair].tolist()))
    merged = model.merge([topics], vectors, counts)
    target = int(merged.renumbered_[topics[0]])
    split = merged.split(target, vectors, counts, into=2)
    labels = check(split, vectors, counts)
    outside = merged.labels_ != target
    assert np.array_equal(labels[outside], merged.labels_[outside])
    assert [c.id for c in split.tree_[target].children] == [
        len(merged.tree_),
        len(merged.tree_) + 1,
    ]
    for topic in split.tree_[target].children:  # the planted pair comes apart again
        assert len(set(truth[labels == topic.id].tolist())) == 1
    # The strengths of the parts share out that of the topic, which stays.
    np.testing.assert_allclose(
        split.membership_[:, target].toarray(), merged.membership_[:, target].toarray(), atol=1e-6
    )
    shares = split._decision(vectors, split._words.transform(counts))[1]
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5)
    free = merged.split(target, vectors, counts)  # as many parts as its own graph suggests
    assert len(free.tree_[target].children) >= 2
    check(free, vectors, counts)


def test_split_by_a_sample_keeps_the_sizes(fitted):
    vectors, counts, _, model = fitted
    merged = model.merge([[0, 1]])
    half = merged.split(0, vectors[::2], counts[::2], into=2)
    assert half.tree_.size.sum() == merged.tree_.size.sum() + merged.tree_[0].size
    assert not hasattr(half, "labels_")
    order = np.random.default_rng(0).permutation(len(vectors))
    one = merged.split(0, vectors, counts, into=3)
    other = merged.split(0, vectors[order], counts[order], into=3)
    assert np.array_equal(one.predict(vectors, counts), other.predict(vectors, counts))


def test_a_split_by_other_passages_is_refused(fitted):
    vectors, counts, _, model = fitted
    other, words, _ = planted(seed=1)
    with pytest.raises(ParameterError, match=r"not passages of the fit: \d+ of them belong to"):
        model.split(0, other, words, into=2)
    twice = np.vstack([vectors, vectors]), sp.vstack([counts, counts])
    with pytest.raises(ParameterError, match="not passages of the fit, which had 240"):
        model.split(0, *twice, into=2)
    most = int(np.argmax(np.bincount(model.labels_)))
    one = np.repeat(np.flatnonzero(model.labels_ == most)[:1], 200)
    with pytest.raises(ParameterError, match=f"200 of them belong to topic {most}, which has"):
        model.split(most, vectors[one], counts[one], into=2)
    none = np.zeros_like(vectors), counts * 0
    with pytest.raises(ParameterError, match="240 of them belong to no topic"):
        model.split(0, *none, into=2)
    loaded = TopicModel.from_arrays(*model.to_arrays())  # knows no passages
    loaded.split(0, vectors[::2], counts[::2], into=2)


def test_passages_of_a_stream_may_take_part_in_a_split(fitted):
    vectors, counts, _, _ = fitted
    model = TopicModel(neighbours=15).fit(vectors[:200], counts[:200])
    model.partial_fit(vectors[200:], counts[200:])
    split = model.split(int(model.predict(vectors[:1], counts[:1])[0]), vectors, counts, into=2)
    assert len(split.tree_) == len(model.tree_) + 2


def test_what_cannot_be_split_is_said(fitted):
    vectors, counts, _, model = fitted
    with pytest.raises(ParameterError, match="into is 1"):
        model.split(0, vectors, counts, into=1)
    inner = next(topic.id for topic in model.tree_ if not topic.is_leaf)
    with pytest.raises(ParameterError, match="is no leaf"):
        model.split(inner, vectors, counts)
    same = np.tile(np.array([[1.0, 0.0]], np.float32), (30, 1))
    with pytest.raises(ParameterError, match=r"falls into|fall into"):
        TopicModel().fit(same).split(0, same, into=2)
    with pytest.raises(NotFitted):
        TopicModel().merge([[0, 1]])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=5))
def test_any_series_of_edits_adds_up(fitted, steps):
    vectors, counts, _, model = fitted
    for split, a, b in steps:
        leaves = [topic.id for topic in model.tree_.leaves]
        if split:
            try:
                model = model.split(leaves[a % len(leaves)], vectors, counts, into=2 + b % 2)
            except ParameterError:
                continue
        else:
            group = sorted({a % len(model.tree_), b % len(model.tree_)})
            below = {leaf for leaf in leaves if set(model.tree_.path(leaf)) & set(group)}
            if len(below) < 2:
                continue
            model = model.merge([group], vectors, counts)
    labels = check(model, vectors, counts)
    arrays, about = model.to_arrays()
    loaded = TopicModel.from_arrays(arrays, json.loads(json.dumps(about)))
    again = loaded.assign(vectors, counts)
    assert np.array_equal(again.labels, labels)
    assert again.membership.data.tobytes() == model.membership_.data.tobytes()
    for count in range(1, len(model.tree_.leaves) + 1):
        assert len(model.prune(count).tree_.leaves) == count
        layer = model.cut(count)
        assert np.array_equal(np.append(layer.of, -1)[labels], layer.labels)
        assert np.array_equal(loaded._groups(count), layer.of)


def test_pruning_joins_the_nearest_first(fitted):
    vectors, counts, truth, model = fitted
    assert len(model.tree_.leaves) == 6
    three = model.prune(3, vectors, counts)
    assert len({(t // 2, int(label)) for t, label in zip(truth, three.labels_, strict=True)}) == 3
    check(three, vectors, counts)
    with pytest.raises(ParameterError, match="from 1 to 6"):
        model.prune(7)


def test_layers_run_from_roots_to_leaves(fitted):
    _, _, _, model = fitted
    layers = model.layers()
    assert np.array_equal(layers[-1].labels, model.labels_)
    for depth, layer in enumerate(layers):
        for label, leaf in zip(layer.labels[::9], model.labels_[::9], strict=True):
            path = model.tree_.path(leaf)
            assert label == path[min(depth, len(path) - 1)]
    counts = [layer.topics for layer in layers]
    assert counts == sorted(counts)
    assert counts[0] == len(model.tree_.roots)


def test_names_stay_through_edits(fitted):
    vectors, counts, _, model = fitted
    named = model.rename(3, "moon").merge([[0, 1]])
    number = named.renumbered_[3]
    assert named.tree_.label(int(number)) == "moon"
    assert model.tree_.label(3) == ""
    arrays, about = named.to_arrays()
    assert TopicModel.from_arrays(arrays, about).tree_.labels == named.tree_.labels
    with pytest.raises(ParameterError, match="called 'moon' already"):
        named.rename(0, "moon")
    again = model.rename(3, "moon").merge([[1, 3]])
    assert "moon" in again.tree_.labels
    assert again.split(1, vectors, counts, into=2).tree_.label(1) == "moon"


@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 6, 7, 9, 14])
def test_a_wanted_number_of_topics_is_met(fitted, wanted):
    vectors, counts, _, _ = fitted
    model = TopicModel(neighbours=15, n_topics=wanted).fit(vectors, counts)
    assert len(model.tree_.leaves) == wanted
    check(model, vectors, counts)


def test_a_number_out_of_reach_is_refused():
    vectors, counts, _ = planted(topics=4, each=3)
    with pytest.raises(ParameterError, match="at most"):
        TopicModel(n_topics=13).fit(vectors, counts)
    with pytest.raises(ParameterError, match="give one of them"):
        TopicModel(n_topics=3, resolution=1.0).fit(vectors, counts)
    copies = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
    with pytest.raises(ParameterError, match="n_topics is 60, but these passages make 3 topics"):
        TopicModel(neighbours=5, n_topics=60).fit(copies)
    with pytest.raises(ParameterError, match="n_topics is 0"):
        TopicModel(n_topics=0).fit(vectors, counts)
    apart = np.repeat(np.eye(4, dtype=np.float32), 8, axis=0)
    assert len(TopicModel(n_topics=2).fit(apart).tree_.leaves) == 2


@pytest.mark.parametrize("number", [1, 2])
def test_models_of_every_format_open(tmp_path, number):
    arrays = load_tensors(GOLDEN / f"model-format-{number}.safetensors")
    about = json.loads((GOLDEN / f"model-format-{number}.json").read_text())
    assert about["format"] == number
    model = TopicModel.from_arrays(arrays, about)
    assert not model.even_edges  # as they were cut when these were saved
    probe = load_tensors(GOLDEN / f"model-format-{number}-probe.safetensors")
    found = model.assign(probe["vectors"], sp.csr_matrix(probe["counts"]))
    assert np.array_equal(found.labels, probe["labels"])
    np.testing.assert_allclose(found.membership.data, probe["strength"], atol=1e-6)
    assert found.membership.indices.tolist() == probe["column"].tolist()
    if number == 2:  # merged, split, named, and in the middle of a stream
        assert model.tree_.labels[:2] == ("first", "moon")
        assert len(model._stream.pending[0]) == 30
        model.partial_fit(probe["vectors"], sp.csr_matrix(probe["counts"]))
    leaves = [topic.id for topic in model.tree_.leaves]
    merged = model.merge([leaves[:2]])
    assert len(merged.prune(2).tree_.leaves) == 2
    arrays, about = merged.to_arrays()
    assert about["format"] == 2
    save_tensors(tmp_path / "a", arrays)
    again = TopicModel.from_arrays(load_tensors(tmp_path / "a"), about)
    assert again.tree_.to_json() == merged.tree_.to_json()


@pytest.mark.data
def test_a_real_corpus_at_its_number_of_classes(data_dir):
    import pyarrow.parquet as pq

    from isogloss.evaluate.partition import factorize, partition_scores

    table = np.load(data_dir / "bbc_news" / "minilm_text.npy").astype(np.float32)
    vectors = table / np.linalg.norm(table, axis=1, keepdims=True)
    classes = pq.read_table(data_dir / "bbc_news" / "data.parquet")["label"].to_pylist()
    model = TopicModel(n_topics=5).fit(vectors)
    assert len(model.tree_.leaves) == 5
    check(model, vectors, None)
    assert partition_scores(model.labels_, factorize(classes))["ari"].value > 0.6


@pytest.mark.parametrize(
    "edit",
    [
        lambda model, rows: model.merge([["a"]]),
        lambda model, rows: model.merge(5),
        lambda model, rows: model.merge("ab"),
        lambda model, rows: model.merge([[0, 1.5]]),
        lambda model, rows: model.merge([[True, 2]]),
        lambda model, rows: model.split("0", rows),
        lambda model, rows: model.split(0, rows, into="x"),
        lambda model, rows: model.split(0, rows, into=2.5),
        lambda model, rows: model.prune(2.5),
        lambda model, rows: model.prune("3"),
        lambda model, rows: model.cut(True),
        lambda model, rows: model.rename(3.5, "name"),
        lambda model, rows: model.rename(0, 7),
    ],
)
def test_values_of_other_types_are_refused_in_one_line(fitted, edit):
    vectors, _, _, model = fitted
    with pytest.raises(ParameterError) as caught:
        edit(model, vectors)
    assert "\n" not in str(caught.value)
