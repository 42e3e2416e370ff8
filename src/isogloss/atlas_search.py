"""Search of an atlas: its vectors, the encoder of queries, every step of a ranking, audits."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.events import OnEvent, ignore

if TYPE_CHECKING:
    import pyarrow as pa

    from isogloss.atlas import Atlas
    from isogloss.drift.compensation import Compensation
    from isogloss.drift.queries import QuerySide
    from isogloss.encoders.base import Encoder
    from isogloss.limits.audit import Audit
    from isogloss.search.fusion import Fusion
    from isogloss.search.passage_index import PassageIndex
    from isogloss.search.rerank import Reranker
    from isogloss.search.results import SearchResult
    from isogloss.store.manifest import Manifest
    from isogloss.topics.tree import TopicTree


class AtlasSearch:
    """Methods of `Atlas` that find passages, and that say how well they can be found."""

    path: Path
    manifest: "Manifest"
    topics: "TopicTree"
    table: Any
    encoder: Any
    schema: Any
    _table: Any
    _encoder: "Encoder | None"
    _index: "PassageIndex | None"
    _schema: "pa.Schema | None"
    _queries: "QuerySide | None"

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
        from isogloss.atlas import Atlas
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
            How ``hybrid`` makes one ranking of two: ``"convex"`` (the default), ``"rrf"``,
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
            When the filter does not parse, does not fit the attributes, or names a topic that
            does not exist.
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
                below=self._leaves_below() if where is not None else None,
                index=self.vectors if wants_vector else self._index,
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

        whole: Any = self
        return audit_atlas(
            whole, qrels, queries=queries, grades=grades, k=k, late=late, seed=seed,
            on_event=on_event,
        )  # fmt: skip

    def _leaves_below(self) -> dict[int, tuple[int, ...]]:
        """Leaves of each topic: passages hold the id of their leaf."""
        from isogloss.search.topics import leaves_below

        return leaves_below(self.topics)
