"""Questions about topics for people: find the intruder among words; one topic, or two mixed.

Papers: Chang et al. 2009, Reading Tea Leaves (word intrusion); Prouteau, Lareau, Dugue, Lamirel,
Malaterre 2026, When Numbers Tell Half the Story (topic word mixing).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.evaluate.topic_words import TopicWords

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

__all__ = ["CONTROL", "Question", "Task", "TaskSet", "make_tasks"]

CONTROL = "control"
TOP = 4  # words of a topic in an intrusion task, and of each half of a mixing task
NEAREST = 10  # candidates of the most similar frequency, from which the intruder is drawn
CLOSENESS_WORDS = 50  # words that stand for a topic when the closest one is looked for


@dataclass(frozen=True, slots=True)
class Question:
    """What an annotator sees of a task; the parameters are those of `Task`."""

    id: str
    kind: Literal["intrusion", "mixing"]
    words: tuple[str, ...]
    marked: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One question, with its answer.

    Parameters
    ----------
    id : str
        Digest of the set, a dash, and a running number; empty before tasks are gathered.
    kind : {"intrusion", "mixing"}
        "Which word does not belong?" or "one topic or two?".
    model : str
        Whose topics they are; ``"control"`` for items with an obvious answer.
    topics : tuple of int
        Where the words come from; for an intrusion the topic of the four.
    words : tuple of str
        As they are shown.
    answer : int
        The place of the intruder (1 to 5), or the number of topics (1 or 2).
    marked : tuple of bool
        Mixing only: the half of the words that is shown in bold.
    similarity : float or None
        Mixing of two topics: their cosine.
    """

    id: str
    kind: Literal["intrusion", "mixing"]
    model: str
    topics: tuple[int, ...]
    words: tuple[str, ...]
    answer: int
    marked: tuple[bool, ...] = ()
    similarity: float | None = None

    @property
    def choices(self) -> int:
        """Number of possible answers, which are 1, 2, ..."""
        return len(self.words) if self.kind == "intrusion" else 2

    @property
    def question(self) -> Question:
        """The task without model and answer."""
        return Question(self.id, self.kind, self.words, self.marked)


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Tasks in the order in which they are shown, and what could not be made.

    Parameters
    ----------
    tasks : tuple of Task
    left_out : dict of str to int
        Reasons, and how many topics each concerns.
    """

    tasks: tuple[Task, ...]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.tasks)

    def of(self, kind: str) -> list[Task]:
        """Give the tasks of one kind."""
        return [task for task in self.tasks if task.kind == kind]

    @property
    def digest(self) -> str:
        """Eight hex digits that tell this set from others."""
        return self.tasks[0].id.partition("-")[0] if self.tasks else "0" * 8


def plain_word(word: str) -> bool:
    """Tell whether a token can pass for a word: letters only, two or more.

    Examples
    --------
    >>> plain_word("moon"), plain_word("x1"), plain_word("a")
    (True, False, False)
    """
    return len(word) > 1 and all(part.isalpha() for part in word.replace("'", "-").split("-"))


def make_tasks(
    models: Mapping[str, TopicWords],
    encoder: "Encoder",
    *,
    seed: int = 0,
    share: float = 1.0,
    controls: int = 4,
    bottom: float = 0.5,
    top: float = 0.1,
    is_word: Callable[[str], bool] = plain_word,
) -> TaskSet:
    """Make word-intrusion and topic-word-mixing tasks for one or more topic models.

    Intrusion: the four best words of a topic and an intruder, which is among the first words of
    another topic, and in the bottom half of this one's list or not in it; of such words one of
    the ten nearest in frequency to the four is drawn. Mixing: half of the tasks show the eight
    best words of one topic; half four of a topic and four of the topic closest to it (cosine of
    the encoded best 50 words), each pair once. A half of the eight words is shown in bold: the
    first four of the one topic, or those of one of the two.

    Parameters
    ----------
    models : mapping of str to TopicWords
        Topics by the name of their model.
    encoder : Encoder
        Finds the closest topic.
    seed : int
        Of every draw and of the order.
    share : float
        Share of the tasks to keep of each model, above 0 and at most 1; the paper asked for about
        .3. Single and mixed ones stay equally many.
    controls : int
        Tasks of each kind with an obvious answer (English words), at most 4.
    bottom : float
        Share of a topic's list that counts as its bottom.
    top : float
        Share of a topic's list that counts as its first words; ten at least.
    is_word : callable
        Tells whether a token is a word of the language; others are no intruders.

    Returns
    -------
    TaskSet
        Shuffled; ids depend on the content.

    Raises
    ------
    ParameterError
        For a share or number out of range, or when there is nothing to ask.

    Examples
    --------
    >>> from isogloss import load_encoder
    >>> from isogloss.evaluate.topic_words import TopicWords
    >>> topics = TopicWords.of_lists([
    ...     ["cat", "dog", "horse", "cow", "pig", "hen", "duck", "goat"],
    ...     ["moon", "orbit", "rocket", "star", "comet", "planet", "sun", "sky"],
    ... ])
    >>> found = make_tasks({"lda": topics}, load_encoder("lexical"), controls=0)
    >>> sorted((task.kind, task.answer) for task in found.tasks if task.kind == "mixing")
    [('mixing', 1), ('mixing', 2)]
    """
    if not 0 < share <= 1 or not 0 < bottom <= 1 or not 0 < top <= 1:
        raise ParameterError(
            f"share={share!r}, bottom={bottom!r}, top={top!r}: give shares above 0 and at most 1"
        )
    if not 0 <= controls <= len(CLEAR_INTRUSIONS):
        raise ParameterError(f"controls={controls!r}: give 0 to {len(CLEAR_INTRUSIONS)}")
    drafts: list[Task] = []
    left_out: Counter[str] = Counter()
    for name, words in models.items():
        rng = _generator(seed, name)
        intrusions = _intrusions(name, words, rng, bottom, top, is_word, left_out)
        drafts += _kept(intrusions, share, rng)
        single, mixed = _mixings(name, words, encoder, rng, left_out)
        count = min(len(single), len(mixed))
        for some in (single, mixed):
            drafts += _kept(some, share * count / len(some), rng) if some else []
    if not drafts:
        raise ParameterError(
            "no task could be made: topics need 4 words and an intruder from another topic, or 8 "
            "words for a mixing task"
        )
    rng = _generator(seed, CONTROL)
    drafts += _clear_tasks(controls, rng)
    ordered = [drafts[place] for place in rng.permutation(len(drafts))]
    return TaskSet(_numbered(ordered), dict(left_out))


def _generator(seed: int, name: str) -> np.random.Generator:
    """Draw by seed and name, so that another model beside it changes nothing."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _numbered(tasks: Iterable[Task]) -> tuple[Task, ...]:
    held = tuple(tasks)
    content = [[task.kind, task.model, task.topics, task.words, task.marked] for task in held]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
    return tuple(replace(task, id=f"{digest}-{i:04d}") for i, task in enumerate(held, start=1))


def _kept(tasks: list[Task], share: float, rng: np.random.Generator) -> list[Task]:
    count = min(len(tasks), max(1, round(share * len(tasks)))) if tasks else 0
    return [tasks[place] for place in np.sort(rng.permutation(len(tasks))[:count])]


def _intrusions(
    name: str,
    words: TopicWords,
    rng: np.random.Generator,
    bottom: float,
    top: float,
    is_word: Callable[[str], bool],
    left_out: Counter[str],
) -> list[Task]:
    """Make one intrusion task a topic."""
    firsts = [rank[: max(10, int(top * len(rank)))] for rank in words.ranks]
    holders = np.zeros(len(words.vocabulary), dtype=np.int32)  # topics that have a word in front
    for first in firsts:
        holders[first] += 1
    tasks = []
    for topic, rank in enumerate(words.ranks):
        if len(rank) < TOP:
            left_out[f"intrusion: a topic of fewer than {TOP} words"] += 1
            continue
        free = holders > 0
        upper = len(rank) - int(bottom * len(rank))
        free[rank[: max(TOP, upper)]] = False
        own = firsts[topic]
        free[own[holders[own] == 1]] = False  # in front here only
        candidates = np.flatnonzero(free)
        if words.frequency is not None and len(candidates):
            usual = words.frequency[rank[:TOP]].mean()
            away = np.abs(words.frequency[candidates] - usual)
            candidates = candidates[np.argsort(away, kind="stable")]
        usable: list[int] = []
        order = candidates if words.frequency is not None else rng.permutation(candidates)
        for candidate in order.tolist():
            if is_word(words.vocabulary[candidate]):
                usable.append(candidate)
            if len(usable) == NEAREST:
                break
        if not usable:
            left_out["intrusion: no word of another topic is foreign to a topic"] += 1
            continue
        intruder = words.vocabulary[usable[int(rng.integers(len(usable)))]]
        shown = [*words.top(topic, TOP), intruder]
        order = rng.permutation(len(shown))
        placed = tuple(shown[place] for place in order)
        tasks.append(
            Task("", "intrusion", name, (topic,), placed, 1 + int(np.argmax(order == TOP)))
        )
    return tasks


def _mixings(
    name: str,
    words: TopicWords,
    encoder: "Encoder",
    rng: np.random.Generator,
    left_out: Counter[str],
) -> tuple[list[Task], list[Task]]:
    """Make mixing tasks of single topics, and of topics with their closest."""
    single, mixed = [], []
    for topic in range(len(words)):
        shown = words.top(topic, 2 * TOP)
        if len(shown) < 2 * TOP:
            left_out[f"mixing: a topic of fewer than {2 * TOP} words"] += 1
            continue
        single.append(_mixing(name, (topic,), shown[:TOP], shown[TOP:], rng))
    seen: set[tuple[int, int]] = set()
    for topic, (other, cosine) in enumerate(closest_topics(words, encoder)):
        pair = (min(topic, other), max(topic, other))
        if other < 0 or pair in seen:
            continue
        seen.add(pair)
        own = words.top(topic, TOP)
        theirs = [word for word in words.top(other, 2 * TOP) if word not in own][:TOP]
        if len(own) < TOP or len(theirs) < TOP:
            left_out["mixing: two closest topics without four words each of their own"] += 1
            continue
        mixed.append(_mixing(name, (topic, other), own, theirs, rng, cosine))
    return single, mixed


def _mixing(
    name: str,
    topics: tuple[int, ...],
    one: list[str],
    two: list[str],
    rng: np.random.Generator,
    similarity: float | None = None,
) -> Task:
    order = rng.permutation(2 * TOP)
    bold = int(rng.integers(2))
    shown = [*one, *two]
    return Task(
        "",
        "mixing",
        name,
        topics,
        tuple(shown[place] for place in order),
        len(topics),
        tuple(int(place >= TOP) == bold for place in order),
        similarity,
    )


def closest_topics(words: TopicWords, encoder: "Encoder") -> list[tuple[int, float]]:
    """Give for each topic the one with the most similar words, and their cosine.

    Parameters
    ----------
    words : TopicWords
    encoder : Encoder
        Encodes the 50 best words of each topic as one text.

    Returns
    -------
    list of (int, float)
        (-1, nan) where there is no other topic with words.
    """
    from isogloss._core.threads import single_threaded_blas

    texts = [" ".join(words.top(topic, CLOSENESS_WORDS)) for topic in range(len(words))]
    if not texts:
        return []
    vectors = encoder.encode(texts)
    some: NDArray[np.bool_] = np.asarray(vectors.any(axis=1))
    with single_threaded_blas():
        found = []
        for topic in range(len(texts)):
            cosines = vectors @ vectors[topic]
            cosines[~some] = -np.inf
            cosines[topic] = -np.inf
            other = int(cosines.argmax())
            known = bool(some[topic] and np.isfinite(cosines[other]))
            found.append((other, float(cosines[other])) if known else (-1, float("nan")))
    return found


CLEAR_INTRUSIONS = (
    (("violin", "piano", "trumpet", "flute"), "cabbage"),
    (("red", "green", "yellow", "purple"), "bicycle"),
    (("monday", "tuesday", "friday", "sunday"), "whale"),
    (("bread", "cheese", "butter", "soup"), "satellite"),
)
CLEAR_MIXINGS = (
    (("oak", "maple", "birch", "pine"), ("willow", "spruce", "beech", "elm"), 1),
    (("trout", "salmon", "herring", "cod"), ("tuna", "carp", "pike", "eel"), 1),
    (("hammer", "saw", "chisel", "drill"), ("uncle", "sister", "cousin", "mother"), 2),
    (("january", "march", "april", "june"), ("lion", "tiger", "wolf", "bear"), 2),
)


def _clear_tasks(count: int, rng: np.random.Generator) -> list[Task]:
    """Make controls; two single and two mixed ones take turns."""
    tasks = []
    for words, intruder in CLEAR_INTRUSIONS[:count]:
        shown = [*words, intruder]
        order = rng.permutation(len(shown))
        placed = tuple(shown[place] for place in order)
        tasks.append(Task("", "intrusion", CONTROL, (), placed, 1 + int(np.argmax(order == TOP))))
    for place in (0, 2, 1, 3)[:count]:
        one, two, topics = CLEAR_MIXINGS[place]
        draft = _mixing(CONTROL, (), list(one), list(two), rng)
        tasks.append(replace(draft, answer=topics))
    return tasks
