"""`isogloss audit`: what any vectors could reach on one's own judgements, and what is reached."""

import argparse
import re
from typing import Any

from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import print_json, print_table

SINGULAR = {
    "queries": "query",
    "pairs": "pair",
    "documents": "document",
    "dimensions": "dimension",
    "judgements": "judgement",
}
ONE = re.compile("|".join(SINGULAR))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `audit`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument(
        "--qrels", required=True, metavar="FILE",
        help="judgements: query_id, doc_id, score in Parquet, CSV, JSONL, or TREC lines",
    )  # fmt: skip
    parser.add_argument(
        "--queries", metavar="FILE", help="texts of the queries: id, text; else a column beside"
    )
    parser.add_argument(
        "--grades", default="higher",
        help="higher: higher scores are better (default) | lower | yes-no",
    )  # fmt: skip
    parser.add_argument(
        "-k", type=int, default=10, metavar="N", help="for recall at k (default: %(default)s)"
    )
    parser.add_argument(
        "--late", metavar="SPEC", help="transformer for late interaction (default: the atlas' own)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of fits and intervals")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Audit, and print."""
    apply_common(args)
    from isogloss.app.cli.progress import Progress
    from isogloss.atlas import Atlas

    progress = Progress(quiet=args.quiet)
    try:
        found = Atlas.open(args.atlas).audit(
            args.qrels,
            queries=args.queries,
            grades=args.grades,
            k=args.k,
            late=args.late,
            seed=args.seed,
            on_event=progress,
        )
    finally:
        progress.close()
    report = found.to_json()
    if args.json:
        print_json(report)
        return 0
    print(
        f"{_some(report['queries'], 'queries')}, {_some(report['relevant'], 'relevant pairs')}, "
        f"{_some(report['documents'], 'documents')}, "
        f"vectors of {_some(report['dimension'], 'dimensions')}"
    )
    if report["repeated"]:
        print(f"{_some(report['repeated'], 'judgements')} said again, with the same score")
    for kind, one in report["left_out"].items():
        more = ", ..." if one["count"] > len(one["first"]) else ""
        print(f"left out: {_some(one['count'], kind)}: {', '.join(one['first'])}{more}")
    measures = list(next(iter(report["methods"].values()), {"ndcg@10": None}))
    print("\nany vectors of so many dimensions, fitted to these judgements:")
    rows = [
        [str(one["dimension"]), one["status"], f"{100 * one['solved']:.1f}%"]
        + [f"{one[name]['value']:.3f}" for name in measures]
        for one in report["free_vectors"]
    ]
    print_table(["dimensions", "all right", "queries right", *measures], rows)
    print("\nthis atlas:")
    rows = [
        [method, *(_with_interval(scores[name]) for name in measures)]
        for method, scores in report["methods"].items()
    ]
    print_table(["method", *measures], rows)
    for name, reason in report["skipped"].items():
        print(f"{name}: left out, {reason}")
    print()
    for sentence in report["conclusion"]:
        print(sentence)
    return 0


def _with_interval(score: dict[str, Any]) -> str:
    if score["low"] is None:
        return f"{score['value']:.3f} (-)"
    return f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})"


def _some(count: int, what: str) -> str:
    """Say how many of what is named in the plural."""
    return f"{count:,} {ONE.sub(lambda found: SINGULAR[found[0]], what) if count == 1 else what}"
