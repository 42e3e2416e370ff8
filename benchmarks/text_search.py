"""Text search by Lance, bm25s and tantivy: same ranking, speed, size.

    python benchmarks/text_search.py --data ../shared/data [--rows 5000 50000] [--equal] [--judged]

`--equal` gives all three the same plain words (lower case, letters and digits, no stems) and
compares scores and first tens: only the engines differ. `--judged` gives each its own English words
(Lance those of the package, bm25s and tantivy a Snowball stemmer) and scores the judged sets.
`--rows` builds over passages of broad_english and asks 200 queries of four words drawn from
passages: CPU seconds of the build, megabytes on disk, queries a CPU second on one thread, CPU
milliseconds that 95% stay below, and CPU seconds to add 1% more passages and find one. Each engine
runs in a process of its own. Needs bm25s, PyStemmer and tantivy.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import retrieval_sets

ENGINES = ("lance", "bm25s", "tantivy")
_WORD = re.compile(r"[a-z0-9]+")


def plain(text):
    """Give the plain words of a text."""
    return _WORD.findall(text.lower())


class Lance:
    """The package's own index, or one over words parted by spaces."""

    def __init__(self, folder, words):
        self.folder, self.words = folder, words

    def _rows(self, texts, first):
        numbers = pa.array(range(first, first + len(texts)), pa.int64())
        return pa.table({"passage": numbers, "text": texts})

    def build(self, texts):
        """Write the table and index it."""
        import lancedb
        from lancedb.index import FTS

        from isogloss.search.text_index import create_text_index

        self.table = lancedb.connect(self.folder).create_table("passages", self._rows(texts, 0))
        if self.words:
            create_text_index(self.table)
        else:
            plain_words = FTS(
                base_tokenizer="whitespace",
                stem=False,
                remove_stop_words=False,
                ascii_folding=False,
                max_token_length=None,
                with_position=False,
            )
            self.table.create_index("text", config=plain_words)
        self.count = len(texts)

    def add(self, texts):
        """Append, and bring the index up to date."""
        self.table.add(self._rows(texts, self.count))
        self.table.optimize()
        self.count += len(texts)

    def ask(self, query, k):
        """Give passages and scores."""
        from lancedb.query import MatchQuery

        found = self.table.search(MatchQuery(query, "text"), query_type="fts")
        found = found.select(["passage", "_score"]).limit(k).to_arrow()
        return found["passage"].to_pylist(), found["_score"].to_pylist()


class Bm25s:
    """Sparse matrices in memory; a new passage means a new index."""

    def __init__(self, folder, words):
        import bm25s
        import Stemmer

        self.folder, self.library = folder, bm25s
        self.stemmer = Stemmer.Stemmer("english") if words else None

    def _cut(self, texts):
        return self.library.tokenize(texts, stopwords=None, stemmer=self.stemmer,
                                     token_pattern=r"(?u)\b\w+\b", show_progress=False)  # fmt: skip

    def build(self, texts):
        """Index, and write the index."""
        self.texts = texts
        self.index = self.library.BM25(method="lucene", k1=1.2, b=0.75)
        self.index.index(self._cut(texts), show_progress=False)
        self.index.save(self.folder)

    def add(self, texts):
        """Index anew: there is no other way."""
        self.build([*self.texts, *texts])

    def ask(self, query, k):
        """Give passages and scores above 0."""
        words = self.library.tokenize([query], stopwords=None, stemmer=self.stemmer,
                                      token_pattern=r"(?u)\b\w+\b", show_progress=False,
                                      return_ids=False)  # fmt: skip
        k = min(k, len(self.texts))
        found, scores = self.index.retrieve(words, k=k, show_progress=False, n_threads=0)
        keep = scores[0] > 0
        return found[0][keep].tolist(), scores[0][keep].tolist()


class Tantivy:
    """Segments on disk with commits."""

    def __init__(self, folder, words):
        import tantivy

        self.library = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("passage", stored=True, indexed=True)
        builder.add_text_field("text", tokenizer_name="en_stem" if words else "whitespace")
        self.index = tantivy.Index(builder.build(), path=folder)
        self.count = 0

    def build(self, texts):
        """Write and merge the segments."""
        self.add(texts)

    def add(self, texts):
        """Append and commit."""
        writer = self.index.writer(128_000_000, 1)
        for number, text in enumerate(texts, start=self.count):
            writer.add_document(self.library.Document(passage=number, text=text))
        writer.commit()
        writer.wait_merging_threads()
        self.index.reload()
        self.searcher = self.index.searcher()
        self.count += len(texts)

    def ask(self, query, k):
        """Give passages and scores; a query is words, never a query language."""
        quoted = " ".join(plain(query))
        found = self.searcher.search(self.index.parse_query(quoted, ["text"]), limit=k).hits
        return [self.searcher.doc(address)["passage"][0] for _, address in found], [
            score for score, _ in found]  # fmt: skip


MAKERS = {"lance": Lance, "bm25s": Bm25s, "tantivy": Tantivy}


def equal(data):
    """Compare scores and first tens over the same plain words."""
    print("\n| set | pair | scores, largest relative difference | same first ten, ties aside |")
    print("|---|---|---|---|")
    for name in ("cranfield", "claims_snopes"):
        judged = retrieval_sets.read_set(data, name, 100)
        texts = [" ".join(plain(text)) for text in judged.texts]
        queries = [" ".join(dict.fromkeys(plain(text))) for text in judged.queries.values()]
        answers = {}
        for engine in ENGINES:
            made = MAKERS[engine](tempfile.mkdtemp(), words=False)
            made.build(texts)
            answers[engine] = [dict(zip(*made.ask(query, 50), strict=True)) for query in queries]
        for other in ("bm25s", "tantivy"):
            gaps, same = [], []
            for ours, theirs in zip(answers["lance"], answers[other], strict=True):
                both = sorted(set(ours) & set(theirs))
                left, right = (np.array([one[p] for p in both]) for one in (ours, theirs))
                right = right * (left.sum() / right.sum())  # some leave out the constant k1 + 1
                gaps.append(float(np.abs(left / right - 1).max()))
                tenth = sorted(ours.values())[-10] * (1 - 1e-4)
                sure = {p for p, s in ours.items() if s > tenth * (1 + 3e-4)}
                last = sorted(theirs.values())[-10] * (1 - 1e-4)
                same.append(sure <= {p for p, s in theirs.items() if s >= last})
            print(
                f"| {name} | lance, {other} | {max(gaps):.1e} | {np.mean(same):.0%} |", flush=True
            )


def judged_sets(data):
    """Score each engine with its own words."""
    from isogloss.evaluate import ndcg_at_k, paired_ndcg, recall_at_k

    print("\n| set | engine | nDCG@10 | recall@100 | against lance |")
    print("|---|---|---|---|---|")
    for name in (*retrieval_sets.PUBLISHED, "tags"):
        judged = retrieval_sets.read_set(data, name, 200)
        runs = {}
        for engine in ENGINES:
            made = MAKERS[engine](tempfile.mkdtemp(), words=True)
            made.build(judged.texts)
            run = runs[engine] = {}
            for query, text in judged.queries.items():
                passages, scores = made.ask(text, 100)
                run[query] = {judged.ids[p]: s for p, s in zip(passages, scores, strict=True)}
            ndcg, recall = ndcg_at_k(judged.qrels, run), recall_at_k(judged.qrels, run, k=100)
            test = str(paired_ndcg(judged.qrels, runs["lance"], run)) if len(runs) > 1 else ""
            print(f"| {name} | {engine} | {ndcg.value:.3f} | {recall.value:.3f} | {test} |",
                  flush=True)  # fmt: skip


def passages(data, rows):
    """Give so many passages of broad_english."""
    texts = []
    for path in sorted((data / "broad_english").glob("*.parquet")):
        texts += pq.read_table(path, columns=["text"])["text"].to_pylist()
        if len(texts) >= rows:
            break
    return texts[:rows]


def speed(engine, data, rows):
    """Measure one engine in this process, and print JSON."""
    texts = passages(data, rows + rows // 100)
    texts, more = texts[:rows], texts[rows:]
    rng = np.random.default_rng(0)
    queries = []
    while len(queries) < 200:
        words = [word for word in plain(texts[int(rng.integers(rows))]) if len(word) > 3]
        if len(words) >= 20:
            queries.append(" ".join(words[i] for i in rng.permutation(len(words))[:4]))
    with tempfile.TemporaryDirectory() as folder:
        made = MAKERS[engine](folder, words=True)
        began = time.process_time()
        made.build(texts)
        built = time.process_time() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        for query in queries[:20]:
            made.ask(query, 100)
        times = []
        for query in queries:
            began = time.process_time()
            made.ask(query, 100)
            times.append(time.process_time() - began)
        began = time.process_time()
        made.add([f"{text} zyzzyva{i}" for i, text in enumerate(more)])
        found = made.ask("zyzzyva0", 3)[0]
        grown = time.process_time() - began
    print(json.dumps({"engine": engine, "rows": rows, "build": built, "mb": size / 1e6,
                      "qps": len(times) / sum(times), "p95": 1000 * float(np.quantile(times, 0.95)),
                      "add": grown, "found": found == [rows]}))  # fmt: skip


def main():
    """Compare, score, or time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rows", type=int, nargs="*", default=[])
    parser.add_argument("--equal", action="store_true")
    parser.add_argument("--judged", action="store_true")
    parser.add_argument("--one", choices=ENGINES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        speed(options.one, options.data, options.rows[0])
        return
    if options.equal:
        equal(options.data)
    if options.judged:
        judged_sets(options.data)
    if options.rows:
        print("\n| passages | engine | build CPU s | MB | queries a CPU s | p95 ms | add 1% CPU s "
              "| found |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|")
    for rows in options.rows:
        for engine in ENGINES:
            command = [sys.executable, __file__, "--data", str(options.data), "--rows", str(rows),
                       "--one", engine]  # fmt: skip
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            one = json.loads(done.stdout.splitlines()[-1])
            cells = [f"{one['build']:.1f}", f"{one['mb']:.1f}", f"{one['qps']:.0f}"]
            cells += [f"{one['p95']:.2f}", f"{one['add']:.2f}", str(one["found"])]
            print(f"| {rows:,} | {engine} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
