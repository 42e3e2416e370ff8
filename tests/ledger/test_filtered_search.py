"""The entry `filtered-search`: its rule, and that its methods answer what they are asked."""

import sys

import numpy as np
import pytest

from isogloss._core.errors import MissingExtra
from isogloss.ledger.filter_cells import Cell
from isogloss.ledger.filter_methods import Exact, Graph, Partition, answers, one_thread
from isogloss.ledger.system import Figure
from isogloss.ledger.systems import filtered_search as entry

LOT, NARROWER, ANTI = entry.BY_LOT, entry.NARROWER, entry.ANTI
WIDTHS = {"all_rows": 1.0, LOT: 0.01, NARROWER: 0.001, ANTI: 0.0095, "no_row": 0.0}


def figure(value, spread=0.01):
    return Figure(value, value - spread, value + spread, "x", 100)


def figures(**changed):
    """Give figures with which the entry holds, but for what is changed."""
    told = {f"selectivity.{place}": figure(width, 0) for place, width in WIDTHS.items()}
    told |= {f"recall.ours.{place}": figure(0.99) for place in WIDTHS}
    told |= {f"short.ours.{place}": figure(0.0, 0) for place in WIDTHS}
    told |= {
        f"recall.graph_64.{LOT}": figure(0.5),
        f"recall.graph_64.{NARROWER}": figure(0.1),
        f"recall.graph_64.{ANTI}": figure(0.2),
    }
    for place in list(WIDTHS)[:4]:
        told[f"per_second.exact.{place}"] = figure(1000)
        told[f"per_second.partition.{place}"] = figure(500)
    told["per_second.graph.all_rows"] = figure(5000)
    told |= changed
    return entry.totals(told) | told


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "holds"),
        # the graph's answers at 1% by lot are too good to be called lost
        ({f"recall.graph_64.{LOT}": figure(0.795)}, "holds in part"),
        # no worse away from the queries than by lot
        ({f"recall.graph_64.{ANTI}": figure(0.485)}, "holds in part"),
        ({f"recall.graph_64.{NARROWER}": figure(0.485)}, "holds in part"),
        # a partition beats exact search at 0.1%
        ({f"per_second.partition.{NARROWER}": figure(2000)}, "holds in part"),
        # ours misses, or is short, in one cell, or answers where nothing passes
        ({f"recall.ours.{ANTI}": figure(0.955)}, "holds in part"),
        ({f"short.ours.{LOT}": figure(0.01, 0)}, "holds in part"),
        ({"recall.ours.no_row": figure(0.5)}, "holds in part"),
        # one method is best everywhere
        ({"per_second.graph.all_rows": figure(1)}, "does not hold"),
    ],
)
def test_the_verdict_follows_from_the_figures(changed, verdict):
    found, reasons = entry.judge(figures(**changed))
    assert found == verdict
    assert len(reasons) == 4


def test_a_method_without_a_right_setting_wins_nothing():
    told = figures()
    assert entry.fastest(told, "all_rows") == "graph"
    assert entry.fastest(told, LOT) == "exact"
    assert entry.fastest(told, "nowhere") is None
    assert entry.places_of(told) == ["all_rows", LOT, NARROWER, ANTI]


def test_totals_by_hand():
    told = entry.totals(figures(**{f"short.ours.{LOT}": figure(0.2, 0)}))
    counts = {name: figure.value for name, figure in told.items()}
    assert counts == {
        "cells": 4, "wins.exact": 3, "wins.partition": 0, "wins.graph": 1, "narrow.cells": 3,
        "narrow.exact_wins": 3, "ours.recall_worst": 0.99, "ours.cells_below": 0,
        "ours.cells_short": 1,
    }  # fmt: skip


def test_what_is_shown_is_enough_to_judge():
    told = figures()
    kept = entry.totals(told) | entry.shown(told)
    assert entry.judge(kept) == entry.judge(told)
    assert "per_second.exact.all_rows" not in kept
    assert kept.keys() >= {f"recall.ours.{LOT}", "selectivity.all_rows"}


def rows_and_cells():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    masks = [np.ones(3000, bool), rng.random(3000) < 0.2, np.zeros(3000, bool)]
    made = [
        Cell(str(i), "", "" if i == 0 else "x", mask, np.arange(5)) for i, mask in enumerate(masks)
    ]
    return vectors, made


def plain(vectors, cell, query):
    passing = np.flatnonzero(cell.mask)
    return passing[np.argsort(-(vectors[passing] @ query), kind="stable")][:10].tolist()


def test_exact_search_is_plain_search():
    vectors, made = rows_and_cells()
    method = Exact(vectors)
    for cell in made:
        found = answers(method, method.prepared(cell), vectors[:5], 0, 10)
        assert found == [plain(vectors, cell, query) for query in vectors[:5]]


def test_faiss_searches_under_the_bitmap():
    pytest.importorskip("faiss")
    vectors, made = rows_and_cells()
    with one_thread():
        for method, setting in ((Graph(vectors), 1024), (Partition(vectors), 15)):
            for cell in made:
                found = answers(method, method.prepared(cell), vectors[:5], setting, 10)
                right = [plain(vectors, cell, query) for query in vectors[:5]]
                shared = [len(set(a) & set(b)) for a, b in zip(found, right, strict=True)]
                assert sum(shared) >= 0.9 * sum(map(len, right))
                assert all(cell.mask[row] for rows in found for row in rows)


def test_without_faiss_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtra, match=r"'faiss'.*isogloss\[search-peers\]"):
        Graph(np.eye(3, dtype=np.float32))
