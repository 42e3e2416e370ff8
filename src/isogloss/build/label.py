"""Names for the topics of a finished atlas: evidence out of it, labels into its next version."""

import datetime
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from isogloss._core.errors import AtlasError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import storage_errors, write_json
from isogloss._core.plural import plural
from isogloss.build.edit_record import model_named, names_record, quoted_name, recorded
from isogloss.build.upkeep import TABLE, TREE
from isogloss.store import edits, state
from isogloss.store.manifest import write_manifest
from isogloss.store.workspace import Workspace, build_lock, unfinished
from isogloss.topics.keywords import Keywords, topic_labels
from isogloss.topics.label_prompt import PASSAGES, SCHEMA, TopicEvidence, apart
from isogloss.topics.labelling import Budget, LabelReport, LabelStore
from isogloss.topics.labelling import label_topics as ask_for_labels

if TYPE_CHECKING:
    from isogloss._core.chat import ChatModel
    from isogloss.atlas import Atlas
    from isogloss.topics.tree import TopicTree

FOLDER = "labels"
_ASIDE = ".state-labels.tmp"


def label_atlas(
    atlas: "Atlas",
    model: "str | ChatModel" = "keywords",
    *,
    budget: Budget | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    offline: bool | None = None,
    on_event: OnEvent = ignore,
) -> LabelReport:
    """Name the topics of an atlas, and write the names into its next version.

    Parameters
    ----------
    atlas : Atlas
        Opened at its newest version; afterwards it is at the new one.
    model : str or ChatModel, default "keywords"
        ``"keywords"`` for the labels that the keywords give, or what
        `isogloss._core.chat.load_chat` takes.
    budget : Budget, optional
        500 calls by default.
    overwrite : bool
        Also topics that a person has named.
    dry_run : bool
        Ask nothing and change nothing; the report has the estimate.
    offline : bool, optional
        True refuses other machines; None asks the environment.
    on_event : callable

    Returns
    -------
    LabelReport

    Raises
    ------
    AtlasError
        When a build of it is under way or unfinished, or it has a newer version than the one open.
    ModelError, MissingExtra
        When the model cannot be loaded or refuses; answers so far are kept.
    StorageError
        When the disk is full.

    Notes
    -----
    The new labels are a new state folder; replacing the manifest, one rename, makes them the
    atlas'. Passages, vectors and topics stay as they are. Answers are kept in ``ATLAS/labels``.
    """
    began = time.perf_counter()
    budget = budget or Budget()
    budget.check()
    with build_lock(atlas.path):
        _require_current(atlas)
        tree, store = atlas.topics, LabelStore(atlas.path / FOLDER)
        own = [Keywords(list(topic.keywords), []) for topic in tree]
        plain = topic_labels(own, parent=tree.parent, sizes=tree.size)
        ours, words = store.labels(), _words_below(tree)
        free = {
            topic.id
            for topic in tree
            if overwrite or not _is_named(topic.label, plain[topic.id], words[topic.id], ours)
        }
        if model == "keywords":
            report = LabelReport("keywords", topics=len(free), dry_run=dry_run)
        else:
            chat = _loaded(model, offline)
            evidence = _evidence(atlas, sorted(free), on_event)
            report = ask_for_labels(
                evidence, chat, store, budget=budget, dry_run=dry_run, on_event=on_event
            )
        report.kept = len(tree) - len(free)
        report.topics = len(tree)
        kept = {topic.id: topic.label for topic in tree if topic.id not in free}
        named = apart(report.labels, lambda topic: tree[topic].keywords, taken=kept.values())
        names = [kept.get(topic.id) or named.get(topic.id, "") for topic in tree]
        labels = topic_labels(own, parent=tree.parent, sizes=tree.size, names=names)
        report.labels = dict(enumerate(labels))
        report.seconds = round(time.perf_counter() - began, 3)
        if not dry_run and tuple(labels) != tree.labels:
            _commit(atlas, tree.described(labels=labels), report.model)
        if not dry_run and model != "keywords":
            with storage_errors("the report of the labels"):
                (atlas.path / FOLDER).mkdir(exist_ok=True)
                write_json(atlas.path / FOLDER / "report.json", report.to_json())
    return report


def _loaded(model: "str | ChatModel", offline: bool | None) -> "ChatModel":
    if isinstance(model, str):
        from isogloss._core.chat import load_chat

        return load_chat(model, offline=offline, schema=SCHEMA)
    return model


def _require_current(atlas: "Atlas") -> None:
    found = atlas.require_current()
    plan = Workspace(atlas.path).read_plan()
    if plan is not None and plan.get("base") == found.version:
        raise AtlasError(unfinished(atlas.path))


def _words_below(tree: "TopicTree") -> list[set[str]]:
    """Give the keywords of each topic and of all below it: names are made of these."""
    found: list[set[str]] = [set() for _ in tree]
    for topic in tree:
        for above in topic.path:
            found[above].update(topic.keywords)
    return found


def _is_named(label: str, plain: str, keywords: set[str], ours: set[str]) -> bool:
    """Tell whether a person named the topic: neither its keywords nor a model give this label."""
    if not label or label == plain or label in ours:
        return False
    # a label that was told apart: "Games (chess)", "space, moon (2)"
    base = label.rpartition(" (")[0] if label.endswith(")") else label
    return base not in ours and not set(base.split(", ")) <= {*keywords, "(no words)"}


def _evidence(atlas: "Atlas", topics: list[int], on_event: OnEvent) -> list[TopicEvidence]:
    """Fetch the texts of the topics' exemplars."""
    from isogloss.store.table import reading

    wanted = sorted({int(p) for t in topics for p in atlas.topics[t].exemplars[:PASSAGES]})
    texts: dict[int, str] = {}
    for start in range(0, len(wanted), 500):
        listed = ", ".join(map(str, wanted[start : start + 500]))
        with reading(f"the table of passages in {atlas.path}"):
            rows = atlas.table.search().where(f"passage IN ({listed})").select(["passage", "text"])
            found = rows.limit(500).to_arrow()
        texts |= dict(zip(found["passage"].to_pylist(), found["text"].to_pylist(), strict=True))
        on_event(Event("read evidence", min(start + 500, len(wanted)), len(wanted), "passages"))
    return [
        TopicEvidence(
            topic, atlas.topics[topic].size, atlas.topics[topic].keywords,
            tuple(texts[int(p)] or "" for p in atlas.topics[topic].exemplars[:PASSAGES]
                  if int(p) in texts),
        )
        for topic in topics
    ]  # fmt: skip


def _commit(atlas: "Atlas", tree: "TopicTree", model: str = "keywords") -> None:
    """Make the tree that of the atlas' next version: a new state folder, then the manifest."""
    old = atlas.manifest
    version = old.version + 1
    topics = atlas.path / old.state / "topics"
    about = json.loads((topics / "model.json").read_text(encoding="utf-8"))
    names = about.get("names") or [""] * len(tree)
    # A name that a label has taken the place of must not come back with the next edit.
    kept = [name if name == label else "" for name, label in zip(names, tree.labels, strict=True)]
    record = names_record(atlas.topics.labels, tree.labels, names, kept)
    edits.draft_record(atlas.path)
    what = f"label {plural(len(record['labels']), 'topic')} by {quoted_name(model)}"
    listed = recorded(atlas.path, old, "label", what, record)
    draft = atlas.path / _ASIDE
    with storage_errors("the topics of the atlas"):
        state.copy_state(atlas.path / old.state, draft, without=(TREE, TABLE))
        state.write_tree(draft, tree)
        if kept != names:  # in the place of a link, not into it
            write_json(draft / "topics" / "model.json", model_named(topics, kept))
    state.publish_state(draft, atlas.path / state.state_name(version))
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    new = replace(old, version=version, state=state.state_name(version), updated=now, edits=listed)
    write_manifest(atlas.path, new)
    edits.drop_records(atlas.path, listed)
    state.drop_old_states(atlas.path, {new.state, old.state})
    atlas.take_version(new, tree)
