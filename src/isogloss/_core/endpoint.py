"""One POST to an OpenAI-compatible endpoint: base URL, key, tries and refusals.

The key goes into one header, nowhere else: no message and no `repr` holds it.
"""

import os
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from isogloss._core.errors import EncoderError, IsoglossError

BASE_URL = "https://api.openai.com/v1"
_RETRIED = {408, 409, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 60.0  # seconds
_LARGEST_ANSWER = 1 << 28  # bytes
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class NoAnswerError(Exception):
    """The endpoint gave no answer after all tries: down, too slow, or too busy."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Endpoint:
    """Posts JSON below one base URL.

    Parameters
    ----------
    path : str
        Below the base URL, such as ``"embeddings"``.
    spec : str
        What the user named, for messages.
    model : str
        Name of the model at the endpoint, for messages.
    base_url : str, optional
        None for ``OPENAI_BASE_URL``, else the public service.
    timeout : float, default 60
        Seconds to wait for one answer.
    retries : int, default 5
        Further tries after an answer 408, 409, 429 or 5xx, or a broken connection. Waits as long as
        ``Retry-After`` says (60 s at most), else 0.5, 1, 2, ... seconds.
    offline : bool
        True refuses hosts other than this machine.
    error : type of IsoglossError
        What refusals raise.

    Raises
    ------
    IsoglossError
        When the base URL cannot be used or is out of bounds offline.

    Examples
    --------
    >>> Endpoint("embeddings", spec="openai:m", model="m", base_url="http://localhost:1/v1").url
    'http://localhost:1/v1/embeddings'
    """

    def __init__(
        self,
        path: str,
        *,
        spec: str,
        model: str,
        base_url: str | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        offline: bool = False,
        error: type[IsoglossError] = EncoderError,
    ) -> None:
        given = base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL
        parts = urlsplit(given)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise error(f"OPENAI_BASE_URL={_without_login(given)!r}: give http(s)://host/v1")
        self.host = parts.hostname
        self.spec, self.model, self.error = spec, model, error
        if offline and self.host not in _LOCAL:
            raise error(
                f"{spec!r} asks {self.host}, and the network is off (--offline, "
                "ISOGLOSS_OFFLINE or HF_HUB_OFFLINE): point OPENAI_BASE_URL to this machine"
            )
        if given == BASE_URL and not os.environ.get("OPENAI_API_KEY", "").strip():
            raise error(
                f"{spec!r} asks {self.host}, which needs OPENAI_API_KEY: set it, or point "
                "OPENAI_BASE_URL to a server of your own"
            )
        self.url = given.rstrip("/") + f"/{path}"
        self.timeout = timeout
        self.retries = retries
        self._opener = build_opener(_NoRedirect)

    def __repr__(self) -> str:
        return f"Endpoint({self.spec!r}, host={self.host!r})"

    def post(self, body: bytes) -> bytes:
        """Send one request, again after failures that may pass.

        Raises
        ------
        IsoglossError
            When the endpoint refuses; of the type `error`.
        NoAnswerError
            When all tries failed in a way that may pass; its text is fit for a message.
        """
        headers = {"Content-Type": "application/json", "User-Agent": "isogloss"}
        if key := os.environ.get("OPENAI_API_KEY", "").strip():
            headers["Authorization"] = f"Bearer {key}"
        for attempt in range(self.retries + 1):
            request = Request(self.url, body, headers)  # http(s) was checked above
            wait = 0.5 * 2**attempt
            try:
                with self._opener.open(request, timeout=self.timeout) as answer:
                    data: bytes = answer.read(_LARGEST_ANSWER + 1)
                if len(data) > _LARGEST_ANSWER:
                    raise self.error(f"{self.host} answered with more than 256 MB")
                return data
            except HTTPError as error:
                with error:
                    if error.code not in _RETRIED:
                        raise self.error(self._refusal(error)) from None
                    if attempt == self.retries:
                        raise NoAnswerError(self._refusal(error)) from None
                    wait = _retry_after(error.headers.get("Retry-After"), wait)
            except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
                if attempt == self.retries:
                    reason = getattr(error, "reason", None) or error or type(error).__name__
                    raise NoAnswerError(
                        f"no answer from {self.host} after {attempt + 1} tries ({reason}): check "
                        "OPENAI_BASE_URL and the network"
                    ) from None
            time.sleep(min(wait, _LONGEST_WAIT))
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, error: HTTPError) -> str:
        cures = {
            401: "check OPENAI_API_KEY",
            403: "the key has no right to this model",
            404: f"check the model {self.model!r} and OPENAI_BASE_URL",
            413: "use a smaller batch_size",
            429: "the limit of requests is reached: try later, or use a smaller batch_size",
        }
        said = error.read(2000).decode("utf-8", errors="replace")
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if key:
            said = said.replace(key, "...")
        said = " ".join(said.split())[:200]
        cure = cures.get(error.code, "see its message")
        return f"{self.host} answered {error.code} to {self.spec!r}: {cure} ({said})"


def _without_login(url: str) -> str:
    return url.rpartition("@")[2]


def _retry_after(value: str | None, default: float) -> float:
    """Seconds to wait: ``Retry-After`` as seconds or a date, else the default."""
    if not value:
        return default
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return default
