"""Time Min-Hashing over parts of a large corpus and over vocabularies of several sizes.

    python benchmarks/min_hashing.py --data ../shared/data

Reads every passage of `broad_english`, counts words once, and fits `MinHashingTopics` on parts of
rows and columns. `--drawn` adds passages drawn from Zipf's law over a million words, which share
no topics but strain memory as a large vocabulary does. Prints Markdown tables: CPU seconds of
mining, of clustering, and of the whole fit (median of the rounds), and straight lines through them.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp

from isogloss.text import Vocabulary
from isogloss.topics import MinHashingTopics
from isogloss.topics.mined_sets import mine_sets, tables_for
from isogloss.topics.set_clusters import link_sets


def read(folder):
    """Give all passages, each once, in one random order."""
    texts = []
    for path in sorted((folder / "broad_english").glob("passages_*.parquet")):
        texts += pq.read_table(path, columns=["text"])["text"].to_pylist()
    texts = list(dict.fromkeys(texts))
    return [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]


def drawn(passages, words, length, seed=0):
    """Give passages of words drawn with probability 1 / rank."""
    random = np.random.default_rng(seed)
    ranks = np.exp(random.random(passages * length) * np.log(words)).astype(np.int64) - 1
    starts = np.arange(0, passages * length + 1, length)
    counts = sp.csr_matrix((np.ones(len(ranks)), ranks, starts), shape=(passages, words))
    counts.sum_duplicates()
    return counts


def timed(counts, similarity):
    """Give sets, and CPU seconds of mining, of clustering and of the whole fit."""
    tables = tables_for(similarity, 2)
    began = time.process_time()
    sets = mine_sets(
        [counts], tuple_size=2, tables=tables, expand=True, least=3, seed=0, memory_mb=1024
    )
    mined = time.process_time()
    link_sets(sets, overlap=0.9, seed=1)
    linked = time.process_time()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*short texts")
        MinHashingTopics(similarity=similarity).fit(counts)
    return len(sets), mined - began, linked - mined, time.process_time() - linked


def line(sizes, seconds):
    """Give a straight line and a power of growth as text."""
    slope, start = np.polyfit(sizes, seconds, 1)
    rest = seconds - (start + slope * sizes)
    share = 1 - (rest @ rest) / ((seconds - seconds.mean()) ** 2).sum()
    power = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    return f"{start:.2f} + {1e6 * slope:.1f} for each million, R2 {share:.3f}, power {power:.2f}"


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--similarity", type=float, default=0.04)
    parser.add_argument("--shares", default="0.25,0.5,0.75,1")
    parser.add_argument("--words", default="10000,20000,40000,80000")
    parser.add_argument("--fixed-words", type=int, default=40_000)
    parser.add_argument("--drawn", type=int, default=0, help="passages drawn, 0 for none")
    options = parser.parse_args()
    texts = read(options.data)
    widths = [int(one) for one in options.words.split(",")]
    vocabulary = Vocabulary.fit([texts], max_words=max(widths), min_df=2, stop_words="auto")
    counts = vocabulary.counts(texts)
    common = np.argsort(-vocabulary.document_frequency, kind="stable")
    sizes = [round(float(share) * len(texts)) for share in options.shares.split(",")]
    columns = "| passages | words | entries | sets | mining s | clustering s | fit s | passages/s |"
    print(f"{columns}\n{'|---' * 8}|")

    def row(some):
        rounds = [timed(some, options.similarity) for _ in range(options.rounds)]
        sets, mining, clustering, whole = np.median(np.array(rounds), axis=0)
        print(
            f"| {some.shape[0]:,} | {some.shape[1]:,} | {some.nnz:,} | {int(sets):,} | "
            f"{mining:.2f} | {clustering:.2f} | {whole:.2f} | {some.shape[0] / whole:,.0f} |",
            flush=True,
        )
        return mining, whole

    fixed = counts[:, np.sort(common[: options.fixed_words])]
    by_size = np.array([row(fixed[:size]) for size in sizes])
    by_words = np.array([row(counts[:, np.sort(common[:many])]) for many in widths])
    if options.drawn:
        row(drawn(options.drawn, 1_000_000, 100))
    print("\n| CPU seconds of | over | straight line and power |\n|---|---|---|")
    for what, place in (("mining", 0), ("the whole fit", 1)):
        print(f"| {what} | passages | {line(np.array(sizes), by_size[:, place])} |")
        print(f"| {what} | words | {line(np.array(widths), by_words[:, place])} |")


if __name__ == "__main__":
    main()
