"""Edges of a graph by the votes of runs, by hand."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.topics import votes as module
from isogloss.topics.communities import native_graph
from isogloss.topics.graph import neighbour_graph
from isogloss.topics.votes import agreed_communities

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


def test_edges_of_all_votes_hold_nodes_together():
    graph, found = votes([0, 0, 1, 1], [0, 0, 0, 1])
    groups = ALL.copy()
    graph.together(found, 2, groups)
    assert groups.tolist() == [0, 0, 1, 2]
    graph.together(found, 1, groups)
    assert groups.tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="one vote an edge"):
        graph.together(found[:3].copy(), 1, groups)


@settings(max_examples=50)
@given(st.integers(2, 12), st.integers(0, 2**31), st.integers(1, 4))
def test_groups_are_the_components_of_kept_edges(n, seed, least):
    rng = np.random.default_rng(seed)
    half = np.triu(rng.integers(0, 5, (n, n)) * (rng.random((n, n)) < 0.4), 1).astype(float)
    matrix = sp.csr_matrix(half + half.T)
    groups = np.zeros(n, dtype=np.int32)
    native_graph(matrix).together(matrix.data.astype(np.int32), least, groups)
    kept = sp.csr_matrix(np.where(matrix.toarray() >= least, 1, 0))
    _, expected = sp.csgraph.connected_components(kept, directed=False)
    same = groups[:, None] == groups[None]
    assert np.array_equal(same, expected[:, None] == expected[None])
    firsts = [int(g) for at, g in enumerate(groups) if g not in groups[:at]]
    assert firsts == sorted(firsts)


def test_contracted_nodes_keep_the_weight_between_them():
    small = native_graph(PATH).contracted(np.array([0, 0, 1, 1], dtype=np.int32))
    assert (small.nodes, small.edges) == (2, 2)  # 4 between them, both ways
    assert small.share(np.array([0, 1], dtype=np.int32)) == 0
    # Strengths stay, so the gain of joining them is that of the nodes: 4 / 14 less 8 * 20 / 14**2
    # of chance (2 * 14 in all): worth it at .4, not at 1.
    for resolution, wanted in ((0.4, [0, 0]), (1.0, [0, 1])):
        labels = np.arange(2, dtype=np.int32)
        small.leiden(resolution, 0, 2, labels)
        assert labels.tolist() == wanted


def test_runs_over_cores_agree_as_well_as_runs_over_all_nodes(monkeypatch):
    rng = np.random.default_rng(0)
    rows = np.eye(5, 16, dtype=np.float32)[rng.integers(0, 5, 400)] * 0.75
    rows += rng.normal(scale=0.25, size=rows.shape).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    graph = neighbour_graph(rows, None, neighbours=15, lexical_weight=0.0)
    found = agreed_communities(graph, resolution=1.0, seed=0)
    monkeypatch.setattr(module, "RUNS", 76)  # all runs over all nodes
    monkeypatch.setattr(module, "MORE", 0)
    other = agreed_communities(graph, resolution=1.0, seed=1)
    assert len(set(found.tolist())) == len(set(other.tolist())) == 5
    assert (found == other).mean() > 0.98


def test_only_what_every_run_keeps_together_becomes_one_node(monkeypatch):
    seen = []

    def run(graph, resolution, seed):
        seen.append(graph.nodes)
        found = [[0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 1]][min(len(seen), 3) - 1]
        return np.array(found[: graph.nodes], dtype=np.int32)

    monkeypatch.setattr(module, "_run", run)
    monkeypatch.setattr(module, "map_blocks", lambda work, seeds: [work(one) for one in seeds])
    for name, count in (("RUNS", 2), ("MORE", 1), ("AGAIN", 1)):
        monkeypatch.setattr(module, name, count)
    # Both first runs keep 0 and 1 together, one of them 2 with these, the other 2 with 3.
    assert agreed_communities(PATH, resolution=1.0, seed=0).tolist() == [0, 0, 1, 1]
    assert seen == [4, 4, 3, 3, 3]
