"""`isogloss info`: what an atlas holds and how it came about."""

import argparse
from typing import Any

from isogloss.app.cli.options import add_common, apply_common
from isogloss.app.cli.output import print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `info`."""
    parser.add_argument("atlas", metavar="ATLAS", help="folder that isogloss build made")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the manifest, and say what of the atlas is missing or damaged."""
    apply_common(args)
    from pathlib import Path

    from isogloss.atlas import Atlas, need_manifest

    _show(need_manifest(Path(args.atlas)).to_json(), as_json=args.json)
    Atlas.open(args.atlas)  # says what is wrong with it
    return 0


def _show(manifest: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(manifest)
        return
    rows = []
    for key, value in manifest.items():
        if isinstance(value, dict):
            for name, item in value.items():
                rows += _rows(f"{key}.{name}", item)
        elif isinstance(value, list):
            rows += [[key, _shown(item)] for item in value]
        else:
            rows.append([key, _shown(value)])
    print_table(["what", "value"], rows)


def _rows(name: str, value: Any) -> list[list[str]]:
    """Give a row for each part of a value; lists of words by name, as seeds are, a row a name."""
    if isinstance(value, list):
        return [[name, _shown(one)] for one in value]
    if isinstance(value, dict) and value and all(isinstance(v, list) for v in value.values()):
        return [[f"{name}.{part}", ", ".join(map(_shown, v))] for part, v in value.items()]
    return [[name, _shown(value)]]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items()) or "-"
    return "-" if value is None or value == "" else str(value)
