"""The examples of docs/mteb.md run, but for the one that fetches a task."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.models
pytest.importorskip("mteb")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mteb.md"


def test_the_examples_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    offline = [block for block in blocks if "NFCorpus" not in block]
    assert (len(blocks), len(offline)) == (3, 2)
    names: dict[str, object] = {}
    for block in offline:
        exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "isogloss/lexical PetsFindLocal ndcg_at_10 1.0 True" in said
    assert sorted(names["cut"].data.documents) == ["d1", "d2"]
