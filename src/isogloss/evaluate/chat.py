"""A language model behind an OpenAI-compatible endpoint as a stand-in for annotators.

It asks ``POST {base}/chat/completions``. Base URL and key come from the environment, as for the
`openai:` encoder; the key goes into one header, nowhere else.
"""

import json
import os
import re
import time
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from isogloss._core.errors import IsoglossError, ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.evaluate.human_tasks import Question
from isogloss.evaluate.judges import Verdict

__all__ = ["JudgeError", "LanguageModelJudge"]

BASE_URL = "https://api.openai.com/v1"
_RETRIED = {408, 409, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 60.0  # seconds
_LARGEST_ANSWER = 1 << 20  # bytes
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_INTRUSION = (
    "Four of these five words are about one topic, and one does not belong. Which one? "
    "Answer with its number only.\n\n{words}"
)
_MIXING = (
    "Here are two groups of words. Are both groups about one topic, or about two different "
    "topics? Answer with the number 1 or 2 only.\n\nGroup A: {one}\nGroup B: {two}"
)


class JudgeError(IsoglossError):
    """A language model cannot be asked, or refuses."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class LanguageModelJudge:
    """Answers by asking a language model, one question a request, at temperature 0.

    Parameters
    ----------
    model : str
        Name of the model at the endpoint.
    base_url : str, optional
        None for ``OPENAI_BASE_URL``, else the public service.
    most_requests : int, default 1000
        Questions that one call of `answer` may ask; more are refused before the first is sent.
    timeout : float, default 60
        Seconds to wait for one answer.
    retries : int, default 5
        Further tries after an answer 408, 409, 429 or 5xx, or a broken connection, after 0.5, 1,
        2, ... seconds or what ``Retry-After`` says (60 at most).
    offline : bool, optional
        True refuses hosts other than this machine; None asks the environment.
    on_event : callable
        Takes progress.

    Raises
    ------
    JudgeError
        When the base URL cannot be used, or is out of bounds offline.

    Notes
    -----
    An answer without a number that fits counts as no answer. Language models may have read the
    corpus or the paper; what they say is no person's judgement.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        most_requests: int = 1000,
        timeout: float = 60.0,
        retries: int = 5,
        offline: bool | None = None,
        on_event: OnEvent = ignore,
    ) -> None:
        from isogloss.encoders.folder import is_offline

        given = base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL
        parts = urlsplit(given)
        if not model:
            raise ParameterError("the language model has no name: give that of the endpoint's")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            shown = given.rpartition("@")[2]
            raise JudgeError(f"OPENAI_BASE_URL={shown!r}: give http(s)://host/v1")
        if is_offline(offline) and parts.hostname not in _LOCAL:
            raise JudgeError(
                f"the language model {model!r} is asked at {parts.hostname}, and the network is "
                "off (--offline, ISOGLOSS_OFFLINE or HF_HUB_OFFLINE): point OPENAI_BASE_URL to "
                "this machine"
            )
        self._host = parts.hostname
        self._url = given.rstrip("/") + "/chat/completions"
        self._opener = build_opener(_NoRedirect)
        self.model = model
        self.name = f"language model {model}"
        self.most_requests = most_requests
        self.timeout = timeout
        self.retries = retries
        self.on_event = on_event

    def __repr__(self) -> str:
        return f"LanguageModelJudge({self.model!r}, host={self._host!r})"

    def answer(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer all questions; one verdict each.

        Raises
        ------
        ParameterError
            When there are more questions than `most_requests`.
        JudgeError
            When the endpoint refuses, fails, or answers with something else.
        """
        if len(questions) > self.most_requests:
            raise ParameterError(
                f"{len(questions)} questions and most_requests={self.most_requests}: allow more, "
                "or make fewer tasks"
            )
        found = []
        for done, question in enumerate(questions):
            self.on_event(Event("ask the language model", done, len(questions), "questions"))
            choices = len(question.words) if question.kind == "intrusion" else 2
            found.append(Verdict(_number(self._ask(_prompt(question)), choices)))
        return found

    def _ask(self, prompt: str) -> str:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "seed": 0,
            "max_tokens": 16,
        }
        data = self._post(json.dumps(body).encode())
        try:
            said = json.loads(data)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise JudgeError(
                f"{self._host} answered with no message ({type(error).__name__}: {error}): is it "
                "an OpenAI-compatible endpoint?"
            ) from error
        return said if isinstance(said, str) else ""

    def _post(self, body: bytes) -> bytes:
        """Send one request, again after failures that may pass."""
        headers = {"Content-Type": "application/json", "User-Agent": "isogloss"}
        if key := os.environ.get("OPENAI_API_KEY", "").strip():
            headers["Authorization"] = f"Bearer {key}"
        for attempt in range(self.retries + 1):
            wait = 0.5 * 2**attempt
            try:
                request = Request(self._url, body, headers)  # http(s) was checked above
                with self._opener.open(request, timeout=self.timeout) as answer:
                    data: bytes = answer.read(_LARGEST_ANSWER + 1)
                if len(data) > _LARGEST_ANSWER:
                    raise JudgeError(f"{self._host} answered with more than 1 MB")
                return data
            except HTTPError as error:
                with error:
                    if error.code not in _RETRIED or attempt == self.retries:
                        said = error.read(2000).decode("utf-8", errors="replace")
                        said = " ".join((said.replace(key, "...") if key else said).split())[:200]
                        raise JudgeError(
                            f"{self._host} answered {error.code} to the language model "
                            f"{self.model!r}: check its name, OPENAI_BASE_URL and OPENAI_API_KEY "
                            f"({said})"
                        ) from None
                    after = error.headers.get("Retry-After") or ""
                    wait = float(after) if after.isdigit() else wait
            except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
                if attempt == self.retries:
                    reason = getattr(error, "reason", None) or error or type(error).__name__
                    raise JudgeError(
                        f"no answer from {self._host} after {attempt + 1} tries ({reason}): check "
                        "OPENAI_BASE_URL and the network"
                    ) from None
            time.sleep(min(wait, _LONGEST_WAIT))
        raise AssertionError("the last attempt returns or raises")


def _prompt(question: Question) -> str:
    if question.kind == "intrusion":
        listed = "\n".join(f"{i}. {word}" for i, word in enumerate(question.words, start=1))
        return _INTRUSION.format(words=listed)
    pairs = list(zip(question.words, question.marked, strict=True))
    one, two = (", ".join(word for word, mark in pairs if mark == half) for half in (True, False))
    return _MIXING.format(one=one, two=two)


def _number(said: str, choices: int) -> int | None:
    """Take the number that an answer gives; None for none, or for one that does not fit.

    Examples
    --------
    >>> _number(" 3.", 5), _number("Word 2", 5), _number("7", 5), _number("none", 5)
    (3, 2, None, None)
    """
    found = re.search(r"\d+", said)
    number = int(found.group()) if found else 0
    return number if 1 <= number <= choices else None
