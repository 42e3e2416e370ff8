"""The examples of docs/topics.md that stand under "After the fit" run."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics.md"


def test_the_examples_after_the_fit_run():
    section = PAGE.read_text(encoding="utf-8").split("## After the fit")[1]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 7
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["stream"].new_topics_ == 1
    assert len(names["five"].tree_.leaves) == 5
