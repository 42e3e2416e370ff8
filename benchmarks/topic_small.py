"""Measure topics of small corpora, drawn from labelled ones.

    python benchmarks/topic_small.py --data DIR --encoder lexical

Two kinds of draws. "Classes": so many classes of a corpus, of about so many passages each (half to
one and a half times as many); k-means is told how many there are. "Passages": so many passages of a
corpus as it is, however many classes that touches. Both rules of the scale run on the same
passages: shares of the edges inside communities, and (where the corpus is small, the default) how
far communities lie apart. Scores are (NMI + ARI) / 2, means over draws and then over corpora, with
95% bootstrap intervals of the difference over corpora. Prints Markdown, writes JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from topic_peers import read

CORPORA = (
    "bbc_news", "sample", "agnews_test", "shorttext_stackoverflow", "banking77",
    "shorttext_searchsnippets", "clinc150", "shorttext_googlenews", "shorttext_tweet",
    "reuters21578", "shorttext_biomedical", "shorttext_pascal_flickr", "trec_questions",
)  # fmt: skip
RULES = {"shares": 0, "apart": 1_000_000}


def score(labels, found):
    """Give (NMI + ARI) / 2."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    return (normalized_mutual_info_score(labels, found) + adjusted_rand_score(labels, found)) / 2


def of_classes(labels, classes, each, seed):
    """Draw classes, and passages of each; None where the corpus has too few."""
    draw = np.random.default_rng((seed, classes, each))
    names, sizes = np.unique(labels, return_counts=True)
    names = names[sizes >= each]
    if len(names) < classes:
        return None
    rows = []
    for name in draw.choice(names, classes, replace=False):
        own = np.flatnonzero(labels == name)
        rows.append(draw.choice(own, min(len(own), int(each * draw.uniform(0.5, 1.5))), False))
    return draw.permutation(np.concatenate(rows))


def fitted(texts, vectors, rule, even):
    """Give our labels under one rule of the scale."""
    from isogloss.text import Vocabulary
    from isogloss.topics import scale
    from isogloss.topics.model import TopicModel

    scale.SOME_ROWS = RULES[rule]
    counts = Vocabulary.fit([texts], stop_words="auto").counts(texts)
    return TopicModel(even_edges=even).fit(vectors, counts).labels_


def told(vectors, classes):
    """Give the labels of k-means, told the number of classes."""
    from sklearn.cluster import KMeans

    return KMeans(classes, n_init=3, random_state=0).fit_predict(vectors)


def measure(kind, corpora, draws):
    """Give scores and numbers of topics by method, one row a corpus, for one kind of draw."""
    from isogloss.topics.graph import knows_other_texts

    found = {}
    even = knows_other_texts(draws["encoder"])
    for name, (texts, vectors, labels) in corpora.items():
        for seed in range(draws["seeds"]):
            if kind[0] == "classes":
                rows = of_classes(labels, kind[1], kind[2], seed)
            else:
                draw = np.random.default_rng((seed, kind[1]))
                rows = None
                if kind[1] <= len(texts):
                    rows = draw.choice(len(texts), kind[1], replace=False)
            if rows is None:
                continue
            own, part, held = [texts[i] for i in rows], vectors[rows], labels[rows]
            tried = {rule: fitted(own, part, rule, even) for rule in RULES}
            if kind[0] == "classes":
                tried["k-means, told"] = told(part, kind[1])
            for method, at in tried.items():
                topics = len(np.unique(at[at >= 0]))
                found.setdefault(method, {}).setdefault(name, []).append((score(held, at), topics))
    return found


def line(kind, found):
    """Give a row of the table."""
    means = {m: [np.mean([s for s, _ in runs]) for runs in by.values()] for m, by in found.items()}
    topics = {m: [t for runs in by.values() for _, t in runs] for m, by in found.items()}
    gain = np.subtract(means["apart"], means["shares"])
    draw = np.random.default_rng(0).integers(len(gain), size=(2000, len(gain)))
    low, high = np.quantile(gain[draw].mean(axis=1), [0.025, 0.975])
    label = f"{kind[1]} classes x {kind[2]}" if kind[0] == "classes" else f"{kind[1]} passages"
    k_means = means.get("k-means, told")
    cells = [label, str(len(gain))]
    for rule in RULES:
        middle = np.quantile(topics[rule], [0.25, 0.5, 0.75]).round().astype(int)
        cells.append(f"{np.mean(means[rule]):.3f} ({'/'.join(map(str, middle))})")
    cells += [f"{gain.mean():+.3f} [{low:+.3f} {high:+.3f}]"]
    cells += [f"{np.mean(k_means):.3f}" if k_means else ""]
    return "| " + " | ".join(cells) + " |"


def main():
    """Measure every kind of draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="lexical", help="a spec, or minilm")
    parser.add_argument("--model", default="", help="folder of MiniLM, as in topic_peers.py")
    parser.add_argument("--cache", type=Path, default=Path("vectors"))
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--classes", default="4,8,15")
    parser.add_argument("--each", default="12,25,50,100")
    parser.add_argument("--passages", default="60,100,200,400,800,1600,3200")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    corpora = {
        name: read(args.data, name, args.encoder, args.model, args.cache)
        for name in args.corpora.split(",")
    }

    def numbers(text):
        return [int(part) for part in text.split(",") if part]

    kinds = [("classes", k, m) for k in numbers(args.classes) for m in numbers(args.each)]
    kinds += [("passages", n, 0) for n in numbers(args.passages)]
    print("| draws | corpora | shares (topics, quartiles) | apart | gain | k-means, told |")
    print("|---|---|---|---|---|---|")
    written = []
    for kind in kinds:
        found = measure(kind, corpora, {"encoder": args.encoder, "seeds": args.seeds})
        if found:
            print(line(kind, found), flush=True)
            written.append({"kind": kind, "found": found})
        if args.out:
            args.out.write_text(json.dumps(written))


if __name__ == "__main__":
    main()
