"""Measure the topic models, and the packages that two of them resemble, on labelled corpora.

    python benchmarks/topic_models.py --data DIR --peers-python PYTHON

Every run is a process of its own, the packages with the interpreter of `--peers-python`; all get
the same texts and MiniLM vectors, and models over words the counts of one vocabulary. `classes`
means told the number of classes, `found` that the model finds it. Top2Vec gets MiniLM vectors of
words; `top2vec-counts` makes them from the passages. NMI and ARI with -1 as a class of its own,
NPMI of ten keywords over whole documents by scikit-learn's tokens, diversity, share unassigned,
CPU seconds (all threads) from vectors or counts to labels and keywords, after a small warm-up run
where a package compiles. Prints a Markdown table, writes JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from topic_peers import read

KEYWORDS = 10
ENCODER = "onnx:sentence-transformers/all-MiniLM-L6-v2"
# Method: whether it runs told the number of classes, and whether finding it.
METHODS = {
    "lda": (True, False),
    "lda-sklearn": (True, False),
    "nmf": (True, False),
    "cfmf": (True, True),
    "cfmf-distance": (True, False),
    "cfmf-emb": (True, True),
    "top2vec": (True, True),
    "top2vec-counts": (True, True),
    "top2vec-package": (True, True),
    "bertopic": (True, True),
    "bertopic-pca": (False, True),
    "bertopic-reassign": (True, True),
    "bertopic-package": (True, True),
    "tree": (False, True),
}
COMPILED = ("top2vec-package", "bertopic-package")


def model_of(method, topics, seed):
    """Give one of our models."""
    from isogloss import topics as rooms

    made = {
        "lda": lambda: rooms.LDATopics(topics, random_state=seed),
        "lda-sklearn": lambda: rooms.LDATopics(topics, engine="sklearn", random_state=seed),
        "nmf": lambda: rooms.NMFTopics(topics, random_state=seed),
        "cfmf": lambda: rooms.CFMF(topics, random_state=seed),
        "cfmf-distance": lambda: rooms.CFMF(topics, winner="distance", random_state=seed),
        "cfmf-emb": lambda: rooms.CFMFEmb(topics, random_state=seed),
        "top2vec": lambda: rooms.Top2VecTopics(topics, random_state=seed),
        "top2vec-counts": lambda: rooms.Top2VecTopics(topics, random_state=seed),
        "bertopic": lambda: rooms.BERTopicTopics(topics, random_state=seed),
        "bertopic-pca": lambda: rooms.BERTopicTopics(topics, reduction="pca", random_state=seed),
        "bertopic-reassign": lambda: rooms.BERTopicTopics(
            topics, outliers="reassign", random_state=seed
        ),
    }
    return made[method]()


def ours(method, texts, vectors, words, topics, seed):
    """Give labels, keywords and CPU seconds of one of our models."""
    from isogloss.text import Vocabulary

    vocabulary = Vocabulary.fit([texts], stop_words="auto")
    counts = vocabulary.counts(texts)
    known = vocabulary.words
    began = time.process_time()
    if method == "tree":
        from topic_methods import ours as tree

        labels, keywords = tree(vectors, texts, seed)
        return labels, keywords, time.process_time() - began
    model = model_of(method, topics, seed)
    if model.input_kind == "counts":
        model.fit(counts, vocabulary=known)
    elif method == "top2vec":
        kept = [i for i, word in enumerate(known) if word in words]
        rows = np.stack([words[known[i]] for i in kept])
        model.fit(vectors, vocabulary=[known[i] for i in kept], word_vectors=rows,
                  counts=counts[:, kept])  # fmt: skip
    else:
        model.fit(vectors, counts=counts, vocabulary=known)
    found = [list(topic[:KEYWORDS]) for topic in model.result_.keywords]
    return model.labels_, found, time.process_time() - began


def package(method, texts, vectors, words, topics, seed):
    """Give labels, keywords and CPU seconds of a package."""
    began = time.process_time()
    if method == "bertopic-package":
        from bertopic import BERTopic
        from sklearn.feature_extraction.text import CountVectorizer
        from umap import UMAP

        layout = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine",
                      low_memory=False, random_state=seed)  # fmt: skip
        model = BERTopic(
            vectorizer_model=CountVectorizer(stop_words="english"), umap_model=layout,
            nr_topics=None if topics is None else topics + 1,
        )  # fmt: skip
        labels = np.asarray(model.fit_transform(texts, vectors)[0])
        found = model.get_topics()
        keywords = [[word for word, _ in found[k]] for k in sorted(found) if k != -1]
        return labels, keywords, time.process_time() - began
    from top2vec import Top2Vec

    rows = {**words, **dict(zip(texts, vectors, strict=True))}
    model = Top2Vec(
        documents=texts, embedding_model=lambda batch: np.stack([rows[text] for text in batch]),
        contextual_top2vec=False, min_count=min(50, max(5, len(texts) // 100)), verbose=False,
        umap_args={"n_neighbors": 15, "n_components": 5, "metric": "cosine",
                   "random_state": seed},
    )  # fmt: skip
    reduced = topics is not None and topics < model.get_num_topics()
    if reduced:
        model.hierarchical_topic_reduction(topics)
    labels = np.asarray(model.doc_top_reduced if reduced else model.doc_top)
    tops = (model.topic_words_reduced if reduced else model.topic_words)[:, :KEYWORDS]
    return labels, [list(map(str, row)) for row in tops], time.process_time() - began


def worker(method, folder, topics, seed):
    """Run one method over prepared files."""
    folder = Path(folder)
    texts = json.loads((folder / "texts.json").read_text())
    vectors = np.load(folder / "vectors.npy")
    names = json.loads((folder / "words.json").read_text())
    words = dict(zip(names, np.load(folder / "words.npy"), strict=True))
    topics = None if topics == "found" else int(topics)
    run_one = package if method in COMPILED else ours
    if method in COMPILED:
        run_one(method, texts[:1000], vectors[:1000], words, None, 0)
    labels, keywords, seconds = run_one(method, texts, vectors, words, topics, int(seed))
    found = {"labels": np.asarray(labels).tolist(), "keywords": keywords, "seconds": seconds}
    (folder / "result.json").write_text(json.dumps(found))


def run(method, prepared, topics, seed, python):
    """Run one method in a process of its own and give its result, or the end of its error."""
    task = [method, str(prepared), "found" if topics is None else str(topics), str(seed)]
    command = [python, __file__, "--worker", *task]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:200]}
    return json.loads((prepared / "result.json").read_text())


def prepare(folder, texts, vectors, cache, name):
    """Write what a worker reads; vectors of words are made once."""
    from gensim.utils import simple_preprocess

    from isogloss.text import Vocabulary

    (folder / "texts.json").write_text(json.dumps(texts))
    np.save(folder / "vectors.npy", vectors)
    kept = cache / f"words_{name}.npz"
    if not kept.exists():
        from isogloss import load_encoder

        tokens = {token for text in texts for token in simple_preprocess(text, deacc=True)}
        words = sorted(tokens | set(Vocabulary.fit([texts], stop_words="auto").words))
        np.savez(kept, words=np.array(words), rows=load_encoder(ENCODER).encode(words))
    held = np.load(kept)
    (folder / "words.json").write_text(json.dumps(held["words"].tolist()))
    np.save(folder / "words.npy", held["rows"])


def score(result, truth, counts, words):
    """Give the scores of one run."""
    from isogloss.evaluate import evaluate_topics

    labels = np.array(result["labels"])
    found = evaluate_topics(
        labels, result["keywords"], gold=truth.tolist(), counts=counts, vocabulary=words
    )
    values = {name: found[name].value for name in ("nmi", "ari", "npmi", "diversity", "unassigned")}
    values |= {f"{name}_95": [found[name].low, found[name].high] for name in ("nmi", "ari", "npmi")}
    return {"topics": len(result["keywords"]), **values, "seconds": result["seconds"]}


def line(row):
    """Write one run as a row of the table."""
    parts = [row["corpus"], row["method"], row["number"], str(row["topics"])]
    parts += [f"{row[name]:.3f}" for name in ("nmi", "ari", "npmi")]
    parts += [f"{row['diversity']:.2f}", f"{row['unassigned']:.1%}", f"{row['seconds']:.1f}"]
    return "| " + " | ".join(parts) + " |"


def main():
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", default="sample,bbc_news,shorttext_stackoverflow")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=Path("topic_models.json"))
    options = parser.parse_args()
    from sklearn.feature_extraction.text import CountVectorizer

    rows = []
    print(
        "| corpus | method | number | topics | NMI | ARI | NPMI | diversity | unassigned | CPU s |"
    )
    print("|---" * 10 + "|")
    for name in options.corpora.split(","):
        texts, vectors, truth = read(options.data, name, "minilm")
        vectorizer = CountVectorizer()
        counts = vectorizer.fit_transform(texts)
        words = vectorizer.get_feature_names_out().tolist()
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            prepare(folder, texts, vectors, options.cache, name)
            for method in options.methods.split(","):
                for told in (True, False):
                    if not METHODS[method][0 if told else 1]:
                        continue
                    number = "classes" if told else "found"
                    topics = len(set(truth.tolist())) if told else None
                    python = options.peers_python if method in COMPILED else sys.executable
                    result = run(method, folder, topics, options.seed, python)
                    row = {"corpus": name, "method": method, "number": number}
                    if "error" in result:
                        rows.append({**row, **result})
                        print(f"| {name} | {method} | {number} | {result['error']} |", flush=True)
                        continue
                    row |= score(result, truth, counts, words)
                    rows.append(row)
                    print(line(row), flush=True)
    options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
