"""The audit of an atlas: planted answers, files that do not fit, and real judgements."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import EncoderError, ParameterError, SourceError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.evaluate.score import Score
from isogloss.limits.bounds import DimensionBounds
from isogloss.limits.conclusion import conclude
from isogloss.limits.judgement_files import read_judgements
from isogloss.limits.judgements import Judgements, QueryGraph
from isogloss.limits.matching import match
from isogloss.limits.methods import search_runs
from isogloss.limits.people import limit_set, write_set
from isogloss.limits.reach import Reach, ReachAt, reach
from isogloss.search.results import Hit, SearchResult

MODEL = "onnx:sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    made = limit_set(documents=30, queries=40)
    write_set(made, folder / "set")
    atlas = Atlas.build(folder / "set" / "corpus.parquet", folder / "a.atlas", text="text", id="id")
    return atlas, folder / "set", made


@pytest.fixture(scope="module")
def audited(people):
    atlas, folder, _ = people
    return atlas.audit(folder / "qrels.parquet", queries=folder / "queries.parquet", k=2)


def test_words_solve_what_vectors_do_not(audited):
    found = audited
    scores = {method: one["recall@2"].value for method, one in found.methods.items()}
    assert set(scores) == {"bm25", "dense", "hybrid"}
    assert scores["bm25"] > 0.95 > scores["dense"]
    assert found.reach.of(found.dim).solved == 1.0
    assert found.reach.least_shown <= 16
    assert found.reach.bounds.lower <= found.reach.least_shown
    assert found.differences["bm25"].low > 0
    assert "recall@100" in found.skipped and "late interaction" in found.skipped
    assert any("not the dimension that holds them back" in one for one in found.conclusion)
    assert "Best on this atlas: bm25" in " ".join(found.conclusion)


def test_paths_and_mappings_give_the_same(people, audited):
    atlas, _, made = people
    assert atlas.audit(made.qrels, queries=made.queries, k=2).to_json() == audited.to_json()


def test_the_command_prints_what_python_gives(people, audited, capfd):
    atlas, folder, _ = people
    arguments = ["audit", str(atlas.path), "--qrels", str(folder / "qrels.parquet"),
                 "--queries", str(folder / "queries.parquet"), "-k", "2", "-q"]  # fmt: skip
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report == json.loads(json.dumps(audited.to_json()))
    assert set(report) >= {"dimension", "bounds", "free_vectors", "methods", "conclusion", "graph"}


def test_the_table_for_people(people, audited, capfd, monkeypatch):
    monkeypatch.setattr(Atlas, "audit", lambda *_, **__: audited)
    assert main(["audit", str(people[0].path), "--qrels", "x", "-q"]) == 0
    shown = capfd.readouterr().out
    assert "bm25" in shown and "shown" in shown and audited.conclusion[-1] in shown


def test_the_command_that_makes_a_set(tmp_path, capfd):
    out = str(tmp_path / "set")
    arguments = ["limit", "-o", out, "--documents", "20", "--queries", "30", "--json", "-q"]
    assert main(arguments) == 0
    assert json.loads(capfd.readouterr().out)["documents"] == 20
    assert main(arguments) == 2
    assert "already" in capfd.readouterr().err


@pytest.mark.models
def test_late_interaction_with_a_transformer(people):
    atlas, _, made = people
    found = atlas.audit(made.qrels, queries=made.queries, k=2, late=MODEL)
    assert found.methods["late interaction"]["recall@2"].value > 0.9
    assert "late interaction" not in found.skipped


@pytest.mark.models
def test_beyond_its_bound_late_interaction_ranks_candidates(people):
    from isogloss.limits.audit import audit_atlas

    atlas, _, made = people
    found = audit_atlas(atlas, made.qrels, queries=made.queries, k=2, late=MODEL, late_passages=10)
    assert "late interaction on the hybrid's first" in found.methods


def test_what_does_not_match_is_listed(people):
    atlas, _, made = people
    first, second, *_ = made.qrels
    qrels = {
        **dict(list(made.qrels.items())[:10]),
        "no text": {made.ids[0]: 1.0},
        first: {"nobody": 1.0},
        second: {**made.qrels[second], "a stranger": 1.0},
    }
    found = atlas.audit(qrels, queries=made.queries)
    assert found.left_out["documents not in the atlas"]["first"] == ["nobody", "a stranger"]
    assert found.left_out["queries without a text"] == {"count": 1, "first": ["no text"]}
    assert found.left_out["queries without a relevant document"]["first"] == [first]
    assert len(found.judged.queries) == 9


@pytest.mark.parametrize(
    ("qrels", "queries", "pattern"),
    [
        ({"q": {"x": 1}}, {"q": "who"}, "none of the 1 judged documents is in.*'x'.*--id"),
        ({"q": {"a": 1}}, {"r": "who"}, "none of the 1 judged queries has a text.*'q'.*'r'"),
        ({"q": {"a": 0}}, {"q": "who"}, "no query has a relevant document"),
    ],
)
def test_nothing_that_matches(qrels, queries, pattern):
    with pytest.raises(SourceError, match=pattern):
        match(qrels, queries, ["a", "b"])


def test_bad_arguments_of_an_audit(people, tmp_path, capfd):
    atlas, folder, made = people
    with pytest.raises(SourceError, match=r"no texts of queries.*--queries"):
        atlas.audit(folder / "qrels.parquet")
    with pytest.raises(ParameterError, match="k is 0"):
        atlas.audit(made.qrels, queries=made.queries, k=0)
    with pytest.raises(ParameterError, match="no token vectors"):
        atlas.audit(made.qrels, queries=made.queries, late="lexical")
    with pytest.raises(EncoderError, match="lexical"):
        atlas.audit(made.qrels, queries=made.queries, late="lexicle")
    assert main(["audit", str(atlas.path), "--qrels", str(tmp_path / "none.qrels")]) == 2
    assert "no file of judgements" in capfd.readouterr().err


def test_integers_as_ids(tmp_path):
    table = pa.table({"id": [5, 6, 7, 8], "text": ["a cat purrs", "dogs bark", "fish", "birds"]})
    pq.write_table(table, tmp_path / "a.parquet")
    atlas = Atlas.build(tmp_path / "a.parquet", tmp_path / "a.atlas")
    (tmp_path / "a.qrels").write_text("1 0 5 1\n2 0 6 1\n")
    found = atlas.audit(tmp_path / "a.qrels", queries={"1": "cat", "2": "dog"}, k=1)
    assert found.methods["bm25"]["recall@1"].value == 1.0
    assert found.left_out == {}


def test_one_query_compares_nothing(people, tmp_path, capfd):
    atlas, _, made = people
    query = next(iter(made.qrels))
    one = next(iter(made.qrels[query]))
    path, texts = tmp_path / "a.csv", tmp_path / "q.csv"
    rows = [f"{query},{who},1" for who in (one, one, "nobody")]
    path.write_text("\n".join(["query_id,doc_id,score", *rows]))
    texts.write_text(f"id,text\n{query},{made.queries[query]}\n")
    arguments = ["audit", str(atlas.path), "--qrels", str(path), "--queries", str(texts), "-q"]
    assert main(arguments) == 0
    shown = capfd.readouterr().out
    assert shown.startswith("1 query, 1 relevant pair, 30 documents")
    assert "1 judgement said again" in shown
    assert "left out: 1 document not in the atlas: nobody" in shown
    assert " (-)" in shown and "Best on this atlas" not in shown and "against dense" not in shown
    report = atlas.audit(path, queries=texts).to_json()
    assert report["repeated"] == 1
    scores = [*report["less_dense"].values()]
    scores += [score for method in report["methods"].values() for score in method.values()]
    scores += [one["ndcg@10"] for one in report["free_vectors"]]
    assert all(one["low"] is None and one["high"] is None for one in scores)
    assert any(one["value"] > 0 for one in scores)


def test_a_few_queries_may_be_chance(people):
    atlas, _, made = people
    few = dict(list(made.qrels.items())[:3])
    found = atlas.audit(few, queries=made.queries, k=1)
    said = [one for one in found.conclusion if "against dense" in one]
    assert said and all("on 3 queries may be chance" in one for one in said)


def test_a_recall_that_is_left_out_is_in_no_column(people):
    atlas, _, made = people
    found = atlas.audit(dict(list(made.qrels.items())[:4]), queries=made.queries, k=20)
    assert {"recall@20", "recall@100"} <= set(found.skipped)
    assert {name for one in found.methods.values() for name in one} == {"ndcg@10"}


def hits(*ids):
    return SearchResult(tuple(Hit(one, n, 1.0, "", {}, -1) for n, one in enumerate(ids)), "", 0.0)


def test_passages_of_one_document_count_once():
    def search(text, *, k, mode):
        return hits(*["a", "a", "a", "b", "c", "d"][:k])

    runs = search_runs(search, {"q": "?"}, depth=3).runs
    assert list(runs["dense"]["q"]) == ["a", "b", "c"]


def test_an_encoder_that_cannot_be_had_leaves_words():
    def search(text, *, k, mode):
        if mode != "text":
            raise EncoderError("gone")
        return hits("a")

    found = search_runs(search, {"q": "?"}, depth=1)
    assert set(found.runs) == {"bm25"}
    assert found.skipped == {"dense": "gone", "hybrid": "gone"}


def possible(status, *, lower=3, upper=8, least=None, gap=0.01):
    bounds = DimensionBounds(lower, upper, "why", "how", (), np.array([4]), gap)
    score = Score("ndcg@10", 0.9, 0.8, 1.0, 5, "queries")
    return Reach(bounds, (ReachAt(6, status, 0.8, {"ndcg@10": score}, 10),), least, {})


@pytest.mark.parametrize(
    ("status", "options", "words"),
    [
        ("impossible", {"lower": 7}, "Proven: no vectors of 6 dimensions"),
        ("shown", {"least": 6}, "6 dimensions are enough"),
        ("follows", {"least": 5}, "vectors of 5 were found"),
        ("exact only", {"upper": 6}, "found nothing better proves nothing"),
        ("exact only", {"upper": 6, "gap": -1e-13}, "float32 loses them"),
        ("open", {}, "is open: the fit solved 80%"),
    ],
)
def test_proof_and_search_are_kept_apart(status, options, words):
    judged = Judgements.of({"q": {"a": 1}})
    said = conclude(judged, 6, QueryGraph(0.1, 0.2), possible(status, **options), {}, {})
    assert words in said[1]
    assert ("Proven" in said[1]) == (status == "impossible")


def test_reach_says_impossible_only_where_it_is_proven():
    made = limit_set(documents=12, queries=60)
    judged = Judgements.of(made.qrels)
    found = reach(judged, 3, steps=300, patience=100)
    assert found.of(3).status == "impossible"
    assert reach(judged, 5, steps=20, patience=20).of(5).status in ("shown", "exact only")
    with pytest.raises(ParameterError):
        found.of(99)


@pytest.mark.data
def test_cranfield_fits_into_few_dimensions(data_dir):
    read = read_judgements(data_dir / "cranfield" / "qrels.parquet", grades="lower")
    judged = Judgements.of(read.qrels)
    found = reach(judged, 384, others=1398 - len(judged.documents), ks=(10, 100), steps=800)
    assert found.least_shown <= 24
    assert found.bounds.lower <= found.least_shown
    assert found.bounds.upper <= 40
    assert found.of(384).scores["ndcg@10"].value > 0.99
    assert found.recall_ceilings["recall@10"] == pytest.approx(0.940237, abs=1e-5)


@pytest.mark.slow
@pytest.mark.data
def test_cranfield_as_a_user_has_it(data_dir, tmp_path):
    folder = data_dir / "cranfield"
    atlas = Atlas.build(folder / "corpus.parquet", tmp_path / "c.atlas", text="text", id="id")
    found = atlas.audit(
        folder / "qrels.parquet", queries=folder / "queries.parquet", grades="lower"
    )
    assert len(found.judged.queries) == 225
    scores = {method: one["ndcg@10"].value for method, one in found.methods.items()}
    assert scores["bm25"] > 0.3 and scores["hybrid"] > scores["dense"]
    assert found.left_out == {}
