"""The atlas: passages, vectors, topics and search over one folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import AtlasError, ColumnError, nearest
from isogloss._core.events import OnEvent, ignore
from isogloss.atlas_changes import AtlasChanges
from isogloss.atlas_topics import AtlasTopics
from isogloss.store.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

    from isogloss.drift.compensation import Compensation
    from isogloss.drift.queries import QuerySide
    from isogloss.encoders.base import Encoder
    from isogloss.limits.audit import Audit
    from isogloss.search.fusion import Fusion
    from isogloss.search.passage_index import PassageIndex
    from isogloss.search.rerank import Reranker
    from isogloss.search.results import SearchResult
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
    if (folder / "work").is_dir():
        raise AtlasError(
            f"the build of {folder} has not finished: run the same isogloss build again to go on"
        )
    if folder.exists():
        raise AtlasError(f"{folder} is no atlas: it has no manifest.json")
    raise AtlasError(f"there is no atlas at {folder}: isogloss build makes one")


class Atlas(AtlasTopics, AtlasChanges):
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

        self.path = path
        self.manifest = manifest
        self._hold = Hold(path / manifest.state)  # what is open here is not cleaned up
        self.topics: TopicTree = read_tree(path / manifest.state)
        self._table: Any = None
        self._encoder: Encoder | None = None
        self._index: PassageIndex | None = None
        self._schema: pa.Schema | None = None
        self._queries: QuerySide | None = None

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
        on_event: OnEvent = ignore,
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
        on_event : callable
            Takes progress.

        Returns
        -------
        Atlas

        Raises
        ------
        IsoglossError
            See `isogloss.build.pipeline.build_atlas`.
        """
        from isogloss.build.pipeline import build_atlas
        from isogloss.build.settings import BuildSettings

        settings = BuildSettings(
            text=text,
            id=id,
            encoder=encoder,
            passages=passages,
            seed=seed,
            limit=limit,
            memory_mb=memory_mb,
        )
        build_atlas(source, path, settings, fresh=fresh, on_event=on_event)
        return cls.open(path)

    def __len__(self) -> int:
        return self.manifest.passages

    def __repr__(self) -> str:
        return (
            f"Atlas({str(self.path)!r}: {self.manifest.passages:,} passages, "
            f"{self.manifest.topics:,} topics)"
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
    def vectors(self) -> "PassageIndex":
        """The vectors of all passages, ready to be searched.

        Raises
        ------
        AtlasError
            When the table of passages is damaged.
        """
        if self._index is None:
            from isogloss.search.passage_index import PassageIndex
            from isogloss.store.table import reading

            with reading(f"the table of passages in {self.path}"):
                fingerprint = self.manifest.encoder["fingerprint"]
                self._index = PassageIndex(self.table, self.path, fingerprint)
        return self._index

    @property
    def query_side(self) -> "QuerySide":
        """The encoder of queries, and the compensation between it and that of the vectors.

        Raises
        ------
        EncoderError
            When it cannot be loaded, or is not the one that the manifest names.
        """
        if self._queries is None:
            from isogloss.drift.queries import QuerySide, query_side

            if self.manifest.queries:
                self._queries = query_side(self.path, self.manifest)
            else:
                self._queries = QuerySide(self.encoder)
        return self._queries

    def with_encoder(
        self, encoder: "str | Encoder", *, compensation: "Compensation | None" = None
    ) -> "Atlas":
        """Give this atlas with another encoder of queries.

        Parameters
        ----------
        encoder : str or Encoder
            Spec or encoder: the one that made the vectors, or the new one of a compensation.
        compensation : Compensation, optional
            Fitted between the two; None takes the one that `isogloss migrate` put in the atlas.

        Raises
        ------
        EncoderError
            When the fingerprint is that of neither: vectors of two encoders have nothing in common,
            of equal dimension or not.
        """
        from isogloss.drift.queries import query_side

        side = query_side(self.path, self.manifest, encoder, compensation=compensation)
        made = Atlas(self.path, self.manifest)
        made._table, made._encoder, made._queries = self._table, self._encoder, side
        made._index, made._schema = self._index, self._schema
        return made

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        where: str | None = None,
        mode: str = "hybrid",
        exact: bool = False,
        encoder: "str | Encoder | None" = None,
        fusion: "str | Fusion | None" = None,
        feedback: Any = None,
        rerank: "str | Reranker | None" = None,
        diversify: Any = None,
        depth: int | None = None,
    ) -> "SearchResult":
        """Find the passages nearest to a query.

        Parameters
        ----------
        query : str
            What to look for.
        k : int
            Hits wanted; fewer come only where fewer passages pass the filter.
        where : str or None
            Filter, such as ``"label = 'sci.space' AND year >= 1993"``; ``topic = 7`` takes in
            all topics below 7.
        mode : {"hybrid", "vector", "text"}
            By both rankings, by meaning, by words.
        exact : bool, default False
            Score every passage that passes the filter. Without it, from 50,000 passages on, those
            are left out that can hardly be among the nearest; the result's `plan` says so.
        encoder : str or Encoder, optional
            Encodes the query; see `with_encoder`, which loads it once for many queries.
        fusion : str or Fusion, optional
            How ``hybrid`` makes one ranking of two: ``"rrf"`` (the default), ``"convex:0.6"``,
            ``"learned:FILE"``.
        feedback : str or object, optional
            Learn from the first hits: ``"rocchio"``, ``"rm3"``.
        rerank : str or Reranker, optional
            Read the candidates again: ``"cross-encoder:FOLDER"``, ``"maxsim:FOLDER"``,
            ``"encoder:SPEC"``.
        diversify : str or object, optional
            ``"mmr:0.7"``.
        depth : int, optional
            Candidates that feedback, reranking and diversity look at: 100, and at least `k`.

        Returns
        -------
        SearchResult
            ``hits`` (best first), ``strategy`` (every step that was done), ``seconds``, ``plan``.
            A score is a cosine (``vector``), BM25 (``text``) or the fusion's (``hybrid``), or the
            reranker's where there is one; docs/ranking.md has the table.

        Raises
        ------
        FilterError
            When the filter does not parse or does not fit the attributes.
        ParameterError
            When `k`, `mode` or a step cannot be used, or the query is empty.
        EncoderError
            For an encoder that is not the one of the atlas, without a compensation.
        """
        import time
        from dataclasses import replace
        from functools import partial

        from isogloss.search.passages import check_query, search_passages
        from isogloss.search.second_stage import need_fused, passage_vectors, search_in_steps
        from isogloss.search.steps import Steps, read_step
        from isogloss.store.table import reading

        if encoder is not None:
            return self.with_encoder(encoder).search(
                query, k=k, where=where, mode=mode, exact=exact, fusion=fusion,
                feedback=feedback, rerank=rerank, diversify=diversify, depth=depth,
            )  # fmt: skip
        began = time.perf_counter()
        query = check_query(query)
        given = {"fusion": fusion, "feedback": feedback, "rerank": rerank, "diversify": diversify}
        read = {name: read_step(name, one) for name, one in given.items() if one is not None}
        steps = Steps(**read)
        need_fused(steps, mode)
        wants_vector = mode in ("hybrid", "vector")
        vector = self.query_side.encode(query) if wants_vector else None

        def first(**options: Any) -> "SearchResult":
            return search_passages(
                self.table,
                query_text=query,
                query_vector=options["vector"],
                k=options["k"],
                mode=mode,
                where=where,
                schema=self.schema,
                attributes=self.manifest.attributes,
                below=self._leaves_below(),
                index=self.vectors if wants_vector else None,
                exact=exact,
                fusion=steps.fusion,
                terms=options["terms"],
            )

        with reading(f"the table of passages in {self.path}"):
            result = search_in_steps(
                first,
                query,
                vector=vector,
                vectors_of=partial(passage_vectors, self.table),
                mode=mode,
                k=k,
                steps=steps,
                depth=depth,
            )
        note = self.query_side.note if wants_vector else ""
        seconds = time.perf_counter() - began
        return replace(result, strategy=result.strategy + note, seconds=seconds)

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

    def audit(
        self,
        qrels: str | Path | Mapping[str, Mapping[str, float]],
        *,
        queries: str | Path | Mapping[str, str] | None = None,
        grades: str = "higher",
        k: int = 10,
        late: str | None = None,
        seed: int = 0,
        on_event: OnEvent = ignore,
    ) -> "Audit":
        """Measure your own judgements: what any vectors could reach on them, and what this does.

        Parameters, errors and the result are those of `isogloss.limits.audit.audit_atlas`.

        Returns
        -------
        Audit
            Bounds that are proven, free vectors that were found, nDCG and recall of BM25, dense,
            hybrid and late interaction with intervals, and a conclusion in sentences.
        """
        from isogloss.limits.audit import audit_atlas

        return audit_atlas(
            self, qrels, queries=queries, grades=grades, k=k, late=late, seed=seed,
            on_event=on_event,
        )  # fmt: skip

    def _leaves_below(self) -> dict[int, tuple[int, ...]]:
        """Leaves of each inner topic: passages hold the id of their leaf."""
        from isogloss.search.topics import leaves_below

        return leaves_below(self.topics)

    def _require_attribute(self, name: str) -> None:
        known = [name for name in ("id", *self.manifest.attributes) if name in self.schema.names]
        if name not in known:
            raise ColumnError(f"{self.path} has no attribute {name!r}; {nearest(name, known)}")

    def _require_column(self, name: str) -> None:
        if name not in self.schema.names:
            raise ColumnError(
                f"{self.path} has no column {name!r}; {nearest(name, self.schema.names)}"
            )
