"""The examples of docs/topic-models.md run."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topic-models.md"


@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
def test_the_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    assert len(blocks) == 9
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    count = len(names["texts"])
    for model in ("lda", "nmf", "cfmf", "found", "top2vec", "bertopic", "fewer"):
        result = names[model].result_
        assert len(result.labels) == count
        assert all(len(words) >= 3 for words in result.keywords), model
    assert names["fewer"].result_.count == 8
    assert names["report"]["nmi"].value > 0.5
