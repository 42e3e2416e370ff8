"""Measure the approximate neighbours that large graphs are made of: time and recall.

    python benchmarks/neighbours.py --data DIR --sizes 30000,100000 --probes 8,16,32

Vectors are those of `topic_growth.py`. Recall is over 2,000 rows, against a full search. "exact" is
the full search of all rows (up to --exact of them). Prints a Markdown table.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from topic_growth import real_vectors, sized

ASKED = 2000
NEIGHBOURS = 50


def main():
    """Measure and print."""
    from isogloss._math.cells import near_rows
    from isogloss._math.topk import nearest_rows

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", default="30000,100000")
    parser.add_argument("--probes", default="8,16,32")
    parser.add_argument("--exact", type=int, default=30_000, help="most rows searched wholly")
    options = parser.parse_args()
    every = real_vectors(options.data)
    print("| rows | cells compared | CPU s | wall s | recall of 50 | rows with less than half |")
    print("|---" * 6 + "|")
    for size in map(int, options.sizes.split(",")):
        rows = sized(every, size)
        asked = np.random.default_rng(0).choice(size, ASKED, replace=False)
        truth = nearest_rows(np.ascontiguousarray(rows[asked]), rows, NEIGHBOURS + 1)[0]
        truth = [
            [x for x in row if x != i][:NEIGHBOURS] for i, row in zip(asked, truth, strict=True)
        ]
        for probes in [0, *map(int, options.probes.split(","))]:
            if not probes and size > options.exact:
                continue
            cpu, wall = time.process_time(), time.perf_counter()
            if probes:
                columns, _ = near_rows(rows, NEIGHBOURS, probes=probes)
            else:
                columns, _ = nearest_rows(rows, rows, NEIGHBOURS, same=True)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            found = np.array(
                [
                    len(np.intersect1d(columns[i], row)) / NEIGHBOURS
                    for i, row in zip(asked, truth, strict=True)
                ]
            )
            print(
                f"| {size:,} | {probes or 'exact'} | {cpu:.1f} | {wall:.1f} | {found.mean():.3f} "
                f"| {(found < 0.5).mean():.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
