"""Changes that are killed or fail half way."""

import contextlib
import gc

import pytest
from changed import bench, documents

from isogloss._core.errors import (
    StorageError,
)
from isogloss.atlas import Atlas
from isogloss.build import change, upkeep


@pytest.fixture
def atlas(changes_atlas):
    return changes_atlas


CRASHES = (
    (change.table, "change"), (change, "index_text"), (change, "without_passages"),
    (upkeep.state, "copy_state"), (upkeep.state, "write_tree"), (upkeep.state, "publish_state"),
    (upkeep, "write_manifest"), (change, "keep_up"), (upkeep, "_copied"), (upkeep.table, "wear"),
)  # fmt: skip


@pytest.mark.parametrize("after", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_crash_at_any_step_leaves_the_old_or_the_new(
    changes_folder, atlas, changes_model, changes_vectors, tmp_path, monkeypatch, after
):
    """Each step in turn raises before or after it has done its work, as a kill would leave it."""

    class Kill(BaseException):
        pass

    monkeypatch.setattr(upkeep, "MOST_FILES", 25)  # so that copies are made
    pool = documents(300)
    states = set()
    for number, (module, name) in enumerate(CRASHES[::2] if after else CRASHES, start=1):
        step = bench.make_step(number, changes_model, pool, most=15)
        whole = getattr(module, name)

        def broken(*args, whole=whole, **options):
            if after:
                whole(*args, **options)
            raise Kill

        with monkeypatch.context() as patch:
            patch.setattr(module, name, broken)
            with contextlib.suppress(Kill):
                step.run(atlas)
        changed = bench.Model(dict(changes_model.rows), changes_model.next_passage)
        step.apply(changed)
        atlas = Atlas.open(atlas.path)
        atlas._encoder = changes_vectors.encoder
        is_new = atlas.manifest.free_number == changed.next_passage and len(atlas) == len(
            changed.rows
        )
        states.add(is_new)
        changes_model = changed if is_new else changes_model
        bench.check_content(atlas, changes_model)
        next_step = bench.make_step(100 + number, changes_model, pool, most=5)
        next_step.run(atlas)
        next_step.apply(changes_model)
        bench.check_content(atlas, changes_model)
    bench.check_searches(atlas, changes_model, changes_vectors, tmp_path)
    assert states == {False, True}
    gc.collect()  # atlases that tracebacks kept open
    atlas.delete(ids=sorted(changes_model.rows)[:1])
    assert not (atlas.path / "work").exists()
    assert not list(atlas.path.glob(".state*"))
    assert len(list(atlas.path.glob("passages-*"))) <= 2


def test_upkeep_that_fails_is_told_and_tried_again(atlas, changes_model, monkeypatch):
    told = []

    def refuse(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "MOST_FILES", 5)
        patch.setattr(upkeep.table, "create_table", refuse)
        report = atlas.delete(ids=["d0"], on_event=told.append)
    changes_model.delete(["d0"])
    assert report.status == "deleted"
    assert len(report.upkeep_failed) == 1
    assert "No space left" in report.upkeep_failed[0]
    assert any(e.level == "warning" and "the next change retries" in e.message for e in told)
    bench.check_content(atlas, changes_model)
    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "MOST_FILES", 5)
        assert atlas.delete(ids=["d1"]).compacted
    changes_model.delete(["d1"])
    bench.check_content(atlas, changes_model)
    with monkeypatch.context() as patch:  # without an index of it, nothing is changed
        patch.setattr("isogloss.search.text_index.create_text_index", refuse)
        with pytest.raises(StorageError, match="free some room"):
            atlas.add(documents(1, start=600))
    assert Atlas.open(atlas.path).manifest.version == atlas.manifest.version


def test_killed_once(tmp_path):
    told = bench.run_kills(
        documents(300), tmp_path, documents=100, kills=1, most=10, say=lambda _: None
    )
    assert told["left"].count("work") == 0


@pytest.mark.slow
def test_twenty_rounds_and_eight_kills(data_dir, tmp_path):
    (tmp_path / "rounds").mkdir()
    figures = bench.run_rounds(
        bench.newsgroups(data_dir), tmp_path / "rounds", documents=600, rounds=20, most=60,
        say=lambda _: None,
    )  # fmt: skip
    last = figures[-1]
    assert last["peak_files"] <= 2 * (upkeep.MOST_FILES + last["fresh_files"])
    assert last["peak_mb"] <= 3 * last["fresh_mb"] + 2 * upkeep.FREE_WASTE / 1e6
    assert last["copies"] >= 2
    pool = bench.newsgroups(data_dir, 900)
    told = bench.run_kills(pool, tmp_path, documents=300, kills=8, most=30, say=lambda _: None)
    assert told["changes"] >= 6
