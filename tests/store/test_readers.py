"""Who has a version open, and what may go."""

import fcntl
import json
import os

import numpy as np
import pytest

from isogloss._core.errors import AtlasError
from isogloss.store import readers
from isogloss.store.gone import Gone
from isogloss.store.readers import Hold, note_table, noted_table, remove_unheld
from isogloss.store.state import copy_state


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state-0003"
    folder.mkdir()
    (folder / "tree.json").write_text("{}")
    return folder


def test_several_readers_and_the_last_one_counts(state):
    first, second = Hold(state), Hold(state)
    first.close()
    first.close()
    assert not remove_unheld(state)
    del second
    assert remove_unheld(state)
    assert not state.exists()
    Hold(state).close()  # reading the folder will say that it is missing


def test_what_is_being_removed_is_not_held(state):
    descriptor = os.open(state / "tree.json", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(AtlasError, match="open it again"):
        Hold(state)
    os.close(descriptor)
    Hold(state)


def test_without_locks_a_day_has_to_pass(state, monkeypatch):
    def refuse(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(readers.fcntl, "flock", refuse)
    Hold(state)
    assert not remove_unheld(state)
    os.utime(state / "tree.json", (0, 0))
    assert remove_unheld(state)


def test_a_note_in_a_copied_state_counts_for_nothing(state):
    assert noted_table(state) is None
    note_table(state, "passages-0002")
    assert noted_table(state) == "passages-0002"
    copy_state(state, state.with_name("state-0004"), without=("tree.json",))
    copied = state.with_name("state-0004")
    assert noted_table(copied) is None
    assert not (copied / "tree.json").exists()
    assert (copied / "table.json").samefile(state / "table.json")
    note_table(copied, "passages-0004")
    assert json.loads((state / "table.json").read_text())["table"] == "passages-0002"


def test_record_of_what_went(state):
    assert len(Gone.read(state).deleted) == 0
    Gone().write(state)
    assert not (state / "gone.safetensors").exists()
    keys = np.array([5, 5, -(2**63), 7])
    gone = Gone().with_deleted(keys).with_replaced(np.array([1, 1]), np.array([2, 2]))
    gone = gone.with_replaced(np.array([1]), np.array([3]))
    gone.write(state)
    back = Gone.read(state)
    assert back.deleted.tolist() == keys.tolist()
    assert list(zip(back.replaced.tolist(), back.contents.tolist(), strict=True)) == [
        (1, 2),
        (1, 3),
    ]
    assert back.without(np.array([5, 9])).deleted.tolist() == [-(2**63), 5, 7]
    assert back.without(np.array([5, 5, 5])).deleted.tolist() == [-(2**63), 7]
    assert back.without(np.empty(0, np.int64)).deleted.tolist() == [-(2**63), 5, 5, 7]
