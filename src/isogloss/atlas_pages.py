"""An atlas as a page that others can open."""

from pathlib import Path
from typing import TYPE_CHECKING

from isogloss._core.events import OnEvent, ignore

if TYPE_CHECKING:
    from isogloss.app.web.page_export import PageFile


class AtlasPages:
    """Methods of `Atlas` that write pages."""

    path: Path

    def export_page(
        self,
        path: str | Path,
        *,
        where: str | None = None,
        sample: int | None = None,
        limit: int = 50_000,
        force: bool = False,
        on_event: OnEvent = ignore,
    ) -> "PageFile":
        """Write the atlas as one HTML file: map, topics, texts and neighbours, and no server.

        The page is that of `isogloss explore`, of the newest version of the folder. It fetches
        nothing and edits nothing; searches in it go by words. Everybody who has the file has the
        texts.

        Parameters
        ----------
        path : path
            The file to make, ``.html``.
        where : str, optional
            A filter, as for `search`: only these passages.
        sample : int, optional
            Passages to draw evenly, the same ones each time; all where there are fewer.
        limit : int, default 50_000
            Passages at most. Browsers hold some hundred MB of texts.
        force : bool
            Replace a file that is there.
        on_event : callable
            Takes progress.

        Returns
        -------
        PageFile
            ``path``, ``passages`` in the file, ``of`` so many, ``bytes``, ``data_bytes``.

        Raises
        ------
        ParameterError
            For more passages than `limit`, none at all, a file that is there, no folder for it.
        FilterError
            When the filter does not parse or fit.
        StorageError
            When the disk refuses; a file that was there stays as it was.
        """
        from isogloss.app.web.page_export import export_page

        return export_page(
            self.path, path, where=where, sample=sample, limit=limit, force=force,
            on_event=on_event,
        )  # fmt: skip
