"""The example of docs/long-passages.md runs, and the page names every method."""

import re
from pathlib import Path

from isogloss.encoders.context import METHODS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "long-passages.md"


def test_the_example_runs(capsys):
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(blocks) == 1
    names: dict[str, object] = {}
    exec(compile(blocks[0], str(PAGE), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["128", "512"]


def test_every_method_stands_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \|", text, flags=re.M)
    assert set(METHODS) - {"auto"} <= set(rows)
