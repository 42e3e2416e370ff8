"""The loss by hand, and a small model that learns with and without distillation."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from isogloss._core.errors import ParameterError  # noqa: E402
from isogloss.drift.distil import (  # noqa: E402
    _copies,
    distance,
    drift_loss,
    encode_texts,
    info_nce,
    train_encoder,
)

pytestmark = pytest.mark.models
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Letters(torch.nn.Module):
    """Counts of letters through one matrix: all that the trainer asks of a model."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.matrix = torch.nn.Linear(26, 12)

    def tokenize(self, texts):
        rows = [[text.count(letter) for letter in LETTERS] for text in texts]
        return {"counts": torch.tensor(rows, dtype=torch.float32)}

    def forward(self, features):
        return {"sentence_embedding": self.matrix(features["counts"])}


def pairs(seed=0, n=120):
    """Queries of some letters; their documents have the letters that follow."""
    rng = np.random.default_rng(seed)
    queries = ["".join(rng.choice(list(LETTERS), 6)) for _ in range(n)]
    after = str.maketrans(LETTERS, LETTERS[1:] + "a")
    return queries, [query.translate(after) for query in queries]


def test_losses_by_hand():
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    documents = torch.tensor([[0.6, 0.8], [0.0, 1.0], [1.0, 0.0]])
    scores = 50 * queries.numpy() @ documents.numpy().T
    expected = np.mean([np.log(np.exp(row - row[own]).sum()) for own, row in enumerate(scores)])
    assert info_nce(queries, documents).item() == pytest.approx(expected, rel=1e-5)
    before = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert distance(queries, before).item() == pytest.approx(0.5)
    whole = drift_loss(queries, documents, before, documents, query_weight=2.0)
    assert whole.item() == pytest.approx(expected + 1.0, rel=1e-5)


def test_a_copy_of_the_right_document_is_no_wrong_answer():
    same = _copies(["x", "y", "x", "z"], 2)
    assert same.tolist() == [[False, False, True, False], [False, False, False, False]]
    rows = torch.eye(2)
    documents = torch.cat([rows, rows[:1]])
    assert info_nce(rows, documents).item() > 0.3
    assert info_nce(rows, documents, same=_copies(["x", "y", "x"], 2)).item() < 1e-6


def trained(**options):
    model = Letters()
    queries, documents = pairs()
    losses = train_encoder(
        model, queries, documents, steps=60, learning_rate=0.02, warm_up=5, **options
    )
    return model, losses


def test_training_learns_and_distillation_holds_it_near_the_old_model():
    start = Letters()
    plain, losses = trained(distil=False)
    held, _ = trained()
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    queries = pairs(seed=9)[0]
    old = encode_texts(start, queries)
    near = {name: float((encode_texts(model, queries) * old).sum(axis=1).mean())
            for name, model in (("plain", plain), ("held", held))}  # fmt: skip
    assert near["held"] > near["plain"] + 0.05
    assert np.array_equal(encode_texts(Letters(), queries), old)  # the teacher was a copy


def test_the_same_seed_gives_the_same_weights():
    one, other, third = trained(seed=3)[0], trained(seed=3)[0], trained(seed=4)[0]
    assert torch.equal(one.matrix.weight, other.matrix.weight)
    assert not torch.equal(one.matrix.weight, third.matrix.weight)


def test_another_previous_model_and_negatives_are_used():
    queries, documents = pairs()
    negatives = [[documents[(row + 1) % len(documents)]] for row in range(len(documents))]
    found = []
    for previous in (None, Letters(seed=5)):
        model = Letters()
        train_encoder(
            model, queries, documents, negatives=negatives, previous=previous, steps=10,
            learning_rate=0.02, query_weight=20.0,
        )  # fmt: skip
        found.append(model)
    old = encode_texts(Letters(seed=5), queries)
    near = [float((encode_texts(model, queries) * old).sum()) for model in found]
    assert near[1] > near[0]


def test_encoding_does_not_depend_on_the_batch():
    model, texts = Letters(), pairs()[0]
    assert np.allclose(encode_texts(model, texts, batch_size=7), encode_texts(model, texts))
    assert encode_texts(model, []).shape[0] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": ["a"]}, "1 queries and 120 documents"),
        ({"queries": "a"}, "not one string"),
        ({"negatives": [["a"]]}, "1 lists of negatives"),
        ({"steps": 0}, "steps=0"),
        ({"batch_size": 1}, "batch_size=1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
    ],
)
def test_refused(change, message):
    queries, documents = pairs()
    given = {"queries": queries, "documents": documents} | change
    with pytest.raises(ParameterError, match=message):
        train_encoder(Letters(), given.pop("queries"), given.pop("documents"), **given)


def test_a_frozen_model_is_refused():
    model = copy.deepcopy(Letters()).requires_grad_(False)
    with pytest.raises(ParameterError, match="nothing would be trained"):
        train_encoder(model, *pairs())
