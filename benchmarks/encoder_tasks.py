"""Tasks that text encoders are compared on: similar pairs, labelled corpora, retrieval.

Each task names groups of texts; an encoder gives vectors of every group; scoring needs no encoder.
"""

from typing import NamedTuple

import numpy as np

PAIRS = {"sts_benchmark": "test", "sts_2012_2016": "test", "sick2014": "test"}
LABELLED = {"newsgroups20": ("body", "label"), "banking77": ("text", "label"),
            "bbc_news": ("text", "label"), "agnews_test": ("text", "label"),
            "shorttext_stackoverflow": ("text", "label"),
            "shorttext_googlenews": ("text", "label"), "clinc150": ("text", "label"),
            "debian_packages": ("text", "section")}  # fmt: skip
RETRIEVAL = ("cranfield", "claims_politifact", "claims_snopes", "limit_small")
RESAMPLES = 200


class Task(NamedTuple):
    """What is asked: groups of texts, what is right, and the teacher's vectors where they lie."""

    kind: str
    groups: dict
    truth: object
    ready: object = None


class Found(NamedTuple):
    """One score with its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:.3f} [{self.low:.3f} {self.high:.3f}]"


def read_task(data, name, count):
    """Read one task; labelled corpora are cut to `count` texts drawn by a fixed seed."""
    if name in PAIRS:
        return read_pairs(data, name)
    if name in RETRIEVAL:
        return read_retrieval(data, name)
    return read_labelled(data, name, count)


def read_pairs(data, name):
    """Read graded pairs of the test part."""
    import pyarrow.parquet as pq

    path = data / name / "data.parquet"
    table = pq.read_table(path, filters=[("split", "=", PAIRS[name])])
    sides = [table[column].to_pylist() for column in ("text1", "text2")]
    texts = list(dict.fromkeys(sides[0] + sides[1]))
    place = {text: i for i, text in enumerate(texts)}
    rows = [np.array([place[text] for text in side]) for side in sides]
    return Task("pairs", {"texts": texts}, (*rows, np.array(table["score"].to_pylist())))


def read_labelled(data, name, count):
    """Read texts and class numbers, with the teacher's vectors where they lie ready."""
    import pyarrow.parquet as pq

    column, target = LABELLED[name]
    table = pq.read_table(data / name / "data.parquet", columns=[column, target])
    texts, labels = table[column].to_pylist(), table[target].to_pylist()
    least = 10 if column == "body" else 1
    kept = [i for i, text in enumerate(texts) if text and len(text.split()) >= least
            and labels[i] and labels[i] != "oos"]  # fmt: skip
    kept = np.random.default_rng(0).permutation(kept)[:count]
    file = data / name / f"minilm_{column}.npy"
    ready = None
    if file.is_file():
        vectors = np.load(file)[kept].astype(np.float32)
        ready = {"texts": vectors / np.maximum(np.linalg.norm(vectors, axis=1)[:, None], 1e-9)}
    classes = np.unique([str(labels[i]) for i in kept], return_inverse=True)[1]
    return Task("labelled", {"texts": [texts[i] for i in kept]}, classes, ready)


def read_retrieval(data, name):
    """Read documents, queries and grades, the best grade the highest."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(data / name / f"{part}.parquet").to_pylist()
              for part in ("corpus", "queries", "qrels")]  # fmt: skip
    corpus, queries, judged = tables
    qrels = {}
    for row in judged:
        grade = row["score"]
        if name == "cranfield":  # codes: 1 is best, 4 is least, -1 is not relevant
            grade = 5 - grade if grade > 0 else 0
        qrels.setdefault(row["query_id"], {})[row["doc_id"]] = grade
    queries = [row for row in queries if row["id"] in qrels]
    groups = {"documents": [row["text"] or "" for row in corpus],
              "queries": [row["text"] or "" for row in queries]}  # fmt: skip
    ids = [row["id"] for row in corpus], [row["id"] for row in queries]
    return Task("retrieval", groups, (*ids, qrels))


def score_pairs(task, vectors):
    """Give the correlation of cosines with the grades."""
    left, right, grades = task.truth
    one = vectors["texts"]
    return {"spearman": spearman((one[left] * one[right]).sum(axis=1), grades)}


def score_retrieval(task, vectors):
    """Give nDCG@10 and recall@10 by cosine."""
    from isogloss.evaluate import ndcg_at_k, recall_at_k

    documents, queries, qrels = task.truth
    run = {}
    for i, query in enumerate(queries):
        cosines = vectors["documents"] @ vectors["queries"][i]
        best = np.argsort(-cosines, kind="stable")[:50]
        run[query] = {documents[j]: float(cosines[j]) for j in best}
    found = {"ndcg@10": ndcg_at_k(qrels, run), "recall@10": recall_at_k(qrels, run)}
    return {name: Found(one.value, one.low, one.high) for name, one in found.items()}


def score_labelled(task, vectors, teacher, seeds):
    """Give NMI and probe accuracy against the classes, and fidelity to the teacher."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression

    from isogloss.evaluate.partition import partition_scores

    classes, one, wanted = task.truth, vectors["texts"], teacher["texts"]
    nmi, probe = [], []
    for seed in range(seeds):
        labels = KMeans(classes.max() + 1, n_init=1, random_state=seed).fit_predict(one)
        nmi.append(partition_scores(labels.astype(np.int64), classes, resamples=RESAMPLES)["nmi"])
        order = np.random.default_rng(seed).permutation(len(classes))
        learn, ask = np.split(order, [int(0.7 * len(order))])
        model = LogisticRegression(max_iter=200, C=10, tol=1e-3).fit(one[learn], classes[learn])
        probe.append(mean((model.predict(one[ask]) == classes[ask]).astype(float)))
    found = {"nmi": over_seeds(nmi), "probe": over_seeds(probe)}
    a, b = np.random.default_rng(0).integers(len(one), size=(2, 20_000))
    found["random pairs"] = agreement(one, wanted, a[a != b], b[a != b])
    theirs, ours = nearest(wanted), nearest(one)
    near = np.repeat(np.arange(len(one)), theirs.shape[1])
    found["near pairs"] = agreement(one, wanted, near, theirs.ravel())
    shared = [len(np.intersect1d(x, y)) / len(x) for x, y in zip(ours, theirs, strict=True)]
    found["neighbours"] = mean(np.array(shared))
    return found


def over_seeds(scores):
    """Give the mean over seeds, and the widest interval: of any seed's bootstrap."""
    value = float(np.mean([one.value for one in scores]))
    return Found(value, min(one.low for one in scores), max(one.high for one in scores))


def mean(values):
    """Give a mean with its bootstrap interval."""
    from isogloss._math.bootstrap import mean_interval

    return Found(float(values.mean()), *mean_interval(values, resamples=RESAMPLES))


def agreement(one, other, a, b):
    """Give the correlation of two encoders' cosines of pairs."""
    return spearman(*((x[a] * x[b]).sum(axis=1) for x in (one, other)))


def spearman(x, y):
    """Give Spearman's correlation with its interval."""
    from isogloss.evaluate.encoder_scores import spearman

    one = spearman(x, y, resamples=RESAMPLES)
    return Found(one.value, one.low, one.high)


def nearest(vectors, count=10):
    """Give the ten nearest others of each text."""
    out = []
    for first in range(0, len(vectors), 1000):
        cosines = vectors[first : first + 1000] @ vectors.T
        cosines[np.arange(len(cosines)), first + np.arange(len(cosines))] = -2
        out.append(np.argpartition(-cosines, count, axis=1)[:, :count])
    return np.concatenate(out)
