"""TopicModel: one assignment for fit and predict, planted topics, odd input, determinism."""

import json

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss.topics import TopicModel
from isogloss.topics.scale import _agreement as adjusted_rand


def planted(topics=6, each=60, dim=24, noise=0.8, seed=0):
    """Unit vectors around `topics` centres, words of which each topic has ten of its own."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(topics), each)
    centres = rng.normal(size=(topics, dim))
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
    return vectors, counts, truth, TopicModel(neighbours=20).fit(vectors, counts)


def same_partition(a, b):
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


def test_planted_topics_are_found(fitted):
    _, _, truth, model = fitted
    assert same_partition(model.labels_, truth)
    assert model.unassigned_ == 0.0


def test_shuffled_words_do_not_help():
    vectors, counts, truth = planted(noise=3.0)
    shuffled = counts[np.random.default_rng(1).permutation(len(truth))]
    right = TopicModel(neighbours=20).fit(vectors, counts).labels_
    wrong = TopicModel(neighbours=20).fit(vectors, shuffled).labels_

    def purity(labels):
        tops = [np.bincount(truth[labels == k]).max() for k in set(labels.tolist())]
        return sum(tops) / len(truth)

    assert purity(right) > purity(wrong) + 0.1


def test_fit_and_predict_agree_in_any_batch(fitted):
    vectors, counts, _, model = fitted
    whole = model.assign(vectors, counts)
    assert np.array_equal(whole.labels, model.labels_)
    assert (whole.membership != model.membership_).nnz == 0
    for size in (1, 7, 100):
        parts = [
            model.assign(vectors[i : i + size], counts[i : i + size])
            for i in range(0, len(vectors), size)
        ]
        assert np.array_equal(np.concatenate([p.labels for p in parts]), model.labels_)
        joined = sp.vstack([p.membership for p in parts]).tocsr()
        assert joined.data.tobytes() == whole.membership.data.tobytes()


def test_membership_grows_towards_the_root(fitted):
    _, _, _, model = fitted
    rows = model.membership_
    assert rows.dtype == np.float32
    for i, label in enumerate(model.labels_):
        part = slice(rows.indptr[i], rows.indptr[i + 1])
        assert rows.indices[part].tolist() == model.tree_.path(label)
        strengths = rows.data[part]
        assert (np.diff(strengths) <= 0).all()
        assert ((strengths > 0) & (strengths <= 1)).all()


def test_sizes_count_the_labels(fitted):
    _, _, _, model = fitted
    sizes = np.bincount(model.labels_)
    assert model.tree_.size[: len(sizes)].tolist() == sizes.tolist()
    assert (np.diff(sizes) <= 0).all()
    assert sum(root.size for root in model.tree_.roots) == len(model.labels_)


def test_row_order_and_threads_change_nothing(fitted, monkeypatch):
    vectors, counts, _, model = fitted
    order = np.random.default_rng(3).permutation(len(vectors))
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        again = TopicModel(neighbours=20).fit(vectors[order], counts[order])
        assert np.array_equal(again.labels_, model.labels_[order])
        for name, array in model.to_arrays()[0].items():
            assert array.tobytes() == again.to_arrays()[0][name].tobytes(), name


def test_saved_and_loaded_predicts_the_same_bytes(fitted):
    vectors, counts, _, model = fitted
    arrays, about = model.to_arrays()
    assert all(isinstance(array, np.ndarray) for array in arrays.values())
    loaded = TopicModel.from_arrays(arrays, json.loads(json.dumps(about)))
    a, b = model.assign(vectors, counts), loaded.assign(vectors, counts)
    assert a.labels.tobytes() == b.labels.tobytes()
    assert a.membership.data.tobytes() == b.membership.data.tobytes()
    assert loaded.tree_.to_json() == model.tree_.to_json()
    with pytest.raises(AtlasError, match="format 99"):
        TopicModel.from_arrays(arrays, {**about, "format": 99})


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 12])
@pytest.mark.parametrize("with_counts", [False, True])
def test_few_passages(n, with_counts):
    vectors, counts, _ = planted(topics=3, each=4)
    given = (vectors[:n], counts[:n] if with_counts else None)
    model = TopicModel().fit(*given)
    assert len(model.labels_) == n
    assert np.array_equal(model.predict(*given), model.labels_)
    assert sum(root.size for root in model.tree_.roots) == (model.labels_ >= 0).sum()
    if n:
        assert (model.labels_ >= 0).all()
    arrays, about = model.to_arrays()
    assert np.array_equal(TopicModel.from_arrays(arrays, about).predict(*given), model.labels_)


@pytest.mark.parametrize("n", [2, 10, 200])
def test_identical_passages_are_one_topic(n):
    rows = np.tile(np.array([[0.6, 0.8, 0.0]], dtype=np.float32), (n, 1))
    model = TopicModel().fit(rows)
    assert model.labels_.tolist() == [0] * n


def test_empty_passages_belong_nowhere():
    vectors, counts, _ = planted()
    vectors[:5] = 0.0
    counts = counts.tolil()
    counts[:3] = 0.0
    counts = sp.csr_matrix(counts)
    model = TopicModel(neighbours=20).fit(vectors, counts)
    assert (model.labels_[:3] == -1).all()
    assert model.membership_[:3].nnz == 0
    # Two without a vector still have words: these tell.
    assert (model.labels_[3:5] == model.labels_[10]).all()
    assert (model.labels_[5:] >= 0).all()
    only_zeros = TopicModel().fit(np.zeros((7, 4), dtype=np.float32))
    assert only_zeros.labels_.tolist() == [-1] * 7
    assert len(only_zeros.tree_) == 0


def test_bad_input_is_refused(fitted):
    vectors, counts, _, model = fitted
    broken = vectors.copy()
    broken[4, 2] = np.nan
    with pytest.raises(ParameterError, match="row 4"):
        TopicModel().fit(broken)
    with pytest.raises(ParameterError, match="row 4"):
        model.predict(broken, counts)
    with pytest.raises(ParameterError, match="counts are missing"):
        model.predict(vectors)
    with pytest.raises(ParameterError, match="rows for"):
        model.predict(vectors[:3], counts)
    with pytest.raises(ParameterError, match="columns"):
        model.predict(vectors[:, :3], counts)
    with pytest.raises(ParameterError, match="shape"):
        TopicModel().fit(vectors[0])
    with pytest.raises(ParameterError, match="neighbours"):
        TopicModel(neighbours=0).fit(vectors)
    with pytest.raises(ParameterError, match="resolution"):
        TopicModel(resolution=-1.0).fit(vectors)
    with pytest.raises(ParameterError, match="did you mean 'neighbours'"):
        TopicModel().set_params(neighbors=3)
    with pytest.raises(NotFitted):
        TopicModel().predict(vectors)
    with pytest.raises(ParameterError, match="rows of numbers"):
        TopicModel().fit([["a", "b"]])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("neighbours", ["x", 2.5, True, float("nan"), None]),
        ("lexical_weight", ["a", -0.1, float("inf"), None]),
        ("even_edges", ["no", None, 1]),
        ("resolution", ["a", 0, float("nan")]),
        ("min_topic_size", [None, 2.5]),
        ("n_topics", ["3", 2.5, 0]),
        ("random_state", ["a", 1.5, None, 2**64]),
        ("max_rows", ["a", 1]),
        ("first_rows", [2.5, 1]),
        ("seeds", [3, "word", ["word"]]),
    ],
)
def test_parameters_of_wrong_types_are_refused_by_name(fitted, name, values):
    for value in values:
        with pytest.raises(ParameterError, match=name):
            TopicModel(**{name: value}).fit(fitted[0])


def test_input_stays_as_it_was():
    vectors, counts, _ = planted(topics=3, each=20)
    before = vectors.copy(), counts.copy()
    TopicModel(neighbours=5).fit(vectors, counts)
    assert np.array_equal(vectors, before[0])
    assert (counts != before[1]).nnz == 0


@pytest.mark.data
def test_a_real_corpus_in_two_orders(data_dir):
    table = np.load(data_dir / "bbc_news" / "minilm_text.npy").astype(np.float32)
    vectors = table / np.linalg.norm(table, axis=1, keepdims=True)
    a, b = (TopicModel(random_state=seed).fit(vectors) for seed in (0, 1))
    assert a.unassigned_ <= 0.05
    assert 4 <= len(a.tree_.leaves) <= 40
    agree = sum(
        np.bincount(b.labels_[(a.labels_ == k) & (b.labels_ >= 0)]).max()
        for k in range(len(a.tree_.leaves))
    )
    assert agree / len(vectors) > 0.85


def many(n, centres, seed=0, d=24):
    draw = np.random.default_rng(seed)
    middle = draw.normal(size=(centres, d))
    own = draw.integers(0, centres, n)
    rows = middle[own] + 0.25 * draw.normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), own


def test_a_sample_finds_the_topics_of_all():
    rows, own = many(3000, 5)
    model = TopicModel(neighbours=10, first_rows=400).fit(rows)
    assert adjusted_rand(model.labels_, own) > 0.99
    assert model.tree_.size[model.tree_.parent < 0].sum() == 3000
    assert (model.predict(rows) == model.labels_).all()


def test_small_topics_are_looked_for_among_more_passages():
    rows, own = many(3000, 60)
    # 400 passages hold 7 of each topic: too few to tell them by their 10 neighbours.
    model = TopicModel(neighbours=10, first_rows=400, min_topic_size=5).fit(rows)
    assert adjusted_rand(model.labels_, own) > 0.9


def test_no_more_than_so_many_passages_are_looked_at(monkeypatch):
    import isogloss.topics.look as home

    seen = []
    kept = home.neighbour_graphs

    def spy(rows, *args, **kwargs):
        seen.append(len(rows))
        return kept(rows, *args, **kwargs)

    monkeypatch.setattr(home, "neighbour_graphs", spy)
    rows, _ = many(3000, 60)
    TopicModel(neighbours=10, first_rows=400, max_rows=900, min_topic_size=5).fit(rows)
    assert max(seen) == 900
    seen.clear()
    TopicModel(neighbours=10, first_rows=None).fit(rows)
    assert seen == [3000]


def test_the_order_of_the_rows_has_no_influence_on_a_sample():
    rows, _ = many(3000, 5)
    other = np.random.default_rng(1).permutation(3000)
    one = TopicModel(neighbours=10, first_rows=400).fit(rows)
    two = TopicModel(neighbours=10, first_rows=400).fit(rows[other])
    assert (one.labels_[other] == two.labels_).all()


def test_one_first_row_is_refused():
    with pytest.raises(ParameterError, match="first_rows is 1"):
        TopicModel(first_rows=1).fit(many(50, 2)[0])


def test_transform_gives_the_memberships_under_the_usual_names(fitted):
    vectors, counts, _, model = fitted
    assert (model.transform(vectors, counts) != model.membership_).nnz == 0
    fresh = TopicModel(neighbours=20)
    assert (fresh.fit_transform(vectors, counts) != model.membership_).nnz == 0
    assert (fresh.fit_predict(vectors, counts) == model.labels_).all()
    with pytest.raises(NotFitted):
        TopicModel().transform(vectors, counts)
    vocabulary = [f"w{i}" for i in range(counts.shape[1])]
    seeded = TopicModel(neighbours=20, seeds={"first": ["w0", "w1"]})
    seeded.fit_transform(vectors, counts, vocabulary=vocabulary)
    assert "first" in seeded.tree_.labels
