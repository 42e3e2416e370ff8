"""The scale of the leaves: what is asked of few communities, by hand, and of even edges."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from isogloss.topics import scale
from isogloss.topics.graph import even_graph, knows_other_texts, neighbour_graph, neighbour_graphs
from isogloss.topics.scale import EVEN, PLAIN, first_communities


def test_few_communities_keep_more_where_the_nearest_stay_together():
    low, high = EVEN.torn
    assert [EVEN.asked(x) for x in (0.0, low, high, 1.0)] == [0.7, 0.7, 0.82, 0.82]
    assert EVEN.asked((low + high) / 2) == pytest.approx(0.76)
    assert PLAIN.asked(0.99) == 0.7


def test_communities_are_sought_on_even_edges():
    draw = np.random.default_rng(0)
    middle = np.repeat(draw.normal(size=(8, 16)), 40, axis=0)
    rows = middle + 0.5 * draw.normal(size=middle.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    graph = neighbour_graph(rows, None, neighbours=15, lexical_weight=0.5)
    even = even_graph(graph)
    found = first_communities(graph, even)
    assert len(set(found.labels.tolist())) == 8
    at = {"resolution": found.resolution}
    # At one scale only the edges that are cut matter.
    assert np.array_equal(
        first_communities(graph, even, **at).labels, first_communities(even, **at).labels
    )


def test_a_graph_without_edges_has_a_scale():
    nothing = sp.csr_matrix((4, 4))
    assert len(first_communities(nothing, even_graph(nothing)).labels) == 4


def test_only_encoders_learned_from_the_passages_know_nothing_else():
    assert [knows_other_texts(s) for s in ("lsa", "lsa:a/b", "lexical", "lsax")] == [
        False, False, True, True,
    ]  # fmt: skip


def blurred(classes, each, spread, seed):
    """Give rows around random middles, with their classes."""
    draw = np.random.default_rng(seed)
    middle = np.repeat(draw.normal(size=(classes, 24)), each, axis=0)
    rows = middle + spread * draw.normal(size=middle.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return rows, np.repeat(np.arange(classes), each)


@pytest.mark.parametrize(("classes", "each"), [(4, 12), (4, 40), (8, 25), (15, 12), (15, 40)])
def test_small_corpora_fall_into_their_classes(classes, each):
    rows, labels = blurred(classes, each, 0.7, seed=classes)
    graph, sought = neighbour_graphs(
        rows, None, neighbours=50, lexical_weight=0.5, even_edges=True
    )  # fmt: skip
    found = first_communities(graph, sought, rows=rows)
    assert adjusted_rand_score(labels, found.labels) > 0.9


def test_no_scale_parts_copies_or_passages_without_anything():
    for rows in (np.tile(np.eye(1, 4, dtype=np.float32), (30, 1)), np.zeros((30, 4), np.float32)):
        graph, sought = neighbour_graphs(
            rows, None, neighbours=50, lexical_weight=0.5, even_edges=True
        )
        assert first_communities(graph, sought, rows=rows).resolution == scale.COARSEST


def test_many_passages_keep_the_shares(monkeypatch):
    rows, _ = blurred(15, 40, 1.4, seed=0)
    graph, sought = neighbour_graphs(
        rows, None, neighbours=50, lexical_weight=0.5, even_edges=True
    )  # fmt: skip
    by_shares = first_communities(graph, sought).resolution
    apart = first_communities(graph, sought, rows=rows).resolution
    assert apart != by_shares
    monkeypatch.setattr(scale, "SOME_ROWS", len(rows) - 1)
    assert first_communities(graph, sought, rows=rows).resolution == by_shares
    plain = first_communities(graph, graph, rows=rows)
    assert plain.resolution == first_communities(graph, graph).resolution


def test_copies_with_small_changes_are_no_topics():
    """Eight subjects of ten sentences, each of which stands there five times, nearly the same."""
    draw = np.random.default_rng(2)
    subjects = draw.normal(size=(8, 24))
    sentences = np.repeat(subjects, 10, axis=0) + 0.9 * draw.normal(size=(80, 24))
    rows = np.repeat(sentences, 5, axis=0) + 0.05 * draw.normal(size=(400, 24))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    graph, sought = neighbour_graphs(rows, None, neighbours=50, lexical_weight=0.5, even_edges=True)
    found = first_communities(graph, sought, rows=rows)
    assert adjusted_rand_score(np.repeat(np.arange(8), 50), found.labels) > 0.9


def test_the_search_ends_at_an_octave_worth_less_than_85_hundredths_of_the_best(monkeypatch):
    """Sums by octave: .86 of the best so far goes on, .84 ends it before the best of all."""
    octaves = [1.0, 0.9, 0.86, 1.2, 1.03, 1.01, 2.0, 0.1]
    looked = []

    def cut(graph, scale, seed=0):
        looked.append(round(np.log2(scale)))
        return np.array([looked[-1]], dtype=np.int32)

    monkeypatch.setattr(scale, "_cut", cut)
    monkeypatch.setattr(scale, "modularity", lambda graph, labels: octaves[labels[0] // 4])
    monkeypatch.setattr(scale, "mean_silhouette", lambda *given, **more: 0.0)
    steps = [2.0**step for step in range(4 * len(octaves))]
    found = scale._farthest_apart(None, None, np.eye(2, dtype=np.float32), steps)
    assert found.resolution == 2.0**12  # the coarsest of the octave with 1.2
    assert max(looked) == 4 * 6 - 2
