"""What LDA, NMF, CFMF, CFMF-emb and the Top2Vec- and BERTopic-like models all promise."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import AtlasError, NotFitted, ParameterError, StorageError
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.topics import (
    CFMF,
    BERTopicTopics,
    CFMFEmb,
    LDATopics,
    NMFTopics,
    Top2VecTopics,
    TopicEstimator,
    TopicResult,
)

# tomotopy's binary part warns when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")

GROUPS, EACH, OWN = 3, 40, 12
WORDS = [f"{'abc'[w // OWN]}{w % OWN}" for w in range(GROUPS * OWN)]


def planted(seed=0):
    """Counts and vectors of three groups of passages; one passage in each is empty."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(GROUPS), EACH)
    rates = np.full((GROUPS, len(WORDS)), 0.03)
    for group in range(GROUPS):
        rates[group, group * OWN : (group + 1) * OWN] = 1.0
    counts = rng.poisson(rates[truth])
    vectors = np.eye(GROUPS, 8)[truth] + rng.normal(0, 0.1, (len(truth), 8))
    for group in range(GROUPS):
        counts[group * EACH], vectors[group * EACH] = 0, 0.0
    return sp.csr_matrix(counts), vectors.astype(np.float32), truth


MODELS = [
    pytest.param(lambda k=None: LDATopics(k or 3, iterations=100), id="lda"),
    pytest.param(lambda k=None: LDATopics(k or 3, engine="sklearn"), id="lda-sklearn"),
    pytest.param(lambda k=None: NMFTopics(k or 3), id="nmf"),
    pytest.param(lambda k=None: CFMF(k), id="cfmf"),
    pytest.param(lambda k=None: CFMF(k, winner="distance"), id="cfmf-distance"),
    pytest.param(lambda k=None: CFMFEmb(k), id="cfmf-emb"),
    pytest.param(lambda k=None: Top2VecTopics(k), id="top2vec"),
    pytest.param(lambda k=None: BERTopicTopics(k), id="bertopic"),
    pytest.param(lambda k=None: BERTopicTopics(k, outliers="reassign"), id="bertopic-reassign"),
    pytest.param(lambda k=None: BERTopicTopics(k, reduction="pca"), id="bertopic-pca"),
]
every = pytest.mark.parametrize("make", MODELS)
over_counts = pytest.mark.parametrize("make", MODELS[:5])
over_vectors = pytest.mark.parametrize("make", MODELS[5:])


def fitted(model, seed=0):
    counts, vectors, _ = planted(seed)
    if model.input_kind == "counts":
        return model.fit(counts, vocabulary=WORDS)
    return model.fit(vectors, counts=counts, vocabulary=WORDS)


def input_of(model, seed=0):
    counts, vectors, _ = planted(seed)
    return counts if model.input_kind == "counts" else vectors


@every
@pytest.mark.parametrize("told", [None, 3])
def test_finds_what_was_planted(make, told):
    model = fitted(make(told))
    assert isinstance(model, TopicEstimator)
    _, _, truth = planted()
    labels, held = model.labels_, np.arange(len(truth)) % EACH > 0
    assert labels.dtype == np.int32
    assert labels[~held].tolist() == [-1] * GROUPS
    placed = held & (labels >= 0)
    assert placed.sum() >= 0.9 * held.sum()
    pairs = set(zip(labels[placed].tolist(), truth[placed].tolist(), strict=True))
    assert len(pairs) == GROUPS == model.result_.count
    for topic, group in pairs:
        words = model.result_.keywords[topic]
        assert len(words) >= 10
        assert {word[0] for word in words[:10]} == {"abc"[group]}


@every
def test_transform_gives_what_fit_gave(make):
    model = fitted(make())
    rows = input_of(model)
    assert (model.transform(rows) != model.result_.membership).nnz == 0
    assert np.array_equal(model.predict(rows), model.labels_)
    # One by one as all together.
    alone = [int(model.predict(rows[i : i + 1])[0]) for i in range(0, rows.shape[0], 7)]
    assert alone == model.labels_[::7].tolist()


@every
def test_new_passages_go_where_they_belong(make):
    model = fitted(make(3))
    found = model.predict(input_of(model, seed=1))
    pairs = set(zip(found.tolist(), model.labels_.tolist(), strict=True))
    assert len({pair for pair in pairs if min(pair) >= 0}) == GROUPS


@every
def test_memberships_are_parts_and_empty_rows_stay_empty(make):
    membership = fitted(make(3)).result_.membership
    assert membership.dtype == np.float32
    sums = np.asarray(membership.sum(axis=1)).ravel()
    assert sums.max() <= 1 + 1e-5
    assert membership.data.min() >= 0
    assert sums[::EACH].tolist() == [0.0] * GROUPS


@every
def test_the_same_seed_gives_the_same_bytes(make, tmp_path):
    for name in ("one", "two"):
        fitted(make(3)).result_.save(tmp_path / name)
    for part in ("topics.json", "topics.safetensors"):
        assert (tmp_path / "one" / part).read_bytes() == (tmp_path / "two" / part).read_bytes()
    again = TopicResult.load(tmp_path / "one")
    assert np.array_equal(again.labels, fitted(make(3)).labels_)


@every
def test_fitting_again_forgets_and_input_stays_as_it_was(make):
    model = make(3)
    counts, vectors, _ = planted()
    before = counts.copy(), vectors.copy()
    fitted(model, seed=1)
    if model.input_kind == "counts":
        model.fit(counts, vocabulary=WORDS)
    else:
        model.fit(vectors, counts=counts, vocabulary=WORDS)
    assert np.array_equal(model.labels_, fitted(make(3)).labels_)
    assert (counts != before[0]).nnz == 0
    assert np.array_equal(vectors, before[1])


@every
def test_clones_as_scikit_learn_does(make):
    from sklearn.base import clone

    model = fitted(make(3))
    other = clone(model)
    assert other.get_params() == model.get_params()
    assert not hasattr(other, "result_")
    with pytest.raises(NotFitted):
        other.transform(input_of(model))


@every
@pytest.mark.parametrize("k", [0, -1, 2.5, True, 1000])
def test_refuses_a_number_of_topics_that_cannot_be(make, k):
    model = make(3).set_params(n_topics=k)
    with pytest.raises(ParameterError, match="n_topics"):
        fitted(model)


@every
def test_refuses_bad_rows(make):
    model = make(3)
    rows = input_of(model).astype(float)
    others = {"vocabulary": WORDS}
    if model.input_kind == "vectors":
        others["counts"] = planted()[0]
    else:
        rows = rows.toarray()
    for value in (np.nan, np.inf):
        bad = rows.copy()
        bad[1, 1] = value
        with pytest.raises(ParameterError, match="NaN or infinite"):
            make(3).fit(bad, **others)
    with pytest.raises(ParameterError, match="shape"):
        make(3).fit(rows[0], **others)
    with pytest.raises(ParameterError, match="vocabulary has 1 words"):
        make(3).fit(rows, **{**others, "vocabulary": ["a"]})
    with pytest.raises(ParameterError, match="columns"):
        fitted(model).transform(rows[:, :-1])


@over_counts
def test_refuses_negative_counts(make):
    with pytest.raises(ParameterError, match="negative"):
        make(1).fit([[1, -1], [0, 2]])


@every
@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, "a", None])
def test_refuses_seeds_that_are_none(make, seed):
    with pytest.raises(ParameterError, match="random_state is"):
        fitted(make(3).set_params(random_state=seed))


@every
@pytest.mark.parametrize("seed", [2**32, 2**64 - 1, np.int64(3)])
def test_takes_seeds_of_64_bits(make, seed):
    assert fitted(make(3).set_params(random_state=seed)).result_.count == 3


@every
def test_refuses_what_is_no_numbers(make):
    model = make(3)
    rows = input_of(model)
    others = {} if model.input_kind == "counts" else {"counts": planted()[0]}
    for bad in (["a text", "another"], [["a"], ["b"]], rows.astype(complex)):
        with pytest.raises(ParameterError):
            make(3).fit(bad, **others)
    with pytest.raises(ParameterError, match="vocabulary is 'abc'"):
        make(3).fit(rows, **others, vocabulary="abc")


@every
def test_says_that_it_was_not_fitted(make):
    model = make(3)
    for name in ("labels_", "result_", "topic_word_"):
        assert not hasattr(model, name)
        with pytest.raises(NotFitted, match="call fit first"):
            getattr(model, name)
    with pytest.raises(AttributeError, match="no attribute 'lables'"):
        _ = model.lables
    with pytest.raises(AttributeError, match="no attribute 'lables_'"):
        _ = fitted(model).lables_


@over_vectors
def test_refuses_counts_that_do_not_fit_vectors(make):
    counts, vectors, _ = planted()
    with pytest.raises(ParameterError, match="counts"):
        make(3).fit(vectors, vocabulary=WORDS)
    with pytest.raises(ParameterError, match=f"counts has 5 rows for {len(vectors)}"):
        make(3).fit(vectors, counts=counts[:5], vocabulary=WORDS)


@over_vectors
def test_a_few_passages_or_none_are_no_error(make):
    counts, vectors, _ = planted()
    few = make(None).fit(vectors[1:4], counts=counts[1:4], vocabulary=WORDS)
    assert few.result_.count == 1
    assert few.labels_.tolist() == [0, 0, 0]
    none = make(None).fit(np.zeros((2, 8)), counts=counts[:2], vocabulary=WORDS)
    assert none.labels_.tolist() == [-1, -1]
    assert none.result_.count == 0
    assert none.predict(vectors[1:3]).tolist() == [-1, -1]


def test_words_are_numbers_where_nobody_names_them():
    model = NMFTopics(3).fit(planted()[0])
    assert set(model.result_.keywords[0]) <= set(map(str, range(len(WORDS))))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LDATopics(3, engine="mallet"), "known: 'tomotopy'"),
        (LDATopics(3, eta=0), "eta is 0"),
        (NMFTopics(3, iterations=0), "iterations is 0"),
        (CFMF(winner="loser"), "known: 'features'"),
        (CFMFEmb(n_keywords=0), "n_keywords is 0"),
        (BERTopicTopics(outliers="drop"), "known: 'keep'"),
        (BERTopicTopics(min_topic_size=1), "min_topic_size is 1"),
        (BERTopicTopics(max_passages=10), "117 passages"),
        (Top2VecTopics(components=0), "components is 0"),
    ],
)
def test_refuses_parameters_that_mean_nothing(model, message):
    with pytest.raises(ParameterError, match=message):
        fitted(model)


def test_outliers_are_kept_in_sight_or_go_to_the_nearest_topic():
    counts, vectors, _ = planted()
    far = -np.ones((6, 8), dtype=np.float32) * np.arange(1, 7)[:, None] ** 0.1
    far += np.random.default_rng(3).normal(0, 0.4, far.shape)
    rows = np.concatenate([vectors, far]).astype(np.float32)
    words = sp.vstack([counts, sp.csr_matrix(np.ones((6, len(WORDS))))]).tocsr()
    kept = BERTopicTopics(reduction=None).fit(rows, counts=words, vocabulary=WORDS)
    given = BERTopicTopics(reduction=None, outliers="reassign").fit(
        rows, counts=words, vocabulary=WORDS
    )
    assert (kept.labels_[-6:] == -1).all()
    assert (given.labels_[-6:] >= 0).all()
    assert np.array_equal(given.predict(rows), given.labels_)
    placed = kept.labels_ >= 0
    assert np.array_equal(kept.labels_[placed], given.labels_[placed])
    assert kept.result_.keywords == given.result_.keywords


def test_top2vec_takes_vectors_of_words_and_leaves_rare_words_out():
    counts, vectors, _ = planted()
    known = np.repeat(np.eye(GROUPS, 8), OWN, axis=0)
    model = Top2VecTopics().fit(vectors, vocabulary=WORDS, word_vectors=known)
    assert {frozenset(word[0] for word in words[:10]) for words in model.result_.keywords} == {
        frozenset("a"), frozenset("b"), frozenset("c"),
    }  # fmt: skip
    rare = counts.tolil()
    rare[:, 0] = 0
    rare[1, 0] = 1  # "a0" stands once in 120 passages
    model.fit(vectors, vocabulary=WORDS, word_vectors=known, counts=rare.tocsr())
    assert not any("a0" in words for words in model.result_.keywords)
    assert any("a1" in words for words in model.result_.keywords)


def test_threads_do_not_matter(monkeypatch):
    for make in (CFMFEmb, CFMF, Top2VecTopics, BERTopicTopics, NMFTopics):
        found = []
        for threads in ("1", "2"):
            monkeypatch.setenv("ISOGLOSS_THREADS", threads)
            result = fitted(make(3)).result_
            found.append((result.labels.tobytes(), result.topic_word.data.tobytes()))
        assert found[0] == found[1]


@every
def test_a_saved_model_places_new_passages_as_before(make, tmp_path):
    model = fitted(make(np.int64(3)))
    model.save(tmp_path / "new" / "saved")
    again = type(model).load(str(tmp_path / "new" / "saved"))
    assert again.get_params() == model.get_params()
    assert again.labels_.tobytes() == model.labels_.tobytes()
    assert again.result_.keywords == model.result_.keywords
    for seed in (0, 1):
        rows = input_of(model, seed)
        one, other = again.transform(rows), model.transform(rows)
        for part in ("data", "indices", "indptr"):
            assert getattr(one, part).tobytes() == getattr(other, part).tobytes()
    again.save(tmp_path / "twice")
    files = sorted(path.name for path in (tmp_path / "twice").iterdir())
    assert files == [
        "model.json", "model.safetensors", "topics.json", "topics.safetensors",
    ]  # fmt: skip
    for name in files:
        first = (tmp_path / "new" / "saved" / name).read_bytes()
        assert (tmp_path / "twice" / name).read_bytes() == first


def test_models_that_are_not_there_or_damaged_are_refused(tmp_path):
    with pytest.raises(NotFitted):
        NMFTopics().save(tmp_path / "none")
    with pytest.raises(AtlasError, match="holds no topic model"):
        NMFTopics.load(tmp_path / "none")
    model = fitted(BERTopicTopics(3))
    model.save(tmp_path)
    with pytest.raises(AtlasError, match="this reads 'NMFTopics'"):
        NMFTopics.load(tmp_path)
    about = (tmp_path / "model.json").read_text()
    for wrong in (about[:-9], "[]", about.replace("min_topic_size", "min_size")):
        (tmp_path / "model.json").write_text(wrong)
        with pytest.raises(AtlasError, match="damaged"):
            BERTopicTopics.load(tmp_path)
    (tmp_path / "model.json").write_text(about.replace('"format": 1', '"format": 9'))
    with pytest.raises(AtlasError, match="of format 9"):
        BERTopicTopics.load(tmp_path)
    (tmp_path / "model.json").write_text(about)
    whole = load_tensors(tmp_path / "model.safetensors")
    for name, part in (
        ("_vectors", whole["_vectors"][:-1]),
        ("_vectors", whole["_vectors"][:, :-1]),
        ("topic_vectors_", whole["topic_vectors_"][0]),
        ("_nearest", np.full_like(whole["_nearest"], 7)),
    ):
        save_tensors(tmp_path / "model.safetensors", whole | {name: part})
        with pytest.raises(AtlasError, match="damaged"):
            BERTopicTopics.load(tmp_path)
    save_tensors(tmp_path / "model.safetensors", {"_nearest": whole["_nearest"]})
    with pytest.raises(AtlasError, match="damaged"):
        BERTopicTopics.load(tmp_path)


def refused(save, place, says):
    with pytest.raises(ParameterError, match=says) as error:
        save(place)
    assert "\n" not in str(error.value)
    assert str(place) in str(error.value)
    assert "give a folder that is new" in str(error.value)


def test_saving_spares_files_of_others(tmp_path):
    model = fitted(NMFTopics(3))
    (tmp_path / "notes.txt").write_text("mine")
    for save in (model.save, model.result_.save):
        refused(save, tmp_path / "notes.txt", "it is a file")
        refused(save, tmp_path / "notes.txt" / "below", "Not a directory")
        refused(save, tmp_path / ("x" * 300), "too long")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    (encoder / "model.safetensors").write_bytes(b"weights")
    refused(model.save, encoder, "its model.safetensors is of no topic model")
    assert [path.name for path in encoder.iterdir()] == ["model.safetensors"]
    model.result_.save(tmp_path / "result")
    model.save(tmp_path / "result")  # a saved topic model may be replaced by another
    fitted(LDATopics(3)).save(tmp_path / "result")
    assert LDATopics.load(tmp_path / "result").result_.count == 3
    (tmp_path / "result" / "topics.json").write_text('{"topics": "of mine"}')
    refused(model.result_.save, tmp_path / "result", "its topics.json is of no topic model")


def test_a_place_that_may_not_be_written_is_told(tmp_path, monkeypatch):
    from pathlib import Path

    def refuse(self, *args, **options):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match=r"cannot write the topic model into .*denied.*give a"):
        fitted(NMFTopics(3)).save(tmp_path / "new")
