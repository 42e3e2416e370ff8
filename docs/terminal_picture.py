"""Draw real terminal output as an SVG picture: `python docs/terminal_picture.py OUT.svg CMD...`.

Each argument after the first is a command line; it is run, and what it prints on stdout is drawn
under its prompt.
"""

import html
import shlex
import subprocess
import sys
from pathlib import Path

CHAR, LINE, PAD = 7.8, 18, 20
COLOURS = {"paper": "#0f1720", "text": "#d7dee8", "prompt": "#7fd1b9", "faint": "#8fa1b5"}


def run(command: str, lines: int, columns: int) -> list[str]:
    """Run a command and give the first lines of its output."""
    done = subprocess.run(
        shlex.split(command), capture_output=True, text=True, check=True,
        env={**__import__("os").environ, "COLUMNS": str(columns)},
    )  # fmt: skip
    out = done.stdout.rstrip().splitlines()
    shown = [line[:columns] for line in out[:lines]]
    return shown if len(out) <= lines else [*shown, f"... {len(out) - lines} more lines"]


def draw(blocks: list[tuple[str, list[str]]], columns: int) -> str:
    """Draw prompts and outputs as SVG."""
    rows: list[tuple[str, str]] = []
    for command, lines in blocks:
        rows.append(("prompt", f"$ {command}"))
        rows += [("text", line) for line in lines]
        rows.append(("text", ""))
    width, height = round(columns * CHAR + 2 * PAD), round(len(rows) * LINE + 2 * PAD)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="isogloss in a terminal">',
        f'<rect width="100%" height="100%" rx="10" fill="{COLOURS["paper"]}"/>',
        '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" '
        'xml:space="preserve">',
    ]
    for number, (kind, line) in enumerate(rows):
        y = PAD + (number + 0.75) * LINE
        held = html.escape(line).replace(" ", "&#160;")  # browsers fold plain ones
        out.append(f'<text x="{PAD}" y="{y:.0f}" fill="{COLOURS[kind]}">{held}</text>')
    return "\n".join([*out, "</g>", "</svg>", ""])


def main() -> None:
    """Run the commands and write the picture."""
    target, *commands = sys.argv[1:]
    columns = 112
    blocks = [(command, run(command, 22, columns)) for command in commands]
    Path(target).write_text(draw(blocks, columns), encoding="utf-8")


if __name__ == "__main__":
    main()
