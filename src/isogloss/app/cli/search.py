"""`isogloss search`: find passages."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import one_line, print_json, terminal_width

if TYPE_CHECKING:
    from isogloss.search.results import SearchResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `search`."""
    parser.add_argument(
        "atlas", metavar="ATLAS", help="folder that isogloss build made, or URL of isogloss push"
    )
    parser.add_argument("query", metavar="QUERY", help="what to look for, in plain words")
    parser.add_argument("-k", type=int, default=10, metavar="N", help="hits (default: %(default)s)")
    parser.add_argument("--where", metavar="FILTER", help="such as: year >= 1993")
    parser.add_argument("--mode", default="hybrid", help="hybrid (default) | vector | text")
    parser.add_argument(
        "--exact", action="store_true", help="score every passage, however many there are"
    )
    parser.add_argument(
        "--explain", action="store_true", help="say how vectors were searched, and why so"
    )
    parser.add_argument(
        "--fusion",
        metavar="SPEC",
        help="convex (default) | convex:0.5:min-max | rrf | learned:FILE",
    )
    parser.add_argument("--feedback", metavar="SPEC", help="learn from first hits: rocchio | rm3")
    parser.add_argument(
        "--rerank", metavar="SPEC", help="cross-encoder:MODEL | maxsim:MODEL | encoder:SPEC"
    )
    parser.add_argument("--diversify", metavar="SPEC", help="mmr:0.7")
    parser.add_argument(
        "--depth", type=int, metavar="N", help="candidates of these steps (default: 100)"
    )
    parser.add_argument(
        "--encoder", metavar="SPEC", help="encodes the query (default: that of the atlas)"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Search, and print the hits."""
    apply_common(args)
    from isogloss.remote.address import is_address

    if is_address(args.atlas):
        from isogloss.remote.atlas import RemoteAtlas

        for name in ("fusion", "feedback", "rerank", "diversify", "depth"):
            if getattr(args, name) is not None:
                raise ParameterError(f"--{name} is for an atlas in a folder: a server ranks itself")
        if args.explain:
            raise ParameterError(
                "--explain is about the index of a folder; how a server searched stands in the "
                "last line"
            )
        with RemoteAtlas(args.atlas, encoder=args.encoder) as remote:
            result = remote.search(
                args.query, k=args.k, where=args.where, mode=args.mode, exact=args.exact
            )
            _show(args, result, remote.label)
        return 0
    from isogloss.atlas import Atlas

    atlas = Atlas.open(args.atlas)
    result = atlas.search(
        args.query,
        k=args.k,
        where=args.where,
        mode=args.mode,
        exact=args.exact,
        encoder=args.encoder,
        fusion=args.fusion,
        feedback=args.feedback,
        rerank=args.rerank,
        diversify=args.diversify,
        depth=args.depth,
    )
    _show(args, result, atlas.topics.label)
    return 0


def _show(args: argparse.Namespace, result: "SearchResult", label_of: Callable[[int], str]) -> None:
    if args.json:
        print_json(result.to_json(explain=args.explain))
        return
    width = terminal_width()
    for rank, hit in enumerate(result.hits, start=1):
        label = label_of(hit.topic) if hit.topic >= 0 else "no topic"
        facts = ", ".join(f"{k}={one_line(str(v), 40)}" for k, v in hit.attributes.items())
        print(f"{rank:>3}. {hit.score:.4f}  {hit.id}  [{label}]")
        print(f"     {one_line(hit.text, width - 6)}")
        if facts:
            print(f"     {one_line(facts, width - 6)}")
    print(f"\n{plural(len(result.hits), 'hit')} in {result.seconds:.2f} s ({result.strategy})")
    if args.explain:
        print(f"vectors: {result.explain()}")
