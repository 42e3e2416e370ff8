"""`isogloss evaluate topics`: figures with intervals."""

import argparse

from isogloss._core.errors import ParameterError, nearest
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `evaluate`."""
    parser.add_argument("what", metavar="WHAT", help="topics")
    parser.add_argument("target", metavar="ATLAS")
    parser.add_argument("--labels", metavar="COL", help="attribute with the true labels")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, and print."""
    apply_common(args)
    if args.what == "encoder":
        raise ParameterError("evaluate encoder is not in this version yet; it has: topics")
    if args.what != "topics":
        raise ParameterError(f"evaluate knows no {args.what!r}; {nearest(args.what, ['topics'])}")
    from isogloss.atlas import Atlas

    scores = Atlas.open(args.target).evaluate_topics(labels=args.labels, seed=args.seed)
    if args.json:
        print_json(scores)
        return 0
    rows = []
    for name, value in scores.items():
        if name in ("notes", "skipped") or name.endswith("_interval"):
            continue
        if isinstance(value, dict):
            shown = [value[part] for part in ("value", "low", "high")]
            rows.append([name, *("-" if x is None else f"{x:.3f}" for x in shown)])
        elif isinstance(value, float):
            rows.append([name, f"{value:.3f}", "", ""])
        else:
            rows.append([name, str(value), "", ""])
    print_table(["measure", "value", "low", "high"], rows)
    for name, reason in scores["skipped"].items():
        print(f"{name}: left out, {reason}")
    return 0
