"""Generated stories in which a name stands in one paragraph and only pronouns in the next three.

A story has several scenes; each is about another person. The first paragraph of a scene names the
person and tells an event; the next three tell an event each and say only "he" or "she". Events
recur with other people, in other stories and in the same one, so that neither the event alone nor
the name alone finds a paragraph. The parts for training, for choosing settings and for the test
share no name, event, thing or aside.
"""

from dataclasses import dataclass

import numpy as np

from isogloss._core.errors import ParameterError, nearest
from isogloss.ledger.story_words import PARTS, Event, Words, words_of
from isogloss.situate.base import Chunked

__all__ = ["Asked", "Stories", "make_stories"]

SCENES = 4
PRONOUN_PARAGRAPHS = 3
POOL = 7  # events a story draws from, fewer than its paragraphs: some recur in it


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and the paragraph that answers it.

    Parameters
    ----------
    query : str
    document, chunk : int
    needs_context : bool
        Whether the paragraph leaves the name to an earlier one.
    """

    query: str
    document: int
    chunk: int
    needs_context: bool


@dataclass(frozen=True, slots=True)
class Stories:
    """Stories cut in paragraphs, and queries for them."""

    documents: list[Chunked]
    asked: list[Asked]


def make_stories(part: str, count: int, *, seed: int = 0) -> Stories:
    """Generate stories.

    Parameters
    ----------
    part : {"train", "dev", "test"}
        Whose names, events and asides are used; the parts share none.
    count : int
        Stories.
    seed : int
        Of all draws.

    Returns
    -------
    Stories
        A query for every paragraph. No two people of a part have the same name.

    Raises
    ------
    ParameterError
        For an unknown part, or more stories than there are names for.

    Examples
    --------
    >>> stories = make_stories("test", 2)
    >>> len(stories.documents[0].chunks), sum(one.needs_context for one in stories.asked)
    (16, 24)
    """
    if part not in PARTS:
        raise ParameterError(f"part is {part!r}; {nearest(part, PARTS)}")
    words = words_of(part)
    rng = np.random.default_rng([seed, PARTS.index(part)])
    names = [(first, family, woman) for woman, firsts in ((True, words.women), (False, words.men))
             for first in firsts for family in words.families]  # fmt: skip
    if count < 1 or count * SCENES > len(names):
        raise ParameterError(f"count is {count}: give 1 to {len(names) // SCENES} for {part!r}")
    people = [names[place] for place in rng.permutation(len(names))[: count * SCENES]]
    documents, asked = [], []
    for number in range(count):
        chunks: list[str] = []
        pool = [words.events[i] for i in rng.permutation(len(words.events))[:POOL]]
        for first, family, woman in people[number * SCENES : (number + 1) * SCENES]:
            order = rng.permutation(len(pool))[: PRONOUN_PARAGRAPHS + 1]
            for place, which in enumerate(order.tolist()):
                name = f"{first} {family}"
                text, query = _paragraph(words, pool[which], name, woman, place == 0, rng)
                asked.append(Asked(query, number, len(chunks), place > 0))
                chunks.append(text)
        title = words.titles[int(rng.integers(len(words.titles)))]
        documents.append(Chunked(tuple(chunks), title))
    return Stories(documents, asked)


def _paragraph(
    words: Words, event: Event, name: str, woman: bool, opening: bool, rng: np.random.Generator
) -> tuple[str, str]:
    """Give a paragraph and the query for it."""
    told, wanted, thing = (int(draw) for draw in rng.integers(2, size=3))
    subject, possessive, objective = ("she", "her", "her") if woman else ("he", "his", "him")
    slots = {
        "S": subject.capitalize(), "s": subject, "p": possessive, "o": objective, "n": name,
        "p_": possessive.capitalize(), "t": event.things[thing],
    }  # fmt: skip
    sentences = [_sentence(event.told[told], slots)]
    for place in rng.permutation(len(words.asides))[: int(rng.integers(1, 3))].tolist():
        sentences.append(_sentence(words.asides[place], slots))
    if rng.random() < 0.4:  # the event does not always come first
        sentences.append(sentences.pop(0))
    if opening:
        trade = words.trades[int(rng.integers(len(words.trades)))]
        town = words.towns[int(rng.integers(len(words.towns)))]
        article = "an" if trade[0] in "aeiou" else "a"
        sentences.insert(0, f"{name} was {article} {trade} in {town}.")
    return " ".join(sentences), event.asked[wanted].format(**slots)


def _sentence(text: str, slots: dict[str, str]) -> str:
    filled = text.format(**slots).strip()
    return filled[0].upper() + filled[1:] + ("" if filled[-1] in ".?!" else ".")
