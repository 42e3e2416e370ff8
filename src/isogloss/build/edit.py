"""Topics of a finished atlas merged, split and renamed: a new version, committed like a build.

The edited model goes into the new state folder, so passages that are added later get the edited
topics. What it takes to undo the edit goes into a record (`store.edits`, `build.undo`). Until the
manifest is replaced, one atomic rename, the atlas is as it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import atomic_path, storage_errors, write_json
from isogloss._core.tensors import save_tensors
from isogloss.build.edit_record import (
    model_named,
    model_record,
    names_record,
    quoted,
    quoted_name,
    recorded,
    write_passages,
)
from isogloss.build.edit_rows import ROWS, Rows, RowWriter, back_numbers
from isogloss.build.leftovers import clean_up
from isogloss.build.stamp import utc_now
from isogloss.build.topics import (
    EXEMPLARS,
    KEYWORD_PASSAGES,
    KEYWORDS,
    Tally,
    Topics,
    inner_sizes,
    leaf_columns,
)
from isogloss.build.upkeep import TABLE, TREE
from isogloss.store import edits, state, table
from isogloss.store.manifest import Manifest, write_manifest
from isogloss.store.workspace import Workspace, build_lock, unfinished
from isogloss.topics.tree import checked_name

if TYPE_CHECKING:
    from isogloss.topics.keywords import Keywords
    from isogloss.topics.model import TopicModel
    from isogloss.topics.tree import TopicTree

BATCH = 4096
# Passages whose graph parts a topic; more of them are drawn evenly from the atlas.
SPLIT_PASSAGES = 60_000


def merge_atlas(
    folder: Path, groups: Sequence[Sequence[int]], *, on_event: OnEvent = ignore
) -> None:
    """Merge topics of an atlas; see `Atlas.merge_topics`."""

    def told(before: "TopicTree", after: "TopicTree") -> str:
        named = (" and ".join(quoted(before, topic) for topic in group) for group in groups)
        return f"merge {'; '.join(named)}"

    def change(topics: Topics, opened: Any) -> "TopicModel":
        model = topics.model.merge(groups)  # knows what is no topic
        for group in groups:
            _need_apart(topics.model.tree_, group)
        return model

    _edit(folder, change, "merge", told, on_event)


def _need_apart(tree: "TopicTree", group: Sequence[int]) -> None:
    """Refuse a group in which a topic comes twice or lies below another."""
    for place, topic in enumerate(group):
        if topic in group[:place]:
            raise ParameterError(f"topic {topic} cannot be merged with itself: name it once")
        above = [one for one in tree.path(topic) if one != topic and one in group]
        if above:
            raise ParameterError(
                f"topic {topic} is part of topic {above[0]} already: merge topics that lie beside "
                f"each other, or {above[0]} alone to make it one leaf"
            )


def split_atlas(folder: Path, topic: int, *, into: int | None, on_event: OnEvent = ignore) -> None:
    """Split a topic of an atlas; see `Atlas.split_topic`."""

    def change(topics: Topics, opened: Any) -> "TopicModel":
        held = topics.model.tree_.leaf(topic).size
        every = max(1, -(-held // SPLIT_PASSAGES))
        rows, texts, seen = [], [], 0
        for batch in table.scan(opened, ["topic", "text", "vector"], batch_size=BATCH):
            inside = np.flatnonzero(batch.column("topic").to_numpy() == topic)
            take = inside[(seen + np.arange(len(inside))) % every == 0]
            seen += len(inside)
            rows.append(passage_vectors(batch)[take])
            texts += batch.column("text").take(pa.array(take)).to_pylist()
        if not texts:
            raise ParameterError(f"topic {topic} has no passages in {folder}: nothing to split")
        counts = topics.vocabulary.counts(texts)
        return topics.model.split(topic, np.concatenate(rows), counts, into=into)

    def told(before: "TopicTree", after: "TopicTree") -> str:
        return f"split {quoted(before, topic)} into {len(after) - len(before)}"

    _edit(folder, change, "split", told, on_event)


def rename_atlas(folder: Path, topic: int, name: str) -> None:
    """Rename a topic of an atlas; see `Atlas.rename_topic`."""
    from isogloss.topics.keywords import Keywords, topic_labels

    name = checked_name(name)
    with build_lock(folder):
        old, topics = opened_topics(folder)
        tree = state.read_tree(folder / old.state)
        model = topics.model.rename(topic, name)
        labels = list(tree.labels)
        if name in labels and labels.index(name) != topic:
            raise AtlasError(f"topic {labels.index(name)} of {folder} is called {name!r} already")
        if name and name == labels[topic]:
            raise ParameterError(f"topic {topic} is called {name!r} already: nothing to rename")
        words = [Keywords(list(one.keywords), []) for one in tree]
        plain = topic_labels(words, parent=tree.parent, sizes=tree.size)[topic]
        others = [label if one != topic else "" for one, label in enumerate(labels)]
        if plain in others:  # a name that another topic was given
            plain = topic_labels(words, parent=tree.parent, sizes=tree.size, names=others)[topic]
        if not name and not topics.model.tree_.labels[topic]:
            # Inner topics were called by their first keywords alone once.
            first = ", ".join(tree.keywords[topic][:3]) or "(no words)"
            known = (plain, first, topic_labels(words)[topic])
            if labels[topic] in (*known, *(f"{one} ({topic})" for one in known)):
                raise ParameterError(
                    f"topic {topic} has no name of its own: there is none to take away"
                )
        labels[topic] = name or plain
        new = replace(old, version=old.version + 1)
        if name:
            what = f"rename {quoted(tree, topic)} to {quoted_name(name)}"
        else:
            what = f"take the name {quoted(tree, topic)} away"
        renamed = tree.described(labels=labels)
        edits.draft_record(folder)
        record = names_record(tree.labels, labels, topics.model.tree_.labels, model.tree_.labels)
        new.edits = recorded(folder, old, "rename", what, record)
        about = model_named(topics.folder, model.tree_.labels)
        commit_topics(folder, old, new, None, about, renamed)


@dataclass
class Sample:
    """Some passages of an atlas, as texts and as counts of words, batch by batch."""

    counts: list[Any] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def _edit(
    folder: Path, change: Callable[[Topics, Any], "TopicModel"], kind: str,
    told: Callable[["TopicTree", "TopicTree"], str], on_event: OnEvent,
) -> None:  # fmt: skip
    with build_lock(folder):
        old, topics = opened_topics(folder)
        opened = table.open_table(folder, old.table, old.table_version)
        before = state.read_tree(folder / old.state)
        model = change(topics, opened)
        edited = Topics(topics.vocabulary, model, topics.folder)
        version = old.version + 1
        column = leaf_columns(model.tree_.parent)
        tally = Tally(int(column.max()) + 1, len(topics.vocabulary.words), old.encoder["dim"])
        sample = Sample()
        every = max(1, old.passages // KEYWORD_PASSAGES)
        draft = edits.draft_record(folder)
        number = back_numbers(model.renumbered_, model.tree_.parent)
        arrays, about = model.to_arrays()
        record = model_record(draft, arrays, topics.folder, before, old, number)

        def batches(kept: RowWriter) -> Iterator[pa.RecordBatch]:
            done = 0
            for batch in table.scan(opened, opened.schema.names, batch_size=BATCH):
                texts = batch.column("text").to_pylist()
                counts = edited.vocabulary.counts(texts)
                vectors = passage_vectors(batch)
                labels, membership = model.assign(vectors, counts)
                tally.add(column[labels], counts, vectors)
                sample.counts.append(counts[(-done) % every :: every])
                sample.texts += texts[(-done) % every :: every]
                done += len(labels)
                on_event(Event("assign topics", done, old.passages, "passages"))
                now = Rows.assigned(labels, membership)
                was = Rows.of(batch.column("topic"), batch.column("memberships"))
                kept.add(batch.column("passage").to_numpy(), now, was)
                yield with_topics(batch, now)

        made = write_passages(
            folder, version, opened.schema, batches, draft / ROWS, number, before, on_event
        )
        tree = _described(folder, before, edited, tally, sample, made)
        new = replace(
            old, version=version, table=made.name, table_version=made.version,
            topics=len(tree.leaves), unassigned=tally.unassigned, stale_rows=0,
        )  # fmt: skip
        new.edits = recorded(folder, old, kind, told(before, tree), record)
        commit_topics(folder, old, new, arrays, about, tree)


def opened_topics(folder: Path) -> tuple[Manifest, Topics]:
    """Read manifest and topics of an atlas that may be edited; its lock is held."""
    from isogloss.atlas import need_manifest

    manifest = need_manifest(folder)
    plan = Workspace(folder).read_plan()
    if plan is not None and plan.get("base") == manifest.version:
        raise AtlasError(unfinished(folder))
    return manifest, Topics.load(folder / manifest.state / "topics")


def passage_vectors(batch: pa.RecordBatch) -> NDArray[np.float32]:
    """Take the vectors of a batch of passages: float32 (n, d)."""
    column = batch.column("vector")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(len(column), column.type.list_size)


def with_topics(batch: pa.RecordBatch, rows: Rows) -> pa.RecordBatch:
    """Give a batch of passages other topics."""
    own = rows.columns()
    columns = [own.get(name, batch.column(name)) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _described(
    folder: Path, before: "TopicTree", edited: Topics, tally: Tally, sample: "Sample", made: Any
) -> "TopicTree":
    """Give changed topics keywords, labels and exemplars; all others keep theirs."""
    from isogloss.atlas import Atlas
    from isogloss.topics.keyword_rules import default_rule
    from isogloss.topics.keywords import topic_labels
    from isogloss.topics.topic_counts import TopicCounts
    from isogloss.topics.tree import TopicTree
    from isogloss.topics.whole_words import shown_keywords

    model = edited.model
    fitted, number = model.tree_, model.renumbered_
    tree = TopicTree(
        parent=fitted.parent, size=inner_sizes(fitted.parent, tally.sizes),
        persistence=fitted.persistence,
    )  # fmt: skip
    counts = TopicCounts(
        documents=tally.document_counts, vocabulary=list(edited.vocabulary.words),
        sizes=tally.sizes, parent=tree.parent, passages=sample.counts, centres=tally.centres,
    )  # fmt: skip
    rule = default_rule(Atlas.open(folder).encoder)
    found = shown_keywords(rule, counts, lambda: sample.texts, n=KEYWORDS)
    found = _of_merged_parts(found, tree, before, number)
    exemplars = _exemplars(tree, tally, made)
    labels, keywords, shown = [""] * len(tree), [], []
    for topic in range(len(tree)):
        # What holds the same passages as before keeps words and name.
        olds = np.flatnonzero(number == topic)
        same = [old for old in olds.tolist() if before.size[old] == tree.size[topic]][:1]
        labels[topic] = fitted.labels[topic] or (before.labels[same[0]] if same else "")
        keywords.append(before.keywords[same[0]] if same else tuple(found[topic].words))
        shown.append(before.exemplars[same[0]] if same else tuple(exemplars[topic]))
    labels = topic_labels(found, parent=tree.parent, sizes=tree.size, names=labels)
    return tree.described(labels=labels, keywords=keywords, exemplars=shown)


def _of_merged_parts(
    found: "list[Keywords]", tree: "TopicTree", before: "TopicTree", number: NDArray[np.int32]
) -> "list[Keywords]":
    """Let the words of leaves that others were merged into begin with those that name all parts."""
    from isogloss.topics.inner_names import words_of_parts
    from isogloss.topics.keywords import Keywords

    made = list(found)
    for topic in tree.leaves:
        parts = [old for old in before.leaves if number[old.id] == topic.id and old.size]
        if len(parts) > 1:
            words = [list(part.keywords) for part in parts]
            own = words_of_parts(found[topic.id].words, words, [part.size for part in parts])
            made[topic.id] = Keywords(own, [])
    return made


def _exemplars(tree: "TopicTree", tally: Tally, made: Any) -> list[list[int]]:
    from isogloss.topics.exemplars import ExemplarPicker, inner_exemplars

    picker = ExemplarPicker(tally.centres, k=EXEMPLARS)
    column = leaf_columns(tree.parent)
    for batch in table.scan(made, ["passage", "topic", "membership", "vector"], batch_size=BATCH):
        picker.add(
            passage_vectors(batch), column[batch.column("topic").to_numpy()],
            batch.column("membership").to_numpy(), batch.column("passage").to_numpy(),
        )  # fmt: skip
    found = inner_exemplars(picker.result(), tree.parent, tally.sizes, k=EXEMPLARS)
    return [ids.tolist() for ids in found]


def commit_topics(
    folder: Path, old: Manifest, new: Manifest, arrays: dict[str, NDArray[Any]] | None,
    about: dict[str, Any], tree: "TopicTree",
) -> None:  # fmt: skip
    """Make a manifest the atlas', with another tree and model; all else is that of `old`.

    Parameters
    ----------
    folder : Path
    old, new : Manifest
    arrays : dict of str to array or None
        The model; None where only what `about` says of it changes.
    about : dict
        For `model.json`.
    tree : TopicTree
    """
    draft = folder / ".state.tmp"
    with storage_errors("the topics of the atlas"):
        state.copy_state(folder / old.state, draft, without=(TREE, TABLE))
        # Files that stay are links: what changes is replaced, never written into.
        if arrays is not None:
            with atomic_path(draft / "topics" / "model.safetensors") as path:
                save_tensors(path, arrays)
        write_json(draft / "topics" / "model.json", about)
        state.write_tree(draft, tree)
    new.state = state.state_name(new.version)
    new.updated = utc_now()
    state.publish_state(draft, folder / new.state)
    write_manifest(folder, new)
    clean_up(folder, new, old)
