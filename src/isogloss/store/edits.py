"""`edits/N/`: what it takes to undo an edit of the topics, and the list of edits in the manifest.

The manifest is the commit point here too: it names the records that count, in order. A record is
written before the manifest and never changed; what no manifest names is rubbish.
"""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isogloss._core.errors import AtlasError
from isogloss._core.files import storage_errors, sync_folder, write_json

FOLDER = "edits"
FORMAT = 1
# Edits that can be undone; older ones stay as they are for good.
MOST = 20
_RECORD = "record.json"
DRAFT = ".edit.tmp"
# Kinds whose records hold topics of passages and parts of the model.
OF_PASSAGES = ("merge", "split")


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of the topics of an atlas.

    Parameters
    ----------
    kind : {"merge", "split", "rename", "label"}
    what : str
        One line for people, as ``merge "cars" and "bikes"``.
    when : str
        Time of the edit in UTC, ISO 8601.
    undone : bool
        Whether it was undone, so that it can be redone.
    record : str
        Name of the folder in ``edits/`` that undoes (or redoes) it.
    bytes : int
        Size of that folder's files.

    Examples
    --------
    >>> Edit("rename", 'rename "cars" to "vehicles"', "2026-01-02T03:04:05+00:00").undone
    False
    """

    kind: str
    what: str
    when: str
    undone: bool = False
    record: str = ""
    bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give kind, what, when and undone, as the command line prints them."""
        return {"kind": self.kind, "what": self.what, "when": self.when, "undone": self.undone}


@dataclass(frozen=True, slots=True)
class History:
    """The edits of an atlas that can be undone or redone.

    Parameters
    ----------
    done : tuple of Edit
        In order; the last is the one to undo next.
    undone : tuple of Edit
        The first is the one to redo next.

    Examples
    --------
    >>> history = History().with_edit(Edit("rename", "a", "")).with_edit(Edit("merge", "b", ""))
    >>> back = history.undo("0003", 10)
    >>> [edit.what for edit in back.done], [edit.what for edit in back.undone]
    (['a'], ['b'])
    >>> back.redo("0004", 10).done[-1].record
    '0004'
    """

    done: tuple[Edit, ...] = ()
    undone: tuple[Edit, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any], path: Path) -> "History":
        """Read what the manifest holds; an empty dictionary is no edits.

        Raises
        ------
        AtlasError
            When the list is damaged, or of a newer format than this version knows.
        """
        if not value:
            return cls()
        try:
            if int(value["format"]) > FORMAT:
                raise AtlasError(
                    f"the edits of {path} have format {value['format']}; this isogloss reads up "
                    f"to {FORMAT}: upgrade isogloss"
                )
            done = tuple(_edit(entry, undone=False) for entry in value["done"])
            undone = tuple(_edit(entry, undone=True) for entry in value["undone"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AtlasError(f"the list of edits in {path} is damaged") from error
        return cls(done, undone)

    def to_json(self) -> dict[str, Any]:
        """Give what the manifest holds."""

        def entry(edit: Edit) -> dict[str, Any]:
            return {
                "kind": edit.kind, "what": edit.what, "when": edit.when,
                "record": edit.record, "bytes": edit.bytes,
            }  # fmt: skip

        if not self.done and not self.undone:
            return {}
        return {
            "format": FORMAT,
            "done": [entry(edit) for edit in self.done],
            "undone": [entry(edit) for edit in self.undone],
        }

    @property
    def edits(self) -> list[Edit]:
        """All of them in order, those done first."""
        return [*self.done, *self.undone]

    def with_edit(self, edit: Edit) -> "History":
        """Add an edit: what was undone before cannot be redone any more."""
        return History((*self.done, edit)[-MOST:])

    def undo(self, record: str, size: int) -> "History":
        """Move the last edit to those undone; `record` is what redoes it."""
        edit = replace(self.done[-1], undone=True, record=record, bytes=size)
        return History(self.done[:-1], (edit, *self.undone))

    def redo(self, record: str, size: int) -> "History":
        """Move the next undone edit back; `record` is what undoes it."""
        edit = replace(self.undone[0], undone=False, record=record, bytes=size)
        return History((*self.done, edit), self.undone[1:])

    def of_names(self) -> "History":
        """Keep what can be undone or redone without passages: names after the last other edit."""
        past = [n for n, edit in enumerate(self.done) if edit.kind in OF_PASSAGES]
        later = [n for n, edit in enumerate(self.undone) if edit.kind in OF_PASSAGES]
        return History(self.done[past[-1] + 1 if past else 0 :],
                       self.undone[: later[0] if later else None])  # fmt: skip


def _edit(entry: Any, *, undone: bool) -> Edit:
    name = str(entry["record"])
    if not name.isdecimal():
        raise ValueError(name)
    return Edit(
        str(entry["kind"]), str(entry["what"]), str(entry["when"]), undone=undone,
        record=name, bytes=int(entry["bytes"]),
    )  # fmt: skip


def draft_record(atlas: Path) -> Path:
    """Make an empty folder for a record to be."""
    draft = atlas / DRAFT
    with storage_errors("what undoes the edit"):
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir()
    return draft


def publish_record(atlas: Path, version: int, about: dict[str, Any]) -> tuple[str, int]:
    """Move the draft to its place in one rename; give its name and size.

    Parameters
    ----------
    atlas : Path
        Folder of the atlas, with a draft in it.
    version : int
        Of the atlas that the edit makes; no manifest names a record of that number yet.
    about : dict
        For `record.json`.
    """
    draft, name = atlas / DRAFT, f"{version:04d}"
    target = atlas / FOLDER / name
    with storage_errors("what undoes the edit"):
        write_json(draft / _RECORD, {"format": FORMAT, **about})
        size = sum(path.stat().st_size for path in draft.iterdir())
        target.parent.mkdir(exist_ok=True)
        if target.exists():  # of an edit that was killed
            shutil.rmtree(target)
        draft.replace(target)
        sync_folder(target.parent)
        sync_folder(atlas)
    return name, size


def read_record(atlas: Path, edit: Edit) -> tuple[Path, dict[str, Any]]:
    """Find the record of an edit; give its folder and what `record.json` says.

    Raises
    ------
    AtlasError
        When it is missing, damaged or of a newer format.
    """
    folder = atlas / FOLDER / edit.record
    path = folder / _RECORD
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        found = int(about["format"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AtlasError(f"{path} is missing: {edit.what} cannot be taken back") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AtlasError(f"{path} is damaged: {edit.what} cannot be taken back") from error
    if found > FORMAT:
        raise AtlasError(f"{path} has format {found}; this isogloss reads up to {FORMAT}")
    return folder, about


def drop_records(atlas: Path, value: dict[str, Any]) -> None:
    """Remove records that the manifest's list of edits does not name."""
    folder = atlas / FOLDER
    if not folder.is_dir() or (value and int(value.get("format", 0)) > FORMAT):
        return
    kept = {edit.record for edit in History.from_json(value, atlas).edits}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path)
    if not kept:
        folder.rmdir()
