"""Measure topics of a wanted number where subjects differ much in size.

    python benchmarks/topic_skew.py --data DIR --encoder lexical

Draws some classes of labelled corpora in given sizes, tells the engine how many there are
(`n_topics`), and does so twice on the same passages: at the coarsest scale that has so many, and
with the finer scales whose communities are joined (the default). The whole corpora are there as
well. Scores are (NMI + ARI) / 2, means over draws, with 95% bootstrap intervals of the gain over
corpora and draws. Prints Markdown, writes JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from topic_peers import read
from topic_small import score

CORPORA = (
    "newsgroups20", "bbc_news", "agnews_test", "trec_questions", "shorttext_searchsnippets",
    "shorttext_stackoverflow", "shorttext_biomedical", "sample", "shorttext_pascal_flickr",
    "banking77", "shorttext_tweet", "reuters21578",
)  # fmt: skip
SIZES = (
    (900, 120, 40), (1500, 60, 30), (800, 300, 120, 60, 40),
    (600, 300, 200, 120, 80, 60, 50, 40), (600, 400, 300, 200),
    (500, 400, 300, 250, 200, 150, 100, 80), (300,) * 3, (300,) * 6,
)  # fmt: skip
SMALL = (
    (10,) * 3, (20,) * 4, (20,) * 8, (40,) * 5, (60, 20, 10), (100, 60, 40, 20), (150, 30, 15),
    (300, 40, 20, 20),
)  # fmt: skip
WHOLE = 13_000  # larger corpora are only drawn from
SKEWED = 8  # times the smallest class that the largest has, or more


def kind(sizes):
    """Name how far sizes differ."""
    ratio = max(sizes) / min(sizes)
    return "skewed" if ratio >= SKEWED else "even" if ratio == 1 else "mild"


def draw(labels, sizes, seed):
    """Draw one class for each size; None where the corpus has no such classes."""
    random = np.random.default_rng((seed, len(sizes), sizes[0]))
    names, many = np.unique(labels, return_counts=True)
    left, rows = dict(zip(names, many, strict=True)), []
    for size in sizes:
        fits = [name for name, held in left.items() if held >= size]
        if not fits:
            return None
        name = fits[random.integers(len(fits))]
        del left[name]
        rows.append(random.choice(np.flatnonzero(labels == name), size, replace=False))
    return np.concatenate(rows)


def jobs(labels, seeds, sizes_of=SIZES, whole=True):
    """Give kinds and rows of all draws of a corpus, and of the whole."""
    if whole and len(labels) <= WHOLE:
        yield "whole", np.arange(len(labels))
    for sizes in sizes_of:
        for seed in range(seeds):
            rows = draw(labels, sizes, seed)
            if rows is not None:
                yield kind(sizes), rows


def both(texts, vectors, labels):
    """Score a fit without and with finer scales."""
    from isogloss.text import Vocabulary
    from isogloss.topics import TopicModel, target

    counts = Vocabulary.fit([texts], stop_words="auto").counts(texts)
    found, finer = [], target.FINER
    for tried in ((), finer):
        target.FINER = tried
        model = TopicModel(even_edges=True, random_state=0, n_topics=len(set(labels)))
        found.append(score(labels, model.fit(vectors, counts).labels_))
    target.FINER = finer
    return found


def table(rows):
    """Print means and gains by kind."""
    print("| sizes | draws | coarsest scale | **and finer ones** | gain |")
    print("|---|---|---|---|---|")
    for name in ("skewed", "mild", "even", "whole"):
        pairs = np.array([row["scores"] for row in rows if row["kind"] == name])
        if not len(pairs):
            continue
        gains = pairs[:, 1] - pairs[:, 0]
        again = np.random.default_rng(0).integers(len(gains), size=(2000, len(gains)))
        low, high = np.percentile(gains[again].mean(axis=1), [2.5, 97.5])
        before, after = pairs.mean(axis=0)
        print(f"| {name} | {len(pairs)} | {before:.3f} | {after:.3f} | "
              f"{gains.mean():.3f} [{low:.3f} {high:.3f}] |", flush=True)  # fmt: skip


def main():
    """Draw, fit, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="lexical", help="a spec, or minilm")
    parser.add_argument("--model", default="", help="folder of MiniLM, as in topic_peers.py")
    parser.add_argument("--cache", type=Path, default=Path("vectors"))
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="draws of 30 to 380 passages instead")
    parser.add_argument("--out", type=Path, default=Path("topic_skew.json"))
    options = parser.parse_args()
    sizes_of = SMALL if options.small else SIZES
    rows = []
    for name in options.corpora.split(","):
        texts, vectors, labels = read(
            options.data, name, options.encoder, options.model, options.cache
        )
        labels = np.array([str(label) for label in labels])
        vectors = np.asarray(vectors, dtype=np.float32)
        for sizes, chosen in jobs(labels, options.seeds, sizes_of, not options.small):
            scores = both([texts[i] for i in chosen], vectors[chosen], labels[chosen])
            rows.append({"corpus": name, "kind": sizes, "scores": scores})
            print(name, sizes, *(f"{one:.3f}" for one in scores), flush=True)
            options.out.write_text(json.dumps(rows, indent=2) + "\n")
    table(rows)


if __name__ == "__main__":
    main()
