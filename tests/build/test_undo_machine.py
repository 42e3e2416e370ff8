"""Random edits, undos, redos and changes of documents, against full copies of what was."""

import json
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from crash import write_corpus
from edited import whole
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import isogloss as ig
from isogloss._core.errors import AtlasError, ParameterError
from isogloss.build.topics import Topics
from isogloss.store import edits


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine")
    write_corpus(folder / "all.parquet", 700)
    pq.write_table(pq.read_table(folder / "all.parquet").slice(0, 300), folder / "first.parquet")
    ig.Atlas.build(
        folder / "first.parquet", folder / "a.atlas", text="text", id="id", encoder="lsa"
    )
    return folder


class Machine(RuleBasedStateMachine):
    """An atlas, and beside it a list of full copies of all it was."""

    built: Path

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(self.built / "a.atlas", self.folder / "a.atlas")
        self.atlas = ig.Atlas.open(self.folder / "a.atlas")
        self.spare = pq.read_table(self.built / "all.parquet").slice(300).to_pylist()
        # (kind, copy before, copy after, changes of the passages so far)
        self.done, self.undone = [], []
        self.changes = 0
        self.left = random.Random(0)

    def teardown(self):
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def edited(self, kind, before):
        self.done.append((kind, before, whole(self.atlas), self.changes))
        self.done, self.undone = self.done[-edits.MOST :], []

    @rule(data=st.data())
    def merge(self, data):
        leaves = [topic.id for topic in self.atlas.topics.leaves]
        if len(leaves) < 3:
            return
        group = data.draw(st.lists(st.sampled_from(leaves), min_size=2, max_size=3, unique=True))
        if len(group) == len(leaves):
            return
        before = whole(self.atlas)
        self.atlas = self.atlas.merge_topics([group])
        self.edited("merge", before)

    @rule(data=st.data())
    def split(self, data):
        leaves = [topic.id for topic in self.atlas.topics.leaves]
        before = whole(self.atlas)
        try:
            self.atlas = self.atlas.split_topic(data.draw(st.sampled_from(leaves)), into=2)
        except ParameterError:
            return  # too small, or it does not fall apart
        self.edited("split", before)

    @rule(topic=st.integers(0, 3), name=st.sampled_from(["", "my own", "Ünï", "a" * 200]))
    def rename(self, topic, name):
        before = whole(self.atlas)
        if topic >= len(self.atlas.topics) or name in self.atlas.topics.labels:
            return
        plain = ", ".join(self.atlas.topics.keywords[topic][:3])
        if not name:
            version = self.atlas.manifest.version
            try:
                self.atlas = self.atlas.rename_topic(topic, name)
            except ParameterError:  # no name of its own
                assert self.atlas.require_current().version == version
                return
        else:
            self.atlas = self.atlas.rename_topic(topic, name)
        assert self.atlas.topics.labels[topic] == (name or plain)
        self.edited("rename", before)

    @rule()
    def label(self):
        before = whole(self.atlas)
        version = self.atlas.manifest.version
        self.atlas.label_topics(overwrite=True)
        if self.atlas.manifest.version != version:
            self.edited("label", before)

    @rule(count=st.integers(1, 20), as_build=st.booleans())
    def add(self, count, as_build):
        rows, self.spare = self.spare[:count], self.spare[count:]
        if not rows:
            return
        if as_build:
            source = self.folder / "more.parquet"
            import pyarrow as pa

            pq.write_table(pa.Table.from_pylist(rows), source)
            self.atlas = ig.Atlas.build(source, self.atlas.path, text="text", id="id")
        else:
            self.atlas.add(rows)
            self.atlas = ig.Atlas.open(self.atlas.path)
        self.changes += 1

    @rule(data=st.data())
    def delete(self, data):
        ids = [i for batch in self.atlas.passages(["id"]) for i in batch.column("id").to_pylist()]
        gone = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=40, unique=True))
        # exemplars go too, so that new ones have to be found
        if len(ids) < 250:
            return
        self.atlas.delete(ids=gone)
        self.atlas = ig.Atlas.open(self.atlas.path)
        self.changes += 1

    @precondition(lambda self: self.done)
    @rule()
    def undo(self):
        kind, before, _after, changes = self.done.pop()
        assert self.atlas.next_undo.kind == kind
        now = whole(self.atlas)
        self.atlas = self.atlas.undo()
        self.compare(kind, now, before, changes)
        self.undone.insert(0, (kind, now, whole(self.atlas), self.changes))

    @precondition(lambda self: self.undone)
    @rule()
    def redo(self):
        kind, after, _now, changes = self.undone.pop(0)
        assert self.atlas.next_redo.kind == kind
        here = whole(self.atlas)
        self.atlas = self.atlas.redo()
        self.compare(kind, here, after, changes)
        self.done.append((kind, here, whole(self.atlas), self.changes))

    def compare(self, kind, now, wanted, changes):
        """Everything is as it was; what came since stands where the model puts it."""
        found = whole(self.atlas)
        assert found.model == wanted.model
        assert found.about == wanted.about  # names that people gave are in it
        assert set(found.rows) == set(now.rows)
        if kind in ("rename", "label"):
            assert found.rows == now.rows
        assert all(found.rows[p] == row for p, row in wanted.rows.items() if p in found.rows)
        if changes == self.changes:
            assert found == wanted
        then, tree = json.loads(wanted.tree)["topics"], json.loads(found.tree)["topics"]
        for name in ("id", "parent", "label", "keywords", "persistence"):
            assert [topic[name] for topic in tree] == [topic[name] for topic in then]
        came = [p for p in found.rows if p not in wanted.rows]
        self.check_new(came, found)

    def check_new(self, came, found):
        """The restored model gives the passages that came since the same rows."""
        if not came:
            return
        state = self.atlas.path / self.atlas.manifest.state
        topics = Topics.load(state / "topics")
        for batch in self.atlas.passages(["passage", "text", "vector"]):
            which = np.flatnonzero(np.isin(batch.column("passage").to_numpy(), came))
            if not len(which):
                continue
            texts = batch.column("text").take(which).to_pylist()
            vectors = np.stack(batch.column("vector").take(which).to_pylist()).astype(np.float32)
            labels, rows = topics.model.assign(vectors, topics.vocabulary.counts(texts))
            for place, number in enumerate(batch.column("passage").take(which).to_pylist()):
                assert found.rows[number][0] == labels[place]
                assert found.rows[number][2] == rows[place].data.astype(np.float32).tobytes()

    @invariant()
    def whole_and_listed(self):
        if not hasattr(self, "atlas"):
            return
        atlas = self.atlas
        assert [e.kind for e in atlas.edits if not e.undone] == [one[0] for one in self.done]
        assert [e.kind for e in atlas.edits if e.undone] == [one[0] for one in self.undone]
        sizes = {}
        shown = set()
        for batch in atlas.passages(["passage", "topic"]):
            shown |= set(batch.column("passage").to_pylist())
            for topic in batch.column("topic").to_pylist():
                sizes[topic] = sizes.get(topic, 0) + 1
        assert all(topic.size == sizes.get(topic.id, 0) for topic in atlas.topics.leaves)
        assert atlas.manifest.unassigned == sizes.get(-1, 0)
        assert all(int(p) in shown for topic in atlas.topics for p in topic.exemplars)
        kept = atlas.path / "edits"
        names = {path.name for path in kept.iterdir()} if kept.exists() else set()
        assert names == {edit.record for edit in atlas.edits}
        if self.done and self.left.random() < 0.2:  # somebody else's stale handle
            stale = ig.Atlas.open(atlas.path)
            stale.manifest.version -= 1
            with pytest.raises(AtlasError, match="open it again"):
                stale.undo()


@pytest.mark.parametrize("runs, steps", [(8, 12), pytest.param(20, 30, marks=pytest.mark.slow)])
def test_undo_gives_back_what_was(built, runs, steps):
    Machine.TestCase.built = Machine.built = built
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=runs, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
