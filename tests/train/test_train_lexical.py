"""Distillation of a small teacher into a lexical encoder."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss import load_encoder
from isogloss.app.cli.main import main
from isogloss.encoders.lsa import LsaEncoder
from isogloss.train.recipe import read_recipe

pytest.importorskip("torch")

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


def renamed(text):
    return text.replace("rocket", "booster").replace("bread", "loaf")


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


def test_a_recipe_that_is_not_there_and_an_output_that_is_a_file(place, tmp_path, capfd):
    assert main(["train", str(tmp_path / "no.toml"), "-o", str(tmp_path / "model")]) == 2
    (tmp_path / "file").write_text("")
    assert main(["train", str(place / "recipe.toml"), "-o", str(tmp_path / "file")]) == 2
    assert "is a file" in capfd.readouterr().err


@pytest.mark.models
def test_a_table_of_4_bits_is_learnt_around(place, tmp_path, capfd):
    recipe = (place / "recipe.toml").read_text().replace("width = 6", "width = 6\nbits = 4")
    (place / "four.toml").write_text(recipe)
    assert main(["train", str(place / "four.toml"), "-o", str(tmp_path / "four"), "-q"]) == 0
    student = load_encoder(f"lexical:{tmp_path / 'four'}")
    assert np.abs(student.weights.table).max() <= 7
    fresh = texts_of(200, seed=9)
    wanted = load_encoder(f"lsa:{place / 'teacher'}").encode(fresh)
    assert (student.encode(fresh) * wanted).sum(axis=1).mean() > 0.9


@pytest.mark.models
@pytest.mark.parametrize("bits", [4, 8])
def test_a_student_that_weighs_twice_becomes_such_an_encoder(place, tmp_path, capfd, bits):
    import torch

    from isogloss.train.distil import begin
    from isogloss.train.features import Features
    from isogloss.train.student import LexicalStudent

    recipe = (
        (place / "recipe.toml")
        .read_text()
        .replace("width = 6", f"weigh = true\nbits = {bits}\nwidth = 6")
    )
    (place / "twice.toml").write_text(recipe)
    assert main(["train", str(place / "twice.toml"), "-o", str(tmp_path / "twice"), "-q"]) == 0
    encoder = load_encoder(f"lexical:{tmp_path / 'twice'}")
    made = encoder.weights
    assert np.abs(made.weigh).max() > 1e-3
    fresh = texts_of(200, seed=9)
    wanted = load_encoder(f"lsa:{place / 'teacher'}").encode(fresh)
    assert (encoder.encode(fresh) * wanted).sum(axis=1).mean() > 0.9
    # What was trained is what the encoder computes, but for its 8 bits.
    features = Features(made.words, made.pairs, made.buckets, made.idf)
    rows = made.table * made.scale[:, None]
    student = LexicalStudent(rows, made.skip, hidden=1, seed=0, start=made)
    part = features.weigh(fresh)
    with torch.no_grad():
        vectors = student(
            torch.from_numpy(part.indices.astype(np.int64)),
            torch.from_numpy(part.indptr[:-1].astype(np.int64)),
            torch.from_numpy(part.data),
        )
    vectors = torch.nn.functional.normalize(vectors).numpy()
    assert (vectors * encoder.encode(fresh)).sum(axis=1).min() > 0.995
    # An encoder that goes on from it weighs twice as well, whether the recipe says so or not.
    more = read_recipe(place / "recipe.toml")
    more = replace(more, start=f"lexical:{tmp_path / 'twice'}")
    teacher = load_encoder(f"lsa:{place / 'teacher'}")
    _, again = begin(more, fresh, teacher, tmp_path / "cache")
    assert np.allclose(again.weigh.detach().numpy(), made.weigh)
    assert float(again.weigh_bias.detach()) == float(made.weigh_bias[0])


@pytest.mark.models
def test_an_encoder_goes_on_from_another(place, tmp_path, capfd):
    assert main(["train", str(place / "recipe.toml"), "-o", str(tmp_path / "first"), "-q"]) == 0
    fresh = [
        text.replace("rocket", "booster").replace("bread", "loaf") for text in texts_of(600, 3)
    ]
    pq.write_table(pa.table({"text": fresh}), tmp_path / "fresh.parquet")
    (tmp_path / "more.toml").write_text(
        f"""
        teacher = "lsa:{place / "teacher"}"
        start = "lexical:{tmp_path / "first"}"
        words = 10
        pairs = 0
        epochs = 2
        batch = 64
        prefixes = [3]
        [[corpus]]
        files = ["fresh.parquet"]
        """
    )
    capfd.readouterr()
    command = ["train", str(tmp_path / "more.toml"), "-o", str(tmp_path / "second"), "-q", "--json"]
    assert main(command) == 0
    assert json.loads(capfd.readouterr().out)["words"] == 34
    first, second = (load_encoder(f"lexical:{tmp_path / name}") for name in ("first", "second"))
    teacher = load_encoder(f"lsa:{place / 'teacher'}")
    asked = [renamed(text) for text in texts_of(99, 7)]
    wanted = teacher.encode(asked)
    kept = np.linalg.norm(wanted, axis=1) > 0
    before, after = (
        (one.encode(asked) * wanted).sum(axis=1)[kept].mean() for one in (first, second)
    )
    assert after > max(0.95, before)
