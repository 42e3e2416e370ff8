"""The example of docs/explorer-api.md runs, and its table names every route."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explorer-api.md"


def test_the_example_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    assert len(blocks) == 1
    exec(compile(blocks[0], str(PAGE), "exec"), {})
    assert capsys.readouterr().out == "cats purr\n"


def test_every_route_and_kind_of_error_is_on_the_page(client):
    page = PAGE.read_text(encoding="utf-8")
    for path in client.get("/api/openapi.json").json()["paths"]:
        last = path.rpartition("/")[2]
        assert last in page or path in page.replace("{n}", "{number}"), path
    sources = (Path(__file__).resolve().parents[2] / "src/isogloss/app/web").glob("*.py")
    for source in sources:
        for status, kind in re.findall(
            r"Refusal\(\s*(\d+),\s*\"(\w+)\"", source.read_text("utf-8")
        ):
            assert f"`{kind}`" in page, (status, kind)
