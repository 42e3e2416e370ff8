"""Peak memory and time of `isogloss build` as the source grows.

    python benchmarks/build_memory.py --rows 500000 2000000 --data ../shared/data [--encoder lsa]

Each build runs in a process of its own over a Parquet file of short texts, made by sampling from
real passages: the first half of one is joined to the second half of another of the same set.
Prints a Markdown table; `--json FILE` keeps the figures.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SETS = ["shorttext_googlenews", "shorttext_stackoverflow", "shorttext_searchsnippets",
        "banking77", "clinc150", "trec_questions", "agnews_test"]  # fmt: skip


def write_source(data: Path, rows: int, path: Path) -> None:
    """Write `rows` short texts, in batches."""
    halves = []
    for name in SETS:
        texts = pq.read_table(data / name / "data.parquet", columns=["text"])["text"].to_pylist()
        words = [text.split() for text in texts]
        halves.append(
            ([w[: len(w) // 2 + 1] for w in words], [w[len(w) // 2 + 1 :] for w in words])
        )
    rng = np.random.default_rng(0)
    schema = pa.schema([("id", pa.int64()), ("text", pa.string()), ("origin", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for begin in range(0, rows, 100_000):
            size = min(100_000, rows - begin)
            kinds = rng.integers(len(SETS), size=size).tolist()
            first, second = rng.random(size), rng.random(size)
            texts = []
            for kind, a, b in zip(kinds, first.tolist(), second.tolist(), strict=True):
                heads, tails = halves[kind]
                texts.append(" ".join(heads[int(a * len(heads))] + tails[int(b * len(tails))]))
            columns = [np.arange(begin, begin + size), texts, [SETS[kind] for kind in kinds]]
            writer.write_table(
                pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)
            )


def measure(source: Path, atlas: Path, encoder: str) -> dict[str, object]:
    """Build in a process of its own and take its report."""
    command = [sys.executable, "-m", "isogloss", "build", str(source), "-o", str(atlas), "--text",
               "text", "--json", "--quiet", "--encoder", encoder]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Measure each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoder", default="lexical")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    results = []
    print("| passages | source MB | seconds | peak RSS MB | topics | unassigned |")
    print("|---|---|---|---|---|---|")
    for rows in args.rows:
        folder = Path(tempfile.mkdtemp(prefix="isogloss-memory-"))
        try:
            source = folder / "source.parquet"
            write_source(args.data, rows, source)
            report = measure(source, folder / "a.atlas", args.encoder)
            report["source_mb"] = round(source.stat().st_size / 1e6, 1)
        finally:
            shutil.rmtree(folder)
        results.append(report)
        seconds = sum(report["seconds"].values())
        print(f"| {report['passages']:,} | {report['source_mb']} | {seconds:.0f} | "
              f"{report['peak_rss_mb']:,.0f} | {report['topics']} | {report['unassigned']:,} |",
              flush=True)  # fmt: skip
        print({stage: round(value, 1) for stage, value in report["seconds"].items()}, flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
