"""The shipped `lexical` and one trained further on one half of a corpus, scored on the other half.

    python benchmarks/lexical_own.py --data DATA [--corpora newsgroups20,banking77] [--texts 5000]

Training sees texts and their teacher's vectors, never labels. Both are scored on texts that neither
has seen: mean cosine to the teacher, share of the teacher's ten nearest neighbours that are found,
k-means NMI (five seeds) and the accuracy of a linear probe (70 to 30, five seeds).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COLUMNS = {"newsgroups20": "body", "banking77": "text", "shorttext_stackoverflow": "text"}
SEEDS = range(5)


def read(data, name, count):
    """Give texts, classes and teacher's vectors of two halves."""
    import pyarrow.parquet as pq

    column = COLUMNS[name]
    table = pq.read_table(data / name / "data.parquet", columns=[column, "label"])
    texts, labels = table[column].to_pylist(), table["label"].to_pylist()
    kept = [i for i, text in enumerate(texts) if text and len(text.split()) > 4]
    kept = np.random.default_rng(0).permutation(kept)[: 2 * count]
    vectors = np.load(data / name / f"minilm_{column}.npy")[kept].astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    classes = np.unique([str(labels[i]) for i in kept], return_inverse=True)[1]
    half = len(kept) // 2
    return [
        ([texts[i] for i in kept[part]], classes[part], vectors[part])
        for part in (slice(0, half), slice(half, None))
    ]


def train(texts, folder):
    """Train by the recipe lexical-own in a process of its own; give seconds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from isogloss.train.shipped import find_recipe

    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet")
    recipe = find_recipe("lexical-own").read_text(encoding="utf-8")
    (folder / "own.toml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-m", "isogloss", "train", str(folder / "own.toml"), "-q",
               "-o", str(folder / "own")]  # fmt: skip
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def scores(vectors, teacher, classes):
    """Give cosine, neighbours, NMI and probe, the last two with their ranges over seeds."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import normalized_mutual_info_score

    cosine = float((vectors * teacher).sum(axis=1).mean())
    asked = np.random.default_rng(0).choice(len(vectors), 500, replace=False)
    near = [np.argsort(-(one[asked] @ one.T), axis=1)[:, 1:11] for one in (vectors, teacher)]
    found = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*near, strict=True)])
    nmi, probe = [], []
    for seed in SEEDS:
        labels = KMeans(classes.max() + 1, n_init=1, random_state=seed).fit_predict(vectors)
        nmi.append(normalized_mutual_info_score(classes, labels))
        order = np.random.default_rng(seed).permutation(len(classes))
        cut = int(0.7 * len(order))
        model = LogisticRegression(max_iter=300, C=10)
        model.fit(vectors[order[:cut]], classes[order[:cut]])
        probe.append(model.score(vectors[order[cut:]], classes[order[cut:]]))
    spans = [f"{np.mean(x):.3f} ({min(x):.3f} to {max(x):.3f})" for x in (nmi, probe)]
    return [f"{cosine:.3f}", f"{found:.3f}", *spans]


def main():
    """Measure and print."""
    from isogloss import load_encoder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpora", default="newsgroups20,banking77")
    parser.add_argument("--texts", type=int, default=5000)
    options = parser.parse_args()
    print("| corpus | vectors | cosine | neighbours | NMI | probe | training, s |")
    print("|---" * 7 + "|")
    for name in options.corpora.split(","):
        (mine, _, _), (texts, classes, teacher) = read(options.data, name, options.texts)
        with tempfile.TemporaryDirectory() as place:
            seconds = train(mine, Path(place))
            rows = {
                "teacher": (teacher, ""),
                "lexical": (load_encoder("lexical").encode(texts), ""),
                "own": (load_encoder(f"lexical:{place}/own").encode(texts), f"{seconds:.0f}"),
            }
        for label, (vectors, spent) in rows.items():
            cells = [name, label, *scores(vectors, teacher, classes), spent]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
