"""`isogloss reproduce`: the ledger of research systems."""

import argparse
from collections import Counter
from typing import Any

from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import NPMI_MEANS, one_line, print_json, print_table, terminal_width


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `reproduce`."""
    parser.epilog = NPMI_MEANS
    parser.add_argument(
        "systems", nargs="*", metavar="SYSTEM", help="ids of systems (default: all that are built)"
    )
    parser.add_argument("--list", action="store_true", help="list all systems, run none")
    parser.add_argument(
        "--data", metavar="FOLDER", help="data sets (default: ISOGLOSS_DATA, or ../shared/data)"
    )
    parser.add_argument(
        "--results", metavar="FOLDER", help="where results are kept (default: ~/.cache/isogloss)"
    )
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """List, or run and print."""
    apply_common(args)
    from isogloss.ledger.run import listing, reproduce

    if args.list:
        entries = listing(results=args.results)
        known = {entry["system"] for entry in entries}
        for name in args.systems:
            if name not in known:
                from isogloss.ledger.registry import load

                load(name)  # says which name is near
        wanted = set(args.systems) or known
        _print_list([entry for entry in entries if entry["system"] in wanted], args.json)
        return 0
    from isogloss.app.cli.progress import Progress

    progress = Progress(quiet=args.quiet)
    try:
        found = reproduce(
            args.systems, data=args.data, results=args.results, fresh=args.fresh, on_event=progress
        )
    finally:
        progress.close()
    if args.json:
        print_json(found)
        return 0
    for number, result in enumerate(found):
        if number:
            print()
        _print_result(result)
    return 0


def _print_list(entries: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(entries)
        return
    wide = max([len(entry["system"]) for entry in entries], default=0)
    room = max(24, terminal_width() - wide - 30)
    print_table(
        ["system", "state", "work"],
        [[one["system"], one["state"], one_line(one["paper"], room)] for one in entries],
    )
    states = Counter(entry["state"] for entry in entries)
    print(
        f"{plural(len(entries), 'system')}: "
        + ", ".join(f"{n} {s}" for s, n in sorted(states.items()))
    )


def _print_result(result: dict[str, Any]) -> None:
    print(f"{result['system']}: {result['verdict']}")
    print(f"  work   {result['title']}")
    print(f"  claim  {result['claim']}")
    for name, figure in result["paper"].items():
        where = f" ({figure['where']})" if figure["where"] else ""
        print(f"  paper  {name}: {figure['value']} {figure['unit']}{where}")
    print(f"  rule   {result['rule']}")
    for reason in result["reasons"]:
        print(f"         {reason}")
    print_table(
        ["measured", "value", "low", "high", "unit", "n"],
        [
            [name, *(_number(figure[part]) for part in ("value", "low", "high")),
             figure["unit"], str(figure["n"])]
            for name, figure in result["measured"].items()
        ],
    )  # fmt: skip
    if any("npmi" in f"{name} {one['unit']}".lower() for name, one in result["measured"].items()):
        print(NPMI_MEANS)
    for limit in result["limits"]:
        print(f"  note   {limit}")
    print(f"  took {result['seconds']:.0f} s of {result['budget_seconds']} s")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
