"""The record of an edit, as it is being made: what leads from new topics back to the old ones."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.events import Event, OnEvent
from isogloss._core.files import atomic_path, storage_errors
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.build.edit_rows import RowWriter, changed_arrays, path_lengths
from isogloss.build.stamp import utc_now
from isogloss.store import edits, state, table
from isogloss.store.manifest import Manifest

if TYPE_CHECKING:
    from isogloss.topics.tree import TopicTree


def write_passages(
    folder: Path, version: int, schema: pa.Schema,
    batches: Callable[[RowWriter], Iterator[pa.RecordBatch]], kept: Path,
    number: NDArray[np.int32], wanted: "TopicTree", on_event: OnEvent,
) -> Any:  # fmt: skip
    """Write the table of an edit, and beside it the rows that lead back; see `RowWriter`."""
    from isogloss.search.text_index import create_text_index

    name = f"passages-{version:04d}"
    with (
        storage_errors("what undoes the edit"),
        atomic_path(kept) as path,
        RowWriter(path, number, path_lengths(wanted.depth)) as writer,
    ):
        made = table.create_table(folder, name, schema, batches(writer))
    on_event(Event("index", message="full text"))
    create_text_index(made)
    return made


def model_record(
    draft: Path, arrays: dict[str, NDArray[Any]], before: Path, tree: "TopicTree", old: Manifest,
    number: NDArray[np.int32],
) -> dict[str, Any]:  # fmt: skip
    """Keep what leads back from an edited model and tree to those before.

    Parameters
    ----------
    draft : Path
        Of the record.
    arrays : dict of str to array
        The edited model.
    before : Path
        The folder with the model before.
    tree : TopicTree
        The tree before.
    old : Manifest
        Of the atlas before.
    number : int32 (t,)
        The old topic that stands for each new one.

    Returns
    -------
    dict
        For `record.json`.
    """
    wanted = load_tensors(before / "model.safetensors")
    with storage_errors("what undoes the edit"):
        with atomic_path(draft / "model.safetensors") as path:
            save_tensors(path, changed_arrays(arrays, wanted))
        state.write_tree(draft, tree)
    return {
        "form": "topics",
        "free": old.free_number,
        "fingerprint": old.encoder["fingerprint"],
        "number": number.tolist(),
        "arrays": sorted(wanted),
        "about": json.loads((before / "model.json").read_text(encoding="utf-8")),
    }


def names_record(
    before: Sequence[str], after: Sequence[str], pins: Sequence[str] = (),
    pinned: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Keep the labels of topics, and the names that the model holds, that others replace.

    Parameters
    ----------
    before, after : sequence of str
        Labels of the tree, one a topic.
    pins, pinned : sequence of str
        Names in the model before and after.

    Returns
    -------
    dict
        For `record.json`.
    """
    return {
        "form": "names",
        "labels": unlike_names(before, after),
        "pins": unlike_names(pins, pinned),
    }


def unlike_names(wanted: Sequence[str], now: Sequence[str]) -> dict[str, str]:
    """Give the wanted names, by topic, where others are there.

    Examples
    --------
    >>> unlike_names(["a", "b"], ["a", "c"])
    {'1': 'b'}
    """
    pairs = zip(wanted, now, strict=True)
    return {str(topic): name for topic, (name, other) in enumerate(pairs) if name != other}


def model_named(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Give what `model.json` in a folder says, with other names that people gave (or "")."""
    about: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return {**about, "names": list(names) if any(names) else []}


def recorded(folder: Path, old: Manifest, kind: str, what: str, record: dict[str, Any]) -> Any:
    """Publish the record of an edit, and give the list of edits with it, for the manifest."""
    history = edits.History.from_json(old.edits, folder)
    name, size = edits.publish_record(folder, old.version + 1, record)
    edit = edits.Edit(kind, what, utc_now(), record=name, bytes=size)
    return history.with_edit(edit).to_json()


def quoted(tree: "TopicTree", topic: int) -> str:
    """Name a topic in a line for people.

    Examples
    --------
    >>> from isogloss.topics.tree import TopicTree
    >>> quoted(TopicTree(parent=[-1], size=[1], persistence=[1.0], labels=["cars"]), 0)
    '"cars"'
    """
    return quoted_name(tree.labels[topic])


def quoted_name(name: str) -> str:
    """Quote a name in a line for people; what cannot be printed is left out, 60 letters at most."""
    plain = "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
    return f'"{plain if len(plain) <= 60 else plain[:59] + "…"}"'
