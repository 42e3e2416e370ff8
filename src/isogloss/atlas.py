"""The atlas: passages, vectors, topics and search over one folder."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from isogloss._core.errors import AtlasError, ColumnError, ParameterError, nearest
from isogloss._core.events import OnEvent, ignore
from isogloss._core.plural import plural
from isogloss.atlas_changes import AtlasChanges
from isogloss.atlas_pages import AtlasPages
from isogloss.atlas_search import AtlasSearch
from isogloss.atlas_topics import AtlasTopics
from isogloss.store.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

    from isogloss.drift.queries import QuerySide
    from isogloss.encoders.base import Encoder
    from isogloss.layout import PassageMap
    from isogloss.search.passage_index import PassageIndex
    from isogloss.topics.tree import TopicTree


def need_manifest(folder: Path) -> Manifest:
    """Read the manifest of a finished atlas.

    Raises
    ------
    AtlasError
        When there is none: no folder, another folder, or a build that has not finished.

    Examples
    --------
    >>> need_manifest(Path("nowhere.atlas"))
    Traceback (most recent call last):
    ...
    isogloss._core.errors.AtlasError: there is no atlas at nowhere.atlas: isogloss build makes one
    """
    manifest = read_manifest(folder)
    if manifest is not None:
        return manifest
    if re.match(r"(qdrant\+\w+|postgres(ql)?):/", str(folder)):
        raise AtlasError(
            "a collection on a server can only be searched: change the atlas in its folder, and "
            "push it again"
        )
    if (folder / "work").is_dir():
        raise AtlasError(
            f"the build of {folder} has not finished: run isogloss build again to go on, with "
            "other settings where it refused these"
        )
    if folder.exists():
        raise AtlasError(f"{folder} is no atlas: it has no manifest.json")
    raise AtlasError(f"there is no atlas at {folder}: isogloss build makes one")


class Atlas(AtlasTopics, AtlasChanges, AtlasSearch, AtlasPages):
    """A finished atlas, opened for reading at the state that its manifest names.

    An atlas that is rebuilt or grown meanwhile stays readable as it was; open it again to see the
    new state.

    Parameters
    ----------
    path : Path
        Folder of the atlas.
    manifest : Manifest
        Its manifest.

    Examples
    --------
    >>> import tempfile
    >>> texts = ["cats purr", "dogs bark", "cats and dogs", "stocks fell", "markets rose"]
    >>> atlas = Atlas.build(texts, Path(tempfile.mkdtemp()) / "pets.atlas")
    >>> len(atlas)
    5
    >>> atlas.search("purr", k=1).hits[0].text
    'cats purr'
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        from isogloss.store.readers import Hold
        from isogloss.store.state import read_tree
        from isogloss.store.whole import check_whole

        self.path = path
        self.manifest = manifest
        self._hold = Hold(path / manifest.state)  # what is open here is not cleaned up
        check_whole(path, manifest)
        self.topics: TopicTree = read_tree(path / manifest.state)
        self._table: Any = None
        self._encoder: Encoder | None = None
        self._index: PassageIndex | None = None
        self._schema: pa.Schema | None = None
        self._queries: QuerySide | None = None
        self._map: PassageMap | None = None

    @classmethod
    def open(cls, path: str | Path) -> "Atlas":
        """Open a finished atlas.

        Raises
        ------
        AtlasError
            When there is none, or it is damaged or too new.
        """
        folder = Path(path)
        while True:
            manifest = need_manifest(folder)
            try:
                return cls(folder, manifest)
            except AtlasError:
                if need_manifest(folder).version == manifest.version:
                    raise  # else it moved on while it was being opened

    @classmethod
    def build(
        cls,
        source: Any,
        path: str | Path,
        *,
        text: str | None = None,
        id: str | None = None,  # noqa: A002 - the name of the command's option
        encoder: str | None = None,
        passages: str = "document",
        seed: int = 0,
        fresh: bool = False,
        limit: int | None = None,
        memory_mb: int = 2048,
        n_topics: int | Literal["auto"] | None = None,
        min_topic_size: int | None = None,
        seeds: Mapping[str, Sequence[str]] | None = None,
        on_event: OnEvent = ignore,
        random_state: int | None = None,
    ) -> "Atlas":
        """Build an atlas, go on with an unfinished one, or add what is new, and open it.

        Parameters
        ----------
        source : path, list of paths, frame, table, list of str
            What to read.
        path : path
            Folder of the atlas.
        text, id : str or None
            Text and id column.
        encoder : str or None
            Spec string; None is `lexical`, or `lsa` for texts that are not in English.
        passages : {"document"}
            What becomes a passage.
        seed : int
            Of every random draw.
        fresh : bool
            Build anew even where a finished atlas stands.
        limit : int or None
            Documents to read at most.
        memory_mb : int
            Bounds the sample on which encoder and topics are fitted.
        n_topics : int, "auto" or None
            Leaf topics wanted, exactly; "auto" is as many as the passages suggest. None is what
            the atlas was built with, and "auto" for a new one.
        min_topic_size : int or None
            Communities of fewer passages join others, of those that are looked at (see
            `TopicModel`). None is what the atlas was built with, and 10 for a new one.
        seeds : mapping of str to sequence of str, or None
            Topics that are asked for: by name, words that their passages hold. Each attracts what
            resembles it and keeps a leaf of its name; the rest is found as it is. None are those
            that the atlas was built with; ``{}`` takes them away.
        on_event : callable
            Takes progress.
        random_state : int, optional
            The same as `seed`, under scikit-learn's name.

        Returns
        -------
        Atlas

        Raises
        ------
        ParameterError
            For a `seed` and another `random_state`, for more topics than there are passages, and
            for seeds of which no passage speaks.
        IsoglossError
            See `isogloss.build.pipeline.build_atlas`.

        Notes
        -----
        Other topics than those of a finished atlas are found over the vectors that are there.

        Examples
        --------
        >>> import tempfile
        >>> subjects = ["cats purr and hiss", "dogs bark and growl", "stocks fell and rose"]
        >>> texts = [f"{subject} {n}" for n in range(1900, 1920) for subject in subjects]
        >>> folder = Path(tempfile.mkdtemp()) / "pets.atlas"
        >>> atlas = Atlas.build(texts, folder, n_topics=3, seeds={"money": ["stocks", "bonds"]})
        >>> len(atlas.topics.leaves), "money" in atlas.topics.labels
        (3, True)
        >>> len(Atlas.build(texts, folder, n_topics=2).topics.leaves)
        2
        """
        from isogloss.build.pipeline import build_atlas
        from isogloss.build.settings import BuildSettings

        if random_state is not None:
            if seed not in (0, random_state):
                said = f"seed is {seed!r} and random_state {random_state!r}"
                raise ParameterError(f"{said}: give one")
            seed = random_state
        settings = BuildSettings(
            text=text,
            id=id,
            encoder=encoder,
            passages=passages,
            seed=seed,
            limit=limit,
            memory_mb=memory_mb,
            n_topics=n_topics,
            min_topic_size=min_topic_size,
            seeds=seeds,
        )
        build_atlas(source, path, settings, fresh=fresh, on_event=on_event)
        return cls.open(path)

    def __len__(self) -> int:
        return self.manifest.passages

    def __repr__(self) -> str:
        return (
            f"Atlas({str(self.path)!r}: {plural(self.manifest.passages, 'passage')}, "
            f"{plural(self.manifest.topics, 'topic')})"
        )

    @property
    def table(self) -> Any:
        """The Lance table of passages, at this atlas' version."""
        if self._table is None:
            from isogloss.store.table import open_table

            self._table = open_table(self.path, self.manifest.table, self.manifest.table_version)
        return self._table

    @property
    def schema(self) -> "pa.Schema":
        """Types of all columns, the attributes among them."""
        if self._schema is None:
            self._schema = self.table.schema
        return self._schema

    @property
    def encoder(self) -> "Encoder":
        """The encoder that made the vectors.

        Raises
        ------
        EncoderError
            When it cannot be loaded, or is not the one that built the atlas.
        """
        if self._encoder is None:
            from isogloss.build.stages import load_atlas_encoder

            self._encoder = load_atlas_encoder(self.path, self.manifest)
        return self._encoder

    @property
    def map(self) -> "PassageMap":
        """The places of all passages in two dimensions.

        A build draws it; an atlas that has none, or lacks some passages on it, is given one when
        this is first asked for: in its folder, or in memory where that cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> texts = ["cats purr", "dogs bark", "cats and dogs", "stocks fell", "markets rose"]
        >>> atlas = Atlas.build(texts, Path(tempfile.mkdtemp()) / "pets.atlas")
        >>> atlas.map.coordinates.shape
        (5, 2)
        >>> sorted(atlas.map.to_pandas())
        ['passage', 'x', 'y']
        """
        if self._map is None:
            from isogloss.build.maps import map_source
            from isogloss.layout.stored import open_map

            source = map_source(self.manifest, self.table)
            state = self.path / self.manifest.state
            self._map = open_map(state, source, version=self.manifest.version)
        return self._map

    def passages(
        self, columns: list[str] | None = None, *, batch_size: int = 4096
    ) -> Iterator["pa.RecordBatch"]:
        """Stream passages as Arrow record batches, in the order of the source.

        Raises
        ------
        ColumnError
            When a column is not there.
        """
        from isogloss.store.table import scan

        wanted = columns if columns is not None else self.schema.names
        for name in wanted:
            self._require_column(name)
        return scan(self.table, wanted, batch_size=batch_size)

    def write_assignments(self, path: Path) -> int:
        """Write who belongs where as Parquet: id, passage, topic, membership, path, memberships.

        Parameters
        ----------
        path : Path
            The file to make; a file that is there is replaced.

        Returns
        -------
        int
            Rows written.
        """
        from isogloss.store.assignments import write_assignments

        columns = ["id", "passage", "topic", "membership", "memberships"]
        return write_assignments(self.passages(columns), self.topics, path)

    def evaluate_topics(
        self,
        *,
        labels: str | None = None,
        seed: int = 0,
        stability: int = 0,
        tasks: str | Path | None = None,
        answers: Sequence[str | Path] = (),
        language_model: str | None = None,
        on_event: OnEvent = ignore,
    ) -> dict[str, Any]:
        """Measure the topics: words, agreement with labels, share unassigned, tasks for people.

        Parameters
        ----------
        labels : str or None
            Attribute with the true labels; without it the measures that need them are left out.
        seed : int
            Of the bootstrap and of the tasks.
        stability : int
            Fit the topics again with that many seeds, and on that many resamples; 0 for none.
        tasks : path or None
            Folder to write word tasks into: a page and a table for people, and the key.
        answers : sequence of path
            What people answered to the tasks in that folder.
        language_model : str or None
            A model at ``OPENAI_BASE_URL`` that answers the tasks too, as a stand-in.
        on_event : callable
            Takes progress.

        Returns
        -------
        dict
            As ``isogloss evaluate topics --json`` prints it.

        Raises
        ------
        ColumnError
            When the attribute is not there.
        ParameterError
            When answers come without tasks, or the folder holds other tasks.
        SourceError
            When answers cannot be read.
        """
        from isogloss.evaluate.atlas import evaluate_atlas

        if labels is not None:
            self._require_attribute(labels)
        return evaluate_atlas(
            self,
            labels=labels,
            seed=seed,
            stability=stability,
            tasks=tasks,
            answers=answers,
            language_model=language_model,
            on_event=on_event,
        )

    def _require_attribute(self, name: str) -> None:
        known = [name for name in ("id", *self.manifest.attributes) if name in self.schema.names]
        if name not in known:
            raise ColumnError(f"{self.path} has no attribute {name!r}; {nearest(name, known)}")

    def _require_column(self, name: str) -> None:
        if name not in self.schema.names:
            raise ColumnError(
                f"{self.path} has no column {name!r}; {nearest(name, self.schema.names)}"
            )
