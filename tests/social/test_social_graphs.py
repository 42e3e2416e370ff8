"""Graphs, reciprocity, hubs and communities: by hand, against networkx, against plain loops."""

import itertools

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.social import graphs
from isogloss.social.communities import communities, cut_numbers
from isogloss.social.graphs import co_participation, reply_graph
from isogloss.social.hits import hits
from isogloss.social.reciprocity import reciprocity, rewire
from isogloss.topics.communities import leiden, modularity

entries = st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 5)), min_size=1, max_size=60)


def plain_projection(pairs, count, cap):
    """The same by loops."""
    graph = np.zeros((count, count))
    for thread in {where for _, where in pairs if where >= 0}:
        members = sorted({who for who, where in pairs if where == thread and who >= 0})
        weight = 1.0 if len(members) <= cap else 1 / (len(members) - 1)
        for one, other in itertools.permutations(members, 2):
            graph[one, other] += weight
    return graph


@given(entries, st.integers(2, 5))
def test_projection_is_that_of_loops(pairs, cap):
    who, where = (np.array(side) for side in zip(*pairs, strict=True))
    made = co_participation(who, where, count=10, cap=cap, full=20)
    assert np.allclose(made.graph.toarray(), plain_projection(pairs, 10, cap), atol=1e-12)
    assert made.edges == np.count_nonzero(made.graph.toarray()) / 2


def test_projection_is_that_of_networkx():
    rng = np.random.default_rng(0)
    who, where = rng.integers(0, 40, 300), rng.integers(0, 60, 300)
    two_sided = nx.Graph()
    two_sided.add_nodes_from(range(40))
    two_sided.add_edges_from((int(a), f"t{b}") for a, b in zip(who, where, strict=True))
    theirs = nx.bipartite.weighted_projected_graph(two_sided, range(40))
    ours = co_participation(who, where, count=40, cap=100, full=100).graph
    assert abs(ours - nx.to_scipy_sparse_array(theirs, nodelist=range(40))).max() < 1e-12


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    who, where = rng.integers(0, 50, 400), rng.integers(0, 30, 400)
    whole = co_participation(who, where, cap=5).graph
    monkeypatch.setattr(graphs, "_BLOCK_PAIRS", 10)
    assert abs(co_participation(who, where, cap=5).graph - whole).max() < 1e-12


def test_a_large_thread_is_a_ring_of_equal_strengths():
    made = co_participation(np.arange(40), np.zeros(40, int), cap=4, full=6)
    degrees = np.diff(made.graph.indptr)
    assert (degrees == 6).all()
    assert np.allclose(np.asarray(made.graph.sum(axis=1)).ravel(), 1.0)
    assert made.rings == made.down_weighted == 1
    again = co_participation(np.arange(40), np.zeros(40, int), cap=4, full=6)
    assert (again.graph != made.graph).nnz == 0
    other = co_participation(np.arange(40), np.zeros(40, int), cap=4, full=6, seed=1)
    assert (other.graph != made.graph).nnz > 0


def test_projection_refuses_what_does_not_fit():
    with pytest.raises(ParameterError, match="lower full"):
        co_participation(np.arange(100), np.zeros(100, int), cap=5, full=200, most_pairs=9000)
    with pytest.raises(ParameterError, match="cap is 1"):
        co_participation(np.arange(3), np.zeros(3, int), cap=1)
    with pytest.raises(ParameterError, match="3 accounts for 2 threads"):
        co_participation(np.arange(3), np.zeros(2, int))


def test_no_thread_at_all():
    made = co_participation(np.array([0, 1]), np.array([-1, -1]), count=2)
    assert (made.edges, made.threads, made.joined) == (0, 0, 0)
    assert co_participation(np.array([], int), np.array([], int)).graph.shape == (0, 0)


def test_replies_count_and_leave_out():
    made = reply_graph(np.array([0, 0, 2, -1]), np.array([1, 1, 2, 0]), count=4)
    assert made.graph.toarray()[0].tolist() == [0, 2, 0, 0]
    assert made.to_json() == {
        "accounts": 2, "edges": 1, "replies": 2, "writers": 1, "answered": 1,
        "to_self": 1, "of_or_to_unknown": 1,
    }  # fmt: skip


ties = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40)


@given(ties)
def test_reciprocity_is_that_of_networkx(pairs):
    pairs = [(a, b) for a, b in pairs if a != b]
    graph = nx.DiGraph(pairs)
    matrix = reply_graph(np.array([a for a, _ in pairs], int), np.array([b for _, b in pairs], int))
    ours = reciprocity(matrix.graph, rewirings=0)
    if not pairs:
        assert np.isnan(ours.value)
        return
    assert ours.value == pytest.approx(nx.overall_reciprocity(graph), abs=1e-12)
    dense = matrix.graph.toarray()
    both = np.minimum(dense, dense.T).sum() / dense.sum()
    assert ours.weighted == pytest.approx(both, abs=1e-12)


@given(ties, st.integers(0, 1000))
def test_rewiring_keeps_degrees_and_makes_no_loops(pairs, seed):
    edges = np.array(sorted({(a, b) for a, b in pairs if a != b}), dtype=np.int64).reshape(-1, 2)
    rows, columns = edges[:, 0], edges[:, 1]
    new, _ = rewire(rows, columns, 8, rng=np.random.default_rng(seed), swaps=3)
    assert (np.bincount(new, minlength=8) == np.bincount(columns, minlength=8)).all()
    assert (new != rows).all()
    assert len(set(zip(rows.tolist(), new.tolist(), strict=True))) == len(rows)


def test_rewiring_reaches_all_graphs_equally_often():
    # Each of three points to two of three others: six graphs.
    rows, columns = np.array([0, 0, 1, 1, 2, 2]), np.array([3, 4, 4, 5, 5, 3])
    rng = np.random.default_rng(0)
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(600):
        columns, _ = rewire(rows, columns, 6, rng=rng, swaps=5)
        key = tuple(sorted((rows * 6 + columns).tolist()))
        seen[key] = seen.get(key, 0) + 1
    assert len(seen) == 6
    assert sum((times - 100) ** 2 / 100 for times in seen.values()) < 25  # 5 degrees of freedom


def test_expected_reciprocity_of_a_random_graph_is_its_density():
    rng = np.random.default_rng(0)
    dense = rng.random((120, 120)) < 0.1
    np.fill_diagonal(dense, False)
    found = reciprocity(sp.csr_matrix(dense.astype(float)))
    assert found.expected == pytest.approx(dense.sum() / (120 * 119), rel=0.05)
    assert found.expected_low < found.value < found.expected_high * 1.1


def test_returned_ties_stand_out():
    ring = sp.csr_matrix((np.ones(400), (np.arange(400), (np.arange(400) + 1) % 400)), (400, 400))
    found = reciprocity(ring + ring.T)
    assert found.value == 1.0
    assert found.expected < 0.05
    assert found == reciprocity(ring + ring.T)


def test_a_star_says_that_nothing_can_be_swapped():
    star = sp.csr_matrix((np.ones(20), (np.arange(1, 21), np.zeros(20, int))), (21, 21))
    found = reciprocity(star)
    assert (found.value, found.expected, found.swaps) == (0.0, 0.0, 0.0)


def test_hits_are_those_of_networkx():
    rng = np.random.default_rng(3)
    dense = (rng.random((60, 60)) < 0.12) * rng.integers(1, 5, (60, 60))
    np.fill_diagonal(dense, 0)
    found = hits(sp.csr_matrix(dense.astype(float)))
    hubs, authorities = nx.hits(nx.from_numpy_array(dense, create_using=nx.DiGraph), tol=1e-12)
    assert np.allclose(found.hubs, [hubs[i] for i in range(60)], atol=1e-6)
    assert np.allclose(found.authorities, [authorities[i] for i in range(60)], atol=1e-6)
    assert found.converged
    assert found.change < 1e-8


def test_hits_of_few_rounds_say_so():
    rng = np.random.default_rng(3)
    graph = sp.csr_matrix((rng.random((30, 30)) < 0.2).astype(float))
    assert not hits(graph, most_rounds=3).converged


def test_hits_without_edges_and_overlap():
    nothing = hits(sp.csr_matrix((3, 3)))
    assert nothing.hubs.tolist() == [0, 0, 0]
    assert np.isnan(nothing.overlap(2))
    with pytest.raises(ParameterError, match="negative weight"):
        hits(sp.csr_matrix([[0, -1.0], [1.0, 0]]))
    two = hits(sp.csr_matrix([[0, 1.0], [1.0, 0]]))
    assert two.overlap(100) == 1.0


def random_graph(seed, n=60):
    rng = np.random.default_rng(seed)
    side = np.triu((rng.random((n, n)) < 0.1) * rng.integers(1, 4, (n, n)), 1)
    return sp.csr_matrix((side + side.T).astype(float))


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_community_numbers_are_those_of_networkx(seed):
    graph = random_graph(seed)
    labels = leiden(graph, seed=0)
    theirs = nx.from_scipy_sparse_array(graph)
    groups = [set(np.flatnonzero(labels == i).tolist()) for i in range(labels.max() + 1)]
    assert modularity(graph, labels) == pytest.approx(
        nx.community.modularity(theirs, groups, weight="weight"), abs=1e-6
    )
    found = cut_numbers(graph, labels)
    whole = nx.volume(theirs, theirs, weight="weight")
    parts = [g for g in groups if 0 < nx.volume(theirs, g, weight="weight") < whole]
    if not parts:
        return
    sizes = [len(g) for g in parts]
    conductance = [nx.conductance(theirs, g, weight="weight") for g in parts]
    assert found["conductance"] == pytest.approx(np.average(conductance, weights=sizes), abs=1e-6)
    ratio = [nx.cut_size(theirs, g) / (len(g) * (60 - len(g))) for g in parts]
    assert found["cut_ratio"] == pytest.approx(np.average(ratio, weights=sizes), abs=1e-6)
    between = sum(1 for a, b in theirs.edges if labels[a] != labels[b])
    assert found["between_edges"] == between


def test_conductance_of_a_community_with_most_of_the_weight():
    # A clique of five and an edge that hangs on it: one tie leaves both.
    clique = [(a, b) for a, b in itertools.combinations(range(5), 2)]
    graph = nx.to_scipy_sparse_array(nx.Graph([*clique, (4, 5), (5, 6)]), nodelist=range(7))
    labels = np.array([0, 0, 0, 0, 0, 1, 1], dtype=np.int32)
    found = cut_numbers(sp.csr_matrix(graph, dtype=float), labels)
    assert found["conductance"] == pytest.approx(1 / 3)  # over 3, not over 21
    assert found["cut_ratio"] == pytest.approx(1 / 10)


def test_communities_over_seeds():
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(4), 30)
    close = rng.random((120, 120)) < np.where(block[:, None] == block, 0.4, 0.02)
    side = np.triu(close, 1)
    graph = sp.csr_matrix((side + side.T).astype(float))
    graph.resize((123, 123))
    found = communities(graph, seeds=5)
    assert found.alone == 3
    assert found.labels[120:].tolist() == [-1, -1, -1]
    assert found.sizes.tolist() == [30, 30, 30, 30]
    assert (found.count.low, found.count.high, found.agreement) == (4.0, 4.0, 1.0)
    assert found.modularity.low <= found.modularity.value == found.modularity.high
    assert (communities(graph, seeds=5).labels == found.labels).all()
    inner = graph[:120][:, :120].tocsr()
    runs = [leiden(inner, seed=i) for i in range(5)]
    assert found.modularity.mean == pytest.approx(np.mean([modularity(inner, r) for r in runs]))


def test_communities_of_nothing():
    found = communities(sp.csr_matrix((4, 4)), seeds=2)
    assert found.alone == 4
    assert np.isnan(found.count.value)
    with pytest.raises(ParameterError, match="seeds is 0"):
        communities(sp.csr_matrix((4, 4)), seeds=0)
    with pytest.raises(ParameterError, match="resolution is 0"):
        communities(sp.csr_matrix((4, 4)), resolution=0)
