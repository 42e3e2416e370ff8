"""Nearest rows, TF-IDF rows and the graph, against dense NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss._math.topk import nearest_rows
from isogloss.encoders.base import unit_rows
from isogloss.topics.graph import WordWeights, even_graph, neighbour_graph, neighbour_graphs


@pytest.mark.parametrize(("n", "k"), [(3, 2), (40, 5), (2500, 7)])
def test_nearest_rows_equal_a_full_sort(n, k):
    # Quarters: products are exact, and ties are many.
    rows = np.random.default_rng(n).integers(-4, 5, (n, 6)).astype(np.float32) / 4
    columns, scores = nearest_rows(rows, rows, k, same=True)
    products = rows @ rows.T
    np.fill_diagonal(products, -np.inf)
    expected = np.argsort(-products, axis=1, kind="stable")[:, :k]
    assert np.array_equal(columns, expected)
    assert np.array_equal(scores, np.take_along_axis(products, expected, axis=1))


def test_fewer_keys_than_neighbours():
    rows = np.eye(2, dtype=np.float32)
    columns, scores = nearest_rows(rows, rows, 3, same=True)
    assert columns.tolist() == [[1, -1, -1], [0, -1, -1]]
    assert np.isneginf(scores[:, 1:]).all()
    with pytest.raises(ParameterError, match="k is -1"):
        nearest_rows(rows, rows, -1)
    with pytest.raises(ParameterError, match="do not fit"):
        nearest_rows(rows, rows[:, :1], 1)


def test_graph_is_symmetric_and_weighs_words_by_hand():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    counts = sp.csr_matrix(rng.poisson(0.3, (60, 30)).astype(np.float32))
    words = WordWeights.fit(counts).transform(counts)
    plain = neighbour_graph(vectors, None, neighbours=6, lexical_weight=0.5)
    graph = neighbour_graph(vectors, words, neighbours=6, lexical_weight=0.5)
    assert abs(graph - graph.T).max() == 0.0
    assert graph.diagonal().sum() == 0.0
    dense = np.sqrt(plain.toarray())
    lexical = (words @ words.T).toarray() * (dense > 0)
    expected = (dense + 0.5 * dense.sum() / lexical.sum() * lexical) ** 2
    np.testing.assert_allclose(graph.toarray(), expected, rtol=1e-4, atol=1e-6)


def test_word_weights_by_hand():
    counts = sp.csr_matrix(np.array([[2.0, 0, 1], [1, 0, 0], [0, 0, 0]]))
    words = WordWeights.fit(counts)
    np.testing.assert_allclose(words.idf, 1 + np.log(4 / np.array([3.0, 1, 2])), rtol=1e-6)
    row = np.array([(1 + np.log(2)) * words.idf[0], 0, words.idf[2]])
    got = words.transform(counts).toarray()
    np.testing.assert_allclose(got[0], row / np.linalg.norm(row), rtol=1e-6)
    assert got[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 17), (9, 40, 33), (4, 7, 16)])
def test_scores_equal_numpy_and_ignore_the_batch(shape):
    n, d, m = shape
    rng = np.random.default_rng(d)
    rows, weights = rng.normal(size=(n, d)), rng.normal(size=(d, m))
    rows, weights = rows.astype(np.float32), weights.astype(np.float32)
    out = np.empty((n, m), np.float32)
    _native.dense_scores(rows, weights, out)
    np.testing.assert_allclose(out, rows @ weights, rtol=1e-4, atol=1e-5)
    single = np.empty((1, m), np.float32)
    for i in range(n):
        _native.dense_scores(np.ascontiguousarray(rows[i : i + 1]), weights, single)
        assert single[0].tobytes() == out[i].tobytes()
    sparse = sp.random(n, d, 0.5, format="csr", random_state=0, dtype=np.float32)
    _native.sparse_scores(
        sparse.indptr.astype(np.int64), sparse.indices.astype(np.int32), sparse.data, weights, out
    )
    np.testing.assert_allclose(out, sparse @ weights, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="shapes"):
        _native.dense_scores(rows, np.ascontiguousarray(weights[:, :0]), out)


def test_even_edges_by_hand():
    # Strengths are 6, 1, 2, 3 and 0.
    dense = np.zeros((5, 5))
    dense[0, 1:4] = dense[1:4, 0] = [1, 2, 3]
    graph = sp.csr_matrix(dense)
    even = even_graph(graph).toarray()
    np.testing.assert_allclose(even[0], dense[0] / np.sqrt(6 * np.array([9, 1, 2, 3, 9])))
    assert np.array_equal(even, even.T)
    assert np.array_equal(graph.toarray(), dense)


@pytest.mark.parametrize("nodes", [0, 3])
def test_a_graph_without_edges_is_even(nodes):
    assert even_graph(sp.csr_matrix((nodes, nodes))).nnz == 0


def test_of_few_passages_a_tenth_are_neighbours_but_ten():
    rows = unit_rows(np.random.default_rng(0).normal(size=(600, 24)).astype(np.float32))

    def edges(n, neighbours):
        found, _ = neighbour_graphs(
            rows[:n], None, neighbours=neighbours, lexical_weight=0.5, even_edges=False
        )
        return found.nnz

    def plain(n, neighbours):
        return neighbour_graph(rows[:n], None, neighbours=neighbours, lexical_weight=0.5).nnz

    assert edges(60, 50) == plain(60, 10) < plain(60, 50)
    assert edges(300, 50) == plain(300, 30) < plain(300, 50)
    assert edges(300, 5) == plain(300, 5)  # what is asked for is the most
    assert edges(600, 50) == plain(600, 50)
