"""partial_fit: nothing renumbered, batches without influence, new leaves for new topics only."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.topics import TopicModel
from isogloss.topics.assign import Assigner
from isogloss.topics.emerge import (
    STRAY,
    Base,
    apart,
    corrected_length,
    dense_groups,
    low_cosine,
    measure_base,
    renewed,
    with_leaf,
)


def planted(topics=8, each=150, dim=24, noise=0.8, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(topics), each))
    centres = rng.normal(size=(topics, dim))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[truth] + noise * rng.normal(size=(len(truth), dim)) / np.sqrt(dim)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rates = np.full((topics, topics * 10 + 20), 0.05)
    for topic in range(topics):
        rates[topic, topic * 10 : topic * 10 + 10] = 0.5
    counts = sp.csr_matrix(rng.poisson(rates[truth]).astype(np.float32))
    return vectors.astype(np.float32), counts, truth


@pytest.fixture(scope="module")
def stage():
    """A model of seven topics, more passages of these, and an eighth topic."""
    vectors, counts, truth = planted()
    known = truth < 7
    fit = np.flatnonzero(known)[:600]
    rest = np.setdiff1d(np.arange(len(truth)), fit)
    model = TopicModel(neighbours=15).fit(vectors[fit], counts[fit])
    return model, vectors, counts, truth, fit, rest


def streamed(model, *given, **more):
    return copy.copy(model).partial_fit(*given, **more)


def test_more_of_the_same_makes_no_topic(stage):
    model, vectors, counts, truth, _, rest = stage
    same = rest[truth[rest] < 7]
    after = streamed(model, vectors[same], counts[same])
    assert after.new_topics_ == 0
    assert 0.01 < after.novelty_ < 0.12
    assert after.tree_.parent.tolist() == model.tree_.parent.tolist()
    grown = np.bincount(model.predict(vectors[same], counts[same]), minlength=len(model.tree_))
    leaves = [topic.id for topic in model.tree_.leaves]
    assert (after.tree_.size - model.tree_.size)[leaves].tolist() == grown[leaves].tolist()
    assert model.tree_.size.sum() < after.tree_.size.sum()


def test_a_new_topic_becomes_a_leaf_and_nothing_else_changes(stage):
    model, vectors, counts, truth, fit, rest = stage
    heard = []
    named = model.rename(0, "moon")
    after = streamed(named, vectors[rest], counts[rest], on_event=heard.append)
    assert after.new_topics_ == 1
    new = len(model.tree_)
    assert after.tree_.parent[:new].tolist() == model.tree_.parent.tolist()
    assert after.tree_.label(0) == "moon"
    assert any("a new topic" in event.message for event in heard)
    found = after.predict(vectors[rest], counts[rest])
    assert (truth[rest][found == new] == 7).mean() > 0.95
    assert (found[truth[rest] == 7] == new).mean() > 0.8
    assert np.array_equal(after.predict(vectors[fit], counts[fit]), model.labels_)
    total = sum(root.size for root in after.tree_.roots)
    assert total == (model.labels_ >= 0).sum() + (found >= 0).sum()


def test_strange_passages_raise_the_alarm(stage):
    model, vectors, counts, _, _, _ = stage
    strange = np.random.default_rng(1).normal(size=(120, vectors.shape[1]))
    strange = (strange / np.linalg.norm(strange, axis=1, keepdims=True)).astype(np.float32)
    heard = []
    after = streamed(model, strange, counts[:120] * 0, on_event=heard.append)
    assert after.novelty_ > 0.3
    assert after.new_topics_ == 0  # they have nothing in common
    assert [event.level for event in heard if "fit the topics badly" in event.message] == [
        "warning"
    ]


@pytest.mark.parametrize("with_counts", [True, False])
def test_batches_and_threads_have_no_influence(stage, monkeypatch, with_counts):
    model, vectors, counts, _, fit, rest = stage
    if not with_counts:
        model, counts = TopicModel(neighbours=15).fit(vectors[fit]), None

    def part(rows):
        return vectors[rows], None if counts is None else counts[rows]

    whole = streamed(model, *part(rest)).to_arrays()[0]
    for threads, size in (("1", 37), ("2", 256), ("3", 301)):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        again = copy.copy(model)
        for first in range(0, len(rest), size):
            again.partial_fit(*part(rest[first : first + size]))
        arrays = again.to_arrays()[0]
        assert sorted(arrays) == sorted(whole)
        for name, array in whole.items():
            assert array.tobytes() == arrays[name].tobytes(), name


def test_a_saved_stream_goes_on_where_it_was(stage, tmp_path):
    model, vectors, counts, _, _, rest = stage
    half = len(rest) // 2 + 7
    whole = streamed(model, vectors[rest], counts[rest])
    begun = streamed(model, vectors[rest[:half]], counts[rest[:half]])
    fresh = TopicModel.from_arrays(*model.to_arrays())  # and before any passage came
    fresh.partial_fit(vectors[rest], counts[rest])
    for name, array in whole.to_arrays()[0].items():
        assert array.tobytes() == fresh.to_arrays()[0][name].tobytes(), name
    arrays, about = begun.to_arrays()
    save_tensors(tmp_path / "a", arrays)
    loaded = TopicModel.from_arrays(load_tensors(tmp_path / "a"), json.loads(json.dumps(about)))
    loaded.partial_fit(vectors[rest[half:]], counts[rest[half:]])
    one, other = whole.to_arrays()[0], loaded.to_arrays()[0]
    for name, array in one.items():
        assert array.tobytes() == other[name].tobytes(), name


def test_a_stream_of_an_older_version_that_waited_longer_goes_on(stage):
    model, vectors, counts, truth, _, rest = stage
    new = rest[truth[rest] == 7][:9]
    begun = streamed(model, vectors[new], counts[new])
    held = begun._stream.held
    assert len(held[0]) > 4
    many = tuple(sp.vstack([one, one]) if sp.issparse(one) else np.concatenate([one, one])
                 for one in held)  # fmt: skip
    begun._stream = replace(begun._stream, held=many, looked=-9)
    assert begun.partial_fit(vectors[:1] * 0, counts[:1] * 0)._stream.looked > 0


def test_memory_is_bounded(stage):
    _, vectors, counts, truth, fit, rest = stage
    model = TopicModel(neighbours=15, novel_rows=20, min_topic_size=10)
    model.fit(vectors[fit], counts[fit])
    strange = rest[truth[rest] == 7]
    for _ in range(5):
        model.partial_fit(vectors[strange], counts[strange])
        assert len(model._stream.held[0]) <= 20
        assert len(model._stream.pending[0]) < 256
    with pytest.raises(ParameterError, match="novel_rows is 0"):
        TopicModel(novel_rows=0).fit(vectors[fit])


def test_streams_and_edits_go_together(stage):
    model, vectors, counts, _, fit, rest = stage
    merged = model.merge([[0, 1]], vectors[fit], counts[fit])
    split = merged.split(0, vectors[fit], counts[fit], into=2)
    after = streamed(split, vectors[rest], counts[rest])
    labels = after.predict(vectors, counts)
    leaves = {topic.id for topic in after.tree_.leaves}
    assert set(labels.tolist()) <= leaves | {-1}
    fresh = [topic.id for topic in after.tree_.leaves][-1]
    again = after.merge([[fresh, 1]])
    assert len(again.tree_.leaves) == len(leaves) - 1
    assert len(after.prune(3).tree_.leaves) == 3
    assert len(after.split(fresh, vectors, counts, into=2).tree_.leaves) == len(leaves) + 1


def test_refresh_learns_from_the_stream(stage):
    model, vectors, counts, truth, fit, rest = stage
    same = rest[truth[rest] < 7]
    after = streamed(model, vectors[same], counts[same]).refresh()
    assert after.tree_.parent.tolist() == model.tree_.parent.tolist()
    both = np.concatenate([fit, same])
    labels = after.predict(vectors[both], counts[both])
    base = after._stream.base
    # The means are those of all passages, as far as labels have not changed.
    first = after._decision.stages[0].assigner
    for leaf in range(first.leaves):
        mean = vectors[both][labels == leaf].mean(axis=0)
        centroid = first.weights[:, first.leaves + leaf]
        assert centroid @ mean / np.linalg.norm(mean) > 0.999
    rest_of = (
        vectors[both]
        - np.stack([vectors[both][labels == leaf].mean(axis=0) for leaf in range(first.leaves)])[
            labels
        ]
    )
    np.testing.assert_allclose(base.spread, rest_of.T @ rest_of / len(both), atol=2e-3)
    assert base.size.sum() == len(both)


def test_statistics_of_a_stream_are_those_of_all_passages():
    rng = np.random.default_rng(0)
    rows = (np.eye(4)[np.arange(400) % 2] + 0.2 * rng.normal(size=(400, 4))).astype(np.float32)
    labels = (np.arange(400) % 2).astype(np.int32)
    new = (rows + np.float32([0.0, 0.0, 0.5, 0.0])).astype(np.float32)  # the topics drift
    assigner = Assigner.fit(rows, None, labels, 2)
    base = measure_base(rows, None, labels, assigner, np.bincount(labels))
    means = np.stack([rows[labels == k].mean(axis=0) for k in range(2)])
    sums = np.stack([new[labels == k].sum(axis=0, dtype=np.float64) for k in range(2)])
    rest = new - means[labels]
    _, after = renewed(assigner, base, np.bincount(labels), sums, rest.T @ rest, None)
    both, own = np.vstack([rows, new]), np.concatenate([labels, labels])
    inner = both - np.stack([both[own == k].mean(axis=0) for k in range(2)])[own]
    np.testing.assert_allclose(after.spread, inner.T @ inner / 800, atol=1e-5)
    length = np.linalg.norm([both[own == k].mean(axis=0) for k in range(2)], axis=1)
    np.testing.assert_allclose(after.length, length, atol=1e-5)


def test_odd_streams():
    vectors, counts, _ = planted(topics=3, each=30)
    first = TopicModel().partial_fit(vectors, counts)  # without topics it is a fit
    assert np.array_equal(first.labels_, TopicModel().fit(vectors, counts).labels_)
    first.partial_fit(vectors[:0], counts[:0])
    assert first.novelty_ == 0.0
    with pytest.raises(ParameterError, match="columns"):
        first.partial_fit(vectors[:, :3], counts)
    empty = TopicModel().fit(np.zeros((5, 24), dtype=np.float32))
    for _ in range(4):
        empty.partial_fit(vectors)
    assert set(empty.predict(vectors).tolist()) <= set(range(-1, len(empty.tree_)))
    arrays, about = first.to_arrays()
    old = {name: array for name, array in arrays.items() if not name.startswith("stream.")}
    with pytest.raises(AtlasError, match="fit again"):
        TopicModel.from_arrays(old, about).partial_fit(vectors, counts)


def test_the_mean_of_a_few_is_no_longer_than_that_of_many():
    rng = np.random.default_rng(0)
    rows = np.array([1.0, 0, 0, 0]) + 0.8 * rng.normal(size=(4000, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    many = np.linalg.norm(rows.mean(axis=0))
    few = [
        corrected_length(float(np.linalg.norm(rows[i : i + 5].mean(axis=0))), 5) ** 2
        for i in range(0, 4000, 5)
    ]
    assert np.sqrt(np.mean(few)) == pytest.approx(many, abs=0.02)


@pytest.mark.data
def test_a_class_held_back_comes_as_new_topics(data_dir):
    import pyarrow.parquet as pq

    table = np.load(data_dir / "bbc_news" / "minilm_text.npy").astype(np.float32)
    vectors = table / np.linalg.norm(table, axis=1, keepdims=True)
    classes = np.array(pq.read_table(data_dir / "bbc_news" / "data.parquet")["label"].to_pylist())
    rng = np.random.default_rng(0)
    fit = np.flatnonzero((classes != "sport") & (rng.random(len(classes)) < 0.5))
    rest = rng.permutation(np.setdiff1d(np.arange(len(classes)), fit))
    model = TopicModel().fit(vectors[fit])
    same = rest[classes[rest] != "sport"]
    assert streamed(model, vectors[same]).new_topics_ == 0
    old = len(model.tree_)
    model.partial_fit(vectors[rest])
    found = model.predict(vectors[rest])
    assert (classes[rest][found >= old] == "sport").mean() > 0.95
    assert (found[classes[rest] == "sport"] >= old).mean() > 0.6


def test_a_loaded_stream_has_the_novelty_it_was_saved_with(stage, tmp_path):
    model, vectors, counts, _, _, rest = stage
    after = streamed(model, vectors[rest], counts[rest])
    after.save(tmp_path / "stream.safetensors")
    again = TopicModel.load(tmp_path / "stream.safetensors")
    assert again.novelty_ == after.novelty_ > 0
    assert again.new_topics_ == after.new_topics_ == 1
    model.save(tmp_path / "fitted.safetensors")  # nothing has come yet
    with pytest.raises(AttributeError):
        _ = TopicModel.load(tmp_path / "fitted.safetensors").novelty_


@pytest.mark.parametrize("size", [8, 24])
def test_a_small_new_subject_becomes_a_topic_without_waiting(stage, size):
    model, vectors, counts, truth, _, rest = stage
    new = rest[truth[rest] == 7]
    after = copy.copy(model)
    for first in range(0, 24, size):
        part = new[first : min(first + size, 24)]
        after.partial_fit(vectors[part], counts[part])
    assert after.new_topics_ == 1
    later = new[24:]
    assert (after.predict(vectors[later], counts[later]) == len(model.tree_)).mean() > 0.8


def test_groups_are_sought_at_the_same_passage_whatever_the_batch(stage):
    model, vectors, counts, truth, _, rest = stage
    new = rest[truth[rest] == 7]
    whole = streamed(model, vectors[new], counts[new])
    made = [streamed(model, vectors[new[:n]], counts[new[:n]]).new_topics_ for n in range(40)]
    first = made.index(1)
    assert 5 <= first <= 24
    assert made == [0] * first + [1] * (40 - first)
    # What came before keeps the topic it got; the next passage of the subject gets the new one.
    one_by_one = copy.copy(model)
    for row in new:
        one_by_one.partial_fit(vectors[row : row + 1], counts[row : row + 1])
    assert one_by_one.tree_.size.tolist() == whole.tree_.size.tolist()


def test_groups_that_are_loose_or_near_a_leaf_are_no_topics():
    def around(middle, count, noise, seed):
        rows = middle + noise * np.random.default_rng(seed).normal(size=(count, 24))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    axes = np.eye(24)
    model = TopicModel().fit(np.vstack([around(axes[i], 60, 0.05, i) for i in range(4)]))
    base = model._stream.base
    centroids = model._decision.stages[0].assigner.weights[:, 4:].T
    given = {"neighbours": 5, "lexical_weight": 0.0, "even_edges": True, "least": 3, "seed": 0}

    def found(rows):
        groups = dense_groups(rows, None, base, centroids, **given)
        return [int(np.median(rows[group], axis=0).argmax()) for group in groups]

    assert found(around(axes[9], 20, 0.05, 9)) == [9]
    assert found(around(axes[9], 20, 0.2, 9)) == []  # looser than the leaves
    beside = (axes[0] + 0.2 * axes[9]) / np.hypot(1, 0.2)
    assert found(around(beside, 20, 0.002, 9)) == []  # copies, not far from a leaf
    assert found(around(axes[9], 20, 0.002, 9)) == [9]
    both = np.vstack([around(axes[9], 20, 0.05, 9), around(axes[10], 12, 0.05, 10)])
    assert found(both) == [9, 10]
    assert apart(0.5, 0.9) < STRAY < apart(0.5, 0.3)


def test_a_passage_is_left_out_of_the_centroid_that_it_is_held_against():
    draw = np.random.default_rng(0)
    rows = np.array([1.0, 0, 0, 0, 0, 0]) + 0.6 * draw.normal(size=(12, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    mean = rows.mean(axis=0)
    length = float(np.linalg.norm(mean))
    others = [(rows.sum(axis=0) - row) for row in rows]
    left_out = [
        row @ other / np.linalg.norm(other) for row, other in zip(rows, others, strict=True)
    ]
    found = low_cosine(rows @ mean / length, length)
    assert found == pytest.approx(np.quantile(left_out, 0.05))


def test_what_chance_adds_to_the_mean_of_a_few_is_taken_off():
    draw = np.random.default_rng(0)
    base = Base(
        0.04 * np.eye(6, dtype=np.float32), np.ones(1, np.float32), np.zeros(1, np.float32),
        np.zeros(1, np.float32), np.full(1, 100),
    )  # fmt: skip
    middle = np.eye(1, 6)
    leaf = Assigner.fit(middle.astype(np.float32), None, np.zeros(1, np.int32), 1)

    def bias(count):
        rows = (middle + 0.2 * draw.normal(size=(count, 6))).astype(np.float32)
        return float(with_leaf(leaf, base, rows, None)[0].bias[-1])

    assert np.mean([bias(4) for _ in range(400)]) == pytest.approx(bias(20_000), abs=0.6)


@pytest.mark.data
@pytest.mark.parametrize("size", [8, 24])
def test_two_subjects_of_a_few_articles_become_topics(data_dir, size):
    import pyarrow.parquet as pq

    from isogloss import load_encoder
    from isogloss.text import Vocabulary

    table = pq.read_table(data_dir / "bbc_news" / "data.parquet")
    classes = np.array(table["label"].to_pylist())
    draw = np.random.default_rng(0)
    left = ("sport", "entertainment")
    known = draw.permutation(np.flatnonzero(~np.isin(classes, left)))
    new = [draw.permutation(np.flatnonzero(classes == name))[:40] for name in left]
    texts = table["text"].to_pylist()
    fitted = [texts[i] for i in known[:400]]
    encoder, vocabulary = load_encoder("lexical"), Vocabulary.fit([fitted], stop_words="auto")
    model = TopicModel().fit(encoder.encode(fitted), vocabulary.counts(fitted))

    def stream(model, rows):
        for first in range(0, len(rows), size):
            part = [texts[i] for i in rows[first : first + size]]
            model.partial_fit(encoder.encode(part), vocabulary.counts(part))
        return model

    assert stream(copy.copy(model), known[400:600]).new_topics_ == 0
    rows = draw.permutation(np.concatenate(new))
    old = len(model.tree_)
    after = stream(model, rows)
    part = [texts[i] for i in rows]
    found = after.predict(encoder.encode(part), vocabulary.counts(part))
    for name in left:
        own = found[classes[rows] == name]
        assert (own >= old).mean() > 0.5
    assert (after.predict(encoder.encode(fitted), vocabulary.counts(fitted)) < old).mean() > 0.99
