"""One thread that owns the encoder, and a bounded queue before it.

The thread takes what waits, up to the bounds of a batch, encodes it in one call, and hands the
pieces back. While it encodes, the next batch gathers by itself; when nobody waits, nobody is made
to. Only right after a batch of several jobs, whose senders are about to come back, it waits for
companions, and never longer than a tenth of what that batch took.

A large job is taken in pieces, and what is left of it goes behind those that wait, so that a small
one is never behind all of a large one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import IsoglossError
from isogloss._core.plural import plural
from isogloss.app.serve.counting import Counter, counter_for, windows_of
from isogloss.app.serve.limits import Limits
from isogloss.app.serve.metrics import Metrics
from isogloss.encoders.base import Encoder
from isogloss.encoders.transformer import TransformerEncoder

Floats = NDArray[np.float32]


class QueueFull(Exception):  # noqa: N818 - it becomes an answer
    """There is no room for more passages now.

    Parameters
    ----------
    waiting, bound : int
        Passages that wait, and how many may.
    seconds : float
        When there may be room.
    """

    def __init__(self, waiting: int, bound: int, seconds: float) -> None:
        super().__init__(f"{plural(waiting, 'passage waits', 'passages wait')}, and {bound:,} may")
        self.waiting, self.bound, self.seconds = waiting, bound, seconds


class Stopped(Exception):  # noqa: N818 - it becomes an answer
    """The server takes no more work."""


@dataclass(eq=False, slots=True)
class Job:
    """Texts of one request, and what became of them.

    Parameters
    ----------
    texts : list of str
    kind : {"document", "query"}
    finish : callable
        Takes the job when all its vectors are there; what it returns is kept in `result`. Called
        in the encoding thread.
    """

    texts: list[str]
    kind: str
    finish: "Callable[[Job], object]"
    taken: int = 0  # texts that have gone into batches
    vectors: Floats | None = None
    counts: list[int] = field(default_factory=list)
    result: object = None
    error: Exception | None = None
    cancelled: bool = False
    done: "Callable[[Job], None] | None" = None


@dataclass(slots=True)
class _Piece:
    job: Job
    start: int
    stop: int


def call_done(jobs: list[Job]) -> None:
    """Tell every job, in the encoding thread, that it is done."""
    for job in jobs:
        if job.done is not None:
            job.done(job)


def rows_at_once(texts: int, threads: int) -> int:
    """Give how many texts one thread of a PyTorch model should read at once.

    All threads get work, and rows of one call have similar lengths, so that little is padded:
    eight took the least time on a CPU (docs/decisions/0031-serve.md).

    Examples
    --------
    >>> rows_at_once(50, 2), rows_at_once(6, 2), rows_at_once(1, 2)
    (8, 3, 1)
    """
    return max(1, min(8, -(-texts // threads)))


class Batcher:
    """Encodes the texts of many requests together.

    Parameters
    ----------
    encoder : Encoder
        Used by this object's thread alone.
    limits : Limits
    metrics : Metrics, optional
    deliver : callable, optional
        Takes the jobs that a batch finished, in the encoding thread; by default their `done` is
        called there.

    Notes
    -----
    A vector does not depend on its companions where the encoder promises so: `lexical`, `lsa`,
    `words` and `onnx` give the same bits in any batch, models of PyTorch differ by rounding (below
    1e-5 in any number).

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> batcher = Batcher(load_encoder("lexical"), Limits())
    >>> batcher.encode(["a cat", "a dog"]).shape
    (2, 384)
    >>> batcher.stop()
    """

    def __init__(
        self,
        encoder: Encoder,
        limits: Limits,
        *,
        metrics: Metrics | None = None,
        deliver: Callable[[list[Job]], None] = call_done,
    ) -> None:
        self.encoder = encoder
        self.limits = limits
        self.metrics = metrics or Metrics()
        self.deliver = deliver
        self.counter: Counter = counter_for(encoder)
        self.windows = windows_of(encoder)
        self._queue: deque[Job] = deque()
        self._waiting = 0  # passages in the queue
        self._encoding = 0  # passages in the batch at work
        self._pace = 0.0  # seconds a passage, smoothed
        self._last: tuple[int, float] = (0, 0.0)  # jobs and seconds of the last batch
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="isogloss-encoder", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Passages in the queue."""
        return self._waiting

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is at work."""
        with self._changed:
            return not self._queue and not self._encoding

    def submit(self, job: Job) -> None:
        """Put a job into the queue.

        Raises
        ------
        QueueFull
            When its texts do not fit.
        Stopped
            After `close`.
        """
        with self._changed:
            if self._stopping:
                raise Stopped
            if self._waiting + len(job.texts) > self.limits.queue_passages:
                # Half of the queue: those who come back together would be refused together.
                seconds = self._pace * max(len(job.texts), self._waiting / 2)
                raise QueueFull(self._waiting, self.limits.queue_passages, seconds)
            self._queue.append(job)
            self._waiting += len(job.texts)
            self._changed.notify()

    def cancel(self, job: Job) -> None:
        """Take a job out whose client has gone; what is being encoded is dropped when done."""
        with self._changed:
            if job.cancelled:
                return
            job.cancelled = True
            if job in self._queue:
                self._queue.remove(job)
                self._waiting -= len(job.texts) - job.taken
        self.metrics.cancelled += 1

    def encode(self, texts: Sequence[str], *, kind: str = "document") -> Floats:
        """Encode texts through the queue, and wait for them."""
        finished = threading.Event()
        job = Job(list(texts), kind, finish=lambda job: None, done=lambda job: finished.set())
        self.submit(job)
        finished.wait()
        if job.error is not None:
            raise job.error
        assert job.vectors is not None
        return job.vectors

    def close(self) -> None:
        """Take no more jobs; what is in the queue is still done."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def stop(self) -> None:
        """Close, and wait until all is done."""
        self.close()
        self._thread.join()

    def _run(self) -> None:
        while (pieces := self._gather()) is not None:
            began = time.perf_counter()
            finished = self._encode(pieces)
            seconds = time.perf_counter() - began
            size = sum(piece.stop - piece.start for piece in pieces)
            pace = seconds / max(1, size)
            self._pace = pace if not self._pace else 0.8 * self._pace + 0.2 * pace
            self._last = (len(pieces), seconds)
            self.metrics.batch(size, seconds)
            with self._changed:
                self._encoding = 0
            if finished:
                self.deliver(finished)

    def _gather(self) -> list[_Piece] | None:
        """Wait for work, and take a batch; None at the end."""
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return None
                self._changed.wait()
            self._wait_for_companions()
            return self._take()

    def _wait_for_companions(self) -> None:
        jobs, seconds = self._last
        patience = min(self.limits.window_ms / 1000, seconds / 10)
        if jobs < 2 or patience < 2e-4 or self.limits.batch_passages == 1:
            return
        until = time.perf_counter() + patience
        while len(self._queue) < jobs and self._waiting < self.limits.batch_passages:
            left = until - time.perf_counter()
            if left <= 0 or self._stopping:
                return
            self._changed.wait(left)

    def _take(self) -> list[_Piece]:
        """Take pieces of one kind, in the order of the queue, up to the bounds of a batch."""
        pieces: list[_Piece] = []
        passages = characters = 0
        kind = self._queue[0].kind if self._queue else ""
        skipped: list[Job] = []
        rest: list[Job] = []
        most = self.limits.batch_passages
        while self._queue and passages < most and characters < self.limits.batch_characters:
            job = self._queue.popleft()
            if job.kind != kind:
                skipped.append(job)
                continue
            start = stop = job.taken
            while stop < len(job.texts) and passages < most:
                size = len(job.texts[stop])
                if passages and characters + size > self.limits.batch_characters:
                    characters = self.limits.batch_characters
                    break
                characters += size
                passages += 1
                stop += 1
            job.taken = stop
            if stop > start:
                pieces.append(_Piece(job, start, stop))
            if stop < len(job.texts):
                (rest if stop > start else skipped).append(job)
        self._queue.extendleft(reversed(skipped))
        self._queue.extend(rest)
        self._waiting -= passages
        self._encoding = passages
        return pieces

    def _encode(self, pieces: list[_Piece]) -> list[Job]:
        """Encode a batch; give the jobs that are done, well or not."""
        try:
            self._fill(pieces)
        except Exception as error:  # whatever a model raises, the thread must live
            if len(pieces) > 1:  # one text must not spoil the others' work
                return [job for piece in pieces for job in self._encode([piece])]
            job = pieces[0].job
            if not isinstance(error, IsoglossError):
                self.metrics.failures += 1
            job.error = error
            self._forget(job)
            return [] if job.cancelled else [job]
        ready = [p.job for p in pieces if p.stop == len(p.job.texts) and not p.job.cancelled]
        for job in ready:
            try:
                job.result = job.finish(job)
            except Exception as error:  # as above
                job.error = error
        return ready

    def _fill(self, pieces: list[_Piece]) -> None:
        texts = [text for piece in pieces for text in piece.job.texts[piece.start : piece.stop]]
        counts = self.counter.count(texts)
        row = 0
        for piece in pieces:
            size = piece.stop - piece.start
            kind = piece.job.kind
            refusal = self.windows.refusal(counts[row : row + size], kind, piece.start)
            if refusal is not None:
                raise refusal
            row += size
        if isinstance(self.encoder, TransformerEncoder):
            self.encoder.batch_size = rows_at_once(len(texts), self.encoder.threads)
        if pieces[0].job.kind == "query":
            vectors = self.encoder.encode_query(texts)
        else:
            vectors = self.encoder.encode(texts)
        if vectors.shape != (len(texts), self.encoder.dim) or not np.isfinite(vectors).all():
            raise ValueError(f"the encoder gave {vectors.shape}, or numbers that are not finite")
        self.metrics.tokens += sum(counts)
        row = 0
        for piece in pieces:
            job, size = piece.job, piece.stop - piece.start
            part = vectors[row : row + size]
            if size == len(job.texts):
                job.vectors = part
                job.counts = counts[row : row + size]
            else:
                if job.vectors is None:
                    job.vectors = np.empty((len(job.texts), vectors.shape[1]), dtype=np.float32)
                job.vectors[piece.start : piece.stop] = part
                job.counts += counts[row : row + size]
            row += size

    def _forget(self, job: Job) -> None:
        """Take what is left of a failed job out of the queue."""
        with self._changed:
            if job in self._queue:
                self._queue.remove(job)
                self._waiting -= len(job.texts) - job.taken
