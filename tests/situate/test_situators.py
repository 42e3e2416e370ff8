"""What is read for each chunk, and what a change makes stale; no torch."""

import hashlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss._core.chat import ChatReply
from isogloss._core.endpoint import NoAnswerError
from isogloss._core.errors import EncoderError, ParameterError, StorageError
from isogloss.encoders.base import Encoder
from isogloss.situate.asked import AskedPrefix
from isogloss.situate.base import Chunked, Reading, Situator, as_chunked
from isogloss.situate.late import cores, owners
from isogloss.situate.plain import BiggerChunk, ChunkOnly
from isogloss.situate.prefix import PrefixedChunk, first_sentence
from isogloss.situate.spec import load_situator
from isogloss.situate.stale import Known, redo, resituate

STORY = Chunked(
    ("Ada Byron lived in London. It rained.", "She wrote a letter.", "He burned the letter."),
    "A life",
)
words = st.sampled_from(["ann", "bob", "lost", "found", "ring", "map", ""])
chunk = st.lists(words, max_size=4).map(" ".join)
document = st.lists(chunk, max_size=7)


def situators(encoder):
    return [
        ChunkOnly(encoder),
        BiggerChunk(encoder, before=2, after=1),
        PrefixedChunk(encoder),
    ]


def test_all_are_encoders_too(counting):
    for situator in situators(counting):
        assert isinstance(situator, Situator)
        assert isinstance(situator, Encoder)
        assert situator.encode(["a b", ""]).shape == (2, 16)
        assert situator.encode([]).shape == (0, 16)
        assert not situator.encode(["", " "]).any()
        assert len({one.fingerprint for one in situators(counting)}) == 3


def test_chunk_alone_is_the_encoder(counting):
    found = ChunkOnly(counting).situate([STORY, ["x", ""]])
    np.testing.assert_array_equal(found[:4], counting.encode([*STORY.chunks, "x"]))
    assert not found[4].any()


def test_bigger_chunk_reads_each_text_once(counting):
    readings = BiggerChunk(counting, before=1, after=1).readings(STORY)
    assert readings[0].text == " ".join(STORY.chunks[:2])
    assert [one.neighbours for one in readings] == [(1,), (0, 2), (1,)]
    assert readings[1].text.count("She wrote a letter.") == 1


def test_prefix_by_hand(counting):
    readings = PrefixedChunk(counting, keywords=3).readings(STORY)
    # the first chunk opens the document: its own sentence and words are not said twice
    assert readings[0].text == f"A life. letter, burned.\n{STORY.chunks[0]}"
    assert readings[1].text == (
        "A life. Ada Byron lived in London. ada, byron, lived.\nShe wrote a letter."
    )
    assert readings[1].neighbours == (0, 2)


@given(document)
def test_prefix_never_repeats_the_chunk(chunks):
    from isogloss.text.tokens import tokens_of

    situator = PrefixedChunk.__new__(PrefixedChunk)
    situator.parts, situator.keywords = ("keywords",), 5
    situator._stop_words = frozenset()
    for text, (prefix, _) in zip(chunks, situator.prefixes(Chunked(tuple(chunks))), strict=True):
        assert not set(tokens_of(prefix)) & set(tokens_of(text))


def test_first_sentence():
    assert first_sentence('"Go!" he said. Then') == '"Go!'
    assert first_sentence("東京です。大阪です。") == "東京です。"
    assert len(first_sentence("word " * 90).split()) == 40
    assert first_sentence("") == ""


def test_bad_input_is_refused(counting):
    plain = ChunkOnly(counting)
    for bad in ("one string", ["ok", "not a list"], [3], [["a", None]], [Chunked(("a",), None)]):
        with pytest.raises(ParameterError):
            plain.situate([bad] if isinstance(bad, str) else bad)
    with pytest.raises(ParameterError):
        plain.encode("one string")
    with pytest.raises(ParameterError):
        plain.encode(["a"], batch_size=0)
    for given_ in ({"before": -1}, {"after": 1.5}, {"before": True}):
        with pytest.raises(ParameterError):
            BiggerChunk(counting, **given_)
    for given_ in ({"parts": ["titel"]}, {"language": "xx"}, {"keywords": 0}):
        with pytest.raises(ParameterError):
            PrefixedChunk(counting, **given_)
    assert as_chunked([]) == Chunked(())
    assert plain.situate([]).shape == (0, 16)
    assert plain.situate([[]]).shape == (0, 16)


@pytest.mark.parametrize("name", ["lat", "", 3, "/no/such/folder"])
def test_unknown_situators(name):
    with pytest.raises(EncoderError, match="there is no situator"):
        load_situator(name)


def test_late_needs_a_transformer():
    for encoder in (None, "lexical"):
        with pytest.raises(EncoderError, match="transformers model"):
            load_situator("late", encoder=encoder)
    with pytest.raises(EncoderError, match="fitted"):
        load_situator("prefix", encoder="lsa")


@given(st.lists(st.text(max_size=5), min_size=2, max_size=2), st.lists(st.text(max_size=5),
       min_size=2, max_size=2))  # fmt: skip
def test_keys_tell_readings_apart(one, other):
    assert (Reading(*one).key == Reading(*other).key) == (one == other)


def test_owners_by_hand():
    # "He left." + newline + "She cried." + newline + ""
    tokens = [(0, 2), (3, 7), (7, 8), (9, 12), (13, 18), (18, 19), (8, 9), (0, 0)]
    assert owners(tokens, [8, 10, 0], 1).tolist() == [0, 0, 0, 1, 1, 1, -1, -1]
    # a token with the gap before its letters, as some tokenizers have it, and one over the edge
    assert owners([(8, 12), (3, 8), (4, 14)], [8, 10], 1).tolist() == [1, 0, 1]


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(4, 20), st.integers(0, 6))
def test_cores_part_the_tokens(counts, room, margin):
    margin = min(margin, (room - 1) // 3)
    found = cores(counts, room, margin)
    assert [place for start, stop in found for place in range(start, stop)] == list(
        range(sum(counts))
    )
    if sum(counts) <= room:
        assert len(found) <= 1
        return
    size = room - 2 * margin
    assert all(0 < stop - start <= size for start, stop in found)
    # a chunk that fits into a core is in one core
    edges = {start for start, _ in found}
    place = 0
    for count in counts:
        if 0 < count <= size and not any(c > size for c in counts):
            assert not edges & set(range(place + 1, place + count))
        place += count


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(document, max_size=4), st.data())
def test_only_what_changed_is_encoded(tmp_path_factory, make_encoder, documents, data):
    table = tmp_path_factory.mktemp("stale") / "table.parquet"
    changed = [list(one) for one in documents]
    for _ in range(data.draw(st.integers(0, 3))):
        if not changed:
            break
        some = changed[data.draw(st.integers(0, len(changed) - 1))]
        what = data.draw(st.sampled_from(["insert", "drop", "edit"]))
        if what == "insert":
            some.insert(data.draw(st.integers(0, len(some))), data.draw(chunk))
        elif some:
            place = data.draw(st.integers(0, len(some) - 1))
            some[place : place + 1] = [] if what == "drop" else [data.draw(chunk)]
    for number in range(3):
        table.unlink(missing_ok=True)
        encoder = make_encoder()
        situator = situators(encoder)[number]
        resituate(situator, documents, table)
        before = {one.key for text in documents for one in situator.readings(as_chunked(text))}
        encoder.read.clear()
        found = resituate(situator, changed, table)
        after = [one for text in changed for one in situator.readings(as_chunked(text))]
        fresh = {one.key: one.text for one in after if not one.empty and one.key not in before}
        assert encoder.read == list(fresh.values())
        assert found.stale.tolist() == [one.key not in before for one in after]
        np.testing.assert_array_equal(
            found.vectors, situators(make_encoder())[number].situate(changed)
        )


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(document, st.integers(0, 6), chunk)
def test_keys_follow_neighbours_only(make_encoder, chunks, place, text):
    if place >= len(chunks):
        return
    other = [*chunks[:place], text, *chunks[place + 1 :]]
    for situator in situators(make_encoder()):
        before, after = (situator.readings(Chunked(tuple(one))) for one in (chunks, other))
        for row, (one, two) in enumerate(zip(before, after, strict=True)):
            if row != place and place not in {*one.neighbours, *two.neighbours}:
                assert one.key == two.key


def test_a_neighbour_makes_stale_what_read_it(counting, tmp_path):
    table = tmp_path / "chunks.parquet"
    window = BiggerChunk(counting, before=1, after=0)
    chunks = [["a", "b", "c", "d"], ["e", "f"]]
    assert resituate(window, chunks, table).stale.all()
    chunks[0][1] = "B"
    counting.read.clear()
    assert resituate(window, chunks, table).stale.tolist() == [False, True, True, *[False] * 3]
    assert counting.read == ["a B", "B c"]
    # documents that change places keep their vectors
    assert not resituate(window, chunks[::-1], table).stale.any()
    # another reach reads something else
    wider = BiggerChunk(counting, before=2, after=0)
    assert resituate(wider, chunks, table).stale.all()


def test_tables_that_are_none(counting, tmp_path):
    path = tmp_path / "x.parquet"
    path.write_text("no table")
    with pytest.raises(StorageError, match="no table of vectors"):
        Known(path, ChunkOnly(counting))
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"key": ["a"]}), path)
    assert len(Known(path, ChunkOnly(counting))) == 0
    assert redo(ChunkOnly(counting), []).vectors.shape == (0, 16)
    with pytest.raises(StorageError, match="no folder"):
        resituate(ChunkOnly(counting), [["a"]], tmp_path / "no" / "x.parquet")


class FakeChat:
    spec, identity, host = "fake:one", "fake one", ""

    def __init__(self, answer="It is about Ada."):
        self.answer, self.asked = answer, []

    def ask(self, messages, *, max_tokens):
        self.asked.append(messages)
        if self.answer is None:
            raise NoAnswerError("nobody there")
        return ChatReply(self.answer)


def test_asked_prefixes_are_kept(counting, tmp_path):
    chat = FakeChat(' "It is about\n Ada." ')
    situator = AskedPrefix(counting, chat, tmp_path, before=1, after=0)
    readings = situator.readings(STORY)
    assert readings[1].text == "It is about Ada.\nShe wrote a letter."
    assert [one.neighbours for one in readings] == [(), (0,), (1,)]
    # the passage is sent once, and not its own neighbour's neighbour
    sent = chat.asked[2][1]["content"]
    assert sent.count("He burned the letter.") == 1
    assert "Ada" not in sent
    assert situator.readings(STORY) == readings
    assert (len(chat.asked), situator.report.cached, situator.report.calls) == (3, 3, 3)
    # a changed neighbour is another question
    changed = Chunked((*STORY.chunks[:1], "She wrote two letters.", STORY.chunks[2]), STORY.title)
    situator.readings(changed)
    assert len(chat.asked) == 5


def test_asked_prefixes_end_with_the_budget(counting, tmp_path):
    chat = FakeChat()
    situator = AskedPrefix(counting, chat, tmp_path, calls=1)
    plain = PrefixedChunk(counting).readings(STORY)
    found = situator.readings(STORY)
    assert found[0].text.startswith("It is about Ada.")
    assert [one.text for one in found[1:]] == [one.text for one in plain[1:]]
    assert situator.report.fallback == {"over budget": 2}
    few = AskedPrefix(counting, FakeChat(), tmp_path / "few", tokens=10)
    few.readings(STORY)
    assert (few.report.calls, few.report.fallback) == (0, {"over budget": 3})
    with pytest.raises(ParameterError):
        AskedPrefix(counting, chat, tmp_path, calls=0)


def test_a_silent_or_empty_model_is_left_alone(counting, tmp_path):
    silent = AskedPrefix(counting, FakeChat(None), tmp_path)
    silent.situate([STORY, STORY])
    assert len(silent.chat.asked) == 3
    assert silent.report.fallback == {"no answer": 6}
    empty = AskedPrefix(counting, FakeChat(" "), tmp_path / "empty")
    empty.situate([STORY, STORY])
    assert (len(empty.chat.asked), empty.report.fallback) == (3, {"no valid answer": 6})


def test_fingerprints_do_not_drift(counting):
    # keys on disk stay valid over versions: a change here makes every table stale
    assert Reading("a", "b").key == hashlib.sha256(b"1:a1:b").hexdigest()[:32]
    assert ChunkOnly(counting).fingerprint[:12] == ChunkOnly(counting).fingerprint[:12]


def test_the_page_runs():
    import re
    from pathlib import Path

    page = Path(__file__).resolve().parents[2] / "docs" / "situated-chunks.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)
    assert len(blocks) == 3
    names: dict = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    assert names["vectors"].shape == (6, 384)
    assert names["scores"].argmax() == 4
    assert names["again"].stale.tolist() == [False] * 3 + [True] * 3
    assert names["settings"].check() is None
