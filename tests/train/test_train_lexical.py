"""Distillation of a small teacher into a lexical encoder."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss import load_encoder
from isogloss._core.errors import ParameterError, SourceError
from isogloss.app.cli.main import main
from isogloss.encoders import spec
from isogloss.encoders.lexical import LexicalWeights
from isogloss.encoders.lsa import LsaEncoder
from isogloss.train.extend import extend_features
from isogloss.train.features import choose_features, read_frequencies
from isogloss.train.recipe import read_recipe
from isogloss.train.shipped import find_recipe
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


def test_frequencies_of_the_language_count_as_half():
    texts = ["cat dog", "cat", "dog", "cat"] * 5
    frequencies = {"cat": 0.001, "heron": 0.01, "don't": 0.002, "New York": 0.5, "dog": 1e-7}
    made = choose_features(texts, words=3, pairs=0, buckets=1, frequencies=frequencies)
    assert made.words == ["cat", "dog", "heron"]
    shares = np.array([16 / 21 + 1 - np.exp(-0.04), 11 / 21 + 1 - np.exp(-4e-6), 1 - np.exp(-0.4)])
    assert np.allclose(made.idf[:3], -np.log(shares / 2), atol=1e-6)
    more = choose_features(texts, words=9, pairs=0, buckets=1, frequencies=frequencies)
    assert "New York" not in more.words
    assert "york" not in more.words


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"word": ["a"]}, "no columns"),
        ({"word": ["a", "b"], "frequency": [0.1, 0.0]}, "row 1: frequency 0.0"),
        ({"word": ["a", "b"], "frequency": [0.1, None]}, "row 1"),
        ({"word": ["a", "a"], "frequency": [0.1, 0.1]}, "each once"),
        ({"word": [1], "frequency": [0.1]}, "must be strings"),
    ],
)
def test_bad_frequencies_are_refused(tmp_path, columns, said):
    pq.write_table(pa.table(columns), tmp_path / "words.parquet")
    with pytest.raises(SourceError, match=said):
        read_frequencies(tmp_path / "words.parquet")
    with pytest.raises(SourceError, match="there is no file"):
        read_frequencies(tmp_path / "none.parquet")


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


def test_rounding_takes_the_scale_of_least_error():
    pytest.importorskip("torch")
    from isogloss.train.rounding import round_rows

    rows = np.array([[1.0, -0.5, 0.25], [0.0, 0.0, 0.0], [10.0, 1.0, 1.0]], np.float32)
    for bits, top in ((8, 127), (4, 7)):
        codes, scale = round_rows(rows, bits)
        held = codes * scale[:, None]
        assert np.abs(codes).max() == top
        assert np.abs(held - rows).max() < 10 / top / 1.9
        shares = (1.0,) if bits == 8 else (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
        for row, got in zip(rows, held, strict=True):
            step = [np.abs(row).max() / top * share or 1.0 for share in shares]
            errors = [((np.clip(np.rint(row / s), -top, top) * s - row) ** 2).sum() for s in step]
            assert ((got - row) ** 2).sum() <= min(errors) + 1e-5


def test_a_table_learns_behind_its_rounding():
    torch = pytest.importorskip("torch")
    from isogloss.train.rounding import RoundedTable

    draw = torch.Generator().manual_seed(0)
    table = torch.nn.Parameter(torch.randn(40, 8, generator=draw))
    goal = torch.randn(40, 8, generator=draw) * 0.5
    rounded = RoundedTable(table, 4)
    before = ((table - goal) ** 2).sum().item()
    for _ in range(200):  # single steps are far below what 4 bits tell apart
        table.grad = None
        ((table - goal) ** 2).sum().backward()
        rounded.learn()
        with torch.no_grad():
            table -= 0.01 * table.grad
        rounded.show(torch.arange(0, 40, 2))
    held = rounded.codes() * rounded.scale[:, None]
    assert np.allclose(table.detach().numpy(), held, atol=1e-6)
    gone = ((held - goal.numpy()) ** 2).sum(1)
    assert gone[::2].sum() < 0.1 * before  # rows that were shown have come near
    kept = RoundedTable(torch.nn.Parameter(rounded.coarse.clone()), 4)
    assert np.array_equal(kept.codes()[1::2], rounded.codes()[1::2])


def plainly_summed_twice(table, turn, bias, ids, starts, weights):
    """Weigh rows again by plain operations of torch, with one copy of a row for each feature."""
    import torch

    lengths = torch.diff(torch.cat([starts, torch.tensor([len(ids)])]))
    owner = torch.repeat_interleave(torch.arange(len(starts)), lengths)
    none = torch.zeros(len(starts), table.shape[1])
    first = none.index_add(0, owner, table[ids] * weights[:, None])
    turned = torch.nn.functional.normalize(first) @ turn
    gates = (1 + bias + (table.detach()[ids] * turned[owner]).sum(1)).clamp(0, 2)
    shut = torch.zeros(len(starts)).index_add(0, owner, gates)[owner] == 0
    gates = torch.where(shut, torch.ones(()), gates)
    rows = table[ids] * (weights * gates)[:, None]
    return none.index_add(0, owner, rows), gates


@pytest.mark.parametrize(("strength", "bias"), [(0.0, 0.0), (0.1, 0.2), (0.6, -0.3), (0.1, -9.0)])
def test_the_second_weighing_has_the_gradients_of_plain_operations(strength, bias):
    import torch

    from isogloss.train.rows import sum_rows

    draw = torch.Generator().manual_seed(0)
    table, turn, gradient = (
        torch.randn(*shape, generator=draw) for shape in ((30, 6), (6, 6), (5, 6))
    )
    ids = torch.randint(0, 30, (40,), generator=draw)
    starts, weights = torch.tensor([0, 7, 7, 20, 21]), torch.rand(40, generator=draw)
    results = []
    for way in ("plain", "own"):
        given = [
            torch.nn.Parameter(one.clone()) for one in (table, turn * strength, torch.tensor(bias))
        ]
        if way == "plain":
            total, gates = plainly_summed_twice(*given, ids, starts, weights)
        else:
            total = sum_rows(given[0], ids, starts, weights, turn=given[1], bias=given[2])
        total.backward(gradient)
        results.append([total.detach(), *(one.grad.to_dense() for one in given)])
    for plain, own in zip(*results, strict=True):
        assert torch.allclose(plain, own, atol=1e-5)
    assert strength < 0.5 or (bool((gates == 0).any()) and bool((gates == 2).any()))
    assert bias > -9 or bool((gates == 1).all())
    once = torch.nn.Parameter(table.clone())
    sum_rows(once, ids, starts, weights).backward(gradient)
    plain = torch.nn.Parameter(table.clone())
    torch.nn.functional.embedding_bag(
        ids, plain, starts, per_sample_weights=weights, mode="sum"
    ).backward(gradient)
    assert torch.allclose(once.grad.to_dense(), plain.grad, atol=1e-6)


def test_rows_move_as_by_sparse_adam():
    import torch

    from isogloss.train.optimiser import RowAdam

    draw = torch.Generator().manual_seed(0)
    begin = torch.randn(50, 3, generator=draw)
    ours, theirs = (torch.nn.Parameter(begin.clone()) for _ in range(2))
    steps = RowAdam([ours], lr=0.1), torch.optim.SparseAdam([theirs], lr=0.1)
    for size in (1, 20, 20, 7):
        rows = torch.randint(0, 50, (size,), generator=draw)  # some of them twice
        values = torch.randn(size, 3, generator=draw)
        for table, step in zip((ours, theirs), steps, strict=True):
            table.grad = torch.sparse_coo_tensor(
                rows[None], values, (50, 3), check_invariants=False
            )
            step.step()
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert bool((ours != begin).any(dim=1).sum() < 50)


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


def test_features_of_an_encoder_keep_their_rows():
    rng = np.random.default_rng(0)
    start = LexicalWeights(
        words=["bird", "cat", "dog"], pairs=np.array([[1, 2]], np.int32), buckets=2,
        idf=np.array([3, 2, 1, 4, 5, 5], np.float32),
        table=rng.integers(-127, 128, (6, 2)).astype(np.int8),
        scale=np.full(6, 0.01, np.float32), skip=np.eye(2, dtype=np.float32),
        inner=np.ones((2, 3), np.float32), bias=np.zeros(3, np.float32),
        outer=np.ones((3, 2), np.float32),
    )  # fmt: skip
    texts = ["cat dog ant", "ant cat dog", "ant ant"]
    features, known = extend_features(start, texts, words=1, pairs=9, least=2)
    assert features.words == ["ant", "bird", "cat", "dog"]
    assert features.pairs.tolist() == [[2, 3]]
    assert known.tolist() == [-1, 0, 1, 2, 3, 4, 5]
    cat = (np.exp(-2) + 3 / 4) / 2
    assert np.allclose(features.idf[[1, 2]], [3 + np.log(2), -np.log(cat)], atol=1e-6)
    assert np.allclose(features.idf[4:], [4, 5, 5])
