"""Take the documentation's pictures of the explorer: `python docs/explorer_pictures.py ATLAS`.

Needs playwright, pillow and Debian's chromium; starts `isogloss explore` itself.
"""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip
SETTLED = (
    "() => { const s = window.__isogloss; return s.firstPaint !== null && s.pending === 0"
    " && s.tilesLoaded === s.tilesWanted; }"
)
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 2}
QUERY = "#query=cost+of+a+launch"
# name: address after the page, zoom steps, window
PICTURES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "map": ("", 0, WIDE),
    "map-near": ("", 1, WIDE),
    "map-nearest": ("", 3, WIDE),
    "search": (QUERY, 0, WIDE),
    "dark": ("#theme=dark", 0, WIDE),
    "phone": ("", 0, PHONE),
}


def start(atlas: str) -> tuple[subprocess.Popen[str], str]:
    """Start the explorer and give its address."""
    command = [sys.executable, "-m", "isogloss", "explore", atlas, "--no-browser"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in server.stderr or ():
        if found := re.search(r"http://[\w.:]+/", line):
            return server, found.group()
    raise SystemExit("the explorer did not start")


def take(page: Any, path: Path) -> None:
    """Keep what is seen with 256 colours, which is a third of the bytes."""
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Take all pictures, or those named."""
    folder = Path(__file__).parent / "assets"
    wanted = sys.argv[2:] or list(PICTURES)
    server, address = start(sys.argv[1])
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            for name in wanted:
                hash_part, steps, window = PICTURES[name]
                page = browser.new_context(**window).new_page()
                page.goto(address + hash_part)
                page.wait_for_function(SETTLED, timeout=120_000)
                for _ in range(steps):
                    page.get_by_role("button", name="Zoom in").click()
                    page.wait_for_timeout(900)
                page.wait_for_function(SETTLED, timeout=120_000)
                page.wait_for_timeout(2500)
                take(page, folder / f"explorer-{name}.png")
                page.context.close()
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
