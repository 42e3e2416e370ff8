"""Measure our topics and the peers' on labelled corpora, in one run.

    python benchmarks/topic_peers.py --data DIR --peers-python PYTHON --corpora sample,bbc_news

Every method runs in a process of its own, peers with the interpreter of `--peers-python`. All get
the same vectors and texts and give labels and ten keywords a topic: BERTopic and NMF by their own
rule, k-means and EVoC by class-based TF-IDF. CPU seconds (all threads) are those from vectors and
texts to labels and keywords, after a small warm-up run that compiles what a method compiles. Scores
are the same for all: NMI and ARI with -1 as a class of its own, NPMI of the keywords over whole
documents, diversity of the keywords, share unassigned. Means over seeds (with their range) are
followed by the 95% bootstrap interval of the first run. Prints a Markdown table, writes JSON.
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


WORDS = {"stop_words": "english", "min_df": 3, "max_df": 0.5}


def ours(vectors, texts, seed):
    """Give labels and keywords of our leaves."""
    from isogloss.text import Vocabulary
    from isogloss.topics.keywords import topic_keywords
    from isogloss.topics.model import TopicModel

    vocabulary = Vocabulary.fit([texts], stop_words="auto")
    counts = vocabulary.counts(texts)
    model = TopicModel(random_state=seed).fit(vectors, counts)
    labels, parent = model.labels_, model.tree_.parent
    leaves = [topic.id for topic in model.tree_ if topic.is_leaf]
    held = counts.copy()
    held.data[:] = 1
    documents = np.stack([np.asarray(held[labels == leaf].sum(axis=0))[0] for leaf in leaves])
    sizes = np.array([(labels == leaf).sum() for leaf in leaves])
    found = topic_keywords(documents, vocabulary.words, parent=parent, sizes=sizes, counts=counts)
    return labels, [found[leaf].words for leaf in leaves]


def class_tfidf(labels, texts, top=10):
    """Give keywords by class-based TF-IDF: each topic one document."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

    topics = sorted(set(labels.tolist()) - {-1})
    joined = [" ".join(t for t, x in zip(texts, labels, strict=True) if x == k) for k in topics]
    vectorizer = CountVectorizer(stop_words="english")
    weights = TfidfTransformer().fit_transform(vectorizer.fit_transform(joined))
    names = vectorizer.get_feature_names_out()
    return [names[np.argsort(-row.toarray()[0])[:top]].tolist() for row in weights]


def bertopic(vectors, texts):
    """Give labels and keywords of BERTopic with its defaults and an English stop list."""
    from bertopic import BERTopic
    from sklearn.feature_extraction.text import CountVectorizer

    model = BERTopic(vectorizer_model=CountVectorizer(stop_words="english"))
    labels = np.asarray(model.fit_transform(texts, vectors)[0])
    found = model.get_topics()
    return labels, [[word for word, _ in found[k]] for k in sorted(found) if k != -1]


def cluster(method, vectors, texts, classes, seed):
    """Give labels and keywords of one method; only k-means and NMF are told the classes."""
    if method == "isogloss":
        return ours(vectors, texts, seed)
    if method == "bertopic":
        return bertopic(vectors, texts)
    if method == "kmeans":
        from sklearn.cluster import KMeans

        labels = KMeans(classes, n_init=1, random_state=seed).fit_predict(vectors)
        return labels, class_tfidf(labels, texts)
    if method == "evoc":
        from evoc import EVoC

        labels = np.asarray(EVoC(random_state=seed).fit_predict(vectors))
        return labels, class_tfidf(labels, texts)
    if method == "nmf":
        from sklearn.decomposition import NMF
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(**WORDS)
        model = NMF(classes, init="nndsvd", random_state=seed)
        labels = model.fit_transform(vectorizer.fit_transform(texts)).argmax(axis=1)
        names = vectorizer.get_feature_names_out()
        return labels, [names[np.argsort(-row)[:10]].tolist() for row in model.components_]
    raise SystemExit(f"unknown method {method!r}; known: {', '.join(OURS + PEERS)}")


def worker(method, folder, classes, seed):
    """Run one method over prepared files (in the other interpreter for peers)."""
    folder = Path(folder)
    texts = json.loads((folder / "texts.json").read_text())
    vectors = np.load(folder / "vectors.npy")
    if method in ("isogloss", "bertopic", "evoc"):
        cluster(method, vectors[:500], texts[:500], int(classes), int(seed))
    began = time.process_time()
    labels, keywords = cluster(method, vectors, texts, int(classes), int(seed))
    seconds = time.process_time() - began
    result = {
        "labels": np.asarray(labels).tolist(),
        "keywords": keywords,
        "seconds": seconds,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    (folder / "result.json").write_text(json.dumps(result))


def run(method, corpus, seed, python):
    """Run one method in a process of its own and give its result."""
    texts, vectors, truth = corpus
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(texts))
        np.save(folder / "vectors.npy", vectors)
        task = [method, name, str(len(set(truth.tolist()))), str(seed)]
        command = [python, __file__, "--worker", *task]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{method} failed:\n{done.stderr[-2000:]}")
        return json.loads((folder / "result.json").read_text())


def score(corpus, results, counts, words):
    """Give every score of the runs of one method, a list a score."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from isogloss.evaluate import evaluate_topics

    truth = corpus[2]
    scores = {name: [] for name in ("topics", "nmi", "ari", "npmi", "diversity", "unassigned")}
    for result in results:
        labels = np.array(result["labels"])
        gold = truth.tolist() if result is results[0] else None
        found = evaluate_topics(
            labels, result["keywords"], gold=gold, counts=counts, vocabulary=words
        )
        if gold is not None:  # over passages and topics of the first run
            for name in ("nmi", "ari", "npmi", "diversity"):
                scores[f"{name}_95"] = [found[name].low, found[name].high]
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


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", default="sample,newsgroups20,bbc_news,banking77")
    parser.add_argument("--methods", default=",".join(OURS + PEERS))
    parser.add_argument("--seeds", type=int, default=5, help="runs of ours")
    parser.add_argument("--peer-seeds", type=int, default=1, help="runs of each peer")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=Path("topic_peers.json"))
    options = parser.parse_args()
    from sklearn.feature_extraction.text import CountVectorizer

    rows = []
    print("| corpus | method | topics | NMI | ARI | NPMI | diversity | unassigned | between seeds "
          "| CPU s | RSS MB |")  # fmt: skip
    print("|---" * 11 + "|")
    for name in options.corpora.split(","):
        corpus = read(options.data, name)
        # Words are counted by a tokenizer that is nobody's own advantage: scikit-learn's.
        vectorizer = CountVectorizer()
        counts = vectorizer.fit_transform(corpus[0])
        words = vectorizer.get_feature_names_out().tolist()
        for method in options.methods.split(","):
            python = sys.executable if method in OURS else options.peers_python
            runs = range(options.seeds if method in OURS else options.peer_seeds)
            results = [run(method, corpus, seed, python) for seed in runs]
            scores = score(corpus, results, counts, words)
            rows.append({"corpus": name, "method": method, **scores})
            cells = [
                name,
                method,
                f"{np.mean(scores['topics']):.0f}",
                *(
                    f"{spread(scores[name])} [{interval(scores[f'{name}_95'])}]"
                    for name in ("nmi", "ari", "npmi", "diversity")
                ),
                f"{np.mean(scores['unassigned']):.1%}",
                spread(scores["between_seeds"]),
                spread(scores["cpu_seconds"], 1),
                f"{np.mean(scores['rss_mb']):.0f}",
            ]
            print("| " + " | ".join(cells) + " |", flush=True)
    options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
