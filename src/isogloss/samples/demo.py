"""What `make demo` runs: build an atlas, show its topics, search it once."""

import shlex
import sys
from pathlib import Path

from isogloss.app.cli.main import main

QUERIES = {"body": "how much does it cost to launch a satellite", "text": "my card was stolen"}


def demo(source: str, text: str, atlas: str) -> int:
    """Run three commands, each shown as one would type it.

    Parameters
    ----------
    source : str
        File to read.
    text : str
        Its text column.
    atlas : str
        Folder to make.

    Returns
    -------
    int
        The exit code of the first command that failed, else 0.
    """
    steps = [
        ["build", source, "-o", atlas, "--text", text],
        ["topics", atlas, "--depth", "2"],
        ["search", atlas, QUERIES.get(text, "news of the day"), "-k", "5"],
    ]
    for step in steps:
        print(f"\n$ isogloss {shlex.join(step)}", flush=True)
        code = main(step)
        if code:
            return code
    program = Path(sys.executable).with_name("isogloss")
    print(f"\nTo look at it in the browser:\n$ {program} explore {atlas}")
    return 0


if __name__ == "__main__":
    given = sys.argv[1:]
    stem = Path(given[0]).parent.name if given[1:] == ["body"] else Path(given[0]).stem
    sys.exit(demo(given[0], given[1], f"{stem}.atlas"))
