"""Where the data sets lie, and what exactly was in them."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from isogloss._core.errors import SourceError

USUAL = Path("shared") / "data"


class MissingData(SourceError):  # noqa: N818 - reads better at the call
    """A data set that a system needs is not there."""


def find_data(named: str | Path | None = None) -> Path:
    """Give the folder of the data sets.

    Parameters
    ----------
    named : path, optional
        The folder itself. Else it is ``ISOGLOSS_DATA``, else ``../shared/data`` beside the working
        directory or, in a source tree, beside the repository.

    Raises
    ------
    MissingData
        When it is nowhere.

    Examples
    --------
    >>> find_data("/no/such/folder")
    Traceback (most recent call last):
    ...
    isogloss.ledger.data.MissingData: /no/such/folder is no folder of data sets: give \
one with --data
    """
    if named is not None:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise MissingData(f"{folder} is no folder of data sets: give one with --data")
        return folder
    if stated := os.environ.get("ISOGLOSS_DATA"):
        folder = Path(stated).expanduser()
        if not folder.is_dir():
            raise MissingData(
                f"ISOGLOSS_DATA is {stated}, which is no folder: set it to that of the data sets"
            )
        return folder
    beside = [Path.cwd().parent, Path(__file__).resolve().parents[3].parent]
    for place in beside:
        if (place / USUAL).is_dir():
            return place / USUAL
    raise MissingData(
        f"no data sets at ../{USUAL}: give their folder with --data or set ISOGLOSS_DATA"
    )


def need_sets(folder: Path, names: Iterable[str], *, system: str) -> None:
    """Check that data sets are there.

    Raises
    ------
    MissingData
        Naming all that are not.

    Examples
    --------
    >>> need_sets(Path("/tmp"), ["no_such_set"], system="luxical")
    Traceback (most recent call last):
    ...
    isogloss.ledger.data.MissingData: luxical needs the data set no_such_set, which is not in \
/tmp: give the folder that holds it with --data or ISOGLOSS_DATA
    """
    missing = [name for name in names if not any((folder / name).glob("*.parquet"))]
    if not missing:
        return
    what = "data set" if len(missing) == 1 else "data sets"
    them = ("is", "it") if len(missing) == 1 else ("are", "them")
    raise MissingData(
        f"{system} needs the {what} {', '.join(missing)}, which {them[0]} not in {folder}: "
        f"give the folder that holds {them[1]} with --data or ISOGLOSS_DATA"
    )


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Give the SHA-256 of each data set: names and bytes of all its files.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "a").mkdir()
    >>> _ = (folder / "a" / "data.parquet").write_bytes(b"abc")
    >>> list(digests(folder, ["a"]))
    ['a']
    """
    from isogloss._core.files import file_digest

    found = {}
    for name in names:
        whole = hashlib.sha256()
        for path in sorted(path for path in (folder / name).iterdir() if path.is_file()):
            whole.update(f"{path.name} {file_digest(path)}\n".encode())
        found[name] = whole.hexdigest()
    return found
