"""`isogloss build`: sources become an atlas."""

import argparse
import sys

from isogloss.app.cli.options import add_common, add_memory, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `build`."""
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE",
        help="Parquet, JSONL, CSV (plain, .gz, .zst), a folder of such or text files, - for stdin",
    )  # fmt: skip
    parser.add_argument("-o", "--output", required=True, metavar="ATLAS", help="folder to make")
    parser.add_argument("--text", metavar="COL", help="text column (found when there is just one)")
    parser.add_argument("--id", metavar="COL", help="id column (default: `id` when there is one)")
    parser.add_argument(
        "--encoder", metavar="SPEC", help="default: lexical, or lsa for texts not in English"
    )
    parser.add_argument(
        "--passages",
        metavar="KIND",
        default="document",
        help="document (the default, and all there is so far)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument("--fresh", action="store_true", help="build anew, whatever is there")
    parser.add_argument("--limit", type=int, metavar="N", help="read the first N documents only")
    parser.add_argument(
        "--engine",
        metavar="NAME",
        default="local",
        help="local (the default, and all there is so far)",
    )
    add_memory(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Build, and print what came of it."""
    apply_common(args)
    from isogloss.app.cli.progress import Progress

    if not args.quiet:
        print(f"isogloss: reading {', '.join(args.sources)}", file=sys.stderr, flush=True)
    from isogloss.app.cli.output import print_report
    from isogloss.build.pipeline import build_atlas
    from isogloss.build.settings import BuildSettings

    settings = BuildSettings(
        text=args.text,
        id=args.id,
        encoder=args.encoder,
        passages=args.passages,
        seed=args.seed,
        limit=args.limit,
        engine=args.engine,
        memory_mb=args.memory,
    )
    progress = Progress(quiet=args.quiet)
    try:
        report = build_atlas(
            args.sources if len(args.sources) > 1 else args.sources[0],
            args.output,
            settings,
            fresh=args.fresh,
            on_event=progress,
        )
    finally:
        progress.close()
    print_report(report, as_json=args.json)
    return 0
