"""Run an application on a port of this machine until it is told to end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

from isogloss._core.errors import ParameterError

PORT = 8765
PORTS_TRIED = 100
# Seconds that answers have to finish in after a signal.
GRACE = 5


def bind(host: str, port: int | None) -> socket.socket:
    """Take a port: the one asked for, or the first free one from 8765 on.

    Parameters
    ----------
    host : str
        Name or address to listen on.
    port : int or None
        0 takes any free one.

    Returns
    -------
    socket.socket
        Bound, not yet listening.

    Raises
    ------
    ParameterError
        When the port is taken, or the host is none of this machine.

    Examples
    --------
    >>> taken = bind("127.0.0.1", 0)
    >>> taken.getsockname()[1] > 0
    True
    >>> taken.close()
    """
    if port is not None and not 0 <= port <= 65535:
        raise ParameterError(f"--port is {port}; it must be 0 to 65535")
    last: OSError | None = None
    for number in [port] if port is not None else range(PORT, PORT + PORTS_TRIED):
        try:
            found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)
            family, kind, protocol, _, address = found[0]
        except (OSError, UnicodeError) as error:
            raise ParameterError(f"--host {host} is no address of this machine: {error}") from None
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)  # taken for good only now
        except OSError as error:
            listener.close()
            last = error
            if error.errno != errno.EADDRINUSE:
                break
            continue
        listener.set_inheritable(True)
        return listener
    where = f"{host}:{port}" if port is not None else f"{host}, ports {PORT} and above"
    raise ParameterError(f"cannot listen on {where}: {advice(last)}") from None


def advice(error: OSError | None) -> str:
    """Say why a socket could not be opened, and which option to change.

    Examples
    --------
    >>> advice(OSError(errno.EADDRINUSE, "Address already in use"))
    'Address already in use; give another --port'
    >>> advice(OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
    'this machine has no such address; give another --host, such as 127.0.0.1'
    """
    if error is not None and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return "this machine has no such address; give another --host, such as 127.0.0.1"
    reason = error.strerror if error is not None else "no port is free"
    return f"{reason}; give another --port"


def address_of(listener: socket.socket, host: str) -> str:
    """Write the address under which a browser finds the server.

    Examples
    --------
    >>> with bind("127.0.0.1", 0) as listener:
    ...     address_of(listener, "localhost").startswith("http://localhost:")
    True
    """
    port = listener.getsockname()[1]
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    if ":" in named and not named.startswith("["):
        named = f"[{named}]"
    return f"http://{named}:{port}/"


def serve(app: Any, listener: socket.socket, *, on_ready: Callable[[], None] = lambda: None) -> int:
    """Answer requests until SIGINT or SIGTERM.

    Parameters
    ----------
    app : ASGI application
    listener : socket.socket
        As `bind` gave it.
    on_ready : callable
        Called when requests are answered.

    Returns
    -------
    int
        Exit code: 130 after SIGINT (Ctrl-C), 0 after SIGTERM.

    Notes
    -----
    Answers that are being sent get some seconds to finish; an edit that is being saved is
    finished. A second signal ends at once, which loses nothing: an atlas survives it.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody may claim another address or scheme
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=1000,
        lifespan="on",
        ws="none",
    )
    server = _make_server(config, on_ready)
    try:
        asyncio.run(server.serve(sockets=[listener]))
    finally:
        listener.close()
    return 130 if server.signalled == signal.SIGINT else 0


def _make_server(config: Any, on_ready: Callable[[], None]) -> Any:
    """Give uvicorn's server, with signals that end it and do no more."""
    import uvicorn

    class Server(uvicorn.Server):
        signalled: int | None = None

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                on_ready()

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn would raise the signal again afterwards, and so die of SIGTERM.
            numbers = (signal.SIGINT, signal.SIGTERM)
            before = {number: signal.signal(number, self._ended) for number in numbers}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

        def _ended(self, number: int, frame: Any) -> None:
            if self.should_exit:
                os._exit(130 if number == signal.SIGINT else 0)
            self.signalled = number
            self.should_exit = True

    return Server(config)
