"""The page of the ledger is what the stored results say."""

import importlib.util
from pathlib import Path

import pytest

from isogloss.ledger import record
from isogloss.ledger.catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "ledger_table.py"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    spec = importlib.util.spec_from_file_location("ledger_table", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(script):
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run docs/ledger_table.py"


def test_the_page_follows_the_results(script, tmp_path, monkeypatch):
    result = record.read(record.SHIPPED, "luxical")
    monkeypatch.setattr(record, "SHIPPED", tmp_path)
    assert "reproduced" not in script.page().split("|---|")[-1]
    record.write(tmp_path, {**result, "verdict": "does not hold", "claim": "All is well."})
    text = script.page()
    assert "reproduced: does not hold" in text
    assert "**Claim.** All is well." in text
    assert all(f"`{name}`" in text for name in CATALOGUE)


def test_numbers_are_short(script):
    assert [script.number(x) for x in (None, 0.12345, 12.34, 1234.5)] == [
        "-", "0.123", "12.3", "1,234"
    ]  # fmt: skip
