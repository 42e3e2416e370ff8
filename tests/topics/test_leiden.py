"""The Leiden kernel against a plain reference, hand-checked graphs and laws."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.topics.communities import (
    contract,
    inside_share,
    leiden,
    modularity,
    row_sums,
)  # fmt: skip

LEAST_GAIN = 1e-12
MASK = 2**64 - 1


class Random:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def shuffle(self, values):
        for i in range(len(values), 1, -1):
            j = self.next() % i
            values[i - 1], values[j] = values[j], values[i - 1]


def renumber(labels):
    seen = {}
    return [seen.setdefault(label, len(seen)) for label in labels]


def links_of(edges, labels):
    sums = {}
    for u, w in edges:
        sums[labels[u]] = sums.get(labels[u], 0.0) + w
    return sums


def move(edges, mass, scale, least, random, labels):
    n = len(mass)
    total, members = [0.0] * n, [0] * n
    for v in range(n):
        total[labels[v]] += mass[v]
        members[labels[v]] += 1
    empty = [c for c in range(n - 1, -1, -1) if members[c] == 0]
    queue = list(range(n))
    random.shuffle(queue)
    queued = [True] * n
    while queue:
        v = queue.pop(0)
        queued[v] = False
        home = labels[v]
        links = links_of(edges[v], labels)
        stay = links.get(home, 0.0) - scale * mass[v] * (total[home] - mass[v])
        best, choice = stay, home
        for c, weight in links.items():
            gain = weight - scale * mass[v] * total[c]
            if c != home and (gain > best or (gain == best and choice != home and c < choice)):
                best, choice = gain, c
        if best < 0.0 and members[home] > 1 and empty:
            best, choice = 0.0, empty[-1]
        if choice == home or best - stay <= least:
            continue
        if members[choice] == 0:
            empty.pop()
        total[home] -= mass[v]
        members[home] -= 1
        if members[home] == 0:
            total[home] = 0.0
            empty.append(home)
        total[choice] += mass[v]
        members[choice] += 1
        labels[v] = choice
        for u, _ in edges[v]:
            if not queued[u] and labels[u] != choice:
                queued[u] = True
                queue.append(u)


def refine(edges, mass, scale, least, random, labels):
    n = len(mass)
    whole = {}
    for v in range(n):
        whole[labels[v]] = whole.get(labels[v], 0.0) + mass[v]
    parts, total, members = list(range(n)), list(mass), [1] * n
    out = [sum((w for u, w in edges[v] if labels[u] == labels[v]), 0.0) for v in range(n)]
    order = list(range(n))
    random.shuffle(order)
    for v in order:
        rest = whole[labels[v]]
        if members[parts[v]] > 1 or out[v] < scale * mass[v] * (rest - mass[v]):
            continue
        links = links_of([(u, w) for u, w in edges[v] if labels[u] == labels[v]], parts)
        best, choice = least, parts[v]
        for c, weight in links.items():
            if c == parts[v] or out[c] < scale * total[c] * (rest - total[c]):
                continue
            gain = weight - scale * mass[v] * total[c]
            if gain > best or (gain == best and choice != parts[v] and c < choice):
                best, choice = gain, c
        if choice != parts[v]:
            old = parts[v]
            out[choice] += out[v] - 2.0 * links[choice]
            total[choice] += mass[v]
            members[choice] += 1
            members[old], total[old], out[old] = 0, 0.0, 0.0
            parts[v] = choice
    return parts


def aggregate(edges, mass, parts):
    count = max(parts) + 1
    coarse, masses = [], [0.0] * count
    for v, part in enumerate(parts):
        masses[part] += mass[v]
    for c in range(count):
        members = [v for v in range(len(parts)) if parts[v] == c]
        coarse.append(
            list(
                links_of([e for v in members for e in edges[v] if parts[e[0]] != c], parts).items()
            )
        )
    return coarse, masses


def reference(graph, resolution, seed, passes):
    n = graph.shape[0]
    base = [
        [(int(u), float(w)) for u, w in zip(row.indices, row.data, strict=True) if u != v]
        for v, row in enumerate(graph)
    ]
    base_mass = list(row_sums(graph))
    scale = resolution / sum(base_mass)
    least = LEAST_GAIN * sum(base_mass)
    random = Random(seed)
    labels = list(range(n))
    for _ in range(passes):
        edges, mass, current, node_of = base, base_mass, list(labels), list(range(n))
        while True:
            move(edges, mass, scale, least, random, current)
            current = renumber(current)
            parts = renumber(refine(edges, mass, scale, least, random, current))
            if max(parts) + 1 == len(mass):
                break
            coarse = [0] * (max(parts) + 1)
            for v, part in enumerate(parts):
                coarse[part] = current[v]
            edges, mass = aggregate(edges, mass, parts)
            current = coarse
            node_of = [parts[node] for node in node_of]
        fresh = renumber([current[node] for node in node_of])
        if fresh == labels:
            break
        labels = fresh
    return labels


def random_graph(n, density, seed):
    rng = np.random.default_rng(seed)
    # Weights that add without rounding: the order of sums cannot matter.
    weights = rng.integers(1, 9, (n, n)) * (rng.random((n, n)) < density)
    upper = np.triu(weights, 1)
    return sp.csr_matrix((upper + upper.T).astype(float))


def cliques(count, size, ring):
    n = count * size
    graph = np.kron(np.eye(count), 1.0 - np.eye(size))
    if ring:
        for c in range(count):
            a, b = c * size, ((c + 1) % count) * size + 1
            graph[a % n, b % n] = graph[b % n, a % n] = 1.0
    return sp.csr_matrix(graph)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 30), st.floats(0.05, 0.9), st.integers(0, 10**6),
    st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]),
)  # fmt: skip
def test_equals_the_plain_reference(n, density, seed, resolution):
    graph = random_graph(n, density, seed)
    if graph.nnz == 0:
        return
    fast = leiden(graph, resolution=resolution, seed=seed, passes=1)
    assert fast.tolist() == reference(graph, resolution, seed, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.floats(0.0, 0.6), st.integers(0, 10**6), st.floats(0.1, 5.0))
def test_communities_are_connected_and_gain(n, density, seed, resolution):
    graph = random_graph(n, density, seed)
    labels = leiden(graph, resolution=resolution, seed=seed, passes=-1)
    assert sorted(set(labels.tolist())) == list(range(labels.max() + 1))
    alone = np.arange(n, dtype=np.int32)
    found = modularity(graph, labels, resolution=resolution)
    assert found >= modularity(graph, alone, resolution=resolution) - 1e-12
    for community in range(labels.max() + 1):
        members = np.flatnonzero(labels == community)
        parts, _ = sp.csgraph.connected_components(graph[members][:, members], directed=False)
        assert parts == 1


def test_two_cliques_joined_by_one_edge():
    graph = cliques(2, 5, ring=False).tolil()
    graph[0, 5] = graph[5, 0] = 1.0
    labels = leiden(graph.tocsr())
    assert labels.tolist() == [0] * 5 + [1] * 5
    # 21 edges, 20 inside; each side has strength 21 of 42.
    assert modularity(graph.tocsr(), labels) == pytest.approx(20 / 21 - 0.5)


@pytest.mark.parametrize("seed", range(5))
def test_ring_of_cliques(seed):
    graph = cliques(8, 5, ring=True)
    labels = leiden(graph, seed=seed, passes=-1)
    assert labels.tolist() == np.repeat(np.arange(8), 5).tolist()


KARATE = (
    "1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9 1-11 1-12 1-13 1-14 1-18 1-20 1-22 1-32 2-3 2-4 2-8 2-14 2-18 "
    "2-20 2-22 2-31 3-4 3-8 3-9 3-10 3-14 3-28 3-29 3-33 4-8 4-13 4-14 5-7 5-11 6-7 6-11 6-17 7-17 "
    "9-31 9-33 9-34 10-34 14-34 15-33 15-34 16-33 16-34 19-33 19-34 20-34 21-33 21-34 23-33 23-34 "
    "24-26 24-28 24-30 24-33 24-34 25-26 25-28 25-32 26-32 27-30 27-34 28-34 29-32 29-34 30-33 "
    "30-34 31-33 31-34 32-33 32-34 33-34"
)


def test_karate_club_reaches_the_known_optimum():
    pairs = np.array([[int(x) - 1 for x in pair.split("-")] for pair in KARATE.split()])
    graph = np.zeros((34, 34))
    graph[pairs[:, 0], pairs[:, 1]] = graph[pairs[:, 1], pairs[:, 0]] = 1.0
    graph = sp.csr_matrix(graph)
    assert graph.sum() == 156
    best = max(modularity(graph, leiden(graph, seed=s, passes=-1)) for s in range(5))
    assert best == pytest.approx(0.41979, abs=1e-5)


def test_contract_keeps_the_weight():
    graph = cliques(3, 4, ring=True)
    labels = leiden(graph)
    coarse = contract(graph, labels, 3)
    assert coarse.sum() == graph.sum()
    assert coarse.diagonal().sum() / graph.sum() == pytest.approx(inside_share(graph, labels))


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="square"):
        leiden(sp.csr_matrix((2, 3)))
    with pytest.raises(ParameterError, match="resolution"):
        leiden(sp.csr_matrix((2, 2)), resolution=0.0)
    assert leiden(sp.csr_matrix((0, 0))).tolist() == []
