"""`embed` that is killed or interrupted goes on with the vectors it has, and ends equal."""

import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ParameterError, SourceError
from isogloss.app.cli.main import main
from isogloss.build.embed import embed
from isogloss.build.settings import BuildSettings

ROWS = 5000  # three shards

KILLED = """
import os, signal, sys
from isogloss.app.cli.main import main
from isogloss.store.workspace import Workspace

kept, put = [], Workspace.put_arrays

def put_and_stop(self, kind, *rest):
    if len(kept) == 2:
        os.kill(os.getpid(), getattr(signal, sys.argv[3]))
    kept.append(kind)
    put(self, kind, *rest)

Workspace.put_arrays = put_and_stop
sys.exit(main(["embed", sys.argv[1], "-o", sys.argv[2], "--encoder", "lexical"]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("embed") / "texts.parquet"
    texts = [f"text {n} of the launch of rocket {n % 97}" for n in range(ROWS)]
    pq.write_table(pa.table({"id": list(range(ROWS)), "text": texts}), path)
    return path


@pytest.mark.parametrize(("signal", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_finished_vectors_are_kept(source, tmp_path, capfd, monkeypatch, signal, code):
    whole, output = tmp_path / "whole.parquet", tmp_path / "vectors.parquet"
    settings = BuildSettings(encoder="lexical")
    embed(source, whole, settings)
    stopped = subprocess.run(
        [sys.executable, "-c", KILLED, source, output, signal],
        capture_output=True, text=True, check=False, env=os.environ.copy(),
    )  # fmt: skip
    assert stopped.returncode == code, stopped.stderr
    if code == 130:
        assert stopped.stderr.strip().endswith("goes on from there")
    assert not output.exists()

    from isogloss.encoders.lexical import LexicalEncoder

    encoded, encode = [], LexicalEncoder.encode
    monkeypatch.setattr(
        LexicalEncoder, "encode",
        lambda self, texts: (encoded.append(len(texts)), encode(self, texts))[1],
    )  # fmt: skip
    assert main(["embed", str(source), "-o", str(output), "--encoder", "lexical"]) == 0
    assert "going on" in capfd.readouterr().err
    assert sum(encoded) == ROWS - 2 * 2048
    assert pq.read_table(output).equals(pq.read_table(whole))
    assert sorted(path.name for path in tmp_path.iterdir()) == [output.name, whole.name]


def test_a_mistake_leaves_nothing_behind(tmp_path):
    with pytest.raises(SourceError):
        embed([""], tmp_path / "vectors.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_finished_output_is_left_alone(tmp_path, monkeypatch, capsys):
    from isogloss.encoders.lexical import LexicalEncoder

    texts, output = tmp_path / "texts.parquet", tmp_path / "vectors.parquet"
    pq.write_table(pa.table({"id": [1, 2], "text": ["a cat", "a dog"]}), texts)
    encoded, encode = [], LexicalEncoder.encode

    def counted(self, batch, *rest, **options):
        encoded.append(len(batch))
        return encode(self, batch, *rest, **options)

    monkeypatch.setattr(LexicalEncoder, "encode", counted)

    def run(*more):
        encoded.clear()
        before = output.stat().st_mtime_ns if output.exists() else None
        arguments = ["embed", str(texts), "-o", str(output), "--encoder", "lexical", *more]
        assert main(arguments) == 0
        said = capsys.readouterr().out
        same = output.stat().st_mtime_ns == before
        assert same == (not encoded) == ("nothing was done (--force encodes anew)" in said)
        return same

    assert not run()
    assert run()
    assert not run("--force")
    assert run()
    assert not run("--dim", "64")
    assert run("--dim", "64")
    assert not run("--dtype", "int8", "--dim", "64")
    assert not run()
    pq.write_table(pa.table({"id": [1, 3], "text": ["a cat", "a dog"]}), texts)
    assert not run()
    pq.write_table(pa.table({"id": [1, 3], "text": ["a cat", "a bird"]}), texts)
    assert not run()
    assert run()
    output.write_bytes(output.read_bytes()[:-20])
    assert not run()
    assert pq.read_table(output)["id"].to_pylist() == [1, 3]


def test_a_fitted_encoder_is_not_fitted_again(tmp_path):
    texts = [f"text {n} of rocket {n % 7} and cat {n % 3}" for n in range(60)]
    output, settings = tmp_path / "v.parquet", BuildSettings(encoder="lsa")
    first = embed(texts, output, settings)
    second = embed(texts, output, settings)
    assert (first["status"], second["status"]) == ("written", "unchanged")
    assert (first["fingerprint"], first["dim"]) == (second["fingerprint"], second["dim"])
    assert embed(texts, output, BuildSettings(encoder="lsa", seed=1))["status"] == "written"


def test_a_file_of_another_kind_is_spared(tmp_path):
    mine, out = tmp_path / "mine.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"text": ["precious"]}), mine)
    with pytest.raises(ParameterError, match="holds no vectors that isogloss wrote"):
        embed(["a cat", "a dog"], mine, BuildSettings(encoder="lexical"))
    assert pq.read_table(mine)["text"].to_pylist() == ["precious"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.parquet"]
    out.touch()  # as `mktemp` leaves it
    embed(["a cat", "a dog"], out, BuildSettings(encoder="lexical"))
    embed(["a cow"], out, BuildSettings(encoder="lexical"))
    assert pq.read_table(out).num_rows == 1
    held = pq.read_table(out)
    pq.write_table(held.append_column("notes", pa.array(["mine"])), out)
    with pytest.raises(ParameterError, match="holds no vectors that isogloss wrote"):
        embed(["a cow"], out, BuildSettings(encoder="lexical"))
    mine.write_bytes(mine.read_bytes()[:-20])  # what is cut may be anybody's
    cut = mine.read_bytes()
    for source in (["a cow"], str(mine)):
        with pytest.raises(ParameterError, match=r"mine\.parquet"):
            embed(source, mine, BuildSettings(encoder="lexical"))
        assert mine.read_bytes() == cut
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        embed(str(mine), tmp_path / "else.parquet", BuildSettings(encoder="lexical"))
    embed(["a cat", "a dog"], mine, BuildSettings(encoder="lexical"), force=True)
    assert pq.read_table(mine).num_rows == 2
