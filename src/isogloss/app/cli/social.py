"""`isogloss social`: who talks to whom, how unequally, when, and about what."""

import argparse
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import one_line, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `social`."""
    parser.add_argument("source", metavar="SOURCE", help="table of entries, or folder of an atlas")
    parser.add_argument("--author", required=True, metavar="COL", help="account that wrote")
    parser.add_argument("--comments", metavar="FILE", help="table of comments on the posts")
    parser.add_argument("--thread", metavar="COL", help="thread of the entry")
    parser.add_argument("--id", metavar="COL", help="id of the entry, which --parent names")
    parser.add_argument("--parent", metavar="COL", help="id of the entry that is answered")
    parser.add_argument("--addressee", metavar="COL", help="account that is answered")
    parser.add_argument("--time", metavar="COL", help="when: timestamps, ISO 8601, or numbers")
    parser.add_argument("--score", metavar="COL", help="votes, views or the like")
    parser.add_argument("--group", metavar="COL", help="group, forum or channel")
    parser.add_argument("--text", metavar="COL", help="text: near copies are counted once")
    parser.add_argument("--topic", metavar="COL", help="topic or label (an atlas has its own)")
    parser.add_argument(
        "--tie", default="root", metavar="root|parent",
        help="whom an answer ties to: who opened the thread (default), or who is answered",
    )  # fmt: skip
    parser.add_argument("--timezone", metavar="ZONE", help="zone of times that have none, as UTC")
    parser.add_argument(
        "--time-unit", metavar="s|ms|us", help="what numeric times count since 1970"
    )
    parser.add_argument(
        "--unknown", action="append", metavar="NAME",
        help="name of no account, may be repeated (default: [deleted], [removed])",
    )  # fmt: skip
    parser.add_argument(
        "--cap", type=int, default=50, metavar="N",
        help="accounts of a thread above which it weighs less (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--full", type=int, default=500, metavar="N",
        help="accounts that each is joined to by a thread at most (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=int, default=20, metavar="N", help="runs of the communities (default: 20)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--top", type=int, default=10, metavar="N", help="names to list (default: 10)"
    )
    parser.add_argument("--accounts", metavar="OUT.parquet", help="write one row an account")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, and print the report."""
    apply_common(args)
    if args.top < 0:
        raise ParameterError(f"--top is {args.top}; give 0 or more")
    from isogloss.app.cli.progress import Progress
    from isogloss.social.report import discussion_report

    progress = Progress(quiet=args.quiet)
    try:
        report = discussion_report(
            args.source, args.comments,
            author=args.author, id=args.id, parent=args.parent, thread=args.thread,
            addressee=args.addressee, time=args.time, score=args.score, group=args.group,
            text=args.text, topic=args.topic, tie=args.tie, timezone=args.timezone,
            time_unit=args.time_unit, cap=args.cap, full=args.full, seeds=args.seeds,
            seed=args.seed, on_event=progress,
            **({} if args.unknown is None else {"unknown": args.unknown}),
        )  # fmt: skip
    finally:
        progress.close()
    if args.accounts:
        _write(report.accounts(), Path(args.accounts))
    found = report.to_json(top=args.top)
    if args.json:
        print_json(found)
    else:
        _show(found)
    return 0


def _write(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    from isogloss._core.files import atomic_path, storage_errors

    if not path.parent.is_dir():
        raise ParameterError(f"--accounts is {path}, but there is no folder {path.parent}")
    with storage_errors(f"the accounts to {path}"), atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _show(found: dict[str, Any]) -> None:
    counts = [
        f"{name} {found[name]:,}"
        for name in ("entries", "posts", "comments", "accounts", "threads", "groups")
        if found[name]
    ]
    print(", ".join(counts))
    if found["first"]:
        print(f"{found['first']} to {found['last']}")
    rows = _rows(found)
    if rows:
        print()
        print_table(["measure", "value", "note"], rows)
    _show_spread(found["inequality"])
    _show_topics(found["topics"])
    _show_communities(found["community_topics"])
    bursts = [*found["bursts"]["topics"], *found["bursts"]["groups"]]
    if bursts:
        print("\nbursts")
        print_table(
            ["what", "from", "to", "entries", "expected"],
            [[one_line(one["label"], 40), one["start"], one["end"], f"{one['entries']:,}",
              _number(one['expected'], 1)] for one in bursts],
        )  # fmt: skip
    for note in found["notes"]:
        print(f"\nnote: {note}" if note == found["notes"][0] else f"note: {note}")


def _rows(found: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    joined, parts, ties = found["co_participation"], found["communities"], found["reciprocity"]
    if joined:
        rows.append(
            [f"accounts joined by {found['joined_by']}s", f"{joined['accounts']:,}",
             f"{plural(joined['edges'], 'pair')}, {plural(joined['alone'], 'account')} alone"]
        )  # fmt: skip
    if parts and parts["sizes"]:
        rows.append(
            ["communities", f"{parts['count']['value']:.0f}",
             f"{parts['count']['low']:.0f} to {parts['count']['high']:.0f} over seeds, "
             f"agreement {_number(parts['agreement'], 2)}, largest {parts['sizes'][0]:,}"]
        )  # fmt: skip
        for name in ("modularity", "between_weight", "conductance", "cut_ratio"):
            one = parts[name]
            label = {"between_weight": "weight between them"}.get(name, name.replace("_", " "))
            rows.append(
                [
                    label,
                    _number(one["value"], 4),
                    f"{_number(one['low'], 4)} to {_number(one['high'], 4)}",
                ]
            )
    if ties:
        rows.append(
            ["returned ties", _number(ties['value'], 4),
             f"{_number(ties['expected'], 4)} by chance; {_number(ties['weighted'], 4)} by weight; "
             f"{plural(ties['edges'], 'tie')}"]
        )  # fmt: skip
        first = found["hits"]["authorities"][:3], found["hits"]["hubs"][:3]
        for label, names in zip(("authorities", "hubs"), first, strict=True):
            shown = ", ".join(one_line(one["account"], 24) for one in names)
            rows.append([label, str(len(names)), shown])
    life, hours, early = found["lifespans_seconds"], found["hours_utc"], found["early_arrival"]
    if life:
        rows.append(
            ["median lifespan", _duration(life["median"]),
             f"of accounts seen twice or more; {life['one_action']:,} seen once; "
             f"{life['censored']:,} may live on"]
        )  # fmt: skip
        burst = found["burstiness"]
        of = plural(burst["accounts"], "account")
        rows.append(["burstiness", _number(burst["median"], 2), of])
        busiest = ", ".join(str(hour) for hour in sorted(hours["busiest"]))
        rows.append(["six busiest hours", _number(hours["share"], 3), f"hours {busiest} UTC"])
    if early:
        rows.append(
            ["early arrival", _number(early['total'], 3),
             f"rank correlation with score; {_number(early['per_day'], 3)} a day"]
        )  # fmt: skip
    copies = found["duplicates"]
    if copies:
        rows.append(
            ["near copies", f"{copies['copies']:,}",
             f"in {plural(copies['families'], 'family', 'families')}, "
             f"largest {copies['largest']:,}"]
        )  # fmt: skip
    return rows


def _number(value: float | None, places: int = 4) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _show_spread(spread: dict[str, dict[str, Any]]) -> None:
    print("\ninequality (zeros count)")
    print_table(
        ["what", "members", "with none", "Gini", "top 1%"],
        [[name.replace("_", " "), f"{one['n']:,}", f"{one['zeros']:,}", _number(one['gini'], 3),
          _number(one['top_share'], 3)] for name, one in spread.items()],
    )  # fmt: skip


def _show_topics(topics: list[dict[str, Any]], most: int = 20) -> None:
    if not topics:
        return
    print("\ntopics by their voices")
    print_table(
        ["topic", "entries", "authors", "Gini", "top author", "as if equal"],
        [[one_line(one["topic"], 40), f"{one['entries']:,}", f"{one['authors']:,}",
          _number(one["gini"], 3), _number(one["top_share"], 3),
          _number(one["effective_authors"], 1)]
         for one in topics[:most]],
    )  # fmt: skip
    if len(topics) > most:
        print(f"{plural(len(topics) - most, 'smaller topic')}: --json has them")


def _show_communities(communities: list[dict[str, Any]], most: int = 8) -> None:
    if not communities:
        return
    print("\nlargest communities by their topics")
    print_table(
        ["community", "accounts", "entries", "topics (share of its entries)"],
        [[str(one["community"]), f"{one['accounts']:,}", f"{one['entries']:,}",
          ", ".join(f"{one_line(part['topic'], 24)} {part['share']:.2f}" for part in one["topics"])]
         for one in communities[:most]],
    )  # fmt: skip
