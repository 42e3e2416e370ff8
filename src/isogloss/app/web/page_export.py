"""An atlas as one HTML file that opens without a server."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.events import OnEvent, ignore
from isogloss._core.files import atomic_path, storage_errors
from isogloss.app.web.explorer import Opened
from isogloss.app.web.page import FOLDER
from isogloss.app.web.page_data import PageData
from isogloss.app.web.selection import passing
from isogloss.app.web.single_page import read_shell, write_page
from isogloss.app.web.tiles import scatter

MOST_PASSAGES = 50_000


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page that was written.

    Parameters
    ----------
    path : Path
    passages : int
        In the file.
    of : int
        In the atlas.
    bytes, data_bytes : int
        Size of the file, and of the data in it.
    """

    path: Path
    passages: int
    of: int
    bytes: int
    data_bytes: int


def export_page(
    atlas: Path,
    target: str | Path,
    *,
    where: str | None = None,
    sample: int | None = None,
    limit: int = MOST_PASSAGES,
    force: bool = False,
    page: Path = FOLDER,
    on_event: OnEvent = ignore,
) -> PageFile:
    """Write an atlas as one HTML file; see `Atlas.export_page`. `page` is the built page."""
    target = Path(target)
    whole_number(limit, "limit", 1)
    if sample is not None:
        sample = whole_number(sample, "sample", 1)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ParameterError(f"the page is an HTML file: call it {target.name or 'atlas'}.html")
    if target.is_dir():
        raise ParameterError(f"{target} is a folder: give the name of a file")
    if not target.absolute().parent.is_dir():
        raise ParameterError(f"there is no folder {target.parent} to write {target.name} into")
    if target.exists() and not force:
        raise ParameterError(f"{target} is there already: --force (force=True) replaces it")
    opened = Opened.newest(Path(atlas))
    places = _chosen(opened, where, sample, limit)
    shell = read_shell(f"{Path(atlas).resolve().name.removesuffix('.atlas')} – Isogloss", page)
    data = PageData(opened, places, where=where, on_event=on_event)
    with (
        storage_errors("the page"),
        atomic_path(target) as path,
        path.open("wb") as file,
    ):
        size = write_page(file, shell, data.blocks())
    return PageFile(target, len(places), len(opened.view.points), target.stat().st_size, size)


def _chosen(opened: Opened, where: str | None, sample: int | None, limit: int) -> NDArray[np.int64]:
    """Choose passages by a filter, then draw from them; refuse more than the limit."""
    view = opened.view
    if where is None:
        places = np.arange(len(view.points), dtype=np.int64)
    else:
        places = np.flatnonzero(passing(view, where)).astype(np.int64)
    if sample is not None and sample < len(places):
        by_hash = np.argsort(scatter(view.points.numbers[places]), kind="stable")
        places = np.sort(places[by_hash[:sample]])
    if not len(places):
        raise ParameterError(
            "no passage passes the filter: there is nothing to put into a page"
            if where is not None else "the atlas has no passages: there is nothing to export"
        )  # fmt: skip
    if len(places) > limit:
        raise ParameterError(
            f"{len(places):,} passages are too many for one page ({limit:,} at most): choose some "
            f"with a filter (--where), or draw some evenly (--sample {limit})"
        )
    return places
