"""The example of docs/serve.md runs and prints what the page says, and the page has every field."""

import contextlib
import io
import re
from pathlib import Path

from isogloss.app.cli.serve import add_arguments
from isogloss.app.serve.request import FIELDS
from isogloss.app.serve.tool_list import TOOLS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")


def test_the_example_runs(url):
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    said = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert (len(code), len(said)) == (1, 1)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code[0].replace("http://127.0.0.1:8766", url), {})
    assert printed.getvalue() == said[0]


def test_the_page_names_fields_tools_and_bounds():
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    bounds = [name for name in vars(parser.parse_args([])) if "passages" in name or "bytes" in name]
    for name in (*FIELDS, *TOOLS, *("--" + bound.replace("_", "-") for bound in bounds)):
        assert f"`{name}`" in PAGE, name
