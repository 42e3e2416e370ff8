"""lancedb, imported without the classes of its web service, which an atlas never uses.

Importing these classes, made from a description of that service, takes two fifths of the time that
`import lancedb` takes. They are imported when somebody makes one.
"""

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

SERVICE = "lance_namespace_urllib3_client"


class _Later(ModuleType):
    """Stands for a module; what is called in it is imported then."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def make(*args: Any, **kwargs: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*args, **kwargs)

        make.__name__ = name
        return make


def quick_import(name: str, service: str = SERVICE) -> ModuleType:
    """Import a package, and what is in ``service.api`` only when it is called.

    What is imported already stays as it is, and so does everything where there is no such service.

    Parameters
    ----------
    name : str
    service : str
        A package with a folder `api` of modules.

    Examples
    --------
    >>> quick_import("lancedb").__name__
    'lancedb'
    """
    found = None if {name, service} & set(sys.modules) else find_spec(service)
    folder = None if found is None or found.origin is None else Path(found.origin).parent / "api"
    modules = [] if folder is None else sorted(folder.glob("[!_]*.py"))
    names = [f"{service}.api.{path.stem}" for path in modules]
    placed = [f"{service}.api", *names] if names else []
    for each in placed:
        held = _Later(each)
        held.__path__ = []
        sys.modules[each] = held
    try:
        return importlib.import_module(name)
    finally:
        for each in placed:
            sys.modules.pop(each, None)


lancedb = quick_import("lancedb")
