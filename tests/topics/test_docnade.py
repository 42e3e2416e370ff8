"""DocNADE and its LSTM: exact likelihood, nothing seen too early, the same bytes again."""

from itertools import product

import numpy as np
import pytest

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss.topics import DocNADETopics

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.models

FORMS = {
    "plain": {},
    "tanh": {"activation": "tanh"},
    "lstm": {"context": "lstm", "context_weight": 0.5},
    "vectors": {
        "context": "lstm",
        "context_weight": 0.5,
        "word_vectors": lambda words: np.array([[len(word), word.count("a")] for word in words]),
    },
}


def texts(n=60, seed=0):
    """Two themes; within each, the second word follows from the first."""
    rng = np.random.default_rng(seed)
    pairs = [[("red", "wine"), ("old", "cellar")], [("full", "moon"), ("dark", "sky")]]
    found = []
    for _ in range(n):
        theme = pairs[rng.integers(2)]
        found.append([word for _ in range(rng.integers(1, 4)) for word in theme[rng.integers(2)]])
    return found


@pytest.fixture(scope="module", params=FORMS)
def model(request):
    return DocNADETopics(6, epochs=8, random_state=3, **FORMS[request.param]).fit(texts())


def by_hand(model, words):
    """The formulas, one number after the other."""
    state = {name: value.astype(np.float64) for name, value in model._arrays().items()}
    squash = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}
    sigmoid, units = squash["sigmoid"], model.n_topics
    total, memory, context = np.zeros(units), np.zeros(units), np.zeros(units)
    rows, states = [], []
    for number in [*(model.vocabulary_.index(word) for word in words), -1]:
        states.append(squash[model.activation](state["hidden_bias"] + total))
        if model.context == "lstm":
            states[-1] = states[-1] + model.context_weight * context
        scores = state["decode"] @ states[-1] + state["word_bias"]
        rows.append(scores - np.log(np.exp(scores).sum()))
        total = total + state["encode"][number]
        if model.context == "lstm":
            read = state["encode"][number] + (state["vectors"][number] if "vectors" in state else 0)
            gates = state["lstm.weight_ih_l0"] @ read + state["lstm.bias_ih_l0"]
            gates = gates + state["lstm.weight_hh_l0"] @ context + state["lstm.bias_hh_l0"]
            enter, forget, new, leave = np.split(gates, 4)
            memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(new)
            context = sigmoid(leave) * np.tanh(memory)
    return np.array(rows), states[-1]


def test_probabilities_and_vectors_are_those_of_the_formulas(model):
    text = ["red", "wine", "red", "sky", "moon", "red"]
    logs, last = by_hand(model, text)
    assert np.allclose(model.next_word(text), logs, atol=1e-9)
    assert np.allclose(model.vectors([text])[0], last, atol=1e-6)
    numbers = [model.vocabulary_.index(word) for word in text]
    whole = logs[np.arange(len(text)), numbers].sum()
    batch = [["moon"], text, [], ["red"] * 9]
    assert model.likelihood(batch).logs[1] == pytest.approx(whole, abs=1e-9)
    assert model.likelihood([text]).logs[0] == pytest.approx(whole, abs=1e-9)


def test_a_word_and_those_after_it_do_not_change_its_own_probabilities(model):
    rng = np.random.default_rng(0)
    for place in range(7):
        one, other = (rng.choice(model.vocabulary_, size=7).tolist() for _ in range(2))
        other[:place] = one[:place]  # with repeats, which the released graph would look up
        before, after = model.next_word(one), model.next_word(other)
        assert np.array_equal(before[: place + 1], after[: place + 1])
        if one[place] != other[place]:
            assert not np.allclose(before[place + 1], after[place + 1], atol=1e-12)


def test_probabilities_of_all_documents_of_one_length_sum_to_one(model):
    every = [list(words) for words in product(model.vocabulary_, repeat=3)]
    assert np.exp(model.likelihood(every).logs).sum() == pytest.approx(1.0, abs=1e-9)


def test_order_counts_with_an_lstm_only():
    forms = {name: DocNADETopics(6, epochs=8, **FORMS[name]).fit(texts()) for name in FORMS}
    one, other = [["red", "wine", "moon"]], [["moon", "red", "wine"]]
    for name, model in forms.items():
        same = np.allclose(model.vectors(one), model.vectors(other), atol=1e-6)
        assert same == (name in ("plain", "tanh")), name


def walks(n, seed):
    """Each word is one or two after the last on a ring: a bag of them does not tell the next."""
    steps = np.random.default_rng(seed).integers(1, 3, size=(n, 10))
    return [[f"w{place}" for place in row] for row in np.cumsum(steps, axis=1) % 7]


def test_order_helps_where_only_order_tells_the_next_word():
    asked = walks(60, 1)
    plain = DocNADETopics(12, epochs=40, learning_rate=0.02).fit(walks(300, 0))
    ctx = DocNADETopics(12, epochs=40, learning_rate=0.02, **FORMS["lstm"])
    ctx.fit(walks(300, 0), start=plain)
    assert 2.0 < ctx.perplexity(asked) < 2.8  # two of seven words can follow
    assert plain.perplexity(asked) > 1.3 * ctx.perplexity(asked)


def test_themes_lower_the_perplexity_below_single_words():
    asked, read = texts(40, seed=9), texts(300)
    model = DocNADETopics(8, epochs=60, learning_rate=0.02).fit(read)
    numbers = [[model.vocabulary_.index(word) for word in text] for text in (*read, *asked)]
    counts = np.bincount(np.concatenate(numbers[:300]))
    costs = [-np.log(counts / counts.sum())[text].mean() for text in numbers[300:]]
    assert model.perplexity(asked) < 0.75 * np.exp(np.mean(costs))


@pytest.mark.parametrize("form", ["plain", "vectors"])
def test_same_seed_same_bytes_whatever_the_threads(form, tmp_path):
    draw = np.random.default_rng(0)
    corpus = [[f"w{word}" for word in row] for row in draw.integers(400, size=(150, 12))]
    before = torch.get_num_threads()
    state = torch.random.get_rng_state()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            DocNADETopics(40, epochs=2, **FORMS[form]).fit(corpus).save(tmp_path / str(threads))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.random.get_rng_state(), state)
    for file in ("model.safetensors", "model.json", "topics.safetensors", "topics.json"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
    other = DocNADETopics(40, epochs=2, random_state=1, **FORMS[form]).fit(corpus)
    assert not np.array_equal(
        other.topic_weights_, DocNADETopics.load(tmp_path / "1").topic_weights_
    )


def test_training_and_reading_hold_torch_to_one_thread(monkeypatch):
    from isogloss.topics.models import docnade_network

    seen, before = [], torch.get_num_threads()
    for name in ("train", "vectors_of", "likelihoods"):
        real = getattr(docnade_network, name)

        def watched(*args, real=real, **named):
            seen.append(torch.get_num_threads())
            return real(*args, **named)

        monkeypatch.setattr(docnade_network, name, watched)
    try:
        torch.set_num_threads(2)
        DocNADETopics(2, epochs=1).fit(texts(10)).perplexity(texts(2))
    finally:
        torch.set_num_threads(before)
    assert len(seen) > 3 and set(seen) == {1}


def test_saved_and_loaded_is_the_same(model, tmp_path):
    model.save(tmp_path / "a")
    loaded = DocNADETopics.load(tmp_path / "a")
    asked = [*texts(5, seed=4), [], ["unheard"]]
    assert np.array_equal(loaded.likelihood(asked).logs, model.likelihood(asked).logs)
    assert (loaded.transform(asked) != model.transform(asked)).nnz == 0
    loaded.save(tmp_path / "b")
    for file in ("model.safetensors", "model.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    (tmp_path / "a" / "model.json").write_text('{"model": "BATTopics", "format": 1}')
    with pytest.raises(AtlasError, match="BATTopics"):
        DocNADETopics.load(tmp_path / "a")


def test_unknown_words_are_counted_and_empty_texts_have_no_topic():
    corpus = [*texts(), ["rare", "moon"], ["lonely"], []]
    model = DocNADETopics(4, epochs=2, min_count=2).fit(corpus)
    assert "rare" not in model.vocabulary_
    assert (model.unknown_, model.empty_) == (2, 2)
    assert model.labels_[-2:].tolist() == [-1, -1]
    found = model.likelihood([["moon", "unheard", "of"], []])
    assert (found.words.tolist(), found.unknown.tolist()) == ([1, 0], [2, 0])
    assert found.perplexity == pytest.approx(np.exp(-found.logs[0]))
    sums = model.result_.membership.sum(axis=1)
    assert sums.max() <= 1.0 and sums[:-2].min() > 0.999
    assert (model.transform(corpus) != model.result_.membership).nnz == 0


def test_topics_are_rows_of_the_weights(model):
    best = np.argsort(-model.topic_weights_, axis=1, kind="stable")
    assert model.result_.keywords[0][0] == model.vocabulary_[best[0, 0]]
    assert np.allclose(model.result_.topic_word.sum(axis=1), 1.0, atol=1e-5)
    assert model.result_.count == 6


def test_best_weights_are_kept():
    model = DocNADETopics(6, epochs=80, patience=3, learning_rate=0.1)
    model.fit(texts(40), validation=texts(10, seed=8))
    assert model.converged_ and len(model.history_) - 1 < 80
    assert model.perplexity(texts(10, seed=8)) == pytest.approx(min(model.history_))
    assert len(model.history_) - 1 - int(np.argmin(model.history_)) == 3


def test_long_texts_are_cut_into_parts_that_change_nothing(monkeypatch):
    from isogloss.topics.models import docnade_network

    whole = DocNADETopics(6, epochs=2, **FORMS["lstm"]).fit(texts())
    monkeypatch.setattr(docnade_network, "PLACES", 16)
    monkeypatch.setattr(docnade_network, "LOGITS", 40)
    pieces = DocNADETopics(6, epochs=2, **FORMS["lstm"]).fit(texts())
    assert np.allclose(pieces.topic_weights_, whole.topic_weights_, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_topics": 0}, "n_topics"),
        ({"context": "gru"}, "context"),
        ({"activation": "relu"}, "activation"),
        ({"validation_share": 1.0}, "validation_share"),
        ({"word_vectors": {"red": np.ones(2)}}, "context='lstm'"),
        ({"min_count": 10_000}, "no word occurs"),
    ],
)
def test_wrong_parameters_are_named(wrong, said):
    with pytest.raises(ParameterError, match=said):
        DocNADETopics(**wrong).fit(texts(10))


def test_wrong_input_is_named():
    with pytest.raises(ParameterError, match=r"X\[0\] is 'red wine': give a list of tokens"):
        DocNADETopics(2).fit(["red wine"])
    with pytest.raises(NotFitted):
        DocNADETopics(2).transform([["red"]])
    model = DocNADETopics(2, epochs=1).fit(texts(10))
    with pytest.raises(ParameterError, match="start has 2 topics"):
        DocNADETopics(3).fit(texts(10), start=model)
    with pytest.raises(ParameterError, match="vocabulary"):
        model.next_word(["unheard"])
