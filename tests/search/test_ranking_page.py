"""The examples of docs/ranking.md run, and its table names every spec string."""

import re
from pathlib import Path

from isogloss.search.steps import SPECS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ranking.md"


def test_the_examples_run(capsys):
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    strategy = names["found"].strategy
    for part in ("convex combination (0.5", "Rocchio feedback", "reranked by", "ordered by MMR"):
        assert part in strategy
    assert len(names["found"].hits) == 3
    assert "won" in capsys.readouterr().out
    assert names["learned"].queries_ == 5


def test_every_spec_string_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for step, specs in SPECS.items():
        assert f"| {step} |" in page
        for name in specs:
            assert f"`{name}" in page
