"""What an atlas is asked for of its topics: how many, how large, and which by name."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError

# Parameters of an atlas that decide its topics and nothing else of it.
NAMES = ("n_topics", "min_topic_size", "seeds")
# As many topics as the passages suggest.
AUTO = "auto"
DEFAULTS: dict[str, Any] = {"n_topics": AUTO, "min_topic_size": 10, "seeds": {}}


def plain_seeds(seeds: Any) -> dict[str, list[str]]:
    """Give seeds in one form, by words as a vocabulary writes them; several in a row part.

    Parameters
    ----------
    seeds : mapping of str to sequence of str
        Names, and words. (A build numbers its passages itself: seeds that name passages are for
        `TopicModel`.)

    Raises
    ------
    ParameterError
        For what is no such mapping, a name that no topic can have or that two seeds share, and
        what holds no word.

    Examples
    --------
    >>> plain_seeds({"space": ["NASA", "space shuttle", "nasa"], "ice": ("puck",)})
    {'ice': ['puck'], 'space': ['nasa', 'shuttle', 'space']}
    """
    if not isinstance(seeds, Mapping):
        found_kind = "nothing (null)" if seeds is None else _short(seeds)
        raise ParameterError(f"seeds are {found_kind}: give names with lists of words")
    if not seeds:
        return {}
    from isogloss.text.tokens import tokenize
    from isogloss.topics.guide import named_seeds

    found: dict[str, list[str]] = {}
    for name, given in named_seeds(seeds, of="words").items():
        items: list[Any] = [given] if isinstance(given, Mapping) else list(given)
        words = [str(item) for item in items if isinstance(item, str)]
        if len(words) < len(items):
            other = next(item for item in items if not isinstance(item, str))
            raise ParameterError(f"seed {name!r} has {_short(other)}: give a list of words")
        said = tokenize(words)
        if not all(said):
            raise ParameterError(
                f"seed {name!r} has {words[said.index([])]!a}, which holds no word: leave it out"
            )
        found[name] = sorted({word for part in said for word in part})
    return dict(sorted(found.items()))


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


def model_options(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters of the `TopicModel` of an atlas, or of a build.

    Parameters
    ----------
    parameters : mapping
        Of the manifest, or `BuildSettings.identity`.

    Examples
    --------
    >>> model_options({"n_topics": 8, "seeds": {"ice": ["puck"]}})
    {'n_topics': 8, 'min_topic_size': 10, 'seeds': {'ice': ['puck']}}
    """
    told = {name: parameters.get(name) or default for name, default in DEFAULTS.items()}
    return {
        "n_topics": None if told["n_topics"] == AUTO else told["n_topics"],
        "min_topic_size": told["min_topic_size"],
        "seeds": told["seeds"] or None,
    }


def read_topic_seeds(path: str | Path) -> dict[str, Any]:
    """Read seeds from a file: one JSON object (or TOML, by its name) of names and lists of words.

    Raises
    ------
    ParameterError
        When the file cannot be read, or holds something else.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "seeds.json"
    >>> _ = path.write_text('{"space": ["rocket", "orbit"]}')
    >>> read_topic_seeds(path)
    {'space': ['rocket', 'orbit']}
    """
    toml = str(path).endswith(".toml")
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        if toml:
            found: Any = tomllib.loads(text)
        else:
            found = json.loads(text, object_pairs_hook=_distinct)
    except OSError as error:
        raise ParameterError(f"cannot read the seeds in {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path} holds no seeds: it is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:  # no JSON or TOML
        reason = " ".join(str(error).split())[:120]
        form = 'name = ["word", "word"]' if toml else '{"name": ["word", "word"]} in JSON'
        raise ParameterError(f"{path} holds no seeds ({reason}): give {form}") from error
    try:
        plain_seeds(found)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error
    return dict(found)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands in it twice")
    return found
