"""Files are whole or not there; the disk's refusals become one clear error."""

import errno

import pytest

from isogloss._core.errors import StorageError
from isogloss._core.files import atomic_path, is_refusal, storage_errors, write_json


def test_failure_leaves_the_old_file_and_no_leftovers(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as path:
        path.write_text("new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_success_replaces_the_old_file(tmp_path):
    target = tmp_path / "a.json"
    write_json(target, {"a": 1})
    write_json(target, {"a": 2})
    assert target.read_text() == '{\n  "a": 2\n}\n'
    assert [item.name for item in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_refusals_name_what_was_written(code):
    with pytest.raises(StorageError, match="shard 7"), storage_errors("shard 7"):
        raise OSError(code, "No")


def test_other_errors_pass():
    with pytest.raises(FileNotFoundError), storage_errors("shard 7"):
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_refusals_in_words_are_recognised():
    assert is_refusal(
        RuntimeError("lance error: LanceError(IO): No space left on device (os error 28)")
    )
    assert not is_refusal(RuntimeError("lance error: dataset not found"))
