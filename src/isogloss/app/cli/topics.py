"""`isogloss topics`: the tree of topics, and who belongs where."""

import argparse
import sys
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import one_line, print_json, print_table, terminal_width

if TYPE_CHECKING:
    from isogloss.atlas import Atlas
    from isogloss.topics.trends import TopicSpread

BINS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `topics`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument("--depth", type=int, metavar="N", help="show the upper N levels only")
    parser.add_argument(
        "--assignments", metavar="OUT.parquet", help="write id, passage, topic, membership, path"
    )
    parser.add_argument("--over", metavar="COL", help="topics over the times in a column")
    parser.add_argument(
        "--bins", type=int, metavar="N",
        help=f"periods of --over, at most (default: {BINS}); lengths are round, such as 2 years",
    )  # fmt: skip
    parser.add_argument("--by", metavar="COL", help="topics by the classes in a column")
    edits = parser.add_mutually_exclusive_group()
    edits.add_argument(
        "--merge", metavar="A,B,...", action="append",
        help="make these topics one (again for another group); kept in the atlas",
    )  # fmt: skip
    edits.add_argument("--split", metavar="A[:N]", help="split a leaf topic (into N parts)")
    edits.add_argument(
        "--rename", metavar="A=NAME", action="append", help="name a topic; A= takes the name away"
    )
    edits.add_argument("--undo", action="store_true", help="take back the last edit of the topics")
    edits.add_argument("--redo", action="store_true", help="do again the edit undone last")
    parser.add_argument(
        "--edits", action="store_true", help="list the edits that can be undone or redone"
    )
    add_common(parser)


def _spare(path: Path) -> None:
    from isogloss.store.owned import holds_assignments, spare_other_file

    spare_other_file(path, holds_assignments, "assignments", "give another name, or remove it")


def run(args: argparse.Namespace) -> int:
    """Print the tree; write the assignments."""
    apply_common(args)
    if args.depth is not None and args.depth < 1:
        raise ParameterError(f"--depth is {args.depth}; it must be at least 1")
    if args.bins is not None and not args.over:
        raise ParameterError("--bins cuts the times of --over: name their column with --over COL")
    if args.assignments and Path(args.assignments).suffix not in (".parquet", ".pq"):
        raise ParameterError(
            f"cannot write {args.assignments}: --assignments writes Parquet; give a name that ends "
            "in .parquet"
        )
    from isogloss.atlas import Atlas

    if args.assignments:
        _spare(Path(args.assignments))
    atlas = _edited(Atlas.open(args.atlas), args)
    if args.assignments:
        atlas.write_assignments(Path(args.assignments))
    if args.edits:
        return _list_edits(atlas, args)
    topics = atlas.topics.to_json()
    if args.depth is not None:
        topics = [topic for topic in topics if topic["depth"] < args.depth]
    manifest = atlas.manifest
    spreads = _spreads(atlas, args)
    if args.json:
        told = {"passages": manifest.passages, "unassigned": manifest.unassigned, "topics": topics}
        for name, column, spread in spreads:
            told[name] = {"column": column, **spread.to_json()}
        print_json(told)
        return 0
    width = terminal_width()
    rows = [
        [
            str(topic["id"]),
            f"{topic['size']:,}",
            f"{topic['persistence']:.2f}",
            "  " * topic["depth"] + one_line(topic["label"], 44),
            one_line(", ".join(topic["keywords"][:8]), max(20, width - 72)),
        ]
        for topic in _in_tree_order(topics)
    ]
    print_table(["id", "size", "persistence", "topic", "keywords"], rows)
    print(f"\n{plural(manifest.passages, 'passage')}, {manifest.unassigned:,} in no topic")
    for name, column, spread in spreads:
        print_spread(spread, f"{name} {column}", topics)
        if name == "over" and args.bins is not None and len(spread.groups) < args.bins:
            print(_fewer(spread, args.bins))
    return 0


def _edited(atlas: "Atlas", args: argparse.Namespace) -> "Atlas":
    """Do what --merge, --split, --rename, --undo or --redo ask for."""
    if args.undo or args.redo:
        edit = atlas.next_undo if args.undo else atlas.next_redo
        atlas = atlas.undo() if args.undo else atlas.redo()
        if edit is not None and not args.quiet:
            word = "undone" if args.undo else "redone"
            print(f"{word}: {one_line(edit.what, 300)}", file=sys.stderr)
        return atlas
    if args.merge:
        groups = [
            [_topic(part, "--merge takes topics such as 3,5") for part in group.split(",")]
            for group in args.merge
        ]
        return atlas.merge_topics(groups)
    if args.split:
        topic, colon, parts = args.split.partition(":")
        wanted = "--split takes a topic, as 8 or 8:3"
        return atlas.split_topic(
            _topic(topic, wanted), into=_topic(parts, wanted) if colon else None
        )
    for text in args.rename or ():
        topic, equals, name = text.partition("=")
        if not equals:
            raise ParameterError(f"--rename {text!r}: write a topic and its name, as 8=space")
        atlas = atlas.rename_topic(_topic(topic, "--rename takes a topic, as 8=space"), name)
    return atlas


def _list_edits(atlas: "Atlas", args: argparse.Namespace) -> int:
    """Print the edits, the next one to undo and the next one to redo marked."""
    listed = atlas.edits
    undo, redo = atlas.next_undo, atlas.next_redo
    if args.json:
        told = {
            "edits": [edit.to_json() for edit in listed],
            "undo": undo.what if undo else None,
            "redo": redo.what if redo else None,
        }
        print_json(told)
        return 0
    if not listed:
        print("no edits that could be undone or redone")
        return 0
    rows = []
    for edit in listed:
        mark = "next --undo" if edit == undo else "next --redo" if edit == redo else ""
        done = "undone" if edit.undone else "done"
        rows.append([edit.when[:16].replace("T", " "), done, one_line(edit.what, 70), mark])
    print_table(["when (UTC)", "state", "edit", ""], rows)
    return 0


def _topic(text: str, wanted: str) -> int:
    if not text.strip().isdecimal():
        raise ParameterError(f"{wanted}, not {text!r}")
    return int(text)


def _spreads(atlas: "Atlas", args: argparse.Namespace) -> list[tuple[str, str, "TopicSpread"]]:
    found = []
    if args.over:
        bins = BINS if args.bins is None else args.bins
        found.append(("over", args.over, atlas.topics_over(args.over, bins=bins)))
    if args.by:
        found.append(("by", args.by, atlas.topics_by(args.by)))
    return found


def _fewer(spread: "TopicSpread", asked: int) -> str:
    """Say why there are fewer periods than were asked for."""
    return (
        f"{plural(len(spread.groups), 'period')}, not {asked:,}: {spread.unit} is the shortest "
        f"round length of which {asked:,} are enough"
    )


def print_spread(spread: "TopicSpread", title: str, topics: list[dict[str, Any]]) -> None:
    """Print shares by topic and group, in percent; a star marks a change beyond chance."""
    shares = spread.shares
    rows = []
    for topic in _in_tree_order(topics):
        row = spread.topics.index(topic["id"])
        cells = ["-" if isnan(share) else f"{100 * share:.1f}" for share in shares[row].tolist()]
        star = "*" if spread.q[row] < 1 - spread.level else ""
        label = "  " * topic["depth"] + one_line(topic["label"], 30)
        rows.append([str(topic["id"]), label, star, *cells])
    header = ["id", "topic", "", *(one_line(group, 16) for group in spread.groups)]
    unit = f", periods of {spread.unit}" if spread.unit else ""
    print(f"\nShare of the passages in percent, {title}{unit}")
    print_table(header, rows)
    print(
        f"* differs beyond chance (false discovery rate {1 - spread.level:.0%}); "
        f"{plural(spread.missing, 'passage')} without a value"
    )


def _in_tree_order(topics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put children under their parents, larger ones first."""
    children: dict[Any, list[dict[str, Any]]] = {}
    for topic in topics:
        children.setdefault(topic["parent"], []).append(topic)
    ordered: list[dict[str, Any]] = []

    def visit(parent: int | None) -> None:
        for topic in sorted(children.get(parent, []), key=lambda t: (-t["size"], t["id"])):
            ordered.append(topic)
            visit(topic["id"])

    visit(None)
    return ordered
