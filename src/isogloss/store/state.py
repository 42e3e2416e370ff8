"""`state-N/`: encoder, vocabulary, topic model and topic tree of one version of an atlas."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss._core.errors import AtlasError, IsoglossError
from isogloss._core.files import storage_errors, write_json
from isogloss.store.readers import remove_unheld
from isogloss.store.sizes import MEND

if TYPE_CHECKING:
    from isogloss.topics.tree import TopicTree


def state_name(version: int) -> str:
    """Name the state folder of a version.

    Examples
    --------
    >>> state_name(3)
    'state-0003'
    """
    return f"state-{version:04d}"


def publish_state(draft: Path, target: Path) -> None:
    """Move a finished draft to its place in one rename; leftovers there are replaced.

    Raises
    ------
    StorageError
        When the disk refuses.
    """
    with storage_errors("the topics of the atlas"):
        if target.exists():
            shutil.rmtree(target)
        draft.replace(target)


def drop_old_states(atlas: Path, keep: set[str]) -> None:
    """Remove the state folders that nobody needs any more; those that readers have open stay."""
    for folder in sorted(atlas.glob("state-*")):
        if folder.is_dir() and folder.name not in keep:
            remove_unheld(folder)


def copy_state(old: Path, draft: Path, *, without: tuple[str, ...]) -> None:
    """Begin a draft with the files of an older state, which never change: linked, not copied.

    Parameters
    ----------
    old : Path
        A state folder.
    draft : Path
        The folder to make; one that is there is replaced.
    without : tuple of str
        Files that the draft will have of its own. Links must never be written to.
    """
    if draft.exists():
        shutil.rmtree(draft)
    shutil.copytree(old, draft, ignore=shutil.ignore_patterns(*without), copy_function=_link)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)
    return target


def write_tree(folder: Path, tree: "TopicTree") -> None:
    """Write the topic tree into a state folder."""
    write_json(folder / "tree.json", {"format_version": 1, "topics": tree.to_json()})


def read_tree(folder: Path) -> "TopicTree":
    """Read the topic tree of a state folder.

    Raises
    ------
    AtlasError
        When it is missing or damaged.
    """
    from isogloss.topics.tree import TopicTree

    path = folder / "tree.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return TopicTree.from_json(value["topics"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AtlasError(f"{path} is missing: the atlas is not whole; {MEND}") from error
    except (ValueError, KeyError, TypeError, IsoglossError) as error:
        reason = " ".join(str(error).split())[:120]
        raise AtlasError(f"{path} is damaged: {reason}; {MEND}") from error
