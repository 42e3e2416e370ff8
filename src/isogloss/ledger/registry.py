"""Finds the systems: the folder of files is the registry."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from isogloss._core.errors import ParameterError, nearest
from isogloss.ledger.catalogue import CATALOGUE
from isogloss.ledger.system import System

PACKAGE = "isogloss.ledger.systems"


def built() -> list[str]:
    """Give the ids of the systems that can be run, in the order of the catalogue.

    Examples
    --------
    >>> "luxical" in built()
    True
    """
    known = list(CATALOGUE)
    return sorted(_files(PACKAGE), key=lambda name: (_place(known, name), name))


def _place(known: list[str], name: str) -> int:
    return known.index(name) if name in known else len(known)


@cache
def _files(package: str) -> tuple[str, ...]:
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    names = [path.stem for folder in folders or () for path in Path(folder).glob("*.py")]
    return tuple(sorted(name.replace("_", "-") for name in names if not name.startswith("_")))


def load(name: str) -> System:
    """Give a system.

    Parameters
    ----------
    name : str
        Its id.

    Raises
    ------
    ParameterError
        When there is no such id, or when the system is not built yet.

    Examples
    --------
    >>> load("luxical").id
    'luxical'
    >>> load("luxicle")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: the ledger has no system 'luxicle'; did you mean \
'luxical'?
    """
    if name not in built():
        if name in CATALOGUE:
            raise ParameterError(
                f"the system {name!r} is not built yet; built: {', '.join(built()) or 'none'}"
            )
        ids = [*CATALOGUE, *(one for one in built() if one not in CATALOGUE)]
        hint = nearest(name, ids)
        if not hint.endswith("?"):
            hint = "isogloss reproduce --list shows all"
        raise ParameterError(f"the ledger has no system {name!r}; {hint}")
    system: System = import_module(f"{PACKAGE}.{name.replace('-', '_')}").SYSTEM
    return system


def title(name: str) -> tuple[str, str]:
    """Give the title of the work and the sheet of a system.

    Examples
    --------
    >>> title("luxical")[1]
    'encoders-and-training'
    """
    return CATALOGUE.get(name, (name, ""))
