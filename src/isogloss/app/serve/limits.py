"""What the server takes at once; every refusal names one of these."""

from dataclasses import dataclass, fields

from isogloss._core.errors import ParameterError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the embeddings server.

    Parameters
    ----------
    batch_passages : int, default 256
        Passages encoded at once; 1 encodes every passage by itself.
    batch_characters : int, default 1,000,000
        Characters encoded at once; one longer passage is taken alone.
    window_ms : float, default 4
        Longest wait for companions after a batch of several requests; 0 never waits.
    queue_passages : int, default 8192
        Passages that may wait; beyond it 429.
    queue_bytes : int, default 64 MiB
        Bytes of requests between their first byte and the end of their answer; beyond it 429.
    request_passages : int, default 2048
        Passages of one request; beyond it 413.
    request_bytes : int, default 8 MiB
        Body of one request; beyond it 413.

    Raises
    ------
    ParameterError
        For a bound below 1, or a queue that would not take one full request.

    Examples
    --------
    >>> Limits(queue_passages=10, request_passages=20)
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: queue_passages is 10, and one request may bring 20 \
(request_passages): the queue must take one request
    """

    batch_passages: int = 256
    batch_characters: int = 1_000_000
    window_ms: float = 4.0
    queue_passages: int = 8192
    queue_bytes: int = 64 * MIB
    request_passages: int = 2048
    request_bytes: int = 8 * MIB

    def __post_init__(self) -> None:
        for one in fields(self):
            value, least = getattr(self, one.name), 0 if one.name == "window_ms" else 1
            if not value >= least:
                raise ParameterError(f"{one.name} is {value}; give {least} or more")
        for queue, request in (
            ("queue_passages", "request_passages"),
            ("queue_bytes", "request_bytes"),
        ):
            if getattr(self, queue) < getattr(self, request):
                raise ParameterError(
                    f"{queue} is {getattr(self, queue)}, and one request may bring "
                    f"{getattr(self, request)} ({request}): the queue must take one request"
                )
