"""`isogloss topics`: the tree of topics, and who belongs where."""

import argparse
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError
from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import one_line, print_json, print_table, terminal_width


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `topics`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    parser.add_argument("--depth", type=int, metavar="N", help="show the upper N levels only")
    parser.add_argument(
        "--assignments", metavar="OUT.parquet", help="write id, passage, topic, membership, path"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the tree; write the assignments."""
    apply_common(args)
    if args.depth is not None and args.depth < 1:
        raise ParameterError(f"--depth is {args.depth}; it must be at least 1")
    from isogloss.atlas import Atlas

    atlas = Atlas.open(args.atlas)
    if args.assignments:
        atlas.write_assignments(Path(args.assignments))
    topics = atlas.topics.to_json()
    if args.depth is not None:
        topics = [topic for topic in topics if topic["depth"] < args.depth]
    manifest = atlas.manifest
    if args.json:
        print_json(
            {"passages": manifest.passages, "unassigned": manifest.unassigned, "topics": topics}
        )
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
    print(f"\n{manifest.passages:,} passages, {manifest.unassigned:,} in no topic")
    return 0


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
