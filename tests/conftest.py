"""What all tests share: where the data sets lie, and a corpus with a known answer."""

import os
from pathlib import Path

import pytest

# Several folders have one; as modules with doctests they would all be called the same.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

ROOT = Path(__file__).resolve().parents[1]


def find_data() -> Path | None:
    """Give the folder of data sets, or None."""
    named = os.environ.get("ISOGLOSS_DATA")
    candidates = [Path(named)] if named else [ROOT.parent / "shared" / "data"]
    return next((path for path in candidates if path.is_dir()), None)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    folder = find_data()
    if folder is None:
        pytest.skip("needs the data sets: set ISOGLOSS_DATA to their folder")
    return folder
