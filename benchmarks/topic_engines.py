"""Compare ways to find leaves over the same vectors: density, agglomeration, communities, ours.

    python benchmarks/topic_engines.py --data ../shared/data

Every corpus is cut to at most `--rows` random passages. Nobody is told the number of classes, but
the two linkages, which cannot do without, are cut at as many topics as ours found. Scores count
passages without a topic as a class of their own. Prints a Markdown table.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from isogloss.text import Vocabulary
from isogloss.topics.communities import leiden
from isogloss.topics.graph import WordWeights, neighbour_graph
from isogloss.topics.model import TopicModel
from topic_peers import read


def density(vectors, least):
    """Leaves of the exact density tree (HDBSCAN, excess of mass), 5 core neighbours."""
    from sklearn.cluster import HDBSCAN

    made = HDBSCAN(min_cluster_size=least, min_samples=5, algorithm="brute", copy=True)
    return made.fit_predict(vectors.astype(np.float64))


def smoothed(vectors, graph, times=2):
    """Vectors averaged with those of their neighbours, unit length."""
    step = graph + sp.diags(np.asarray(graph.sum(axis=1)).ravel())
    for _ in range(times):
        vectors = np.asarray(step @ vectors)
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors


def linkage(vectors, graph, kind, topics):
    """Agglomeration over the edges of the graph, cut at a number of topics."""
    from sklearn.cluster import AgglomerativeClustering

    made = AgglomerativeClustering(topics, linkage=kind, connectivity=graph)
    return made.fit_predict(vectors.astype(np.float64))


def engines(vectors, counts, seed):
    """Give labels and CPU seconds of each engine by name."""
    words = WordWeights.fit(counts).transform(counts)
    began = time.process_time()
    ours = TopicModel(random_state=seed).fit(vectors, counts)
    yield "ours", ours.labels_, time.process_time() - began
    topics = int(ours.labels_.max()) + 1
    least = max(10, len(vectors) // 200)
    dense = neighbour_graph(vectors, None, neighbours=25, lexical_weight=0.0)
    mixed = neighbour_graph(vectors, words, neighbours=50, lexical_weight=0.5)
    tasks = {
        "density tree, exact": lambda: density(vectors, least),
        "density after smoothing": lambda: density(smoothed(vectors, dense), least),
        "average linkage, K of ours": lambda: linkage(vectors, mixed, "average", topics),
        "Ward linkage, K of ours": lambda: linkage(vectors, mixed, "ward", topics),
        "Leiden at 1, vectors": lambda: leiden(dense, resolution=1.0, seed=seed),
        "Leiden at 2, vectors": lambda: leiden(dense, resolution=2.0, seed=seed),
        "Leiden at 2, vectors and words": lambda: leiden(mixed, resolution=2.0, seed=seed),
    }
    for name, task in tasks.items():
        began = time.process_time()
        yield name, task(), time.process_time() - began


def main():
    """Measure and print."""
    import warnings

    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    warnings.filterwarnings("ignore", message="the number of connected components")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--corpora",
        default="sample,bbc_news,shorttext_stackoverflow,shorttext_googlenews,banking77,agnews_test",
    )
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| corpus | engine | topics | NMI | ARI | unassigned | CPU s |\n" + "|---" * 7 + "|")
    for name in options.corpora.split(","):
        texts, vectors, truth = read(options.data, name)
        kept = np.random.default_rng(options.seed).permutation(len(texts))[: options.rows]
        texts, vectors, truth = [texts[i] for i in kept], vectors[kept], truth[kept]
        counts = Vocabulary.fit([texts], stop_words="auto").counts(texts)
        for engine, labels, seconds in engines(vectors, counts, options.seed):
            nmi = normalized_mutual_info_score(truth, labels)
            ari = adjusted_rand_score(truth, labels)
            print(
                f"| {name} | {engine} | {len(set(labels[labels >= 0].tolist()))} | {nmi:.3f} | "
                f"{ari:.3f} | {(labels < 0).mean():.1%} | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
