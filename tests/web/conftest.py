"""Small atlases behind the application, and a map where the atlas has none yet."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from isogloss.app.web.server import make_app
from isogloss.atlas import Atlas

ADDRESS = "http://127.0.0.1:80"
WORDS = {
    "cats": "cats purr kittens whiskers paws meow fur tail",
    "space": "rockets orbit launch moon engines stars planets astronauts",
    "money": "stocks markets bonds shares traders prices banks profit",
}
STRANGE = [
    "<script>alert('cats purr')</script><img src=x onerror=alert(1)> kittens paws",
    "rockets \u202eorbit launch\u202c moon \u200f stars",
    '=HYPERLINK("http://evil.example","stocks") markets, bonds\nshares "traders"\r\nprices',
]


def strange_rows():
    """Rows of three topics, among them texts that try to be something else."""
    generator = np.random.default_rng(0)
    rows = []
    for n in range(240):
        label = list(WORDS)[n % 3]
        text = " ".join(generator.choice(WORDS[label].split(), 9))
        rows.append({
            "id": f"d{n}", "text": text, "label": None if n == 7 else label, "year": 1990 + n % 12,
            "score": None if n == 3 else float("inf") if n == 4 else n / 8,
            "day": None if n == 5 else date(2001, 1 + n % 12, 1 + n % 28),
            "tags": [label, "all"] if n % 2 else [], "many": f"value {n % 60:02d}",
            "title": f"{label} {n} " + "long " * n, "x": n,
        })  # fmt: skip
    for n, text in enumerate(STRANGE):
        rows[10 + n]["text"] = text
    return rows


@pytest.fixture(scope="session")
def atlas_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("web") / "stränge näme.atlas"
    schema = pa.schema([
        ("id", pa.string()), ("text", pa.string()), ("label", pa.string()), ("year", pa.int16()),
        ("score", pa.float64()), ("day", pa.date32()), ("tags", pa.list_(pa.string())),
        ("many", pa.string()), ("title", pa.string()), ("x", pa.int64()),
    ])  # fmt: skip
    Atlas.build(pa.Table.from_pylist(strange_rows(), schema), path, text="text", id="id")
    return path


@pytest.fixture(scope="session")
def app(atlas_path):
    return make_app(atlas_path)


@pytest.fixture(scope="session")
def client(app):
    with TestClient(app, base_url=ADDRESS) as client:
        yield client


@pytest.fixture(scope="session")
def atlas(atlas_path):
    return Atlas.open(atlas_path)


@pytest.fixture(scope="session")
def explorer(app):
    return app.state.explorer
