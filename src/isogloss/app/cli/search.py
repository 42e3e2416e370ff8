"""`isogloss search`: find passages."""

import argparse

from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import one_line, print_json, terminal_width


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `search`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
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
        "--fusion", metavar="SPEC", help="rrf (default) | convex:0.6 | learned:FILE"
    )
    parser.add_argument("--feedback", metavar="SPEC", help="learn from first hits: rocchio | rm3")
    parser.add_argument(
        "--rerank", metavar="SPEC", help="cross-encoder:MODEL | maxsim:MODEL | encoder:SPEC"
    )
    parser.add_argument("--diversify", metavar="SPEC", help="mmr:0.7")
    parser.add_argument(
        "--depth", type=int, metavar="N", help="candidates of these steps (default: 100)"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Search, and print the hits."""
    apply_common(args)
    from isogloss.atlas import Atlas

    atlas = Atlas.open(args.atlas)
    result = atlas.search(
        args.query,
        k=args.k,
        where=args.where,
        mode=args.mode,
        exact=args.exact,
        fusion=args.fusion,
        feedback=args.feedback,
        rerank=args.rerank,
        diversify=args.diversify,
        depth=args.depth,
    )
    if args.json:
        print_json(result.to_json(explain=args.explain))
        return 0
    width = terminal_width()
    for rank, hit in enumerate(result.hits, start=1):
        label = atlas.topics.label(hit.topic) if hit.topic >= 0 else "no topic"
        facts = ", ".join(f"{k}={one_line(str(v), 40)}" for k, v in hit.attributes.items())
        print(f"{rank:>3}. {hit.score:.4f}  {hit.id}  [{label}]")
        print(f"     {one_line(hit.text, width - 6)}")
        if facts:
            print(f"     {one_line(facts, width - 6)}")
    print(f"\n{len(result.hits)} hits in {result.seconds:.2f} s ({result.strategy})")
    if args.explain:
        print(f"vectors: {result.explain()}")
    return 0
