"""Measure filtered search, ours and the peers', on real passages, in one run.

    python benchmarks/filtered_search.py --data DIR --cache DIR --peers-python PYTHON
    python benchmarks/filtered_search.py --data DIR --cache DIR --peers-python PYTHON --quick

The cells (isogloss.ledger.filter_cells) are filters of every kind and width, some of them
anti-correlated with the queries that ask. Recall@10 is against the k best *passing* rows by exact
float32 scores; a list is short when it has fewer than min(k, passing) rows. Each engine runs in a
process of its own, on one thread and one core, one query at a time, and takes the filter in its own
way; what it can prepare once a filter is prepared before and told apart.

First every setting of every engine is swept in every cell (kept in the cache, so that a run that
broke off goes on, and peers need not be swept again); then the fastest two settings with recall
at least .95 (or the best one in recall) are timed in rounds, all engines in turns. Ours has one
setting for all cells and is swept anew each time. Indexes are built once, with --threads.

More than about 195,000 rows are made by taking all passages again with noise on their vectors.
Writes JSON and Markdown. The machine should be quiet; only ratios of one run mean anything.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from filtered_base import K
from filtered_figures import (
    EXACT,
    OURS,
    compare,
    contenders,
    cost_table,
    engine_table,
    main_table,
    p95_ms,
    per_second,
    plan_table,
    settled,
    sweep_table,
    verdict,
)
from filtered_grid import EngineError, Served, prepare

NEVER_KEPT = (OURS, EXACT)
ENGINES = {  # name: the distribution that brings it
    OURS: "isogloss", EXACT: "numpy", "faiss flat": "faiss-cpu", "faiss ivf": "faiss-cpu",
    "faiss hnsw16": "faiss-cpu", "faiss hnsw32": "faiss-cpu", "hnswlib": "hnswlib",
    "usearch": "usearch", "lancedb ivf-pq": "lancedb", "lancedb hnsw-sq": "lancedb",
    "qdrant edge": "qdrant-edge-py",
}  # fmt: skip


def swept(served, place, passages, cell, least, options, kept):
    """Give recall, short lists and a first speed of every setting in a cell."""
    from isogloss.ledger.filter_cells import recalls, short_share, strangers

    settings = served.told["settings"]
    key = json.dumps([cell.name, served.told["version"], options.sweep_seconds, settings])
    if served.name not in NEVER_KEPT and key in kept:
        return kept[key]
    prepared = served.ask(do="cell", cell=place)["prepare_seconds"]
    found = []
    for setting in settings:
        if served.told["rising"] and settled(found):
            break
        served.queries(setting, 2, 0, least=2)
        answer = served.queries(setting, options.queries, options.sweep_seconds, rows=True)
        rows = answer["rows"]
        shares = recalls(passages, cell, least, rows, K)
        wrong = strangers(rows, cell.mask)
        if wrong:
            raise EngineError(f"{wrong} rows found in {cell.name!r} do not pass its filter")
        found.append(
            {
                "setting": setting,
                "recall": float(shares.mean()),
                "recalls": [round(share, 4) for share in shares.tolist()],
                "short": short_share(rows, cell.passing, K),
                "per_second": per_second(answer["seconds"]),
                "queries": len(rows),
                "prepare_seconds": prepared,
                "chose": answer["chose"],
            }
        )
    kept[key] = found
    return found


def measure(served, passages, asked, options, folder):
    """Sweep and time cells (place, cell, what is told of it); give every engine's figures."""
    failed = {}
    sweeps = {}
    for name, one in served.items():
        path = folder / "sweeps" / f"{one.folder.name}.json"
        path.parent.mkdir(exist_ok=True)
        kept = json.loads(path.read_text()) if path.is_file() and not options.fresh else {}
        for place, cell, told in asked:
            least = np.array(told["least"] or [np.inf] * len(cell.asks), dtype=np.float32)
            try:
                found = swept(one, place, passages, cell, least, options, kept)
            except EngineError as error:
                failed[name] = f"{cell.name}: {error}"
                print(f"{name} failed in {cell.name}: {error}", file=sys.stderr, flush=True)
                break
            sweeps[name, cell.name] = found
            path.write_text(json.dumps(kept))
        print(f"swept {name}", file=sys.stderr, flush=True)
    running = [name for name in served if name not in failed]
    if not running:
        raise SystemExit(f"no engine could be measured: {failed or 'none could be started'}")
    results = []
    for place, cell, told in asked:
        try:
            found = timed(served, running, place, cell, sweeps, options)
        except EngineError as error:
            raise SystemExit(
                f"an engine failed while it was timed in {cell.name}: {error}"
            ) from error
        results.append(
            {
                "name": cell.name,
                "kind": cell.kind,
                "where": cell.where,
                "passing": cell.passing,
                "selectivity": cell.selectivity,
                "lift": told["lift"],
                "queries": len(cell.asks),
                "engines": found,
                "compared": compare(found),
            }
        )
        print(f"timed {cell.name}", file=sys.stderr, flush=True)
    return results, failed


def timed(served, running, place, cell, sweeps, options):
    """Time the contenders of all engines in one cell, in turns."""
    spent, prepared, chosen = {}, {}, {}
    for name in running:
        prepared[name] = served[name].ask(do="cell", cell=place)["prepare_seconds"]
        chosen[name] = contenders(sweeps[name, cell.name])
        for setting in chosen[name]:
            spent[name, json.dumps(setting)] = []
            served[name].queries(setting, 5, 0, least=2)
    for number in range(options.rounds):
        order = running[number % len(running) :] + running[: number % len(running)]
        for name in order if number % 2 == 0 else reversed(order):
            for setting in chosen[name]:
                answer = served[name].queries(
                    setting, options.queries, options.round_seconds, again=True
                )
                spent[name, json.dumps(setting)].append(answer["seconds"])
    found = {}
    for name in running:
        best = max(
            chosen[name],
            key=lambda one: np.median([per_second(x) for x in spent[name, json.dumps(one)]]),
        )
        rounds = spent[name, json.dumps(best)]
        sweep = sweeps[name, cell.name]
        figures = next(one for one in sweep if one["setting"] == best)
        found[name] = {
            "setting": best,
            "recall": figures["recall"],
            "recall_95": interval(figures["recalls"]),
            "short": figures["short"],
            "queries": figures["queries"],
            "rounds": [per_second(seconds) for seconds in rounds],
            "p95_ms": p95_ms([one for seconds in rounds for one in seconds]),
            "prepare_ms": 1000 * prepared[name],
            "chose": figures["chose"],
            "sweep": [{k: v for k, v in one.items() if k != "recalls"} for one in sweep],
        }
    return found


def interval(recalls):
    """Give the 95% bootstrap interval of a mean recall."""
    from isogloss._math.bootstrap import mean_interval

    return [float(end) for end in mean_interval(np.array(recalls), seed=0)]


def version(python, package):
    """Give the version of a package in an interpreter, or what is missing."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def start(names, folder, options):
    """Build and start the engines; give them, their costs, and what cannot be run."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
    served, missing = {}, {}
    for name in names:
        python = sys.executable if name in NEVER_KEPT else options.peers_python
        found = version(python, ENGINES[name])
        if found is None and name != OURS:
            missing[name] = f"{ENGINES[name]} is not installed for {python}"
            continue
        try:
            served[name] = Served(name, folder, python, cores[-1], options.threads)
        except EngineError as error:
            missing[name] = str(error)
            print(f"{name} cannot be run: {error}", file=sys.stderr, flush=True)
            continue
        served[name].told["version"] = found or "working tree"
    return served, missing


def report(result):
    """Write the result as Markdown."""
    grid, cells, engines = result["grid"], result["cells"], result["engines"]
    failed = result["verdict"]
    lines = [
        f"# Filtered search: {grid['rows']:,} x {grid['dim']}, k = {K}",
        f"{grid['queries']} queries a cell at most, {result['rounds']} rounds, one query at a time "
        f"on one thread. {grid['repeated']:,} rows are jittered copies. Load before and after: "
        f"{result['machine']['load_before']}, {result['machine']['load_after']}.",
        "## Ours and the fastest peer that reaches recall .95 in the cell",
        main_table(cells),
        *(f"- {what.replace('_', ' ')}: {', '.join(names) or 'no cell'}"
          for what, names in failed.items() if OURS in engines),
        "## Every engine at its fastest setting with recall at least .95",
        "A star marks cells where no setting reaches it: that with the best recall stands there.",
        engine_table(cells, list(engines)),
        "## What ours chose",
        plan_table(cells),
        "## What they cost",
        cost_table(engines),
        *(f"- {name} did not run: {why}" for name, why in result["failed"].items()),
        "## All settings",
        *(f"### {name}\n\n{sweep_table(cells, name)}" for name in engines),
    ]  # fmt: skip
    return "\n\n".join(lines) + "\n"


def main():
    """Measure, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for data and indexes")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--cells", default="", help="parts of names of cells; all when empty")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of builds")
    parser.add_argument("--sweep-seconds", type=float, default=1.0, help="most a setting and cell")
    parser.add_argument("--round-seconds", type=float, default=0.3, help="of a setting and round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="sweep peers again")
    parser.add_argument("--quick", action="store_true", help="20,000 rows, 50 queries, 2 rounds")
    parser.add_argument("--out", type=Path, default=Path("filtered_search.json"))
    options = parser.parse_args()
    if options.quick:
        options.rows, options.queries, options.rounds = 20_000, 50, 2
        options.sweep_seconds, options.round_seconds = 0.3, 0.1
    from isogloss._core.errors import IsoglossError

    names = options.engines.split(",")
    unknown = [name for name in names if name not in ENGINES]
    if unknown:
        raise SystemExit(f"unknown engine {unknown[0]!r}; known: {', '.join(ENGINES)}")
    folder = options.cache / f"grid-{options.rows}-{options.queries}-{options.seed}"
    began, load = time.perf_counter(), os.getloadavg()
    if shutil.which(options.peers_python) is None:
        raise SystemExit(f"--peers-python {options.peers_python} is no program")
    try:
        passages, cells, told, grid = prepare(
            options.data, folder, options.rows, options.queries, options.seed
        )
    except IsoglossError as error:
        raise SystemExit(str(error)) from error
    served, missing = start(names, folder, options)
    wanted = [part.strip() for part in options.cells.split(",") if part.strip()]
    kept = [i for i, c in enumerate(cells) if not wanted or any(part in c.name for part in wanted)]
    if not kept:
        raise SystemExit(f"no cell has {options.cells!r} in its name: {[c.name for c in cells]}")
    try:
        asked = [(i, cells[i], told[i]) for i in kept]
        results, failed = measure(served, passages, asked, options, folder)
        costs = {}
        for name, one in served.items():
            if name in failed:
                continue
            costs[name] = one.ask(do="tell") | {
                "version": one.told["version"], "build": one.built(), "open": one.told["open"],
            }  # fmt: skip
    finally:
        for one in served.values():
            one.close()
    result = {
        "grid": {**grid, "dim": int(passages.vectors.shape[1])},
        "machine": {
            "system": platform.platform(), "cores": os.cpu_count(),
            "load_before": round(load[0], 2), "load_after": round(os.getloadavg()[0], 2),
        },
        "rounds": options.rounds,
        "seconds": time.perf_counter() - began,
        "engines": costs,
        "cells": results,
        "verdict": verdict(results),
        "failed": missing | failed,
    }  # fmt: skip
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    text = report(result)
    options.out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
