"""`isogloss explore`: open an atlas in the browser."""

import argparse
import sys
import webbrowser
from threading import Thread

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `explore`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="H",
        help="address to listen on (default: this machine only; others need ISOGLOSS_TOKEN)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, metavar="P", help="default: 8765, or the next free one; 0: any"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="answer under this name too (NAME or NAME:PORT; again for another)",
    )  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--read-only", action="store_true", help="do not let topics be edited")
    page = parser.add_argument_group("one file instead of a server")
    page.add_argument("--export", metavar="FILE.html", help="write a page that needs no server")
    page.add_argument("--where", metavar="FILTER", help="only the passages that pass")
    page.add_argument("--sample", type=int, metavar="N", help="draw N passages evenly")
    page.add_argument(
        "--limit", type=int, default=50_000, metavar="N", help="passages at most (default: 50000)"
    )
    page.add_argument("--force", action="store_true", help="replace the file if it is there")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the explorer until it is interrupted."""
    apply_common(args)
    if args.export is not None:
        for option, given in (
            ("--host", args.host != "127.0.0.1"), ("--port", args.port is not None),
            ("--allow-host", bool(args.allow_host)), ("--no-browser", args.no_browser),
            ("--read-only", args.read_only),
        ):  # fmt: skip
            if given:
                raise ParameterError(f"--export writes a file and starts no server: no {option}")
        return _export(args)
    if args.where is not None or args.sample is not None or args.force:
        raise ParameterError("--where, --sample and --force go with --export FILE.html")
    if args.json:
        raise ParameterError("--json is for commands with a result; the explorer has its API")
    from isogloss.app.web.addresses import token_for
    from isogloss.app.web.listen import address_of, bind, serve
    from isogloss.app.web.server import make_app

    token = token_for(args.host)
    listener = bind(args.host, args.port)
    try:
        app = make_app(
            args.atlas,
            token=token,
            hosts=[args.host, *args.allow_host],
            editable=not args.read_only,
        )
    except BaseException:
        listener.close()
        raise
    address = address_of(listener, args.host)

    def ready() -> None:
        told = " (needs the token: open it once with ?token=TOKEN)" if token else ""
        print(f"isogloss: the explorer is at {address}{told}; Ctrl-C ends it", file=sys.stderr)
        if not args.read_only and not app.state.explorer.editable:
            told = "the folder may not be written to: topics cannot be edited"
            print(f"isogloss: {told}", file=sys.stderr)
        sys.stderr.flush()
        if not args.no_browser and token is None:
            # A browser that does not return would hold everything up.
            Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    code = serve(app, listener, on_ready=ready)
    if not args.quiet:
        print("isogloss: the explorer has ended; all edits are saved", file=sys.stderr)
    return code


def _export(args: argparse.Namespace) -> int:
    """Write the page as one file."""
    from isogloss.app.cli.output import print_json
    from isogloss.app.cli.progress import Progress
    from isogloss.atlas import Atlas

    atlas = Atlas.open(args.atlas)
    progress = Progress(quiet=args.quiet)
    try:
        made = atlas.export_page(
            args.export, where=args.where, sample=args.sample, limit=args.limit,
            force=args.force, on_event=progress,
        )  # fmt: skip
    finally:
        progress.close()
    if args.json:
        print_json({
            "path": str(made.path), "passages": made.passages, "of": made.of,
            "bytes": made.bytes, "data_bytes": made.data_bytes,
        })  # fmt: skip
    elif not args.quiet:
        part = "" if made.passages == made.of else f" of {made.of:,}"
        held = plural(made.passages, "passage")
        print(f"{made.path}: {held}{part}, {made.bytes / 1e6:.1f} MB")
    return 0
