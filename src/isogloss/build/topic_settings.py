"""The settings of a build that decide its topics: checked, and completed by what the atlas has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.topics.asked import AUTO, DEFAULTS, NAMES, plain_seeds

if TYPE_CHECKING:
    from isogloss.build.settings import BuildSettings


def topics_of(settings: "BuildSettings") -> dict[str, Any]:
    """Give the settings that decide the topics.

    Examples
    --------
    >>> from isogloss.build.settings import BuildSettings
    >>> topics_of(BuildSettings(n_topics=8))
    {'n_topics': 8, 'min_topic_size': None, 'seeds': None}
    """
    return {name: getattr(settings, name) for name in NAMES}


def check_topics(settings: "BuildSettings") -> None:
    """Refuse numbers out of range and seeds that are none.

    Raises
    ------
    ParameterError
        With the name of the setting and what would be right.

    Examples
    --------
    >>> from isogloss.build.settings import BuildSettings
    >>> check_topics(BuildSettings(n_topics=0))
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: n_topics is 0: give a whole number of at least 1, or \
'auto'
    """
    wanted = settings.n_topics
    if wanted is not None and not (isinstance(wanted, str) and wanted == AUTO):
        try:
            whole_number(wanted, "n_topics", 1)
        except ParameterError as error:
            raise ParameterError(f"{error}, or {AUTO!r}") from None
    if settings.min_topic_size is not None:
        whole_number(settings.min_topic_size, "min_topic_size", 1)
    if settings.seeds is None:
        return
    seeds = plain_seeds(settings.seeds)
    if wanted is not None and wanted != AUTO and int(wanted) < len(seeds):
        raise ParameterError(
            f"n_topics is {wanted}, and {len(seeds)} seeds ask for a topic each: give at least "
            f"{len(seeds)}"
        )


def with_topics(settings: "BuildSettings", held: Mapping[str, Any]) -> "BuildSettings":
    """Give settings that say all about the topics.

    Parameters
    ----------
    settings : BuildSettings
    held : mapping
        What the atlas was built with, or a build of it was begun with; empty where there is none.
        Atlases of older versions say nothing of topics: they have the defaults.

    Raises
    ------
    ParameterError
        When more topics are asked for by seeds than in all.

    Examples
    --------
    >>> from isogloss.build.settings import BuildSettings
    >>> topics_of(with_topics(BuildSettings(n_topics=8), {"n_topics": 5, "min_topic_size": 20}))
    {'n_topics': 8, 'min_topic_size': 20, 'seeds': {}}
    """
    asked = topics_of(settings)
    whole = {
        name: held.get(name, default) if asked[name] is None else asked[name]
        for name, default in DEFAULTS.items()
    }
    if whole["n_topics"] != AUTO:
        whole["n_topics"] = int(whole["n_topics"])
    whole["min_topic_size"] = int(whole["min_topic_size"])
    whole["seeds"] = plain_seeds(whole["seeds"])
    found = replace(settings, **whole)
    check_topics(found)
    return found


def check_count(settings: "BuildSettings", passages: int) -> None:
    """Refuse more topics than there are passages to find them among.

    Raises
    ------
    ParameterError
        With the number of passages.

    Examples
    --------
    >>> from isogloss.build.settings import BuildSettings
    >>> check_count(BuildSettings(n_topics=8), 5)
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: n_topics is 8, and there are 5 passages: give 5 at most
    """
    wanted, most = settings.n_topics, min(passages, settings.sample_rows)
    if not isinstance(wanted, int) or wanted <= most:
        return
    there = f"there {'is' if passages == 1 else 'are'} {plural(passages, 'passage')}"
    if most < passages:
        there = f"topics are found among {most:,} of the {passages:,} passages"
    raise ParameterError(f"n_topics is {wanted:,}, and {there}: give {most:,} at most")
