"""Counts and times of requests, as Prometheus reads them."""

import time
from pathlib import Path
from typing import Any

from isogloss.app.web.asgi import ASGIApp, Message, Receive, Scope, Send

# Upper ends of the histogram's buckets, seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Requests by route and status, and how long they took.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.count("/api/search", 200, 0.02)
    >>> 'isogloss_requests_total{route="/api/search",status="200"} 1' in metrics.text({})
    True
    """

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = {}
        self.times: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}
        self.running = 0

    def count(self, route: str, status: int, seconds: float) -> None:
        """Add one answered request."""
        self.requests[route, status] = self.requests.get((route, status), 0) + 1
        buckets = self.times.setdefault(route, [0] * (len(BUCKETS) + 1))
        place = next((n for n, end in enumerate(BUCKETS) if seconds <= end), len(BUCKETS))
        buckets[place] += 1
        self.seconds[route] = self.seconds.get(route, 0.0) + seconds

    def text(self, gauges: dict[str, float]) -> str:
        """Write all in the text format of Prometheus, with other gauges of the moment.

        Parameters
        ----------
        gauges : dict
            Name (with labels) -> number.
        """
        lines = [
            "# HELP isogloss_requests_total Requests answered.",
            "# TYPE isogloss_requests_total counter",
        ]
        for (route, status), number in sorted(self.requests.items()):
            lines.append(f'isogloss_requests_total{{route="{route}",status="{status}"}} {number}')
        name = "isogloss_request_seconds"
        lines += [f"# HELP {name} Time to answer.", f"# TYPE {name} histogram"]
        for route, buckets in sorted(self.times.items()):
            total = 0
            for end, number in zip([*map(str, BUCKETS), "+Inf"], buckets, strict=True):
                total += number
                lines.append(f'{name}_bucket{{route="{route}",le="{end}"}} {total}')
            lines.append(f'{name}_sum{{route="{route}"}} {self.seconds[route]:.6f}')
            lines.append(f'{name}_count{{route="{route}"}} {total}')
        named: set[str] = set()
        for label, value in {"isogloss_requests_running": float(self.running), **gauges}.items():
            gauge = label.partition("{")[0]
            if gauge not in named:
                named.add(gauge)
                lines.append(f"# TYPE {gauge} gauge")
            lines.append(f"{label} {value:g}" if value % 1 else f"{label} {int(value)}")
        return "\n".join(lines) + "\n"


class Measured:
    """ASGI middleware that counts what an application answers, by route.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.metrics.running += 1
        try:
            await self.app(scope, receive, watched)
        finally:
            self.metrics.running -= 1
            # The route as it was declared, so that clients cannot make labels.
            route: Any = getattr(scope.get("route"), "path", "other")
            self.metrics.count(str(route), status, time.perf_counter() - began)


def resident_bytes() -> int:
    """Give the memory of this process that is in use, 0 where the system does not tell.

    Examples
    --------
    >>> resident_bytes() >= 0
    True
    """
    try:
        text = Path("/proc/self/statm").read_text(encoding="ascii")
    except OSError:
        return 0
    import resource

    return int(text.split()[1]) * resource.getpagesize()
