"""`isogloss delete`: documents out of an atlas, by a filter or by their ids."""

import argparse
import sys
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError, SourceError
from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `delete`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--where", metavar="FILTER", help="those that pass a filter")
    what.add_argument(
        "--ids", metavar="FILE", help="those whose ids stand in a file, one a line (- for stdin)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say how many would go")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Delete, and print what came of it."""
    apply_common(args)
    lines = read_ids(args.ids) if args.ids is not None else None
    from isogloss.app.cli.output import print_report
    from isogloss.app.cli.progress import Progress
    from isogloss.atlas import Atlas

    atlas = Atlas.open(args.atlas)
    ids: list[Any] | None = lines
    if lines is not None and str(atlas.schema.field("id").type) == "int64":
        ids = [_number(line) for line in lines]
    progress = Progress(quiet=args.quiet)
    try:
        report = atlas.delete(where=args.where, ids=ids, dry_run=args.dry_run, on_event=progress)
    finally:
        progress.close()
    print_report(report, as_json=args.json)
    return 0


def read_ids(name: str) -> list[str]:
    """Read ids from a file, one a line; empty lines count for nothing.

    Raises
    ------
    SourceError
        When the file cannot be read, or holds no ids.
    """
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        lines = data.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise SourceError(f"cannot read {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 text: give one id a line") from error
    ids = [line.removesuffix("\r") for line in lines if line.strip()]
    if not ids:
        raise SourceError(f"{name} holds no ids: give one a line")
    return ids


def _number(line: str) -> int:
    try:
        return int(line)
    except ValueError as error:
        raise ParameterError(
            f"id {line[:60]!r} cannot be one of this atlas: its ids are integers"
        ) from error
