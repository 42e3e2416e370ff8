"""`isogloss search` with its steps, as a user types them."""

import json

import pytest

from isogloss.app.cli.main import main
from isogloss.atlas import Atlas


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    subjects = ["rocket launch orbit", "goalie hockey puck", "market stocks price"]
    texts = [f"{subjects[i % 3]} report number{i}" for i in range(60)]
    path = tmp_path_factory.mktemp("steps") / "a.atlas"
    Atlas.build(texts, path)
    return str(path)


def run(capfd, *argv):
    code = main([str(one) for one in argv])
    out, err = capfd.readouterr()
    return code, out, err


def test_all_steps_are_done_and_named(atlas, capfd):
    code, out, err = run(
        capfd, "search", atlas, "orbit", "-k", 30, "--fusion", "convex:0.6", "--feedback", "rm3",
        "--rerank", "encoder:lexical", "--diversify", "mmr:0.5", "--depth", 5, "--json",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(out)
    assert len(found["hits"]) == 30  # depth 5 costs no hit
    for part in ("convex combination (0.6", "RM3 feedback", "30 candidates reranked", "MMR"):
        assert part in found["strategy"]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--fusion", "rff"], "did you mean 'rrf'?"),
        (["--fusion", "convex", "--mode", "text"], "nothing to fuse"),
        (["--feedback", "rocchio", "--mode", "text"], "use 'rm3'"),
        (["--rerank", "cross-encoder"], "FOLDER or hub id"),
        (["--rerank", "cross-encoder:./nowhere"], "nowhere"),
        (["--diversify", "mmr:2"], "give 0 to 1"),
        (["--depth", "0"], "at least 1"),
    ],
)
def test_mistakes_are_answered_in_one_line(atlas, capfd, options, part):
    code, out, err = run(capfd, "search", atlas, "orbit", *options)
    assert (code, out) == (2, "")
    assert part in err
    assert len(err.splitlines()) == 1
