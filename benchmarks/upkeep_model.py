"""The plain model of a changing atlas, its changes, and what the atlas must find after them."""

import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

QUERIES = ("space shuttle launch", "windows driver problem", "the goalie saved the game", "god")


@dataclass
class Model:
    """What the atlas should hold: id -> (passage, text, label, n), and the next number."""

    rows: dict = field(default_factory=dict)
    next_passage: int = 0

    def add(self, documents):
        """Give documents new numbers; those with ids that are there go."""
        for row in documents:
            self.rows[row["id"]] = (self.next_passage, row["text"], row["label"], row["n"])
            self.next_passage += 1

    def delete(self, ids):
        """Take documents out."""
        for one in ids:
            del self.rows[one]

    def ordered(self):
        """List passage, id, text, label, n by passage."""
        return sorted(((passage, one, *rest) for one, (passage, *rest) in self.rows.items()))


@dataclass
class Step:
    """One change: its kind and what it takes."""

    kind: str
    rows: list = field(default_factory=list)
    ids: list = field(default_factory=list)
    where: str | None = None

    def apply(self, model):
        """Change the model."""
        if self.kind == "delete":
            model.delete(self.ids)
        else:
            model.add(self.rows)

    def run(self, atlas):
        """Change the atlas."""
        if self.kind == "add":
            assert atlas.add(self.rows).added == len(self.rows)
        elif self.kind == "update":
            assert atlas.update(self.rows).updated == len(self.rows)
        else:
            named = {"where": self.where} if self.where else {"ids": self.ids}
            assert atlas.delete(**named).deleted == len(self.ids)


def make_step(number, model, pool, *, most, seed=0):
    """Draw the change with this number; it depends on the model and the seed only."""
    draw = random.Random(f"{seed}:{number}")
    kind = ("add", "delete", "update")[number % 3]
    count = draw.randint(1, most)
    held = sorted(model.rows)
    if kind == "add" or len(held) <= 2 * most:
        free = [row for row in pool if row["id"] not in model.rows]
        count = most if len(held) < 8 * most else count  # it should not dwindle
        return Step("add", draw.sample(free, min(count, len(free))))
    if kind == "delete":
        if draw.random() < 0.3:  # by a filter
            bound = sorted(model.rows[one][3] for one in held)[-count]
            ids = [one for one in held if model.rows[one][3] >= bound]
            return Step("delete", ids=ids, where=f"n >= {bound}")
        return Step("delete", ids=draw.sample(held, min(count, len(held) // 4)))
    rows = []
    for one in draw.sample(held, min(count, len(held) // 4)):
        other = draw.choice(pool)
        text = f"{other['text'][:2000]} version{number}"
        rows.append({"id": one, "text": text, "label": other["label"], "n": number})
    return Step("update", rows)


class Vectors:
    """Encodes each text once."""

    def __init__(self, encoder):
        self.encoder, self.known = encoder, {}

    def __call__(self, texts):
        """Give one row a text."""
        new = sorted({text for text in texts if text not in self.known})
        for text, row in zip(new, self.encoder.encode(new) if new else [], strict=True):
            self.known[text] = row
        return np.stack([self.known[text] for text in texts])


def check_content(atlas, model):
    """Compare rows, their numbers, and all counts with the model."""
    found = {}
    for batch in atlas.passages(["passage", "id", "text", "label", "n"]):
        for row in batch.to_pylist():
            found[row["id"]] = (row["passage"], row["text"], row["label"], row["n"])
    numbers = [row[0] for row in found.values()]
    assert numbers == sorted(numbers), "passages come out of order"
    assert found == model.rows, "the atlas holds other rows than the model"
    manifest = atlas.manifest
    assert manifest.passages == manifest.documents == len(model.rows)
    assert manifest.free_number == model.next_passage
    topics = np.concatenate([b.column("topic").to_numpy() for b in atlas.passages(["topic"])])
    assert manifest.unassigned == int((topics < 0).sum())
    live = {passage for passage, *_ in model.rows.values()}
    for topic in atlas.topics:
        if topic.is_leaf:
            assert topic.size == int((topics == topic.id).sum()), topic
        assert set(topic.exemplars) <= live and (topic.exemplars or not topic.size), topic


def fresh_scores(rows, folder, query):
    """Score words by an index of these rows that is built anew: passage -> score."""
    import lancedb
    import pyarrow as pa
    from lancedb.query import MatchQuery

    from isogloss.search.text_index import create_text_index

    key = folder / "fresh"
    if not key.exists():
        table = pa.table({"passage": [row[0] for row in rows], "text": [row[2] for row in rows]})
        create_text_index(lancedb.connect(key).create_table("t", table))
    table = lancedb.connect(key).open_table("t")
    found = table.search(MatchQuery(query, "text"), query_type="fts")
    found = found.select(["passage", "_score"]).limit(len(rows)).to_arrow()
    return dict(zip(found["passage"].to_pylist(), found["_score"].to_pylist(), strict=True))


def check_hits(hits, scores, ids, k):
    """Hits are the k best of the scores, in order, and carry them and the right ids."""
    best = sorted(scores.values(), reverse=True)[:k]
    assert len(hits) == len(best), f"{len(hits)} hits, not {len(best)}"
    for hit, score in zip(hits, best, strict=True):
        assert abs(hit.score - score) <= 1e-5, (hit.passage, hit.score, score)
        assert abs(scores[hit.passage] - hit.score) <= 1e-5, hit.passage
        assert ids[hit.passage] == hit.id
    assert len({hit.passage for hit in hits}) == len(hits)


def check_searches(atlas, model, vectors, scratch, *, k=20, seconds=None, queries=QUERIES):
    """Compare searches with brute force; with and without filters."""
    rows = model.ordered()
    ids = {row[0]: row[1] for row in rows}
    numbers = np.array([row[0] for row in rows])
    matrix = vectors([row[2] for row in rows])
    middle = sorted(row[4] for row in rows)[len(rows) // 2]
    label = rows[0][3]
    filters = {
        None: np.ones(len(rows), bool),
        f"label = '{label}'": np.array([row[3] == label for row in rows]),
        f"n >= {middle} AND label <> '{label}'": np.array(
            [row[4] >= middle and row[3] != label for row in rows]
        ),
        f"id = '{rows[-1][1]}'": numbers == numbers[-1],
    }
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for query in queries:
            unit = atlas.encoder.encode_query([query])[0]
            cosines = matrix @ (unit / np.linalg.norm(unit))
            words = fresh_scores(rows, Path(folder), query)
            for where, mask in filters.items():
                began = time.perf_counter()
                found = atlas.search(query, k=k, where=where, mode="vector").hits
                if seconds is not None:
                    seconds.append(time.perf_counter() - began)
                passing = numbers[mask].tolist()
                expected = dict(zip(passing, cosines[mask].tolist(), strict=True))
                check_hits(found, expected, ids, k)
                began = time.perf_counter()
                found = atlas.search(query, k=k, where=where, mode="text").hits
                if seconds is not None:
                    seconds.append(time.perf_counter() - began)
                expected = {number: words[number] for number in passing if number in words}
                check_hits(found, expected, ids, k)
