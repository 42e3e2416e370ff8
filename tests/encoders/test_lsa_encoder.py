"""The lsa encoder: laws of its vectors, what it writes, and what it refuses."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_limits

from isogloss import load_encoder
from isogloss._core.errors import AtlasError, EncoderError, NotFitted, ParameterError
from isogloss._core.tensors import save_tensors
from isogloss.encoders.base import Encoder
from isogloss.encoders.lsa import LsaEncoder
from isogloss.text import tfidf

SUBJECTS = [
    "rocket orbit moon launch fuel crew",
    "soup salt bread pepper oven dough",
    "court judge trial appeal jury verdict",
]


def texts_of(n, seed=0):
    """Give texts of three words, each text of one subject in turn."""
    rng = np.random.default_rng(seed)
    picks = [SUBJECTS[i % 3].split() for i in range(n)]
    return [" ".join(rng.choice(words, 3)) for words in picks]


TEXTS = texts_of(90)


@pytest.fixture(scope="module")
def fitted():
    return LsaEncoder(dim=8).fit([TEXTS])


def test_it_is_an_encoder(fitted):
    assert isinstance(fitted, Encoder)
    assert (fitted.spec, fitted.max_tokens, fitted.is_fitted) == ("lsa", None, True)
    assert len(fitted.fingerprint) == 64
    assert fitted.dim == 8 == fitted.projection_.shape[1]
    assert len(fitted.vocabulary_) == 18 == len(fitted.projection_)


def test_rows_are_units(fitted):
    vectors = fitted.encode(TEXTS)
    assert (vectors.dtype, vectors.shape) == (np.float32, (90, 8))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)


def test_vectors_are_weights_times_projection(fitted):
    weighed = tfidf(fitted.vocabulary_.counts(TEXTS), fitted.vocabulary_.idf).toarray()
    plain = weighed.astype(np.float64) @ fitted.projection_
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.encode(TEXTS), plain, atol=1e-6)


def test_subjects_part():
    vectors = LsaEncoder(dim=3).fit([TEXTS]).encode(TEXTS)
    subject = np.arange(90) % 3
    cosines = vectors @ vectors.T
    alike = subject[:, None] == subject
    assert cosines[alike].min() > 0.9
    assert np.abs(cosines[~alike]).max() < 0.1


def test_all_directions_keep_all_cosines():
    # With as many directions as words the projection only turns the weights.
    encoder = LsaEncoder(dim=100).fit([TEXTS])
    weighed = tfidf(encoder.vocabulary_.counts(TEXTS), encoder.vocabulary_.idf).toarray()
    vectors = encoder.encode(TEXTS)
    assert encoder.dim == 18
    np.testing.assert_allclose(vectors @ vectors.T, weighed @ weighed.T, atol=1e-5)


def test_unknown_words_give_zeros_and_change_nothing(fitted):
    vectors = fitted.encode(["", "unseen", "?", "moon", "moon unseen 12,5"])
    assert not vectors[:3].any()
    assert vectors[3].any()
    assert vectors[3].tobytes() == vectors[4].tobytes()


def test_batches_and_order_change_no_byte(fitted):
    texts = [*TEXTS, "", "unseen"]
    whole = fitted.encode(texts)
    assert whole.tobytes() == np.vstack([fitted.encode([text]) for text in texts]).tobytes()
    assert whole.tobytes() == fitted.encode(texts, batch_size=7).tobytes()
    assert whole[::-1].tobytes() == fitted.encode(texts[::-1]).tobytes()
    assert whole.tobytes() == fitted.encode_query(texts).tobytes()
    assert whole.tobytes() == fitted.encode(pa.array(texts)).tobytes()


def test_the_cut_into_batches_changes_no_byte_of_a_fit(fitted):
    cut = LsaEncoder(dim=8).fit(iter([TEXTS[:11], [], TEXTS[11:]]))
    assert cut.fingerprint == fitted.fingerprint
    assert LsaEncoder(dim=8).fit([pa.array(TEXTS)]).fingerprint == fitted.fingerprint


def test_fits_are_equal_for_any_number_of_threads(monkeypatch):
    texts = texts_of(9000)  # more than two blocks of rows
    found = []
    for threads in (1, 2, 2):
        monkeypatch.setenv("ISOGLOSS_THREADS", str(threads))
        with threadpool_limits(limits=threads):
            encoder = LsaEncoder(dim=12).fit([texts])
            found.append((encoder.fingerprint, encoder.encode(texts).tobytes()))
    assert found[0] == found[1] == found[2]


def test_a_fit_forgets_the_one_before(fitted):
    encoder = LsaEncoder(dim=8).fit([["moon rocket", "salt soup"]])
    assert encoder.dim == 2
    assert encoder.fit([TEXTS]).fingerprint == fitted.fingerprint


def test_the_fingerprint_tells_fits_apart(fitted):
    others = [LsaEncoder(dim=7).fit([TEXTS]), LsaEncoder(dim=8).fit([TEXTS[1:]])]
    assert len({fitted.fingerprint, *(other.fingerprint for other in others)}) == 3


@pytest.mark.parametrize("batches", [[], [[]], [[""]], [["", "? , 7"]]])
def test_nothing_to_learn(batches):
    encoder = LsaEncoder().fit(batches)
    assert encoder.encode(["moon", ""]).tolist() == [[0.0], [0.0]]
    assert encoder.encode([]).shape == (0, 1)


def test_one_text_is_one_direction():
    encoder = LsaEncoder().fit([["moon rocket"]])
    assert encoder.dim == 1
    np.testing.assert_allclose(encoder.encode(["rocket", "salt"]), [[1.0], [0.0]], atol=1e-6)


def test_two_texts_are_two_directions():
    encoder = LsaEncoder().fit([["moon rocket", "salt soup"]])
    vectors = encoder.encode(["moon", "rocket", "salt soup"])
    assert vectors.shape == (3, 2)
    np.testing.assert_allclose(vectors[0] @ vectors[1:].T, [1.0, 0.0], atol=1e-5)
    assert LsaEncoder().fit([["moon rocket"] * 2]).dim == 1


def test_stop_words_are_left_out():
    texts = ["the cost of the moon and the sun is to fall", "the price of salt was that", "to be"]
    words = LsaEncoder().fit([texts]).vocabulary_.words
    assert {"moon", "salt", "price"} <= set(words)
    assert not {"the", "of", "that"} & set(words)


def test_texts_are_counted():
    encoder = LsaEncoder().fit([["moon rocket", "salt"]])
    encoder.encode(["moon", ""])
    encoder.encode_query(["salt"])
    assert encoder.truncation.texts == 3
    assert encoder.truncation.summary() == ""


def test_what_is_refused(fitted, tmp_path):
    with pytest.raises(ParameterError, match="dim is 0"):
        LsaEncoder(dim=0)
    for call in (LsaEncoder().encode, LsaEncoder().encode_query):
        with pytest.raises(NotFitted, match="fit"):
            call(["moon"])
    with pytest.raises(NotFitted, match="fit"):
        LsaEncoder().save(tmp_path)
    with pytest.raises(ParameterError, match="one string"):
        fitted.encode("moon")
    with pytest.raises(ParameterError, match=r"texts\[1\] is NoneType"):
        fitted.encode(["moon", None])
    # A list of texts where batches were asked for would be read letter by letter.
    with pytest.raises(ParameterError, match="batches of texts"):
        LsaEncoder().fit(["the moon", "the sun"])
    with pytest.raises(ParameterError, match=r"texts\[0\] is int"):
        LsaEncoder().fit([[3]])


# ---- on disk


def test_save_and_load(fitted, tmp_path):
    fitted.save(tmp_path / "one")
    loaded = LsaEncoder.load(tmp_path / "one")
    assert (loaded.fingerprint, loaded.dim) == (fitted.fingerprint, fitted.dim)
    assert loaded.spec == f"lsa:{tmp_path / 'one'}"
    assert loaded.encode(TEXTS).tobytes() == fitted.encode(TEXTS).tobytes()
    loaded.save(tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["isogloss.json", "lsa.safetensors", "vocabulary.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    again = load_encoder(loaded.spec)
    assert again.encode(["moon"]).tobytes() == fitted.encode(["moon"]).tobytes()


def test_save_and_load_of_nothing(tmp_path):
    LsaEncoder().fit([]).save(tmp_path)
    assert LsaEncoder.load(tmp_path).encode(["moon"]).tolist() == [[0.0]]


def damage(folder, kind):
    about = json.loads((folder / "isogloss.json").read_text())
    if kind == "no about":
        (folder / "isogloss.json").unlink()
    elif kind == "about is no json":
        (folder / "isogloss.json").write_text("{")
    elif kind == "vocabulary missing":
        (folder / "vocabulary.json").unlink()
    elif kind == "tensors cut":
        path = folder / "lsa.safetensors"
        path.write_bytes(path.read_bytes()[:-5])
    elif kind == "other words":
        save_tensors(folder / "lsa.safetensors", {"projection": np.ones((5, 2), np.float32)})
    elif kind == "other tensor":
        save_tensors(folder / "lsa.safetensors", {"basis": np.ones((18, 2), np.float32)})
    elif kind == "tensors missing":
        (folder / "lsa.safetensors").unlink()
    else:
        change = {
            "other class": {"class": "Model"},
            "too new": {"format": 99},
        }
        value = [1] if kind == "about is a list" else {**about, **change[kind]}
        (folder / "isogloss.json").write_text(json.dumps(value))


@pytest.mark.parametrize(
    "kind",
    [
        "no about", "about is no json", "about is a list", "other class", "too new",
        "vocabulary missing", "tensors missing", "tensors cut", "other words", "other tensor",
    ],
)  # fmt: skip
def test_damaged_folders(fitted, tmp_path, kind):
    fitted.save(tmp_path)
    damage(tmp_path, kind)
    with pytest.raises((EncoderError, AtlasError)):
        LsaEncoder.load(tmp_path)


@pytest.mark.data
def test_real_news_of_one_subject_are_near(data_dir):
    table = pq.read_table(data_dir / "bbc_news" / "data.parquet").slice(0, 2225)
    rows = np.arange(0, len(table), 6)
    table = table.take(rows)
    labels = np.array(table["label"].to_pylist())
    texts = table["text"].to_pylist()
    encoder = LsaEncoder(dim=40).fit([texts])
    vectors = encoder.encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    cosines = vectors @ vectors.T - 2 * np.eye(len(texts))
    assert (labels[cosines.argmax(axis=1)] == labels).mean() > 0.85
