"""Labels by a language model: a real server on this machine, a real atlas, real failures."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from label_server import KEY, SUBJECTS, Server, answer, keywords_of, said

from isogloss import Atlas
from isogloss._core import endpoint as transport
from isogloss._core.chat import load_chat
from isogloss._core.errors import AtlasError, ModelError, ParameterError
from isogloss.app.cli.main import main
from isogloss.build.label import _commit
from isogloss.topics.label_prompt import (
    TopicEvidence,
    apart,
)
from isogloss.topics.labelling import Budget, LabelStore, label_topics


@pytest.fixture
def server(monkeypatch):
    found = Server()
    monkeypatch.setenv("OPENAI_BASE_URL", found.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield found
    found.close()


@pytest.fixture
def waits(monkeypatch):
    found: list[float] = []
    monkeypatch.setattr(transport.time, "sleep", found.append)
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    rng = np.random.default_rng(0)
    texts = [
        f"number {chr(97 + i % 26)}{chr(97 + i // 26)} "
        + " ".join(rng.choice(list(SUBJECTS.values())[i % 5].split(), 7, replace=False))
        for i in range(240)
    ]
    folder = tmp_path_factory.mktemp("labels") / "built.atlas"
    Atlas.build(texts, folder, encoder="lsa")
    return folder


@pytest.fixture
def atlas(built, tmp_path):
    folder = tmp_path / "a.atlas"
    shutil.copytree(built, folder)
    found = Atlas.open(folder)
    assert len(found.topics) >= 5
    return found


def expected(atlas):
    """What the obedient model names each topic, by id; equal names are told apart."""
    names = {topic.id: "About " + topic.keywords[0] for topic in atlas.topics}
    return tuple(apart(names, lambda topic: atlas.topics[topic].keywords).values())


def test_good_replies_become_labels_and_nothing_else_changes(atlas, server):
    before = Atlas.open(atlas.path)
    names, count = expected(atlas), len(atlas.topics)
    report = atlas.label_topics("openai:small")
    assert atlas.topics.labels == Atlas.open(atlas.path).topics.labels == names
    assert (report.labelled, report.calls, report.fallback) == (count, count, {})
    assert (report.prompt_tokens, report.reply_tokens) == (100 * count, 10 * count)
    assert (report.host, report.kept, report.cached) == ("127.0.0.1", 0, 0)
    for mine, old in zip(atlas.topics.to_json(), before.topics.to_json(), strict=True):
        assert {**mine, "label": ""} == {**old, "label": ""}
    assert atlas.manifest.version == before.manifest.version + 1
    assert atlas.manifest.table_version == before.manifest.table_version
    assert atlas.search("rocket", k=1).hits == before.search("rocket", k=1).hits
    assert before.topics.labels != names  # who had it open keeps what they saw
    assert set(server.paths) == {"/v1/chat/completions"}
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert {body["temperature"] for body in server.requests} == {0}


def test_larger_topics_come_first_with_their_own_passages(atlas, server):
    atlas.label_topics("openai:small")
    sizes = {", ".join(t.keywords[:10]): t.size for t in atlas.topics}
    asked = [keywords_of(body).removeprefix("Keywords: ") for body in server.requests]
    assert [sizes[words] for words in asked] == sorted(sizes.values(), reverse=True)
    texts = {}
    for batch in atlas.passages(["passage", "text"]):
        texts |= dict(zip(*(batch.column(c).to_pylist() for c in (0, 1)), strict=True))
    first = max(atlas.topics, key=lambda topic: (topic.size, -topic.id))
    for exemplar in first.exemplars:
        assert texts[exemplar] in server.requests[0]["messages"][-1]["content"]


def test_nothing_is_asked_twice(atlas, server):
    first = atlas.label_topics("openai:small")
    asked = len(server.requests)
    again = atlas.label_topics("openai:small")
    assert (again.calls, again.cached, again.labels) == (0, first.labelled, first.labels)
    assert len(server.requests) == asked
    atlas.label_topics("keywords")
    assert "About" not in " ".join(atlas.topics.labels)
    atlas.label_topics("openai:small")
    assert tuple(first.labels.values()) == atlas.topics.labels
    assert len(server.requests) == asked
    atlas.label_topics("openai:large")  # another model is another question
    assert len(server.requests) == 2 * asked


def test_prompt_and_reply_are_on_record_and_the_key_is_not(atlas, server):
    atlas.label_topics("openai:small")
    files = sorted((atlas.path / "labels").glob("*.json"))
    records = [json.loads(f.read_text()) for f in files if f.name != "report.json"]
    assert len(records) == len(atlas.topics)
    sent = sorted(json.dumps(body["messages"]) for body in server.requests)
    assert sorted(json.dumps(record["messages"]) for record in records) == sent
    for record in records:
        assert json.loads(record["replies"][0])["label"] == record["label"]
        assert record["model"] == "openai:small"
    for path in atlas.path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "reply",
    ["", "Space", "{", "[]", '{"name": "Space"}', '{"label": 3}', '{"label": " . "}',
     '{"label": "a b c d e f g h i"}', '{"label": "' + "x" * 61 + '"}', "[" * 5000,
     '{"label": "Space", "more": 1}'],
)  # fmt: skip
def test_wrong_replies_are_asked_for_again_with_the_reason(atlas, server, reply):
    server.script = [said(reply)]
    report = atlas.label_topics("openai:small")
    assert atlas.topics.labels == expected(atlas)
    assert report.calls == len(atlas.topics) + 1
    last = server.requests[1]["messages"]
    assert last[-2] == {"role": "assistant", "content": reply[:1000]}
    assert last[-1]["content"].startswith("Not valid: ")


def test_a_topic_without_a_valid_reply_keeps_its_keywords_and_is_counted(atlas, server):
    plain = atlas.topics.labels
    biggest = max(atlas.topics, key=lambda topic: (topic.size, -topic.id)).id
    server.script = [said("one"), said("two"), said("three")]
    report = atlas.label_topics("openai:small")
    assert report.fallback == {"no valid answer": 1}
    assert atlas.topics.label(biggest) == plain[biggest]
    assert report.calls == len(atlas.topics) + 2
    asked = len(server.requests)
    assert atlas.label_topics("openai:small").fallback == {"no valid answer": 1}
    assert len(server.requests) == asked  # nor is it asked again


def test_a_model_that_repeats_itself_is_not_asked_a_third_time(atlas, server):
    server.script = [said("one"), said("one")]
    report = atlas.label_topics("openai:small")
    assert (report.calls, report.fallback) == (len(atlas.topics) + 1, {"no valid answer": 1})


def test_busy_servers_are_waited_for(atlas, server, waits):
    server.script = [(429, {"Retry-After": "7"}, {}), (503, {}, {}), (429, {}, {})]
    report = atlas.label_topics("openai:small")
    assert waits == [7.0, 1.0, 2.0]
    assert atlas.topics.labels == expected(atlas)
    assert report.calls == len(atlas.topics)  # what was not answered is not counted


def test_time_outs_leave_the_keywords_and_are_asked_again_next_time(atlas, server, waits):
    release, first = threading.Event(), []

    def never_the_first(body):
        first.append(body)
        if body == first[0]:
            release.wait(300)
        return answer(body)

    from isogloss._core.chat import OpenAIChat

    hasty = OpenAIChat("small", timeout=0.2, retries=1)
    server.script = [never_the_first] * (len(atlas.topics) + 1)
    events = []

    def note(event):
        events.append(event)
        if event.level == "warning":  # the others have all the time they need
            hasty._endpoint.timeout = 300

    report = atlas.label_topics(hasty, on_event=note)
    release.set()
    server.script = []
    assert report.fallback == {"no answer": 1}
    assert report.labelled == len(atlas.topics) - 1
    warned = [event.message for event in events if event.level == "warning"]
    assert len(warned) == 1 and "no answer from 127.0.0.1 after 2 tries" in warned[0]
    again = atlas.label_topics("openai:small")
    assert (again.calls, again.fallback) == (1, {})
    assert atlas.topics.labels == expected(atlas)


def test_a_dead_server_is_given_up_after_three_topics(monkeypatch, waits, tmp_path, nobody):
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://{nobody}/v1")
    evidence = [TopicEvidence(i, 9 - i, ("moon",), (f"text {i}",)) for i in range(6)]
    events = []
    report = label_topics(
        evidence, load_chat("openai:small"), LabelStore(tmp_path), on_event=events.append
    )
    assert report.fallback == {"no answer": 6}
    assert len(waits) == 15  # five waits for each of three topics
    assert sum(event.level == "warning" for event in events) == 3
    assert not list(tmp_path.iterdir())


def test_a_refusal_ends_it_and_keeps_what_is_done(atlas, server):
    plain, version = atlas.topics.labels, atlas.manifest.version
    server.script = [answer, (401, {}, {"error": KEY})]
    with pytest.raises(ModelError, match=r"401.*check OPENAI_API_KEY") as caught:
        atlas.label_topics("openai:small")
    assert KEY not in str(caught.value)
    assert (atlas.topics.labels, atlas.manifest.version) == (plain, version)
    report = atlas.label_topics("openai:small")
    assert (report.cached, report.calls) == (1, len(atlas.topics) - 1)


@pytest.mark.parametrize("data", [b"<html>", {"choices": []}, {"error": "x"}, []])
def test_other_servers_are_told(atlas, server, data):
    server.script = [data]
    with pytest.raises(ModelError, match="is it an OpenAI-compatible endpoint"):
        atlas.label_topics("openai:small")


def test_the_budget_of_calls_goes_to_the_larger_topics(atlas, server):
    plain = atlas.topics.labels
    report = atlas.label_topics("openai:small", budget=Budget(calls=2))
    assert (report.calls, report.labelled) == (2, 2)
    assert report.fallback == {"over budget": len(atlas.topics) - 2}
    order = sorted(atlas.topics, key=lambda topic: (-topic.size, topic.id))
    for rank, topic in enumerate(order):
        assert (topic.label != plain[topic.id]) == (rank < 2)
    report = atlas.label_topics("openai:small", budget=Budget(calls=100))
    assert (report.cached, report.calls) == (2, len(atlas.topics) - 2)


def test_size_goes_before_number(server, tmp_path):
    evidence = [TopicEvidence(i, size, (f"k{i}",), ("text",)) for i, size in enumerate((3, 9, 9))]
    report = label_topics(
        evidence, load_chat("openai:small"), LabelStore(tmp_path), budget=Budget(calls=1)
    )
    assert report.labels == {1: "About k1"}


def test_the_budget_of_tokens_is_not_exceeded(atlas, server):
    topics = len(atlas.topics)
    need = atlas.label_topics("openai:small", dry_run=True).estimate["tokens"] // topics
    # the first call spends 110, and a second one is not sure to fit
    report = atlas.label_topics("openai:small", budget=Budget(tokens=need + 90))
    assert (report.calls, report.prompt_tokens + report.reply_tokens) == (1, 110)
    assert report.fallback == {"over budget": topics - 1}
    for wrong in (Budget(calls=0), Budget(tokens=0)):
        with pytest.raises(ParameterError, match="give 1 or more"):
            atlas.label_topics("openai:small", budget=wrong)


def test_no_evidence_no_question(server, tmp_path):
    evidence = [TopicEvidence(0, 5, ("moon",), ()), TopicEvidence(1, 4, ("sun",), (" ", ""))]
    report = label_topics(evidence, load_chat("openai:small"), LabelStore(tmp_path))
    assert (report.fallback, report.calls, server.requests) == ({"no evidence": 2}, 0, [])


def test_a_dry_run_asks_nothing_and_changes_nothing(atlas, server):
    before = sorted(path.name for path in atlas.path.iterdir())
    report = atlas.label_topics("openai:small", dry_run=True)
    assert report.to_ask == report.estimate["calls"] == len(atlas.topics)
    assert report.estimate["passage_characters"] > 0
    assert (server.requests, report.calls) == ([], 0)
    assert sorted(path.name for path in atlas.path.iterdir()) == before
    asked = atlas.label_topics("openai:small")
    # the estimate counts characters / 4; it is one for every call
    assert asked.calls == report.estimate["calls"]


def test_an_addition_keeps_the_names(built, tmp_path, server):
    folder = tmp_path / "grown.atlas"
    shutil.copytree(built, folder)
    atlas = Atlas.open(folder)
    atlas.label_topics("openai:small")
    names = atlas.topics.labels
    more = Atlas.build(
        [f"orbit moon probe rocket nasa {i}" for i in range(9)], folder, encoder="lsa"
    )
    assert more.topics.labels == names
    assert len(more) == 249


def test_names_that_people_gave_are_kept(atlas, server):
    labels = [*atlas.topics.labels[:-1], "My own name"]
    _commit(atlas, atlas.topics.described(labels=labels))
    report = atlas.label_topics("openai:small")
    assert (report.kept, atlas.topics.labels[-1]) == (1, "My own name")
    assert len(server.requests) == len(labels) - 1
    assert atlas.label_topics("keywords").kept == 1
    atlas.label_topics("openai:small", overwrite=True)
    assert atlas.topics.labels[-1] == expected(atlas)[-1]


def test_an_atlas_that_moved_on_or_is_being_built_is_refused(atlas, server):
    other = Atlas.open(atlas.path)
    atlas.label_topics("openai:small")
    with pytest.raises(AtlasError, match="open it again"):
        other.label_topics("keywords")
    (atlas.path / "work").mkdir()
    plan = atlas.path / "work" / "plan.json"
    plan.write_text(json.dumps({"base": atlas.manifest.version}))
    with pytest.raises(AtlasError, match="unfinished build"):
        atlas.label_topics("keywords")
    plan.write_text(json.dumps({"base": atlas.manifest.version - 1}))  # what a late kill left
    atlas.label_topics("keywords")


def start(folder, *more):
    command = [sys.executable, "-m", "isogloss", "label", str(folder), "--model", "openai:small"]
    return subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    )


def test_killed_half_way_and_resumed(atlas, server):
    reached, release = threading.Event(), threading.Event()

    def hang(body):
        reached.set()
        release.wait(300)
        return answer(body)

    plain, count = atlas.topics.labels, len(atlas.topics)
    server.script = [answer, answer, hang]
    process = start(atlas.path)
    assert reached.wait(300)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    release.set()
    assert Atlas.open(atlas.path).topics.labels == plain  # all or nothing
    process = start(atlas.path, "--json", "-q")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()
    report = json.loads(out)
    assert (report["cached"], report["calls"]) == (2, count - 2)
    assert Atlas.open(atlas.path).topics.labels == expected(atlas)
    questions = [json.dumps(body["messages"]) for body in server.requests]
    assert len(questions) == count + 1  # only the one in flight is asked a second time
    assert len(set(questions)) == count


def test_interrupted_labels_say_so(atlas, server):
    reached, release = threading.Event(), threading.Event()
    server.script = [answer, lambda body: (reached.set(), release.wait(300), answer(body))[2]]
    process = start(atlas.path)
    assert reached.wait(300)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    release.set()
    assert process.returncode == 130
    assert "what is done is kept" in err.decode()


def test_the_command(atlas, server, capsys):
    path = str(atlas.path)
    assert main(["label", path, "--model", "openai:small", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"would be asked about: \d+ calls, about [\d,]+ tokens", out)
    assert "characters of passages to 127.0.0.1" in out
    assert main(["label", path, "--model", "openai:small", "--budget", "1", "-q"]) == 0
    out = capsys.readouterr().out
    assert "1 of" in out and "by keywords (over budget)" in out and "1 call, 110 tokens" in out
    assert main(["label", path, "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "keywords"
    assert main(["label", path, "--budget", "0"]) == 2
    assert main(["label", path, "--model", "openia:small"]) == 2
    assert "did you mean 'openai'" in capsys.readouterr().err
    assert main(["label", path + "x"]) == 2


def test_offline_asks_this_machine_only(atlas, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:pw@example.org/v1")
    with pytest.raises(ModelError, match=r"asks example\.org, and the network is off"):
        atlas.label_topics("openai:small", offline=True)
    assert "pw" not in load_chat("openai:small", offline=False).identity
