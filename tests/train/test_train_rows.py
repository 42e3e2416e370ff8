"""The arithmetic of training: rounding, weighing twice, steps of single rows."""

import numpy as np
import pytest

pytest.importorskip("torch")


def test_rounding_takes_the_scale_of_least_error():
    pytest.importorskip("torch")
    from isogloss.train.rounding import round_rows

    rows = np.array([[1.0, -0.5, 0.25], [0.0, 0.0, 0.0], [10.0, 1.0, 1.0]], np.float32)
    for bits, top in ((8, 127), (4, 7)):
        codes, scale = round_rows(rows, bits)
        held = codes * scale[:, None]
        assert np.abs(codes).max() == top
        assert np.abs(held - rows).max() < 10 / top / 1.9
        shares = (1.0,) if bits == 8 else (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
        for row, got in zip(rows, held, strict=True):
            step = [np.abs(row).max() / top * share or 1.0 for share in shares]
            errors = [((np.clip(np.rint(row / s), -top, top) * s - row) ** 2).sum() for s in step]
            assert ((got - row) ** 2).sum() <= min(errors) + 1e-5


def test_a_table_learns_behind_its_rounding():
    torch = pytest.importorskip("torch")
    from isogloss.train.rounding import RoundedTable

    draw = torch.Generator().manual_seed(0)
    table = torch.nn.Parameter(torch.randn(40, 8, generator=draw))
    goal = torch.randn(40, 8, generator=draw) * 0.5
    rounded = RoundedTable(table, 4)
    before = ((table - goal) ** 2).sum().item()
    for _ in range(200):  # single steps are far below what 4 bits tell apart
        table.grad = None
        ((table - goal) ** 2).sum().backward()
        rounded.learn()
        with torch.no_grad():
            table -= 0.01 * table.grad
        rounded.show(torch.arange(0, 40, 2))
    held = rounded.codes() * rounded.scale[:, None]
    assert np.allclose(table.detach().numpy(), held, atol=1e-6)
    gone = ((held - goal.numpy()) ** 2).sum(1)
    assert gone[::2].sum() < 0.1 * before  # rows that were shown have come near
    kept = RoundedTable(torch.nn.Parameter(rounded.coarse.clone()), 4)
    assert np.array_equal(kept.codes()[1::2], rounded.codes()[1::2])


def plainly_summed_twice(table, turn, bias, ids, starts, weights):
    """Weigh rows again by plain operations of torch, with one copy of a row for each feature."""
    import torch

    lengths = torch.diff(torch.cat([starts, torch.tensor([len(ids)])]))
    owner = torch.repeat_interleave(torch.arange(len(starts)), lengths)
    none = torch.zeros(len(starts), table.shape[1])
    first = none.index_add(0, owner, table[ids] * weights[:, None])
    turned = torch.nn.functional.normalize(first) @ turn
    gates = (1 + bias + (table.detach()[ids] * turned[owner]).sum(1)).clamp(0, 2)
    shut = torch.zeros(len(starts)).index_add(0, owner, gates)[owner] == 0
    gates = torch.where(shut, torch.ones(()), gates)
    rows = table[ids] * (weights * gates)[:, None]
    return none.index_add(0, owner, rows), gates


@pytest.mark.parametrize(("strength", "bias"), [(0.0, 0.0), (0.1, 0.2), (0.6, -0.3), (0.1, -9.0)])
def test_the_second_weighing_has_the_gradients_of_plain_operations(strength, bias):
    import torch

    from isogloss.train.rows import sum_rows

    draw = torch.Generator().manual_seed(0)
    table, turn, gradient = (
        torch.randn(*shape, generator=draw) for shape in ((30, 6), (6, 6), (5, 6))
    )
    ids = torch.randint(0, 30, (40,), generator=draw)
    starts, weights = torch.tensor([0, 7, 7, 20, 21]), torch.rand(40, generator=draw)
    results = []
    for way in ("plain", "own"):
        given = [
            torch.nn.Parameter(one.clone()) for one in (table, turn * strength, torch.tensor(bias))
        ]
        if way == "plain":
            total, gates = plainly_summed_twice(*given, ids, starts, weights)
        else:
            total = sum_rows(given[0], ids, starts, weights, turn=given[1], bias=given[2])
        total.backward(gradient)
        results.append([total.detach(), *(one.grad.to_dense() for one in given)])
    for plain, own in zip(*results, strict=True):
        assert torch.allclose(plain, own, atol=1e-5)
    assert strength < 0.5 or (bool((gates == 0).any()) and bool((gates == 2).any()))
    assert bias > -9 or bool((gates == 1).all())
    once = torch.nn.Parameter(table.clone())
    sum_rows(once, ids, starts, weights).backward(gradient)
    plain = torch.nn.Parameter(table.clone())
    torch.nn.functional.embedding_bag(
        ids, plain, starts, per_sample_weights=weights, mode="sum"
    ).backward(gradient)
    assert torch.allclose(once.grad.to_dense(), plain.grad, atol=1e-6)


def test_rows_move_as_by_sparse_adam():
    import torch

    from isogloss.train.optimiser import RowAdam

    draw = torch.Generator().manual_seed(0)
    begin = torch.randn(50, 3, generator=draw)
    ours, theirs = (torch.nn.Parameter(begin.clone()) for _ in range(2))
    steps = RowAdam([ours], lr=0.1), torch.optim.SparseAdam([theirs], lr=0.1)
    for size in (1, 20, 20, 7):
        rows = torch.randint(0, 50, (size,), generator=draw)  # some of them twice
        values = torch.randn(size, 3, generator=draw)
        for table, step in zip((ours, theirs), steps, strict=True):
            table.grad = torch.sparse_coo_tensor(
                rows[None], values, (50, 3), check_invariants=False
            )
            step.step()
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert bool((ours != begin).any(dim=1).sum() < 50)
