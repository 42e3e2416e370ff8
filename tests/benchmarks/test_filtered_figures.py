"""Arithmetic of the benchmark of filtered search, and the peers' spelling of our filters."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

HERE = Path(__file__).resolve().parents[2] / "benchmarks"
SCHEMA = pa.schema(
    [("source", pa.string()), ("words", pa.int64()), ("tags", pa.list_(pa.string())),
     ("label", pa.string())]
)  # fmt: skip


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))

    def load(name):
        monkeypatch.delitem(sys.modules, name, raising=False)
        return import_module(name)

    return load


def figures(recall, *rounds, short=0.0):
    return {"recall": recall, "rounds": list(rounds), "short": short}


def test_only_peers_with_enough_recall_are_compared_with(module):
    f = module("filtered_figures")
    engines = {
        "isogloss": figures(1.0, 100, 200, 400),
        "numpy": figures(1.0, 50, 50, 50),
        "wrong but fast": figures(0.94, 9000, 9000, 9000),
        "right": figures(0.95, 200, 100, 100),
        "right and slow": figures(1.0, 90, 90, 90),
    }
    told = f.compare(engines)
    assert told["peer"] == "right"  # by the median, 100, not by the best round
    assert told["to_peer"] == [0.5, 2.0, 4.0]
    assert told["to_exact"] == [2.0, 4.0, 8.0]
    del engines["right"], engines["right and slow"]
    assert f.compare(engines)["peer"] is None
    assert f.compare(engines)["to_peer"] is None


def test_what_is_timed_is_the_fastest_with_enough_recall_or_the_best_in_recall(module):
    f = module("filtered_figures")

    def one(setting, recall, speed):
        return {"setting": {"ef": setting}, "recall": recall, "per_second": speed}

    sweep = [one(16, 0.5, 900.0), one(64, 0.95, 300.0), one(128, 0.99, 350.0), one(9, 1.0, 10.0)]
    assert f.contenders(sweep) == [{"ef": 128}, {"ef": 64}]
    assert f.contenders(sweep, near=1.1) == [{"ef": 128}]
    assert f.contenders([one(16, 0.5, 900.0), one(64, 0.7, 30.0), one(65, 0.7, 40.0)]) == [
        {"ef": 65}
    ]


def test_the_verdict_names_the_cells_that_fail(module):
    f = module("filtered_figures")

    def cell(name, ours, peer):
        engines = {"isogloss": ours, "peer": peer, "numpy": figures(1.0, 100)}
        return {"name": name, "engines": engines, "compared": f.compare(engines)}

    found = f.verdict(
        [
            cell("fine", figures(0.95, 90), figures(1.0, 100)),
            cell("slow", figures(1.0, 89), figures(1.0, 100)),
            cell("slower than exact", figures(1.0, 66), figures(0.5, 100)),
            cell("misses", figures(0.94, 500), figures(1.0, 100)),
            cell("short", figures(1.0, 500, short=0.01), figures(1.0, 100)),
        ]
    )
    assert found == {
        "recall": ["misses"],
        "short": ["short"],
        "slower_than_peer": ["slow"],
        "slower_than_exact": ["slower than exact"],
    }


def test_speeds_and_slow_queries(module):
    f = module("filtered_figures")
    assert f.per_second([0.1] * 10) == pytest.approx(10)
    times = [0.001] * 94 + [0.002] * 6
    assert f.p95_ms(times) == pytest.approx(2)
    assert f.p95_ms([0.001] * 95 + [0.002] * 5) == pytest.approx(1)
    assert f.p95_ms([0.003]) == pytest.approx(3)


def test_tables_show_what_is_short_and_what_misses(module):
    f = module("filtered_figures")
    peer = figures(0.5, 10.0, short=0.25) | {"setting": {"ef": 3}, "sweep": []}
    ours = figures(1.0, 1234.0) | {"setting": {}, "p95_ms": 1.5, "sweep": []}
    engines = {"isogloss": ours, "peer": peer}
    cell = {"name": "c", "passing": 7, "lift": None, "engines": engines,
            "compared": f.compare(engines)}  # fmt: skip
    assert "0.50* / 10, 25% short" in f.engine_table([cell], ["isogloss", "peer"])
    line = f.main_table([cell]).splitlines()[-1]
    assert line.startswith("| c | 7 | - | 1.000 | 0.0% | 1,234 (1,234 to 1,234) | 1.50 | none |")


@pytest.mark.parametrize(
    ("where", "sql", "nested"),
    [
        ("words >= 3 AND words < 9", "words >= 3 AND words < 9",
         ["all", ["range", "words", {"gte": 3}], ["range", "words", {"lt": 9}]]),
        ("tags HAS 'it''s'", "array_has(tags, 'it''s')", ["equal", "tags", "it's"]),
        ("tags HAS ANY ('a', 'b')", "array_has_any(tags, ['a', 'b'])", ["any", "tags", "a", "b"]),
        ("NOT (words < 9 OR source = 'x')", "NOT (words < 9) AND NOT (source = 'x')",
         ["all", ["none", ["range", "words", {"lt": 9}]], ["none", ["equal", "source", "x"]]]),
        ("label IN ('a', 'b') OR words BETWEEN 1 AND 2",
         "label IN ('a', 'b') OR words BETWEEN 1 AND 2",
         ["some", ["any", "label", "a", "b"], ["range", "words", {"gte": 1, "lte": 2}]]),
    ],
)  # fmt: skip
def test_filters_are_spelt_for_the_peers(module, where, sql, nested):
    f = module("filtered_filters")
    assert f.plain_sql(where, SCHEMA) == sql
    assert f.conditions(where, SCHEMA) == nested
    assert f.plain_sql("", SCHEMA) is None
    assert f.conditions("", SCHEMA) is None


def test_what_qdrant_would_take_otherwise_is_refused(module):
    f = module("filtered_filters")
    with pytest.raises(ValueError, match="may be null"):
        f.conditions("NOT label = 'a'", SCHEMA)
    with pytest.raises(ValueError, match="no test 'LIKE'"):
        f.plain_sql("label LIKE 'a%'", SCHEMA)


def test_exact_numpy_answers_by_both_ways(module, tmp_path):
    engines = module("filtered_engines")
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 8)).astype(np.float32)
    masks = np.stack([np.ones(300, bool), rng.random(300) < 0.1, np.zeros(300, bool)])
    np.save(tmp_path / "vectors.npy", rows)
    np.save(tmp_path / "masks.npy", masks)
    told = [{"where": "" if i == 0 else "x", "passing": int(m.sum())} for i, m in enumerate(masks)]
    (tmp_path / "cells.json").write_text(__import__("json").dumps(told))
    engine = engines.Numpy(tmp_path, tmp_path)
    engine.open()
    query = rows[7]
    for cell, mask in enumerate(masks):
        ready = engine.ready_filter(cell)
        passing = np.flatnonzero(mask)
        best = passing[np.argsort(-(rows[passing] @ query))][:10].tolist()
        for setting in engine.settings():
            assert list(engine.search(query, ready, setting, cell)) == best


def test_new_filters_are_all_different_and_as_wide_as_said(module):
    f = module("filtered_strings")
    from isogloss.ledger.filter_cells import passing_rows

    rng = np.random.default_rng(0)
    rows = pa.table({"words": rng.integers(1, 5000, 20_000), "cluster": np.arange(20_000) % 200})
    found = f.never_seen(rows, 20, 3)
    every = [where for filters in found.values() for where in filters]
    assert len(set(every)) == 60
    widths = {
        name: np.median([passing_rows(where, rows).mean() for where in filters])
        for name, filters in found.items()
    }
    assert widths["new, about 10%"] == pytest.approx(0.1, rel=0.2)
    assert widths["new, about 1%"] == pytest.approx(0.01, rel=0.01)
    assert widths["new, about 0.1%"] < 0.002
    assert not set(every) & {w for ws in f.never_seen(rows, 20, 4).values() for w in ws}


def test_a_line_of_the_table_of_strings(module):
    f = module("filtered_strings")
    engines = {
        "isogloss": {"recall": 1.0, "short": 0.0, "passing": 7.0, "rounds": [30.0], "p95_ms": 2.0},
        "fast": {"recall": 0.9, "short": 0.5, "passing": 7.0, "rounds": [99.0], "p95_ms": 1.0},
        "right": {"recall": 1.0, "short": 0.0, "passing": 7.0, "rounds": [10.0], "p95_ms": 9.0},
    }
    line = f.report({"x": engines}, list(engines)).splitlines()[-1]
    assert line == (
        "| x | 7 | 1.00 / 30 / 2.0 | 0.90 / 99 / 1.0, 50% short | 1.00 / 10 / 9.0 "
        "| 3.00 (3.00 to 3.00), right |"
    )
