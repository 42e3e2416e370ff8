"""Edits of an atlas' topics taken back and done again: a new version, committed like an edit.

A record leads from the topics that are there to those that are wanted (`build.edit_rows`). While it
is followed, its opposite is written, which is what redoes (or undoes again) the edit.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.tensors import load_tensors
from isogloss.build.edit import (
    BATCH,
    commit_topics,
    opened_topics,
    passage_vectors,
    with_topics,
)
from isogloss.build.edit_record import model_record, names_record, write_passages
from isogloss.build.edit_rows import (
    ROWS,
    KeptRows,
    Rows,
    RowWriter,
    foreseen,
    inverse,
    joined,
    path_lengths,
)
from isogloss.build.refill import without_passages
from isogloss.build.topics import Topics, leaf_columns
from isogloss.store import edits, state, table
from isogloss.store.manifest import Manifest
from isogloss.store.workspace import build_lock

if TYPE_CHECKING:
    from isogloss.store.edits import Edit
    from isogloss.topics.model import TopicModel
    from isogloss.topics.tree import TopicTree


def undo_atlas(folder: Path, *, expect: int | None = None, on_event: OnEvent = ignore) -> None:
    """Undo the last edit of an atlas; see `Atlas.undo`."""
    _move(folder, expect, back=True, on_event=on_event)


def redo_atlas(folder: Path, *, expect: int | None = None, on_event: OnEvent = ignore) -> None:
    """Redo the edit undone last; see `Atlas.redo`."""
    _move(folder, expect, back=False, on_event=on_event)


def _move(folder: Path, expect: int | None, *, back: bool, on_event: OnEvent) -> None:
    from isogloss.atlas import need_manifest

    # Asked before the lock is taken, which needs a folder that may be written to.
    _next_edit(folder, need_manifest(folder), back=back)
    with build_lock(folder):
        old, topics = opened_topics(folder)
        if expect is not None and old.version != expect:
            raise AtlasError(
                f"{folder} is at version {old.version} by now, opened was {expect}: open it again"
            )
        edit = _next_edit(folder, old, back=back)
        record, about = edits.read_record(folder, edit)
        edits.draft_record(folder)
        if about.get("form") == "names":
            made = _names(folder, old, topics, record, about)
        else:
            made = _topics(folder, old, topics, record, about, on_event)
        new, opposite, arrays, model, tree = made
        name, size = edits.publish_record(folder, new.version, opposite)
        history = edits.History.from_json(old.edits, folder)
        moved = history.undo(name, size) if back else history.redo(name, size)
        new.edits = moved.to_json()
        commit_topics(folder, old, new, arrays, model, tree)


def _next_edit(folder: Path, manifest: Manifest, *, back: bool) -> "Edit":
    history = edits.History.from_json(manifest.edits, folder)
    if back and history.done:
        return history.done[-1]
    if not back and history.undone:
        return history.undone[0]
    if back:
        raise AtlasError(
            f"{folder} has no edit to undo: the last {edits.MOST} merges, splits, names and "
            "labels are kept"
        )
    raise AtlasError(f"{folder} has no edit to redo: a new edit forgets those that were undone")


_Made = tuple[
    Manifest, dict[str, Any], dict[str, NDArray[Any]], dict[str, Any], "TopicTree"
]  # manifest, opposite record, model as arrays and JSON, tree


@contextmanager
def _reading(record: Path) -> Iterator[None]:
    """Say in one line that a record cannot be followed."""
    try:
        yield
    except (
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
        FileNotFoundError,
    ) as error:
        reason = " ".join(str(error).split())[:120]
        raise AtlasError(f"{record} is damaged ({reason}): this edit stays") from error


def _names(
    folder: Path, old: Manifest, topics: Topics, record: Path, about: dict[str, Any]
) -> _Made:
    """Put names back; all else is as it is, whatever came and went."""
    tree = state.read_tree(folder / old.state)
    labels, pins = list(tree.labels), list(topics.model.tree_.labels)
    with _reading(record):
        for names, kept in ((labels, about["labels"]), (pins, about["pins"])):
            for topic, name in kept.items():
                names[int(topic)] = str(name)
    opposite = names_record(tree.labels, labels, topics.model.tree_.labels, pins)
    arrays = load_tensors(topics.folder / "model.safetensors")
    model = json.loads((topics.folder / "model.json").read_text(encoding="utf-8"))
    model["names"] = pins if any(pins) else []
    new = replace(old, version=old.version + 1)
    return new, opposite, arrays, model, tree.described(labels=labels)


def _topics(
    folder: Path, old: Manifest, topics: Topics, record: Path, about: dict[str, Any],
    on_event: OnEvent,
) -> _Made:  # fmt: skip
    """Put tree, model and the topics of the passages back; new passages go by that model."""
    with _reading(record):
        if about["form"] != "topics":
            raise ValueError(f"its form is {about['form']!r}")
        if about["fingerprint"] != old.encoder["fingerprint"]:
            raise AtlasError(
                f"{folder} was embedded anew since this edit was made: it cannot be taken back"
            )
        tree, wanted = state.read_tree(folder / old.state), state.read_tree(record)
        arrays, model = _model(topics, record, about)
        number = np.array(about["number"], dtype=np.int32)
        if len(number) != len(tree) or number.max(initial=-1) >= len(wanted):
            raise ValueError("its topics are not those of the atlas")
        way = _Way(topics, arrays, model, number, int(about["free"]), wanted, record / ROWS)
    draft = folder / edits.DRAFT
    opposite_number = inverse(number, len(wanted))
    opposite = model_record(draft, arrays, topics.folder, tree, old, opposite_number)
    opened = table.open_table(folder, old.table, old.table_version)

    def batches(kept: RowWriter) -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in table.scan(opened, opened.schema.names, batch_size=BATCH):
            was = Rows.of(batch.column("topic"), batch.column("memberships"))
            rows = way.follow(batch, was)
            kept.add(batch.column("passage").to_numpy(), rows, was)
            done += batch.num_rows
            on_event(Event("assign topics", done, old.passages, "passages"))
            yield with_topics(batch, rows)

    version = old.version + 1
    made = write_passages(
        folder, version, opened.schema, batches, draft / ROWS, opposite_number, tree, on_event
    )
    new = replace(
        old, version=version, table=made.name, table_version=made.version,
        topics=len(wanted.leaves), unassigned=way.unassigned, stale_rows=0,
    )  # fmt: skip
    return new, opposite, arrays, model, way.tree(made)


def _model(
    topics: Topics, record: Path, about: dict[str, Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Join what the record keeps of the wanted model with what is as it was."""
    now = load_tensors(topics.folder / "model.safetensors")
    kept = load_tensors(record / "model.safetensors")
    arrays = {name: kept[name] if name in kept else now[name] for name in about["arrays"]}
    model = about["about"]
    if not isinstance(model, dict):
        raise TypeError("it has no model")
    return arrays, model


class _Way:
    """Follows a record, and counts what the tree needs."""

    def __init__(
        self, topics: Topics, arrays: dict[str, NDArray[Any]], about: dict[str, Any],
        number: NDArray[np.int32], free: int, wanted: "TopicTree", rows: Path,
    ) -> None:  # fmt: skip
        self._topics, self._arrays, self._about = topics, arrays, about
        self._number, self._free, self._wanted = number, free, wanted
        self._kept = KeptRows(rows)
        self._lengths = path_lengths(wanted.depth)
        self._leaf = leaf_columns(wanted.parent)
        self._made: TopicModel | None = None
        self._sizes = np.zeros(int(self._leaf.max(initial=-1)) + 1, dtype=np.int64)
        shown = [int(passage) for passages in wanted.exemplars for passage in passages]
        self._shown = np.unique(np.array(shown, dtype=np.int64))
        self._seen = np.zeros(len(self._shown), dtype=bool)
        self.unassigned = 0

    def follow(self, batch: pa.RecordBatch, was: Rows) -> Rows:
        """Give the rows that are wanted, and count them."""
        passages = batch.column("passage").to_numpy()
        rows, known = foreseen(was, self._number, self._lengths)
        here, kept = self._kept.find(passages)
        rows = _put(rows, np.flatnonzero(here), kept)
        # Passages that came after the edit, or stood nowhere that the record knows of.
        others = np.flatnonzero(~here & ((passages >= self._free) | ~known))
        if len(others):
            rows = _put(rows, others, self._assigned(batch, others))
        column = self._leaf[rows.topic]
        self._sizes += np.bincount(column[column >= 0], minlength=len(self._sizes))
        self.unassigned += int((rows.topic < 0).sum())
        self._seen |= np.isin(self._shown, passages)
        return rows

    def _assigned(self, batch: pa.RecordBatch, which: NDArray[np.intp]) -> Rows:
        if self._made is None:
            from isogloss.topics.model import TopicModel

            self._made = TopicModel.from_arrays(self._arrays, self._about)
        texts = batch.column("text").take(pa.array(which)).to_pylist()
        counts = self._topics.vocabulary.counts(texts)
        return Rows.assigned(*self._made.assign(passage_vectors(batch)[which], counts))

    def tree(self, made: Any) -> "TopicTree":
        """Give the wanted tree; where passages came or went, with new sizes and exemplars."""
        leaves = np.flatnonzero(self._leaf[:-1] >= 0)
        change = self._sizes - self._wanted.size[leaves]
        if not change.any() and self._seen.all():
            return self._wanted
        return without_passages(self._wanted, change, self._shown[~self._seen], made)


def _put(rows: Rows, places: NDArray[np.intp], other: Rows) -> Rows:
    """Put other rows in some places."""
    both = joined(rows, other)
    which = np.arange(len(rows.topic))
    which[places] = np.arange(len(other.topic)) + len(rows.topic)
    return both.take(which)
