"""What a build is begun with, and what one that goes on, or adds to an atlas, has to agree with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.events import Event, OnEvent
from isogloss.store.manifest import Manifest
from isogloss.store.workspace import Workspace
from isogloss.topics.asked import NAMES

# What two builds of one atlas must agree on. Where only the topics are to be others, they are
# found anew (`build.refit`); an unfinished build goes on and finds those that are asked for last.
IDENTITY = ("encoder", "passages", "seed", "memory_mb", "text", "id", "fingerprint")


def in_use(folder: Path, manifest: Manifest | None) -> dict[str, Any]:
    """Give what a build that is told no encoder and no topics takes them from.

    Parameters
    ----------
    folder : Path
        Of the atlas.
    manifest : Manifest or None
        Of the finished atlas that is built upon.

    Returns
    -------
    dict
        Its parameters, else those of the unfinished build; empty where there is neither.

    Examples
    --------
    >>> in_use(Path("nowhere.atlas"), None)
    {}
    """
    if manifest is not None:
        return manifest.parameters
    plan = Workspace(folder).read_plan() or {}
    return plan if plan.get("base") == 0 else {}


def require_same(
    folder: Path, old: Mapping[str, Any], new: Mapping[str, Any], *, finished: bool
) -> None:
    """Refuse to go on with, or to add to, what was built otherwise.

    Raises
    ------
    AtlasError
        Naming the first setting that differs.

    Examples
    --------
    >>> require_same(Path("a.atlas"), {"seed": 0}, {"seed": 1}, finished=True)
    Traceback (most recent call last):
    ...
    isogloss._core.errors.AtlasError: a.atlas was built with seed 0, not 1: use the same again, or \
--fresh to build anew
    """
    for name in IDENTITY:
        if name in new and name in old and old[name] != new[name]:
            what = "was built" if finished else "has an unfinished build"
            if name == "id" and old[name] is None:
                raise AtlasError(
                    f"{folder} {what} without an id column, and this source has {new[name]!r}: "
                    "give a source without that column, or --fresh to build anew with it"
                )
            if name == "id" and new[name] is None:
                raise AtlasError(
                    f"{folder} {what} with the id column {old[name]!r}, and this source has none: "
                    "name it with --id, or give --fresh to build anew without ids"
                )
            raise AtlasError(
                f"{folder} {what} with {name} {old[name]!r}, not {new[name]!r}: "
                "use the same again, or --fresh to build anew"
            )


def enter_workspace(
    workspace: Workspace, identity: Mapping[str, Any], *, base: int, fresh: bool, on_event: OnEvent
) -> None:
    """Note what a build is begun with; what an unfinished one left stays where it is of use.

    Parameters
    ----------
    workspace : Workspace
    identity : mapping
        Settings, columns and encoder.
    base : int
        Version of the atlas that is added to; 0 for a build from nothing.
    fresh : bool
        Give up an unfinished build of other settings.
    on_event : callable
        Is told where a build goes on.

    Raises
    ------
    AtlasError
        When there is an unfinished build of other settings.
    """
    plan = {**identity, "base": base, "fresh": fresh}
    found = workspace.read_plan()
    if found is not None:
        same = all(found.get(name) == plan.get(name) for name in (*IDENTITY, "base", "refit"))
        if not same and not fresh and found.get("base") == base:
            require_same(workspace.atlas, found, plan, finished=False)
        if not same:
            workspace.clear()
        else:
            on_event(Event("read", message="going on with the unfinished build", level="info"))
    elif workspace.folder.exists():
        workspace.clear()
    workspace.begin(plan)


@contextmanager
def no_such_topics(workspace: Workspace, before: dict[str, Any]) -> Iterator[None]:
    """Where topics cannot be had, keep what was encoded, and do not ask for them again.

    Parameters
    ----------
    workspace : Workspace
    before : dict
        The plan that stood there before this run; empty for none.
    """
    try:
        yield
    except ParameterError:
        if any(workspace.folder.glob("vectors-*")):
            plan = workspace.read_plan() or {}
            same = before.get("base") == plan.get("base")
            asked = {name: before[name] for name in NAMES if same and name in before}
            workspace.begin({name: plan[name] for name in plan if name not in NAMES} | asked)
        else:
            workspace.clear()
        raise
