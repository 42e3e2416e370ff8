"""lancedb is imported without the classes of its service, which come when they are called."""

import json
import subprocess
import sys

import pytest

CODE = """
import json, sys
{before}
from isogloss.store.quick_lance import SERVICE, lancedb
api = sorted(name for name in sys.modules if name.startswith(SERVICE + ".api."))
import lance_namespace_urllib3_client as client
made = client.TableApi(client.ApiClient())
home = type(made).__module__
import importlib
again = importlib.import_module(SERVICE + ".api.table_api")
print(json.dumps([api, home, type(made) is again.TableApi, callable(lancedb.connect)]))
"""


def run(before=""):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_the_service_is_imported_when_it_is_called():
    api, home, same, connects = run()
    assert api == []  # neither the real ones nor what stood for them
    assert home == "lance_namespace_urllib3_client.api.table_api"
    assert same
    assert connects


def test_what_was_imported_before_stays():
    api, _, same, connects = run("import lancedb")
    assert "lance_namespace_urllib3_client.api.table_api" in api
    assert same
    assert connects


def test_a_package_without_that_service(tmp_path, monkeypatch):
    from isogloss.store.quick_lance import quick_import

    (tmp_path / "plain_package_of_a_test.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plain_package_of_a_test", raising=False)
    assert quick_import("plain_package_of_a_test", "no_such_service_at_all").ANSWER == 42


def test_a_failing_import_leaves_nothing_behind(tmp_path, monkeypatch):
    from isogloss.store.quick_lance import quick_import

    service = tmp_path / "service_of_a_test"
    (service / "api").mkdir(parents=True)
    (service / "__init__.py").write_text("from service_of_a_test.api.part import Part\n")
    (service / "api" / "__init__.py").write_text("")
    (service / "api" / "part.py").write_text("class Part: pass\n")
    (tmp_path / "user_of_a_test.py").write_text("import service_of_a_test\n1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        quick_import("user_of_a_test", "service_of_a_test")
    assert not [name for name in sys.modules if name.startswith("service_of_a_test.api")]
    assert type(sys.modules["service_of_a_test"].Part()).__name__ == "Part"
    for name in [name for name in sys.modules if name.startswith("service_of_a_test")]:
        monkeypatch.delitem(sys.modules, name)
