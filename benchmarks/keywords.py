"""Compare rules for keywords over labelled corpora: coherence, diversity, how well they predict.

    ISOGLOSS_DATA=DATA PYTHONPATH=src python benchmarks/keywords.py [--stop-words] [--whole]

Topics are k-means clusters of MiniLM vectors (of LSA vectors where there are none). Keywords are
chosen on one half of the documents; NPMI is computed on the same half (the peers' convention)
and on the other half. `--whole` uses all documents for both. Needs the extra `eval`.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix
from scipy.stats import rankdata
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfVectorizer

from isogloss.evaluate.coherence import diversity_score, npmi
from isogloss.evaluate.cooccurrence import count_documents
from isogloss.topics.keywords import topic_keywords

DATA = Path(os.environ.get("ISOGLOSS_DATA", Path(__file__).resolve().parents[2] / "shared/data"))
TOKEN = r"[^\W\d_][\w\u0900-\u09ff]+"
CORPORA = [
    ("newsgroups20/data", "body", 20),
    ("newsgroups20/data", "body", 40),
    ("bbc_news/data", "text", 15),
    ("agnews_test/data", "text", 30),
    ("shorttext_searchsnippets/data", "text", 20),
    ("shorttext_stackoverflow/data", "text", 30),
    ("banking77/data", "text", 60),
    ("shorttext_googlenews/data", "text", 100),
    ("reuters21578/data", "text", 40),
    ("marathi_news_headlines/data", "text", 15),
    ("bengali_hate/v2", "text", 15),
]


def load(name, column, k):
    """Give counts, vocabulary and cluster labels of a corpus."""
    texts = pq.read_table(DATA / f"{name}.parquet")[column].to_pylist()
    rows = np.array([row for row, text in enumerate(texts) if text])
    if name.startswith("newsgroups20"):  # the sample of the peers' figures
        rows = np.array([row for row in rows if len(texts[row].split()) >= 20])
        rows = np.sort(np.random.default_rng(0).choice(rows, 5000, replace=False))
    elif name.startswith("reuters"):
        rows = rows[::3]
    texts = [texts[row] for row in rows]
    stored = DATA / Path(name).parent / f"minilm_{column}.npy"
    if stored.exists():
        vectors = np.load(stored, mmap_mode="r")[rows].astype(np.float32)
    else:
        weights = TfidfVectorizer(token_pattern=TOKEN, min_df=3, sublinear_tf=True)
        vectors = TruncatedSVD(100, random_state=0).fit_transform(weights.fit_transform(texts))
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    clusterer = KMeans if len(texts) < 8000 else MiniBatchKMeans
    labels = clusterer(k, n_init=3, random_state=0).fit(vectors).labels_
    counter = CountVectorizer(token_pattern=TOKEN, min_df=3)
    counts = counter.fit_transform(texts)
    return counts, counter.get_feature_names_out().tolist(), labels


def class_tfidf(counts, *_):
    """c-TF-IDF as BERTopic has it."""
    counts = counts + 1e-12
    return (
        counts
        / counts.sum(1, keepdims=True)
        * np.log(1 + counts.sum() / len(counts) / counts.sum(0))
    )


def log_odds(counts, *_):
    """Log-odds with an informative Dirichlet prior of 1,000 words (Monroe et al. 2008)."""
    prior = 1000 * counts.sum(0) / counts.sum()
    here, there = counts + prior, counts.sum(0) - counts + prior
    n_here = counts.sum(1, keepdims=True) + 1000
    n_there = counts.sum() - counts.sum(1, keepdims=True) + 1000
    with np.errstate(all="ignore"):  # words that the half has not
        odds = np.log(here / (n_here - here)) - np.log(there / (n_there - there))
        return np.nan_to_num(odds / np.sqrt(1 / here + 1 / there), nan=-np.inf)


def word_topic_npmi(_, documents, sizes):
    """NPMI of word and topic over documents."""
    p = documents / sizes.sum()
    with np.errstate(all="ignore"):
        ratio = np.log(p / (documents.sum(0) / sizes.sum() * (sizes / sizes.sum())[:, None]))
        return np.where(documents > 0, ratio / -np.log(p), -1)


def frex(_, documents, sizes):
    """Frequent and exclusive words (Bischof & Airoldi 2012), both halves alike."""
    share = documents / sizes[:, None]
    exclusive = share / np.maximum(share.sum(0), 1e-12)
    ranks = [np.apply_along_axis(rankdata, 1, part) / part.shape[1] for part in (share, exclusive)]
    return 2 / (1 / ranks[0] + 1 / ranks[1])


def by_rule(rule, counts, labels, sizes, vocabulary):
    """Give the ten best words of each topic by a rule."""
    pick = csr_matrix((np.ones(labels.size), (labels, np.arange(labels.size))))
    documents = (pick @ (counts > 0)).toarray()
    table = (pick @ counts).toarray().astype(float)
    if rule is documents_tfidf:
        table, rule = documents, class_tfidf
    worth = np.where(documents.sum(0) >= 3, rule(table, documents, sizes), -np.inf)
    return [[vocabulary[i] for i in np.argsort(-row, kind="stable")[:10]] for row in worth]


def documents_tfidf():
    """c-TF-IDF over document counts: handled in `by_rule`."""


def ours(**options):
    """Make a rule of `topic_keywords`."""

    def rule(counts, labels, sizes, vocabulary, stop):
        pick = csr_matrix((np.ones(labels.size), (labels, np.arange(labels.size))))
        how = {"counts": counts, "stop_words": stop} | options
        found = topic_keywords(pick @ (counts > 0), vocabulary, sizes=sizes, **how)
        return [topic.words for topic in found]

    return rule


RULES = {
    "c-TF-IDF": class_tfidf,
    "c-TF-IDF, documents": documents_tfidf,
    "log-odds": log_odds,
    "word-topic NPMI": word_topic_npmi,
    "FREX": frex,
    "F-measure alone": ours(counts=None, exclusive=0.0),
    "and exclusive 2": ours(counts=None),
    "and coherence 2 (ours)": ours(),
    "the same, exclusive 3": ours(exclusive=3.0),
    "the same, coherence 1": ours(coherence=1.0),
}


def measure(keywords, chosen_on, other, labels, vocabulary):
    """Give NPMI on both halves, diversity, precision and coverage on the other half."""
    number = {word: column for column, word in enumerate(vocabulary)}
    marks = (other > 0).tocsc()
    precision, coverage = [], []
    for topic, words in enumerate(keywords):
        held = marks[:, [number[word] for word in words]]
        mine = held[labels == topic]
        seen = np.maximum(np.asarray(held.sum(0)).ravel(), 1)
        precision.append(np.mean(np.asarray(mine.sum(0)).ravel() / seen))
        coverage.append(np.mean(np.asarray(mine.sum(1)).ravel() > 0))
    return (
        np.nanmean(npmi(count_documents(keywords, chosen_on, vocabulary))),
        np.nanmean(npmi(count_documents(keywords, other, vocabulary))),
        diversity_score(keywords, resamples=1).value,
        np.mean(precision),
        np.mean(coverage),
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stop-words", action="store_true", help="leave out English stop words")
    parser.add_argument("--whole", action="store_true", help="no held-out half")
    options = parser.parse_args()
    stop = ENGLISH_STOP_WORDS if options.stop_words else frozenset()
    rows = {name: [] for name in RULES}
    for corpus, column, k in CORPORA:
        counts, vocabulary, labels = load(corpus, column, k)
        keep = [column for column, word in enumerate(vocabulary) if word not in stop]
        counts, vocabulary = counts[:, keep], [vocabulary[column] for column in keep]
        half = np.random.default_rng(1).random(labels.size) < 0.5
        if options.whole:
            half[:] = True
        mine, other = counts[half], counts[~half] if not options.whole else counts
        sizes = np.bincount(labels[half], minlength=k)
        print(f"\n{corpus} {k} topics, {half.sum()} documents, {len(vocabulary)} words")
        for name, rule in RULES.items():
            arguments = (mine, labels[half], sizes, vocabulary)
            words = rule(*arguments, stop) if rule.__name__ == "rule" else by_rule(rule, *arguments)
            score = measure(
                words, mine, other, labels[~half] if not options.whole else labels, vocabulary
            )
            rows[name].append(score)
            show(name, score)
    print("\nmean over corpora")
    for name, scores in rows.items():
        show(name, np.mean(scores, axis=0))


def show(name, score):
    """Print one line."""
    heads = ("npmi", "other half", "diversity", "precision", "coverage")
    print(f"  {name:24}", "  ".join(f"{h} {s:6.3f}" for h, s in zip(heads, score, strict=True)))


if __name__ == "__main__":
    main()
