"""The manifest: round trip, damage, and formats that are too new."""

import json

import pytest

from isogloss._core.errors import AtlasError
from isogloss.store.manifest import FORMAT_VERSION, Manifest, read_manifest, write_manifest


def test_round_trip(tmp_path):
    manifest = Manifest(version=2, parameters={"seed": 1}, skipped={"empty": 3}, attributes=["a"])
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_version_one_still_opens(tmp_path):
    golden = {"format": "isogloss-atlas", "format_version": 1, "version": 1, "parameters": {}}
    (tmp_path / "manifest.json").write_text(json.dumps(golden))
    assert read_manifest(tmp_path).version == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "no atlas manifest"),
        (b'{"format": "other"}', "no atlas manifest"),
        (
            json.dumps({"format": "isogloss-atlas", "format_version": FORMAT_VERSION + 1}).encode(),
            "upgrade",
        ),
        (b'{"format": "isogloss-atlas", "format_version": 1}', "damaged"),
    ],
)  # fmt: skip
def test_damage_is_said(tmp_path, content, says):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(AtlasError, match=says):
        read_manifest(tmp_path)
