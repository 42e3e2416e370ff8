"""Public names of a package that are imported on first use, so that importing it costs nothing."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Give the `__getattr__` and `__dir__` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping
        Public name -> module in the package, such as ``"models.lda"``.

    Examples
    --------
    >>> get, names = lazy("isogloss.topics", {"TopicTree": "tree"})
    >>> get("TopicTree").__name__, "TopicTree" in names()
    ('TopicTree', True)
    >>> get("TopicTre")
    Traceback (most recent call last):
    AttributeError: module 'isogloss.topics' has no attribute 'TopicTre'
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        return sorted({*homes, *vars(import_module(package))})

    return get, names
