import threading

import numpy as np
import pytest

from isogloss._core.errors import EncoderError
from isogloss.app.serve.batcher import Batcher, Job, QueueFull, Stopped
from isogloss.app.serve.limits import Limits
from isogloss.encoders.base import Truncation


class Lengths:
    """Encodes a text as its length; can be held, and fails at some texts."""

    def __init__(self):
        self.spec, self.dim, self.fingerprint, self.max_tokens = "lengths", 2, "f", None
        self.truncation = Truncation()
        self.batches = []
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def encode(self, texts, *, batch_size=None):
        self.begun.set()
        assert self.free.wait(300)
        self.batches.append(list(texts))
        if "bad" in texts:
            raise EncoderError("bad text")
        return np.array([[len(text), 0] for text in texts], np.float32)

    def encode_query(self, texts):
        return -self.encode(texts)


class Held:
    """A batcher whose encoder is busy until told otherwise."""

    def __init__(self, **limits):
        self.encoder = Lengths()
        self.batcher = Batcher(self.encoder, Limits(**limits))
        self.done = []
        self.encoder.free.clear()
        self.put("first")
        assert self.encoder.begun.wait(120)

    def put(self, *texts, kind="document"):
        job = Job(list(texts), kind, lambda job: None, done=self.done.append)
        self.batcher.submit(job)
        return job

    def release(self):
        self.encoder.free.set()
        self.batcher.stop()
        return self.encoder.batches[1:]


def test_what_waits_is_encoded_together():
    held = Held()
    jobs = [held.put(*("x" * n for n in range(size, 2 * size))) for size in (1, 3, 2)]
    assert held.batcher.waiting == 6
    assert len(held.release()) == 1
    assert [job.vectors[:, 0].tolist() for job in jobs] == [[1], [3, 4, 5], [2, 3]]
    assert held.done[1:] == jobs


def test_queries_and_documents_are_apart_and_keep_their_order():
    held = Held()
    jobs = [held.put("aa", kind=kind) for kind in ("document", "query", "document", "query")]
    assert len(held.release()) == 2
    assert [job.vectors[0, 0] for job in jobs] == [2, -2, 2, -2]


def test_the_other_kind_is_next_and_not_last():
    held = Held(batch_passages=2)
    for text, kind in (("d1", "document"), ("q1", "query"), ("d2", "document"), ("d3", "document")):
        held.put(text, kind=kind)
    assert held.release() == [["d1", "d2"], ["q1"], ["d3"]]


def test_a_batch_is_bounded_in_passages_and_a_small_job_overtakes_the_rest_of_a_large_one():
    held = Held(batch_passages=4)
    large, small = held.put(*"abcdefghij"), held.put("kk")
    batches = held.release()
    assert [len(batch) for batch in batches] == [4, 4, 3]
    assert batches[1][0] == "kk"
    assert held.done[1:] == [small, large]
    assert large.vectors.shape == (10, 2)
    assert large.counts == [0] * 10


def test_a_batch_is_bounded_in_characters():
    held = Held(batch_characters=10)
    held.put("x" * 6, "x" * 6, "x" * 30, "x", "x")
    assert [[len(text) for text in batch] for batch in held.release()] == [[6], [6], [30], [1, 1]]


def test_one_passage_a_batch():
    held = Held(batch_passages=1)
    held.put("a", "b")
    held.put("c")
    assert sorted(held.release()) == [["a"], ["b"], ["c"]]


def test_the_queue_is_bounded_and_says_so():
    held = Held(queue_passages=4, request_passages=4)
    held.put("a", "b", "c")
    with pytest.raises(QueueFull) as full:
        held.put("d", "e")
    assert (full.value.waiting, full.value.bound) == (3, 4)
    held.put("d")
    held.release()
    assert held.batcher.waiting == 0


def test_who_goes_away_frees_the_place():
    held = Held(queue_passages=4, request_passages=4)
    gone, kept = held.put("a", "b", "c"), held.put("d")
    held.batcher.cancel(gone)
    held.batcher.cancel(gone)
    assert held.batcher.waiting == 1
    held.put("e", "f", "g")
    assert held.release() == [["d", "e", "f", "g"]]
    assert gone.vectors is None
    assert kept.vectors is not None
    assert held.batcher.metrics.cancelled == 1


def test_one_bad_text_spoils_nobody_else():
    held = Held()
    jobs = [held.put("aa"), held.put("bad"), held.put("bb")]
    held.release()
    assert [job.error is None for job in jobs] == [True, False, True]
    assert str(jobs[1].error) == "bad text"


def test_a_large_job_that_fails_leaves_the_queue():
    held = Held(batch_passages=2)
    job = held.put("bad", *"abcdef")
    held.release()
    assert str(job.error) == "bad text"
    assert held.done.count(job) == 1
    assert held.batcher.waiting == 0


def test_the_end_finishes_what_was_accepted():
    held = Held()
    job = held.put("a")
    held.batcher.close()
    with pytest.raises(Stopped):
        held.put("b")
    held.release()
    assert job.vectors is not None
    assert held.batcher.idle


def test_companions_do_not_change_a_vector(lexical):
    texts = [f"passage {n} about harbours and number {n * n}" for n in range(40)]
    alone = np.concatenate([lexical.encode([text]) for text in texts])
    batcher = Batcher(lexical, Limits(batch_passages=7))
    found = {}

    def ask(n):
        found[n] = batcher.encode([texts[n]])[0]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batcher.stop()
    assert all((found[n] == alone[n]).all() for n in range(40))
