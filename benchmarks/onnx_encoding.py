"""Passages a second of MiniLM through ONNX Runtime, against sentence-transformers as it comes.

    python benchmarks/onnx_encoding.py --passages 2000 --rounds 5 --out onnx_encoding.json

Each encoder lives in a process of its own. In every round all of them encode the same passages,
one after the other, in an order that moves on by one each round; so a slow minute of the machine
falls on all of them. Long passages are cut at the model's window by all, as the baseline does.
Prints a Markdown table and writes JSON.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import statistics
import tempfile
import time
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
BASELINE = "sentence-transformers"
ENCODERS = {
    BASELINE: "",  # SentenceTransformer(...).encode(texts) with all defaults
    "isogloss, torch": MODEL,
    "isogloss, onnx": f"onnx:{MODEL}",
    "isogloss, onnx-int8": f"onnx-int8:{MODEL}",
}
ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path:
    """Give the folder of data sets."""
    return Path(os.environ.get("ISOGLOSS_DATA") or ROOT.parent / "shared" / "data")


def read_passages(data: Path, count: int, seed: int) -> list[str]:
    """Half 20 Newsgroups bodies, half Debian descriptions, mixed; none is empty."""
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    for name, column in (("newsgroups20", "body"), ("debian_packages", "text")):
        table = pq.read_table(data / name / "data.parquet", columns=[column])
        texts = [text for text in table[column].to_pylist() if text.strip()]
        take = rng.choice(len(texts), min(len(texts), count // 2), replace=False)
        chosen += [texts[row] for row in take]
    return [chosen[row] for row in rng.permutation(len(chosen))]


def read_sts(data: Path) -> tuple[list[str], list[str], list[float]]:
    """Left texts, right texts and scores of the test part of the STS benchmark."""
    import pyarrow.parquet as pq

    table = pq.read_table(data / "sts_benchmark" / "data.parquet", filters=[("split", "=", "test")])
    return tuple(table[name].to_pylist() for name in ("text1", "text2", "score"))  # type: ignore


def serve(spec: str, passages: list[str], sts: Any, folder: str, pipe: Connection) -> None:
    """Load one encoder, and encode whenever the parent asks."""
    if spec:
        from isogloss import load_encoder

        encoder = load_encoder(spec, overflow="truncate", offline=True)
        encode = encoder.encode
    else:
        from sentence_transformers import SentenceTransformer

        from isogloss.encoders.folder import find_folder

        model = SentenceTransformer(str(find_folder(MODEL, offline=True)), device="cpu")

        def encode(texts: list[str]) -> Any:
            return model.encode(texts, normalize_embeddings=True)

    encode(passages[:64])
    pipe.send(0.0)
    while (order := pipe.recv()) != "stop":
        if order == "sts":
            left, right, scores = sts
            cosines = (encode(left) * encode(right)).sum(axis=1)
            from scipy.stats import spearmanr

            pipe.send(float(spearmanr(cosines, scores).statistic))
            continue
        start, cpu = time.perf_counter(), time.process_time()
        vectors = encode(passages)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        np.save(Path(folder) / "vectors.npy", vectors, allow_pickle=False)
        pipe.send((seconds, time.process_time() - cpu, peak))
    pipe.close()


def measure(passages: list[str], sts: Any, rounds: int) -> dict[str, dict[str, Any]]:
    """Let all encoders take turns; seconds, CPU seconds, memory, cosines and STS of each."""
    context = multiprocessing.get_context("spawn")
    found: dict[str, dict[str, Any]] = {name: {"seconds": [], "cpu": []} for name in ENCODERS}
    pipes, processes, folders = {}, [], {}
    with tempfile.TemporaryDirectory() as scratch:
        for number, (name, spec) in enumerate(ENCODERS.items()):
            folders[name] = Path(scratch) / str(number)
            folders[name].mkdir()
            pipes[name], child = context.Pipe()
            arguments = (spec, passages, sts, str(folders[name]), child)
            processes.append(context.Process(target=serve, args=arguments))
            processes[-1].start()
            pipes[name].recv()  # loaded and warm, before the next one loads
        names = list(ENCODERS)
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                pipes[name].send("encode")
                seconds, cpu, peak = pipes[name].recv()
                found[name]["seconds"].append(seconds)
                found[name]["cpu"].append(cpu)
                found[name].setdefault("peak_rss_mb", round(peak))
        baseline = np.load(folders[BASELINE] / "vectors.npy")
        for name in names:
            pipes[name].send("sts")
            found[name]["sts_spearman"] = pipes[name].recv()
            cosines = (np.load(folders[name] / "vectors.npy") * baseline).sum(axis=1)
            found[name]["cosine_mean"] = float(cosines.mean())
            found[name]["cosine_worst"] = float(cosines.min())
            pipes[name].send("stop")
    for process in processes:
        process.join()
    return found


def summarise(found: dict[str, dict[str, Any]], passages: int) -> None:
    """Add passages a second and the paired ratio to the baseline: least, median, most."""
    for figures in found.values():
        pairs = zip(found[BASELINE]["seconds"], figures["seconds"], strict=True)
        for key, values in (
            ("per_second", [passages / seconds for seconds in figures["seconds"]]),
            ("times_baseline", [base / seconds for base, seconds in pairs]),
        ):
            figures[key] = [min(values), statistics.median(values), max(values)]


def show(found: dict[str, dict[str, Any]]) -> None:
    """Print the Markdown table."""
    columns = (
        "encoder",
        "passages/s: min, median, max",
        "times baseline: min, median, max",
        "CPU s",
        "cosine: mean",
        "worst",
        "STS-B",
        "peak RSS, MB",
    )
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name, row in found.items():
        speed = ", ".join(f"{value:.0f}" for value in row["per_second"])
        ratio = ", ".join(f"{value:.2f}" for value in row["times_baseline"])
        print(
            f"| {name} | {speed} | {ratio} | {statistics.median(row['cpu']):.1f} | "
            f"{row['cosine_mean']:.6f} | {row['cosine_worst']:.6f} | {row['sts_spearman']:.4f} | "
            f"{row['peak_rss_mb']} |"
        )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("onnx_encoding.json"))
    args = parser.parse_args()
    data = data_folder()
    passages = read_passages(data, args.passages, args.seed)
    found = measure(passages, read_sts(data), args.rounds)
    summarise(found, len(passages))
    show(found)
    packages = ("torch", "sentence-transformers", "onnxruntime", "numpy")
    record = {
        "passages": len(passages),
        "rounds": args.rounds,
        "seed": args.seed,
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in packages},
        "encoders": found,
    }
    args.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
