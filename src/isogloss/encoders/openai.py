"""An OpenAI-compatible endpoint for embeddings, over the standard library alone.

The only encoder that uses the network, and only because its spec asks for it. The key is read from
the environment and goes into one header, nowhere else: no message and no `repr` holds it.
"""

import base64
import binascii
import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.base import Truncation, check_texts, unit_rows
from isogloss.encoders.folder import is_offline

BASE_URL = "https://api.openai.com/v1"
_RETRIED = {408, 409, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 60.0  # seconds
_LARGEST_ANSWER = 1 << 28  # bytes
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class OpenAIEncoder:
    """Texts to vectors by asking ``POST {base}/embeddings``.

    Parameters
    ----------
    model : str
        Name of the model at the endpoint.
    base_url : str, optional
        None for ``OPENAI_BASE_URL``, else the public service.
    batch_size : int, default 64
        Texts in one request.
    timeout : float, default 60
        Seconds to wait for one answer.
    retries : int, default 5
        Further tries after an answer 408, 409, 429 or 5xx, or a broken connection. Waits as long as
        ``Retry-After`` says (60 s at most), else 0.5, 1, 2, ... seconds.
    offline : bool, optional
        True refuses hosts other than this machine; None asks the environment.

    Raises
    ------
    EncoderError
        When the base URL cannot be used or is out of bounds offline, or when the endpoint does not
        answer as it should to one short text, which also tells the length of its vectors.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        batch_size: int | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        offline: bool | None = None,
    ) -> None:
        given = base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL
        parts = urlsplit(given)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EncoderError(f"OPENAI_BASE_URL={_without_login(given)!r}: give http(s)://host/v1")
        self._host = parts.hostname
        if is_offline(offline) and self._host not in _LOCAL:
            raise EncoderError(
                f"'openai:{model}' asks {self._host}, and the network is off (--offline, "
                "ISOGLOSS_OFFLINE or HF_HUB_OFFLINE): point OPENAI_BASE_URL to this machine"
            )
        self._url = given.rstrip("/") + "/embeddings"
        self.model = model
        self.spec = f"openai:{model}"
        self.batch_size = batch_size or 64
        self.timeout = timeout
        self.retries = retries
        self.max_tokens: int | None = None
        self.truncation = Truncation()
        self._lock = threading.Lock()
        self._opener = build_opener(_NoRedirect)
        probe = unit_rows(self._ask(["isogloss"], None))[0]
        self.dim = len(probe)
        self.fingerprint = self._fingerprint(probe)

    def __repr__(self) -> str:
        return f"OpenAIEncoder({self.model!r}, host={self._host!r})"

    def _fingerprint(self, probe: NDArray[np.float32]) -> str:
        """SHA-256 over host, path, model, dimension and the rounded vector of one fixed text.

        The weights behind an endpoint cannot be seen; the probe notices most changes of them.
        """
        rounded = np.rint(probe * 100).astype(np.int8)  # the server's own rounding may differ
        path = urlsplit(self._url).path
        name = f"openai\0{self._host}\0{path}\0{self.model}\0{len(probe)}\0"
        return hashlib.sha256(name.encode() + rounded.tobytes()).hexdigest()

    def encode(self, texts: Sequence[str], *, batch_size: int | None = None) -> NDArray[np.float32]:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str
            Not one string.
        batch_size : int, optional
            Texts in one request.

        Returns
        -------
        float32 (n, dim)
            Unit rows; zeros for a text without content, which is not sent.

        Raises
        ------
        ParameterError
            For a bare string or an element that is no string.
        EncoderError
            When the endpoint refuses, fails, or answers with something else.
        """
        items = check_texts(texts)
        size = self.batch_size if batch_size is None else batch_size
        if size < 1:
            raise ParameterError(f"batch_size={size}: give 1 or more")
        out = np.zeros((len(items), self.dim), dtype=np.float32)
        filled = [row for row, text in enumerate(items) if text.strip()]
        for start in range(0, len(filled), size):
            rows = filled[start : start + size]
            out[rows] = unit_rows(self._ask([items[row] for row in rows], self.dim))
        with self._lock:
            self.truncation.texts += len(items)
        return out

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode queries; the same as `encode`."""
        return self.encode(texts)

    def _ask(self, texts: list[str], dim: int | None) -> NDArray[np.float32]:
        body = {"model": self.model, "input": texts, "encoding_format": "base64"}
        answer = self._post(json.dumps(body).encode())
        return _read_answer(answer, len(texts), dim, self._host)

    def _post(self, body: bytes) -> bytes:
        """Send one request, again after failures that may pass."""
        headers = {"Content-Type": "application/json", "User-Agent": "isogloss"}
        if key := os.environ.get("OPENAI_API_KEY", "").strip():
            headers["Authorization"] = f"Bearer {key}"
        for attempt in range(self.retries + 1):
            request = Request(self._url, body, headers)  # http(s) was checked above
            wait = 0.5 * 2**attempt
            try:
                with self._opener.open(request, timeout=self.timeout) as answer:
                    data: bytes = answer.read(_LARGEST_ANSWER + 1)
                if len(data) > _LARGEST_ANSWER:
                    raise EncoderError(f"{self._host} answered with more than 256 MB")
                return data
            except HTTPError as error:
                with error:
                    if error.code not in _RETRIED or attempt == self.retries:
                        raise self._refusal(error) from None
                    wait = _retry_after(error.headers.get("Retry-After"), wait)
            except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
                if attempt == self.retries:
                    reason = getattr(error, "reason", None) or error or type(error).__name__
                    raise EncoderError(
                        f"no answer from {self._host} after {attempt + 1} tries ({reason}): check "
                        "OPENAI_BASE_URL and the network"
                    ) from None
            time.sleep(min(wait, _LONGEST_WAIT))
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, error: HTTPError) -> EncoderError:
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
        return EncoderError(f"{self._host} answered {error.code} to {self.spec!r}: {cure} ({said})")


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


def _read_answer(data: bytes, count: int, dim: int | None, host: str) -> NDArray[np.float32]:
    """Vectors of an answer in the order of the texts, whatever the order of its rows."""

    def wrong(what: str) -> EncoderError:
        return EncoderError(f"{host} answered with {what}: is it an OpenAI-compatible endpoint?")

    try:
        rows: Any = json.loads(data)["data"]
        vectors = {int(row["index"]): _read_vector(row["embedding"]) for row in rows}
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise wrong(f"no list of embeddings ({type(error).__name__}: {error})") from error
    if len(rows) != count or sorted(vectors) != list(range(count)):
        raise wrong(f"{len(rows)} embeddings ({len(vectors)} indices) for {count} texts")
    lengths = sorted({len(vector) for vector in vectors.values()})
    if lengths == [0] or len(lengths) != 1 or (dim is not None and lengths != [dim]):
        raise wrong(f"vectors of {lengths} numbers" + (f", not {dim}" if dim else ""))
    out = np.stack([vectors[row] for row in range(count)])
    if not np.isfinite(out).all():
        raise wrong("numbers that are not finite")
    if not out.any(axis=1).all():
        raise wrong("vectors of nothing but zeros")
    return out


def _read_vector(value: Any) -> NDArray[np.float32]:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4")
    vector = np.asarray(value, dtype=np.float32)
    if vector.ndim != 1:
        raise ValueError(f"an embedding with {vector.ndim} axes")
    return vector
