"""The scale of the leaves: what is asked of few communities, by hand, and of even edges."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss.topics.graph import even_graph, knows_other_texts, neighbour_graph
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
