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
    parser.add_argument(
        "--n-topics", type=parse_topics, metavar="N",
        help="leaf topics, exactly so many (auto: as the passages suggest, as for a new atlas)",
    )  # fmt: skip
    parser.add_argument(
        "--min-topic-size", type=int, metavar="N",
        help="smaller groups of the passages that are looked at join others (new atlas: 10; a "
        "twentieth of those passages at most)",
    )  # fmt: skip
    parser.add_argument(
        "--topic-seeds", metavar="FILE",
        help='topics that must be there: {"name": ["word", ...], ...} in JSON, or TOML',
    )  # fmt: skip
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
    from isogloss.topics.asked import read_topic_seeds

    seeds = None if args.topic_seeds is None else read_topic_seeds(args.topic_seeds)
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
        n_topics=args.n_topics,
        min_topic_size=args.min_topic_size,
        seeds=seeds,
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


def parse_topics(text: str) -> int | str:
    """Read a number of topics, or `auto`.

    Examples
    --------
    >>> parse_topics("20"), parse_topics("auto")
    (20, 'auto')
    """
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of topics: give a whole number such as 20, or auto"
        ) from error
