"""Counts of the server, written as Prometheus reads them."""

from bisect import bisect_left
from collections.abc import Callable, Iterator

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0)


class Histogram:
    """Counts values at or below given bounds.

    Examples
    --------
    >>> sizes = Histogram((1.0, 2.0))
    >>> sizes.add(2)
    >>> list(sizes.lines("size"))[:3]
    ['size_bucket{le="1"} 0', 'size_bucket{le="2"} 1', 'size_bucket{le="+Inf"} 1']
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str) -> Iterator[str]:
        """Write the buckets, the sum and the count."""
        seen = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            seen += count
            shown = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield f'{name}_bucket{{le="{shown}"}} {seen}'
        yield f"{name}_sum {self.total:.6f}"
        yield f"{name}_count {seen}"


class Metrics:
    """What the server did since it began.

    Each number has one writer, the event loop or the encoding thread, so none needs a lock.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.request(200, 0.02, passages=3)
    >>> 'isogloss_embedding_requests_total{status="200"} 1' in metrics.text()
    True
    """

    def __init__(self) -> None:
        self.requests: dict[int, int] = {}
        self.others_refused: dict[int, int] = {}
        self.passages = 0
        self.tokens = 0
        self.cancelled = 0
        self.failures = 0
        self.encoding_seconds = 0.0
        self.latency = Histogram(SECONDS)
        self.batch_sizes = Histogram(SIZES)
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}

    def request(self, status: int, seconds: float, *, passages: int = 0) -> None:
        """Count one request that was answered."""
        self.requests[status] = self.requests.get(status, 0) + 1
        self.passages += passages
        if status == 200:
            self.latency.add(seconds)

    def refused(self, status: int, *, embeddings: bool) -> None:
        """Count one request that was refused before anything was done for it.

        Parameters
        ----------
        status : int
        embeddings : bool
            Whether it asked for embeddings; others are counted apart.
        """
        counts = self.requests if embeddings else self.others_refused
        counts[status] = counts.get(status, 0) + 1

    def batch(self, passages: int, seconds: float) -> None:
        """Count one batch that was encoded."""
        self.batch_sizes.add(passages)
        self.encoding_seconds += seconds

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Show a number that goes up and down."""
        self.gauges[name] = (about, read)

    def text(self) -> str:
        """Give all numbers in Prometheus' text format."""
        lines: list[str] = []

        def head(name: str, kind: str, about: str) -> str:
            lines.extend((f"# HELP {name} {about}", f"# TYPE {name} {kind}"))
            return name

        name = head(
            "isogloss_embedding_requests_total", "counter", "Requests for embeddings, by status."
        )
        lines.extend(f'{name}{{status="{s}"}} {n}' for s, n in sorted(self.requests.items()))
        name = head("isogloss_other_refused_total", "counter", "Other requests that were refused.")
        lines.extend(f'{name}{{status="{s}"}} {n}' for s, n in sorted(self.others_refused.items()))
        for name, about, value in (
            ("isogloss_embedding_passages_total", "Passages in answers.", self.passages),
            ("isogloss_embedding_tokens_total", "Tokens or words encoded.", self.tokens),
            (
                "isogloss_embedding_cancelled_total",
                "Requests whose client went away.",
                self.cancelled,
            ),
            ("isogloss_embedding_failures_total", "Errors of the encoder.", self.failures),
            (
                "isogloss_embedding_encoding_seconds_total",
                "Seconds in which the encoder was at work.",
                round(self.encoding_seconds, 6),
            ),
        ):
            lines.append(f"{head(name, 'counter', about)} {value}")
        name = head("isogloss_embedding_batch_passages", "histogram", "Passages of a batch.")
        lines.extend(self.batch_sizes.lines(name))
        name = head(
            "isogloss_embedding_request_seconds", "histogram",
            "From the last byte of a request to its answer.",
        )  # fmt: skip
        lines.extend(self.latency.lines(name))
        for name, (about, read) in sorted(self.gauges.items()):
            lines.append(f"{head(name, 'gauge', about)} {read():g}")
        return "\n".join(lines) + "\n"
