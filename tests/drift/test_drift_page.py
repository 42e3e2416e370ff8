"""The example of docs/changing-encoders.md runs and prints what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "changing-encoders.md"


def test_the_example_prints_what_the_page_says(capsys):
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code) == 1
    exec(compile(code[0], str(PAGE), "exec"), {})
    assert capsys.readouterr().out.split("\n")[:3] == ["compensated True", "cat", "dog"]
