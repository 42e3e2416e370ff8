"""`isogloss push`: carry an atlas into a server."""

import argparse

from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import print_json
from isogloss.app.cli.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `push`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument(
        "--to",
        required=True,
        metavar="URL",
        help="qdrant+http://HOST:6333/NAME or postgresql://USER@HOST/DATABASE/NAME; a key in "
        "QDRANT_API_KEY, a password in PGPASSWORD",
    )
    parser.add_argument("--collection", metavar="NAME", help="goes before the one in the URL")
    parser.add_argument(
        "--fresh", action="store_true", help="replace a collection that holds another atlas"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Push, and say what was done."""
    apply_common(args)
    from isogloss.atlas import Atlas
    from isogloss.remote.push import push

    progress = Progress(quiet=args.quiet)
    try:
        done = push(
            Atlas.open(args.atlas),
            args.to,
            collection=args.collection,
            fresh=args.fresh,
            on_event=progress,
        )
    finally:
        progress.close()
    if args.json:
        print_json(done)
    elif done["uploaded"]:
        went_on = ", going on where the last push stopped" if done["resumed"] else ""
        print(f"{plural(done['uploaded'], 'passage')} put into {done['url']}{went_on}")
    else:
        print(f"{done['url']} holds this atlas already: nothing to do")
    return 0
