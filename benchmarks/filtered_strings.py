"""Measure filter strings end to end: a string and a vector in, ten hits with attributes out.

    python benchmarks/filtered_strings.py --data DIR --cache DIR --peers-python PYTHON

The data are those of `filtered_search.py` (same cache). Ours is the search of an atlas' table in
mode `vector`, without encoding the query; LanceDB has scalar indexes and searches by its index with
as many probes as it takes, or without it; DuckDB scores what passes, exactly. Each engine reads the
string, applies it, ranks, and gives id, score and all attributes. Filters that come again (the same
one for every query) stand apart from filters never seen before (another one for each query). One
thread and one core, engines in turns. Writes JSON and Markdown.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from filtered_base import Engine, K
from filtered_figures import p95_ms, per_second, ratios, table
from filtered_lance import Lance

ENGINES = ("isogloss", "lancedb index", "lancedb exact", "duckdb")
REPEATED = (
    "random 10%", "random 1%", "random 0.1%", "words wide", "tag", "OR", "anti: section",
)  # fmt: skip
SHOWN = (
    "id", "source", "section", "label", "licence", "words", "tags", "s50", "s10", "s1", "s0_1",
    "s0_01", "few", "cluster",
)  # fmt: skip


class AtlasTable(Engine):
    """Ours: the table and the vector index of an atlas, searched as an atlas searches them."""

    fingerprint = "0"

    def build(self, threads):
        """Write table and index."""
        import pyarrow as pa

        from isogloss.search.segments import index_passages
        from isogloss.store.table import create_table

        made = self.table()
        number = made["row"]
        nothing = pa.array(np.zeros(len(made), np.int32))
        for name, column in (
            ("passage", number), ("document", number), ("content_hash", number),
            ("text", made["id"]), ("topic", nothing),
        ):  # fmt: skip
            made = made.append_column(name, column)
        rows = create_table(self.folder, "passages", made.schema, made.to_batches(10_000))
        index_passages(self.folder, rows, self.fingerprint)

    def open(self):
        """Open both."""
        from isogloss.search.passage_index import PassageIndex
        from isogloss.store.table import open_table

        self.rows = open_table(self.folder, "passages", None)
        self.schema = self.rows.schema
        self.index = PassageIndex(self.rows, self.folder, self.fingerprint)

    def hits(self, query, where):
        """Search as an atlas does."""
        from isogloss.search.passages import search_passages

        found = search_passages(
            self.rows, query_text="asked by its vector", query_vector=query, k=K, mode="vector",
            where=where, schema=self.schema, attributes=SHOWN, index=self.index,
        )  # fmt: skip
        return [(hit.passage, hit.score, hit.attributes) for hit in found.hits]


class LanceStrings(Lance):
    """LanceDB; the folder is that of the grid."""

    bypass = False

    def hits(self, query, where):
        """Search with the filter applied before ranking."""
        asked = self.lance.search(query, vector_column_name="vector").distance_type("dot")
        if self.bypass:
            asked = asked.bypass_vector_index()
        else:
            asked = asked.minimum_nprobes(32).maximum_nprobes(0).refine_factor(40)
        found = asked.where(where, prefilter=True).select(["row", "_distance", *SHOWN]).limit(K)
        rows = found.to_arrow().to_pylist()
        return [(one["row"], 1 - one["_distance"], one) for one in rows]


class LanceExact(LanceStrings):
    """The same without the vector index."""

    bypass = True


class Duck(Engine):
    """DuckDB."""

    def build(self, threads):
        """Write a table."""
        import duckdb

        made = self.table()  # noqa: F841 - named in the statement
        base = duckdb.connect(str(self.folder / "passages.duckdb"))
        width = self.vectors.shape[1]
        base.execute(
            "CREATE TABLE passages AS "
            f"SELECT * REPLACE (vector::FLOAT[{width}] AS vector) FROM made"
        )
        base.close()

    def open(self):
        """Open the table, for one thread."""
        import duckdb

        base = str(self.folder / "passages.duckdb")
        self.base = duckdb.connect(base, read_only=True, config={"threads": 1})
        self.width = self.vectors.shape[1]

    def hits(self, query, where):
        """Score and sort."""
        columns = ", ".join(("row", *SHOWN))
        found = self.base.execute(
            f"SELECT array_inner_product(vector, ?::FLOAT[{self.width}]) AS score, {columns} "
            f"FROM passages WHERE {where} ORDER BY score DESC LIMIT {K}",
            [query.tolist()],
        ).fetchall()
        return [(one[1], one[0], one[2:]) for one in found]


KINDS = {"isogloss": AtlasTable, "lancedb index": LanceStrings, "lancedb exact": LanceExact,
         "duckdb": Duck}  # fmt: skip


def never_seen(attributes, count, seed):
    """Give three lists of filters, all different: about 10%, 1% and 0.1% of the rows.

    Returns
    -------
    dict of str to list of str
    """
    rng = np.random.default_rng(seed)
    words = np.sort(np.asarray(attributes["words"]))
    clusters = int(np.asarray(attributes["cluster"]).max()) + 1
    ids = np.asarray(attributes["cluster"])
    sizes = np.bincount(ids, minlength=clusters)
    filled = np.flatnonzero(sizes)
    found = {"new, about 10%": [], "new, about 1%": [], "new, about 0.1%": []}
    seen = set()
    while min(map(len, found.values())) < count:
        start = rng.integers(0, int(0.85 * len(words)))
        low, high = words[start], words[start + len(words) // 10]
        one, other = (int(x) for x in rng.choice(filled, 2, replace=False))
        least = int(words[rng.integers(0, int(0.8 * len(words)))])
        made = {
            "new, about 10%": f"words BETWEEN {low} AND {high + rng.integers(0, 30)}",
            "new, about 1%": f"cluster IN ({one}, {other})",
            "new, about 0.1%": f"cluster = {one} AND words BETWEEN {least} AND {least + 12}",
        }
        for name, where in made.items():
            if len(found[name]) < count and where not in seen:
                seen.add(where)
                found[name].append(where)
    return found


def serve(grid, name, folder):
    """Answer commands until there are no more."""
    import time

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    made = KINDS[name](grid, folder)
    queries = np.load(Path(grid) / "queries.npy")
    made.open()
    for line in sys.stdin:
        command = json.loads(line)
        spent, rows = [], []
        for number, where in zip(command["queries"], command["filters"], strict=True):
            began = time.perf_counter()
            hits = made.hits(queries[number], where)
            spent.append(time.perf_counter() - began)
            rows.append([int(hit[0]) for hit in hits])
        answers.write(json.dumps({"seconds": spent, "rows": rows}) + "\n")
        answers.flush()


class Asked:
    """An engine in a process of its own."""

    def __init__(self, name, grid, python, core):
        from filtered_grid import environment

        base = "lancedb-ivf-pq" if name.startswith("lancedb") else f"strings-{name}"
        folder = grid / "engines" / base
        if name == "isogloss":  # its code may have changed
            shutil.rmtree(folder, ignore_errors=True)
        task = [python, __file__, "--worker", str(grid), name, str(folder)]
        if not (folder / "build.json").is_file():
            subprocess.run([*task, "build"], env=environment(2), check=True)
        self.process = subprocess.Popen(
            [*task, "serve", str(core)], env=environment(1), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, queries, filters):
        """Ask; give seconds and rows."""
        self.process.stdin.write(json.dumps({"queries": queries, "filters": filters}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("an engine's process ended; its message stands above")
        return json.loads(line)


def tasks(passages, cells, count, seed):
    """Give lists of filters and the queries that ask: repeated ones and new ones."""
    found = {}
    for cell in cells:
        if cell.name in REPEATED:
            rows = cell.asks[:count].tolist()
            found[f"again: {cell.name}"] = (rows, [cell.where] * len(rows))
    for name, filters in never_seen(passages.attributes, count, seed).items():
        found[name] = (list(range(count)), filters)
    return found


def right(passages, queries, filters, rows):
    """Give recall of each query against the best rows that pass its own filter, and short lists."""
    from isogloss.ledger.filter_cells import Cell, passing_rows, recalls, short_share, truth

    masks = {where: passing_rows(where, passages.attributes) for where in dict.fromkeys(filters)}
    shares, short, passing = [], [], []
    for number, where, found in zip(queries, filters, rows, strict=True):
        cell = Cell("", "", where, masks[where], np.array([number]))
        shares.append(recalls(passages, cell, truth(passages, cell, K), [found], K)[0])
        short.append(short_share([found], cell.passing, K))
        passing.append(cell.passing)
    return float(np.mean(shares)), float(np.mean(short)), float(np.median(passing))


def worker(grid, name, folder, what, *core):
    """Build or serve."""
    from filtered_engines import build

    if what == "build":
        maker = "lancedb ivf-pq" if name.startswith("lancedb") else KINDS[name]
        build(grid, maker, folder, 2)
        return
    if core and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core[0])})
    serve(grid, name, folder)


def main():
    """Measure, and write JSON and Markdown."""
    from filtered_filters import plain_sql
    from filtered_grid import prepare

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200, help="those of the grid")
    parser.add_argument("--asked", type=int, default=30, help="queries a task and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("filtered_strings.json"))
    options = parser.parse_args()
    names = options.engines.split(",")
    folder = options.cache / f"grid-{options.rows}-{options.queries}-{options.seed}"
    passages, cells, _, grid = prepare(
        options.data, folder, options.rows, options.queries, options.seed
    )
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    served = {
        name: Asked(name, folder, sys.executable if name == "isogloss" else options.peers_python,
                    core)
        for name in names
    }  # fmt: skip
    # New filters are new in every round: none is ever asked twice of one engine.
    rounds = [
        tasks(passages, cells, options.asked, 1000 * options.seed + number)
        for number in range(options.rounds)
    ]
    schema = passages.attributes.schema

    def spelt(name, filters):
        """Write filters as the engine's users do."""
        return filters if name == "isogloss" else [plain_sql(one, schema) for one in filters]

    found = {}
    for task in rounds[0]:
        spent = {name: [] for name in names}
        told = {}
        for number, tasks_now in enumerate(rounds):
            queries, filters = tasks_now[task]
            for name in names if number % 2 == 0 else reversed(names):
                if number == 0 and task.startswith("again"):
                    served[name].ask(queries[:2], spelt(name, filters[:2]))
                answer = served[name].ask(queries, spelt(name, filters))
                spent[name].append(answer["seconds"])
                if number == 0:
                    told[name] = right(passages, queries, filters, answer["rows"])
        found[task] = {
            name: {
                "recall": told[name][0], "short": told[name][1], "passing": told[name][2],
                "rounds": [per_second(x) for x in spent[name]],
                "p95_ms": p95_ms([one for x in spent[name] for one in x]),
            }
            for name in names
        }  # fmt: skip
        print(task, {n: round(float(np.median(f["rounds"])), 1) for n, f in found[task].items()},
              file=sys.stderr, flush=True)  # fmt: skip
    for one in served.values():
        one.process.stdin.close()
        one.process.wait()
    options.out.write_text(json.dumps({"grid": grid, "tasks": found}, indent=1) + "\n")
    text = report(found, names)
    options.out.with_suffix(".md").write_text(text)
    print(text)


def report(found, names):
    """Write a line a task: queries a second, and ours over the fastest other with recall .95."""
    rows = []
    for task, engines in found.items():
        line = [task, f"{next(iter(engines.values()))['passing']:,.0f}"]
        for name in names:
            one = engines[name]
            short = f", {one['short']:.0%} short" if one["short"] else ""
            line.append(f"{one['recall']:.2f} / {np.median(one['rounds']):,.0f} / "
                        f"{one['p95_ms']:.1f}{short}")  # fmt: skip
        able = {n: float(np.median(e["rounds"])) for n, e in engines.items()
                if n != "isogloss" and e["recall"] >= 0.95}  # fmt: skip
        ratio = "-"
        if able and "isogloss" in engines:
            best = max(able, key=able.get)
            low, middle, high = ratios(engines["isogloss"]["rounds"], engines[best]["rounds"])
            ratio = f"{middle:.2f} ({low:.2f} to {high:.2f}), {best}"
        rows.append([*line, ratio])
    head = ["filters", "rows that pass", *(f"{name}: recall / per s / p95 ms" for name in names),
            "ours / fastest other"]  # fmt: skip
    return table(head, rows) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
