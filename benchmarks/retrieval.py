"""Retrieval sets x first rankings, fusion, feedback, rerankers and diversity, with paired tests.

    python benchmarks/retrieval.py --data ../shared/data --cache FOLDER [--model SPEC] \
        [--reranker FOLDER] [--late FOLDER] [--sets cranfield,titles] [--tune]

Every line is the package's own step, one change from the line that it is tested against. Figures:
nDCG@10 and recall@100 with 95% bootstrap intervals over queries (at most 200 a set, drawn by a
fixed seed); against the other line the mean difference of nDCG, the p-value of a paired
randomisation test, the same after Holm's adjustment over all tests of the set, and queries won,
tied and lost. A reranker reads 20 candidates, MMR 50, so their recall at 100 is that of the line
below. Parameters are the package's defaults, chosen on the set `threads` alone (`--tune` prints the
grids); the learned weights come from `threads` ("learned there") or from the other folds of the
same queries ("learned by folds"). Neither a set nor a test changes another.

`--reranker` is a cross-encoder, such as train_reranker.py makes; `--late` a model for MaxSim;
`--model` the spec of the second encoder. Scores of slow rerankers are kept under `--cache`.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

import retrieval_bench
import retrieval_sets
from isogloss.evaluate import holm, paired_test
from isogloss.evaluate.retrieval import ndcg_of
from isogloss.search.diversity import Mmr
from isogloss.search.feedback import Rm3, Rocchio
from isogloss.search.fusion import Convex, ReciprocalRank
from isogloss.search.late_interaction import MaxSim
from isogloss.search.learned_fusion import LearnedFusion
from isogloss.search.rerank import CrossEncoder

DEPTH, CANDIDATES, SPREAD, FOLDS = 300, 20, 50, 5


class ByVector:
    """The second encoder as a reranker, from vectors that are there already."""

    name = "cosine of the second encoder"

    def __init__(self, bench):
        self._rows = dict(zip(bench.judged.texts, bench.rows, strict=True))
        self._queries = {bench.judged.queries[q]: row for q, row in bench.query_rows.items()}

    def score(self, query, texts):
        """Give the cosines."""
        return np.array([float(self._rows[text] @ self._queries[query]) for text in texts])


def lists_of(bench):
    """Give the candidates and grades of every query, for the learned fusion."""
    place = {key: row for row, key in enumerate(bench.judged.ids)}
    lists, judged = [], []
    for query, text in bench.judged.queries.items():
        lists.append(bench.lists(text, bench.query_rows[query], DEPTH))
        judged.append({place[key]: g for key, g in bench.judged.qrels[query].items()})
    return lists, judged


def by_folds(bench):
    """Fuse each query by weights learned on the other folds."""
    lists, judged = lists_of(bench)
    order = np.random.default_rng(0).permutation(len(lists)).tolist()
    found = {}
    keys = list(bench.judged.queries)
    for fold in range(FOLDS):
        held = set(order[fold::FOLDS])
        rest = [i for i in range(len(lists)) if i not in held]
        learned = LearnedFusion().fit([lists[i] for i in rest], [judged[i] for i in rest])
        for i in sorted(held):
            best = learned.fuse(lists[i])[:100]
            found[keys[i]] = [bench.judged.ids[p] for p, _ in best]
    return {query: found[query] for query in keys}


def lines(text, benches, learned, rerankers):
    """Give (line, what it is tested against, run) in order."""
    ranks = ReciprocalRank()
    yield "BM25", None, text.run(mode="text")
    yield "BM25, RM3", "BM25", text.run(mode="text", feedback=Rm3())
    for name, bench in benches.items():
        yield name, "BM25", bench.run(mode="vector")
        yield f"{name}, Rocchio", name, bench.run(mode="vector", feedback=Rocchio())
        hybrid = f"{name} + BM25, RRF"
        yield hybrid, name, bench.run(fusion=ranks)
        narrow = Convex(0.5, scale="min-max")
        yield f"{name} + BM25, convex min-max", hybrid, bench.run(fusion=narrow)
        yield f"{name} + BM25, convex", hybrid, bench.run(fusion=Convex())
        yield f"{name} + BM25, learned there", hybrid, bench.run(fusion=learned[name])
        yield f"{name} + BM25, learned by folds", hybrid, by_folds(bench)
        yield f"{hybrid}, Rocchio", hybrid, bench.run(fusion=ranks, feedback=Rocchio())
        yield f"{hybrid}, RM3", hybrid, bench.run(fusion=ranks, feedback=Rm3())
        apart = bench.run(k=10, depth=SPREAD, fusion=ranks, diversify=Mmr())
        yield f"{hybrid}, MMR", hybrid, apart
    for name, (base, reranker) in rerankers.items():
        hybrid = f"{base} + BM25, RRF"
        run = benches[base].run(k=CANDIDATES, depth=CANDIDATES, fusion=ranks, rerank=reranker)
        yield f"{hybrid}, {name}", hybrid, run


def scores(judged, run):
    """Give nDCG@10 and recall@100 of every query."""
    ndcg, recall = [], []
    for query in judged.queries:
        grades = judged.qrels[query]
        right = {key for key, grade in grades.items() if grade > 0}
        ndcg.append(ndcg_of(grades, run[query], k=10))
        recall.append(len(right & set(run[query][:100])) / len(right))
    return np.array(ndcg), np.array(recall)


def alike(bench, run):
    """Give the mean cosine between two of the first ten."""
    place = {key: row for row, key in enumerate(bench.judged.ids)}
    found = []
    for names in run.values():
        rows = bench.rows[[place[key] for key in names[:10]]]
        if len(rows) > 1:
            found.append(float((rows @ rows.T)[np.triu_indices(len(rows), 1)].mean()))
    return float(np.mean(found))


def measure(name, options, learned):
    """Measure one set, and give its lines as JSON."""
    began = time.process_time()
    benches = open_set(name, options)
    first = next(iter(benches.values()))
    for bench in benches.values():
        bench.check()
    rerankers = {}
    if options.name in benches:
        rerankers[f"reranked by {options.name}"] = ("lexical", ByVector(benches[options.name]))
        for given, make, label in ((options.late, MaxSim, "MaxSim"),
                                   (options.reranker, CrossEncoder, "cross-encoder")):  # fmt: skip
            if given:
                path = options.cache / f"{label}-{name}.json"
                slow = retrieval_bench.Remembered(lambda m=make, g=given: m(g), label, path)
                rerankers[label] = (options.name, slow)
    from isogloss._math.bootstrap import mean_interval

    found, tests = {}, []
    for line, against, run in lines(first, benches, learned, rerankers):
        ndcg, recall = scores(first.judged, run)
        cut = max(len(one) for one in run.values()) < min(100, len(first.judged.ids))
        found[line] = {
            "ndcg": [float(ndcg.mean()), *mean_interval(ndcg)],
            "recall": None if cut else [float(recall.mean()), *mean_interval(recall)],
            "queries": ndcg.tolist(),
            "against": against,
        }
        if "MMR" in line or line.endswith("RRF"):
            found[line]["alike"] = alike(benches[line.split(" ")[0]], run)
        pairs = [against] if against else []
        if line.endswith("RRF"):
            pairs.append("BM25")
        for other in pairs:
            test = paired_test(found[other]["queries"], ndcg)
            tests.append((line, other, test))
        if "Rocchio" in line or "RM3" in line:
            bench = benches.get(line.split(" ")[0].strip(","), first)
            found[line]["refused"] = sum("refused" in one for one in bench.strategies)
    for reranker in (pair[1] for pair in rerankers.values()):
        if hasattr(reranker, "save"):
            reranker.save()
    adjusted = holm([test.p for _, _, test in tests])
    compared = [
        {"line": line, "against": other, "difference": test.difference, "low": test.low,
         "high": test.high, "p": test.p, "holm": value, "won": test.wins, "tied": test.ties,
         "lost": test.losses}
        for (line, other, test), value in zip(tests, adjusted, strict=True)]  # fmt: skip
    return {"set": name, "passages": len(first.judged.ids), "asked": len(first.judged.queries),
            "lines": found, "tests": compared,
            "cpu_seconds": round(time.process_time() - began, 1)}  # fmt: skip


def open_set(name, options):
    """Give a set under each encoder: ``lexical``, and ``second`` where one is named."""
    judged = retrieval_sets.read_set(options.data, name, options.queries)
    table, found = None, {}
    specs = {"lexical": "lexical"} | ({options.name: options.model} if options.model else {})
    for label, spec in specs.items():
        rows = retrieval_bench.vectors(spec, judged.texts, "document", options.cache, ENCODERS)
        asked = retrieval_bench.vectors(spec, list(judged.queries.values()), "query",
                                        options.cache, ENCODERS)  # fmt: skip
        found[label] = retrieval_bench.Bench(judged, rows, asked, table)
        table = found[label].table
    return found


def learn_there(options):
    """Learn the weights of each encoder on the development set, and keep them."""
    names = ["lexical", *([options.name] if options.model else [])]
    paths = {name: options.cache / f"learned-{name}.json" for name in names}
    if not all(path.exists() for path in paths.values()):
        for name, bench in open_set(retrieval_sets.DEVELOPMENT, options).items():
            LearnedFusion().fit(*lists_of(bench)).save(paths[name])
    return {name: LearnedFusion.load(path) for name, path in paths.items()}


ENCODERS = {}


def tune(options):
    """Print the grids of the development set."""
    benches = open_set(retrieval_sets.DEVELOPMENT, options)

    def show(label, make, bench, **more):
        ndcg, recall = scores(bench.judged, bench.run(**make, **more))
        print(f"{label}: {ndcg.mean():.4f} {recall.mean():.4f}", flush=True)

    for name, bench in benches.items():
        print(f"\n{name}: nDCG@10, recall@100 on {retrieval_sets.DEVELOPMENT}")
        for mode in ("text", "vector", "hybrid"):
            show(mode, {"mode": mode}, bench)
        for damping in (5, 20, 60, 120):
            show(f"rrf {damping}", {"fusion": ReciprocalRank(damping)}, bench)
        for scale in ("max", "min-max", "z-score"):
            for weight in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
                show(f"convex {weight} {scale}", {"fusion": Convex(weight, scale=scale)}, bench)
        for top in (3, 5, 10):
            for beta in (0.25, 0.5, 1.0):
                free = Rocchio(top, beta=beta, least_cosine=-1, least_kept=0)
                show(f"rocchio {top} {beta}", {"mode": "vector", "feedback": free}, bench)
        for least in (-1, 0.9, 0.95, 0.97):
            strong = Rocchio(10, beta=2.0, least_cosine=least, least_kept=0)
            show(f"rocchio 10 2.0, bound {least}", {"mode": "vector", "feedback": strong}, bench)
        for balance in (1.0, 0.9, 0.8, 0.7, 0.5):
            show(f"mmr {balance}", {"k": 10, "depth": SPREAD, "diversify": Mmr(balance)}, bench)
    for top in (3, 5, 10):
        for share in (0.8, 0.6):
            free = Rm3(top, share=share, least_kept=0)
            show(f"rm3 {top} {share}", {"mode": "text", "feedback": free}, bench)


def show(result):
    """Print one set's table."""
    print(f"\n### {result['set']}: {result['passages']:,} passages, {result['asked']} queries\n")
    print(
        "| line | nDCG@10 | recall@100 | tested against | difference | p | Holm | won/tied/lost |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for line, found in result["lines"].items():
        cells = [f"{found['ndcg'][0]:.3f} ({found['ndcg'][1]:.3f} to {found['ndcg'][2]:.3f})"]
        recall = found["recall"]
        cells.append(
            f"{recall[0]:.3f} ({recall[1]:.3f} to {recall[2]:.3f})" if recall else "as before"
        )
        mine = [test for test in result["tests"] if test["line"] == line]
        for part in ("against", "difference", "p", "holm", "won"):
            texts = []
            for test in mine:
                value = test[part]
                if part == "won":
                    value = f"{test['won']}/{test['tied']}/{test['lost']}"
                elif part != "against":
                    value = f"{value:+.3f}" if part == "difference" else f"{value:.4f}"
                texts.append(value)
            cells.append("; ".join(texts))
        print(f"| {line} | " + " | ".join(cells) + " |")


def main():
    """Measure the sets that are wanted, keep each as JSON, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = (*retrieval_sets.PUBLISHED, *retrieval_sets.MADE)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", default="", help="spec of the second encoder")
    parser.add_argument("--name", default="second", help="its name in the tables, one word")
    parser.add_argument("--reranker", default="", help="folder of a cross-encoder")
    parser.add_argument("--late", default="", help="folder of a model for MaxSim")
    parser.add_argument("--sets", default=",".join(every))
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("retrieval"))
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    if options.tune:
        tune(options)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    learned = learn_there(options)
    for name in options.sets.split(","):
        result = measure(name, options, learned)
        (options.out / f"{name}.json").write_text(json.dumps(result))
        show(result)


if __name__ == "__main__":
    main()
