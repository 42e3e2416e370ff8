"""The data of `filtered_search.py` on disk, and its engines in processes of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from filtered_base import K
from filtered_figures import EXACT, OURS

FORMAT = 1
UNBUILT = (EXACT, "faiss flat")
HERE = Path(__file__).resolve().parent


class EngineError(Exception):
    """An engine's process ended; what it said is the message."""


def prepare(data, folder, rows, queries, seed):
    """Write passages, cells and truth into a folder, unless they are there; give them."""
    import pyarrow.parquet as pq

    from filtered_filters import conditions, plain_sql
    from isogloss.ledger.filter_cells import Cell, cells, lift, truth
    from isogloss.ledger.filter_data import Passages, read_passages

    marker = folder / "grid.json"
    wanted = {"format": FORMAT, "rows": rows, "queries": queries, "seed": seed, "k": K}
    there = json.loads(marker.read_text()) if marker.is_file() else {}
    if not there.items() >= wanted.items():
        folder.mkdir(parents=True, exist_ok=True)
        marker.unlink(missing_ok=True)
        passages = read_passages(data, rows=rows, seed=seed)
        found = cells(passages, queries=queries)
        schema = passages.attributes.schema
        told = []
        for cell in found:
            told.append(
                {
                    "name": cell.name,
                    "kind": cell.kind,
                    "where": cell.where,
                    "lance": plain_sql(cell.where, schema),
                    "conditions": conditions(cell.where, schema),
                    "passing": cell.passing,
                    "lift": lift(passages, cell) if cell.passing else None,
                    "asks": cell.asks.tolist(),
                    "least": truth(passages, cell, K).tolist() if cell.passing else None,
                }
            )
        np.save(folder / "vectors.npy", passages.vectors)
        np.save(folder / "queries.npy", passages.queries)
        np.save(folder / "masks.npy", np.stack([cell.mask for cell in found]))
        pq.write_table(passages.attributes, folder / "attributes.parquet")
        pq.write_table(passages.asked, folder / "asked.parquet")
        (folder / "cells.json").write_text(json.dumps(told))
        wanted |= {"left_out": passages.left_out, "repeated": passages.repeated}
        marker.write_text(json.dumps(wanted))
    told = json.loads((folder / "cells.json").read_text())
    masks = np.load(folder / "masks.npy")
    found = [
        Cell(one["name"], one["kind"], one["where"], mask, np.array(one["asks"]))
        for one, mask in zip(told, masks, strict=True)
    ]
    grid = json.loads(marker.read_text())
    passages = Passages(
        np.load(folder / "vectors.npy", mmap_mode="r"),
        pq.read_table(folder / "attributes.parquet"),
        np.load(folder / "queries.npy"),
        pq.read_table(folder / "asked.parquet"),
        grid["left_out"],
        grid["repeated"],
    )
    return passages, found, told, grid


def environment(threads):
    """Hold the libraries to so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ISOGLOSS_THREADS",
             "RAYON_NUM_THREADS", "LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS")  # fmt: skip
    return {**os.environ, **dict.fromkeys(names, str(threads))}


class Served:
    """An engine in a process of its own."""

    def __init__(self, name, grid, python, core, threads):
        self.name, self.grid = name, grid
        self.folder = grid / "engines" / name.replace(" ", "-")
        self.command = [python, str(HERE / "filtered_engines.py"), str(grid), name,
                        str(self.folder)]  # fmt: skip
        self.log = grid / f"{self.folder.name}.log"
        if name == OURS:  # its code may have changed
            shutil.rmtree(self.folder, ignore_errors=True)
        if name not in UNBUILT and not (self.folder / "build.json").is_file():
            print(f"building {name}", file=sys.stderr, flush=True)
            with self.log.open("w") as log:
                done = subprocess.run(
                    [*self.command, "build", str(threads)], env=environment(threads), stderr=log,
                    stdout=log, check=False,
                )  # fmt: skip
            if done.returncode:
                raise EngineError(self.said())
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*self.command, "serve", *([] if core is None else [str(core)])],
                env=environment(1), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True,
            )  # fmt: skip
        self.told = self.ask(do="tell")

    def said(self):
        """Give the end of what its process wrote."""
        return self.log.read_text()[-1500:].strip()

    def ask(self, **command):
        """Send a command and wait for the answer."""
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise EngineError(self.said()) from error
        line = self.process.stdout.readline()
        if not line:
            raise EngineError(self.said())
        return json.loads(line)

    def queries(self, setting, queries, seconds, *, rows=False, least=10, again=False):
        """Search all queries once, or again and again, until so many seconds are over.

        However slow, at least `least` queries are asked.
        """
        return self.ask(do="ask", setting=setting, queries=queries, seconds=seconds, rows=rows,
                        least=least, again=again)  # fmt: skip

    def built(self):
        """Give what its build cost."""
        path = self.folder / "build.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
