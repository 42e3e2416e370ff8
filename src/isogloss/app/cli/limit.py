"""`isogloss limit`: a test set that is trivial by words and hard for vectors."""

import argparse

from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `limit`."""
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument(
        "--documents", type=int, metavar="N",
        help="people (default: 46 for the pattern dense, 50000 for others)",
    )  # fmt: skip
    parser.add_argument(
        "--queries", type=int, default=1000, metavar="N", help="questions (default: %(default)s)"
    )
    parser.add_argument(
        "--relevant", type=int, default=2, metavar="N",
        help="people who answer each (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--pattern", default="dense", help="dense (default) | random | cycle | disjoint"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all random draws")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Make the set, and say where it is."""
    apply_common(args)
    from isogloss.limits.judgements import Judgements, query_graph
    from isogloss.limits.people import FULL, SMALL, limit_set, write_set

    documents = args.documents
    if documents is None:
        documents = SMALL if args.pattern == "dense" else FULL
    made = limit_set(
        documents=documents,
        queries=args.queries,
        relevant=args.relevant,
        pattern=args.pattern,
        seed=args.seed,
    )
    folder = write_set(made, args.output)
    graph = query_graph(Judgements.of(made.qrels))
    report = {
        "folder": str(folder),
        "documents": len(made.ids),
        "queries": len(made.queries),
        "relevant": args.relevant,
        "pattern": args.pattern,
        "seed": args.seed,
        "graph": {"density": graph.density, "strength": graph.strength},
    }
    if args.json:
        print_json(report)
        return 0
    print(
        f"{folder}: {plural(len(made.ids), 'document')}, "
        f"{plural(len(made.queries), 'query', 'queries')}, pattern {args.pattern}; "
        f"{100 * graph.density:.2f}% of the pairs of queries share a document"
    )
    print(
        f"next: isogloss build {folder}/corpus.parquet -o {folder}.atlas --text text --id id\n"
        f"      isogloss audit {folder}.atlas --qrels {folder}/qrels.parquet "
        f"--queries {folder}/queries.parquet -k {args.relevant}"
    )
    return 0
