"""Whether an atlas has all its files: asked whenever one is opened, and by `isogloss info`."""

from pathlib import Path
from typing import TYPE_CHECKING

from isogloss._core.errors import AtlasError
from isogloss.store.sizes import MEND, check_sizes, first_of

if TYPE_CHECKING:
    from isogloss.store.manifest import Manifest


def check_whole(folder: Path, manifest: "Manifest") -> None:
    """Refuse an atlas of which a file is cut or missing.

    Sizes are compared, contents are not read. The table of passages is opened only where files
    that were once in it are gone: it tells whether they are still needed.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    manifest : Manifest
        Its manifest.

    Raises
    ------
    AtlasError
        Naming what is cut or missing, and what to do.
    """
    absent = check_sizes(folder, manifest.state)
    table = folder / f"{manifest.table}.lance"
    if not table.is_dir():
        raise AtlasError(f"{table}, the table of passages, is missing; {MEND}")
    if absent and not _is_readable(folder, manifest):
        data = [name for name in absent if "/data/" in name] or absent
        raise AtlasError(first_of([f"{folder / name} is missing" for name in data]))


def _is_readable(folder: Path, manifest: "Manifest") -> bool:
    """Tell whether the table can be opened and gives all its passages."""
    from isogloss.store.table import open_table, scan

    try:
        table = open_table(folder, manifest.table, manifest.table_version)
        found = sum(batch.num_rows for batch in scan(table, ["passage"]))
    except AtlasError:
        return False
    return bool(found == manifest.passages)
