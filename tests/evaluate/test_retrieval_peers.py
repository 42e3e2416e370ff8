"""Our retrieval metrics beside those of trec_eval, on random runs and on a real one."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from isogloss.evaluate import mrr, ndcg_at_k, recall_at_k

ir_measures = pytest.importorskip("ir_measures", reason="needs ir-measures (extra dev)")


def peers(qrels, run, k):
    measures = [ir_measures.nDCG @ k, ir_measures.R @ k, ir_measures.RR]
    known = {q: {d: int(g) for d, g in grades.items()} for q, grades in qrels.items()}
    found = {q: {d: float(s) for d, s in scores.items()} for q, scores in run.items()}
    values = ir_measures.calc_aggregate(measures, known, found)
    return [values[one] for one in measures]


def ours(qrels, run, k):
    scores = (ndcg_at_k(qrels, run, k=k), recall_at_k(qrels, run, k=k), mrr(qrels, run))
    return [score.value for score in scores]


@pytest.mark.parametrize("seed", range(20))
def test_random_runs(seed):
    rng = np.random.default_rng(seed)
    names = [f"d{i:02d}" for i in range(40)]
    qrels, run = {}, {}
    for q in range(15):
        judged = rng.permutation(names)[: int(rng.integers(1, 12))]
        qrels[f"q{q}"] = {name: int(g) for name, g in zip(judged, rng.integers(-1, 5, len(judged)),
                                                         strict=True)}  # fmt: skip
        qrels[f"q{q}"][str(judged[0])] = 2  # trec_eval averages unjudged queries in as 0
        drawn = rng.permutation(names)[: int(rng.integers(1, 40))]
        # no equal scores: trec_eval puts them in the order of falling names, we of rising ones
        run[f"q{q}"] = {str(name): float(s) for name, s in zip(drawn, rng.permutation(100),
                                                               strict=False)}  # fmt: skip
    for k in (1, 5, 10, 100):
        assert ours(qrels, run, k) == pytest.approx(peers(qrels, run, k), abs=1e-6)


@pytest.mark.data
def test_a_real_run(data_dir):
    from isogloss.encoders.spec import load_encoder

    tables = [pq.read_table(data_dir / "cranfield" / f"{part}.parquet").to_pylist()
              for part in ("corpus", "queries", "qrels")]  # fmt: skip
    corpus, queries, judged = tables
    qrels = {}
    for row in judged:
        grade = int(row["score"])
        qrels.setdefault(row["query_id"], {})[row["doc_id"]] = 5 - grade if grade > 0 else 0
    encoder = load_encoder("lexical")
    rows = encoder.encode([row["text"] or "" for row in corpus])
    run = {}
    for query, vector in zip(queries, encoder.encode_query([row["text"] for row in queries]),
                             strict=True):  # fmt: skip
        scores = rows.astype(np.float64) @ vector.astype(np.float64)
        best = np.argsort(-scores, kind="stable")[:100]
        run[query["id"]] = {corpus[i]["id"]: float(scores[i]) for i in best}
    qrels = {q: grades for q, grades in qrels.items() if any(g > 0 for g in grades.values())}
    for k in (10, 100):
        assert ours(qrels, run, k) == pytest.approx(peers(qrels, run, k), abs=1e-6)
