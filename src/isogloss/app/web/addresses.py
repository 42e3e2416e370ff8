"""Which Host and Origin headers are ours, and when a token is needed."""

import os
from collections.abc import Sequence
from ipaddress import ip_address

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")
TOKEN_VARIABLE = "ISOGLOSS_TOKEN"
# Where others can reach the server.
SHORTEST_TOKEN = 16
MAKE_TOKEN = "`openssl rand -hex 16` makes one"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only be reached from this machine.

    Examples
    --------
    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Tell whether a host is written as an IP address, so that no name server can redirect it.

    Examples
    --------
    >>> is_address("10.0.0.7"), is_address("rebound.example")
    (True, False)
    """
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def token_for(host: str, token: str | None = None) -> str | None:
    """Give the token that a server on this host asks for: given, or of ``ISOGLOSS_TOKEN``.

    Parameters
    ----------
    host : str
        Where it will listen.
    token : str or None
        One given by other means; None reads the environment.

    Returns
    -------
    str or None
        None when the host is loopback and no token is set.

    Raises
    ------
    ParameterError
        When the host can be reached from elsewhere and there is no token or one below 16
        characters; for a token with blanks, control or non-ASCII characters.

    Examples
    --------
    >>> token_for("127.0.0.1", "a-token-of-mine")
    'a-token-of-mine'
    """
    token = token if token is not None else os.environ.get(TOKEN_VARIABLE)
    if token is not None:
        _check_token(token, host)
        return token
    if not is_loopback(host):
        raise ParameterError(
            f"--host {host} can be reached from other machines and needs a token: set "
            f"{TOKEN_VARIABLE} ({MAKE_TOKEN}), or leave --host away to listen on this machine only"
        )
    return None


def _check_token(token: str, host: str) -> None:
    """Refuse a token that a header cannot carry, or that is soon guessed."""
    if not token or not all("!" <= letter <= "~" for letter in token):
        raise ParameterError(
            f"{TOKEN_VARIABLE} is empty or holds blanks, control characters or letters beyond "
            f"ASCII, which no header carries: give letters, digits and signs ({MAKE_TOKEN})"
        )
    if not is_loopback(host) and len(token) < SHORTEST_TOKEN:
        raise ParameterError(
            f"{TOKEN_VARIABLE} has {plural(len(token), 'character')}, and --host {host} can be "
            f"reached from other machines: give at least {SHORTEST_TOKEN} ({MAKE_TOKEN})"
        )


def split_host(value: str) -> tuple[str, int | None]:
    """Cut a Host header into name (lower case, no brackets) and port.

    Raises
    ------
    ValueError
        When it is no host.

    Examples
    --------
    >>> split_host("LocalHost:8765"), split_host("[::1]"), split_host("10.0.0.7")
    (('localhost', 8765), ('::1', None), ('10.0.0.7', None))
    """
    if value.startswith("["):
        name, bracket, rest = value[1:].partition("]")
        if not bracket or ":" not in name or (rest and not rest.startswith(":")):
            raise ValueError(value)
        port = rest[1:] if rest else None
    else:
        name, colon, after = value.partition(":")
        port = after if colon else None
    if not name or any(letter in name for letter in "/@?#\\ \t[]"):
        raise ValueError(value)
    if port is None:
        return name.lower(), None
    if not (port.isascii() and port.isdigit()) or len(port) > 5:
        raise ValueError(value)
    return name.lower(), int(port)


class Hosts:
    """The names under which a server may be addressed.

    Loopback names are accepted with the server's own port. Other names are accepted with any
    port, since something may stand before the server; ``name:port`` only with that port. Where
    the server listens on every interface, IP addresses are accepted too: a page of another site
    can make a *name* of its own point here, but not an address.

    Parameters
    ----------
    names : sequence of str
        What ``--host`` and ``--allow-host`` gave.

    Examples
    --------
    >>> hosts = Hosts(["atlas.example", "localhost:9000"])
    >>> hosts.allow("localhost:8765", 8765), hosts.allow("localhost:9000", 8765)
    (True, True)
    >>> hosts.allow("localhost:80", 8765), hosts.allow("rebound.example:8765", 8765)
    (False, False)
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names: set[str] = set()
        self.exact: set[tuple[str, int]] = set()
        self.loopback = set(LOOPBACK)
        self.addresses = False
        for given in names:
            if given in EVERYWHERE:
                self.addresses = True
                continue
            try:
                bare = given.count(":") > 1 and not given.startswith("[")  # IPv6 as --host has it
                name, port = (given.lower(), None) if bare else split_host(given)
            except ValueError:
                raise ParameterError(f"{given!r} is no host name, address or NAME:PORT") from None
            if port is not None:
                self.exact.add((name, port))
            elif is_loopback(name):
                self.loopback.add(name)
            else:
                self.names.add(name)

    def allow(self, header: str, port: int | None, *, scheme: str = "http") -> bool:
        """Tell whether a Host header names this server.

        Parameters
        ----------
        header : str
            The header.
        port : int or None
            Port on which the server listens; None does not look at ports.
        scheme : {"http", "https"}
            Gives the port that a header without one means.
        """
        try:
            name, named = split_host(header)
        except ValueError:
            return False
        named = named if named is not None else (443 if scheme == "https" else 80)
        if (name, named) in self.exact or name in self.names:
            return True
        if self.addresses and is_address(name):
            return True
        return name in self.loopback and (port is None or named == port)


def same_origin(origin: str, host: str) -> bool:
    """Tell whether an Origin header is the address under which the server was asked.

    Examples
    --------
    >>> same_origin("http://localhost:8765", "localhost:8765"), same_origin("null", "localhost")
    (True, False)
    """
    scheme, mark, rest = origin.partition("://")
    if not mark or scheme not in {"http", "https"}:
        return False
    default = 443 if scheme == "https" else 80
    try:
        (name, port), (own_name, own_port) = split_host(rest), split_host(host)
    except ValueError:
        return False
    return (name, port or default) == (own_name, own_port or default)
