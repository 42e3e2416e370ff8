"""Stand-ins: what they see, what they say, and that their scores never pass for people's."""

import itertools
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from isogloss._core import endpoint as core
from isogloss._core.errors import ModelError, ParameterError
from isogloss.evaluate.human_tasks import Task
from isogloss.evaluate.judges import (
    EncoderJudge,
    Verdict,
    judge_agreement,
    judge_answers,
    judge_scores,
    silhouette,
    two_means_silhouette,
)
from isogloss.evaluate.language_model import LanguageModelJudge
from isogloss.evaluate.task_scores import Answer

KEY = "sk-secret-0123456789"


class Places:
    """An encoder whose vectors stand in a table."""

    spec = "places"

    def __init__(self, table):
        self.table = table

    def encode(self, texts, *, batch_size=None):
        return np.array([self.table[text] for text in texts], dtype=np.float32)


TABLE = {"a": (1, 0), "b": (0.9, 0.1), "c": (1, 0.1), "d": (0.95, 0), "e": (0, 1), "f": (0.1, 0.9),
         "g": (0, 0.95), "h": (0.1, 1)}  # fmt: skip
INTRUSION = Task("s-1", "intrusion", "m", (0,), ("a", "b", "e", "c", "d"), 3)
MIXED = Task("s-2", "mixing", "m", (0, 1), tuple("aebfcgdh"), 2, (True, False) * 4)
SINGLE = Task("s-3", "mixing", "m", (0,), tuple("abcdabcd"), 1, (True, False) * 4)


def test_the_intruder_is_the_word_apart():
    verdicts = judge_answers([INTRUSION], EncoderJudge(Places(TABLE)))[1]
    assert verdicts[0].choice == 3
    assert verdicts[0].score > 0


def test_two_groups_are_told_from_one():
    tasks = [MIXED, SINGLE]
    for judge in (EncoderJudge(Places(TABLE)), EncoderJudge(Places(TABLE), parts="two-means")):
        answers, verdicts = judge_answers(tasks, judge)
        assert [answer.choice for answer in answers] == [2, 1]
        assert verdicts[0].score > 0.8 > verdicts[1].score
    assert judge_answers(tasks, EncoderJudge(Places(TABLE), threshold=0.99))[0][0].choice == 1
    with pytest.raises(ParameterError, match="no half in bold"):
        EncoderJudge(Places(TABLE)).answer([replace(SINGLE, marked=()).question])
    with pytest.raises(ParameterError, match="'bold' or 'two-means'"):
        EncoderJudge(Places(TABLE), parts="three")


def test_two_means_is_the_best_of_all_partitions():
    rows = np.random.default_rng(0).normal(size=(7, 3))
    best, found = np.inf, None
    for part in itertools.product([False, True], repeat=7):
        mask = np.array(part)
        if not 0 < mask.sum() < 7:
            continue
        error = sum(((rows[m] - rows[m].mean(axis=0)) ** 2).sum() for m in (mask, ~mask))
        if error < best - 1e-9:
            best, found = error, mask
    assert two_means_silhouette(rows) == pytest.approx(silhouette(rows, found))


def test_silhouette_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    for size in (1, 3):
        rows, part = rng.normal(size=(8, 4)), np.arange(8) < size
        assert silhouette(rows, part) == pytest.approx(metrics.silhouette_score(rows, part))
    assert two_means_silhouette(np.zeros((4, 2))) == 0.0


def test_every_stand_in_score_says_so():
    found = judge_scores([INTRUSION, MIXED, SINGLE], EncoderJudge(Places(TABLE)))
    assert {"intrusion_stand_in", "mixing_f1_two_stand_in", "mixing_auc_stand_in"} <= set(found)
    for name, score in found.items():
        assert name.endswith("_stand_in")
        assert score.notes.startswith("stand-in, no person answered: encoder places")
    assert found["mixing_auc_stand_in"].value == 1.0


def test_a_judge_sees_neither_model_nor_answer():
    class Curious:
        name = "curious"

        def answer(self, questions):
            for question in questions:
                assert not hasattr(question, "answer")
                assert not hasattr(question, "model")
            return [Verdict(None), Verdict(1), Verdict(2)]

    found = judge_scores([INTRUSION, MIXED, SINGLE], Curious())
    assert "intrusion_stand_in" not in found
    assert "no answer to 1 of 3 tasks" in found["mixing_accuracy_stand_in"].notes
    assert "mixing_auc_stand_in" not in found


def test_agreement_with_people():
    people = [Answer(who, task.id, choice) for who in "pqr"
              for task, choice in ((INTRUSION, 3), (MIXED, 1), (SINGLE, 2))]  # fmt: skip
    found = judge_agreement([INTRUSION, MIXED, SINGLE], people, EncoderJudge(Places(TABLE)))
    assert found["intrusion_same_word"].value == 1.0
    assert found["mixing_auc_people"].value == 0.0  # they say the contrary of the vectors


# --- a language model ---------------------------------------------------------------------------


class Endpoint:
    """A server whose answers a test can script: each takes the prompt, gives what to send."""

    def __init__(self):
        self.requests, self.headers, self.script = [], [], []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append((self.path, body))
                endpoint.headers.append(dict(self.headers))
                step = endpoint.script.pop(0) if endpoint.script else "1"
                status, headers, said = step if isinstance(step, tuple) else (200, {}, step)
                data = said if isinstance(said, bytes) else json.dumps(
                    {"choices": [{"message": {"role": "assistant", "content": said}}]}
                ).encode()  # fmt: skip
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint(monkeypatch):
    found = Endpoint()
    monkeypatch.setenv("OPENAI_BASE_URL", found.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield found
    found.close()


def test_a_language_model_is_asked_one_question_a_request(endpoint):
    endpoint.script = ["3", "Two topics: 2.", "none of them"]
    judge = LanguageModelJudge("small", offline=True)
    answers, verdicts = judge_answers([INTRUSION, MIXED, SINGLE], judge)
    assert [verdict.choice for verdict in verdicts] == [3, 2, None]
    assert answers[0].annotator == "stand-in: language model small"
    assert {path for path, _ in endpoint.requests} == {"/v1/chat/completions"}
    prompts = [body["messages"][0]["content"] for _, body in endpoint.requests]
    assert "3. e" in prompts[0]
    assert "Group A: a, b, c, d\nGroup B: e, f, g, h" in prompts[1]
    assert all(body["temperature"] == 0 for _, body in endpoint.requests)
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(judge)


def test_failures_that_pass_are_tried_again(endpoint, monkeypatch):
    waits = []
    monkeypatch.setattr(core.time, "sleep", waits.append)
    endpoint.script = [(503, {}, b"busy"), (429, {"Retry-After": "7"}, b"slow"), "2"]
    assert judge_answers([MIXED], LanguageModelJudge("small"))[1][0].choice == 2
    assert waits == [0.5, 7.0]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ((401, {}, f"bad key {KEY}".encode()), "answered 401"),
        ((200, {}, b"<html>"), "no message"),
        ((200, {}, b'{"choices": []}'), "no message"),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "answered 302"),
    ],
)
def test_refusals_are_one_line_without_the_key(endpoint, step, words):
    endpoint.script = [step]
    with pytest.raises(ModelError, match=words) as raised:
        judge_answers([MIXED], LanguageModelJudge("small"))
    assert KEY not in str(raised.value)
    assert len(endpoint.requests) == 1


def test_no_more_is_asked_than_allowed(endpoint):
    with pytest.raises(ParameterError, match="3 questions and most_requests=2"):
        LanguageModelJudge("small", most_requests=2).answer([MIXED.question] * 3)
    assert not endpoint.requests


def test_other_hosts_are_out_of_bounds_offline(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://example.org/v1")
    with pytest.raises(ModelError, match="network is off"):
        LanguageModelJudge("small", offline=True)
    monkeypatch.setenv("OPENAI_BASE_URL", "ftp://me:secret@host/v1")
    with pytest.raises(ModelError, match="give http"):
        LanguageModelJudge("small")
