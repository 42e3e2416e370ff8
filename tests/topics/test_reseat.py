"""Topics over other vectors: the same numbers and members, another function that assigns."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import ParameterError
from isogloss.encoders.base import unit_rows
from isogloss.topics.model import TopicModel
from isogloss.topics.reseat import reseated


@pytest.fixture(scope="module")
def corpus():
    """Four clear topics, with words of their own, in vectors of 16 and of 24 numbers."""
    rng = np.random.default_rng(0)
    kind = rng.integers(4, size=400)
    vectors = unit_rows(rng.normal(size=(4, 16))[kind] + 0.3 * rng.normal(size=(400, 16)))
    other = unit_rows(vectors @ rng.normal(size=(16, 24)))
    own = kind[:, None] * 5 + rng.integers(5, size=(400, 6))
    counts = np.zeros((400, 20), dtype=np.int32)
    np.add.at(counts, (np.repeat(np.arange(400), 6), own.ravel()), 1)
    return vectors, other, sp.csr_matrix(counts)


def test_numbers_and_members_stay(corpus):
    vectors, other, counts = corpus
    model = TopicModel().fit(vectors, counts)
    made = reseated(model, other, counts, model.labels_, np.asarray(model.tree_.size))
    assert made.tree_ is model.tree_
    assert (made.predict(other, counts) == model.labels_).mean() > 0.97
    assert (model.predict(vectors, counts) == model.labels_).all()  # the old one is as it was
    with pytest.raises(ParameterError, match="vectors have 16 columns, fit had 24"):
        made.predict(vectors, counts)
    arrays, about = made.to_arrays()
    again = TopicModel.from_arrays(arrays, about)
    assert np.array_equal(again.predict(other, counts), made.predict(other, counts))


def test_it_goes_on_with_streams_and_edits(corpus):
    vectors, other, counts = corpus
    model = TopicModel().fit(vectors, counts)
    made = reseated(model, other, counts, model.labels_, np.asarray(model.tree_.size))
    assert made.prune(2).predict(other, counts).max() <= len(model.tree_)
    made.partial_fit(other[:50], counts[:50])
    assert made.tree_.size.sum() >= model.tree_.size.sum() + 50


def test_a_split_model_becomes_one_decision(corpus):
    vectors, other, _ = corpus
    fitted = TopicModel().fit(vectors)
    model = fitted.split(0, vectors[fitted.labels_ == 0], into=2)
    labels = model.predict(vectors)
    sizes = np.bincount(labels[labels >= 0], minlength=len(model.tree_))
    made = reseated(model, other, None, labels, sizes)
    assert len(made.tree_) == len(model.tree_)
    found = made.predict(other)
    assert set(np.unique(found)) <= {topic.id for topic in model.tree_.leaves} | {-1}
    assert (found == labels).mean() > 0.9


def test_a_topic_without_passages_is_never_chosen(corpus):
    vectors, other, counts = corpus
    model = TopicModel().fit(vectors, counts)
    kept = model.labels_ != 2
    sizes = np.asarray(model.tree_.size)
    made = reseated(model, other[kept], counts[kept], model.labels_[kept], sizes)
    assert 2 not in made.predict(other, counts)
    assert (made.predict(other[kept], counts[kept]) == model.labels_[kept]).mean() > 0.97
    nobody = np.full(len(other), -1, dtype=np.int32)
    assert len(reseated(model, other, counts, nobody, sizes).predict(other, counts)) == len(other)


def test_refused(corpus):
    vectors, other, counts = corpus
    model = TopicModel().fit(vectors, counts)
    sizes = np.asarray(model.tree_.size)
    with pytest.raises(ParameterError, match="399 labels for 400 vectors"):
        reseated(model, other, counts, model.labels_[1:], sizes)
    with pytest.raises(ParameterError, match="label 77 is no leaf"):
        reseated(model, other, counts, np.full(400, 77, dtype=np.int32), sizes)
