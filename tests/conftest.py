"""What all tests share: where the data sets lie, and a corpus with a known answer."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Several folders have one; as modules with doctests they would all be called the same.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

# A slow machine is no mistake, and a run finds what the run before found. For other examples:
# pytest --hypothesis-profile=search
UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **UNHURRIED)
settings.register_profile("search", **UNHURRIED)
settings.load_profile("steady")

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


@pytest.fixture
def nobody():
    """Give host and port of a place where no one listens, nor will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"
