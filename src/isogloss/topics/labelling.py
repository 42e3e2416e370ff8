"""Names for topics from a language model: asked within a budget, checked, kept, never twice.

A model sees the keywords of a topic and passages of it, and answers ``{"label": "..."}``. An
answer that does not fit is asked for again with the reason; a topic that gets none keeps the label
of its keywords, and is counted. Every answer is written down when it comes, with what was sent,
under a key made from model and messages: the same question is never asked twice, and a run that was
killed goes on with the next topic.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from isogloss._core.chat import ChatModel, Message
from isogloss._core.endpoint import NoAnswerError
from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import storage_errors, write_json
from isogloss.topics.label_prompt import (
    REPLY_TOKENS,
    TopicEvidence,
    estimate,
    messages_for,
    read_label,
    tokens_of,
)

__all__ = ["Budget", "LabelReport", "LabelStore", "key_of", "label_topics"]

FORMAT = 1
TRIES = 3
# So many topics in a row without any answer, and the rest is not asked.
GIVE_UP_AFTER = 3


@dataclass(slots=True)
class Budget:
    """What may be spent.

    Parameters
    ----------
    calls : int, default 500
        Answers asked for, second tries included.
    tokens : int or None
        Tokens sent and received; None for no bound.
    """

    calls: int = 500
    tokens: int | None = None

    def check(self) -> None:
        """Refuse bounds below 1.

        Raises
        ------
        ParameterError
        """
        if self.calls < 1 or (self.tokens is not None and self.tokens < 1):
            raise ParameterError(
                f"budget of {self.calls} calls and {self.tokens} tokens: give 1 or more"
            )


@dataclass(slots=True)
class LabelReport:
    """What a labelling did, or would do.

    Parameters
    ----------
    model : str
        Spec of the model; ``"keywords"`` for none.
    topics : int
        All topics, inner ones too.
    labelled : int
        Topics whose label is the model's.
    cached : int
        Those among them whose answer was there already.
    kept : int
        Topics that a person has named: left alone.
    fallback : dict of str to int
        Reason -> topics with the label of their keywords: ``"no evidence"``, ``"no valid answer"``,
        ``"no answer"``, ``"over budget"``.
    calls, prompt_tokens, reply_tokens : int
        Spent now. Tokens are the model's own count where it gives one, else characters / 4.
    to_ask : int
        Topics that a dry run would ask about.
    estimate : dict
        Of a dry run: calls and tokens, at one call a topic, and characters of passages sent.
    host : str
        Where texts go; empty for this process.
    dry_run : bool
    seconds : float
    labels : dict of int to str
        Label of each topic.
    """

    model: str
    topics: int = 0
    labelled: int = 0
    cached: int = 0
    kept: int = 0
    fallback: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    to_ask: int = 0
    estimate: dict[str, int] = field(default_factory=dict)
    host: str = ""
    dry_run: bool = False
    seconds: float = 0.0
    labels: dict[int, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the report as ``isogloss label --json`` prints it."""
        return asdict(self)


class LabelStore:
    """Answers on disk: one JSON file a question, written whole or not at all.

    Parameters
    ----------
    folder : Path
        Made at the first answer.

    Examples
    --------
    >>> import tempfile
    >>> store = LabelStore(Path(tempfile.mkdtemp()))
    >>> store.put("ab", {"label": "Space flight"})
    >>> store.get("ab")["label"]
    'Space flight'
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Give the record of a question; None where there is none that this version can read."""
        try:
            record = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
            return None
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            return None
        return record

    def put(self, key: str, record: dict[str, Any]) -> None:
        """Keep the record of a question."""
        with storage_errors("an answer of the model"):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / f"{key}.json", {"format": FORMAT, **record})

    def labels(self) -> set[str]:
        """Give all labels that any model has given: to tell them from names that people gave."""
        found = set()
        for path in sorted(self.folder.glob("*.json")):
            record = self.get(path.stem)
            if record is not None and isinstance(record.get("label"), str):
                found.add(record["label"])
        return found


def key_of(model: ChatModel, messages: Sequence[Message]) -> str:
    """Digest model and question: 32 hex digits."""
    held = json.dumps([model.identity, list(messages), REPLY_TOKENS], ensure_ascii=False)
    return hashlib.sha256(held.encode("utf-8", "replace")).hexdigest()[:32]


def label_topics(
    evidence: Sequence[TopicEvidence],
    model: ChatModel,
    store: LabelStore,
    *,
    budget: Budget | None = None,
    dry_run: bool = False,
    on_event: OnEvent = ignore,
) -> LabelReport:
    """Ask a model for the names of topics.

    Parameters
    ----------
    evidence : sequence of TopicEvidence
        Topics to be named.
    model : ChatModel
    store : LabelStore
        Answers that were given before are taken from it.
    budget : Budget, optional
        Where it ends, the smaller topics keep the label of their keywords.
    dry_run : bool
        Ask nothing; say what would be asked.
    on_event : callable

    Returns
    -------
    LabelReport
        ``labels`` has the model's labels only.

    Raises
    ------
    ModelError
        When the model refuses for good (wrong key, unknown model). Answers so far are kept.
    ParameterError
        For a budget below 1.
    """
    budget = budget or Budget()
    budget.check()
    report = LabelReport(model.spec, host=model.host, topics=len(evidence), dry_run=dry_run)
    asked: list[tuple[TopicEvidence, list[Message], str]] = []
    for topic in sorted(evidence, key=lambda one: (-one.size, one.topic)):
        if not any(text.strip() for text in topic.passages):
            _count(report, "no evidence")
            continue
        messages = messages_for(topic)
        key = key_of(model, messages)
        record = store.get(key)
        if record is None:
            asked.append((topic, messages, key))
        elif isinstance(record.get("label"), str):
            report.labels[topic.topic] = record["label"]
            report.cached += 1
        else:
            _count(report, "no valid answer")
    report.to_ask = len(asked)
    report.estimate = estimate([topic for topic, _, _ in asked])
    if not dry_run:
        _ask_all(asked, model, store, budget, report, on_event)
    report.labelled = len(report.labels)
    return report


def _ask_all(
    asked: Sequence[tuple[TopicEvidence, list[Message], str]], model: ChatModel,
    store: LabelStore, budget: Budget, report: LabelReport, on_event: OnEvent,
) -> None:  # fmt: skip
    silent = 0
    for done, (topic, messages, key) in enumerate(asked):
        on_event(Event("label topics", done, len(asked), "topics"))
        if silent >= GIVE_UP_AFTER:
            _count(report, "no answer")
            continue
        if (found := store.get(key)) is None:  # two topics may share their evidence
            try:
                found = _ask(topic, messages, model, budget, report)
            except NoAnswerError as error:
                silent += 1
                message = f"topic {topic.topic}: {error}"
                if silent == GIVE_UP_AFTER:
                    message += "; the remaining topics are not asked about"
                on_event(Event("label topics", message=message, level="warning"))
                _count(report, "no answer")
                continue
            silent = 0
            if found is None:
                _count(report, "over budget")
                continue
            store.put(key, found)
        if found["label"] is None:
            _count(report, "no valid answer")
        else:
            report.labels[topic.topic] = found["label"]
    on_event(Event("label topics", len(asked), len(asked), "topics"))


def _ask(
    topic: TopicEvidence, messages: list[Message], model: ChatModel, budget: Budget,
    report: LabelReport,
) -> dict[str, Any] | None:  # fmt: skip
    """Ask about one topic, again with the reason where the answer does not fit.

    Returns
    -------
    dict or None
        The record to keep, its label None after three answers that do not fit; None when the
        budget ends first.
    """
    record: dict[str, Any] = {
        "model": model.spec, "identity": model.identity, "topic": topic.topic, "label": None,
        "messages": messages, "replies": [], "prompt_tokens": 0, "reply_tokens": 0,
    }  # fmt: skip
    talk = list(messages)
    for _ in range(TRIES):
        spent = report.prompt_tokens + report.reply_tokens
        need = tokens_of(talk) + REPLY_TOKENS
        if report.calls >= budget.calls or (
            budget.tokens is not None and spent + need > budget.tokens
        ):
            return None
        reply = model.ask(talk, max_tokens=REPLY_TOKENS)
        report.calls += 1
        for name, count, text in (
            ("prompt_tokens", reply.prompt_tokens, None),
            ("reply_tokens", reply.reply_tokens, reply.text),
        ):
            used = count
            if used is None:
                used = tokens_of(talk) if text is None else len(text) // 4
            record[name] += used
            setattr(report, name, getattr(report, name) + used)
        again = reply.text in record["replies"]
        record["replies"].append(reply.text)
        try:
            record["label"] = read_label(reply.text)
            break
        except ValueError as error:
            if again:  # it will say the same for ever
                break
            talk = [
                *messages,
                {"role": "assistant", "content": reply.text[:1000]},
                {"role": "user", "content": f'Not valid: {error}. Answer {{"label": "..."}} only.'},
            ]
    record["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return record


def _count(report: LabelReport, reason: str) -> None:
    report.fallback[reason] = report.fallback.get(reason, 0) + 1
