"""Judged sets for benchmarks/retrieval.py: four published ones, and four made from other tables.

Made from other tables (nothing was judged by us; what is relevant follows from the table):

- ``threads``: newsgroups20. Query: the subject of a thread of three posts or more; relevant: its
  posts (first 80 words; replies quote each other, so words repeat). The development set.
- ``titles``: bbc_news. Query: the title; relevant: the one article (100 words after the title).
- ``synonyms``: disease_ontology. Query: a synonym of a disease, other than its name; relevant: its
  name and definition.
- ``tags``: debian_packages. Query: a tag's description; relevant: the packages that bear it, of a
  sample of 3,000 (tags with 3 to 100 of them).
"""

import re
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

PUBLISHED = ("cranfield", "claims_politifact", "claims_snopes", "limit_small")
MADE = ("titles", "synonyms", "tags", "threads")
DEVELOPMENT = "threads"
_REPLY = re.compile(r"^\s*((re|fwd?)\s*(\[\d+\])?:\s*)+", re.IGNORECASE)


class Judged(NamedTuple):
    """Documents, queries and grades."""

    name: str
    ids: list
    texts: list
    queries: dict
    qrels: dict


def read_set(data, name, count=200, seed=0):
    """Read one set, with at most `count` of its judged queries drawn by a fixed seed."""
    made = {"titles": _titles, "synonyms": _synonyms, "tags": _tags, "threads": _threads}
    found = made[name](data) if name in made else _published(data, name)
    keys = sorted(
        key for key in found.queries if any(g > 0 for g in found.qrels.get(key, {}).values())
    )
    if len(keys) > count:
        drawn = np.random.default_rng(seed).permutation(len(keys))[:count]
        keys = sorted(keys[i] for i in drawn.tolist())
    return found._replace(queries={key: found.queries[key] for key in keys},
                          qrels={key: found.qrels[key] for key in keys})  # fmt: skip


def _published(data, name):
    corpus, queries, judged = (pq.read_table(data / name / f"{part}.parquet").to_pylist()
                               for part in ("corpus", "queries", "qrels"))  # fmt: skip
    qrels = {}
    for row in judged:
        grade = row["score"]
        if name == "cranfield":  # codes: 1 is best, 4 is least, -1 is not relevant
            grade = 5 - grade if grade > 0 else 0
        qrels.setdefault(row["query_id"], {})[row["doc_id"]] = grade
    return Judged(name, [row["id"] for row in corpus], [row["text"] or "" for row in corpus],
                  {row["id"]: row["text"] for row in queries}, qrels)  # fmt: skip


def _words(text, first, last):
    return " ".join(text.split()[first:last])


def _threads(data):
    rows = pq.read_table(data / "newsgroups20" / "data.parquet",
                         columns=["id", "subject", "body"]).to_pylist()  # fmt: skip
    threads = {}
    for row in rows:
        subject = " ".join(_REPLY.sub("", row["subject"] or "").split())
        if len(subject.split()) >= 3 and len((row["body"] or "").split()) >= 20:
            threads.setdefault(subject.lower(), []).append(row)
    chosen = sorted(key for key, posts in threads.items() if 3 <= len(posts) <= 30)
    order = np.random.default_rng(0).permutation(len(chosen)).tolist()
    ids, texts, queries, qrels = [], [], {}, {}
    for place in order:
        key = chosen[place]
        if len(ids) > 2500:
            break
        queries[f"t{place}"] = key
        qrels[f"t{place}"] = {row["id"]: 1 for row in threads[key]}
        ids += [row["id"] for row in threads[key]]
        texts += [_words(row["body"], 0, 80) for row in threads[key]]
    return Judged("threads", ids, texts, queries, qrels)


def _titles(data):
    rows = pq.read_table(data / "bbc_news" / "data.parquet").to_pylist()
    ids, texts, queries, qrels = [], [], {}, {}
    for row in rows:
        title = row["title"].strip()
        body = row["text"].removeprefix(title)
        ids.append(row["id"])
        texts.append(_words(body, 0, 100))
        queries[row["id"]] = title
        qrels[row["id"]] = {row["id"]: 1}
    seen = {}
    for title in queries.values():
        seen[title] = seen.get(title, 0) + 1
    queries = {key: title for key, title in queries.items() if seen[title] == 1}
    return Judged("titles", ids, texts, queries, qrels)


def _synonyms(data):
    rows = pq.read_table(data / "disease_ontology" / "data.parquet").to_pylist()
    rng = np.random.default_rng(0)
    ids, texts, queries, qrels = [], [], {}, {}
    for row in rows:
        ids.append(row["id"])
        texts.append(f"{row['name']}. {row['definition'] or ''}".strip())
        known = [one for one in row["synonyms"] or [] if one.lower() not in row["name"].lower()
                 and len(one.split()) >= 2]  # fmt: skip
        if known:
            queries[row["id"]] = known[int(rng.integers(len(known)))]
            qrels[row["id"]] = {row["id"]: 1}
    return Judged("synonyms", ids, texts, queries, qrels)


def _tags(data):
    rows = pq.read_table(data / "debian_packages" / "data.parquet").to_pylist()
    rows = [row for row in rows if row["tags"] and len(row["text"].split()) >= 10]
    drawn = np.random.default_rng(0).permutation(len(rows))[:3000].tolist()
    rows = [rows[i] for i in sorted(drawn)]
    bears = {}
    for row in rows:
        for tag in row["tags"]:
            bears.setdefault(tag, []).append(row["id"])
    queries, qrels = {}, {}
    for tag in pq.read_table(data / "debtags_vocabulary" / "data.parquet").to_pylist():
        known = bears.get(tag["id"], [])
        if tag["kind"] == "tag" and 3 <= len(known) <= 100 and len(tag["short"]) > 2:
            queries[tag["id"]] = (
                f"{tag['short']}. {_words(tag['description'] or '', 0, 30)}".strip()
            )
            qrels[tag["id"]] = dict.fromkeys(known, 1)
    return Judged("tags", [row["id"] for row in rows], [_words(row["text"], 0, 80) for row in rows],
                  queries, qrels)  # fmt: skip
