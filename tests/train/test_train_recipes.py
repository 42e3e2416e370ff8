"""Recipes: what a file may say, and those that are shipped."""

import json
from pathlib import Path

import pytest

from isogloss._core.errors import ParameterError
from isogloss.app.cli.main import main
from isogloss.encoders import spec
from isogloss.train.recipe import read_recipe
from isogloss.train.shipped import find_recipe

pytest.importorskip("torch")


def with_key(line):
    return f'teacher = "lsa"\n{line}\n[[corpus]]\nfiles = ["a.csv"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("teacher = 3", "teacher is 3; give a string"),
        ('kind = "neural"', "kind 'neural'"),
        ('teacher = "lsa"', "no [[corpus]]"),
        ('teacher = "lsa"\nwidht = 3\n[[corpus]]\nfiles = ["a.csv"]', "did you mean 'width'"),
        ('teacher = "lsa"\nwidth = 0\n[[corpus]]\nfiles = ["a.csv"]', "width is 0"),
        ('teacher = "lsa"\nweigh = 1\n[[corpus]]\nfiles = ["a.csv"]', "give true or false"),
        ('teacher = "lsa"\nwidth = true\n[[corpus]]\nfiles = ["a.csv"]', "a whole number"),
        ('teacher = "lsa"\n[[corpus]]\ntext = "a"', "corpus.files is missing"),
        ('teacher = "lsa"\n[[corpus]]\nfiles = ["a"]\nsplit = "page"', "split is 'page'"),
        ('teacher = "lsa"\n[[corpus]]\nfiles = ["a"]\nvectors = []\n[corpus.x]', "corpus.x"),
        ('teacher = "lsa"\nobjectives = {cosin = 1.0}\n[[corpus]]\nfiles = ["a"]', "'cosine'"),
        ('teacher = "lsa"\nobjectives = {cosine = 0}\n[[corpus]]\nfiles = ["a"]', "weight 0"),
        ("= =", "cannot be read"),
        (with_key("objectives = {cosine = -1.0, gram = 1.0}"), "cosine has weight -1.0"),
        (with_key("objectives = {cosine = inf}"), "cosine has weight inf"),
        (with_key("objectives = {cosine = nan, gram = 1}"), "cosine has weight nan"),
        (with_key("objectives = {cosine = 'a'}"), "cosine has weight 'a'"),
        (with_key("objectives = {cosine = 0, gram = 0.0}"), "every objective has weight 0"),
        (with_key("temperature = nan"), "temperature is nan"),
        (with_key("learning_rate = -1"), "learning_rate is -1"),
        (with_key("prefixes = [64, -3]"), "prefixes has -3"),
        (with_key("frequencies = 'none.parquet'"), "none.parquet"),
        (with_key("start = 'lexical'\nfrequencies = 'none.parquet'"), "there is no file"),
        (with_key("start = 'lexical'\nwidth = 192"), "width has no effect with start"),
        (with_key("start = 'lexical'\nbuckets = 8"), "buckets has no effect with start"),
        ('teacher = "lsa"\n[[corpus]]\nfiles = []', "files is []"),
        ('teacher = "lsa"\n[[corpus]]\nfiles = [3]', "a list of strings"),
        (with_key("") + "sample = 0", "sample is 0"),
        (with_key("").replace("a.csv", "b.csv"), "b.csv; did you mean "),
        (with_key("") + "vectors = ['a.npy']", "a.npy, which vectors names"),
        (with_key("") + "text = 'body'", "a.csv has no column 'body'"),
        (with_key("") + "text = 'n'", "a.csv: the text column 'n' is int64, not text"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_one_line(tmp_path, capfd, monkeypatch, text, said):
    (tmp_path / "bad.toml").write_text(text)
    (tmp_path / "a.csv").write_text("n,text\n1,one\n2,two\n")
    monkeypatch.setattr(spec, "load_encoder", lambda *_, **__: pytest.fail("teacher loaded"))
    assert main(["train", str(tmp_path / "bad.toml"), "-o", str(tmp_path / "model")]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_shipped_recipes_can_be_read(monkeypatch):
    monkeypatch.setenv("ISOGLOSS_DATA", "/data")
    monkeypatch.setenv("ISOGLOSS_ENGLISH", "/english")
    recipe = read_recipe(find_recipe("lexical-en"))
    names = [name for corpus in recipe.corpus for name in corpus.files]
    assert not any("openstax" in name or "nltk" in name for name in names)
    assert names[0].startswith("/data/broad_english/")
    assert read_recipe(find_recipe("lexical-own")).start == "lexical"
    monkeypatch.delenv("ISOGLOSS_DATA")
    with pytest.raises(ParameterError, match="set the variable ISOGLOSS_DATA"):
        read_recipe(find_recipe("lexical-en"))
    with pytest.raises(ParameterError, match="did you mean 'lexical-en'"):
        find_recipe("lexical-em")
    with pytest.raises(ParameterError):
        read_recipe(Path("nowhere.toml"))


def test_recipes_are_listed_and_printed(capfd):
    assert main(["recipes", "--json"]) == 0
    assert [one["name"] for one in json.loads(capfd.readouterr().out)] == [
        "lexical-en", "lexical-own"
    ]  # fmt: skip
    assert main(["recipes"]) == 0
    assert "lexical-own" in capfd.readouterr().out
    assert main(["recipes", "lexical-own"]) == 0
    assert capfd.readouterr().out == find_recipe("lexical-own").read_text()
    assert main(["recipes", "none"]) == 2
