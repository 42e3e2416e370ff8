"""`files.json` in a state folder: how long each file of that version is, so that a cut one is seen.

Files of an atlas never change once they are committed: one of another size was cut when the atlas
was copied, or the disk has lost a part of it. Sizes are looked at when an atlas is opened, which
takes about a millisecond for a hundred files; contents are not read. Files that are derived are
not listed: the map and the vector index are made anew where they are damaged, the map between two
encoders by `isogloss migrate`.
"""

import json
from pathlib import Path

from isogloss._core.errors import AtlasError
from isogloss._core.files import write_json
from isogloss._core.plural import plural

NAME = "files.json"
FORMAT = 1
# Files that change while a version is there, and a folder that can be made anew by itself.
_CHANGING = {NAME, "table.json", "map.safetensors"}
_DERIVED = "compensation"
# What to do about a file that is cut or missing.
MEND = "copy the atlas anew from where it is whole, or build it anew with --fresh"


def note_sizes(folder: Path, state: str, table: str) -> None:
    """Note the sizes of all files of a state folder and of its table.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    state, table : str
        As the manifest names them.
    """
    if (folder / state).is_dir():
        found = {**_sizes(folder, state), **_sizes(folder, f"{table}.lance")}
        write_json(folder / state / NAME, {"format_version": FORMAT, "files": found})


def _sizes(folder: Path, name: str) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted((folder / name).rglob("*"))
        if path.is_file() and _is_listed(path)
    }


def _is_listed(path: Path) -> bool:
    unfinished = path.name.startswith(".")  # by a writer that was killed
    return not unfinished and path.name not in _CHANGING and path.parent.name != _DERIVED


def check_sizes(folder: Path, state: str) -> list[str]:
    """Refuse an atlas of which a file is cut, or one of its state is missing.

    Atlases of older versions have no list and are taken as they are.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    state : str
        As the manifest names it.

    Returns
    -------
    list of str
        Files of the table that are missing. They may be those of an older version of it: the
        table itself knows, see `isogloss.store.whole`.

    Raises
    ------
    AtlasError
        Naming the first such file, and how many others there are.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "state-0001").mkdir()
    >>> _ = (folder / "state-0001" / "tree.json").write_text("{}")
    >>> note_sizes(folder, "state-0001", "passages-0001")
    >>> check_sizes(folder, "state-0001")
    []
    >>> _ = (folder / "state-0001" / "tree.json").write_text("{")
    >>> try:
    ...     check_sizes(folder, "state-0001")
    ... except AtlasError as error:
    ...     print(str(error).removeprefix(str(folder)))
    /state-0001/tree.json is damaged: it has 1 byte, not 2; copy the atlas anew from where it is \
whole, or build it anew with --fresh
    """
    listed = folder / state / NAME
    try:
        files = json.loads(listed.read_text(encoding="utf-8"))["files"].items()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AtlasError(f"{listed} is damaged: it lists no sizes; {MEND}") from error
    wrong: list[str] = []
    absent: list[str] = []
    for name, size in files:
        try:
            found = (folder / name).stat().st_size
        except FileNotFoundError:
            if name.startswith(f"{state}/"):
                wrong.append(f"{folder / name} is missing")
            else:
                absent.append(name)
            continue
        if found != size:
            has = plural(found, "byte")
            wrong.append(f"{folder / name} is damaged: it has {has}, not {size:,}")
    if wrong:
        raise AtlasError(first_of(wrong))
    return absent


def first_of(wrong: list[str]) -> str:
    """Say the first of what is wrong in an atlas, how much else there is, and what to do.

    Examples
    --------
    >>> first_of(["a is missing", "b is missing"]).partition("; copy")[0]
    'a is missing, and 1 other file is missing or damaged'
    """
    others = len(wrong) - 1
    count = plural(others, "other file is", "other files are")
    more = f", and {count} missing or damaged"
    return f"{wrong[0]}{more if others else ''}; {MEND}"
