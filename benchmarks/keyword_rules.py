"""Which rule gives the best words? Word intrusion answered by encoders, with NPMI and diversity.

    PYTHONPATH=src python benchmarks/keyword_rules.py --wordllama FOLDER [--part choose|confirm|all]

An item is four words of a topic and one intruder; a judge names the word whose vector has the
lowest mean cosine to the other four. Chance is .2. A judge is a stand-in for people, not a person.
Three judges: all-MiniLM-L6-v2, `lexical` (distilled from it), and WordLlama (static vectors out of
language models, from the wheel of that name, unpacked: unrelated to the first two and to the
topics). A rule that uses vectors is never judged by the encoder that it uses.

Topics are the leaves of `TopicModel` over the ready MiniLM vectors. Keywords are chosen on one half
of the documents; NPMI is that of the other half. Intruders come from the ten words of other topics
under any of the rules, so that all rules face the same; they are rarer in the topic than elsewhere,
and of a document frequency near that of the four. Where phrases are among the four, the intruder is
a phrase as often. Differences to the default have 95% intervals: topics are resampled within each
corpus, paired. Options were looked for on the corpora of `choose`; `confirm` has others.
"""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix, hstack

from isogloss import load_encoder
from isogloss.encoders.lsa import LsaEncoder
from isogloss.evaluate.coherence import diversity_score, npmi
from isogloss.evaluate.cooccurrence import count_documents
from isogloss.text import Vocabulary
from isogloss.topics import keyword_rules as rules
from isogloss.topics.model import TopicModel
from isogloss.topics.phrases import Phrases
from isogloss.topics.topic_counts import TopicCounts

DATA = Path(os.environ.get("ISOGLOSS_DATA", Path(__file__).resolve().parents[2] / "shared/data"))
CORPORA = {
    "choose": ("agnews_test", "reuters21578", "shorttext_stackoverflow", "shorttext_googlenews"),
    "confirm": ("newsgroups20", "bbc_news", "shorttext_searchsnippets", "banking77"),
}
MOST = 6000
ITEMS = 20
WEIGHT = 2
DEFAULT = "feature maximization, coherent"
FIRST, TEN = "first four", "four of ten"


def rule_table(encoders, search):
    """Give the rules: name -> (rule, whether phrases compete, the encoder that it uses)."""
    fm, tfidf, odds = rules.FeatureMaximization, rules.ClassTfidf, rules.LogOdds
    lexical = encoders["lexical"]
    table = {
        DEFAULT: (fm(), False, None),
        "feature maximization": (fm(coherence=0.0), False, None),
        "class TF-IDF": (tfidf(coherence=0.0), False, None),
        "class TF-IDF, occurrences": (tfidf("occurrences", 0.0), False, None),
        "class TF-IDF, coherent": (tfidf(), False, None),
        "log-odds": (odds(coherence=0.0), False, None),
        "log-odds, coherent": (odds(), False, None),
        "vectors (lexical), diversity 0": (rules.VectorRelevance(lexical, 0.0), False, "lexical"),
        "vectors (lexical), diversity .2": (rules.VectorRelevance(lexical, 0.2), False, "lexical"),
        "vectors (lexical), diversity .5": (rules.VectorRelevance(lexical, 0.5), False, "lexical"),
    }
    weights = (1, 1.5, 2, 3, 4, 8) if search else (WEIGHT,)
    for weight in weights:
        for name, encoder in encoders.items():
            rule = fm(relevance=weight, encoder=encoder)
            table[f"default, near {weight} ({name})"] = (rule, False, name)
    for share in (0.5, 0.8, 1.0):
        table[f"default, phrases {share}"] = (fm(phrase_worth=share), True, None)
    for share in (0.8, 1.0):
        rule = fm(phrase_worth=share, relevance=WEIGHT, encoder=lexical)
        table[f"default, near {WEIGHT} (lexical), phrases {share}"] = (rule, True, "lexical")
    return table


def load(name):
    """Give texts and unit MiniLM vectors of a corpus, 6,000 at most."""
    column = "body" if name == "newsgroups20" else "text"
    texts = pq.read_table(DATA / name / "data.parquet")[column].to_pylist()
    least = 20 if name == "newsgroups20" else 1
    rows = np.array([row for row, text in enumerate(texts) if text and len(text.split()) >= least])
    most = 5000 if name == "newsgroups20" else MOST
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    vectors = np.load(DATA / name / f"minilm_{column}.npy", mmap_mode="r")[rows].astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return [texts[row] for row in rows], vectors


class WordLlama:
    """Static vectors: the mean over a text's tokens."""

    def __init__(self, folder):
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        stem = Path(folder) / "wordllama"
        names = "tokenizers/l2_supercat_tokenizer_config.json"
        self.tokenizer = Tokenizer.from_file(str(stem / names))
        (table,) = load_file(stem / "weights/l2_supercat_256.safetensors").values()
        self.table = table.astype(np.float32)

    def encode(self, texts):
        """Give unit rows."""
        found = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        rows = np.stack([self.table[text.ids].mean(axis=0) for text in found])
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def prepare(name, encoders, cache):
    """Give counts of both halves, with and without phrases, and the centres of the topics."""
    texts, vectors = load(name)
    path = Path(cache) / f"labels-{name}-{len(texts)}.npy" if cache else None
    if path is not None and path.exists():
        labels = np.load(path)
    else:
        words = Vocabulary.fit([texts], stop_words="auto")
        labels = TopicModel(random_state=0).fit(vectors, words.counts(texts)).labels_
        if path is not None:
            np.save(path, labels)
    half = np.random.default_rng(1).random(len(texts)) < 0.5
    mine = [text for text, here in zip(texts, half, strict=True) if here]
    vocabulary = Vocabulary.fit([mine], stop_words="auto")
    phrases = Phrases.fit([mine], vocabulary.words)
    topics = int(labels.max()) + 1
    held = labels >= 0
    pick = csr_matrix(
        (np.ones(held.sum()), (labels[held], np.flatnonzero(held))), shape=(topics, len(texts))
    )
    counts = vocabulary.counts(texts).tocsr()
    both = hstack([counts, phrases.counts(texts)]).tocsr()
    encoders["lsa"].fit([mine])
    here = pick[:, half]
    centres = {
        name: here @ (vectors if name == "MiniLM" else encoder.encode(texts))[half]
        for name, encoder in encoders.items()
    }
    evidence = {}
    names = [*vocabulary.words, *phrases.phrases]
    for phrased, table in ((False, counts), (True, both)):
        evidence[phrased] = TopicCounts(
            documents=here @ (table[half] > 0).astype(np.float64),
            vocabulary=names if phrased else vocabulary.words,
            sizes=np.asarray(here.sum(axis=1)).ravel(),
            occurrences=here @ table[half],
            passages=table[half],
        )
    documents, sizes = (pick @ (both > 0)).toarray(), np.asarray(pick.sum(axis=1))
    return evidence, centres, both[~half], labels[~half], names, documents, sizes


def items(words, pool, share, frequency, rng):
    """Draw items of one topic: four words and an intruder, which stands last."""
    found = {FIRST: [], TEN: []}
    fair = {kind: [w for w in pool if (" " in w) == kind and w not in words and share[w]]
            for kind in (False, True)}  # fmt: skip
    if len(words) < 4 or not fair[False]:
        return found
    for way, drawn in found.items():
        for _ in range(ITEMS):
            four = words[:4] if way == FIRST else list(rng.permutation(words)[:4])
            phrased = rng.random() < np.mean([" " in word for word in four])
            among = fair[bool(phrased)] or fair[False]
            target = np.mean(np.log([frequency[word] for word in four]))
            gap = np.abs(np.log([frequency[word] for word in among]) - target)
            near = np.argsort(gap, kind="stable")[:10]
            drawn.append([*four, among[int(rng.choice(near))]])
    return found


def hits(items, vectors, row):
    """Give the share of items whose intruder the vectors find; equals share the hit."""
    scores = []
    for words in items:
        part = vectors[[row[word] for word in words]]
        near = np.round((part @ part.T - np.eye(5)).sum(axis=1), 6)
        low = np.flatnonzero(near == near.min())
        scores.append(float(4 in low) / len(low))
    return np.mean(scores) if scores else np.nan


def telling(words, marks, owners, column):
    """Give precision and coverage of the words over the other half, as in keywords.py."""
    precision, coverage = [], []
    for topic, chosen in enumerate(words):
        held = marks[:, [column[word] for word in chosen]]
        mine = held[owners == topic]
        if not mine.shape[0] or not chosen:
            continue
        seen = np.maximum(np.asarray(held.sum(axis=0)).ravel(), 1)
        precision.append(np.mean(np.asarray(mine.sum(axis=0)).ravel() / seen))
        coverage.append(np.mean(np.asarray(mine.sum(axis=1)).ravel() > 0))
    return [float(np.mean(precision)), float(np.mean(coverage))]


def measure(name, judges, encoders, search, cache):
    """Give for each rule: hits by judge, way and topic; NPMI by topic; diversity."""
    evidence, centres, other, owners, names, documents, sizes = prepare(name, encoders, cache)
    marks = (other > 0).tocsc()
    column = {word: place for place, word in enumerate(names)}
    total, all_sizes = documents.sum(axis=0), sizes.sum()
    frequency = {word: max(1.0, total[place]) for word, place in column.items()}
    chosen = {}
    for label, (rule, phrased, uses) in rule_table(encoders, search).items():
        given = replace(evidence[phrased], centres=centres.get(uses))
        chosen[label] = ([topic.words for topic in rule(given, n=10)], uses)
    topics = len(documents)
    pools = []
    for topic in range(topics):
        others = {w for words, _ in chosen.values() for at, ws in enumerate(words)
                  if at != topic for w in ws}  # fmt: skip
        pools.append(sorted(others))
    everything = sorted({w for words, _ in chosen.values() for ws in words for w in ws})
    row = {word: place for place, word in enumerate(everything)}
    vectors = {judge: encoder.encode(everything) for judge, encoder in judges.items()}
    out = {}
    for label, (words, uses) in chosen.items():
        score = {judge: {FIRST: [], TEN: []} for judge in judges if judge != uses}
        for topic in range(topics):
            share = {
                w: documents[topic, column[w]] / sizes[topic] < total[column[w]] / all_sizes
                for w in pools[topic]
            }
            drawn = items(words[topic], pools[topic], share, frequency,
                          np.random.default_rng([7, topic]))  # fmt: skip
            for judge, ways in score.items():
                for way in ways:
                    ways[way].append(hits(drawn[way], vectors[judge], row))
        out[label] = {
            "hits": score,
            "npmi": npmi(count_documents(words, other, names)).tolist(),
            "telling": telling(words, marks, owners, column),
            "diversity": diversity_score(words, resamples=1).value,
            "phrases": float(np.mean([" " in w for ws in words for w in ws])),
            "words": words,
        }
    return out


def interval(differences, seed=0, resamples=2000):
    """Give the mean over corpora of paired differences, and its 95% interval."""
    rng = np.random.default_rng(seed)
    held = [d[~np.isnan(d)] for d in differences]
    draws = np.mean(
        [d[rng.integers(len(d), size=(resamples, len(d)))].mean(axis=1) for d in held], axis=0
    )
    return np.mean([d.mean() for d in held]), *np.quantile(draws, [0.025, 0.975])


def summary(results, judges):
    """Print the table over the corpora: first four words, and in brackets any four of ten."""
    print(
        f"| rule | {' | '.join(judges)} | less default | by WordLlama | NPMI | diversity | "
        "precision | coverage |"
    )
    print("|" + "---|" * (len(judges) + 7))
    for label in next(iter(results.values())):
        cells = [label]
        given = [j for j in judges if j in next(iter(results.values()))[label]["hits"]]
        for judge in judges:
            means = [
                np.mean([np.nanmean(r[label]["hits"][judge][way]) for r in results.values()])
                for way in (FIRST, TEN) if judge in given
            ]  # fmt: skip
            cells.append("{:.3f} ({:.3f})".format(*means) if means else "-")
        for judge_set in (given, ["WordLlama"]):
            difference = [
                np.mean([np.subtract(r[label]["hits"][j][way], r[DEFAULT]["hits"][j][way])
                         for j in judge_set for way in (FIRST, TEN)], axis=0)
                for r in results.values()
            ]  # fmt: skip
            cells.append("{:+.3f} [{:+.3f}, {:+.3f}]".format(*interval(difference)))
        cells.append(f"{np.mean([np.nanmean(r[label]['npmi']) for r in results.values()]):.3f}")
        cells.append(f"{np.mean([r[label]['diversity'] for r in results.values()]):.3f}")
        for place in (0, 1):
            cells.append(f"{np.mean([r[label]['telling'][place] for r in results.values()]):.3f}")
        print(f"| {' | '.join(cells)} |")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordllama", required=True, help="the unpacked wheel of wordllama")
    parser.add_argument("--part", default="all", choices=["choose", "confirm", "all"])
    parser.add_argument("--corpora", help="names, with commas between, instead of --part")
    parser.add_argument("--cache", help="folder that keeps the topics")
    parser.add_argument("--search", action="store_true", help="more weights of nearness")
    parser.add_argument("--output", help="JSON with everything")
    options = parser.parse_args()
    names = [n for part, group in CORPORA.items() if options.part in (part, "all") for n in group]
    if options.corpora:
        names = options.corpora.split(",")
    lexical = load_encoder("lexical")
    judges = {
        "MiniLM": load_encoder("sentence-transformers/all-MiniLM-L6-v2"),
        "WordLlama": WordLlama(options.wordllama),
        "lexical": lexical,
    }
    encoders = {"lexical": lexical, "lsa": LsaEncoder(), "MiniLM": judges["MiniLM"]}
    results = {}
    for name in names:
        results[name] = measure(name, judges, encoders, options.search, options.cache)
        print(f"\n{name}, {len(results[name][DEFAULT]['npmi'])} topics", flush=True)
        summary({name: results[name]}, judges)
    for part, group in [*CORPORA.items(), ("all", names)]:
        held = {name: results[name] for name in group if name in results}
        if held:
            print(f"\nmean over the corpora of {part}: {', '.join(held)}")
            summary(held, judges)
    if options.output:
        Path(options.output).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
