"""Write docs/ledger.md from the results that come with the package.

    python docs/ledger_table.py            writes the page
    python docs/ledger_table.py --check    says whether it is current, and exits with 1 if not

A new result is taken in by copying it from the folder that `isogloss reproduce --results FOLDER`
wrote to `src/isogloss/ledger/results/`.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ledger.md"
sys.path.insert(0, str(ROOT / "src"))

INTRODUCTION = """# The ledger

*This page is written by `python docs/ledger_table.py`; do not edit it.*

Each research system inside Isogloss has an entry that says what its paper claims and what was
measured here, on real data, with intervals. `isogloss reproduce SYSTEM` measures again on your
machine; `isogloss reproduce --list` shows where all entries stand. A claim *holds* only when the
whole of the entry's rule is met; the rules are code, and stand below in words.
"""


def page() -> str:
    """Give the page as it should be."""
    from isogloss.ledger import listing, record

    entries = listing(results=ROOT / "no" / "results" / "of" / "ones" / "own")
    done = []
    lines = [INTRODUCTION, "| system | work | state |", "|---|---|---|"]
    for entry in entries:
        result = record.read(record.SHIPPED, entry["system"])
        name = f"`{entry['system']}`"
        if result:
            done.append(result)
            name = f"[{name}](#{entry['system']})"
        lines.append(f"| {name} | {entry['paper']} | {entry['state']} |")
    count = sum(entry["built"] for entry in entries)
    lines.insert(1, f"Of {len(entries)} systems, built: {count}; measured: {len(done)}.\n")
    for result in done:
        lines += ["", *section(result)]
    return "\n".join(lines) + "\n"


def section(result: dict[str, Any]) -> list[str]:
    """Give the lines about one system."""
    run = result["run"]
    lines = [
        f"## {result['system']}",
        "",
        f"*{result['title']}.*",
        "",
        f"**Claim.** {result['claim']}",
        "",
        f"**Rule.** {result['rule']}",
        "",
        f"**Verdict: {result['verdict']}.**",
        "",
        *(f"- {reason}" for reason in result["reasons"]),
        "",
        "| the paper | value | unit | where |",
        "|---|---|---|---|",
    ]
    for name, figure in result["paper"].items():
        lines.append(f"| {name} | {figure['value']} | {figure['unit']} | {figure['where']} |")
    lines += ["", "| measured | value | low | high | unit | n |", "|---|---|---|---|---|---|"]
    for name, figure in result["measured"].items():
        cells = [number(figure[part]) for part in ("value", "low", "high")]
        kind = " runs" if figure["interval"] == "range" else ""
        lines.append(f"| {name} | {' | '.join(cells)} | {figure['unit']} | {figure['n']:,}{kind} |")
    ranges = any(figure["interval"] == "range" for figure in result["measured"].values())
    lines += [
        "",
        "Low and high are a 95% bootstrap interval over the n items"
        + (", or the smallest and largest of n runs." if ranges else "."),
        *(["", *(f"- {limit}" for limit in result["limits"])] if result["limits"] else []),
        "",
        f"Measured with isogloss {result['inputs']['isogloss']}, seeds "
        f"{', '.join(map(str, result['seeds']))}, on {run['cores']} cores ({run['machine']}) in "
        f"{run['seconds']:,.0f} s ({run['cpu_seconds']:,.0f} CPU s; budget "
        f"{result['budget_seconds']:,} s), at most {run['peak_rss_mb']:,.0f} MB.",
    ]
    return lines


def number(value: float | None) -> str:
    """Show a figure with three digits after the point, fewer when it is large."""
    if value is None:
        return "-"
    digits = 3 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def main() -> int:
    """Write the page, or check it."""
    wanted = page()
    if "--check" in sys.argv[1:]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == wanted
        print(f"{PAGE.name} is {'current' if current else 'stale: run docs/ledger_table.py'}")
        return 0 if current else 1
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
