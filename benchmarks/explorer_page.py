"""What a person waits for in `isogloss explore`: first paint, all points, panning; memory, bytes.

    python benchmarks/explorer_page.py --atlas news.atlas million.atlas --rounds 3 --out page

Each round starts the server and a headless Chromium anew; WebGL is drawn by SwiftShader, without a
GPU. Needs playwright, psutil and Debian's chromium. Prints a Markdown table; the JSON keeps every
round. Panning is a drag of five seconds; frames are counted by the page as it draws them.
"""

import argparse
import itertools
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-quic",
         "--no-first-run"]  # fmt: skip
ADDRESS = re.compile(r"http://[\w.:\[\]-]+/")
PAN_SECONDS = 5.0
PATIENCE = 180_000  # milliseconds


def start_server(atlas):
    """Start the explorer; give process, address, and seconds until it was ready."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "isogloss", "explore", str(atlas), "--no-browser"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stderr:
        if found := ADDRESS.search(line):
            address = found.group()
            break
    else:
        raise SystemExit(f"the explorer did not start on {atlas}")
    while True:
        try:
            with urllib.request.urlopen(address + "ready", timeout=30):
                return process, address, time.perf_counter() - began
        except OSError:
            time.sleep(0.02)


def resident_mb(process):
    """Give the resident memory of a process, megabytes."""
    return psutil.Process(process.pid).memory_info().rss / 1e6


def renderers_mb():
    """Give the unique memory of Chromium's renderer and GPU processes, megabytes."""
    total = {"renderer": 0.0, "gpu-process": 0.0}
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        for kind in total:
            if "chromium" in line and f"--type={kind}" in line:
                total[kind] += process.memory_full_info().uss / 1e6
    return total


def look(page):
    """Read what the page says of itself."""
    return page.evaluate("() => ({...window.__isogloss, frameTimes: undefined})")


def settle(page):
    """Wait until all points of the view are drawn; give the milliseconds."""
    began = time.perf_counter()
    page.wait_for_function(
        "() => { const s = window.__isogloss; return s && s.allPoints !== null && s.pending === 0"
        " && s.tilesLoaded === s.tilesWanted; }",
        timeout=PATIENCE,
    )
    return (time.perf_counter() - began) * 1000


def pan(page):
    """Drag the map about; give frames a second and the gaps between frames, milliseconds."""
    box = page.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    begin = page.evaluate("() => performance.now()")
    ends = time.perf_counter() + PAN_SECONDS
    step = 0
    while time.perf_counter() < ends:
        step += 1
        page.mouse.move(x + 120 * ((step // 40) % 2 * 2 - 1) * (step % 40) / 40, y + step % 30)
        page.wait_for_timeout(8)
    page.mouse.up()
    times = page.evaluate("t => window.__isogloss.frameTimes.filter(f => f >= t)", begin)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    return len(times) / PAN_SECONDS, gaps


def measure(play, atlas, zooms):
    """Open one atlas once."""
    server, address, ready = start_server(atlas)
    browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        sent = [0.0]
        network.on(
            "Network.loadingFinished",
            lambda event: sent.__setitem__(0, sent[0] + event["encodedDataLength"]),
        )
        page.goto(address)
        settle(page)
        first = look(page)
        found = {
            "ready_s": ready, "first_paint_ms": first["firstPaint"],
            "all_points_ms": first["allPoints"], "points_drawn": first["pointsDrawn"],
            "tiles": first["tilesLoaded"], "bytes_open": sent[0],
        }  # fmt: skip
        found["pan_fps"], gaps = pan(page)
        found["pan_gap_p95_ms"] = sorted(gaps)[int(0.95 * len(gaps))] if gaps else None
        settle(page)
        found["zoom_settle_ms"] = []
        box = page.locator("canvas").first.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5)
        for _ in range(zooms):
            page.mouse.wheel(0, -600)
            page.wait_for_timeout(700)
            found["zoom_settle_ms"].append(settle(page))
        last = look(page)
        found["points_zoomed"], found["tiles_zoomed"] = last["pointsDrawn"], last["tilesLoaded"]
        found["bytes_all"] = sent[0]
        network.send("Performance.enable")
        metrics = {m["name"]: m["value"] for m in network.send("Performance.getMetrics")["metrics"]}
        found["heap_mb"] = metrics["JSHeapUsedSize"] / 1e6
        found["page_mb"], found["gpu_mb"] = renderers_mb().values()
        found["server_mb"] = resident_mb(server)
        return found
    finally:
        browser.close()
        server.terminate()
        server.wait(30)


LINES = {
    "server ready, s": ("ready_s", 1), "first paint, ms": ("first_paint_ms", 0),
    "all points of the view, ms": ("all_points_ms", 0), "points in view": ("points_drawn", 0),
    "frames a second, panning": ("pan_fps", 1), "95% of frames within, ms": ("pan_gap_p95_ms", 0),
    "bytes to open, kB": ("bytes_open", -3), "bytes after zooming, kB": ("bytes_all", -3),
    "JavaScript heap, MB": ("heap_mb", 0), "page's process, MB": ("page_mb", 0),
    "software GL, MB": ("gpu_mb", 0), "server, MB": ("server_mb", 0),
}  # fmt: skip


def table(results):
    """Write medians, and min to max, as Markdown."""
    names = list(results)
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for label, (key, places) in LINES.items():
        cells = []
        for rounds in results.values():
            values = [one[key] * (1e-3 if places == -3 else 1) for one in rounds]
            digits = max(places, 0)
            middle = f"{statistics.median(values):,.{digits}f}"
            spread = f"{min(values):,.{digits}f} to {max(values):,.{digits}f}"
            cells.append(f"{middle} ({spread})" if len(values) > 1 else middle)
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atlas", nargs="+", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--zooms", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("explorer_page"))
    options = parser.parse_args()
    results = {atlas.stem: [] for atlas in options.atlas}
    with sync_playwright() as play:
        for _ in range(options.rounds):
            for atlas in options.atlas:
                results[atlas.stem].append(measure(play, atlas, options.zooms))
                print(atlas.stem, json.dumps(results[atlas.stem][-1]), file=sys.stderr, flush=True)
    options.out.with_suffix(".json").write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
