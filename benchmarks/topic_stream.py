"""Measure whether new subjects that stream into a topic model become topics, and nothing else does.

    python benchmarks/topic_stream.py --data DIR --encoder lexical

A draw takes classes of a corpus, fits a model on passages of all but two of them (one where there
are four or fewer), and streams the rest: `alone` so many texts of each class left out; `among` the
same among four times as many of the classes that were fitted; `same` so many texts of fitted
classes only. Vocabulary and model know the passages of the fit alone. A class is found when new
topics that are mostly of it hold at least half of its texts; a new topic is false when it is mostly
of a class that a topic of the fit is mostly of already. "Moved" is the share of the passages of the
fit that are in new topics afterwards. "Anew" is the share of classes that a fit of all those
passages finds, by the same measure. Means over draws and corpora. Prints Markdown, writes JSON.
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np

from topic_peers import read

CORPORA = (
    "bbc_news", "sample", "agnews_test", "shorttext_stackoverflow", "banking77",
    "shorttext_searchsnippets", "clinc150", "shorttext_biomedical",
)  # fmt: skip
# Classes that are fitted, at most.
KNOWN = 10
# Texts of old classes that stream among those of new ones, for each of these.
AMONG = 4


def draw_of(labels, fitted, each, old, seed):
    """Draw rows to fit, new rows (the same number of each class) and old rows, and the classes."""
    draw = np.random.default_rng((seed, fitted))
    names, sizes = np.unique(labels, return_counts=True)
    names = draw.permutation(names[sizes >= each])
    left = names[: 2 if len(names) > 4 else 1]
    known = names[len(left) : len(left) + KNOWN]
    rows = draw.permutation(np.flatnonzero(np.isin(labels, known)))
    new = np.stack([draw.permutation(np.flatnonzero(labels == name))[:each] for name in left])
    return rows[:fitted], new, rows[fitted : fitted + old], left.tolist()


def topics_of(labels, topics):
    """Give the topics that are mostly of each class."""
    of = {}
    for topic in np.unique(topics[topics >= 0]):
        names, sizes = np.unique(labels[topics == topic], return_counts=True)
        of.setdefault(str(names[sizes.argmax()]), []).append(int(topic))
    return of


def found_classes(labels, topics, left):
    """Count the classes of which at least half is in topics that are mostly of them."""
    of = topics_of(labels, topics)
    halves = [np.isin(topics[labels == name], of.get(str(name), [])).mean() for name in left]
    return int(sum(half >= 0.5 for half in halves))


def streamed(model, vocabulary, corpus, fit, rows, left, batch):
    """Stream rows into a copy of a model, and count what became topics."""
    texts, vectors, labels = corpus
    model = copy.copy(model)
    old = len(model.tree_)
    for first in range(0, len(rows), batch):
        part = rows[first : first + batch]
        model.partial_fit(vectors[part], vocabulary.counts([texts[i] for i in part]))
    if len(model.tree_) == old:
        return {"found": 0, "new": 0, "false": 0, "moved": 0.0}
    both = np.concatenate([fit, rows])
    topics = model.predict(vectors[both], vocabulary.counts([texts[i] for i in both]))
    made = np.where(topics >= old, topics, -1)
    of = topics_of(labels[both], made)
    known = topics_of(labels[fit], model.labels_)
    return {
        "found": found_classes(labels[both], made, left), "new": len(model.tree_) - old,
        "false": sum(len(own) for name, own in of.items() if name in known),
        "moved": float((topics[: len(fit)] >= old).mean()),
    }  # fmt: skip


def measure(corpus, options, seed):
    """Give what each stream of one draw comes to: (kind, texts) and numbers."""
    from isogloss.text import Vocabulary
    from isogloss.topics.graph import knows_other_texts
    from isogloss.topics.model import TopicModel

    texts, vectors, labels = corpus
    each = options.each
    fit, new, old, left = draw_of(labels, options.fitted, max(each), options.same[-1], seed)

    def model_of(rows):
        own = [texts[i] for i in rows]
        vocabulary = Vocabulary.fit([own], stop_words="auto")
        model = TopicModel(even_edges=knows_other_texts(options.encoder))
        return model.fit(vectors[rows], vocabulary.counts(own)), vocabulary

    model, vocabulary = model_of(fit)
    out = []
    for texts_each in each:
        mixed = np.random.default_rng(seed).permutation
        alone = mixed(new[:, :texts_each].ravel())
        among = mixed(np.concatenate([alone, old[: AMONG * len(alone)]]))
        anew = np.concatenate([fit, among])
        topics = model_of(anew)[0].labels_
        own = {"anew": found_classes(labels[anew], topics, left), "classes": len(left)}
        for kind, rows in (("alone", alone), ("among", among)):
            told = streamed(model, vocabulary, corpus, fit, rows, left, options.batch)
            out.append({"kind": kind, "texts": texts_each, **own, **told})
    for count in options.same:
        told = streamed(model, vocabulary, corpus, fit, old[:count], [], options.batch)
        out.append({"kind": "same", "texts": count, **told})
    return out


def table(rows):
    """Give the rows of one corpus or all as lines of a table."""
    lines = []
    for kind, texts in dict.fromkeys((row["kind"], row["texts"]) for row in rows):
        own = [row for row in rows if (row["kind"], row["texts"]) == (kind, texts)]
        mean = {name: np.mean([row[name] for row in own]) for name in ("new", "false", "moved")}
        found = anew = ""
        if kind != "same":
            classes = sum(row["classes"] for row in own)
            found = f"{sum(row['found'] for row in own) / classes:.2f}"
            anew = f"{sum(row['anew'] for row in own) / classes:.2f}"
        lines.append(
            f"| {kind} | {texts} | {found} | {anew} | {mean['new']:.2f} | {mean['false']:.2f} "
            f"| {mean['moved']:.1%} |"
        )
    return lines


def main():
    """Measure every corpus and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="lexical", help="a spec, or minilm")
    parser.add_argument("--model", default="", help="folder of MiniLM, as in topic_peers.py")
    parser.add_argument("--cache", type=Path, default=Path("vectors"))
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--fitted", type=int, default=400, help="passages of the fit")
    parser.add_argument("--each", default="12,24,40,80", help="texts of each new class")
    parser.add_argument("--same", default="80,400", help="texts of fitted classes only")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--by-corpus", action="store_true", help="print a table for each as well")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.each, options.same = (
        sorted(int(n) for n in text.split(",")) for text in (options.each, options.same)
    )
    head = "| stream | texts | found | anew | new topics | false | moved |\n" + "|---" * 7 + "|"
    written = {}
    for name in options.corpora.split(","):
        corpus = read(options.data, name, options.encoder, options.model, options.cache)
        runs = [measure(corpus, options, seed) for seed in range(options.seeds)]
        written[name] = [row for run in runs for row in run]
        if options.by_corpus:
            print(f"\n{name}\n\n{head}", *table(written[name]), sep="\n", flush=True)
    print(f"\nall\n\n{head}", *table([row for rows in written.values() for row in rows]), sep="\n")
    if options.out:
        options.out.write_text(json.dumps(written))


if __name__ == "__main__":
    main()
