"""The entry `situated-chunks`: its stories, its queries and its rule."""

import json
import re
from dataclasses import fields, replace

import numpy as np
import pytest

from isogloss._core.errors import ParameterError
from isogloss.ledger import record
from isogloss.ledger.stories import make_stories
from isogloss.ledger.story_words import PARTS, words_of
from isogloss.ledger.system import Context, Figure
from isogloss.ledger.systems.situated_chunks import CUTS, SETS, figures, judge


def test_parts_share_nothing():
    for one in PARTS:
        for two in PARTS:
            if one >= two:
                continue
            for field in fields(words_of(one)):
                if field.name == "events":
                    continue
                shared = set(getattr(words_of(one), field.name)) & set(
                    getattr(words_of(two), field.name)
                )
                assert not shared, (one, two, field.name, shared)
            events = [
                {text for event in words_of(part).events for text in getattr(event, name)}
                for part in (one, two)
                for name in ("told", "asked", "things")
            ]
            for place in range(3):
                assert not events[place] & events[place + 3]


@pytest.mark.parametrize("part", PARTS)
def test_names_stand_in_the_first_paragraph_only(part):
    stories = make_stories(part, 10, seed=3)
    seen = set()
    for one in stories.asked:
        chunks = stories.documents[one.document].chunks
        opening = chunks[one.chunk - one.chunk % 4]
        name = re.match(r"(\w+ \w+) was an? ", opening).group(1)
        assert name in one.query
        assert (name in chunks[one.chunk]) == (not one.needs_context) == (one.chunk % 4 == 0)
        # the query is not the paragraph's own sentence
        assert one.query not in chunks[one.chunk]
        assert "{" not in one.query + chunks[one.chunk]
        seen.add((one.document, one.chunk))
    assert len(seen) == len(stories.asked) == 160


def test_events_recur_within_and_between_stories():
    stories = make_stories("test", 24)
    told = [one.query.split(" ", 2)[-1] for one in stories.asked if one.needs_context]
    assert len(set(told)) < len(told) / 2


def test_stories_are_the_same_for_a_seed():
    assert make_stories("train", 3, seed=1) == make_stories("train", 3, seed=1)
    assert make_stories("train", 3, seed=1) != make_stories("train", 3, seed=2)
    for part, count in (("exam", 1), ("test", 0), ("test", 10**6)):
        with pytest.raises(ParameterError):
            make_stories(part, count)


@pytest.mark.data
def test_speech_queries_are_nowhere_in_what_is_read(data_dir, tmp_path):
    from isogloss.ledger.speeches import read_speeches

    speeches = read_speeches(Context(data_dir, tmp_path), "test", 10)
    assert len(speeches.documents) == 10
    assert {one.needs_context for one in speeches.asked} == {True, False}
    for one in speeches.asked:
        read = " ".join(speeches.documents[one.document].chunks)
        assert one.query not in read
    train = read_speeches(Context(data_dir, tmp_path), "train", 10)
    assert not {one.chunks for one in train.documents} & {one.chunks for one in speeches.documents}


def measured(gain=0.2, loss=0.0):
    """Give the figures that the rule reads."""
    found = {}
    for place in SETS:
        for other in ("chunk", "bigger_chunk"):
            key = f"gain.{place}.needs_context.over_{other}.recall@1"
            found[key] = Figure(gain, gain - 0.1, gain + 0.1, "", 9)
            found[f"{key}.by_seed"] = Figure(gain, gain - 0.1, gain + 0.1, "", 3, "range")
        for cut in CUTS:
            key = f"gain.{place}.no_context.over_chunk.recall@{cut}"
            found[key] = Figure(-loss, -1, 1, "", 9)
    return found


def test_the_rule():
    assert judge(measured())[0] == "holds"
    assert judge(measured(loss=0.01))[0] == "holds"
    assert judge(measured(loss=0.011))[0] == "does not hold"
    assert judge(measured(gain=0.1))[0] == "does not hold"  # the interval reaches 0
    for place, verdict in (("speeches", "holds in part"), ("stories", "does not hold")):
        for other in ("chunk", "bigger_chunk"):
            for ending in ("", ".by_seed"):
                some = measured()
                key = f"gain.{place}.needs_context.over_{other}.recall@1{ending}"
                some[key] = replace(some[key], low=0.0)
                assert judge(some)[0] == verdict
        for cut in CUTS:
            some = measured()
            key = f"gain.{place}.no_context.over_chunk.recall@{cut}"
            some[key] = replace(some[key], value=-0.02)
            assert judge(some)[0] == verdict


def test_figures_by_hand():
    stories = make_stories("test", 1)  # 4 queries without and 12 with need of context
    needs = np.array([one.needs_context for one in stories.asked])
    first, second = np.ones((16, 2)), np.full((16, 2), 11.0)
    half = np.where((np.arange(16) % 2 == 0)[:, None], first, second)
    runs = {}
    for place in SETS:
        runs[place, "chunk"] = [second]
        runs[place, "bigger_chunk"] = [half]
        runs[place, "trained_chunk"] = [second]
        runs[place, "residual"] = [first, half]
    found = figures(dict.fromkeys(SETS, stories), runs, (0, 1))
    share = float((np.arange(16) % 2 == 0)[needs].mean())
    key = "stories.needs_context"
    assert found[f"{key}.chunk.recall@10"].value == 0
    assert found[f"{key}.bigger_chunk.recall@1"].value == pytest.approx(share)
    assert found[f"{key}.residual.recall@1"].value == pytest.approx((1 + share) / 2)
    gain = found[f"gain.{key}.over_bigger_chunk.recall@1"]
    assert gain.value == pytest.approx((1 - share) / 2)
    seeds = found[f"gain.{key}.over_bigger_chunk.recall@1.by_seed"]
    assert (seeds.low, seeds.high) == (0.0, pytest.approx(1 - share))
    assert found[f"{key}.residual.recall@1"].seeds == (0, 1)


def test_the_shipped_result_follows_the_rule():
    result = record.read(record.SHIPPED, "situated-chunks")
    if result is None:
        pytest.skip("not measured yet")
    names = {field.name for field in fields(Figure)}
    kept = {
        key: Figure(**{name: value for name, value in one.items() if name in names})
        for key, one in result["measured"].items()
    }
    verdict, reasons = judge(kept)
    assert verdict == result["verdict"]
    assert json.loads(json.dumps(reasons)) == result["reasons"]
