"""An OpenAI-compatible endpoint for embeddings, over the standard library alone.

The only encoder that uses the network, and only because its spec asks for it. The key is read from
the environment and goes into one header, nowhere else: no message and no `repr` holds it.
"""

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from isogloss._core.endpoint import Endpoint, NoAnswerError
from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.base import EncodesDocuments, Truncation, check_texts, unit_rows
from isogloss.encoders.folder import is_offline


class OpenAIEncoder(EncodesDocuments):
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
        self._endpoint = Endpoint(
            "embeddings", spec=f"openai:{model}", model=model, base_url=base_url, timeout=timeout,
            retries=retries, offline=is_offline(offline),
        )  # fmt: skip
        self.model = model
        self.spec = f"openai:{model}"
        self.batch_size = batch_size or 64
        self.max_tokens: int | None = None
        self.truncation = Truncation()
        self._lock = threading.Lock()
        probe = unit_rows(self._ask(["isogloss"], None))[0]
        self.dim = len(probe)
        self.fingerprint = self._fingerprint(probe)

    def __repr__(self) -> str:
        return f"OpenAIEncoder({self.model!r}, host={self._endpoint.host!r})"

    def _fingerprint(self, probe: NDArray[np.float32]) -> str:
        """SHA-256 over host, path, model, dimension and the rounded vector of one fixed text.

        The weights behind an endpoint cannot be seen; the probe notices most changes of them.
        """
        rounded = np.rint(probe * 100).astype(np.int8)  # the server's own rounding may differ
        path = urlsplit(self._endpoint.url).path
        name = f"openai\0{self._endpoint.host}\0{path}\0{self.model}\0{len(probe)}\0"
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
        try:
            answer = self._endpoint.post(json.dumps(body).encode())
        except NoAnswerError as error:
            raise EncoderError(str(error)) from None
        return _read_answer(answer, len(texts), dim, self._endpoint.host)


def _read_answer(data: bytes, count: int, dim: int | None, host: str) -> NDArray[np.float32]:
    """Vectors of an answer in the order of the texts, whatever the order of its rows."""

    def wrong(what: str) -> EncoderError:
        return EncoderError(f"{host} answered with {what}: is it an OpenAI-compatible endpoint?")

    try:
        rows: Any = json.loads(data)["data"]
        vectors = {int(row["index"]): _read_vector(row["embedding"]) for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
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
