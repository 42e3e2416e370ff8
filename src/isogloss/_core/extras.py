"""Load packages that only an extra installs."""

from importlib import import_module
from types import ModuleType

from isogloss._core.errors import MissingExtra


def need(module: str, *, extra: str) -> ModuleType:
    """Import a module of an extra, or say how to install it.

    Parameters
    ----------
    module : str
        Name as in an import statement.
    extra : str
        The extra of isogloss that brings it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtra
        When it is not installed.

    Examples
    --------
    >>> need("json", extra="models").__name__
    'json'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise  # the package is there and something of its own is missing
        package = module.split(".", maxsplit=1)[0]
        raise MissingExtra(
            f"this needs the package {package!r}: pip install 'isogloss[{extra}]'"
        ) from error
