"""Positions beyond the trained ones, by hand, and attention of two distances by a slow twin."""

import numpy as np
import pytest

from isogloss.encoders import positions as maps

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from isogloss.encoders.position_modules import Reading, TablePositions, reads  # noqa: E402
from isogloss.encoders.self_extend import turn, two_distance_attention  # noqa: E402

pytestmark = pytest.mark.models


# Positions by hand: window 4.


def test_positions_of_each_method_by_hand():
    places = np.arange(10)
    assert maps.recurrent_positions(places, 4).tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    # ceil(10 / 4) = 3 tokens share a position
    assert maps.grouped_positions(places, 10, 4).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert maps.interpolated_angles(places, 10, 4) == pytest.approx(places / 3)
    assert maps.interpolated_rows(places, 10, 4, 3).tolist() == places.tolist()
    assert maps.interpolated_rows(places[:4], 4, 4, 3).tolist() == [0, 3, 6, 9]


def test_an_enlarged_table_holds_the_old_rows_exactly_and_blends_between():
    table = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    wide = maps.interpolated_table(table, 3)
    assert wide.shape == (12, 5)
    assert wide.dtype == np.float32
    assert (wide[::3] == table).all()
    assert wide[4] == pytest.approx(2 / 3 * table[1] + 1 / 3 * table[2], abs=1e-6)
    assert (wide[10:] == table[3]).all()


def test_ntk_is_a_raised_base():
    half, base, factor = 8, 10_000.0, 4.0
    d = 2 * half
    old = base ** (-2 * np.arange(half) / d)
    raised = (base * factor ** (d / (d - 2))) ** (-2 * np.arange(half) / d)
    assert old * maps.ntk_scales(half, factor) == pytest.approx(raised, rel=1e-12)


@pytest.mark.parametrize(("trained", "near"), [(8, 1), (8, 2), (24, 3), (24, 23), (128, 16)])
def test_grouped_distances_stay_trained_and_no_group_is_needlessly_large(trained, near):
    for length in range(1, 6 * trained, 7):
        group = maps.group_size(length, trained, near)
        keys, behind, ahead = maps.far_positions(np.arange(length), group, near)
        assert np.abs(behind[-1] - keys[0]) < trained
        assert np.abs(ahead[0] - keys[-1]) < trained
        assert behind - keys == pytest.approx(keys - ahead)
        if group > 1:
            smaller = maps.far_positions(np.arange(length), group - 1, near)
            assert smaller[1][-1] - smaller[0][0] >= trained
        else:
            assert length <= trained


def test_rows_are_looked_up_by_each_text_not_by_the_batch():
    from isogloss.encoders.context import Context

    table = TablePositions(np.arange(4.0)[:, None], Context("grouped", 16, 4), 1)
    places = np.array([[0, 1, 2, 2, 2, 2], [0, 1, 2, 3, 4, 5]])  # padding repeats the last place
    reading = Reading(places, [3, 6])
    assert table.rows(reading)[0, :3].tolist() == [0, 1, 2]
    assert table.rows(reading)[1].tolist() == [0, 0, 1, 1, 2, 2]
    with reads(reading):
        assert table(torch.zeros(1, 6))[1].ravel().tolist() == [0, 0, 1, 1, 2, 2]


# SelfExtend against a slow plain reference.


def slow_attention(query, key, value, frequencies, group, near, causal, layout):
    """Give attention with one relative distance a pair, computed pair by pair."""
    heads, tokens, _ = query.shape
    out = np.zeros(value.shape)
    for head in range(heads):
        for m in range(tokens):
            scores = {}
            for n in range(tokens):
                if causal and n > m:
                    continue
                distance = m - n
                if abs(distance) >= near:
                    far = near - near // group
                    distance = m // group - n // group + (far if n < m else -far)
                turned = slow_turn(query[head, m], distance, frequencies, layout)
                scores[n] = float(turned @ key[head, n]) / np.sqrt(query.shape[2])
            top = max(scores.values())
            weights = {n: np.exp(score - top) for n, score in scores.items()}
            total = sum(weights.values())
            for n, weight in weights.items():
                out[head, m] += weight / total * value[head, n]
    return out


def slow_turn(vector, distance, frequencies, layout):
    out = np.array(vector, dtype=np.float64)
    half = len(frequencies)
    for j, frequency in enumerate(frequencies):
        a, b = (j, j + half) if layout == "halves" else (2 * j, 2 * j + 1)
        cos, sin = np.cos(distance * frequency), np.sin(distance * frequency)
        out[a] = vector[a] * cos - vector[b] * sin
        out[b] = vector[b] * cos + vector[a] * sin
    return out


@pytest.mark.parametrize("layout", ["halves", "pairs"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("group", "near"), [(1, 3), (2, 4), (3, 5), (4, 1)])
def test_attention_of_two_distances_equals_the_slow_one(layout, causal, group, near):
    rng = np.random.default_rng(group)
    tokens = 17
    states = rng.normal(size=(3, 2, tokens, 10))
    query, key, value = (torch.from_numpy(one) for one in states)
    frequencies = np.array([1.0, 0.4, 0.1, 0.02])  # 8 of 10 dimensions are turned
    speeds = torch.from_numpy(frequencies)
    places = np.arange(tokens)
    allowed = torch.ones(tokens, tokens, dtype=torch.bool).tril() if causal else None
    found = two_distance_attention(
        turn(query, places, speeds, layout),
        turn(key, places, speeds, layout),
        value,
        places,
        allowed,
        scaling=10**-0.5,
        frequencies=speeds,
        layout=layout,
        group=group,
        near=near,
    )
    wanted = slow_attention(*states, frequencies, group, near, causal, layout)
    assert found.numpy() == pytest.approx(wanted, abs=1e-9)


def test_attention_in_blocks_equals_attention_at_once(monkeypatch):
    from isogloss.encoders import self_extend

    rng = np.random.default_rng(0)
    query, key, value = (torch.from_numpy(rng.normal(size=(2, 30, 8))) for _ in range(3))
    options = {
        "scaling": 0.3,
        "frequencies": torch.tensor([1.0, 0.3, 0.1, 0.01]),
        "layout": "halves",
        "group": 3,
        "near": 4,
    }
    whole = two_distance_attention(query, key, value, np.arange(30), None, **options)
    monkeypatch.setattr(self_extend, "_QUERY_BLOCK", 7)
    cut = two_distance_attention(query, key, value, np.arange(30), None, **options)
    assert torch.allclose(whole, cut, atol=1e-12)
