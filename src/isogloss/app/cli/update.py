"""`isogloss update`: documents of an atlas replaced by rows with their ids."""

import argparse

from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `update`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+", help="files with the changed documents, whole"
    )
    parser.add_argument(
        "--add-new", action="store_true", help="add rows with new ids (default: refuse them)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be changed")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Update, and print what came of it."""
    apply_common(args)
    from isogloss.app.cli.output import print_report
    from isogloss.app.cli.progress import Progress
    from isogloss.atlas import Atlas

    atlas = Atlas.open(args.atlas)
    progress = Progress(quiet=args.quiet)
    try:
        report = atlas.update(
            args.sources if len(args.sources) > 1 else args.sources[0],
            add_new=args.add_new,
            dry_run=args.dry_run,
            on_event=progress,
        )
    finally:
        progress.close()
    print_report(report, as_json=args.json)
    return 0
