"""Kill the process at random moments, fill the disk: the atlas resumes and ends equal."""

import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from crash import finish, outcome, start_build, write_corpus

from isogloss.atlas import Atlas
from isogloss.store.manifest import read_manifest

DOCUMENTS = 9000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    write_corpus(folder / "all.parquet", DOCUMENTS)
    write_corpus(folder / "more.parquet", 3000, start=DOCUMENTS)
    began = time.monotonic()
    finish(start_build(folder / "all.parquet", folder / "whole.atlas"))
    return folder, time.monotonic() - began


def killed_after(seconds, source, atlas, before=None):
    """Start a build, on a copy of an atlas if given, and kill it after some seconds.

    The machine may be quicker now than when the seconds were measured: a build that ended by
    itself is started anew and killed earlier.
    """
    while True:
        if before is not None:
            shutil.copytree(before, atlas)
        process = start_build(source, atlas)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            return
        assert process.returncode == 0
        shutil.rmtree(atlas)
        seconds *= 0.7


def check_kills(corpus, moments, tmp_path):
    folder, seconds = corpus
    whole = outcome(folder / "whole.atlas", tmp_path)
    for number, share in enumerate(moments):
        atlas = tmp_path / f"killed{number}.atlas"
        killed_after(share * seconds, folder / "all.parquet", atlas)
        finish(start_build(folder / "all.parquet", atlas))
        assert outcome(atlas, tmp_path) == whole, f"killed at {share:.2f} of the build"
        assert not (atlas / "work").exists()
        shutil.rmtree(atlas)


def test_killed_builds_end_equal(corpus, tmp_path):
    check_kills(corpus, [0.35, 0.6, 0.85], tmp_path)


def test_what_a_build_left_that_was_killed_at_its_very_end_is_removed(corpus, tmp_path):
    folder, _ = corpus
    atlas = tmp_path / "late.atlas"
    shutil.copytree(folder / "whole.atlas", atlas)
    version = json.loads((atlas / "manifest.json").read_text())["version"]
    for base, stays in ((version - 1, False), (version, True)):
        (atlas / "work").mkdir()
        (atlas / "work" / "plan.json").write_text(json.dumps({"base": base}))
        finish(start_build(folder / "all.parquet", atlas))
        assert (atlas / "work").exists() is stays  # that of an addition under way is none of it
    assert outcome(atlas, tmp_path) == outcome(folder / "whole.atlas", tmp_path)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(corpus, tmp_path):
    rng = random.Random(0)
    check_kills(corpus, [rng.uniform(0.1, 1.0) for _ in range(20)], tmp_path)


def test_killed_additions_end_equal_and_keep_the_old_readable(corpus, tmp_path):
    folder, _ = corpus
    grown = tmp_path / "grown.atlas"
    shutil.copytree(folder / "whole.atlas", grown)
    began = time.monotonic()
    finish(start_build(folder / "more.parquet", grown))
    seconds = time.monotonic() - began
    expected = outcome(grown, tmp_path)
    for number, share in enumerate([0.5, 0.8]):
        atlas = tmp_path / f"addition{number}.atlas"
        killed_after(share * seconds, folder / "more.parquet", atlas, folder / "whole.atlas")
        assert len(Atlas.open(atlas)) in (DOCUMENTS, DOCUMENTS + 3000)
        assert sum(b.num_rows for b in Atlas.open(atlas).passages(["id"])) == len(Atlas.open(atlas))
        finish(start_build(folder / "more.parquet", atlas))
        assert outcome(atlas, tmp_path) == expected


def test_interrupt_says_what_is_kept(corpus, tmp_path):
    folder, _ = corpus
    process = start_build(folder / "all.parquet", tmp_path / "a.atlas")
    work = tmp_path / "a.atlas" / "work"
    while not list(work.glob("*.safetensors")) and process.poll() is None:
        time.sleep(0.005)  # before it has begun there is nothing to keep, and Python answers
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    # Where the machine is quick the result may be out already, and Python on its way to the end.
    if process.returncode != 0 and not (out and process.returncode == -signal.SIGINT):
        assert process.returncode == 130, err.decode()
        assert b"the same command goes on" in err
        assert b"Traceback" not in err
    finish(start_build(folder / "all.parquet", tmp_path / "a.atlas"))
    assert outcome(tmp_path / "a.atlas", tmp_path) == outcome(folder / "whole.atlas", tmp_path)


def test_threads_change_nothing(corpus, tmp_path):
    folder, _ = corpus
    whole = outcome(folder / "whole.atlas", tmp_path)
    for threads in (1, 2):
        atlas = tmp_path / f"threads{threads}.atlas"
        finish(start_build(folder / "all.parquet", atlas, threads=threads))
        assert outcome(atlas, tmp_path) == whole


def test_two_builds_at_once_are_refused(corpus, tmp_path):
    from isogloss.store.workspace import build_lock

    folder, _ = corpus
    with build_lock(tmp_path / "a.atlas"):
        process = start_build(folder / "all.parquet", tmp_path / "a.atlas")
        _, err = process.communicate(timeout=600)
    assert process.returncode == 2
    assert b"another command is changing" in err


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(corpus, small_disk, tmp_path):
    folder, _ = corpus
    process = start_build(folder / "all.parquet", small_disk / "a.atlas")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 2, err.decode()
    assert len(err.decode().splitlines()) == 1
    assert b"free some room" in err
    assert read_manifest(small_disk / "a.atlas") is None
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    finish(start_build(folder / "all.parquet", small_disk / "a.atlas"))
    assert outcome(small_disk / "a.atlas", tmp_path) == outcome(folder / "whole.atlas", tmp_path)
