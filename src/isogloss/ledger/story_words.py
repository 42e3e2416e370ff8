"""Names, events and asides for generated stories (`stories.json`); no two parts share any.

An event is written as it is told (two ways), as it is asked for (two ways, in other words), and
with two things it may happen to. ``{S}`` and ``{s}`` stand for the subject, ``{p}`` for "his" or
"her", ``{o}`` for "him" or "her", ``{n}`` for the full name, ``{t}`` for the thing.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["PARTS", "Event", "Words", "words_of"]

PARTS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that somebody did.

    Parameters
    ----------
    told, asked : (str, str)
    things : (str, str)
    """

    told: tuple[str, str]
    asked: tuple[str, str]
    things: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """What the stories of one part are made of."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    trades: tuple[str, ...]
    towns: tuple[str, ...]
    titles: tuple[str, ...]
    asides: tuple[str, ...]
    events: tuple[Event, ...]


@cache
def words_of(part: str) -> Words:
    """Read the words of a part.

    Examples
    --------
    >>> words_of("test").events[0].things
    ('a red scarf', 'a lantern')
    """
    told = json.loads((Path(__file__).parent / "stories.json").read_text(encoding="utf-8"))[part]
    events = tuple(
        Event(*((pair[0], pair[1]) for pair in (one["told"], one["asked"], one["things"])))
        for one in told["events"]
    )
    names = {key: tuple(told[key].split()) for key in ("women", "men", "families")}
    lists = {key: tuple(told[key]) for key in ("trades", "towns", "titles", "asides")}
    return Words(**names, **lists, events=events)
