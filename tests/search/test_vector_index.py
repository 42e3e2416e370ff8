"""The vector index against brute force: exact scans, cells, filters of every kind, files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import _native
from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.search import cells as partitions
from isogloss.search.cells import REACH_STEP, Partition, cell_of, measure_shares, reach_for
from isogloss.search.codes import decode_rows, encode_rows
from isogloss.search.vector_index import VectorIndex

DIM = 24


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def clustered(n, dim=DIM, centres=40, seed=0):
    """Rows around centres, as texts about topics lie."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(centres, dim))
    own = rng.integers(0, centres, n)
    return unit(middles[own] + rng.normal(size=(n, dim)) * 0.7), own


@pytest.fixture
def small_cells(monkeypatch):
    """Cells already in small sets."""
    monkeypatch.setattr(partitions, "UNDIVIDED", 200)
    monkeypatch.setattr("isogloss.search.vector_index.GATHERED", 50)


def best_of(rows, query, k, mask=None):
    scores = rows.astype(np.float64) @ query.astype(np.float64)
    order = np.lexsort((np.arange(len(rows)), -scores))
    if mask is not None:
        order = order[mask[order]]
    return order[:k], scores


def plain_codes(rows):
    """What the kernel writes, in plain NumPy."""
    scales = (np.abs(rows).max(axis=1) / np.float32(127)).astype(np.float32)
    step = np.where(scales > 0, scales, 1).astype(np.float64)[:, None]
    whole = np.clip(np.rint(rows / step), -127, 127)
    rest = rows - whole * step
    return whole, np.clip(np.rint(rest / step * 254), -127, 127), scales, rest


@given(st.integers(0, 2**32 - 1), st.integers(1, 130), st.sampled_from([1e-30, 1e-3, 1.0, 1e6]))
@settings(max_examples=60, deadline=None)
def test_codes_are_those_of_plain_numpy(seed, dim, size):
    rows = (np.random.default_rng(seed).normal(size=(5, dim)) * size).astype(np.float32)
    rows[3] = 0
    written = encode_rows(rows)
    whole, left, scales, rest = plain_codes(rows)
    assert (written.codes[:, :dim] == whole).all()
    assert (written.fine[:, :dim] == left).all()
    assert (written.codes[:, dim:] == 0).all()
    assert (written.fine[:, dim:] == 0).all()
    assert np.array_equal(written.scales, scales)
    lengths = np.sqrt((rest**2).sum(axis=1))
    assert (written.errors >= lengths * (1 - 1e-7)).all()
    assert np.allclose(written.errors, lengths, rtol=1e-5, atol=1e-37)
    bound = np.maximum(scales[:, None] / 254 * 0.51, np.abs(rows) * 1e-7)
    assert (np.abs(decode_rows(written, dim) - rows) <= bound).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 40), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_exact_scan_is_brute_force(seed, n, k, share):
    rng = np.random.default_rng(seed)
    rows = unit(rng.normal(size=(n, DIM)))
    rows[rng.random(n) < 0.1] = 0
    query = unit(rng.normal(size=(1, DIM)))[0]
    mask = rng.random(n) < share
    index = VectorIndex.build(rows)
    found = index.search(query, k=k, subset=index.subset(mask), exact=True)
    expected, scores = best_of(rows, query, k, mask)
    assert len(found.rows) == len(expected)
    assert np.allclose(found.scores, scores[found.rows], atol=2e-5)
    # the order may differ only among scores that 16 bits cannot tell apart
    assert np.allclose(scores[found.rows], scores[expected], atol=4e-5)
    assert mask[found.rows].all()
    assert found.plan.passing == mask.sum()


def test_hand_checked_scores():
    rows = np.array([[1, 0], [0.6, 0.8], [0, 1], [0, 0]], dtype=np.float32)
    found = VectorIndex.build(rows).search(np.array([0, 1], dtype=np.float32), k=4)
    assert found.rows.tolist() == [2, 1, 0, 3]
    assert found.scores.tolist() == pytest.approx([1, 0.8, 0, 0], abs=1e-5)


def test_equal_rows_come_in_their_order():
    rows = np.repeat(unit(np.random.default_rng(0).normal(size=(3, DIM))), 20, axis=0)
    found = VectorIndex.build(rows).search(rows[25], k=15)
    assert found.rows.tolist() == list(range(20, 35))


@pytest.mark.parametrize("kind", ["none", "half", "tenth", "other clusters", "range", "one"])
def test_cells_find_nearly_all_whatever_passes(small_cells, kind):
    rows, own = clustered(6000)
    index = VectorIndex.build(rows[:5800])
    rng = np.random.default_rng(3)
    recalls = []
    for query, cluster in zip(rows[5800:], own[5800:], strict=True):
        mask = {
            "none": np.ones(5800, bool),
            "half": rng.random(5800) < 0.5,
            "tenth": rng.random(5800) < 0.1,
            "other clusters": (own[:5800] - cluster) % 40 >= 20,
            "range": np.arange(5800) < 1500,
            "one": np.arange(5800) == 77,
        }[kind]
        found = index.search(query, k=10, subset=None if kind == "none" else index.subset(mask))
        expected, _ = best_of(rows[:5800], query, 10, mask)
        assert len(found.rows) == min(10, mask.sum())
        assert mask[found.rows].all()
        recalls.append(len(np.intersect1d(found.rows, expected)) / len(expected))
        if kind in ("none", "half"):
            assert found.plan.strategy == "cells"
            assert found.plan.visited < mask.sum()
    assert np.mean(recalls) >= 0.95


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([0.0, 0.01, 0.3, 1.0]))
@settings(max_examples=40, deadline=None)
def test_never_fewer_than_k_while_k_pass(seed, k, share):
    rng = np.random.default_rng(seed)
    rows, own = clustered(700, seed=seed % 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "UNDIVIDED", 200)
        patch.setattr("isogloss.search.vector_index.GATHERED", 0)
        index = VectorIndex.build(rows)
    mask = (rng.random(700) < share) | (own == seed % 40)
    found = index.search(rows[seed % 700], k=k, subset=index.subset(mask), recall=0.5)
    assert len(found.rows) == min(k, mask.sum())
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert mask[found.rows].all()
    assert (np.diff(found.scores) <= 0).all()


def test_higher_recall_visits_more(small_cells):
    rows, _ = clustered(4000)
    index = VectorIndex.build(rows)
    visited = [
        index.search(rows[5], k=10, recall=recall).plan.visited for recall in (0.6, 0.9, 0.99, 1.0)
    ]
    assert visited == sorted(visited)
    assert visited[-1] == 4000


def test_reaches_by_hand():
    """Rows one group apart: centres score as the rows themselves, so a reach of 0 finds them."""
    rows = np.eye(8, dtype=np.float32)
    partition = Partition(rows, rows, np.arange(9))
    cell = cell_of(partition, lambda: iter([rows]))
    assert cell.tolist() == list(range(8))
    shares = measure_shares(partition, cell, lambda: iter([rows]))
    # each row has seven others, all at 0: five places deep, the centres score 0 as well
    zero = int((0 - partitions.SCORE_FIRST) / partitions.SCORE_STEP)
    assert shares[0, zero, 0] == 1
    by_hand = np.zeros((2, 1, 4), dtype=np.float32)
    by_hand[:] = [0.5, 0.8, 0.95, 1.0]
    reaches = reach_for(by_hand, 0.9) / REACH_STEP
    # cells may miss .075, groups .025; at the next level half of it, .0375 and .0125
    assert reaches[:4].ravel().tolist() == [2, 3, 3, 3]


def test_files_give_what_memory_gives(tmp_path, small_cells):
    rows, _ = clustered(1500)
    numbers = np.arange(1500, dtype=np.int64) * 3 + 7

    def blocks():
        return (rows[at : at + 400] for at in range(0, 1500, 400))

    written = VectorIndex.write(tmp_path / "v.safetensors", blocks, numbers, DIM)
    assert np.array_equal(written.numbers, numbers)
    built = VectorIndex.build(rows)
    mask = np.arange(1500) % 3 == 0
    for query in rows[:20]:
        for subset in (False, True):
            one = built.search(query, subset=built.subset(mask) if subset else None)
            two = written.search(query, subset=written.subset(mask) if subset else None)
            assert one.rows.tolist() == two.rows.tolist()
            assert one.scores.tolist() == two.scores.tolist()
            assert one.plan == two.plan


def test_files_of_the_first_version_are_read(tmp_path, small_cells):
    """They have no signs: every row of a cell is scored."""
    rows, _ = clustered(1500)
    path, old = tmp_path / "v.safetensors", tmp_path / "old.safetensors"
    new = VectorIndex.write(path, lambda: iter([rows]), np.arange(1500), DIM)
    tensors = load_tensors(path)
    for name in ("signs", "along", "factors"):
        del tensors[name]
    save_tensors(old, tensors, {"format": "isogloss-vectors", "version": "1", "dim": str(DIM)})
    opened = VectorIndex.open(old)
    mask = np.arange(1500) % 3 > 0
    same = []
    for query in rows[:40]:
        one = opened.search(query, subset=opened.subset(mask))
        two = new.search(query, subset=new.subset(mask))
        assert one.plan.strategy == two.plan.strategy == "cells"
        assert mask[one.rows].all()
        same.append(len(np.intersect1d(one.rows, two.rows)) / 10)
    assert np.mean(same) > 0.97


def test_signs_leave_out_what_cannot_matter(small_cells):
    """Nearly no row is lost by looking at the signs first, and k are found whatever passes."""
    rows, _ = clustered(3000)
    index = VectorIndex.build(rows)
    for k in (1, 10, 60, 700):
        mask = np.random.default_rng(k).random(3000) < 0.4
        lost = []
        for query in rows[:30]:
            found = index.search(query, k=k, subset=index.subset(mask), recall=0.999)
            expected, _ = best_of(rows, query, k, mask)
            assert len(found.rows) == k
            lost.append(len(np.setdiff1d(expected, found.rows)) / k)
        assert np.mean(lost) < 0.02


def test_gathered_blocks_are_one_cell():
    rows, _ = clustered(500)
    index = VectorIndex.gather((rows[at : at + 99] for at in range(0, 500, 99)), 500, DIM)
    found = index.search(rows[3], k=5)
    assert found.rows.tolist() == best_of(rows, rows[3], 5)[0].tolist()


def test_threads_change_nothing(monkeypatch, small_cells):
    rows, _ = clustered(3000)
    tables = []
    for threads in ("1", "2"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        index = VectorIndex.build(rows)
        tables.append([index.search(query, k=7) for query in rows[:30]])
    for one, two in zip(*tables, strict=True):
        assert one.rows.tolist() == two.rows.tolist()
        assert one.plan == two.plan


@pytest.mark.parametrize("damage", ["cut", "empty", "header", "version", "starts"])
def test_damaged_files_are_refused(tmp_path, damage):
    rows, _ = clustered(100)
    path = tmp_path / "v.safetensors"
    VectorIndex.write(path, lambda: iter([rows]), np.arange(100), DIM)
    whole = path.read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "header": b"\xff" * 40 + whole[40:],
        "version": whole.replace(b'"version":"2"', b'"version":"9"'),
        "starts": whole.replace(b'"starts"', b'"strats"'),
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(AtlasError):
        VectorIndex.open(path)


def test_bad_parameters():
    index = VectorIndex.build(np.eye(3, dtype=np.float32))
    query = np.ones(3, dtype=np.float32)
    for call in (
        lambda: index.search(query, k=0),
        lambda: index.search(query[:2]),
        lambda: index.search(query, recall=0.2),
        lambda: index.subset(np.ones(2, dtype=bool)),
        lambda: index.subset(np.ones(3)),
        lambda: VectorIndex.build(np.array([[np.nan, 1]], dtype=np.float32)),
        lambda: VectorIndex.build(np.zeros(3, dtype=np.float32)),
    ):
        with pytest.raises(ParameterError):
            call()
    nothing = index.search(query, subset=index.subset(np.zeros(3, dtype=bool)))
    assert (len(nothing.rows), nothing.plan.strategy) == (0, "empty")


def test_kernel_refuses_what_does_not_fit():
    codes = np.zeros((2, 64), np.int8)
    ones = np.ones(2, np.float32)
    centre, scale, starts = np.zeros((1, 64), np.int8), ones[:1], np.array([0, 2])
    order = np.array([0, 1])
    good = [codes, codes, ones, ones, starts, centre, scale, order, centre, scale, order, 3]
    _native.CodeScan(*good)
    for place, bad in (
        (0, np.zeros((2, 63), np.int8)),
        (2, ones[:1]),
        (4, np.array([0, 3])),
        (4, np.array([1, 2])),
        (7, np.array([0, 2])),
        (10, np.array([0])),
        (11, 65),
    ):
        with pytest.raises(ValueError, match="CodeScan"):
            _native.CodeScan(*good[:place], bad, *good[place + 1 :])
