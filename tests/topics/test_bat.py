"""BAT and Gaussian-BAT: planted topics, signs of failure, the same bytes again."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss.topics import BATTopics, GaussianBATTopics
from isogloss.topics.models.bat import GameSigns, GameWarning

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.models

SMALL = {"hidden": 16, "steps": 20, "batch_size": 16}
TOPICS, EACH = 3, 8
WORDS = tuple(f"t{topic}w{word}" for topic in range(TOPICS) for word in range(EACH))


def planted(n=300, seed=0):
    """Documents of 12 words, nine in ten of one topic's eight words."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(TOPICS, size=n)
    rows = np.zeros((n, TOPICS * EACH))
    for row, topic in enumerate(truth):
        for _ in range(12):
            chosen = topic if rng.random() < 0.9 else rng.integers(TOPICS)
            rows[row, chosen * EACH + rng.integers(EACH)] += 1
    return sp.csr_matrix(rows), truth


def vectors(seed=0):
    """Words of a topic lie near one another."""
    rng = np.random.default_rng(seed)
    return np.repeat(np.eye(TOPICS), EACH, axis=0) + 0.1 * rng.normal(size=(len(WORDS), TOPICS))


def fitted(kind, counts, **params):
    model = kind(TOPICS, **params)
    given = {"word_vectors": vectors()} if kind is GaussianBATTopics else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GameWarning)
        return model.fit(counts, vocabulary=WORDS, **given)


@pytest.mark.parametrize("kind", [BATTopics, GaussianBATTopics])
def test_planted_topics_are_found(kind):
    from itertools import permutations

    counts, truth = planted()
    model = fitted(kind, counts, hidden=32, steps=250, learning_rate=5e-3)
    best = max(np.mean(np.array(one)[model.labels_] == truth) for one in permutations(range(3)))
    assert best > 0.9
    assert sorted({words[0][:2] for words in model.result_.keywords}) == ["t0", "t1", "t2"]
    assert all(len({word[:2] for word in words[:8]}) == 1 for words in model.result_.keywords)
    assert model.signs_.mean_entropy > 0.9 and model.signs_.complaints() == []
    asked, answers = planted(60, seed=5)
    same = model.predict(asked)[:, None] == model.predict(asked)[None, :]
    assert (same == (answers[:, None] == answers[None, :])).mean() > 0.9


@pytest.mark.parametrize("kind", [BATTopics, GaussianBATTopics])
def test_same_seed_same_bytes_whatever_the_threads(kind, tmp_path):
    counts, _ = planted(100)
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            fitted(kind, counts, **SMALL).save(tmp_path / str(threads))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.random.get_rng_state(), state)
    for file in ("model.safetensors", "model.json", "topics.safetensors", "topics.json"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    other = fitted(kind, counts, **SMALL, random_state=1)
    loaded = kind.load(tmp_path / "1")
    assert (loaded.result_.topic_word != other.result_.topic_word).nnz
    loaded.save(tmp_path / "again")
    for file in ("model.safetensors", "model.json"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    assert (loaded.transform(counts) != loaded.result_.membership).nnz == 0
    wrong = BATTopics if kind is GaussianBATTopics else GaussianBATTopics
    with pytest.raises(AtlasError, match=kind.__name__):
        wrong.load(tmp_path / "1")


def test_shares_are_the_same_alone_and_in_a_batch():
    counts, _ = planted(50)
    model = fitted(BATTopics, counts, **SMALL)
    whole = model.transform(counts).toarray()
    for row in (0, 17, 49):
        assert np.array_equal(model.transform(counts[row]).toarray()[0], whole[row])
    assert whole.sum(axis=1).max() <= 1.0 and whole.sum(axis=1).min() > 0.999


def test_a_text_without_words_has_no_topic_and_input_stays():
    counts, _ = planted(40)
    counts = sp.vstack([counts, sp.csr_matrix((2, counts.shape[1]))], dtype=np.float32).tocsr()
    counts.data[:3] = 0.0  # stored, which an input may have
    kept = counts.copy()
    model = fitted(BATTopics, counts, **SMALL)
    assert model.empty_ == 2 and model.labels_[-2:].tolist() == [-1, -1]
    assert counts.nnz == kept.nnz and np.array_equal(counts.data, kept.data)
    assert model.result_.coverage == pytest.approx(40 / 42)


def test_topics_of_the_gaussian_generator_are_densities():
    from isogloss.topics.models.bat_network import GaussianGenerator

    made = GaussianGenerator(
        vectors().astype(np.float32), 2, generator=torch.Generator().manual_seed(1)
    )
    with torch.no_grad():
        made.means.copy_(torch.tensor([[0.1, 0.2, 0.3], [1.0, 0.0, -1.0]]))
        made.log_variances.copy_(torch.tensor([[0.0, 0.5, 1.0], [-0.5, 0.0, 0.2]]))
        found = made(torch.eye(2)).numpy()
    words = made.vectors.numpy().astype(np.float64)
    for topic in range(2):
        mean, variance = made.means[topic].tolist(), np.exp(made.log_variances[topic].tolist())
        density = np.exp(-0.5 * ((words - mean) ** 2 / variance).sum(axis=1))
        density /= np.sqrt(np.prod(2 * np.pi * variance))
        assert np.allclose(found[topic], density / density.sum(), atol=1e-5)


def test_critic_stays_clipped_and_has_no_batch_normalisation():
    counts, _ = planted(60)
    model = fitted(BATTopics, counts, **SMALL, clip=0.02)
    largest = max(float(weight.abs().max()) for weight in model._game.critic.parameters())
    assert largest == pytest.approx(0.02)
    assert model._game.critic.norm is None


def test_signs_of_failure_are_measured_and_warned_of():
    counts, _ = planted(60)
    with pytest.warns(GameWarning, match="spread over all topics"):
        model = BATTopics(TOPICS, **(SMALL | {"steps": 1})).fit(counts)
    assert model.signs_.document_entropy > 0.9
    assert model.result_.provenance["signs"]["mean_entropy"] == model.signs_.mean_entropy
    assert "saturated" in GameSigns(1.0, 0.1, 0.1, 0.0).complaints()[0]
    from isogloss.topics.models.bat_signs import signs_of

    copies = np.tile(np.arange(10), (4, 1))
    signs = signs_of(np.tile([1.0, 0, 0, 0], (9, 1)), copies, 100, 0.0)
    assert (signs.distinct_words, signs.mean_entropy, signs.document_entropy) == (0.25, 0.0, 0.0)
    spread = signs_of(np.eye(4), np.arange(40).reshape(4, 10), 100, 0.0)
    assert spread.mean_entropy == pytest.approx(1.0) and spread.complaints() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_topics": 0}, "n_topics is 0"),
        ({"batch_size": 1}, "batch_size"),
        ({"clip": 0}, "clip"),
        ({"alpha": -1.0}, "alpha"),
    ],
)
def test_wrong_parameters_are_named(wrong, said):
    with pytest.raises(ParameterError, match=said):
        BATTopics(**wrong).fit(planted(10)[0])


def test_wrong_input_is_named():
    counts, _ = planted(20)
    for given, said in (
        ({"vocabulary": ["a"]}, "1 words for 24"),
        ({"word_vectors": vectors()}, "GaussianBATTopics"),
        ({"colour": 1}, "colour"),
    ):
        with pytest.raises(ParameterError, match=said):
            BATTopics(TOPICS, **SMALL).fit(counts, **given)
    with pytest.raises(ParameterError, match="needs word_vectors"):
        GaussianBATTopics(TOPICS, **SMALL).fit(counts)
    with pytest.raises(ParameterError, match=r"shape \(2, 3\)"):
        GaussianBATTopics(TOPICS, **SMALL).fit(counts, word_vectors=np.ones((2, 3)))
    with pytest.raises(ParameterError, match="negative"):
        BATTopics(TOPICS, **SMALL).fit(-counts)
    with pytest.raises(ParameterError, match="at least two"):
        BATTopics(TOPICS, **SMALL).fit(counts[:1])
    with pytest.raises(NotFitted):
        BATTopics().transform(counts)
    with pytest.raises(ParameterError, match="has 3 columns"):
        fitted(BATTopics, counts, **SMALL).transform(np.ones((1, 3)))
