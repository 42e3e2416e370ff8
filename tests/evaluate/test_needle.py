"""The passkey and needle probes: what is hidden, where, and what counts as found."""

import numpy as np
import pytest

from isogloss._core.errors import ParameterError
from isogloss.encoders.base import Truncation, unit_rows
from isogloss.evaluate.length_chart import svg_chart, text_chart
from isogloss.evaluate.needle import PROBES, filler_sentences, make_probe, measure_probe

FILLER = [f"sentence number {row} says nothing much." for row in range(200)]


def count(texts):
    return [len(text.split()) for text in texts]


def probe_of(kind="passkey", length=300, **more):
    options = {"filler": FILLER, "count_tokens": count, "queries": 20, "documents": 40}
    return make_probe(kind, length, **{**options, **more})


class Reader:
    """Finds a sentence if it stands within the first words, by a vector of its words."""

    spec, dim, fingerprint, max_tokens = "reader", 4096, "", None
    truncation = Truncation()

    def __init__(self, window):
        self.window = window

    def encode(self, texts, **_):
        import zlib

        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.split()[: self.window]:
                plain = word.strip(".,:?")
                if plain[:1].isupper() and not plain.startswith(("In", "The", "Who", "What", "Re")):
                    rows[row, zlib.crc32(plain.encode()) % self.dim] = 1
        return unit_rows(rows)

    encode_query = encode


@pytest.mark.parametrize("kind", PROBES)
def test_each_document_holds_its_own_sentence_once_at_a_depth_of_its_own(kind):
    probe = probe_of(kind)
    assert sorted(probe.depths) == pytest.approx((np.arange(40) + 0.5) / 40)
    assert not (np.diff(probe.depths) > 0).all()  # depth does not follow the order
    places = []
    for text, needle in zip(probe.documents, probe.needles, strict=True):
        assert text.count(needle) == 1
        places.append(count([text[: text.index(needle)]])[0] / (300 - count([needle])[0]))
    assert np.abs(np.array(places) - probe.depths).max() < 0.06
    assert min(places) < 0.05
    assert max(places) > 0.9
    assert len(set(probe.needles)) == 40


@pytest.mark.parametrize("length", [40, 64, 300, 1000])
def test_documents_are_as_long_as_said_and_never_longer(length):
    probe = probe_of(length=length)
    sizes = [size + 2 for size in count(probe.documents)]
    assert max(sizes) <= length
    assert min(sizes) >= length - 14
    assert probe.tokens == pytest.approx(np.mean(sizes))


def test_long_sentences_leave_little_room_empty():
    filler = [" ".join(["word"] * size) for size in range(1, 41)]
    sizes = count(probe_of(length=100, filler=filler).documents)
    assert np.mean(sizes) > 92


def test_a_tokenizer_that_joins_sentences_is_counted_whole():
    def joined(texts):  # an alone sentence seems shorter than it is among others
        return [len(text.split()) + text.count(". ") for text in texts]

    probe = probe_of(length=100, count_tokens=joined)
    assert max(joined(probe.documents)) + 2 <= 100
    for text, needle in zip(probe.documents, probe.needles, strict=True):
        assert needle in text


def test_questions_ask_for_their_document():
    probe = probe_of()
    for query, target in zip(probe.queries, probe.targets.tolist(), strict=True):
        name = query.removeprefix("What is the pass key of ").rstrip("?")
        assert name in probe.needles[target]
    assert len(set(probe.targets.tolist())) == 20
    assert probe.targets.tolist() != sorted(probe.targets.tolist())


def test_the_needle_is_asked_in_other_words():
    probe = probe_of("needle")
    for query, target in zip(probe.queries, probe.targets.tolist(), strict=True):
        said = set(probe.needles[target].lower().rstrip(".").split())
        shared = said & set(query.lower().replace(",", "").rstrip("?").split())
        assert len(shared - {"a", "in", "for", "of", "to", "there"}) <= 2  # the place, a noun


def test_a_reader_of_the_beginning_finds_what_stands_there():
    probe = probe_of(length=400)
    all_of_it = measure_probe(probe, Reader(None))
    part = measure_probe(probe, Reader(200))
    assert all_of_it.hits.mean() == 1
    assert (part.hits == 1).tolist() == (part.depths < 0.5).tolist() or abs(
        part.hits.mean() - (part.depths < 0.48).mean()
    ) <= 0.1
    found = part.to_json()
    assert found["by_depth"][0] == 1
    assert found["by_depth"][2] == 0
    assert found["low"] <= found["value"] <= found["high"]


def test_a_tie_is_no_find():
    class Blind(Reader):
        def encode(self, texts, **_):
            return np.ones((len(texts), 2), dtype=np.float32)

        encode_query = encode

    assert measure_probe(probe_of(), Blind(None)).hits.sum() == 0


def test_seeds_draw_anew_and_lengths_do_not_disturb_each_other():
    assert probe_of().documents == probe_of().documents
    assert probe_of(seed=1).documents != probe_of().documents
    assert probe_of(length=200).needles != probe_of().needles


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"kind": "paskey"}, "did you mean 'passkey'"),
        ({"length": 10}, "has no room"),
        ({"queries": 0}, "queries=0"),
        ({"queries": 50}, "only documents=40"),
        ({"documents": 1, "queries": 1}, "documents=1"),
        ({"documents": 100_000}, "at most"),
        ({"kind": "needle", "documents": 300}, "260 at most"),
        ({"filler": []}, "no sentence"),
    ],
)
def test_what_cannot_be_is_refused(options, what):
    with pytest.raises(ParameterError, match=what):
        probe_of(**options)


def test_filler_is_real_text_cut_into_sentences():
    assert filler_sentences(["One. Two! Three?\n\nFour"]) == ["One.", "Two!", "Three?", "Four"]
    long = filler_sentences([" ".join(f"word{n}" for n in range(90))])
    assert [len(one.split()) for one in long] == [40, 40, 10]
    ours = filler_sentences()
    assert len(ours) == 3000
    assert len(set(ours)) == 3000
    with pytest.raises(ParameterError, match="no sentence"):
        filler_sentences(["", " "])


def test_a_least_length_is_said_that_works():
    with pytest.raises(ParameterError, match="has no room") as caught:
        probe_of(length=5)
    least = int(str(caught.value).split("give ")[1].split()[0])
    assert probe_of(length=least).documents


def test_charts_show_every_length_and_escape_names():
    points = [
        {"length": length, "value": value, "low": 0.1, "high": 0.9}
        for length, value in ((256, 0.8), (512, 0.25))
    ]
    lines = text_chart(points, window=256, width=20)
    assert [line.count("#") for line in lines] == [16, 5]
    assert "beyond the window" in lines[1]
    assert "beyond the window" not in lines[0]
    drawn = svg_chart({"<script>": points}, title="<script>", window=256)
    assert "<script>" not in drawn
    assert drawn.count("<circle") == 2
    from xml.etree.ElementTree import fromstring

    fromstring(drawn)
