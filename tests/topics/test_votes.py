"""Edges of a graph by the votes of runs, by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss.topics.communities import native_graph

# A path of four nodes; edges in the order of the rows: 01 10 12 21 23 32.
PATH = sp.csr_matrix(np.array([[0, 2, 0, 0], [2, 0, 4, 0], [0, 4, 0, 8], [0, 0, 8, 0.0]]))
ALL = np.zeros(4, dtype=np.int32)


def votes(*runs):
    graph = native_graph(PATH)
    found = np.zeros(graph.edges, dtype=np.int32)
    for labels in runs:
        graph.vote(np.array(labels, dtype=np.int32), found)
    return graph, found


def test_a_vote_counts_edges_whose_ends_are_together():
    _, found = votes([0, 0, 1, 1], [0, 0, 0, 1])
    assert found.tolist() == [2, 2, 1, 1, 1, 1]


def test_agreed_keeps_edges_and_weighed_weighs_them():
    graph, found = votes([0, 0, 1, 1], [0, 0, 0, 1])
    assert graph.agreed(found, 2).edges == 2
    some = graph.weighed(found, 1, 2)
    assert some.edges == 6
    # 01 keeps 2, 12 and 23 half of 4 and 8: the share inside {0, 1} and {2, 3} is 6 of 8.
    assert some.share(np.array([0, 0, 1, 1], dtype=np.int32)) == pytest.approx(6 / 8)
    assert graph.share(np.array([0, 0, 1, 1], dtype=np.int32)) == pytest.approx(10 / 14)


def test_edges_without_a_vote_go():
    graph, found = votes([0, 0, 1, 1])
    assert graph.weighed(found, 0, 1).edges == 4


def test_votes_that_do_not_fit_are_refused():
    graph, found = votes(ALL)
    with pytest.raises(ValueError, match="one vote an edge"):
        graph.weighed(found[:3].copy(), 1, 1)


def test_the_heaviest_edges_of_a_node_count_alike():
    heaviest = native_graph(PATH).heaviest(1)
    assert heaviest.edges == 4  # 01, 12, 23 and 32
    assert heaviest.share(np.array([0, 0, 1, 1], dtype=np.int32)) == 3 / 4
    assert native_graph(PATH).heaviest(2).edges == 6
    with pytest.raises(ValueError, match="one edge a node"):
        native_graph(PATH).heaviest(0)


def test_edges_of_one_weight_are_heaviest_together():
    star = sp.csr_matrix(np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0.0]]))
    assert native_graph(star).heaviest(1).edges == 4
