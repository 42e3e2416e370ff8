"""Quality and speed of a lexical encoder beside its teacher and lsa.

    python benchmarks/lexical_encoder.py --data ../shared/data [--encoder lexical:FOLDER]

STS-B: Spearman of cosines with the scores of the test part (needs the teacher only for its own
row). Labelled corpora, none of them trained on: k-means told the classes (NMI), logistic regression
on 70% of the texts (accuracy on the rest), Spearman of the cosines of 20,000 random pairs to the
teacher's, and the share of the teacher's ten nearest texts that are found. `lsa` is fitted on the
very texts it is scored on, without labels. Three seeds; 4,000 texts each. Prints Markdown.
"""

import argparse
import time
from pathlib import Path

import numpy as np

CORPORA = {"newsgroups20": "body", "banking77": "text", "bbc_news": "text", "agnews_test": "text",
           "shorttext_stackoverflow": "text", "shorttext_googlenews": "text"}  # fmt: skip
SEEDS = (0, 1, 2)


def read(data, name, column, count=4000):
    """Give texts, class numbers and the teacher's vectors."""
    import pyarrow.parquet as pq

    table = pq.read_table(data / name / "data.parquet", columns=[column, "label"])
    texts, labels = table[column].to_pylist(), table["label"].to_pylist()
    least = 10 if column == "body" else 1
    kept = [i for i, text in enumerate(texts) if text and len(text.split()) >= least and labels[i]]
    kept = np.random.default_rng(0).permutation(kept)[:count]
    vectors = np.load(data / name / f"minilm_{column}.npy")[kept].astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    classes = np.unique([str(labels[i]) for i in kept], return_inverse=True)[1]
    return [texts[i] for i in kept], classes, vectors


def sts(encoder, data):
    """Give the Spearman correlation on the test part of the STS benchmark."""
    import pyarrow.parquet as pq
    from scipy.stats import spearmanr

    table = pq.read_table(data / "sts_benchmark" / "data.parquet", filters=[("split", "=", "test")])
    left, right = (encoder.encode(table[name].to_pylist()) for name in ("text1", "text2"))
    return float(spearmanr((left * right).sum(axis=1), table["score"].to_pylist()).statistic)


def scores(vectors, teacher, classes):
    """Give NMI, probe accuracy, correlation of random pairs, share of neighbours found."""
    from scipy.stats import spearmanr
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import normalized_mutual_info_score

    found = {"nmi": [], "probe": [], "pairs": [], "neighbours": []}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        labels = KMeans(classes.max() + 1, n_init=1, random_state=seed).fit_predict(vectors)
        found["nmi"].append(normalized_mutual_info_score(classes, labels))
        order = rng.permutation(len(classes))
        cut = int(0.7 * len(order))
        probe = LogisticRegression(max_iter=300, C=10)
        probe.fit(vectors[order[:cut]], classes[order[:cut]])
        found["probe"].append(probe.score(vectors[order[cut:]], classes[order[cut:]]))
        a, b = rng.integers(len(vectors), size=(2, 20_000))
        cosines = [(one[a] * one[b]).sum(axis=1) for one in (vectors, teacher)]
        found["pairs"].append(float(spearmanr(*cosines).statistic))
        asked = rng.choice(len(vectors), 500, replace=False)
        best = [np.argsort(-(one[asked] @ one.T), axis=1)[:, 1:11] for one in (vectors, teacher)]
        ours, theirs = (one.tolist() for one in best)
        shared = [len(set(x) & set(y)) / 10 for x, y in zip(ours, theirs, strict=True)]
        found["neighbours"].append(float(np.mean(shared)))
    return {name: float(np.mean(values)) for name, values in found.items()}


def main():
    """Measure and print."""
    from isogloss import load_encoder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="lexical")
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    print(f"STS-B test, {options.encoder}: {sts(encoder, options.data):.4f}\n")
    print("| corpus | vectors | k-means NMI | probe | random pairs | neighbours | texts / CPU s |")
    print("|---" * 7 + "|")
    for name, column in CORPORA.items():
        texts, classes, teacher = read(options.data, name, column)
        rows = {"teacher": (teacher, None)}
        for spec in (options.encoder, "lsa"):
            one = encoder
            if spec == "lsa":
                one = load_encoder("lsa").fit([texts])
            one.encode(texts[:64])
            began = time.process_time()
            vectors = one.encode(texts)
            rows[spec] = vectors, len(texts) / (time.process_time() - began)
        for spec, (vectors, speed) in rows.items():
            found = scores(vectors, teacher, classes)
            cells = [f"{found[key]:.3f}" for key in ("nmi", "probe", "pairs", "neighbours")]
            shown = "-" if speed is None else f"{speed:,.0f}"
            print(f"| {name} | {spec} | {' | '.join(cells)} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
