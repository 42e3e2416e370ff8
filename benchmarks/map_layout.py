"""Measure our map and the peers' on labelled corpora, in one run; then how ours grows.

    python benchmarks/map_layout.py --data DIR --peers-python PYTHON \
        --corpora newsgroups20:minilm,newsgroups20:lexical
    python benchmarks/map_layout.py --data DIR --sizes 10000,100000,1000000

Every method and seed runs in a process of its own, peers with the interpreter of
`--peers-python` and their defaults, on one thread, after a warm-up on 600 rows that compiles what a
method compiles. All get the same unit vectors; ours gets the leaf topics of our own model besides,
as in a build, so the purity of topics is reported next to that of the corpus' labels, which no
method sees. CPU seconds are those from vectors to places.

near: share of the 15 nearest rows by cosine that are among the 15 nearest on the map. trust:
trustworthiness (Venna & Kaski 2001) for 15 neighbours, over 2,000 rows. order: rank correlation
between the distances of the labels' centres in vectors and on the map. label, leaf, root: share of
the 15 nearest on the map that have the same label, leaf topic, root topic. "vectors" is the row of
the vectors themselves, "pca" their two main directions.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

METHODS = ("isogloss", "pca", "umap", "pacmap", "opentsne")
NEAR = 15


def read(data, name, encoder):
    """Give unit vectors and labels of a corpus."""
    import pyarrow.parquet as pq

    column = "body" if name == "newsgroups20" else "text"
    table = pq.read_table(data / name / "data.parquet")
    if encoder == "minilm":
        vectors = np.load(data / name / f"minilm_{column}.npy").astype(np.float32)
    else:
        from isogloss import load_encoder

        vectors = load_encoder(encoder).encode([text or "" for text in table[column].to_pylist()])
    length = np.linalg.norm(vectors, axis=1)
    labels = np.unique([str(x) for x in table["label"].to_pylist()], return_inverse=True)[1]
    kept = length > 0
    return (vectors[kept] / length[kept, None]).astype(np.float32), labels[kept]


def topics_of(vectors):
    """Give leaf and root topics."""
    from isogloss.topics.model import TopicModel

    model = TopicModel().fit(vectors)
    parent = np.append(model.tree_.parent, -1)
    root = model.labels_.copy()
    while (parent[root] >= 0).any():
        root = np.where(parent[root] >= 0, parent[root], root)
    return model.labels_, root


def places_of(method, vectors, topics, seed):
    """Give places by one method."""
    if method == "isogloss":
        from isogloss.layout import map_rows

        return map_rows(vectors, topics, seed=seed)
    if method == "pca":
        centred = vectors - vectors.mean(axis=0)
        return centred @ np.linalg.svd(centred[::7], full_matrices=False)[2][:2].T
    if method == "umap":
        import umap

        return umap.UMAP(metric="cosine", random_state=seed, n_jobs=1).fit_transform(vectors)
    if method == "pacmap":
        import pacmap

        return pacmap.PaCMAP(random_state=seed).fit_transform(vectors)
    import openTSNE

    return np.asarray(openTSNE.TSNE(metric="cosine", n_jobs=1, random_state=seed).fit(vectors))


def run_one(method, path, seed):
    """Place the rows of a file; write places, print seconds and memory."""
    held = np.load(path)
    vectors, topics = held["vectors"], held.get("topics")
    if len(vectors) > 2000:  # compiles what is compiled
        places_of(method, vectors[:600], None if topics is None else topics[:600], seed)
    began, cpu = time.perf_counter(), time.process_time()
    places = places_of(method, vectors, topics, seed)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    np.save(f"{path}.{method}.{seed}.npy", np.asarray(places, dtype=np.float32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": round(cpu, 1), "wall": round(wall, 1), "peak_mb": int(peak)}))


def nearest(vectors):
    """Give the 15 nearest rows of each by cosine."""
    from isogloss._math.topk import nearest_rows

    return nearest_rows(vectors, vectors, NEAR, same=True)[0]


def measure(vectors, near, places, labels, leaf, root):
    """Give the measures of a map."""
    from scipy.spatial import cKDTree
    from scipy.stats import spearmanr

    n = len(vectors)
    jitter = np.random.default_rng(0).normal(0, 1e-6 * places.std(), places.shape)
    found = cKDTree(places + jitter).query(places + jitter, NEAR + 1)[1]
    found = np.array([row[row != i][:NEAR] for i, row in enumerate(found)])
    share = (found[:, :, None] == near[:, None, :]).any(axis=2).mean()
    sample = np.random.default_rng(0).choice(n, min(n, 2000), replace=False)
    penalty = 0.0
    for rows in np.array_split(sample, max(1, len(sample) // 250)):
        order = np.argsort(-(vectors[rows] @ vectors.T), axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.broadcast_to(np.arange(n), order.shape), axis=1)
        penalty += np.maximum(np.take_along_axis(rank, found[rows], axis=1) - NEAR, 0).sum()
    trust = 1 - 2 * penalty / (len(sample) * NEAR * (2 * n - 3 * NEAR - 1))
    kinds = np.unique(labels)
    centres = np.stack([vectors[labels == k].mean(axis=0) for k in kinds])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    middles = np.stack([np.median(places[labels == k], axis=0) for k in kinds])
    pairs = np.triu_indices(len(kinds), 1)
    apart = np.hypot(*(middles[pairs[0]] - middles[pairs[1]]).T)
    order = spearmanr((1 - centres @ centres.T)[pairs], apart)[0]
    purity = {
        name: float((one[found] == one[:, None]).mean())
        for name, one in (("label", labels), ("leaf", leaf), ("root", root))
    }
    return {"near": float(share), "trust": float(trust), "order": float(order), **purity}


def call(args, method, path, seed):
    """Run one method in a process of its own."""
    import os

    python = sys.executable if method in ("isogloss", "pca") else args.peers_python
    env = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "ISOGLOSS_THREADS": "1"}
    command = [python, __file__, "--one", method, "--file", str(path), "--seeds", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        print(f"{method} failed: {done.stderr[-300:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def corpora(args):
    """Print a row for each corpus and method."""
    columns = ("near", "trust", "order", "label", "leaf", "root")
    print(f"| corpus | method | {' | '.join(columns)} | CPU s | MB |")
    print("|---|---|" + "---|" * (len(columns) + 2), flush=True)
    rows = []
    for item in args.corpora.split(","):
        name, encoder = item.split(":")
        vectors, labels = read(args.data, name, encoder)
        leaf, root = topics_of(vectors)
        near = nearest(vectors)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.npz"
            np.savez(path, vectors=vectors, topics=leaf)
            for method in args.methods.split(","):
                seeds = range(args.seeds if method == "isogloss" else 1)
                runs = []
                for seed in seeds:
                    told = call(args, method, path, seed)
                    if told:
                        places = np.load(f"{path}.{method}.{seed}.npy").astype(np.float64)
                        runs.append({**told, **measure(vectors, near, places, labels, leaf, root)})
                if runs:
                    rows.append({"corpus": item, "method": method, "runs": runs})
                    shown = [_shown([run[c] for run in runs]) for c in columns]
                    cpu = np.mean([run["cpu"] for run in runs])
                    peak = max(run["peak_mb"] for run in runs)
                    print(
                        f"| {item} ({len(vectors):,}) | {method} | {' | '.join(shown)} "
                        f"| {cpu:.1f} | {peak} |",
                        flush=True,
                    )
    return rows


def _shown(values):
    text = f"{np.mean(values):.3f}"
    return text if len(values) < 2 else f"{text} ({min(values):.3f}-{max(values):.3f})"


def growth(args):
    """Print a row for each size: vectors only, as in `topic_growth.py`."""
    from topic_growth import real_vectors, sized

    print("| rows | CPU s | wall s | MB (with the vectors) |\n|---|---|---|---|", flush=True)
    rows = []
    for size in map(int, args.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.npz"
            np.savez(path, vectors=sized(real_vectors(args.data), size))
            told = call(args, "isogloss", path, 0)
        rows.append({"rows": size, **told})
        print(f"| {size:,} | {told['cpu']} | {told['wall']} | {told['peak_mb']} |", flush=True)
    return rows


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--corpora", default="")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args.one, args.file, args.seeds)
        return
    rows = corpora(args) if args.corpora else []
    rows += growth(args) if args.sizes else []
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
