"""Encoders on tasks: what names mean, scores by hand, encoders of every kind."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ParameterError, SourceError
from isogloss.encoders.base import Truncation, unit_rows
from isogloss.evaluate.corpora import read_pairs, read_retrieval
from isogloss.evaluate.encoder import ProbeSettings, evaluate_encoder
from isogloss.evaluate.encoder_scores import cluster_score, k_means, spearman
from isogloss.evaluate.encoder_tasks import find_tasks

SMALL = ProbeSettings(lengths=[64, 96], queries=4, documents=6)


class Letters:
    """Counts letters: a vector that can be worked out by hand."""

    spec, dim, fingerprint, max_tokens = "letters", 26, "abc", None

    def __init__(self):
        self.truncation = Truncation()

    def encode(self, texts, **_):
        self.truncation.texts += len(texts)
        rows = [[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts]
        return unit_rows(np.array(rows, dtype=np.float64).reshape(-1, 26))

    encode_query = encode


@pytest.fixture
def sets(tmp_path):
    """Give a folder with a set of each kind, small and easy for letters."""

    def write(name, file="data", **columns):
        (tmp_path / name).mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), tmp_path / name / f"{file}.parquet")

    write(
        "pairs",
        text1=["aaa", "aab", "abb", "bbb", "zzz"],
        text2=["aaa", "aaa", "aaa", "aaa", "aaa"],
        score=[5.0, 4.0, 3.0, 1.0, 1.0],
    )
    words = [f"{'a' * n}{other}" for n in range(3, 13) for other in "cd"]
    words += [f"{'b' * n}{other}" for n in range(3, 13) for other in "cd"]
    write("classes", text=words, label=["a"] * 20 + ["b"] * 20)
    write("found", "corpus", id=["d1", "d2"], text=["aaa", "bbb"])
    write("found", "queries", id=["q1", "q2", "q3"], text=["a", "b", "z"])
    write("found", "qrels", query_id=["q1", "q2"], doc_id=["d1", "d1"], score=[1, 1])
    return tmp_path


def test_scores_by_hand(sets):
    found = evaluate_encoder(Letters(), ["pairs", "classes", "found"], data=sets, limit=100)[
        "tasks"
    ]
    assert found["pairs"]["metric"] == "spearman"
    assert found["pairs"]["value"] == pytest.approx(1.0, abs=0.03)  # two grades tie, cosines too
    assert found["classes"]["value"] == 1
    assert found["classes"]["kind"] == "classification"
    assert found["classes:clustering"]["value"] == 1
    # the second query finds its document second: (1 + 1 / log2(3)) / 2
    assert found["found"]["value"] == pytest.approx((1 + 1 / np.log2(3)) / 2, abs=1e-5)
    assert found["found"]["documents"] == 2
    for one in found.values():
        assert one["low"] <= one["value"] + 1e-9
        assert one["value"] <= one["high"] + 1e-9


def test_names_of_kinds_sets_and_files(sets, tmp_path):
    def kinds(*names):
        return [(task.name, task.kind) for task in find_tasks(names, sets)[0]]

    assert kinds("passkey", "needle") == [("passkey", "passkey"), ("needle", "needle")]
    assert kinds("classes") == [
        ("classes", "classification"),
        ("classes:clustering", "clustering"),
    ]
    assert kinds("clustering:classes") == [("clustering:classes", "clustering")]
    assert kinds("pairs", "pairs") == [("pairs", "sts")]
    path = sets / "pairs" / "data.parquet"
    assert kinds(f"sts:{path}") == [(f"sts:{path}", "sts")]
    lines = [{"sentence1": "a", "sentence2": "b", "score": 1}, {"sentence1": "c"}]
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(json.dumps(line) for line in lines))
    assert kinds(str(own)) == [(str(own), "sts")]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_files_of_any_format_give_equal_scores(sets, tmp_path, ending):
    table = pq.read_table(sets / "classes" / "data.parquet").to_pandas()
    path = tmp_path / f"own.{ending}"
    if ending == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_json(path, orient="records", lines=True)
    one = evaluate_encoder(Letters(), [str(path)])["tasks"][str(path)]
    assert (one["value"], one["n"] + one["trained_on"]) == (1, 40)


def test_the_usual_tasks_and_what_is_missing(sets):
    found = evaluate_encoder(Letters(), data=sets, probe=SMALL)
    assert list(found["tasks"]) == ["passkey", "needle"]
    assert set(found["missing"]) == {"sts_benchmark", "banking77", "bbc_news", "cranfield"}
    assert "is not in" in found["missing"]["cranfield"]
    assert "ISOGLOSS_DATA" in evaluate_encoder(Letters(), probe=SMALL)["missing"]["cranfield"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("pasky", "did you mean 'passkey'"),
        ("", "no task ''"),
        ("sts:", "names no data"),
        ("sts:classes", "holds classification, not sts"),
        ("banking77", "is not in"),
        ("retrieval", "is not in"),
        ("/no/such/file.parquet", "there is no file /no/such/file.parquet"),
        ("..", "holds neither"),
    ],
)
def test_bad_names_are_one_line(sets, name, what, monkeypatch):
    monkeypatch.chdir(sets)
    with pytest.raises(ParameterError, match=what) as caught:
        find_tasks([name], sets)
    assert "\n" not in str(caught.value)


def test_bare_strings_and_no_names_are_refused(sets):
    with pytest.raises(ParameterError, match="give a list"):
        find_tasks("passkey", None)
    with pytest.raises(ParameterError, match="no task is named"):
        find_tasks([], None)


def test_what_are_no_encoders_tasks_or_sizes():
    for call, words in (
        (lambda: evaluate_encoder(3, ["passkey"]), "encoder is 3"),
        (lambda: evaluate_encoder("lexical", [3]), "task 3 is no name"),
        (lambda: evaluate_encoder("lexical", 3), "tasks is 3"),
        (lambda: evaluate_encoder("lexical", ["passkey"], probe={"queries": 2}), "ProbeSettings"),
        (lambda: evaluate_encoder("lexical", ["passkey"], probe={}), "ProbeSettings"),
        (lambda: evaluate_encoder("lexical", ["passkey"], limit="all"), "limit is 'all'"),
        (lambda: ProbeSettings(queries=None), "queries is None"),
        (lambda: ProbeSettings(documents=2.0), "documents is 2.0"),
        (lambda: ProbeSettings(lengths=64), "lengths is 64"),
    ):
        with pytest.raises(ParameterError, match=words):
            call()


def test_files_that_cannot_be_measured(tmp_path):
    def write(**columns):
        pq.write_table(pa.table(columns), tmp_path / "x.parquet")
        return [str(tmp_path / "x.parquet")]

    with pytest.raises(ParameterError, match="has the columns a, b"):
        evaluate_encoder(Letters(), write(a=["x"], b=["y"]))
    with pytest.raises(ParameterError, match="too few"):
        evaluate_encoder(Letters(), write(text=["x", "y"], label=["a", "a"]))
    with pytest.raises(SourceError, match="0 graded pairs"):
        names = write(text1=["x"], text2=[None], score=[1.0])
        evaluate_encoder(Letters(), names)
    with pytest.raises(SourceError, match="no number"):
        names = write(text1=["x"] * 3, text2=["y"] * 3, score=["much"] * 3)
        evaluate_encoder(Letters(), names)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(ParameterError, match=r"x\.parquet"):
        evaluate_encoder(Letters(), [str(tmp_path / "x.parquet")])


def test_a_query_that_nobody_asked_is_named(sets):
    pq.write_table(
        pa.table({"query_id": ["q9"], "doc_id": ["d1"], "score": [1]}),
        sets / "found" / "qrels.parquet",
    )
    with pytest.raises(SourceError, match="q9"):
        read_retrieval(sets / "found", most=100)


def test_a_set_in_the_form_of_beir_is_read_as_it_is(sets, tmp_path):
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    ours = read_retrieval(sets / "found", most=100)
    rows = [{"_id": i, "title": "", "text": t} for i, t in zip(ours.ids, ours.texts, strict=True)]
    asked = [{"_id": i, "text": t} for i, t in ours.queries.items()]
    for name, lines in (("corpus", rows), ("queries", asked)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
    grades = [f"{q}\t{d}\t{g:.0f}\n" for q, gains in ours.qrels.items() for d, g in gains.items()]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(grades))
    theirs = read_retrieval(folder, most=100)
    assert (theirs.ids, theirs.texts) == (ours.ids, ours.texts)
    assert (theirs.queries, theirs.qrels) == (ours.queries, ours.qrels)
    found = evaluate_encoder(Letters(), [str(folder)])["tasks"][str(folder)]
    assert found["kind"] == "retrieval"
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tno-such\t1\n")
    with pytest.raises(SourceError, match="names no document"):
        read_retrieval(folder, most=100)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\tgood\n")
    with pytest.raises(SourceError, match="document 'd1' is 'good': give a number"):
        read_retrieval(folder, most=100)
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(ParameterError, match="has no qrels"):
        evaluate_encoder(Letters(), [str(folder)])


def test_ids_that_are_numbers_in_one_file_and_strings_in_another_meet(tmp_path):
    tables = {
        "corpus": {"id": [1, 2], "text": ["a cat", None]},
        "queries": {"id": [7], "text": ["cats"]},
        "qrels": {"query_id": ["7"], "doc_id": ["1"], "score": [1]},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    one = read_retrieval(tmp_path, most=100)
    assert (one.ids, one.texts, one.qrels) == (["1", "2"], ["a cat", ""], {"7": {"1": 1.0}})


def test_pairs_read_the_test_part(tmp_path):
    rows = {"text1": list("abcdef"), "text2": list("abcdef"), "score": [1.0] * 6}
    rows["split"] = ["train", "test", "test", "dev", "test", "test"]
    pq.write_table(pa.table(rows), tmp_path / "x.parquet")
    one = read_pairs(tmp_path / "x.parquet", most=100)
    assert one.texts == ["b", "c", "e", "f"]


def test_an_unfitted_lsa_is_fitted_on_the_documents(sets):
    found = evaluate_encoder("lsa", ["classes", "passkey"], data=sets, probe=SMALL)
    assert found["tasks"]["classes"]["notes"] == "fitted on this task's documents"
    assert found["tasks"]["passkey"]["notes"] == "fitted on this task's documents"


def test_truncation_is_counted_for_each_task_alone():
    class Short(Letters):
        max_tokens = 10

        def encode(self, texts, **_):
            self.truncation.window = 10
            self.truncation.overflow = "truncate"
            self.truncation.long_texts += len(texts)
            self.truncation.tokens += 100
            self.truncation.tokens_beyond += 50
            return super().encode(texts)

        encode_query = Letters.encode

    probe = ProbeSettings(lengths=[64], queries=2, documents=4)
    found = evaluate_encoder(Short(), ["passkey", "needle"], probe=probe)["tasks"]
    line = "4 of 6 texts (66.7%) are longer than 10 tokens; 50.0% of all tokens were cut off"
    assert [found[name]["truncation"] for name in ("passkey", "needle")] == [line, line]


def test_rank_correlation_is_scipys():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    x = rng.normal(size=60).round(1)
    y = x + rng.normal(size=60).round(1)
    found = spearman(x, y)
    assert found.value == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert found.low < found.value < found.high
    assert np.isnan(spearman(np.ones(5), np.arange(5.0)).value)


def test_clusters_are_no_worse_than_a_kept_librarys():
    cluster = pytest.importorskip("sklearn.cluster")
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 5)) + 3 * rng.normal(size=(6, 5))[rng.integers(6, size=300)]

    def cost(labels):
        parts = [rows[labels == one] for one in np.unique(labels)]
        return sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts)

    theirs = cluster.KMeans(6, n_init=4, random_state=0).fit_predict(rows)
    assert cost(k_means(rows, 6)) <= 1.02 * cost(theirs)
    assert len(np.unique(k_means(np.zeros((5, 2)), 3))) == 1


def test_clusters_of_noise_say_little():
    rng = np.random.default_rng(0)
    noise = unit_rows(rng.normal(size=(200, 8)))
    assert cluster_score(noise, rng.integers(3, size=200)).value < 0.1


@pytest.mark.data
def test_real_sets_with_the_shipped_encoder(data_dir):
    found = evaluate_encoder(
        "lexical", ["sts_benchmark", "banking77", "cranfield"], data=data_dir, limit=1500
    )["tasks"]
    assert found["sts_benchmark"]["n"] == 1379
    assert found["sts_benchmark"]["value"] > 0.6
    assert found["banking77"]["value"] > 0.6
    assert found["cranfield"]["value"] > 0.25
    assert found["cranfield"]["documents"] == 1398
