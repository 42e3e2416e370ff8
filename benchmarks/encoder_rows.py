"""Vectors of the encoders that are compared, each over all texts of all tasks.

`luxical:FILE` and `model2vec:FOLDER` run in a process of another interpreter (`--peers-python`),
`tfidf-svd:DIM` is fitted, without labels, on the very texts of each task (of retrieval on the
documents), and every other name is a spec of `isogloss.load_encoder`.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PEERS = ("luxical", "model2vec")


def peer_encoder(spec):
    """Load a peer, in the interpreter that has it."""
    kind, _, path = spec.partition(":")
    if kind == "luxical":
        from luxical.embedder import Embedder

        return Embedder.load(path)
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(path)

    def encode(texts):
        # Without a process pool, whose use would hang on the size of the batch.
        return model.encode(texts, use_multiprocessing=False)

    return encode


def unit(vectors):
    """Bring rows to unit length; rows of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def peer_vectors(spec, groups, python):
    """Encode groups of texts by a peer in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(groups))
        command = [python, __file__, spec, name]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{spec} failed:\n{done.stderr[-2000:]}")
        with np.load(folder / "vectors.npz") as held:
            return {key: held[key] for key in groups}


def svd_vectors(dim, task):
    """Fit TF-IDF and a truncated SVD on the texts of a task and give their vectors."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted = next(iter(task.groups.values()))
    vectorizer = TfidfVectorizer(sublinear_tf=True)
    counts = vectorizer.fit_transform(fitted)
    model = TruncatedSVD(min(dim, min(counts.shape) - 1), random_state=0).fit(counts)
    return {name: unit(model.transform(vectorizer.transform(texts)))
            for name, texts in task.groups.items()}  # fmt: skip


def rows(spec, tasks, python):
    """Give an encoder's vectors of every task."""
    kind, _, argument = spec.partition(":")
    if kind == "tfidf-svd":
        return {name: svd_vectors(int(argument), task) for name, task in tasks.items()}
    groups = {f"{name}/{part}": texts for name, task in tasks.items()
              for part, texts in task.groups.items()}  # fmt: skip
    if kind in PEERS:
        if python is None:
            raise SystemExit(f"{spec}: give --peers-python, an interpreter that has {kind}")
        vectors = peer_vectors(spec, groups, python)
    else:
        from isogloss import load_encoder

        encoder = load_encoder(spec)
        vectors = {key: encoder.encode(texts) for key, texts in groups.items()}
    return {name: {part: unit(vectors[f"{name}/{part}"]) for part in task.groups}
            for name, task in tasks.items()}  # fmt: skip


def teacher_rows(spec, tasks, cache):
    """Give the teacher's vectors: those that lie ready, and the others by way of the cache."""
    from isogloss import load_encoder
    from isogloss.train.teacher import teacher_vectors

    teacher = load_encoder(spec, overflow="truncate")
    out = {}
    for name, task in tasks.items():
        out[name] = task.ready or {
            part: unit(teacher_vectors(texts, teacher, cache))
            for part, texts in task.groups.items()
        }
        print(f"teacher: {name}", file=sys.stderr, flush=True)
    return out


def worker(spec, folder):
    """Encode prepared groups."""
    folder = Path(folder)
    groups = json.loads((folder / "texts.json").read_text())
    encode, began = peer_encoder(spec), time.process_time()
    vectors = {key: encode(texts) for key, texts in groups.items()}
    print(f"{spec}: {time.process_time() - began:.1f} CPU s", file=sys.stderr)
    np.savez(folder / "vectors.npz", **vectors)


if __name__ == "__main__":
    worker(*sys.argv[1:])
