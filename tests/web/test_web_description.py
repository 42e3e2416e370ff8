"""The OpenAPI description, against what the server does with generated requests."""

import shutil

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from isogloss.app.web.server import make_app

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
HOST = {"host": "127.0.0.1:80"}


@pytest.fixture(scope="module")
def schema(atlas_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked") / "asked.atlas"
    app = make_app(shutil.copytree(atlas_path, folder))
    return schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HOST)


def ask_all(schema, examples):
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=examples, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case):
            nonlocal asked
            asked += 1
            reply = case.call(headers={**(case.headers or {}), **HOST})
            case.validate_response(reply, checks=CHECKS)

        ask()
    return asked


def test_generated_requests(schema):
    assert ask_all(schema, 12) > 200


@pytest.mark.slow
def test_many_generated_requests(schema):
    assert ask_all(schema, 150) > 2000
