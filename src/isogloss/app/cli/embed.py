"""`isogloss embed`: texts become vectors, Parquet to Parquet."""

import argparse
import sys

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, add_memory, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `embed`."""
    parser.add_argument("source", metavar="SOURCE", help="as for isogloss build")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.parquet", help="file to make")
    parser.add_argument("--text", metavar="COL", help="text column (found when there is just one)")
    parser.add_argument("--id", metavar="COL", help="id column (default: `id` when there is one)")
    parser.add_argument(
        "--encoder", metavar="SPEC", help="default: lexical, or lsa for texts not in English"
    )
    parser.add_argument("--dtype", default="float32", help="float32 (default) | float16 | int8")
    parser.add_argument(
        "--dim",
        type=int,
        metavar="N",
        help="keep the first N numbers (lexical learnt to be cut to 64, 128 or 256)",
    )
    parser.add_argument(
        "--situate", metavar="HOW",
        help="rows are chunks, read within their documents: late | prefix | a trained folder; "
        "or the baselines chunk | window",
    )  # fmt: skip
    parser.add_argument("--document", metavar="COL", help="with --situate: document of each row")
    parser.add_argument("--order", metavar="COL", help="with --situate: order within a document")
    parser.add_argument("--title", metavar="COL", help="with --situate prefix: its title")
    parser.add_argument(
        "--force",
        action="store_true",
        help="encode anew even where OUT is what would be made; replace OUT whatever it holds",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument("--limit", type=int, metavar="N", help="read the first N documents only")
    add_memory(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Embed, and print what came of it."""
    apply_common(args)
    from isogloss.app.cli.progress import Progress

    if not args.quiet:
        print(f"isogloss: reading {args.source}", file=sys.stderr, flush=True)
    if args.situate is not None:
        return _situate(args)
    _refuse_alone(args)
    from isogloss.app.cli.output import print_json
    from isogloss.build.embed import embed
    from isogloss.build.settings import BuildSettings

    settings = BuildSettings(
        text=args.text,
        id=args.id,
        encoder=args.encoder,
        seed=args.seed,
        limit=args.limit,
        memory_mb=args.memory,
    )
    progress = Progress(quiet=args.quiet)
    try:
        report = embed(
            args.source, args.output, settings,
            dtype=args.dtype, dim=args.dim, force=args.force, on_event=progress,
        )  # fmt: skip
    finally:
        progress.close()
    if args.json:
        print_json(report)
    elif report["status"] == "unchanged":
        print(
            f"{args.output} holds these {plural(report['rows'], 'vector')} already: nothing was "
            "done (--force encodes anew)"
        )
    else:
        print(
            f"wrote {args.output}: {plural(report['rows'], 'vector')} of {report['dim']} numbers "
            f"({report['dtype']}), {plural(report['skipped_total'], 'row')} skipped"
        )
    return 0


def _refuse_alone(args: argparse.Namespace) -> None:
    """Refuse options that mean something with --situate only."""
    for name in ("document", "order", "title"):
        if getattr(args, name) is not None:
            raise ParameterError(f"--{name} says how chunks belong together: add --situate")


def _situate(args: argparse.Namespace) -> int:
    """Embed chunks within their documents, and print what came of it."""
    from isogloss.app.cli.output import print_json
    from isogloss.app.cli.progress import Progress
    from isogloss.build.situated import SituatedColumns, embed_situated

    if args.document is None:
        raise ParameterError("--situate needs --document COL: which document each row belongs to")
    if args.force:
        raise ParameterError("--force goes without --situate, which writes in any case")
    if args.dim is not None:
        raise ParameterError("--dim cuts vectors, and situated ones are kept whole: leave it out")
    columns = SituatedColumns(
        document=args.document, order=args.order, title=args.title, text=args.text, id=args.id
    )
    progress = Progress(quiet=args.quiet)
    try:
        report = embed_situated(
            args.source, args.output, args.situate, columns,
            encoder=args.encoder, dtype=args.dtype, limit=args.limit, on_event=progress,
        )  # fmt: skip
    finally:
        progress.close()
    if args.json:
        print_json(report)
    else:
        print(
            f"wrote {args.output}: {plural(report['rows'], 'chunk')} of "
            f"{plural(report['documents'], 'document')}, {report['dim']} numbers each "
            f"({report['dtype']}); {report['encoded']:,} encoded, {report['kept']:,} kept, "
            f"{plural(report['skipped_total'], 'row')} skipped"
        )
        if report["truncation"]:
            print(report["truncation"], file=sys.stderr)
    return 0
