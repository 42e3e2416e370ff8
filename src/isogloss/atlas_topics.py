"""What an atlas does with its topics: edits that stay, topics over time and by class."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import AtlasError
from isogloss._core.events import OnEvent, ignore

if TYPE_CHECKING:
    from isogloss.atlas import Atlas
    from isogloss.store.edits import Edit, History
    from isogloss.store.manifest import Manifest
    from isogloss.topics.labelling import LabelReport
    from isogloss.topics.trends import TopicSpread


class AtlasTopics:
    """Methods of `Atlas` that merge, split, rename and compare its topics."""

    path: Path

    def merge_topics(
        self, groups: Sequence[Sequence[int]], *, on_event: OnEvent = ignore
    ) -> "Atlas":
        """Merge topics, and open the atlas in which they are one.

        Parameters
        ----------
        groups : sequence of sequence of int
            Topics to be one leaf each, as ``[[3, 5], [8]]``; see `TopicModel.merge`. Higher
            numbers close up.
        on_event : callable
            Takes progress.

        Returns
        -------
        Atlas
            A new version of the same folder; this one stays readable as it was. Passages that are
            added later get the merged topics.

        Raises
        ------
        ParameterError
            For groups that cannot be merged: a topic alone or with itself, or with one above it.
        """
        from isogloss.build.edit import merge_atlas

        self.require_current()
        merge_atlas(self.path, groups, on_event=on_event)
        return self._reopened()

    def split_topic(
        self, topic: int, *, into: int | None = None, on_event: OnEvent = ignore
    ) -> "Atlas":
        """Split a leaf topic, and open the atlas in which its parts are leaves below it.

        Parameters
        ----------
        topic : int
            A leaf; it keeps its number and name, its parts get the numbers after all others.
        into : int, optional
            Number of parts; by default what its passages suggest.
        on_event : callable
            Takes progress.

        Raises
        ------
        ParameterError
            When the topic is no leaf or does not fall apart.
        """
        from isogloss.build.edit import split_atlas

        self.require_current()
        split_atlas(self.path, topic, into=into, on_event=on_event)
        return self._reopened()

    def rename_topic(self, topic: int, name: str) -> "Atlas":
        """Give a topic a name that stays, and open that atlas; an empty one takes it away.

        Parameters
        ----------
        topic : int
        name : str
            One line, 200 characters at most.

        Raises
        ------
        ParameterError
            For a name that is none, or that the topic has already; for an empty one where the
            topic has no name of its own.
        AtlasError
            When another topic has that name.
        """
        from isogloss.build.edit import rename_atlas

        self.require_current()
        rename_atlas(self.path, topic, name)
        return self._reopened()

    @property
    def edits(self) -> "list[Edit]":
        """Edits of the topics in order: those that `undo` takes back, then those undone.

        Merges, splits, names and labels, the last 20 of them. Each has ``kind``, ``what`` (a line
        for people), ``when`` (UTC, ISO 8601) and ``undone``.
        """
        return self._history.edits

    @property
    def next_undo(self) -> "Edit | None":
        """The edit that `undo` takes back next, None where there is none."""
        return self._history.done[-1] if self._history.done else None

    @property
    def next_redo(self) -> "Edit | None":
        """The edit that `redo` does again next, None where there is none."""
        return self._history.undone[0] if self._history.undone else None

    @property
    def _history(self) -> "History":
        from isogloss.store.edits import History

        return History.from_json(self._whole().manifest.edits, self.path)

    def undo(self, *, on_event: OnEvent = ignore) -> "Atlas":
        """Take back the last edit of the topics, and open the atlas as it was before it.

        Topics, labels, keywords, exemplars, model, and the topic and memberships of every passage
        are again what they were. Passages that came since get their topic from that model, and
        sizes count what is there now.

        Parameters
        ----------
        on_event : callable
            Takes progress.

        Returns
        -------
        Atlas
            A new version of the same folder; this one stays readable as it was.

        Raises
        ------
        AtlasError
            When there is nothing to undo, the folder has moved on since it was opened here, or
            the atlas was embedded anew since.

        Examples
        --------
        >>> import tempfile
        >>> from isogloss.atlas import Atlas
        >>> texts = ["cats purr", "dogs bark", "stocks fell", "markets rose"]
        >>> atlas = Atlas.build(texts, Path(tempfile.mkdtemp()) / "pets.atlas")
        >>> before = atlas.topics[0].label
        >>> atlas = atlas.rename_topic(0, "animals")
        >>> atlas.next_undo.kind
        'rename'
        >>> atlas = atlas.undo()
        >>> atlas.topics[0].label == before
        True
        >>> atlas.redo().topics[0].label
        'animals'
        """
        from isogloss.build.undo import undo_atlas

        undo_atlas(self.path, expect=self.require_current().version, on_event=on_event)
        return self._reopened()

    def redo(self, *, on_event: OnEvent = ignore) -> "Atlas":
        """Do again the edit that was undone last, and open that atlas; see `undo`.

        Raises
        ------
        AtlasError
            When there is nothing to redo: a new edit forgets what was undone before it.
        """
        from isogloss.build.undo import redo_atlas

        redo_atlas(self.path, expect=self.require_current().version, on_event=on_event)
        return self._reopened()

    def topics_over(
        self, column: str, *, bins: int = 20, words: int = 5, level: float = 0.95
    ) -> "TopicSpread":
        """Follow the topics over the times in an attribute.

        Parameters
        ----------
        column : str
            Attribute with dates, timestamps, years, or texts such as ``2004-02-29``.
        bins : int, default 20
            Periods at most: the shortest whole days, weeks, months, years that do.
        words : int, default 5
            Words that mark a topic in a period against its other periods; 0 leaves them out, and
            texts need not be read.
        level : float, default 0.95
            Of the intervals of the shares.

        Returns
        -------
        TopicSpread
            Counts, shares with Wilson intervals, and whether they change; passages without a time
            are counted in ``missing``.

        Raises
        ------
        ColumnError
            When the attribute is not there or holds no times.
        """
        from isogloss.topics.spread import atlas_over

        self._whole()._require_attribute(column)
        return atlas_over(self._whole(), column, bins=bins, words=words, level=level)

    def topics_by(self, column: str, *, words: int = 5, level: float = 0.95) -> "TopicSpread":
        """Compare the topics between the classes in an attribute.

        Parameters
        ----------
        column : str
            Attribute with at most 200 different values.
        words, level
            As in `topics_over`.

        Returns
        -------
        TopicSpread
            Larger classes first.

        Raises
        ------
        ColumnError
            When the attribute is not there or holds no classes.
        """
        from isogloss.topics.spread import atlas_by

        self._whole()._require_attribute(column)
        return atlas_by(self._whole(), column, words=words, level=level)

    def require_current(self) -> "Manifest":
        """Refuse to go on when the folder holds another version than the one opened here.

        Raises
        ------
        AtlasError
            When it was edited or built since: its topics may have other numbers.
        """
        from isogloss.atlas import need_manifest

        found, held = need_manifest(self.path), self._whole().manifest
        if found.version != held.version:
            raise AtlasError(
                f"{self.path} is at version {found.version} by now, opened was {held.version}: "
                "open it again (an edit gives the atlas that it made)"
            )
        return found

    def _whole(self) -> "Atlas":
        whole: Any = self
        return whole  # type: ignore[no-any-return]

    def _reopened(self) -> "Atlas":
        from isogloss.atlas import Atlas

        return Atlas.open(self.path)

    def label_topics(self, model: Any = "keywords", **options: Any) -> "LabelReport":
        """Name the topics, by their keywords or by a language model, and keep the names.

        Parameters
        ----------
        model : str or ChatModel
            ``"keywords"``, ``"openai:MODEL"``, ``"gguf:FILE"``.
        **options
            ``budget``, ``overwrite``, ``dry_run``, ``offline``, ``on_event``: see
            `isogloss.build.label.label_atlas`.

        Returns
        -------
        LabelReport
        """
        from isogloss.build.label import label_atlas

        return label_atlas(self._whole(), model, **options)
