"""An atlas with a missing or damaged file: one line that says so, or an answer, never a crash."""

import shutil

import pytest

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
