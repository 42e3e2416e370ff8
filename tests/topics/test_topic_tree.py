"""The tree of topics as a record, and how merges become one."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.topics.hierarchy import condense, leaf_persistence, merge_heights, ward_merges
from isogloss.topics.tree import TopicTree


@pytest.fixture
def tree():
    return TopicTree(
        parent=[4, 4, 5, -1, 5, -1], size=[6, 5, 4, 3, 11, 15],
        persistence=[0.5, 0.5, 0.7, 0.9, 0.4, 0.8],
    )  # fmt: skip


def test_views(tree):
    assert [topic.id for topic in tree] == list(range(6))
    assert [topic.id for topic in tree.roots] == [5, 3]
    assert [topic.id for topic in tree.leaves] == [0, 1, 2, 3]
    assert [topic.id for topic in tree[5].children] == [4, 2]
    assert tree.leaf(0).children == ()
    assert tree.path(0) == [5, 4, 0] == tree[0].path
    assert tree.path(-1) == []
    assert tree.depth.tolist() == [2, 2, 1, 0, 1, 0]
    assert tree[0].parent == tree[4]
    assert tree[3].parent is None


def test_json_and_pandas(tree):
    named = tree.described(labels=list("abcdef"), keywords=[["x"]] * 6, exemplars=[[1, "b"]] * 6)
    rows = json.loads(json.dumps(named.to_json()))
    assert rows[3] == {
        "id": 3, "parent": None, "depth": 0, "size": 3, "label": "d", "keywords": ["x"],
        "exemplars": [1, "b"], "persistence": 0.9,
    }  # fmt: skip
    assert TopicTree.from_json(rows).to_json() == rows
    frame = named.to_pandas()
    assert frame["parent"].isna().tolist() == [False, False, False, True, False, True]
    assert frame["size"].sum() == 44
    assert len(TopicTree(parent=[], size=[], persistence=[]).to_pandas()) == 0


def test_bad_trees_are_refused(tree):
    with pytest.raises(ParameterError, match="children 11"):
        TopicTree(parent=[2, 2, -1], size=[6, 5, 12], persistence=[0, 0, 0])
    with pytest.raises(ParameterError, match="no root"):
        TopicTree(parent=[1, 0], size=[1, 1], persistence=[0, 0])
    with pytest.raises(ParameterError, match="no topic 6"):
        tree[6]
    with pytest.raises(ParameterError, match="no leaf"):
        tree.leaf(4)
    with pytest.raises(ParameterError, match="labels"):
        tree.described(labels=["a"])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_merges_fall_and_nest(k, seed):
    rng = np.random.default_rng(seed)
    weights = rng.random((k, k)) * (rng.random((k, k)) < 0.6)
    weights = np.triu(weights, 1)
    weights = weights + weights.T
    strengths = weights.sum(axis=1) + 0.1
    merges = merge_heights(weights, strengths, float(strengths.sum()))
    heights = [height for _, _, height in merges]
    assert heights == sorted(heights, reverse=True)


def slow_ward(rows, sizes):
    """Merge by the definition: which two groups of members cost least to bring to one centre."""
    members = [[i] for i in range(len(rows))]
    alive, costs = list(range(len(rows))), []

    def scatter(group):
        weights = sizes[group][:, None]
        centre = (weights * rows[group]).sum(axis=0) / weights.sum()
        return float((weights * (rows[group] - centre) ** 2).sum())

    while len(alive) > 1:
        pairs = [(a, b) for i, a in enumerate(alive) for b in alive[i + 1 :]]
        grown = [
            scatter(members[a] + members[b]) - scatter(members[a]) - scatter(members[b])
            for a, b in pairs
        ]
        best = int(np.argmin(grown))
        a, b = pairs[best]
        costs.append(grown[best])
        alive = [one for one in alive if one not in (a, b)] + [len(members)]
        members.append(members[a] + members[b])
    return members[len(rows) :], costs


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10), st.integers(0, 10**6))
def test_ward_merges_what_costs_least_by_definition(k, seed):
    rng = np.random.default_rng(seed)
    rows, sizes = rng.normal(size=(k, 3)), rng.integers(1, 50, k).astype(float)
    merges = ward_merges(rows, sizes)
    groups, costs = slow_ward(rows, sizes)
    made = [[i] for i in range(k)]
    for a, b, _ in merges:
        made.append(made[a] + made[b])
    assert [sorted(one) for one in made[k:]] == [sorted(one) for one in groups]
    assert [cost for _, _, cost in merges] == pytest.approx(costs)
    assert costs == pytest.approx(sorted(costs))
    parent, persistence = condense(merges, sizes, least=0.3)
    assert ((persistence >= 0.3) & (persistence <= 1)).all()
    above = np.flatnonzero(parent >= 0)
    assert (parent[above] > above).all()
    assert (parent[above] >= k).all()


def test_equal_centres_merge_at_no_cost():
    merges = ward_merges(np.ones((4, 2)), np.array([1.0, 2.0, 3.0, 4.0]))
    assert [cost for _, _, cost in merges] == [0.0, 0.0, 0.0]
    parent, persistence = condense(merges, np.ones(4), least=0.3)
    assert parent.tolist() == [-1] * 4
    assert len(persistence) == 0


def test_a_group_of_more_than_half_has_to_stand_out():
    # Two and two leaves, and one more: the four are one group where the fifth is far away.
    near, far = ([(0, 1, 1.0), (2, 3, 1.0), (5, 6, 4.0), (4, 7, cost)] for cost in (8.0, 40.0))
    assert condense(near, np.ones(5), least=0.3)[0].tolist() == [5, 5, 6, 6, -1, -1, -1]
    assert condense(far, np.ones(5), least=0.3)[0].tolist() == [5, 5, 6, 6, -1, 7, 7, -1]
    half = [(0, 1, 1.0), (2, 3, 1.0), (4, 5, 2.0)]  # no more than half: as all others
    assert condense(half, np.ones(4), least=0.3)[0].tolist() == [4, 4, 5, 5, -1, -1]


def test_a_leaf_lasts_from_its_nearest_neighbour_to_its_limit():
    weights = np.array([[9.0, 1.0, 0.5], [1.0, 9.0, 0.0], [0.5, 0.0, 9.0]])
    strengths = np.array([2.0, 2.0, 1.0])
    found = leaf_persistence(weights, strengths, 8.0, np.array([8.0, 2.0, 1.0]))
    # Nearest at 8 * 1 / 4 = 2, 2, and 8 * .5 / 2 = 2, which the last limit lies below.
    assert found.tolist() == [0.75, 0.0, 0.0]


def test_merge_height_is_the_resolution_where_merging_pays():
    # Two groups of strength 3, weight 1 between, 2 loops each: 6 in all.
    weights = np.array([[2.0, 1.0], [1.0, 2.0]])
    merges = merge_heights(weights, np.array([3.0, 3.0]), 6.0)
    assert merges == [(0, 1, pytest.approx(6 * 1 / 9))]
