"""Measure our topics and the peers' on labelled corpora, in one run.

    python benchmarks/topic_peers.py --data DIR --peers-python PYTHON --corpora sample,bbc_news

Peers run in a process of their own with the interpreter of `--peers-python`. Every method gets the
same vectors and texts, and the same scores: NMI and ARI with -1 as a class of its own, the share
unassigned, and the CPU seconds of fitting (all threads). Prints a Markdown table, writes JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NEWSGROUPS = ("sample", "newsgroups20")
OURS = ("isogloss",)
PEERS = ("kmeans", "nmf", "bertopic", "evoc")


def read(data, name):
    """Give texts, vectors and labels of a corpus; `sample` is 5,000 posts of 20 Newsgroups."""
    import pyarrow.parquet as pq

    folder, column = ("newsgroups20", "body") if name in NEWSGROUPS else (name, "text")
    table = pq.read_table(data / folder / "data.parquet")
    texts = [text or "" for text in table[column].to_pylist()]
    labels = table["label"].to_pylist()
    vectors = np.load(data / folder / f"minilm_{column}.npy").astype(np.float32)
    least = 20 if name == "sample" else 1
    kept = [i for i, text in enumerate(texts) if len(text.split()) >= least and labels[i]]
    if name == "sample":
        kept = sorted(np.random.default_rng(0).choice(kept, 5000, replace=False).tolist())
    vectors = vectors[kept]
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return [texts[i] for i in kept], vectors, np.array([labels[i] for i in kept])


def cluster(method, vectors, texts, classes, seed):
    """Give the labels of one method; classes is told only to those that need it."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    words = {"stop_words": "english", "min_df": 3, "max_df": 0.5}
    if method == "isogloss":
        from isogloss.topics import TopicModel

        counts = CountVectorizer(**words).fit_transform(texts)
        start = time.process_time()
        model = TopicModel(random_state=seed).fit(vectors, counts)
        return model.labels_, time.process_time() - start
    start = time.process_time()
    if method == "kmeans":
        from sklearn.cluster import KMeans

        labels = KMeans(classes, n_init=1, random_state=seed).fit_predict(vectors)
    elif method == "nmf":
        from sklearn.decomposition import NMF

        rows = TfidfVectorizer(**words).fit_transform(texts)
        labels = NMF(classes, init="nndsvd", random_state=seed).fit_transform(rows).argmax(axis=1)
    elif method == "bertopic":
        from bertopic import BERTopic

        vectorizer = CountVectorizer(stop_words="english")
        labels = BERTopic(vectorizer_model=vectorizer).fit_transform(texts, vectors)[0]
    elif method == "evoc":
        from evoc import EVoC

        labels = EVoC(random_state=seed).fit_predict(vectors)
    else:
        raise SystemExit(f"unknown method {method!r}; known: {', '.join(OURS + PEERS)}")
    return np.asarray(labels), time.process_time() - start


def worker(arguments):
    """Run one method over prepared files (in the other interpreter for peers)."""
    method, folder, classes, seed = arguments
    folder = Path(folder)
    texts = json.loads((folder / "texts.json").read_text())
    vectors = np.load(folder / "vectors.npy")
    labels, seconds = cluster(method, vectors, texts, int(classes), int(seed))
    np.save(folder / "labels.npy", np.asarray(labels, dtype=np.int64))
    (folder / "seconds.json").write_text(json.dumps(seconds))


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", default="sample,newsgroups20,banking77,clinc150,reuters21578")
    parser.add_argument("--methods", default=",".join(OURS + PEERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=Path("topic_peers.json"))
    options = parser.parse_args()
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    rows = []
    print("| corpus | method | topics | NMI | ARI | unassigned | between seeds | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for corpus in options.corpora.split(","):
        texts, vectors, truth = read(options.data, corpus)
        for method in options.methods.split(","):
            found = []
            for seed in range(options.seeds if method in OURS else 1):
                with tempfile.TemporaryDirectory() as name:
                    folder = Path(name)
                    (folder / "texts.json").write_text(json.dumps(texts))
                    np.save(folder / "vectors.npy", vectors)
                    python = sys.executable if method in OURS else options.peers_python
                    task = [method, name, str(len(set(truth))), str(seed)]
                    subprocess.run([python, __file__, "--worker", *task], check=True)
                    labels = np.load(folder / "labels.npy")
                    found.append((labels, json.loads((folder / "seconds.json").read_text())))
            agree = [
                adjusted_rand_score(a, b) for i, (a, _) in enumerate(found) for b, _ in found[:i]
            ]
            row = {
                "corpus": corpus,
                "method": method,
                "topics": float(np.mean([len(set(x.tolist()) - {-1}) for x, _ in found])),
                "nmi": [normalized_mutual_info_score(truth, x) for x, _ in found],
                "ari": [adjusted_rand_score(truth, x) for x, _ in found],
                "unassigned": float(np.mean([(x < 0).mean() for x, _ in found])),
                "between_seeds": float(np.mean(agree)) if agree else None,
                "cpu_seconds": float(np.mean([seconds for _, seconds in found])),
            }
            rows.append(row)
            between = "-" if row["between_seeds"] is None else f"{row['between_seeds']:.3f}"
            print(
                f"| {corpus} | {method} | {row['topics']:.0f} | {np.mean(row['nmi']):.3f} "
                f"| {np.mean(row['ari']):.3f} | {row['unassigned']:.1%} | {between} "
                f"| {row['cpu_seconds']:.1f} |",
                flush=True,
            )
    options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2:])
    else:
        main()
