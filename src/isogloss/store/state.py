"""`state-N/`: encoder, vocabulary, topic model and topic tree of one version of an atlas."""

import shutil
from pathlib import Path

from isogloss._core.files import storage_errors


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
    """Remove the state folders that nobody needs any more."""
    for folder in sorted(atlas.glob("state-*")):
        if folder.is_dir() and folder.name not in keep:
            shutil.rmtree(folder)
