"""The arithmetic inside LDA, NMF, the merging of topics, and class-based TF-IDF."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.topics.models.class_tfidf import class_sums, class_tfidf
from isogloss.topics.models.lda import document_parts
from isogloss.topics.models.merge import merged_to
from isogloss.topics.models.nmf import nonnegative_parts, singular_start


def some_counts(seed=0, n=300, v=40):
    return sp.csr_matrix(np.random.default_rng(seed).poisson(0.2, (n, v)).astype(float))


def test_parts_of_topics_equal_plain_variational_inference():
    from scipy.special import digamma

    counts = some_counts(n=20)
    rng = np.random.default_rng(1)
    topics, alpha = rng.dirichlet(np.ones(40), 5), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    found = document_parts(counts, topics, alpha, steps=7)
    for row, one in zip(counts.toarray(), found, strict=True):
        words = np.flatnonzero(row)
        gamma = alpha + len(words) / 5
        for _ in range(7):
            mixture = [np.exp(digamma(g) - digamma(gamma.sum())) for g in gamma]
            gamma = alpha.copy()
            for word in words:
                share = np.array([topics[t, word] * mixture[t] for t in range(5)])
                gamma = gamma + row[word] * share / share.sum()
        expected = gamma / gamma.sum() if len(words) else np.zeros(5)
        assert one == pytest.approx(expected, abs=1e-6)


def test_parts_of_topics_agree_with_scikit_learn():
    from sklearn.decomposition import LatentDirichletAllocation

    counts = some_counts()
    model = LatentDirichletAllocation(4, max_iter=3, random_state=0, max_doc_update_iter=500,
                                      mean_change_tol=1e-9).fit(counts)  # fmt: skip
    theirs = model.transform(counts)
    # scikit-learn uses exp(E[log topic]) where we use the mean topic: near, not equal.
    topics = model.components_ / model.components_.sum(axis=1, keepdims=True)
    ours = document_parts(counts, topics, np.full(4, 0.25), steps=500)
    full = np.diff(counts.indptr) > 0
    assert np.abs(ours[full] - theirs[full]).mean() < 0.02


def test_non_negative_parts_equal_those_of_scipy():
    from scipy.optimize import nnls

    rng = np.random.default_rng(0)
    rows, parts = rng.random((15, 30)), rng.random((6, 30))
    found = nonnegative_parts(sp.csr_matrix(rows), parts, sweeps=3000)
    for row, one in zip(rows, found, strict=True):
        assert one == pytest.approx(nnls(parts.T, row)[0], abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_merging_is_average_linkage(seed, wanted):
    from scipy.cluster.hierarchy import fcluster, linkage

    rows = np.random.default_rng(seed).normal(size=(10, 4))
    found = merged_to(np.arange(10, dtype=np.int32), rows, wanted)
    expected = fcluster(linkage(rows, "average", metric="cosine"), wanted, "maxclust")
    pairs = set(zip(found.tolist(), expected.tolist(), strict=True))
    assert len(pairs) == wanted == len(set(found.tolist())) == len(set(expected.tolist()))


def test_merging_leaves_outliers_alone():
    labels = np.array([-1, 0, 1, 2, -1], dtype=np.int32)
    found = merged_to(labels, np.array([[1.0, 0], [0, 1], [0, 1]]), 2)
    assert found.tolist() == [-1, 1, 0, 0, -1]


def test_class_tfidf_by_hand():
    # Classes of 6 words each: A = 6. "a" stands 4 times, "b" 8 times.
    weights = class_tfidf(sp.csr_matrix([[4.0, 2.0], [0.0, 6.0]])).toarray()
    expected = [[4 / 6 * np.log(1 + 6 / 4), 2 / 6 * np.log(1 + 6 / 8)], [0, np.log(1 + 6 / 8)]]
    assert weights == pytest.approx(np.array(expected))


def test_outliers_tell_how_common_a_word_is():
    sums = class_sums(sp.csr_matrix([[2, 2], [2, 2]]), np.array([0, -1]), 1)
    alone = class_tfidf(sums).toarray()
    beside = class_tfidf(sums, outside=np.array([0.0, 4.0])).toarray()
    assert alone == pytest.approx(np.full((1, 2), 0.5 * np.log(1 + 4 / 2)))
    # One class more: 8 words in 2 classes, of which 2 are the first and 6 the second.
    assert beside == pytest.approx(np.array([[0.5 * np.log(1 + 4 / 2), 0.5 * np.log(1 + 4 / 6)]]))


def test_a_large_factor_counts_by_its_whole_weight():
    """The scale may lie in the topic or in the passage: labels must not tell which."""
    from isogloss.topics import NMFTopics

    counts = np.kron(np.eye(2), np.ones((20, 5)))
    model = NMFTopics(2).fit(sp.csr_matrix(counts))
    counts = sp.csr_matrix(np.concatenate([counts, [[1, 1, 1, 1, 0, 1, 1, 0, 0, 0]]]))
    before = model.transform(counts).toarray()
    assert 0.1 < before[-1].min() < before[-1].max() < 0.9
    model.topic_word_[0] *= 1000.0
    assert model.transform(counts).toarray() == pytest.approx(before, abs=1e-5)


def test_the_start_of_nmf_is_that_of_scikit_learn_but_exact():
    from sklearn.decomposition._nmf import _initialize_nmf

    rng = np.random.default_rng(0)
    # Where the rest is nothing, scikit-learn's random search finds the singular vectors as well.
    rows = sp.csr_matrix(rng.random((60, 4)) @ rng.random((4, 30)))
    theirs = _initialize_nmf(rows, 4, init="nndsvd", random_state=0)
    ours = singular_start(rows, 4)
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    again = singular_start(rows, 4, seed=1)
    assert ours[0] @ ours[1] == pytest.approx(again[0] @ again[1], abs=1e-9)
