"""The encoder behind the server: its names, its queue, and whether it takes work."""

import asyncio
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss._core.errors import EncoderError
from isogloss.app.serve.answer import write_answer
from isogloss.app.serve.batcher import Batcher, Job, QueueFull, Stopped, call_done
from isogloss.app.serve.limits import Limits
from isogloss.app.serve.metrics import Metrics
from isogloss.app.serve.problems import Problem
from isogloss.app.serve.request import Request, read_request
from isogloss.encoders.base import Encoder

Answer = tuple[bytes, list[tuple[bytes, bytes]]]


def shown_name(spec: str) -> str:
    """Give the name under which a model is offered: its spec, without the folders before it.

    Examples
    --------
    >>> shown_name("onnx:/home/me/models/mini"), shown_name("intfloat/e5-small-v2")
    ('onnx:mini', 'intfloat/e5-small-v2')
    """
    kind, colon, rest = spec.rpartition(":")
    path = Path(rest).expanduser()
    if rest and (path.is_absolute() or rest.startswith(("./", "../")) or path.exists()):
        rest = path.name
    return kind + colon + rest


class Service:
    """Answers requests for embeddings with one encoder.

    Parameters
    ----------
    encoder : Encoder
        Loaded and ready.
    limits : Limits, optional
    name : str, optional
        Name of the model; by default the encoder's spec without folders. The spec itself is
        understood, too.

    Examples
    --------
    >>> from isogloss.encoders.spec import load_encoder
    >>> service = Service(load_encoder("lexical"))
    >>> service.models()["data"][0]["id"]
    'lexical'
    >>> service.stop()
    """

    def __init__(
        self, encoder: Encoder, limits: Limits | None = None, *, name: str | None = None
    ) -> None:
        self.encoder = encoder
        self.limits = limits or Limits()
        self.name = name or shown_name(encoder.spec)
        self.names: tuple[str, ...] = tuple(dict.fromkeys((self.name, encoder.spec)))
        self.metrics = Metrics()
        # The first call of a model sets up what the others use: no client should wait for it.
        first = ["the first text"]
        write_answer(Request(self.name, first), encoder.encode(first), 0, {})
        self.batcher = Batcher(encoder, self.limits, metrics=self.metrics)
        self.began = int(time.time())
        self.draining = False
        self.bytes_held = 0
        self.active = 0  # POST requests that are being answered
        for gauge, about, read in (
            ("waiting_passages", "Passages in the queue.", lambda: self.batcher.waiting),
            ("held_bytes", "Bytes of requests being read or answered.", lambda: self.bytes_held),
            ("ready", "1 while new work is taken.", lambda: float(not self.draining)),
        ):
            self.metrics.gauge(f"isogloss_embedding_{gauge}", about, read)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand finished jobs to an event loop, one wake-up a batch."""

        def deliver(jobs: list[Job]) -> None:
            try:
                loop.call_soon_threadsafe(call_done, jobs)
            except RuntimeError:  # the loop is closed: nobody waits any more
                if not loop.is_closed():
                    raise

        self.batcher.deliver = deliver

    def stop(self) -> None:
        """Do what waits, and take nothing more."""
        self.draining = True
        self.batcher.stop()

    def read(self, body: bytes) -> Request:
        """Check the body of a request; see `isogloss.app.serve.request.read_request`."""
        return read_request(body, names=self.names, dim=self.encoder.dim, limits=self.limits)

    def submit(self, request: Request) -> tuple[Job, "asyncio.Future[Answer]"]:
        """Put a request into the queue, within an event loop.

        Returns
        -------
        job, future
            The future gives the body of the answer and headers of its own.

        Raises
        ------
        Problem
            429 when the queue is full, 503 when the server is about to end.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(job: Job) -> None:
            if future.done():  # the client has gone
                return
            if job.error is not None:
                future.set_exception(self._problem(job.error))
            else:
                future.set_result(job.result)  # type: ignore[arg-type]

        job = Job(request.texts, request.kind, lambda job: self._answer(request, job), done=done)
        if self.draining:
            raise stopping()
        try:
            self.batcher.submit(job)
        except QueueFull as full:
            raise Problem(
                429,
                f"the queue is full: {full} (--queue-passages): try again later",
                code="queue_full",
                headers={"retry-after": str(max(1, min(60, math.ceil(full.seconds))))},
            ) from None
        except Stopped:
            raise stopping() from None
        return job, future

    def _answer(self, request: Request, job: Job) -> Answer:
        assert job.vectors is not None
        extra: dict[str, Any] = {}
        headers: list[tuple[bytes, bytes]] = []
        long = self.batcher.windows.report(job.counts, request.kind)
        if long is not None:
            extra["truncation"] = long
            shown = "; ".join(f"{key}={long[key]}" for key in list(long)[:4])
            headers.append((b"x-isogloss-truncation", shown.encode()))
        empty = np.flatnonzero(~job.vectors.any(axis=1)).tolist()
        if empty:
            extra["without_content"] = empty
            headers.append((b"x-isogloss-without-content", b"%d" % len(empty)))
        return write_answer(request, job.vectors, sum(job.counts), extra), headers

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, EncoderError):
            if self.batcher.windows.overflow == "error" and str(error).startswith("input["):
                return Problem(400, str(error), param="input", code="context_length_exceeded")
            return Problem(502, str(error), code="encoder_failed")
        return Problem(500, f"internal error: {type(error).__name__}", code="internal_error")

    def models(self) -> dict[str, Any]:
        """Give the list of models."""
        return {"object": "list", "data": [self.model(name) for name in self._listed()]}

    def model(self, name: str) -> dict[str, Any] | None:
        """Describe one model by its name; None when there is none."""
        plain, _, side = name.rpartition("@")
        if name not in self.names and not (plain in self.names and side in ("query", "document")):
            return None
        windows = self.batcher.windows
        kind = side if name not in self.names else "document"
        return {
            "id": name,
            "object": "model",
            "created": self.began,
            "owned_by": "isogloss",
            "dimensions": self.encoder.dim,
            "input_type": kind,
            "max_tokens": windows.room.get(kind),
            "overflow": windows.overflow,
            "usage_unit": self.batcher.counter.unit,
            "fingerprint": self.encoder.fingerprint,
        }

    def _listed(self) -> Sequence[str]:
        prompts = getattr(self.encoder, "prompts", {})
        if prompts.get("query", "") == prompts.get("document", ""):
            return (self.name,)
        return (self.name, f"{self.name}@query")


def stopping() -> Problem:
    """Give the refusal of a server that is about to end."""
    return Problem(
        503, "the server is ending: it finishes what it has and takes nothing new",
        code="stopping", headers={"retry-after": "5", "connection": "close"},
    )  # fmt: skip
