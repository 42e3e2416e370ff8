"""What changes the passages of an atlas: documents come, go, and are replaced."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.events import OnEvent, ignore

if TYPE_CHECKING:
    from isogloss.build.report import ChangeReport
    from isogloss.encoders.base import Encoder
    from isogloss.store.manifest import Manifest
    from isogloss.topics.tree import TopicTree


class AtlasChanges:
    """Methods of `Atlas` that add, delete and update documents.

    Each is one new version of the folder: after a crash the atlas is as it was before, or as it
    is afterwards. This object goes on with the new version; others that have the atlas open keep
    the one they opened. Topics stay as they are, and new texts find their place among them. The
    text index is kept up, worn tables are copied, and old files go, without being asked.
    """

    path: Path
    manifest: "Manifest"
    topics: "TopicTree"

    def add(
        self, source: Any, *, dry_run: bool = False, on_event: OnEvent = ignore
    ) -> "ChangeReport":
        """Add documents.

        Parameters
        ----------
        source : path, list of paths, frame, table, list of str or of dict
            What `Atlas.build` takes, with the columns that the atlas was built with.
        dry_run : bool
            Read and count only.
        on_event : callable
            Takes progress.

        Returns
        -------
        ChangeReport
            ``added``, and ``unchanged``: documents that were there already (by their id; without
            ids by their contents).

        Raises
        ------
        AtlasError
            When a document has the id of another one that is there: see `update`.
        ColumnError
            When columns are missing or of other types.

        Examples
        --------
        >>> import tempfile
        >>> from isogloss.atlas import Atlas
        >>> texts = ["cats purr", "dogs bark", "stocks fell", "markets rose"]
        >>> atlas = Atlas.build(texts, Path(tempfile.mkdtemp()) / "pets.atlas")
        >>> atlas.add(["a cat and a dog", "dogs bark"]).added
        1
        >>> atlas.delete(ids=[0, 2]).deleted
        2
        >>> sorted(hit.text for hit in atlas.search("cat", k=5, mode="vector").hits)
        ['a cat and a dog', 'dogs bark', 'markets rose']
        """
        from isogloss.build.change import add_documents

        report = add_documents(
            self.path, source, dry_run=dry_run, encoder=self._loaded(), on_event=on_event
        )
        return self._changed(report)

    def delete(
        self,
        *,
        where: str | None = None,
        ids: Sequence[Any] | None = None,
        dry_run: bool = False,
        on_event: OnEvent = ignore,
    ) -> "ChangeReport":
        """Delete documents.

        They stay out when the atlas is built again from the same source; `add` takes them in.

        Parameters
        ----------
        where : str, optional
            A filter, as for `search`.
        ids : sequence of str or int, optional
            Their ids.
        dry_run : bool
            Count only.
        on_event : callable
            Takes progress.

        Returns
        -------
        ChangeReport
            ``deleted``, and ``missing``: ids that the atlas does not hold.

        Raises
        ------
        ParameterError
            When neither or both of `where` and `ids` are given, or an id is of another type.
        FilterError
            When the filter does not parse or does not fit the attributes.
        AtlasError
            When the atlas has moved on since it was opened here.
        """
        from isogloss.build.change import delete_documents

        report = delete_documents(
            self.path,
            where=where,
            ids=ids,
            dry_run=dry_run,
            expect=self.manifest.version,
            on_event=on_event,
        )
        return self._changed(report)

    def update(
        self,
        source: Any,
        *,
        add_new: bool = False,
        dry_run: bool = False,
        on_event: OnEvent = ignore,
    ) -> "ChangeReport":
        """Replace documents by rows with their ids: text, attributes, vector and topic.

        Parameters
        ----------
        source : path, list of paths, frame, table, list of dict
            Whole documents, with the columns that the atlas was built with.
        add_new : bool
            Add rows with ids that the atlas does not hold; without it they are refused, and
            nothing is changed.
        dry_run : bool
            Read and count only.
        on_event : callable
            Takes progress.

        Returns
        -------
        ChangeReport
            ``updated``, ``added``, and ``unchanged``: rows that the atlas holds as they are.

        Raises
        ------
        AtlasError
            For new ids, an id that comes twice, or when the atlas has moved on since it was
            opened here.
        ColumnError
            When columns are missing or of other types.

        Examples
        --------
        >>> import tempfile
        >>> from isogloss.atlas import Atlas
        >>> rows = [{"id": "a", "text": "cats purr"}, {"id": "b", "text": "stocks fell"}]
        >>> atlas = Atlas.build(rows, Path(tempfile.mkdtemp()) / "a.atlas")
        >>> atlas.update([{"id": "a", "text": "cats sleep"}]).updated
        1
        >>> [(hit.id, hit.text) for hit in atlas.search("sleep", mode="text").hits]
        [('a', 'cats sleep')]
        """
        from isogloss.build.change import update_documents

        report = update_documents(
            self.path,
            source,
            add_new=add_new,
            dry_run=dry_run,
            expect=self.manifest.version,
            encoder=self._loaded(),
            on_event=on_event,
        )
        return self._changed(report)

    def take_version(self, manifest: "Manifest", topics: "TopicTree") -> None:
        """Go on with another version of the folder whose passages are the same."""
        from isogloss.store.readers import Hold

        self._hold = Hold(self.path / manifest.state)
        self.manifest, self.topics = manifest, topics

    def _loaded(self) -> "Encoder | None":
        encoder: Encoder | None = getattr(self, "_encoder", None)
        return encoder

    def _changed(self, report: "ChangeReport") -> "ChangeReport":
        """Open the newest version in this object; the encoder is the same."""
        from isogloss.atlas import Atlas

        if report.status != "unchanged":
            now = Atlas.open(self.path)
            now._encoder = self._loaded()
            for name in set(self.__dict__) - set(now.__dict__):
                del self.__dict__[name]
            self.__dict__.update(now.__dict__)
        return report
