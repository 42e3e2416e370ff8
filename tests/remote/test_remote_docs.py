"""The example of docs/servers.md runs."""

import re
from pathlib import Path

import pytest

pytest.importorskip("qdrant_client")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "servers.md"


def test_the_example_runs(capsys):
    [block] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, str(PAGE), "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "4" and said[1].endswith("{'year': 1994}") and len(said) == 3
