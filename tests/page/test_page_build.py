"""The page that ships is the one its sources give."""

import json
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "page"
BUILT = ROOT / "src" / "isogloss" / "app" / "web" / "page"
# The same list stands in page/build/record.ts.
NAMES = (
    "src", "build", "index.html", "package.json", "package-lock.json", "tsconfig.json",
    "vite.config.ts",
)  # fmt: skip


def hashes(root, names):
    files = [
        path
        for name in names
        for path in ([root / name] if (root / name).is_file() else sorted((root / name).rglob("*")))
        if path.is_file()
    ]
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.fixture(scope="module")
def recorded():
    return json.loads((SOURCES / "built.json").read_text(encoding="utf-8"))


def test_page_was_built_from_the_sources_as_they_are(recorded):
    found = sorted(hashes(SOURCES, NAMES).items())
    lines = "".join(f"{digest}  {name}\n" for name, digest in found)
    now = sha256(lines.encode()).hexdigest()
    assert now == recorded["sources"], (
        "run `npm ci && npm run build` in page/ and commit the result"
    )


def test_page_is_what_was_built(recorded):
    names = [path.name for path in BUILT.iterdir()]
    assert hashes(BUILT, names) == recorded["files"]


def test_page_asks_for_nothing_but_its_own_files():
    html = (BUILT / "index.html").read_text(encoding="utf-8")
    assert "<style" not in html
    assert "//" not in html.replace("<!doctype html>", "")
    # The policy of the server forbids scripts in the page itself.
    assert html.count("<script") == html.count('<script type="module" crossorigin src="./assets/')
    for name in ("page.js", "style.css", "icon.svg"):
        assert f"./assets/{name}" in html
    assert "url(http" not in (BUILT / "assets" / "style.css").read_text(encoding="utf-8")


def test_page_is_small_and_names_its_licences():
    assert sum(path.stat().st_size for path in BUILT.rglob("*") if path.is_file()) < 1_200_000
    licences = (BUILT / "THIRD-PARTY.txt").read_text(encoding="utf-8")
    for name in ("@deck.gl/core", "preact ", "@uwdata/flechette"):
        assert name in licences


def test_lock_names_no_registry():
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
    manifest = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))
    for version in (*manifest["dependencies"].values(), *manifest["devDependencies"].values()):
        assert version[0].isdigit(), "versions are exact"


@pytest.mark.slow
def test_same_sources_give_the_same_bytes(tmp_path, recorded):
    if shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    if not (SOURCES / "node_modules").is_dir():
        pytest.skip("needs the page's packages: run `npm ci` in page/")
    work = tmp_path / "page"
    shutil.copytree(SOURCES, work, ignore=shutil.ignore_patterns("node_modules"))
    (work / "node_modules").symlink_to(SOURCES / "node_modules")
    subprocess.run(
        ["npm", "run", "build"], cwd=work, check=True, capture_output=True, env=dict(os.environ)
    )
    built = tmp_path / "src" / "isogloss" / "app" / "web" / "page"
    assert hashes(built, [path.name for path in built.iterdir()]) == recorded["files"]
