"""`isogloss recipes`: the recipes that come with the package."""

import argparse

from isogloss.app.cli.options import add_common, apply_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `recipes`."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="print this recipe, to be kept and changed"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, or one recipe."""
    apply_common(args)
    from isogloss.app.cli.output import print_json
    from isogloss.train.shipped import find_recipe, shipped_recipes

    if args.name:
        text = find_recipe(args.name).read_text(encoding="utf-8")
        print_json({"name": args.name, "recipe": text}) if args.json else print(text, end="")
    elif args.json:
        print_json([{**one._asdict(), "path": str(one.path)} for one in shipped_recipes()])
    else:
        for one in shipped_recipes():
            print(f"{one.name:<14}{one.about}")
        print("\nisogloss recipes NAME prints one; isogloss train RECIPE -o MODEL uses it.")
    return 0
