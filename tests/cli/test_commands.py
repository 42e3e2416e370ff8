"""The commands on a small corpus: what they print, and that it has the shapes of the contract."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.app.cli.main import main
from isogloss.app.cli.progress import Progress

SUBJECTS = {
    "space": ["rocket", "orbit", "launch", "satellite", "moon", "shuttle", "nasa", "probe"],
    "hockey": ["goalie", "puck", "team", "game", "overtime", "playoff", "coach", "season"],
    "cars": ["engine", "brake", "wheel", "dealer", "mileage", "clutch", "tyre", "gearbox"],
}


def write_corpus(path, documents, *, start=0, strings=True):
    rng = np.random.default_rng(3)
    names = sorted(SUBJECTS)
    rows = []
    for number in range(start + documents):
        label = names[number % 3]
        words = rng.choice(SUBJECTS[label], 6).tolist()
        rows.append(
            (f"d{number}" if strings else number, " ".join(words), label, 1990 + number % 9)
        )
    columns = [list(column) for column in zip(*rows[start:], strict=True)]
    pq.write_table(pa.table(dict(zip(["id", "text", "label", "year"], columns, strict=True))), path)


def run(capfd, *argv):
    code = main([str(part) for part in argv])
    out, err = capfd.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    write_corpus(folder / "docs.parquet", 300)
    arguments = ["build", str(folder / "docs.parquet"), "-o", str(folder / "docs.atlas"), "-q"]
    assert main(arguments) == 0
    return folder


def test_build_reports_itself(tmp_path, capfd):
    write_corpus(tmp_path / "a.parquet", 60)
    code, out, err = run(
        capfd, "build", tmp_path / "a.parquet", "-o", tmp_path / "a.atlas", "--json"
    )
    report = json.loads(out)
    assert code == 0
    assert set(report) >= {
        "atlas", "documents", "passages", "topics", "skipped", "seconds", "peak_rss_mb"
    }  # fmt: skip
    assert report["documents"] == report["passages"] == 60
    assert "Traceback" not in err
    assert err.startswith("isogloss: reading")


def test_topics_form_a_tree_whose_sizes_add_up(place, capfd):
    code, out, _ = run(capfd, "topics", place / "docs.atlas", "--json")
    shown = json.loads(out)
    assert code == 0
    topics = {topic["id"]: topic for topic in shown["topics"]}
    leaves = set(topics) - {topic["parent"] for topic in topics.values()}
    assert sum(topics[leaf]["size"] for leaf in leaves) + shown["unassigned"] == 300
    for topic in topics.values():
        children = [t for t in topics.values() if t["parent"] == topic["id"]]
        if children:
            assert sum(child["size"] for child in children) == topic["size"]
            assert all(child["depth"] == topic["depth"] + 1 for child in children)
        assert topic["label"]
        assert 0 <= topic["persistence"] <= 1
        assert all(0 <= passage < 300 for passage in topic["exemplars"])
    subjects = [set(SUBJECTS[name]) for name in SUBJECTS]
    for leaf in leaves:
        assert any(set(topics[leaf]["keywords"]) <= subject for subject in subjects)


def test_assignments_keep_ids_and_nest(place, tmp_path, capfd):
    code, *_ = run(capfd, "topics", place / "docs.atlas", "--assignments", tmp_path / "who.parquet")
    table = pq.read_table(tmp_path / "who.parquet")
    assert code == 0
    assert table.column_names[:5] == ["id", "passage", "topic", "membership", "path"]
    assert table["id"].to_pylist() == [f"d{number}" for number in range(300)]
    for row in table.to_pylist():
        assert row["path"] == [] if row["topic"] == -1 else row["path"][-1] == row["topic"]
        assert len(row["memberships"]) == len(row["path"])
        assert row["memberships"] == sorted(row["memberships"], reverse=True)


def test_integer_ids_stay_integers(tmp_path, capfd):
    write_corpus(tmp_path / "a.parquet", 30, strings=False)
    run(capfd, "build", tmp_path / "a.parquet", "-o", tmp_path / "a.atlas", "-q")
    run(capfd, "topics", tmp_path / "a.atlas", "--assignments", tmp_path / "who.parquet")
    assert pq.read_table(tmp_path / "who.parquet")["id"].to_pylist() == list(range(30))


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
def test_search_finds_and_filters(place, capfd, mode):
    code, out, _ = run(
        capfd, "search", place / "docs.atlas", "satellite in orbit", "-k", 7, "--mode", mode,
        "--where", "label = 'space' AND year >= 1993", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert set(found) >= {"hits", "strategy", "seconds"}
    assert len(found["hits"]) == 7
    for hit in found["hits"]:
        assert set(hit) >= {"id", "passage", "score", "text", "attributes", "topic"}
        assert hit["attributes"]["label"] == "space"
        assert hit["attributes"]["year"] >= 1993
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_tables_for_people(place, capfd):
    for argv in (
        ["info", place / "docs.atlas"],
        ["topics", place / "docs.atlas"],
        ["search", place / "docs.atlas", "goalie"],
        ["evaluate", "topics", place / "docs.atlas", "--labels", "label"],
    ):
        code, out, err = run(capfd, *argv)
        assert code == 0, err
        assert len(out.splitlines()) > 3
        assert err == ""


def test_info_is_the_manifest(place, capfd):
    _, out, _ = run(capfd, "info", place / "docs.atlas", "--json")
    assert json.loads(out) == json.loads((place / "docs.atlas" / "manifest.json").read_text())


def test_evaluate_gives_intervals(place, capfd):
    code, out, _ = run(
        capfd, "evaluate", "topics", place / "docs.atlas", "--labels", "label", "--json"
    )
    scores = json.loads(out)
    assert code == 0
    assert isinstance(scores["topics"], int)
    assert isinstance(scores["unassigned"], float)
    for name in ("npmi", "diversity", "nmi", "ari"):
        assert scores[name]["low"] <= scores[name]["value"] <= scores[name]["high"]
    assert scores["nmi"]["value"] > 0.6


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_embed(place, tmp_path, capfd, dtype):
    out_path = tmp_path / "v.parquet"
    code, out, _ = run(
        capfd, "embed", place / "docs.parquet", "-o", out_path, "--dtype", dtype, "--json"
    )
    report = json.loads(out)
    table = pq.read_table(out_path)
    vectors = np.stack(table["vector"].to_numpy()).astype(np.float32)
    if dtype == "int8":
        vectors *= table["scale"].to_numpy()[:, None]
    assert code == 0
    assert report["rows"] == table.num_rows == 300
    assert vectors.shape == (300, report["dim"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.02)
    assert [item.name for item in tmp_path.iterdir()] == ["v.parquet"]


def test_embed_keeps_the_first_numbers(place, tmp_path, capfd):
    paths = [tmp_path / "whole.parquet", tmp_path / "short.parquet"]
    common = ["embed", place / "docs.parquet", "--encoder", "lexical"]
    run(capfd, *common, "-o", paths[0])
    code, out, _ = run(capfd, *common, "-o", paths[1], "--dim", "64", "--json")
    assert (code, json.loads(out)["dim"]) == (0, 64)
    whole, short = (np.stack(pq.read_table(path)["vector"].to_numpy()) for path in paths)
    cut = whole[:, :64] / np.linalg.norm(whole[:, :64], axis=1, keepdims=True)
    np.testing.assert_allclose(short, cut, atol=1e-6)
    for dim in ("0", "385"):
        code, _, err = run(capfd, *common, "-o", tmp_path / "no.parquet", "--dim", dim)
        assert code == 2
        assert "can be cut to 1 to 384" in err


def test_the_same_again_does_nothing(tmp_path, capfd):
    write_corpus(tmp_path / "a.parquet", 60)
    arguments = ["build", tmp_path / "a.parquet", "-o", tmp_path / "a.atlas", "-q"]
    run(capfd, *arguments)
    before = (tmp_path / "a.atlas" / "manifest.json").read_bytes()
    code, out, _ = run(capfd, *arguments)
    assert code == 0
    assert "nothing to do" in out
    assert (tmp_path / "a.atlas" / "manifest.json").read_bytes() == before


def test_new_rows_are_added_and_old_ones_keep_their_topics(tmp_path, capfd):
    atlas = tmp_path / "a.atlas"
    write_corpus(tmp_path / "a.parquet", 90)
    run(capfd, "build", tmp_path / "a.parquet", "-o", atlas, "-q")
    run(capfd, "topics", atlas, "--assignments", tmp_path / "old.parquet")
    labels = [t["label"] for t in json.loads(run(capfd, "topics", atlas, "--json")[1])["topics"]]
    write_corpus(tmp_path / "a.parquet", 120)
    code, out, _ = run(capfd, "build", tmp_path / "a.parquet", "-o", atlas, "--json", "-q")
    report = json.loads(out)
    assert code == 0
    assert (report["added"], report["documents"]) == (30, 120)
    run(capfd, "topics", atlas, "--assignments", tmp_path / "new.parquet")
    old, new = pq.read_table(tmp_path / "old.parquet"), pq.read_table(tmp_path / "new.parquet")
    assert new.slice(0, 90).equals(old)
    shown = json.loads(run(capfd, "topics", atlas, "--json")[1])
    assert [topic["label"] for topic in shown["topics"]] == labels
    leaves = {t["id"] for t in shown["topics"]} - {t["parent"] for t in shown["topics"]}
    sizes = sum(t["size"] for t in shown["topics"] if t["id"] in leaves)
    assert sizes + shown["unassigned"] == 120
    found = json.loads(
        run(capfd, "search", atlas, "goalie", "-k", 50, "--mode", "text", "--json")[1]
    )
    assert any(hit["passage"] >= 90 for hit in found["hits"])


def test_other_settings_ask_for_fresh(tmp_path, capfd):
    write_corpus(tmp_path / "a.parquet", 60)
    arguments = ["build", tmp_path / "a.parquet", "-o", tmp_path / "a.atlas", "-q"]
    run(capfd, *arguments)
    code, _, err = run(capfd, *arguments, "--seed", 1)
    assert code == 2
    assert "--fresh" in err
    code, _, err = run(capfd, *arguments, "--seed", 1, "--fresh")
    assert code == 0, err
    manifest = json.loads((tmp_path / "a.atlas" / "manifest.json").read_text())
    assert manifest["parameters"]["seed"] == 1
    tables = sorted(path.name for path in (tmp_path / "a.atlas").glob("*.lance"))
    assert tables == ["passages-0001.lance", "passages-0002.lance"]  # one for those who still read
    run(capfd, *arguments, "--seed", 1, "--fresh")
    tables = sorted(path.name for path in (tmp_path / "a.atlas").glob("*.lance"))
    assert tables == ["passages-0002.lance", "passages-0003.lance"]


def test_a_changed_document_is_named(tmp_path, capfd):
    write_corpus(tmp_path / "a.parquet", 60)
    run(capfd, "build", tmp_path / "a.parquet", "-o", tmp_path / "a.atlas", "-q")
    table = pq.read_table(tmp_path / "a.parquet")
    texts = table["text"].to_pylist()
    texts[7] = "something else"
    pq.write_table(table.set_column(1, "text", pa.array(texts)), tmp_path / "a.parquet")
    code, _, err = run(capfd, "build", tmp_path / "a.parquet", "-o", tmp_path / "a.atlas", "-q")
    assert code == 2
    assert "'d7' (row 7) has changed" in err


def test_progress_lines_for_a_file_and_one_moving_line_for_a_terminal():
    import io

    from isogloss._core.events import Event

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    plain, terminal, quiet = io.StringIO(), Terminal(), io.StringIO()
    shows = [Progress(stream=plain), Progress(stream=terminal), Progress(quiet=True, stream=quiet)]
    for show in shows:
        for done in (0, 5, 10):
            show(Event("encode", done, 10, "passages"))
        show(Event("encode", message="3 texts are long", level="warning"))
        show.close()
    assert plain.getvalue().splitlines() == [
        "isogloss: encode: 0 of 10 passages",
        "isogloss: encode: 10 of 10 passages",
        "isogloss: warning: 3 texts are long",
    ]
    assert "\r" in terminal.getvalue()
    assert quiet.getvalue() == "isogloss: warning: 3 texts are long\n"


def test_embed_spares_its_source_and_names_its_encoder(tmp_path, capfd):
    source = tmp_path / "a.parquet"
    write_corpus(source, 30)
    before = source.read_bytes()
    code, _, err = run(capfd, "embed", source, "-o", source, "-q")
    assert (code, source.read_bytes()) == (2, before)
    assert "part of the source" in err
    made = []
    for name in ("one", "two"):
        code, out, _ = run(capfd, "embed", source, "-o", tmp_path / f"{name}.parquet", "--json")
        assert (code, json.loads(out)["encoder"]) == (0, "lexical")
        made.append((tmp_path / f"{name}.parquet").read_bytes())
    assert made[0] == made[1]


def test_identical_rows_make_one_topic_and_can_be_evaluated(tmp_path, capfd):
    rows = [json.dumps({"text": "the same words again", "label": "a"}) for _ in range(60)]
    (tmp_path / "same.jsonl").write_text("\n".join(rows))
    code, out, _ = run(capfd, "build", tmp_path / "same.jsonl", "-o", tmp_path / "a", "--json")
    report = json.loads(out)
    assert (code, report["topics"], report["unassigned"]) == (0, 1, 0)
    code, out, _ = run(capfd, "evaluate", "topics", tmp_path / "a", "--labels", "label")
    assert code == 0
    assert "diversity" in out


def test_a_filter_on_an_inner_topic_takes_in_the_topics_below(place):
    from isogloss.atlas import Atlas

    opened = Atlas.open(place / "docs.atlas")
    inner = {t.id: opened._leaves_below()[t.id] for t in opened.topics if not t.is_leaf}
    sizes = [topic.size for topic in opened.topics]
    found = opened.search("game", k=len(opened), mode="vector", where="topic >= 0").hits
    assert len(found) == sum(sizes[t] for t in range(len(sizes)) if opened.topics[t].is_leaf)
    for topic, leaves in inner.items():
        hits = opened.search("game", k=len(opened), mode="vector", where=f"topic = {topic}").hits
        assert {hit.topic for hit in hits} <= set(leaves)
        assert len(hits) == sizes[topic]


def test_a_build_that_cannot_begin_leaves_nothing(tmp_path, capfd):
    (tmp_path / "a.csv").write_text("id,text\n")
    code, _, err = run(capfd, "build", tmp_path / "a.csv", "-o", tmp_path / "a.atlas", "-q")
    assert code == 2
    assert "has no rows" in err
    assert not (tmp_path / "a.atlas").exists()
    (tmp_path / "mine").mkdir()
    run(capfd, "build", tmp_path / "a.csv", "-o", tmp_path / "mine", "-q")
    assert (tmp_path / "mine").is_dir()


def test_files_that_are_not_utf8_are_read_or_named(tmp_path, capfd):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("a text with words in it")
    (folder / "latin.txt").write_bytes("Größe und Übermut".encode("latin-1"))
    (folder / "wide.txt").write_bytes("zwei Größen".encode("utf-16"))
    (folder / "half.txt").write_bytes("né à ".encode() + b"\xff Lyon")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (folder / "empty.txt").write_text("")
    out_folder = tmp_path / "a.atlas"
    code, out, _ = run(capfd, "build", folder, "-o", out_folder, "--json")
    report = json.loads(out)
    assert (code, report["documents"], report["repaired_total"]) == (0, 4, 2)
    names = sorted(item["file"].rsplit("/", 1)[1] for item in report["skipped"])
    assert names == ["binary.txt", "empty.txt"]
    from isogloss.atlas import Atlas

    texts = [t for b in Atlas.open(out_folder).passages(["text"]) for t in b["text"].to_pylist()]
    assert {"Größe und Übermut", "zwei Größen", "né à \ufffd Lyon"} < set(texts)


@pytest.mark.parametrize("query", [None, 5, "", "  "])
def test_a_query_that_is_no_text_is_refused(place, query):
    from isogloss import IsoglossError
    from isogloss.atlas import Atlas

    for mode in ("hybrid", "vector", "text"):
        with pytest.raises(IsoglossError, match="the query is"):
            Atlas.open(place / "docs.atlas").search(query, mode=mode)
    assert Atlas.open(place / "docs.atlas").search("game \ud800", k=1).hits


def test_search_explains_how_vectors_were_searched(place, capfd):
    asked = ("search", place / "docs.atlas", "satellite")
    _, out, _ = run(capfd, *asked, "--where", "label = 'space'", "-k", 2, "--explain")
    shown = out.splitlines()[-1]
    assert shown.startswith("vectors: 100 of 300 passages pass (33.3%); all of them scored")
    assert shown.endswith("recall 1")
    plan = json.loads(run(capfd, *asked, "--exact", "--explain", "--json")[1])["plan"]
    assert plan["strategy"] == "scan"
    assert plan["why"] == "asked to be exact"
    assert plan["passing"] == plan["rows"] == plan["visited"] == 300
    out = run(capfd, *asked, "--mode", "text", "--explain", "--json")[1]
    assert json.loads(out)["plan"] is None


def test_topics_are_edited_from_the_command_line(place, capfd, tmp_path):
    shutil.copytree(place / "docs.atlas", tmp_path / "a.atlas")

    def topics(*options):
        code, out, _ = run(capfd, "topics", tmp_path / "a.atlas", *options, "--json")
        assert code == 0
        return {topic["id"]: topic for topic in json.loads(out)["topics"]}

    before = topics()
    leaves = [i for i in before if not any(t["parent"] == i for t in before.values())]
    named = topics("--rename", f"{leaves[0]}=my own name")
    assert named[leaves[0]]["label"] == "my own name"
    assert topics()[leaves[0]]["label"] == "my own name"
    assert topics("--rename", f"{leaves[0]}=")[leaves[0]]["label"] != "my own name"
    split = topics("--split", f"{leaves[0]}:2")
    assert len(split) == len(before) + 2
    parts = [i for i, topic in split.items() if topic["parent"] == leaves[0]]
    assert sum(split[part]["size"] for part in parts) == before[leaves[0]]["size"]
    merged = topics("--merge", ",".join(map(str, parts)))
    assert len(merged) == len(before)
    assert merged[leaves[0]]["size"] == before[leaves[0]]["size"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--merge", "a,b"], "--merge takes topics such as 3,5, not 'a'"),
        (["--merge", "1,,2"], "--merge takes topics"),
        (["--merge", "0,9999"], "there is no topic 9999"),
        (["--split", "0:x"], "--split takes a topic, as 8 or 8:3, not 'x'"),
        (["--split", "0:1"], "into is 1: give a whole number of at least 2"),
        (["--rename", "7"], "write a topic and its name"),
        (["--rename", "9999=a"], "there is no topic 9999"),
        (["--merge", "0,1", "--split", "2"], "does not go with"),
        (["--over", "year", "--bins", "1000000000"], "bins is 1000000000: give a whole number"),
    ],
)
def test_edits_that_cannot_be_are_one_line(place, capfd, options, message):
    code, out, err = run(capfd, "topics", place / "docs.atlas", *options)
    assert code == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1
