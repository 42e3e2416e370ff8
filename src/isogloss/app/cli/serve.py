"""`isogloss serve`: embeddings over HTTP, and an atlas for language models."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.app.cli.options import add_common, apply_common

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    parser.add_argument(
        "atlas", metavar="ATLAS", nargs="?", help="its encoder is offered, and with --mcp the atlas"
    )
    parser.add_argument(
        "--encoder", metavar="SPEC", help="default: that of the atlas; without one, lexical"
    )
    parser.add_argument("--name", metavar="NAME", help="name of the model (default: the spec)")
    parser.add_argument(
        "--overflow", default="pool", help="texts above the window: pool (default) | truncate | "
        "error",
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="default: %(default)s")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name under which the server is addressed, such as that of a proxy",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, metavar="P", help="default: 8766, or the next free one; 0: any"
    )
    parser.add_argument("--mcp", action="store_true", help="tools for language models, at /mcp")
    parser.add_argument(
        "--stdio", action="store_true", help="those tools over stdin and stdout, and no HTTP"
    )
    bounds = parser.add_argument_group("bounds")
    for name, default, about in (
        ("batch-passages", 256, "passages encoded at once"),
        ("batch-characters", 1_000_000, "characters encoded at once"),
        ("queue-passages", 8192, "passages that may wait; beyond it 429"),
        ("queue-bytes", 64 << 20, "bytes of requests being answered; beyond it 429"),
        ("request-passages", 2048, "passages of one request; beyond it 413"),
        ("request-bytes", 8 << 20, "body of one request; beyond it 413"),
    ):
        bounds.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{about} ({default:,})"
        )
    bounds.add_argument(
        "--window-ms", type=float, default=4.0, metavar="MS",
        help="longest wait for companions of a batch (%(default)s)",
    )  # fmt: skip
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    apply_common(args)
    _check(args)
    if args.stdio:
        from isogloss.app.serve.mcp_server import run_stdio
        from isogloss.app.serve.tools import AtlasTools

        run_stdio(AtlasTools(args.atlas))
        return 0
    from isogloss.app.serve.limits import Limits
    from isogloss.app.web.addresses import token_for

    token = token_for(args.host)
    limits = Limits(
        batch_passages=args.batch_passages,
        batch_characters=args.batch_characters,
        window_ms=args.window_ms,
        queue_passages=args.queue_passages,
        queue_bytes=args.queue_bytes,
        request_passages=args.request_passages,
        request_bytes=args.request_bytes,
    )
    from isogloss.app.serve import running
    from isogloss.app.serve.application import make_app
    from isogloss.app.serve.service import Service

    more: dict[str, Any] = {}
    if args.mcp:
        from isogloss.app.serve.mcp_server import http_parts
        from isogloss.app.serve.tools import AtlasTools

        tools = AtlasTools(args.atlas)
        routes, context = http_parts(tools)
        more = {"routes": routes, "running": [context], "check": tools.atlas}
    encoder = _encoder(args)
    listener = running.listen(args.host, args.port)
    with listener:
        service = Service(encoder, limits, name=args.name)
        app = make_app(service, hosts=[args.host, *args.allow_host], token=token, **more)
        _say(args, running.address(listener), service.name, token)

        def ended() -> None:
            if not args.quiet:
                print("isogloss: accepted work is done, ending", file=sys.stderr, flush=True)

        running.serve(app, service, listener, on_end=ended)
    return 0


def _check(args: argparse.Namespace) -> None:
    if (args.mcp or args.stdio) and args.atlas is None:
        flag = "--mcp" if args.mcp else "--stdio"
        raise ParameterError(f"{flag} offers an atlas: name one, as isogloss serve ATLAS {flag}")
    if args.stdio:
        for name, given in (
            ("--mcp", args.mcp),
            ("--encoder", args.encoder is not None),
            ("--port", args.port is not None),
            ("--json", args.json),
        ):
            if given:
                raise ParameterError(f"--stdio speaks over stdin and stdout only: leave {name} out")
    if args.name is not None and (not args.name.strip() or not args.name.isprintable()):
        raise ParameterError(f"--name {args.name!r} is no name: give one line of text")


def _encoder(args: argparse.Namespace) -> "Encoder":
    from isogloss.encoders.windows import check_overflow

    overflow = check_overflow(args.overflow)
    if args.encoder is None and args.atlas is not None:
        from isogloss.atlas import Atlas

        if overflow != "pool":
            raise ParameterError(
                "--overflow is for --encoder: that of an atlas stays as it made the vectors"
            )
        return Atlas.open(args.atlas).encoder
    from isogloss.encoders.spec import load_encoder

    spec = args.encoder or "lexical"
    if spec == "lsa":
        raise EncoderError(
            "encoder 'lsa' is fitted to texts: give the atlas or lsa:FOLDER that it was fitted to"
        )
    if args.atlas is not None:
        from isogloss.atlas import need_manifest

        need_manifest(Path(args.atlas))
    return load_encoder(spec, overflow=overflow)


def _say(args: argparse.Namespace, url: str, name: str, token: str | None) -> None:
    """Say where the server is: for people on stderr, with --json on stdout."""
    if args.json:
        from isogloss.app.cli.output import print_json

        print_json({"url": url, "model": name, "mcp": f"{url}/mcp" if args.mcp else None})
        sys.stdout.flush()
    if args.quiet:
        return
    print(f"isogloss: {name} at {url}/v1/embeddings", file=sys.stderr)
    if args.mcp:
        print(f"isogloss: tools for language models at {url}/mcp", file=sys.stderr)
    if token is not None:
        print("isogloss: asks for the token of ISOGLOSS_TOKEN", file=sys.stderr)
    print("isogloss: Ctrl-C ends it, when accepted work is done", file=sys.stderr, flush=True)
