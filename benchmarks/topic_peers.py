"""Measure our topics and the peers' on labelled corpora, in one run.

    python benchmarks/topic_peers.py --data DIR --peers-python PYTHON --corpora sample,bbc_news

Every method runs in a process of its own, peers with the interpreter of `--peers-python`. All get
the same vectors and texts and give labels and ten keywords a topic: k-means and EVoC by class-based
TF-IDF, all others by their own rule. k-means, NMF, LDA, KeyNMF and isogloss_told are told the
number of classes. Turftopic's models and Top2Vec need vectors of words and make them by the
transformer of `--model`, which counts as their time: they are kept in `--cache`, and what they took
is added to every run that reads them back. BERTopic and Top2Vec take no seed; their runs differ by
themselves. CPU seconds (all threads) are those from vectors and texts to labels and keywords, after
a small warm-up run that compiles what a method compiles. Scores are the same for all: NMI and ARI
with -1 as a class of its own, NPMI of the keywords over whole documents, C_v with `--cv` over at
most 5,000 of them, diversity of the keywords, share unassigned; with `--resamples`, how well fits
on bootstrap resamples agree (a text drawn twice counts once). Means over seeds (with their range)
are followed by the 95% bootstrap interval of the first run. Prints a Markdown table, writes JSON;
`--resume` keeps the rows that `--out` has. Peak memory is that of the process, libraries included.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from topic_methods import OURS, PEERS, SAVED, cluster

NEWSGROUPS = ("sample", "newsgroups20")
CV_TEXTS = 5000


def read(data, name, encoder, model, cache):
    """Give texts, vectors and labels of a corpus; `sample` is 5,000 posts of 20 Newsgroups.

    MiniLM's vectors that do not lie ready are made once, by the transformer `model`.
    """
    import pyarrow.parquet as pq

    from isogloss import load_encoder

    folder, column = ("newsgroups20", "body") if name in NEWSGROUPS else (name, "text")
    table = pq.read_table(data / folder / "data.parquet")
    texts = [text or "" for text in table[column].to_pylist()]
    labels = table["section" if name == "debian_packages" else "label"].to_pylist()
    least = 20 if name == "sample" else 1
    kept = [i for i, text in enumerate(texts) if len(text.split()) >= least and labels[i]]
    if name == "sample":
        kept = sorted(np.random.default_rng(0).choice(kept, 5000, replace=False).tolist())
    if encoder == "minilm":
        ready = data / folder / f"minilm_{column}.npy"
        if not ready.is_file():
            ready = cache / f"{folder}_minilm_{column}.npy"
        if not ready.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            np.save(ready, load_encoder(f"onnx:{model}", overflow="truncate").encode(texts))
        vectors = np.load(ready).astype(np.float32)[kept]
    else:
        vectors = load_encoder(encoder).encode([texts[i] for i in kept])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return [texts[i] for i in kept], vectors, np.array([labels[i] for i in kept])


def peak_mb():
    """Give the peak memory of this process; that of getrusage counts the parent's as well."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the peak memory of a process")


def worker(method, folder, classes, seed, encoder, cache):
    """Run one method over prepared files (in the other interpreter for peers)."""
    folder = Path(folder)
    texts = json.loads((folder / "texts.json").read_text())
    vectors = np.load(folder / "vectors.npy")
    if method in (*OURS, "bertopic", "evoc", "turftopic_clustering"):
        some = min(int(classes), 5)
        cluster(method, vectors[:500], texts[:500], some, int(seed), encoder, cache)
        SAVED.clear()
    began = time.process_time()
    labels, keywords = cluster(method, vectors, texts, int(classes), int(seed), encoder, cache)
    seconds = time.process_time() - began + sum(SAVED)
    result = {
        "labels": np.asarray(labels).tolist(),
        "keywords": keywords,
        "seconds": seconds,
        "rss_mb": peak_mb(),
    }
    (folder / "result.json").write_text(json.dumps(result))


def run(method, corpus, seed, python, encoder, cache):
    """Run one method in a process of its own and give its result."""
    texts, vectors, truth = corpus
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(texts))
        np.save(folder / "vectors.npy", vectors)
        task = [method, name, str(len(set(truth.tolist()))), str(seed), encoder, str(cache)]
        command = [python, __file__, "--worker", *task]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"{method} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
            return None
        return json.loads((folder / "result.json").read_text())


def resampled(method, corpus, count, python, encoder, cache):
    """Give the adjusted Rand index of every two fits on resamples, over what they share."""
    from sklearn.metrics import adjusted_rand_score

    texts, vectors, truth = corpus
    fits = []
    for number in range(count):
        draw = np.random.default_rng([0, number]).integers(len(texts), size=len(texts))
        rows = np.unique(draw)  # a copy would be its own neighbour
        part = [texts[i] for i in rows], vectors[rows], truth[rows]
        result = run(method, part, 0, python, encoder, cache)
        if result is None:
            return []
        labels = np.full(len(texts), -2)
        labels[rows] = result["labels"]
        fits.append(labels)
    found = []
    for i, a in enumerate(fits):
        for b in fits[:i]:
            both = (a > -2) & (b > -2)
            found.append(adjusted_rand_score(a[both], b[both]))
    return found


def score(corpus, results, counts, words, tokens):
    """Give every score of the runs of one method, a list a score."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from isogloss.evaluate import evaluate_topics

    truth = corpus[2]
    names = ("topics", "nmi", "ari", "npmi", "c_v", "diversity", "unassigned")
    scores = {name: [] for name in names}
    for result in results:
        labels = np.array(result["labels"])
        gold = truth.tolist() if result is results[0] else None
        found = evaluate_topics(
            labels, result["keywords"], gold=gold, counts=counts, vocabulary=words
        )
        if gold is not None:  # over passages and topics of the first run
            for name in ("nmi", "ari", "npmi", "diversity"):
                scores[f"{name}_95"] = [found[name].low, found[name].high]
            if tokens:
                from isogloss.evaluate.coherence import cv

                scores["c_v"].append(float(np.nanmean(cv(result["keywords"], tokens))))
        scores["topics"].append(len(result["keywords"]))
        scores["nmi"].append(normalized_mutual_info_score(truth, labels))
        scores["ari"].append(adjusted_rand_score(truth, labels))
        scores["npmi"].append(found["npmi"].value)
        scores["diversity"].append(found["diversity"].value)
        scores["unassigned"].append(float((labels < 0).mean()))
    every = [np.array(result["labels"]) for result in results]
    scores["between_seeds"] = [
        adjusted_rand_score(a, b) for i, a in enumerate(every) for b in every[:i]
    ]
    scores["cpu_seconds"] = [result["seconds"] for result in results]
    scores["rss_mb"] = [result["rss_mb"] for result in results]
    return scores


def spread(values, digits=3):
    """Write mean and range of values."""
    if not values:
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return mean if low == high else f"{mean} ({low} to {high})"


def interval(bounds):
    """Write a 95% bootstrap interval."""
    return " ".join(f"{bound:.3f}" for bound in bounds)


def line(row):
    """Write one row of the table."""
    cells = [
        row["corpus"],
        row["method"],
        f"{np.mean(row['topics']):.0f}",
        *(
            f"{spread(row[name])} [{interval(row[f'{name}_95'])}]"
            for name in ("nmi", "ari", "npmi", "diversity")
        ),
        spread(row["c_v"]),
        f"{np.mean(row['unassigned']):.1%}",
        spread(row["between_seeds"]),
        spread(row.get("resamples", [])),
        spread(row["cpu_seconds"], 1),
        f"{np.mean(row['rss_mb']):.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", default="sample,newsgroups20,bbc_news,banking77")
    parser.add_argument("--methods", default=",".join(OURS + PEERS))
    parser.add_argument("--seeds", type=int, default=5, help="runs of ours")
    parser.add_argument("--peer-seeds", type=int, default=1, help="runs of each peer")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--encoder", default="minilm", help="minilm (ready vectors), or a spec")
    parser.add_argument("--model", default="sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, default=Path("build/vectors"), help="made vectors")
    parser.add_argument("--resamples", type=int, default=0, help="runs on bootstrap resamples")
    parser.add_argument("--cv", action="store_true", help="also C_v, by gensim (slow)")
    parser.add_argument("--out", type=Path, default=Path("topic_peers.json"))
    parser.add_argument("--resume", action="store_true", help="keep the rows that --out has")
    options = parser.parse_args()
    from sklearn.feature_extraction.text import CountVectorizer

    rows = json.loads(options.out.read_text()) if options.resume and options.out.is_file() else []
    print("| corpus | method | topics | NMI | ARI | NPMI | diversity | C_v | unassigned "
          "| between seeds | resamples | CPU s | RSS MB |")  # fmt: skip
    print("|---" * 13 + "|")
    for name in options.corpora.split(","):
        corpus = read(options.data, name, options.encoder, options.model, options.cache)
        # Words are counted by a tokenizer that is nobody's own advantage: scikit-learn's.
        vectorizer = CountVectorizer()
        counts = vectorizer.fit_transform(corpus[0])
        words = vectorizer.get_feature_names_out().tolist()
        draw = np.random.default_rng(0).permutation(len(corpus[0]))[:CV_TEXTS]
        analyze = vectorizer.build_analyzer()
        tokens = [analyze(corpus[0][i]) for i in draw] if options.cv else []
        for method in options.methods.split(","):
            if any(row["corpus"] == name and row["method"] == method for row in rows):
                continue
            python = sys.executable if method in OURS else options.peers_python
            runs = range(options.seeds if method in OURS else options.peer_seeds)
            encoder = options.encoder if method in OURS else options.model
            results = [run(method, corpus, seed, python, encoder, options.cache) for seed in runs]
            if None in results:
                print(f"| {name} | {method} | failed |", flush=True)
                continue
            scores = score(corpus, results, counts, words, tokens)
            if options.resamples:
                scores["resamples"] = resampled(
                    method, corpus, options.resamples, python, encoder, options.cache
                )
            rows.append({"corpus": name, "method": method, **scores})
            print(line(rows[-1]), flush=True)
            options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
