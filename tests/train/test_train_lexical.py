"""Distillation of a small teacher into a lexical encoder."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss import load_encoder
from isogloss._core.errors import ParameterError, SourceError
from isogloss.app.cli.main import main
from isogloss.encoders.lsa import LsaEncoder
from isogloss.train.features import choose_features
from isogloss.train.recipe import read_recipe
from isogloss.train.texts import read_texts, read_with_vectors, sentences_of

SUBJECTS = {
    "space": ["rocket", "orbit", "launch", "satellite", "moon", "shuttle", "probe", "crater"],
    "hockey": ["goalie", "puck", "team", "game", "overtime", "playoff", "coach", "season"],
    "cars": ["engine", "brake", "wheel", "dealer", "mileage", "clutch", "tyre", "gearbox"],
    "food": ["bread", "butter", "oven", "recipe", "flour", "sugar", "cake", "knife"],
}


def texts_of(count, seed=0):
    rng = np.random.default_rng(seed)
    names = sorted(SUBJECTS)
    return [" ".join(rng.choice(SUBJECTS[names[i % 4]], 6)) for i in range(count)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A corpus, a teacher in a folder, and a recipe over both."""
    folder = tmp_path_factory.mktemp("train")
    texts = texts_of(600)
    pq.write_table(pa.table({"text": texts}), folder / "texts.parquet")
    LsaEncoder(dim=6).fit([texts]).save(folder / "teacher")
    (folder / "recipe.toml").write_text(
        f"""
        kind = "lexical"
        teacher = "lsa:{folder / "teacher"}"
        words = 100
        pairs = 50
        buckets = 64
        width = 6
        hidden = 16
        epochs = 4
        batch = 64
        prefixes = [3]
        [[corpus]]
        files = ["texts.parquet"]
        """
    )
    return folder


pytest.importorskip("torch")


@pytest.mark.models
def test_the_student_learns_its_teacher_and_training_is_repeatable(place, tmp_path, capfd):
    reports = []
    for name in ("one", "two"):
        arguments = ["train", str(place / "recipe.toml"), "-o", str(tmp_path / name), "--json"]
        assert main([*arguments, "-q"]) == 0
        reports.append(json.loads(capfd.readouterr().out))
    assert reports[0]["fingerprint"] == reports[1]["fingerprint"]
    student = load_encoder(f"lexical:{tmp_path / 'one'}")
    teacher = load_encoder(f"lsa:{place / 'teacher'}")
    fresh = texts_of(200, seed=9)
    ours, theirs = student.encode(fresh), teacher.encode(fresh)
    cosines = (ours * theirs).sum(axis=1)
    assert cosines.mean() > 0.95
    pairs = np.corrcoef((ours @ ours.T).ravel(), (theirs @ theirs.T).ravel())[0, 1]
    assert pairs > 0.95
    nearest = (ours @ ours.T - 2 * np.eye(len(ours))).argmax(axis=1)
    assert (nearest % 4 == np.arange(200) % 4).mean() > 0.98
    assert json.loads((tmp_path / "one" / "training.json").read_text())["recipe"]["width"] == 6


@pytest.mark.models
def test_the_teacher_is_asked_once(place, tmp_path, capfd, monkeypatch):
    cache = ["--cache", str(tmp_path / "cache"), "-q"]
    assert main(["train", str(place / "recipe.toml"), "-o", str(tmp_path / "a"), *cache]) == 0
    before = sorted((tmp_path / "cache").rglob("*.safetensors"))
    stamps = [path.stat().st_mtime_ns for path in before]
    monkeypatch.setattr(LsaEncoder, "encode", lambda *_: pytest.fail("asked again"))
    assert main(["train", str(place / "recipe.toml"), "-o", str(tmp_path / "b"), *cache]) == 0
    assert [path.stat().st_mtime_ns for path in before] == stamps
    assert before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("teacher = 3", "teacher is 3; give a string"),
        ('kind = "neural"', "kind 'neural'"),
        ('teacher = "lsa"', "no [[corpus]]"),
        ('teacher = "lsa"\nwidht = 3\n[[corpus]]\nfiles = ["a.csv"]', "did you mean 'width'"),
        ('teacher = "lsa"\nwidth = 0\n[[corpus]]\nfiles = ["a.csv"]', "width is 0"),
        ('teacher = "lsa"\nwidth = true\n[[corpus]]\nfiles = ["a.csv"]', "a whole number"),
        ('teacher = "lsa"\n[[corpus]]\ntext = "a"', "corpus.files is missing"),
        ('teacher = "lsa"\n[[corpus]]\nfiles = ["a"]\nsplit = "page"', "split is 'page'"),
        ('teacher = "lsa"\n[[corpus]]\nfiles = ["a"]\nvectors = []\n[corpus.x]', "corpus.x"),
        ('teacher = "lsa"\nobjectives = {cosin = 1.0}\n[[corpus]]\nfiles = ["a"]', "'cosine'"),
        ('teacher = "lsa"\nobjectives = {cosine = 0}\n[[corpus]]\nfiles = ["a"]', "weight 0"),
        ("= =", "cannot be read"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_one_line(tmp_path, capfd, text, said):
    (tmp_path / "bad.toml").write_text(text)
    assert main(["train", str(tmp_path / "bad.toml"), "-o", str(tmp_path / "model")]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_recipe_that_is_not_there_and_an_output_that_is_a_file(place, tmp_path, capfd):
    assert main(["train", str(tmp_path / "no.toml"), "-o", str(tmp_path / "model")]) == 2
    (tmp_path / "file").write_text("")
    assert main(["train", str(place / "recipe.toml"), "-o", str(tmp_path / "file")]) == 2
    assert "is a file" in capfd.readouterr().err


def test_features_are_the_common_words_and_the_pairs_beyond_chance():
    texts = ["new york city hall", "new york has a hall", "a new city", "york new"] * 3
    made = choose_features(texts, words=4, pairs=1, buckets=3, least=3)
    assert made.words == ["city", "hall", "new", "york"]
    assert made.pairs.tolist() == [[2, 3]]
    documents = {"city": 6, "hall": 6, "new": 12, "york": 9}
    expected = [max(0.05, np.log(13 / (1 + n))) for n in documents.values()]
    assert np.allclose(made.idf[:4], expected, atol=1e-6)
    assert len(made.idf) == 4 + 1 + 3
    matrix = made.weigh(texts[:1])
    assert np.allclose(np.sqrt(matrix.multiply(matrix).sum()), 1.0)


def test_sentences_and_samples(tmp_path):
    assert list(sentences_of("One two. Three four five six! Seven eight nine ten?")) == [
        "Three four five six!", "Seven eight nine ten?"
    ]  # fmt: skip
    path = tmp_path / "a.jsonl"
    rows = [{"text": f"row number {i % 30} of them"} for i in range(60)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    every = read_texts([path], None, split="row", sample=None, seed=0)
    assert len(every) == 30
    some = read_texts([path], None, split="row", sample=7, seed=0)
    assert len(some) == 7
    assert some == sorted(some, key=every.index)
    assert some == read_texts([path], None, split="row", sample=7, seed=0)


def test_ready_vectors_belong_to_their_rows(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "", "b", "a", "c", None]}), path)
    codes = np.array([[1, 0], [9, 9], [0, 2], [9, 9], [0, 0], [9, 9]], np.int8)
    np.save(tmp_path / "v.npy", codes)
    texts, vectors = read_with_vectors([path], [tmp_path / "v.npy"], None, sample=None, seed=0)
    assert texts == ["a", "b"]
    assert vectors.tolist() == [[1, 0], [0, 1]]
    np.save(tmp_path / "short.npy", codes[:2])
    with pytest.raises(SourceError, match="has 2 rows"):
        read_with_vectors([path], [tmp_path / "short.npy"], None, sample=None, seed=0)
    Path(tmp_path / "no.npy").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="holds no vectors"):
        read_with_vectors([path], [tmp_path / "no.npy"], None, sample=None, seed=0)


def test_the_shipped_recipe_can_be_read():
    recipe = read_recipe(Path(__file__).parents[2] / "recipes" / "lexical-en.toml")
    assert not any("openstax" in name for corpus in recipe.corpus for name in corpus.files)
    with pytest.raises(ParameterError):
        read_recipe(Path("nowhere.toml"))
