"""A real Chromium for the tests of pages: what goes wrong in the page fails the test.

A test fails on an error in the console, on an exception of a script, and on a request to anywhere
but the server under test.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from explorer import ENDED

TIMEOUT = 120_000  # milliseconds: slow machines are no mistake of the page
HERE = ("127.0.0.1", "localhost")
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


# What the page said at its foot, kept after it is gone: notices go by themselves.
LISTEN = """
window.__said = [];
new MutationObserver(() => {
  const said = document.querySelector(".notice bdi")?.textContent ?? null;
  if (said !== null && said !== window.__last) window.__said.push(said);
  window.__last = said;
}).observe(document, {subtree: true, childList: true, characterData: true});
"""


@pytest.fixture(scope="module")  # while it runs, no test of its thread can have an event loop
def chromium() -> Iterator[Any]:
    """Start Chromium without a window; ISOGLOSS_CHROMIUM names its program."""
    named = os.environ.get("ISOGLOSS_CHROMIUM")
    program = named or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium: install it, or set ISOGLOSS_CHROMIUM to its program")
    if named:  # who names it wants the tests to run
        import playwright.sync_api as driver
    else:
        driver = pytest.importorskip("playwright.sync_api")
    with driver.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open addresses in pages of their own; options are those of a browser context.

    `script` runs before those of the page. `open_page.expect(words)` makes what goes wrong with
    these words part of the test, whenever the browser reports it.
    """
    contexts: list[Any] = []
    wrong: list[str] = []
    expected: list[str] = []

    def watch(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in HERE:
            wrong.append(f"a request to {request.url}")

    def opened(address: str, script: str = "", **options: Any) -> Any:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = chromium.new_context(accept_downloads=True, **options)
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(LISTEN + script)
        contexts.append(context)
        page = context.new_page()
        page.on("request", watch)
        page.on("pageerror", lambda error: wrong.append(f"an exception: {error}"))
        page.on(
            "console",
            lambda said: (
                wrong.append(f"in the console: {said.text} {said.location['url']}")
                if said.type == "error"
                else None
            ),
        )
        page.goto(address)
        page.wait_for_selector(".title .hint", state="attached")
        return page

    opened.expect = expected.append  # type: ignore[attr-defined]
    opened.wrong = wrong  # type: ignore[attr-defined]
    yield opened
    for context in contexts:
        context.close()
    rest = [what for what in wrong if not any(words in what for words in expected)]
    # a page outlives the explorer that a test has ended, and goes on asking
    unanswered = [
        what for what in rest if "net::ERR_" in what and any(address in what for address in ENDED)
    ]
    rest = [what for what in rest if what not in unanswered]
    assert not rest, "; ".join(rest)
