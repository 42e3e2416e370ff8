"""The residual situator: what it reads, how it is served, trained, stopped and kept."""

import json

import numpy as np
import pytest

from isogloss._core.errors import AtlasError, EncoderError, ParameterError
from isogloss.encoders.spec import load_encoder
from isogloss.situate.base import Chunked
from isogloss.situate.model import TokenModel
from isogloss.situate.residual import ContextInput, Reach, ResidualSituator
from isogloss.situate.training import CHECKPOINT, ResidualSettings, train_residual

pytestmark = pytest.mark.models

PEOPLE, DEEDS = ["ann", "bob", "carl", "dora"], ["lost the ring", "hid the map", "found the key"]


def stories():
    """Give documents of two scenes: a name, then a deed by a pronoun; queries name both."""
    documents, pairs = [], []
    for one in range(4):
        for two in range(4):
            if one == two:
                continue
            deed = DEEDS[(one + two) % 3]
            scenes = [(PEOPLE[one], deed), (PEOPLE[two], deed)]
            chunks = [text for name, what in scenes for text in (f"{name} was in the garden .",
                      f"then she {what} .")]  # fmt: skip
            pairs += [(f"{name} {what}", len(documents), 2 * i + 1)
                      for i, (name, what) in enumerate(scenes)]  # fmt: skip
            documents.append(chunks)
    return documents, pairs


@pytest.fixture(scope="module")
def settings(tiny):
    return ResidualSettings(
        encoder=str(tiny), model=str(tiny), before=1, after=0, rank=4, learning_rate=0.02,
        epochs=6, checkpoint=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(settings, tmp_path_factory):
    documents, pairs = stories()
    return train_residual(documents, pairs, tmp_path_factory.mktemp("trained"), settings)


def recall(situator, documents, pairs):
    vectors = situator.situate(documents)
    queries = situator.encode_query([query for query, _, _ in pairs])
    scores = queries @ vectors.T
    truth = np.array([4 * document + chunk for _, document, chunk in pairs])
    answers = np.array([[scores[i, t] >= scores[i].max() - 1e-6] for i, t in enumerate(truth)])
    return float(answers.mean())


def test_what_is_read(tiny):
    reader = ContextInput(TokenModel(str(tiny)), Reach(2, 1, "chunk"))
    chunks = ("ann lost it .", "bob hid it .", "she found it .", "it was cold .", "who")
    reading = reader.readings(Chunked(chunks))[2]
    assert (reading.text, reading.neighbours) == (chunks[2], (0, 1, 3))
    # the chunk itself is not in its context: its text is read once
    assert reading.context == " ".join((chunks[0], chunks[1], chunks[3]))
    (item,) = reader.items(reading.text, reading.context)
    own, more = (reader.model.tokens(text)[0] for text in (reading.text, reading.context))
    assert list(item.ids) == [2, *own, 3, *more, 3]
    assert item.spans == ((0, len(own) + 2),)
    assert item.second == len(own) + 2
    everything = ContextInput(reader.model, Reach(2, 1, "all"))
    assert everything.items(reading.text, reading.context)[0].spans == ((0, len(item.ids)),)


def test_context_is_cut_at_its_far_end_and_counted(tiny):
    reader = ContextInput(TokenModel(str(tiny)), Reach(3, 0))
    chunks = ("ann lost the ring then .", "bob hid the map then .", "she found the key then .",
              "it was cold in the garden .")  # fmt: skip
    last = reader.readings(Chunked(chunks))[3]
    # 24 tokens: [CLS] 7 [SEP] 6 6 (2 left: too few to be read) [SEP]
    assert last.neighbours == (1, 2)
    assert reader.truncation.tokens == 6 + 12 + 18
    assert reader.truncation.tokens_beyond == 6
    assert reader.truncation.long_texts == 1
    assert "cut off" in reader.truncation.summary()
    assert len(reader.items(last.text, last.context)[0].ids) <= 24
    # a chunk of five tokens leaves room for the near end of the first
    few = reader.readings(Chunked((*chunks[:3], "it was cold then .")))[3]
    assert few.context.startswith("the ring then . bob hid")
    assert len(reader.items(few.text, few.context)[0].ids) <= 24


def test_prompts_are_read_first(tiny):
    model = TokenModel(str(tiny))
    model.prompts = {"document": "then ", "query": "who found "}
    reader = ContextInput(model, Reach(1, 0))
    then, who = model.tokens("then")[0], model.tokens("who found")[0]
    chunks = (
        "ann lost it .",
        "she found the key in the attic then .",
        "it was cold in the river .",
    )
    (item,) = reader.items(chunks[0], "bob")
    assert list(item.ids[1:2]) == then
    assert list(reader.items("key", kind="query")[0].ids[1:3]) == who
    last = reader.readings(Chunked(chunks))[2]
    (item,) = reader.items(last.text, last.context)  # room for 12 of 9 tokens: nothing is cut
    assert last.context == chunks[1]
    assert len(item.ids) == 1 + 1 + 7 + 1 + 9 + 1


def test_one_inner_product_is_the_sum_of_both(trained, tiny):
    documents, pairs = stories()
    queries = [query for query, _, _ in pairs][:5]
    encoder = load_encoder(str(tiny))
    readings = [one for chunks in documents for one in trained.readings(Chunked(tuple(chunks)))]
    own = encoder.encode([one.text for one in readings])
    within = trained.input.encode([(one.text, one.context) for one in readings])
    total = encoder.encode_query(queries) @ own.T + trained.situated_query(queries) @ within.T
    vectors, asked = trained.situate(documents), trained.encode_query(queries)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(asked, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(asked @ vectors.T, total / 2, atol=1e-5)
    assert vectors.shape[1] == 2 * encoder.dim == trained.dim


def test_untrained_and_alone_both_halves_are_alike(tiny):
    plain = ResidualSituator(load_encoder(str(tiny)), TokenModel(str(tiny)), reach=Reach(1, 0))
    found = plain.encode(["ann lost it ."])
    np.testing.assert_allclose(found[:, :32], found[:, 32:], atol=1e-5)
    assert not plain.encode([""]).any()
    assert not plain.encode_query([" "]).any()
    # with a neighbour, only the second half moves
    near = plain.situate([["bob hid it .", "ann lost it ."]])[1]
    np.testing.assert_allclose(near[:32], found[0, :32], atol=1e-6)
    assert abs(near[32:] - found[0, 32:]).max() > 1e-3


def test_training_learns_what_the_chunk_cannot_say(trained, settings, tiny):
    documents, pairs = stories()
    encoder = load_encoder(str(tiny))
    plain = ResidualSituator(encoder, TokenModel(str(tiny)), reach=trained.reach)
    assert trained.record["loss_last"] < 0.7 * trained.record["loss_first"]
    assert recall(trained, documents, pairs) > recall(plain, documents, pairs) + 0.1


def test_rivals_are_of_the_same_document(settings, tiny):
    from isogloss.situate.training import _Run

    documents, pairs = stories()
    cut = [Chunked(tuple(chunks)) for chunks in documents]
    reader = ContextInput(TokenModel(str(tiny)), Reach(1, 0))
    run = _Run(cut, pairs, settings, load_encoder(str(tiny)), reader)
    steps = list(run.steps())
    run.adapter.detach()
    assert sorted(row for step in steps for row in step.pairs) == sorted(
        list(range(len(pairs))) * settings.epochs
    )
    for step in steps:
        chosen = {pairs[row][1] for row in step.pairs}
        assert {document for document, _ in step.candidates} == chosen
        for document in chosen:  # each query meets all others of its document
            assert sum(one == document for one, _ in step.candidates) == 4


def test_the_loss_is_on_the_sum_of_both(settings, tiny):
    from isogloss.situate.training import _Run, _Step

    documents, pairs = stories()
    cut = [Chunked(tuple(chunks)) for chunks in documents]
    reader = ContextInput(TokenModel(str(tiny)), Reach(1, 0))
    encoder = load_encoder(str(tiny))
    same = ("ann lost the ring", 0, 3)  # a second answer to the first query: no rival of the first
    pairs = [("ann lost the ring", 0, 1), same, *pairs[1:]]
    run = _Run(cut, pairs, settings, encoder, reader)
    candidates = [(0, 0), (0, 1), (0, 3), (1, 1)]
    loss = float(run._loss(_Step([0, 2], candidates)).detach())
    run.adapter.detach()
    chunks = [run.readings[document][chunk] for document, chunk in candidates]
    queries = [pairs[0][0], pairs[2][0]]
    own = encoder.encode_query(queries) @ encoder.encode([one.text for one in chunks]).T
    asked = reader.encode([(query, "") for query in queries])
    within = asked @ reader.encode([(one.text, one.context) for one in chunks]).T
    scores = (own + within).astype(np.float64) / settings.temperature
    truth = [candidates.index(pairs[row][1:]) for row in (0, 2)]
    scores[0, 2] = -np.inf
    losses = [np.log(np.exp(row - row[t]).sum()) for row, t in zip(scores, truth, strict=True)]
    assert loss == pytest.approx(np.mean(losses), abs=1e-3)


def test_same_seed_same_bytes_and_other_seed_others(trained, settings, tmp_path):
    from dataclasses import replace

    documents, pairs = stories()
    again = train_residual(documents, pairs, tmp_path / "a", settings)
    assert again.fingerprint == trained.fingerprint
    other = train_residual(documents, pairs, tmp_path / "b", replace(settings, seed=1, epochs=1))
    assert other.fingerprint != trained.fingerprint


def test_a_stopped_training_goes_on(trained, settings, tmp_path):
    documents, pairs = stories()

    class PowerCutError(Exception):
        pass

    def cut(event):
        if event.done == 7:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        train_residual(documents, pairs, tmp_path, settings, on_event=cut)
    assert (tmp_path / CHECKPOINT).is_file()
    seen = []
    done = train_residual(documents, pairs, tmp_path, settings, on_event=seen.append)
    assert seen[0].done == 6
    assert done.fingerprint == trained.fingerprint
    assert not (tmp_path / CHECKPOINT).exists()
    # a finished one is loaded, not trained again
    seen.clear()
    loaded = train_residual(documents, pairs, tmp_path, settings, on_event=seen.append)
    assert [event.level for event in seen] == ["info"]
    assert loaded.fingerprint == trained.fingerprint
    # other pairs: not here
    with pytest.raises(ParameterError, match="other texts or settings"):
        train_residual(documents, pairs[:-1], tmp_path, settings)


def test_saved_and_loaded_are_equal(trained, tmp_path):
    folder = trained.save(tmp_path / "one")
    loaded = ResidualSituator.load(folder)
    documents, _ = stories()
    np.testing.assert_allclose(loaded.situate(documents), trained.situate(documents), atol=1e-6)
    assert loaded.fingerprint == trained.fingerprint
    again = loaded.save(tmp_path / "two")
    for name in ("isogloss.json", "adapter.safetensors"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()


def test_damaged_folders_are_refused(trained, tmp_path):
    from isogloss.situate.spec import load_situator

    with pytest.raises(EncoderError, match="is no situator"):
        load_situator(str(tmp_path))
    folder = trained.save(tmp_path / "one")
    with pytest.raises(EncoderError, match="knows its own encoders"):
        load_situator(str(folder), encoder="lexical")
    whole = (folder / "isogloss.json").read_text()
    for change, kind, words in (
        ({"format": 99}, AtlasError, "format 99"),
        ({"kind": "cake"}, EncoderError, "holds no"),
        ({"reach": {"before": 1, "colour": 2}}, AtlasError, "damaged"),
        (
            {"chunk_encoder": {"spec": "lexical", "fingerprint": "x"}},
            EncoderError,
            "trained beside",
        ),
    ):
        (folder / "isogloss.json").write_text(json.dumps({**json.loads(whole), **change}))
        with pytest.raises(kind, match=words):
            load_situator(str(folder))
    (folder / "isogloss.json").write_text("{")
    with pytest.raises(AtlasError, match="damaged"):
        load_situator(str(folder))
    (folder / "isogloss.json").write_text(whole)
    data = (folder / "adapter.safetensors").read_bytes()
    (folder / "adapter.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(AtlasError, match="damaged"):
        load_situator(str(folder))


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([], "no pairs"),
        ([("q", 0, 9)], "places of a document"),
        ([("q", -1, 0)], "places of a document"),
        ([("", 0, 0)], "places of a document"),
        ([("q", 0)], "places of a document"),
        ([("q", "a", 0)], "places of a document"),
        ([("q", 0, 1)], "without content"),
    ],
)
def test_pairs_that_name_no_chunk(pairs, words, tmp_path, settings):
    with pytest.raises(ParameterError, match=words):
        train_residual([["a", " "]], pairs, tmp_path, settings)


def test_a_file_is_no_folder(settings, tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(ParameterError, match="is a file"):
        train_residual([["a"]], [("q", 0, 0)], tmp_path / "x", settings)


def test_settings_are_checked():
    for bad in ({"rank": 0}, {"temperature": 0.0}, {"learning_rate": float("nan")},
                {"before": -1}, {"pool": "max"}, {"seed": -1}, {"epochs": 0}):  # fmt: skip
        with pytest.raises(ParameterError, match=next(iter(bad))):
            ResidualSettings(**bad).check()


def test_only_stale_chunks_pass_the_encoders(trained, tmp_path, monkeypatch):
    from isogloss.situate.stale import resituate

    documents, _ = stories()
    table = tmp_path / "chunks.parquet"
    resituate(trained, documents, table)
    documents[0] = ["dora was in the attic .", *documents[0][1:]]
    seen = []
    plain = TokenModel.sums
    monkeypatch.setattr(TokenModel, "sums", lambda self, items: seen.extend(items) or
                        plain(self, items))  # fmt: skip
    found = resituate(trained, documents, table)
    # the first chunk, and the second, which reads it; each passes the situated encoder once
    assert np.flatnonzero(found.stale).tolist() == [0, 1]
    assert len(seen) == 2
    np.testing.assert_allclose(found.vectors, trained.situate(documents), atol=1e-5)
