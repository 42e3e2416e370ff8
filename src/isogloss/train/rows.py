"""Sums of a table's rows, weighed once or twice, with gradients that touch only rows in use."""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom

# Gates are cut off here: a hard sigmoid needs no exp, whose last bits differ between processors.
WIDEST = 2.0


class Bags(NamedTuple):
    """Weighted features of texts, as the sums want them.

    Attributes
    ----------
    ids : int64 (m,)
        Rows of the table.
    starts : int64 (n,)
        Where the rows of each text begin.
    weights : float32 (m,)
    owner : int64 (m,)
        Text of each row.
    """

    ids: Any
    starts: Any
    weights: Any
    owner: Any

    @classmethod
    def of(cls, ids: Any, starts: Any, weights: Any) -> "Bags":
        """Add the texts that rows belong to."""
        ends = torch.cat([starts[1:], torch.tensor([len(ids)])])
        return cls(
            ids, starts, weights, torch.repeat_interleave(torch.arange(len(starts)), ends - starts)
        )

    def sum(self, table: Any, weights: Any) -> Any:
        """Sum rows by weight: float32 (n, t)."""
        return F.embedding_bag(self.ids, table, self.starts, per_sample_weights=weights, mode="sum")

    def products(self, table: Any, vectors: Any) -> Any:
        """Multiply each row with the vector of its text, without copies of either: float32 (m,)."""
        return torch.ops.aten._embedding_bag_per_sample_weights_backward(
            vectors, table, self.ids, self.starts, self.owner, 0
        )

    def scatter(self, shape: Any, parts: list[tuple[Any, Any]]) -> Any:
        """Sum vectors of texts, by the weights of rows, into the rows: sparse, each row once."""
        used, place = torch.unique(self.ids, return_inverse=True)
        order = torch.argsort(place, stable=True)
        count = torch.bincount(place)
        texts, starts = self.owner[order], torch.cumsum(count, 0) - count
        values: Any = None
        for vectors, weights in parts:
            more = F.embedding_bag(
                texts, vectors, starts, per_sample_weights=weights[order], mode="sum"
            )
            values = more if values is None else values.add_(more)
        return torch.sparse_coo_tensor(
            used[None], values, shape, is_coalesced=True, check_invariants=False
        )


class RowSum(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    """Weighted sums of rows: ``sum(w r)`` (n, t)."""

    @staticmethod
    def forward(ctx: Any, table: Any, bags: Bags) -> Any:
        """Sum."""
        ctx.shape, ctx.bags = table.shape, bags
        return bags.sum(table, bags.weights)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Give the table's gradient."""
        if not ctx.needs_input_grad[0]:
            return None, None
        return ctx.bags.scatter(ctx.shape, [(gradient, ctx.bags.weights)]), None


class RowSumTwice(torch.autograd.Function):  # type: ignore[misc,unused-ignore]
    """Sums of rows that are weighed again by how they agree with the first sum.

    With s = sum(w r) and u = s / |s| @ turn, a row r counts clip(1 + bias + r . u, 0, 2) times as
    much; where every gate of a text is shut, s stays. The gate gives gradients to `turn`, `bias`
    and s, and so to rows, but none to its own row.
    """

    @staticmethod
    def forward(ctx: Any, table: Any, turn: Any, bias: Any, bags: Bags) -> Any:
        """Sum twice."""
        first = bags.sum(table, bags.weights)
        unit = F.normalize(first)
        raw = bags.products(table, unit @ turn) + (1 + bias)
        gates = raw.clamp(0, WIDEST)
        shut = torch.zeros(len(first)).index_add_(0, bags.owner, gates)[bags.owner] == 0
        gates = torch.where(shut, 1.0, gates)
        moves = (raw > 0) & (raw < WIDEST)
        ctx.bags = bags
        ctx.save_for_backward(table, turn, first, unit, gates, moves)
        return bags.sum(table, gates * bags.weights)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Give the gradients of the table, the turn and the bias."""
        table, turn, first, unit, gates, moves = ctx.saved_tensors
        bags: Bags = ctx.bags
        of_gates = bags.products(table, gradient) * bags.weights * moves
        of_turned = bags.sum(table, of_gates)
        rows = None
        if ctx.needs_input_grad[0]:
            of_unit = of_turned @ turn.T
            length = first.norm(dim=1, keepdim=True).clamp_min(1e-12)
            of_first = (of_unit - unit * (unit * of_unit).sum(1, keepdim=True)) / length
            parts = [(gradient, gates * bags.weights), (of_first, bags.weights)]
            rows = bags.scatter(table.shape, parts)
        return rows, unit.T @ of_turned, of_gates.sum(), None


def sum_rows(
    table: Any, ids: Any, starts: Any, weights: Any, *, turn: Any = None, bias: Any = None
) -> Any:
    """Sum rows of a table by weight, and once more where a turn is given (`RowSumTwice`).

    Parameters
    ----------
    table : float32 (f, t)
    ids : int64 (m,)
        Rows, text by text.
    starts : int64 (n,)
        Where the rows of each text begin.
    weights : float32 (m,)
    turn : float32 (t, t), bias : float32 ()

    Returns
    -------
    float32 (n, t)
        The table's gradient is sparse.

    Examples
    --------
    >>> table = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> rows = torch.tensor([0, 1, 2]), torch.tensor([0]), torch.ones(3)
    >>> sum_rows(table, *rows).tolist()
    [[2.0, 1.0]]
    >>> twice = sum_rows(table, *rows, turn=torch.eye(2), bias=torch.tensor(-1.0))
    >>> twice.round(decimals=2).tolist()
    [[1.7899999618530273, 0.44999998807907104]]
    """
    bags = Bags.of(ids, starts, weights)
    if turn is None:
        return RowSum.apply(table, bags)
    return RowSumTwice.apply(table, turn, bias, bags)
