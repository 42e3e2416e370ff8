"""Mined sets and their clusters: those of plain twins, met as often as theory says."""

from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import _native
from isogloss.topics.mined_sets import MinedSets, mine_sets, tables_for
from isogloss.topics.set_clusters import (
    cluster_words,
    link_sets,
    overlap_graph,
    split_giants,
)

MASK = 2**64 - 1


# The plain twin: copies are written out, sets are Python sets.


def mix64(z):
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def place(copy, lane, seed):
    key = mix64(mix64(seed) ^ mix64(lane))
    x = copy ^ (key & 0xFFFFFFFF)
    for multiplier, shift in ((0x7FEB352D, 16), (0x846CA68B, 15)):
        x = ((x ^ (x >> shift)) * multiplier) & 0xFFFFFFFF
    x = ((x ^ (x >> 16)) + (key >> 32)) & 0xFFFFFFFF
    for multiplier, shift in ((0x21F0AAAD, 16), (0xD35A2D97, 15)):
        x = ((x ^ (x >> shift)) * multiplier) & 0xFFFFFFFF
    return x ^ (x >> 15)


def copies_of(counts, expand):
    """Give the copies of rows that each column is in."""
    held = [[] for _ in range(counts.shape[1])]
    first = 0
    for row in counts:
        for column, count in enumerate(row):
            held[column] += range(first, first + (int(count) if expand else int(count > 0)))
        first += int(row.max(initial=0)) if expand else int((row > 0).any())
    return held


def plain_buckets(counts, *, tuple_size, table, expand, seed, least):
    found = {}
    for column, copies in enumerate(copies_of(counts, expand)):
        if copies:
            lanes = range(table * tuple_size, (table + 1) * tuple_size)
            key = tuple(min(place(copy, lane, seed) for copy in copies) for lane in lanes)
            found.setdefault(key, []).append(column)
    return [members for members in found.values() if len(members) >= least]


def plain_sets(counts, *, tuple_size, tables, expand, seed, least):
    times = {}
    for table in range(tables):
        for members in plain_buckets(
            counts, tuple_size=tuple_size, table=table, expand=expand, seed=seed, least=least
        ):
            times[tuple(members)] = times.get(tuple(members), 0) + 1
    return times


def plain_pairs(sets, columns, *, tuple_size, tables, seed, overlap):
    turned = np.zeros((columns, len(sets)), dtype=int)
    for number, members in enumerate(sets):
        turned[list(members), number] = 1
    pairs = set()
    for table in range(tables):
        for bucket in plain_buckets(
            turned, tuple_size=tuple_size, table=table, expand=False, seed=seed, least=2
        ):
            for a, b in combinations(bucket, 2):
                one, other = set(sets[a]), set(sets[b])
                if len(one & other) > overlap * min(len(one), len(other)):
                    pairs.add((a, b))
    return pairs


def plain_links(count, pairs):
    cluster = list(range(count))
    for _ in range(count):
        for a, b in pairs:
            cluster[a] = cluster[b] = min(cluster[a], cluster[b])
    return cluster


def as_tuples(sets):
    return [
        tuple(sets.members[a:b].tolist()) for a, b in zip(sets.start, sets.start[1:], strict=False)
    ]


def mined(counts, **options):
    given = {"tuple_size": 2, "tables": 7, "expand": True, "least": 2, "seed": 3, "memory_mb": 9}
    return mine_sets([sp.csr_matrix(counts)], **given | options)


def made_of(sets, columns):
    """Mined sets out of lists."""
    start = np.cumsum([0, *map(len, sets)])
    members = np.array([c for one in sets for c in one], dtype=np.int32)
    frequency = np.ones(columns, dtype=np.int64)
    times = np.ones(len(sets), dtype=np.int32)
    return MinedSets(start.astype(np.int64), members, times, columns, 1, frequency, 1)


small_counts = st.integers(1, 9).flatmap(
    lambda columns: st.lists(
        st.lists(st.sampled_from([0, 0, 1, 1, 2, 5]), min_size=columns, max_size=columns),
        min_size=1,
        max_size=9,
    )
)


@settings(max_examples=60, deadline=None)
@given(small_counts, st.integers(1, 3), st.booleans(), st.integers(0, 2**64 - 1))
def test_mined_sets_are_those_of_the_plain_twin(rows, tuple_size, expand, seed):
    counts = np.array(rows)
    sets = mined(counts, tuple_size=tuple_size, expand=expand, seed=seed)
    plain = plain_sets(counts, tuple_size=tuple_size, tables=7, expand=expand, seed=seed, least=2)
    assert as_tuples(sets) == list(plain)
    assert sets.times.tolist() == list(plain.values())
    assert sets.frequency.tolist() == (counts > 0).sum(axis=0).tolist()


word_sets = st.lists(
    st.lists(st.integers(0, 11), min_size=3, max_size=9, unique=True).map(sorted),
    min_size=1,
    max_size=14,
    unique_by=tuple,
)


@settings(max_examples=60, deadline=None)
@given(word_sets, st.sampled_from([0.0, 0.5, 0.7, 0.9]), st.integers(1, 3))
def test_clusters_are_those_of_the_plain_twin(sets, overlap, tuple_size):
    options = {"tuple_size": tuple_size, "tables": 9, "seed": 5, "overlap": overlap}
    pairs = plain_pairs(sets, 12, **options)
    held = made_of(sets, 12)
    assert link_sets(held, **options).tolist() == plain_links(len(sets), pairs)
    graph = overlap_graph(held, np.arange(len(sets)), **options).tocoo()
    found = {(int(a), int(b)) for a, b in zip(graph.row, graph.col, strict=True) if a < b}
    assert found == pairs
    for a, b, weight in zip(graph.row, graph.col, graph.data, strict=True):
        one, other = set(sets[a]), set(sets[b])
        assert weight == pytest.approx(len(one & other) / len(one | other))


def test_an_ordering_maps_copies_one_to_one():
    places = {place(copy, 17, 2**40) for copy in range(20_000)}
    assert len(places) == 20_000
    middle = np.mean(list(places)) / 2**32
    assert middle == pytest.approx(0.5, abs=0.01)


def test_two_words_meet_as_often_as_their_weighted_similarity():
    counts = np.array([[3, 1], [2, 2], [0, 4], [1, 1], [5, 2]])
    wanted = counts.min(axis=1).sum() / counts.max(axis=1).sum()
    for expand, share in ((True, wanted), (False, 4 / 5)):
        sets = mined(counts, tuple_size=1, tables=4000, expand=expand)
        assert sets.times.sum() / 4000 == pytest.approx(share, abs=0.025)
    both = mined(counts, tuple_size=2, tables=4000)
    assert both.times.sum() / 4000 == pytest.approx(wanted**2, abs=0.025)


def test_a_set_is_found_with_probability_one_half_in_the_tables_of_its_similarity():
    counts = np.ones((10, 3), dtype=int)
    counts[:8] = np.repeat([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], 2, axis=0)
    assert tables_for(0.2, 2) == 16  # two of ten passages hold all three
    found = [len(mined(counts, tables=16, least=3, seed=seed)) > 0 for seed in range(400)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


# The kernel's own checks.


def test_the_kernel_refuses_what_would_reach_beyond_its_memory():
    hashed = _native.MinHashTables(3, 2, 0, 4, 0)
    start, none = np.array([0, 1]), np.zeros(0, dtype=np.int32)
    with pytest.raises(ValueError, match="in no column"):
        hashed.add(start, np.array([3], dtype=np.int32), none, 0)
    with pytest.raises(ValueError, match="count is below"):
        hashed.add(start, np.array([0], dtype=np.int32), np.array([0], dtype=np.int32), 0)
    with pytest.raises(ValueError, match="does not span"):
        hashed.add(np.array([0, 2]), np.array([0], dtype=np.int32), none, 0)
    with pytest.raises(ValueError, match="too many copies"):
        hashed.add(start, np.array([0], dtype=np.int32), none, 2**32 - 2)
    with pytest.raises(ValueError, match="no such table"):
        hashed.buckets(4, 2)
    parents = np.array([0, 2, 2], dtype=np.int32)
    with pytest.raises(ValueError, match="above its set"):
        _native.join_parents(parents, np.arange(3, dtype=np.int32))


def test_another_seed_gives_other_orderings():
    counts = np.random.default_rng(0).random((60, 30)) < 0.3
    one, other = (mined(counts.astype(int), seed=seed, least=3) for seed in (0, 1))
    assert as_tuples(one) != as_tuples(other)


def test_words_are_ranked_by_sets_then_documents():
    sets = made_of([[0, 1, 2], [0, 1, 3], [1, 2, 3, 4]], 6)
    sets.times[:] = [2, 1, 1]
    sets.frequency[:] = [1, 1, 9, 5, 1, 1]
    words = cluster_words(sets, np.zeros(3, dtype=np.int32), least_sets=4, least_words=5)
    assert words.indices.tolist() == [1, 2, 0, 3, 4]
    assert words.data.tolist() == [4, 3, 3, 2, 1]
    none = cluster_words(sets, np.zeros(3, dtype=np.int32), least_sets=5, least_words=5)
    assert none.shape == (0, 6)


def test_a_chain_is_cut_where_a_higher_overlap_would_not():
    random = np.random.default_rng(0)
    sets = [sorted(random.permutation(20)[:12].tolist()) for _ in range(8)]
    sets += [sorted((20 + random.permutation(20)[:12]).tolist()) for _ in range(8)]
    sets.append([0, 1, 2, 20, 21, 22])  # holds both small ones, and chains all
    sets += [[0, 1, 2], [20, 21, 22]]
    sets[:16] = [
        sorted({*one, *range(one[-1] // 20 * 20, one[-1] // 20 * 20 + 3)}) for one in sets[:16]
    ]
    held = made_of(sets, 40)
    second = {"overlap": 0.4, "tuple_size": 1, "tables": 200, "seed": 1}
    clusters = link_sets(held, **second)
    assert (clusters == 0).all()
    cut, (giant,) = split_giants(held, clusters, most=25, **second)
    assert (giant.sets, giant.words) == (19, 40)
    assert giant.parts == len(np.unique(cut))
    assert giant.widest <= 25
    for cluster in np.unique(cut):
        assert cut[cluster] == cluster
    untouched, none = split_giants(held, clusters, most=40, **second)
    assert none == []
    assert (untouched == clusters).all()
