"""Short English texts for `gather_english.py`: what people say, ask and request.

Passages and sentences of books and manuals hold few questions, commands and single facts; these
are gathered from voice assistants, chat bots and calendars, and made from the passages themselves:
"to change the battery" becomes "how do I change the battery".
"""

import html
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

SHORTEST, LONGEST = 2, 60  # words in a text
PEOPLE = 40_000  # births and deaths

WAYS = (
    "how do i {}", "how can i {}", "how to {}", "how do you {}", "i want to {}", "i need to {}",
    "i would like to {}", "i'd like to {}", "can you help me {}", "help me {}", "please {}", "{}",
    "is it possible to {}", "what is the best way to {}", "can i {}", "could you {}",
    "can you {}", "why can't i {}", "i can't {}", "what do i need to {}", "where can i {}",
    "when should i {}", "do i have to {}", "i am trying to {}", "i was not able to {}",
    "how long does it take to {}", "how much does it cost to {}", "what happens if i {}",
    "show me how to {}", "tell me how to {}", "should i {}", "remind me to {}", "let's {}",
)  # fmt: skip
THINGS = (
    "where is my {}", "my {} is not working", "i lost my {}", "what is wrong with my {}",
    "i have a question about my {}", "how do i change my {}", "how do i get a new {}",
    "there is a problem with my {}", "what happened to my {}", "show me my {}", "check my {}",
    "i want to cancel my {}", "can you explain my {}", "when will my {} be ready", "my {}",
    "somebody took my {}", "is my {} safe", "tell me about my {}", "do i need a {}",
    "what is a {}", "how many kinds of {} are there", "find me a good {}", "i need a {}",
)  # fmt: skip
NAMES = (
    "what is {}", "tell me about {}", "who was {}", "define {}", "where is {}", "explain {}",
    "what do you know about {}", "i want to read about {}", "why is {} important", "{}",
    "what does {} mean", "when did {} begin", "how does {} work", "what is the history of {}",
)  # fmt: skip

_MODAL = re.compile(r"\b(?:can|could|will|must|cannot|should|don't|would|may) ([a-z]{2,12})\b")
_AIM = re.compile(
    r"\bto ([a-z]{2,12}(?: [a-z'-]+){1,8}?)"
    r"(?=[.,;:)?!]| (?:and|or|but|if|when|because|so|which|that|by|for|in|on|with|from)\b)"
)
_OWN = re.compile(r"\byour ((?:[a-z]{3,} )?[a-z]{3,})\b")
_THE = re.compile(r"\bthe ([a-z]{2,12})\b")
_SUBJECT = re.compile(
    r"^((?:The )?[A-Z][\w'-]+(?: (?:of |the )*[A-Z][\w'-]+){0,4}),? (?:\([^)]*\) )?"
    r"(?:is|was|are|were) "
)
_SMALL_WORDS = (
    "a an the our his her their your my its any it he she they you we i as no not be have also all "
    "this that those these some such more most many only just even never ever always often then "
    "so if how what who now well me us him them one both each every according and or of for"
)
_SMALL = frozenset(_SMALL_WORDS.split())
_OPENING_WORDS = (
    "If Once When There This That These Those It He She They We You I And But So As In On At My "
    "His Her Our Their Its Here What Who Where Why How Now Then Most Many Some All No One"
)
_OPENING = frozenset(_OPENING_WORDS.split())
_ME = {"your": "my", "you": "me", "yourself": "myself", "yours": "mine"}


def lines_of(texts: Iterable[str]) -> list[str]:
    """Give texts of the right length, tidied, each once, in their order."""
    found: dict[str, None] = {}
    for text in texts:
        words = html.unescape(re.sub(r"<[^<>]{0,200}>", " ", text)).split()
        if SHORTEST <= len(words) <= LONGEST:
            found[" ".join(words)] = None
    return list(found)


def expand(template: str, rules: dict[str, str], draw: random.Random) -> str:
    """Fill a template of a voice assistant by chance: `[it may be]`, `(this|that)`, `{slot}`.

    Examples
    --------
    >>> expand("(turn|switch) <what>", {"what": "[the] {device_name}"}, random.Random(0))
    'switch device name'
    """
    for _ in range(12):
        template = re.sub(r"<([a-z_]+)>", lambda m: rules.get(m[1], m[1]), template)
        if "<" not in template:
            break
    innermost = re.compile(r"\[([^\[\]()]*)\]|\(([^\[\]()]*)\)")
    while found := innermost.search(template):
        choices = (found[1] or found[2] or "").split("|")
        chosen = draw.choice(choices)
        if found[1] is not None and draw.random() < 0.5:
            chosen = ""
        template = template[: found.start()] + chosen + template[found.end() :]
    words = re.sub(r"\{\s*([a-z_]+)[^}]*\}", lambda m: m[1].replace("_", " "), template)
    return " ".join(words.replace(";", " ").split())


def assistants(folders: Sequence[Path], draw: random.Random) -> Iterator[str]:
    """Give what is said to voice assistants and by them."""
    for folder in folders:
        for path in sorted(folder.glob("**/en-us/**/*.*")):
            if path.suffix in (".intent", ".dialog") and not path.name.startswith("day_"):
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                    yield from (expand(line, {}, draw) for _ in range(4 if "|" in line else 1))
        for path in sorted(folder.glob("home_assistant_intents/data/en.json")):
            held = json.loads(path.read_text(encoding="utf-8"))
            for intent in held["intents"].values():
                for part in intent["data"]:
                    for line in part["sentences"]:
                        yield from (expand(line, held["expansion_rules"], draw) for _ in range(12))


def days(folders: Sequence[Path], draw: random.Random) -> Iterator[str]:
    """Give what happened on the days of the year, and who was born and died then."""
    people = []
    for folder in folders:
        for path in sorted(folder.glob("**/en-us/day_*.dialog")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                text = re.sub(r"^\d+( BCE?| AD)? - ", "", line)
                if path.stem.endswith("events"):
                    yield text
                else:
                    text = re.sub(r"^(Birthday|Death) of | \([bd]\. [^)]*\)", "", text)
                    people.append(text)
    yield from sorted(draw.sample(sorted(set(people)), min(PEOPLE, len(set(people)))))


def chats(folders: Sequence[Path], draw: random.Random) -> Iterator[str]:
    """Give what is said to chat bots, what they answer, and single facts."""
    rude = re.compile(r"sex|german|reduc|yomama|pickup")
    for folder in folders:
        for path in sorted(folder.glob("**/*.aiml")):
            if rude.search(path.name) or path.parent.name not in ("alice", "standard", "mitsuku"):
                continue
            for rule in re.findall(
                r"(?s)<pattern>(.*?)</pattern>.*?<template>(.*?)</template>",
                path.read_text(encoding="utf-8", errors="replace"),
            ):
                if "<" not in rule[0] and "*" not in rule[0] and "_" not in rule[0]:
                    yield rule[0].lower()
                if not re.search(r"<(srai|sr|get|bot|star|condition|input|that|person)\b", rule[1]):
                    yield from re.findall(r"(?s)<li>(.*?)</li>", rule[1]) or [rule[1]]
        for path in sorted(folder.glob("**/data/english/*.yml")):
            text = path.read_text(encoding="utf-8", errors="replace")
            yield from (line.strip("\"' ") for line in re.split(r"(?m)^(?:- |  )- ", text)[1:])
        for path in sorted(folder.glob("**/safe.txt")):
            yield from path.read_text(encoding="utf-8", errors="replace").splitlines()


def questions(passages: Sequence[str], count: int, draw: random.Random) -> list[str]:
    """Make requests and questions of the aims, belongings and subjects that passages speak of.

    Examples
    --------
    >>> texts = ["You can change it, or ask someone to change your old tyre."] * 5
    >>> questions(texts, 2, random.Random(0))
    ['How much does it cost to change my old tyre?']
    """
    verbs: Counter[str] = Counter()
    nouns: Counter[str] = Counter()
    for text in passages:
        verbs.update(_MODAL.findall(text))
        nouns.update(_THE.findall(text))
    aims, own, names = Counter(), Counter(), Counter()  # type: ignore[var-annotated]
    known = {v for v, times in verbs.items() if times >= 5 + nouns[v] and v not in _SMALL}
    for text in passages:
        aims.update(aim for aim in _AIM.findall(text) if aim.split()[0] in known)
        own.update(_OWN.findall(text))
        names.update(name for name in _SUBJECT.findall(text) if name.split()[0] not in _OPENING)
    things = [thing for thing, times in own.items() if times > 1 and not _SMALL & {*thing.split()}]
    found: dict[str, None] = {}
    for frames, held, share in ((WAYS, aims, 0.6), (THINGS, things, 0.15), (NAMES, names, 0.25)):
        phrases = sorted(held)
        for _ in range(int(count * share) if phrases else 0):
            phrase = " ".join(_ME.get(word, word) for word in draw.choice(phrases).split())
            text = draw.choice(frames).format(phrase)
            if draw.random() < 0.4:
                text = text[0].upper() + text[1:]
                text = re.sub(r"\bi\b", "I", text) + ("?" if text[:2] in _ASKING else ".")
            found[text] = None
    return list(found)


_ASKING = {"Ho", "Is", "Wh", "Ca", "Co", "Do", "Sh"}
