"""An atlas with a missing or damaged file: one line that says so, or an answer, never a crash."""

import json
import re
import shutil

import pytest

from isogloss._core.errors import AtlasError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    nouns = ("satellite", "engine", "goalie")
    texts = [f"{noun} number {i} was put into a low orbit" for i in range(40) for noun in nouns]
    folder = tmp_path_factory.mktemp("whole") / "a.atlas"
    Atlas.build(texts, folder, encoder="lsa")
    return folder


COMMANDS = (["info"], ["topics"], ["search", "satellite", "-k", "2"], ["evaluate"])


@pytest.mark.parametrize("harm", ["delete", "truncate", "garbage"])
def test_every_file_in_turn(whole, tmp_path, capfd, harm):
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    assert len(files) > 10
    refused = 0
    for number, file in enumerate(files):
        copy = tmp_path / str(number)
        shutil.copytree(whole, copy)
        path = copy / file
        if harm == "delete":
            path.unlink()
        elif harm == "truncate":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            path.write_bytes(b"\0\xff garbage" * 10)
        for name, *rest in COMMANDS:
            argv = ["evaluate", "topics", copy] if name == "evaluate" else [name, copy, *rest]
            code = main([str(part) for part in argv])
            err = capfd.readouterr().err
            ours = [line for line in err.splitlines() if line.startswith("isogloss:")]
            assert code in (0, 2), (file, name, err)
            assert len(ours) == (1 if code else 0), (file, name, err)
            refused += code == 2
    assert refused > 10


# Files that are made anew, or are not read: an atlas without them answers as before.
DERIVED = ("vectors-", "map.safetensors", "rejects.jsonl", "table.json", ".lock")


def test_a_file_cut_in_half_is_named_at_once(whole, tmp_path, capfd):
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    cut = [file for file in files if not file.name.startswith(DERIVED)]
    assert {file.suffix for file in cut} >= {".json", ".safetensors", ".lance", ".manifest"}
    for number, file in enumerate(cut):
        copy = tmp_path / str(number)
        shutil.copytree(whole, copy)
        path = copy / file
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        for argv in (["topics", copy], ["search", copy, "satellite"]):
            assert main([str(part) for part in argv]) == 2, file
            (said,) = capfd.readouterr().err.splitlines()
            assert f"{path} is damaged: " in said
            assert said.endswith("or build it anew with --fresh")


@pytest.mark.parametrize("name", ["manifest.json", "state-*/tree.json", "passages-*/data/*.lance"])
def test_a_damaged_atlas_is_built_anew_with_fresh(whole, tmp_path, name):
    copy = tmp_path / "a.atlas"
    shutil.copytree(whole, copy)
    (path,) = copy.glob(name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (batch,) = Atlas.open(whole).passages(["text"])
    texts = batch.column("text").to_pylist()
    with pytest.raises(AtlasError, match="damaged"):
        Atlas.build([*texts, "one more"], copy, encoder="lsa")
    again = Atlas.build(texts, copy, encoder="lsa", fresh=True)
    assert len(again) == len(texts)
    assert again.topics.to_json() == Atlas.open(whole).topics.to_json()


def test_a_foreign_manifest_is_spared_even_with_fresh(tmp_path):
    (tmp_path / "manifest.json").write_text("{'name': no JSON")
    with pytest.raises(AtlasError, match="damaged"):
        Atlas.build(["a text", "another"], tmp_path, encoder="lsa", fresh=True)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == ["manifest.json"]


def test_an_atlas_without_a_list_of_sizes_opens(whole, tmp_path):
    copy = tmp_path / "old.atlas"
    shutil.copytree(whole, copy)
    (listed,) = copy.glob("state-*/files.json")
    listed.unlink()
    atlas = Atlas.open(copy)
    topic = atlas.topics.leaves[0].id
    atlas.rename_topic(topic, "given a name")
    assert list(copy.glob("state-*/files.json"))
    assert Atlas.open(copy).topics[topic].label == "given a name"


def test_what_changes_an_atlas_notes_its_files(whole, tmp_path):
    copy = tmp_path / "a.atlas"
    shutil.copytree(whole, copy)
    atlas = Atlas.open(copy)
    atlas.add(["a satellite that came later", "another engine"])
    atlas = Atlas.open(copy)
    atlas.delete(ids=[0])
    atlas = Atlas.open(copy).rename_topic(Atlas.open(copy).topics.leaves[0].id, "a name")
    atlas.undo()
    atlas = Atlas.open(copy)
    (copy / "vectors-of-nobody.safetensors").touch()
    files = json.loads((copy / atlas.manifest.state / "files.json").read_text())["files"]
    assert {name.split("/")[0] for name in files} == {
        atlas.manifest.state, f"{atlas.manifest.table}.lance"
    }  # fmt: skip
    assert f"{atlas.manifest.state}/tree.json" in files


MISSING = {
    "the table": ("passages-*.lance", r"\.lance, the table of passages, is missing; "),
    "its data": ("passages-*.lance/data", r"/data/\w+\.lance is missing"),
    "its versions": ("passages-*.lance/_versions", "/_versions/.* is missing, and .* other file"),
    "the topics": ("state-*/tree.json", "tree.json is missing; "),
    "the model": ("state-*/topics", "/topics/.* is missing, and 2 other files are missing or "),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_named_by_all_who_open_an_atlas(whole, tmp_path, capfd, what):
    pattern, said = MISSING[what]
    copy = tmp_path / "a.atlas"
    shutil.copytree(whole, copy)
    (path,) = copy.glob(pattern)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for command in (
        ["topics", copy], ["search", copy, "satellite"], ["info", copy], ["info", copy, "--json"],
        ["explore", copy, "--no-browser", "--port", "0"], ["serve", copy, "--port", "0"],
        ["explore", copy, "--export", tmp_path / "a.html"], ["label", copy],
        ["serve", copy, "--stdio"],
    ):  # fmt: skip
        code = main([str(part) for part in command])
        out, err = capfd.readouterr()
        (line,) = err.splitlines()
        assert code == 2, command
        assert re.search(f"^isogloss: {copy}/.*{said}", line), (command, line)
        assert line.endswith("copy the atlas anew from where it is whole, or build it anew with "
                             "--fresh")  # fmt: skip
        if command[0] == "info":  # what is known is shown all the same
            assert "passages" in out
        else:
            assert not out


def test_info_of_an_atlas_that_is_whole_says_nothing_more(whole, capfd):
    assert main(["info", str(whole)]) == 0
    assert capfd.readouterr().err == ""


def test_files_that_only_older_versions_of_the_table_need_may_go(whole, tmp_path):
    copy = tmp_path / "a.atlas"
    shutil.copytree(whole, copy)
    for path in copy.glob("passages-*.lance/_transactions/*"):
        path.unlink()
    assert len(Atlas.open(copy)) == len(Atlas.open(whole))
