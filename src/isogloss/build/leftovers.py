"""What no reader needs any more once a new version of an atlas is in place."""

import shutil
from pathlib import Path

from isogloss.store import edits, readers, state, table
from isogloss.store.manifest import Manifest
from isogloss.store.workspace import Workspace


def clean_up(folder: Path, new: Manifest, old: Manifest | None) -> None:
    """Drop what no reader has open, but for the newest version and the one before."""
    edits.drop_records(folder, new.edits)
    for version in (new, *([old] if old else [])):
        if (folder / version.state).is_dir():
            readers.note_table(folder / version.state, version.table)
    state.drop_old_states(folder, {new.state, *([old.state] if old else [])})
    kept = {new.table, *([old.table] if old else [])}
    for path in folder.glob(".*.tmp"):  # of writers that were killed; the lock is ours
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in folder.glob("state-*"):
        name = readers.noted_table(path)
        if name is None:  # somebody has it open, and which table they read is not known
            return
        kept.add(name)
    for path in folder.glob("passages-*.lance"):
        if path.stem not in kept:
            table.remove_table(folder, path.stem)


def end_killed(folder: Path, manifest: Manifest) -> None:
    """Remove what a build left that was killed after its manifest was in place."""
    workspace = Workspace(folder)
    plan = workspace.read_plan()
    if plan is not None and plan.get("base") != manifest.version:
        workspace.clear()
        clean_up(folder, manifest, None)
