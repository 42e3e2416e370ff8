"""`isogloss train`: a recipe becomes an encoder."""

import argparse
import sys
from pathlib import Path

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `train`."""
    parser.add_argument("recipe", metavar="RECIPE.toml", help="or one of `isogloss recipes`")
    parser.add_argument("-o", "--output", required=True, metavar="MODEL", help="folder to make")
    parser.add_argument(
        "--cache", metavar="FOLDER", help="where the teacher's vectors are kept (MODEL/teacher)"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Train, and print what came of it."""
    apply_common(args)
    from isogloss._core.extras import need
    from isogloss.app.cli.output import print_json
    from isogloss.app.cli.progress import Progress
    from isogloss.train.recipe import read_recipe
    from isogloss.train.shipped import find_recipe
    from isogloss.train.texts import check_sources

    recipe = read_recipe(find_recipe(args.recipe))
    output = Path(args.output)
    if output.exists() and not output.is_dir():
        raise ParameterError(f"{output} is a file; give a folder for the encoder with -o")
    check_sources(recipe)
    if not args.quiet:
        print(f"isogloss: training by {args.recipe}", file=sys.stderr, flush=True)
    need("torch", extra="models")
    from isogloss.train.distil import train_lexical

    progress = Progress(quiet=args.quiet)
    try:
        report = train_lexical(
            recipe, output, cache=Path(args.cache) if args.cache else None, on_event=progress
        )
    finally:
        progress.close()
    if args.json:
        print_json({"model": str(output), **report})
    else:
        print(
            f"wrote {output}: {plural(report['words'], 'word')}, "
            f"{plural(report['pairs'], 'pair')}, {report['dim']} numbers a text, "
            f"{report['bytes'] / 1e6:.1f} MB; "
            f"use it as --encoder lexical:{output}"
        )
    return 0
