"""Start-up: what `import isogloss` loads, and what it must not."""

import subprocess
import sys

HEAVY = ["numpy", "scipy", "pyarrow", "lancedb", "torch", "pandas", "sklearn", "onnxruntime"]


def loaded_after(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_import_loads_nothing_heavy():
    assert not loaded_after("import isogloss") & set(HEAVY)


def test_help_loads_nothing_heavy():
    code = "from isogloss.app.cli.main import build_parser; build_parser().format_help()"
    assert not loaded_after(code) & set(HEAVY)


def test_public_names_are_exported_and_exist():
    import isogloss

    assert dir(isogloss) == sorted(isogloss.__all__)
    for name in isogloss.__all__:
        assert getattr(isogloss, name) is not None


def test_unknown_name_is_an_attribute_error():
    import pytest

    import isogloss

    with pytest.raises(AttributeError, match="no attribute 'Atlass'"):
        _ = isogloss.Atlass
