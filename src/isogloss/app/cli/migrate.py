"""`isogloss migrate`: an atlas goes over to another encoder."""

import argparse

from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `migrate`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument(
        "--encoder", required=True, metavar="SPEC",
        help="the encoder to go over to; that of the vectors takes a map away again",
    )  # fmt: skip
    parser.add_argument(
        "--method", default="auto", metavar="NAME",
        help="auto (default) | mean | procrustes | affine: the map between the two",
    )  # fmt: skip
    parser.add_argument(
        "--sample", type=int, default=2000, metavar="N",
        help="passages on which the map is fitted and measured (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--re-embed", action="store_true",
        help="encode all passages anew; interrupt it at will, the same command goes on",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Migrate, and print what it keeps."""
    apply_common(args)
    from isogloss.app.cli.output import print_report
    from isogloss.app.cli.progress import Progress
    from isogloss.build.migrate import migrate_atlas

    progress = Progress(quiet=args.quiet)
    try:
        report = migrate_atlas(
            args.atlas,
            args.encoder,
            method=args.method,
            sample=args.sample,
            re_embed=args.re_embed,
            seed=args.seed,
            on_event=progress,
        )
    finally:
        progress.close()
    print_report(report, as_json=args.json)
    return 0
