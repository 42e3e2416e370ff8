"""`isogloss embed --situate` as a user runs it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.app.cli.main import main
from isogloss.build.situated import SituatedColumns, embed_situated
from isogloss.encoders.spec import load_encoder
from isogloss.situate.plain import BiggerChunk
from isogloss.situate.prefix import PrefixedChunk

BOOKS = {
    "moon": ["The rocket left the pad.", "It rose slowly.", "They cheered.", "Then it was gone."],
    "soup": ["Anna cooked a soup.", "She added salt.", "It was too much."],
    "law": ["The judge spoke."],
}
ROWS = [
    {"id": f"{book}-{place}", "text": text, "book": book, "place": place, "name": book.title()}
    for book, chunks in BOOKS.items()
    for place, text in enumerate(chunks)
]


@pytest.fixture
def source(tmp_path):
    """Give the rows in an order of no sense."""
    rows = [ROWS[i] for i in np.random.default_rng(0).permutation(len(ROWS))]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def vectors_of(path):
    table = pq.read_table(path)
    column = table["vector"].combine_chunks()
    flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return dict(zip(table["id"].to_pylist(), flat.reshape(table.num_rows, -1), strict=True))


def embed(source, out, *more):
    return main(["embed", str(source), "-o", str(out), "--text", "text", "--situate", *more, "-q"])


def test_rows_in_any_order_make_documents(source, tmp_path, capsys):
    out = tmp_path / "out.parquet"
    assert embed(source, out, "window", "--document", "book", "--order", "place", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["rows"], report["documents"], report["encoded"]) == (8, 3, 8)
    expected = BiggerChunk(load_encoder("lexical")).situate(list(BOOKS.values()))
    found = vectors_of(out)
    np.testing.assert_allclose([found[row["id"]] for row in ROWS], expected, atol=1e-6)
    # the rows of the output stand as in the source
    assert pq.read_table(out)["id"].to_pylist() == pq.read_table(source)["id"].to_pylist()
    assert set(pq.read_table(out).column_names) == {"id", "document", "key", "vector"}


def test_a_changed_chunk_is_done_again_with_its_neighbours(source, tmp_path, capsys):
    out, anew = tmp_path / "out.parquet", tmp_path / "anew.parquet"
    how = ("window", "--document", "book", "--order", "place", "--json")
    embed(source, out, *how)
    rows = pq.read_table(source).to_pylist()
    for row in rows:
        if row["id"] == "moon-0":
            row["text"] = "The rocket never left."
    pq.write_table(pa.Table.from_pylist(rows), source)
    capsys.readouterr()
    embed(source, out, *how)
    report = json.loads(capsys.readouterr().out)
    assert (report["encoded"], report["kept"]) == (2, 6)
    embed(source, anew, *how)
    assert pq.read_table(out).equals(pq.read_table(anew))


def test_titles_and_float16(source, tmp_path):
    out = tmp_path / "out.parquet"
    columns = SituatedColumns(document="book", order="place", title="name", text="text")
    report = embed_situated(source, out, "prefix", columns, dtype="float16")
    assert report["encoded"] == 8
    assert embed_situated(source, out, "prefix", columns, dtype="float16")["kept"] == 8
    assert embed_situated(source, out, "prefix", columns, dtype="float16", fresh=True)["kept"] == 0
    situator = PrefixedChunk(load_encoder("lexical"))
    from isogloss.situate.base import Chunked

    expected = situator.situate([Chunked(tuple(BOOKS["soup"]), "Soup")])
    found = vectors_of(out)
    np.testing.assert_allclose([found[f"soup-{place}"] for place in range(3)], expected, atol=1e-3)


def test_order_may_be_left_out_or_be_words(tmp_path):
    out = tmp_path / "out.parquet"
    rows = [{"text": "b came.", "doc": 1, "at": "b"}, {"text": "a came.", "doc": 1, "at": "a"}]
    embed_situated(rows, out, "window", SituatedColumns(document="doc", text="text"))
    by_row = pq.read_table(out)["key"].to_pylist()
    embed_situated(rows, out, "window", SituatedColumns(document="doc", order="at", text="text"))
    assert pq.read_table(out)["key"].to_pylist() != by_row
    assert len(set(by_row)) == 1  # both read "b came. a came."


def test_numbers_as_strings_are_ordered_as_numbers(tmp_path):
    keys = []
    for kind in (str, int):
        rows = [{"text": f"part {n}.", "doc": 1, "at": kind(n)} for n in (10, 9, 2)]
        out = tmp_path / f"{kind.__name__}.parquet"
        columns = SituatedColumns(document="doc", order="at", text="text")
        embed_situated(rows, out, "window", columns)
        keys.append(pq.read_table(out)["key"].to_pylist())
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([1.0, float("nan"), float("nan")], "'at' is empty or NaN in 2 rows"),
        ([1.0, 2.0, float("nan")], "in 1 row: give each a place"),
        ([2, 2, 1], "document 'x' has 2 chunks at the place 2 of 'at'.*leave --order out"),
        (["1", "1.0", "01"], "document 'x' has 3 chunks at the place 1.0 of 'at'"),
        (["a", "b", "b"], "document 'x' has 2 chunks at the place 'b'"),
    ],
)
def test_places_that_give_no_order(tmp_path, places, words):
    from isogloss._core.errors import ColumnError

    rows = [{"text": "a", "doc": "w", "at": places[0]}]
    rows += [{"text": "a", "doc": "x", "at": place} for place in places]
    columns = SituatedColumns(document="doc", order="at", text="text")
    with pytest.raises(ColumnError, match=words):
        embed_situated(rows, tmp_path / "x.parquet", "chunk", columns)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_batch_by_batch(tmp_path):
    rows = [{"text": f"chunk {n}", "doc": n // 3} for n in range(900)]
    told = []
    columns = SituatedColumns(document="doc", text="text")
    out = tmp_path / "x.parquet"
    embed_situated(rows, out, "chunk", columns, on_event=told.append)
    done = [one.done for one in told if one.stage == "encode"]
    assert done[0] == 0 and done[-1] == 900 and done == sorted(done)
    assert len(done) >= 5 and {one.total for one in told if one.stage == "encode"} == {900}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["lat", "--document", "book"], "did you mean 'late'"),
        (["late", "--document", "book"], "transformers model"),
        (["window"], "needs --document"),
        (["window", "--document", "boo"], "did you mean 'book'"),
        (["window", "--document", "book", "--order", "plac"], "did you mean 'place'"),
        (["window", "--document", "text"], "cannot be the document column"),
        (["window", "--document", "book", "--dtype", "int8"], "dtype is 'int8'"),
        (["window", "--document", "book", "--dim", "3"], "--dim cuts vectors"),
        (["window", "--document", "book", "--limit", "0"], "limit is 0"),
        (["prefix", "--document", "book", "--encoder", "lsa"], "fitted on the texts"),
        (["window", "--document", "book", "--encoder", "lexicle"], "unknown encoder"),
    ],
)
def test_mistakes_are_answered_in_one_line(source, tmp_path, capsys, options, words):
    assert embed(source, tmp_path / "out.parquet", *options) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_other_mistakes(source, tmp_path, capsys):
    out = tmp_path / "out.parquet"
    assert main(["embed", str(source), "-o", str(out), "--text", "text", "--order", "x"]) == 2
    assert "add --situate" in capsys.readouterr().err
    assert embed(source, source, "window", "--document", "book") == 2
    assert embed(source, tmp_path / "no" / "out.parquet", "window", "--document", "book") == 2
    assert embed(source, tmp_path / "out.csv", "window", "--document", "book") == 2
    out.write_text("not ours")
    assert embed(source, out, "window", "--document", "book") == 2
    assert "no table of vectors" in capsys.readouterr().err
    assert out.read_text() == "not ours"
    from isogloss._core.errors import ColumnError, SourceError

    for rows, words in (
        ([{"text": "a", "doc": None}, {"text": "b", "doc": "x"}], "row 0 has no document"),
        ([{"text": "a", "doc": "x", "at": None}, {"text": "b", "doc": "x", "at": 1}], "'at' is"),
        ([{"text": "a", "doc": [1]}], "plain values"),
    ):
        columns = SituatedColumns(
            document="doc", order="at" if "at" in rows[0] else None, text="text"
        )
        with pytest.raises(ColumnError, match=words):
            embed_situated(rows, tmp_path / "x.parquet", "chunk", columns)
    with pytest.raises(SourceError, match="holds no chunks"):
        embed_situated(
            [{"text": "", "doc": 1}], tmp_path / "x.parquet", "chunk",
            SituatedColumns(document="doc", text="text"),
        )  # fmt: skip


@pytest.mark.models
def test_a_trained_folder_by_its_path(source, tmp_path, tiny, capsys):
    from isogloss.situate import ResidualSettings, load_situator, train_residual

    settings = ResidualSettings(encoder="lexical", model=str(tiny), before=1, after=1, rank=2)
    pairs = [("rocket rose", 0, 1), ("Anna added salt", 1, 1)]
    folder = tmp_path / "mine"
    train_residual(list(BOOKS.values()), pairs, folder, settings)
    how = (str(folder), "--document", "book", "--order", "place", "--json")
    reports = []
    for _ in range(2):
        assert embed(source, tmp_path / "out.parquet", *how) == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert [one["encoded"] for one in reports] == [8, 0]
    assert reports[0]["dim"] == 384 + 32
    found = vectors_of(tmp_path / "out.parquet")
    expected = load_situator(str(folder)).situate(list(BOOKS.values()))
    np.testing.assert_allclose([found[row["id"]] for row in ROWS], expected, atol=1e-5)
