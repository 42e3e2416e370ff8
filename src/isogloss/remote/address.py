"""Where a server is: a URL read once, with what is secret in it kept out of every message."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from isogloss._core.errors import ParameterError, nearest

SCHEMES = {
    "qdrant+http": "qdrant",
    "qdrant+https": "qdrant",
    "qdrant+grpc": "qdrant",
    "qdrant+grpcs": "qdrant",
    "qdrant+path": "qdrant",
    "postgresql": "postgres",
    "postgres": "postgres",
}
_PORTS = {"qdrant+http": 6333, "qdrant+https": 6333, "qdrant+grpc": 6334, "qdrant+grpcs": 6334}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and a collection in it.

    Parameters
    ----------
    kind : {"qdrant", "postgres"}
    scheme : str
    host : str
        Empty for a local folder, or for PostgreSQL's own default.
    port : int or None
    database : str
        Of PostgreSQL; the folder for ``qdrant+path``.
    options : dict of str to str
        Of PostgreSQL's URL, such as ``sslmode``.
    collection : str or None
    user : str
    secret : str
        Password or key; never shown.

    Examples
    --------
    >>> place = read_address("postgresql://ada:pass@db/texts/news")
    >>> str(place), place.collection
    ('postgresql://db/texts/news', 'news')
    """

    kind: str
    scheme: str
    host: str
    port: int | None
    database: str
    options: dict[str, str]
    collection: str | None
    user: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        if self.scheme == "qdrant+path":
            return f"{self.scheme}://{self.database}/{self.collection or ''}"
        port = f":{self.port}" if self.port and self.port != _PORTS.get(self.scheme) else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        parts = [part for part in (self.database, self.collection) if part]
        return f"{self.scheme}://{host}{port}/" + "/".join(parts)

    @property
    def is_far(self) -> bool:
        """Whether it is on another machine."""
        return bool(self.host) and self.host not in _HERE and not self.host.startswith("/")

    def hide(self, text: str) -> str:
        """Take what is secret out of a message."""
        line = " ".join(text.split())
        for word in (self.secret, os.environ.get("PGPASSWORD"), os.environ.get("QDRANT_API_KEY")):
            if word:
                line = line.replace(word, "...")
        return line


def is_address(text: object) -> bool:
    """Tell whether a text names a server and no folder.

    Examples
    --------
    >>> is_address("qdrant+http://host/news"), is_address("news.atlas")
    (True, False)
    """
    return isinstance(text, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def read_address(url: str, *, collection: str | None = None) -> Address:
    """Read the URL of a server.

    Parameters
    ----------
    url : str
        ``qdrant+http://HOST:6333/COLLECTION`` (also ``qdrant+https``, ``qdrant+grpc``,
        ``qdrant+grpcs``; a key before the host as ``:KEY@``, or in ``QDRANT_API_KEY``),
        ``postgresql://USER:PASSWORD@HOST:5432/DATABASE/COLLECTION`` (the password also from
        ``PGPASSWORD`` or PostgreSQL's own password file), or ``qdrant+path:///FOLDER/COLLECTION``
        for Qdrant's local mode, which needs no server and is meant for trials.
    collection : str, optional
        Goes before the one in the URL.

    Returns
    -------
    Address

    Raises
    ------
    ParameterError
        For an unknown scheme, a name that cannot be used, or a key that would travel unencrypted
        to another machine. Never shows what stands before the ``@``.

    Examples
    --------
    >>> read_address("qdrant+http://localhost/news").port
    6333
    """
    scheme, mark, _ = url.partition("://") if isinstance(url, str) else ("", "", "")
    scheme = scheme.lower()
    if scheme in ("http", "https", "grpc", "grpcs") and mark:
        raise ParameterError(
            f"{scheme}:// does not say which server: write qdrant+{scheme}:// for Qdrant"
        )
    if not mark or scheme not in SCHEMES:
        raise ParameterError(f"no server is known by {scheme + mark!r}; {nearest(scheme, SCHEMES)}")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise ParameterError(f"the {scheme} URL cannot be read: check host and port") from None
    path = [unquote(part) for part in parts.path.split("/") if part]
    options = dict(_option(pair) for pair in parts.query.split("&") if pair)
    user, secret = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.fragment:
        raise ParameterError("the URL has a '#': write the characters of a password as %23")
    kind = SCHEMES[scheme]
    database, found = _place(scheme, kind, path, collection)
    if kind == "qdrant":
        secret = secret or user or os.environ.get("QDRANT_API_KEY", "")
        if secret and scheme in ("qdrant+http", "qdrant+grpc") and host not in _HERE:
            raise ParameterError(
                f"the key would travel unencrypted to {host}: use {scheme}s://, or unset it"
            )
        if not host and scheme != "qdrant+path":
            raise ParameterError(f"the {scheme} URL names no host")
        user, port = "", port or _PORTS.get(scheme)
    name = collection or found
    if name is not None and not _NAME.fullmatch(name):
        raise ParameterError(
            f"the collection {name!r}: up to 40 letters, digits, '-' and '_' are due"
        )
    return Address(kind, scheme, host, port, database, options, name, user, secret)


def _option(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return unquote(name), unquote(value)


def _place(
    scheme: str, kind: str, path: list[str], collection: str | None
) -> tuple[str, str | None]:
    """Part a path into what holds collections, and the collection."""
    if scheme == "qdrant+path":
        inside = path if collection else path[:-1]
        if not inside:
            raise ParameterError("qdrant+path:// needs a folder, then the collection")
        return "/" + "/".join(inside), None if collection else path[-1]
    most = 2 if kind == "postgres" else 1
    if len(path) > most:
        raise ParameterError(
            "the URL's path has too many parts: "
            + ("DATABASE/COLLECTION is due" if kind == "postgres" else "a COLLECTION is due")
        )
    if kind == "postgres":
        return path[0] if path else "", path[1] if len(path) > 1 else None
    return "", path[0] if path else None
