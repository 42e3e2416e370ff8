"""One small atlas behind the application."""

import pyarrow as pa
import pytest
from web_rows import client_of, strange_rows

from isogloss.app.web.server import make_app
from isogloss.atlas import Atlas


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
    with client_of(app) as client:
        yield client


@pytest.fixture(scope="session")
def atlas(atlas_path):
    return Atlas.open(atlas_path)


@pytest.fixture(scope="session")
def explorer(app):
    return app.state.explorer
