"""Run the server: a socket, uvicorn, and an end that finishes what was accepted."""

import logging
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from isogloss._core.errors import ParameterError
from isogloss.app.serve.service import Service
from isogloss.app.web.asgi import ASGIApp
from isogloss.app.web.listen import advice

DEFAULT_PORT = 8766
TRIED = 20  # ports after the default one
DRAIN_SECONDS = 60  # what is at work may take so long
_BACKLOG = 2048

log = logging.getLogger("isogloss.serve")


def listen(host: str, port: int | None) -> socket.socket:
    """Open the socket.

    Parameters
    ----------
    host : str
        Name or address.
    port : int or None
        None takes 8766, or the next free one; 0 any free one.

    Raises
    ------
    ParameterError
        When it is taken, or the host is not this machine's.

    Examples
    --------
    >>> listener = listen("127.0.0.1", 0)
    >>> listener.getsockname()[1] > 0
    True
    >>> listener.close()
    """
    if port is not None and not 0 <= port < 1 << 16:
        raise ParameterError(f"--port {port}: ports are 0 to 65535")
    wanted = [port] if port is not None else list(range(DEFAULT_PORT, DEFAULT_PORT + TRIED))
    try:
        family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except (OSError, UnicodeError) as error:
        raise ParameterError(f"--host {host!r} is no host of this machine: {error}") from None
    reason: OSError | None = None
    for one in wanted:
        try:
            return socket.create_server((host, one), family=family, backlog=_BACKLOG)
        except OSError as error:
            reason = error
    assert reason is not None
    shown = f"port {wanted[0]}" if len(wanted) == 1 else f"ports {wanted[0]} to {wanted[-1]}"
    raise ParameterError(f"cannot listen on {host}, {shown}: {advice(reason)}") from None


def address(listener: socket.socket) -> str:
    """Give the address to open, such as ``http://127.0.0.1:8766``."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Uvicorn that ends in order.

    The first signal makes the server not ready and its work refused (503), while what was accepted
    is done; then it ends with code 0. A second signal ends it at once.
    """

    def __init__(
        self, config: uvicorn.Config, service: Service, *, on_end: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.service = service
        self._on_end = on_end
        self._since: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        if self._since is not None:
            self.should_exit = self.force_exit = True
            return
        self._since = time.monotonic()
        self.service.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second, whether it is time."""
        ended = await super().on_tick(counter)
        if self._since is None or ended:
            return ended
        if self.service.active and time.monotonic() - self._since < DRAIN_SECONDS:
            return False
        self._on_end()
        return True


def serve(
    app: ASGIApp, service: Service, listener: socket.socket, *, on_end: Callable[[], None]
) -> None:
    """Serve until a signal comes.

    Parameters
    ----------
    app : ASGI application
    service : Service
        Stops taking work at the first signal.
    listener : socket
        Open already, so that its address is known.
    on_end : callable
        Called when all accepted work is done.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=10,  # for what is left when all work is done: slow readers
        timeout_keep_alive=75,
    )
    server = Server(config, service, on_end=on_end)
    # A signal before uvicorn listens for them ends the process as it should.
    server.run(sockets=[listener])
    if server.force_exit:
        raise KeyboardInterrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)
