"""Contextual prefixes from a language model: asked within a budget, kept, never asked twice.

The model sees the passage and what surrounds it, and answers with a sentence that says who and
what it is about. A chunk that gets no answer has the prefix of `PrefixedChunk`, and is counted.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isogloss._core.chat import ChatModel, Message
from isogloss._core.endpoint import NoAnswerError
from isogloss._core.errors import ParameterError
from isogloss._core.files import storage_errors, write_json
from isogloss.encoders.base import Encoder
from isogloss.situate.base import Chunked, Reading, digest_of
from isogloss.situate.plain import around, check_reach, fingerprint_of
from isogloss.situate.prefix import PrefixedChunk

__all__ = ["AskedPrefix", "AskedReport"]

FORMAT = 1
REPLY_TOKENS = 80
LONGEST = 400  # characters of a prefix
MOST_CHARACTERS = 6000  # of surroundings, on either side
GIVE_UP_AFTER = 3

PROMPT = (
    "You say what a passage is about, so that it can be found. Name the people, things and places "
    "that it means by words such as he, she, it or this. Answer with one or two short sentences "
    "and nothing else."
)


@dataclass(slots=True)
class AskedReport:
    """What was asked so far.

    Parameters
    ----------
    calls, tokens : int
        Spent in this process; tokens are the model's count, else characters / 4.
    cached : int
        Prefixes whose answer was there already.
    fallback : dict of str to int
        Reason -> readings with the prefix of `PrefixedChunk`.
    """

    calls: int = 0
    tokens: int = 0
    cached: int = 0
    fallback: dict[str, int] = field(default_factory=dict)


class AskedPrefix(PrefixedChunk):
    """Each chunk is read after a sentence about it from a language model.

    Parameters
    ----------
    encoder : Encoder
    chat : ChatModel
        As `isogloss._core.chat.load_chat` gives it.
    folder : path
        Where answers are kept, one JSON file a question.
    before, after : int
        Chunks around that the model sees, 6,000 characters of them on either side.
    calls : int, default 500
        Answers to ask for at most.
    tokens : int, optional
        Tokens to send and receive at most.

    Raises
    ------
    ParameterError
        For a budget below 1 or a negative number of chunks.
    """

    name = "asked prefix"

    def __init__(
        self,
        encoder: Encoder,
        chat: ChatModel,
        folder: str | Path,
        *,
        before: int = 8,
        after: int = 2,
        calls: int = 500,
        tokens: int | None = None,
    ) -> None:
        super().__init__(encoder)
        check_reach(before, after)
        if calls < 1 or (tokens is not None and tokens < 1):
            raise ParameterError(f"budget of {calls} calls and {tokens} tokens: give 1 or more")
        self.chat, self.folder = chat, Path(folder).expanduser()
        self.before, self.after, self.calls, self.tokens = before, after, calls, tokens
        self.report = AskedReport()
        self._silent = 0
        # The prefixes are part of the readings, so the model that gave them need not count here.
        self.fingerprint = fingerprint_of(self.name, {}, [encoder.fingerprint])

    def readings(self, document: Chunked) -> list[Reading]:
        """Say what each chunk is read as; asks for the prefixes that are not known yet.

        Raises
        ------
        ModelError
            When the model refuses for good. Answers so far are kept.
        StorageError
            When an answer cannot be kept.
        """
        plain = super().readings(document)
        found = []
        for place, text in enumerate(document.chunks):
            if not text.strip():
                found.append(plain[place])
                continue
            near = around(document.chunks, place, self.before, self.after)
            prefix = self._prefix(self.question(document, place))
            if prefix:
                found.append(Reading(f"{prefix}\n{text}", neighbours=near))
            else:
                both = tuple(sorted({*near, *plain[place].neighbours}))
                found.append(Reading(plain[place].text, neighbours=both))
        return found

    def question(self, document: Chunked, place: int) -> list[Message]:
        """Give the messages that ask about a chunk; its text stands in them once."""
        near = around(document.chunks, place, self.before, self.after)
        earlier = "\n".join(document.chunks[i] for i in near if i < place)[-MOST_CHARACTERS:]
        later = "\n".join(document.chunks[i] for i in near if i > place)[:MOST_CHARACTERS]
        parts = [
            ("Title", document.title), ("Text before it", earlier),
            ("Passage", document.chunks[place]), ("Text after it", later),
        ]  # fmt: skip
        asked = "\n\n".join(f"{name}:\n{text.strip()}" for name, text in parts if text.strip())
        return [{"role": "system", "content": PROMPT}, {"role": "user", "content": asked}]

    def _prefix(self, messages: list[Message]) -> str:
        key = digest_of([self.chat.identity, json.dumps(messages, ensure_ascii=False)])
        path = self.folder / f"{key}.json"
        known = _read(path)
        if known is not None:
            self.report.cached += 1
            return known or self._fall_back("no valid answer")
        if self._silent >= GIVE_UP_AFTER:
            return self._fall_back("no answer")
        need = sum(len(one["content"]) for one in messages) // 4 + REPLY_TOKENS
        over = self.tokens is not None and self.report.tokens + need > self.tokens
        if over or self.report.calls >= self.calls:
            return self._fall_back("over budget")
        self.report.calls += 1
        try:
            reply = self.chat.ask(messages, max_tokens=REPLY_TOKENS)
        except NoAnswerError:
            self._silent += 1
            return self._fall_back("no answer")
        self._silent = 0
        sent = need - REPLY_TOKENS if reply.prompt_tokens is None else reply.prompt_tokens
        got = len(reply.text) // 4 if reply.reply_tokens is None else reply.reply_tokens
        self.report.tokens += sent + got
        prefix = " ".join(reply.text.split()).strip("\"'")[:LONGEST]
        record: dict[str, Any] = {
            "format": FORMAT, "model": self.chat.spec, "messages": messages, "reply": reply.text,
            "prefix": prefix,
        }  # fmt: skip
        with storage_errors("an answer of the model"):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(path, record)
        return prefix or self._fall_back("no valid answer")

    def _fall_back(self, reason: str) -> str:
        self.report.fallback[reason] = self.report.fallback.get(reason, 0) + 1
        return ""


def _read(path: Path) -> str | None:
    """Give a kept prefix; None where there is none that this version can read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return None
    prefix = record.get("prefix")
    return prefix if isinstance(prefix, str) else None
