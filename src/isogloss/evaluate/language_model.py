"""A language model as a stand-in for annotators."""

import re
from collections.abc import Sequence

from isogloss._core.chat import ChatModel, OpenAIChat
from isogloss._core.endpoint import NoAnswerError
from isogloss._core.errors import ModelError, ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.evaluate.human_tasks import Question
from isogloss.evaluate.judges import Verdict

__all__ = ["LanguageModelJudge"]

# Tokens of an answer: a number, and a word or two around it.
ANSWER_TOKENS = 16
_INTRUSION = (
    "Four of these five words are about one topic, and one does not belong. Which one? "
    "Answer with its number only.\n\n{words}"
)
_MIXING = (
    "Here are two groups of words. Are both groups about one topic, or about two different "
    "topics? Answer with the number 1 or 2 only.\n\nGroup A: {one}\nGroup B: {two}"
)


class LanguageModelJudge:
    """Answers by asking a language model, one question a request, at temperature 0.

    Parameters
    ----------
    model : str or ChatModel
        Name of a model at the OpenAI-compatible endpoint of the environment (as for the `openai:`
        encoder), or any model that answers messages.
    most_requests : int, default 1000
        Questions that one call of `answer` may ask; more are refused before the first is sent.
    offline : bool, optional
        True refuses hosts other than this machine; None asks the environment.
    on_event : callable
        Takes progress.

    Raises
    ------
    ModelError
        When the endpoint cannot be used, or is out of bounds offline.

    Notes
    -----
    An answer without a number that fits counts as no answer. Language models may have read the
    corpus or the paper; what they say is no person's judgement.
    """

    def __init__(
        self,
        model: str | ChatModel,
        *,
        most_requests: int = 1000,
        offline: bool | None = None,
        on_event: OnEvent = ignore,
    ) -> None:
        from isogloss.encoders.folder import is_offline

        if isinstance(model, str):
            if not model:
                raise ParameterError("the language model has no name: give that of the endpoint's")
            model = OpenAIChat(model, offline=is_offline(offline))
        self.model = model
        self.name = f"language model {model.spec.removeprefix('openai:')}"
        self.most_requests = most_requests
        self.on_event = on_event

    def __repr__(self) -> str:
        return f"LanguageModelJudge({self.model!r})"

    def answer(self, questions: Sequence[Question]) -> list[Verdict]:
        """Answer all questions; one verdict each.

        Raises
        ------
        ParameterError
            When there are more questions than `most_requests`.
        ModelError
            When the model refuses, fails, or answers with something else.
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
        messages = [{"role": "user", "content": prompt}]
        try:
            return self.model.ask(messages, max_tokens=ANSWER_TOKENS).text
        except NoAnswerError as error:
            raise ModelError(str(error)) from error


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
