"""The recipes that come with the package."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from isogloss._core.errors import ParameterError, nearest


class ShippedRecipe(NamedTuple):
    """One recipe: its name, what it makes, where it lies."""

    name: str
    kind: str
    about: str
    path: Path


def shipped_recipes() -> list[ShippedRecipe]:
    """List the recipes of the package by name; `about` is the first comment in each.

    Examples
    --------
    >>> [one.name for one in shipped_recipes()]
    ['lexical-en', 'lexical-own']
    """
    folder = Path(str(files("isogloss.train"))) / "recipes"
    found = []
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        about = text.splitlines()[0].lstrip("# ").rstrip()
        found.append(ShippedRecipe(path.stem, tomllib.loads(text)["kind"], about, path))
    return found


def find_recipe(name: str) -> Path:
    """Find a recipe: a file, or one of the package by name.

    Raises
    ------
    ParameterError
        When there is neither.

    Examples
    --------
    >>> find_recipe("lexical-en").name
    'lexical-en.toml'
    """
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return path
    known = {one.name: one.path for one in shipped_recipes()}
    if name not in known:
        raise ParameterError(
            f"there is no recipe {name!r}, nor such a .toml file; {nearest(name, known)}"
        )
    return known[name]
