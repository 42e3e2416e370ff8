"""An audit of one's own judgements: what any vectors could reach on them, and what is reached.

Paper: Weller et al., On the Theoretical Limitations of Embedding-Based Retrieval (2025).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import IsoglossError, ParameterError, SourceError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.evaluate.retrieval import ndcg_at_k, recall_at_k
from isogloss.evaluate.score import Score
from isogloss.limits.conclusion import without_chance
from isogloss.limits.judgement_files import read_judgements, read_queries
from isogloss.limits.judgements import Judgements, QueryGraph, query_graph
from isogloss.limits.matching import match
from isogloss.limits.reach import Reach, reach

if TYPE_CHECKING:
    from isogloss.atlas import Atlas
    from isogloss.encoders.base import Encoder

__all__ = ["Audit", "audit_atlas"]

Qrels = Mapping[str, Mapping[str, float]]
Run = dict[str, dict[str, float]]

LATE = "late interaction"
DEPTH = 100
NDCG_K = 10
LATE_PASSAGES = 5000  # beyond, late interaction ranks what the hybrid search found first


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    atlas : str
        Folder of the atlas.
    documents : int
        In the atlas.
    judged : Judgements
        As far as they match.
    left_out : dict
        As in `isogloss.limits.matching.Matched`.
    repeated : int
        Judgements that stood there before, with the same score.
    graph : QueryGraph
    dim : int
        Of the atlas' vectors.
    reach : Reach
        What any vectors could reach.
    methods : dict of str to dict of str to Score
        What each method reaches on this atlas: nDCG@10, and recall. A single query gives no
        interval: its ends are NaN.
    differences : dict of str to Score
        nDCG@10 of each method less that of the dense search, paired.
    skipped : dict of str to str
        What was not measured, and why.
    conclusion : tuple of str
        In plain sentences.
    """

    atlas: str
    documents: int
    judged: Judgements
    left_out: dict[str, dict[str, Any]]
    repeated: int
    graph: QueryGraph
    dim: int
    reach: Reach
    methods: dict[str, dict[str, Score]]
    differences: dict[str, Score]
    skipped: dict[str, str]
    conclusion: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give it as ``isogloss audit --json`` prints it."""
        bounds = self.reach.bounds
        return {
            "atlas": self.atlas,
            "documents": self.documents,
            "queries": len(self.judged.queries),
            "relevant": int(self.judged.matrix.nnz),
            "relevant_documents": len(self.judged.documents),
            "left_out": self.left_out,
            "repeated": self.repeated,
            "graph": {"density": self.graph.density, "strength": self.graph.strength},
            "dimension": self.dim,
            "bounds": {
                "lower": bounds.lower,
                "lower_by": bounds.lower_by,
                "upper": bounds.upper,
                "upper_by": bounds.upper_by,
                "gap": bounds.gap,
            },
            "least_dimension_shown": self.reach.least_shown,
            "free_vectors": [
                {
                    "dimension": one.dim,
                    "status": one.status,
                    "solved": one.solved,
                    "steps": one.steps,
                    **{n: without_chance(score).to_json() for n, score in one.scores.items()},
                }
                for one in self.reach.at
            ],
            "recall_ceilings": self.reach.recall_ceilings,
            "methods": {
                method: {name: score.to_json() for name, score in scores.items()}
                for method, scores in self.methods.items()
            },
            "less_dense": {name: score.to_json() for name, score in self.differences.items()},
            "skipped": self.skipped,
            "conclusion": list(self.conclusion),
        }


def audit_atlas(
    atlas: "Atlas",
    qrels: str | Path | Qrels,
    *,
    queries: str | Path | Mapping[str, str] | None = None,
    grades: str = "higher",
    k: int = 10,
    late: str | None = None,
    late_passages: int = LATE_PASSAGES,
    seed: int = 0,
    on_event: OnEvent = ignore,
) -> Audit:
    """Measure judgements: what any vectors could reach on them, and what this atlas does.

    Parameters
    ----------
    atlas : Atlas
    qrels : path or mapping
        Judgements, see `isogloss.limits.judgement_files.read_judgements`; documents by the ids of
        the atlas.
    queries : path or mapping, optional
        Texts of the queries; None takes them from a column of the judgements.
    grades : {"higher", "lower", "yes-no"}, default "higher"
        What a score says.
    k : int, default 10
        Recall at k is measured, beside recall at 100 and nDCG at 10. Recall at more than half of
        the documents is left out: it would tell nothing.
    late : str, optional
        Spec of a transformer for late interaction; None takes the atlas' own encoder where it is
        one.
    late_passages : int, default 5000
        Beyond so many passages late interaction only ranks the 100 that the hybrid search finds.
    seed : int, default 0
        Of free vectors and intervals.
    on_event : callable

    Returns
    -------
    Audit

    Raises
    ------
    SourceError, ColumnError
        For files that cannot be read or do not match the atlas.
    ParameterError
        For options out of range.
    """
    from isogloss.limits.conclusion import conclude
    from isogloss.limits.methods import search_runs

    for name, value in (("k", k), ("late_passages", late_passages)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ParameterError(f"{name} is {value!r}: give a whole number of at least 1")
    encoder, why = _late_encoder(atlas, late)
    read = read_judgements(qrels, grades=grades)
    texts = read_queries(queries) if queries is not None else read.queries
    if not texts:
        raise SourceError(
            "the judgements have no texts of queries: give a file of queries with columns 'id' and "
            "'text' (--queries FILE), or a column 'query_text' beside each judgement"
        )
    ids = _ids(atlas)
    kept = match(read.qrels, texts, ids, repeated=read.repeated, where=str(atlas.path))
    judged = Judgements.of(kept.qrels)
    count = len(set(ids))
    skipped: dict[str, str] = {}
    ks = _ks(k, count, skipped)
    dim = int(atlas.schema.field("vector").type.list_size)

    def told(one: int, solved: bool) -> None:
        found = "enough" if solved else "not found to be enough"
        on_event(Event("free vectors", message=f"{one} dimensions: {found}", level="info"))

    possible = reach(
        judged, dim, others=count - len(judged.documents), ks=ks, ndcg_k=NDCG_K, seed=seed,
        on_fit=told,
    )  # fmt: skip
    depth = max([NDCG_K, *ks])
    # Every passage is scored, so that what is measured is the vectors and not an index.
    search = partial(atlas.search, exact=True)
    found = search_runs(search, kept.queries, depth=max(depth, DEPTH), on_event=on_event)
    runs = dict(found.runs)
    skipped |= found.skipped
    if encoder is not None:
        name, run, why = _late(atlas, encoder, kept.queries, runs, late_passages, on_event)
        if not why:
            runs[name] = run
    if why:
        skipped[LATE] = why
    methods = {method: _scores(kept.qrels, run, ks, seed) for method, run in runs.items()}
    differences = _differences(kept.qrels, runs, seed)
    graph = query_graph(judged)
    return Audit(
        str(atlas.path), count, judged, kept.left_out, kept.repeated, graph, dim, possible,
        methods, differences, skipped, conclude(judged, dim, graph, possible, methods, differences),
    )  # fmt: skip


def _ids(atlas: "Atlas") -> list[str]:
    return [str(one) for batch in atlas.passages(["id"]) for one in batch["id"].to_pylist()]


def _ks(k: int, documents: int, skipped: dict[str, str]) -> list[int]:
    wanted = sorted({k, DEPTH})
    kept = [one for one in wanted if 2 * one <= documents]
    for one in wanted:
        if one not in kept:
            skipped[f"recall@{one}"] = (
                f"so deep a list holds more than half of the {documents:,} documents"
            )
    return kept


def _late_encoder(atlas: "Atlas", spec: str | None) -> "tuple[Encoder | None, str]":
    """Give the encoder for late interaction, or None and the reason."""
    from isogloss.encoders.spec import load_encoder
    from isogloss.limits.late import gives_tokens

    try:
        encoder = atlas.encoder if spec is None else load_encoder(spec)
    except IsoglossError as error:
        if spec is not None:
            raise
        return None, " ".join(str(error).split())
    if gives_tokens(encoder):
        return encoder, ""
    if spec is not None:
        raise ParameterError(
            f"late is {spec!r}, which has no token vectors: give a transformer, such as "
            "'onnx:sentence-transformers/all-MiniLM-L6-v2'"
        )
    return None, (
        f"the encoder of the atlas ({encoder.spec}) has no token vectors: name a transformer with "
        "--late SPEC"
    )


def _late(
    atlas: "Atlas",
    encoder: "Encoder",
    queries: Mapping[str, str],
    runs: Mapping[str, Run],
    most: int,
    on_event: OnEvent,
) -> tuple[str, Run, str]:
    """Give name, run and, where there is none, the reason."""
    from isogloss.limits.methods import late_run

    name = LATE
    candidates = None
    if len(atlas) > most:
        if "hybrid" not in runs:
            return name, {}, f"more than {most:,} passages, and no hybrid search to choose among"
        candidates = {query: list(run) for query, run in runs["hybrid"].items()}
        name = f"{LATE} on the hybrid's first"
    passages = (
        (str(one), text or "")
        for batch in atlas.passages(["id", "text"])
        for one, text in zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True)
    )
    run = late_run(
        encoder, queries, passages, depth=DEPTH, total=len(atlas), candidates=candidates,
        on_event=on_event,
    )  # fmt: skip
    return name, run, ""


def _scores(
    qrels: Qrels, run: Mapping[str, Mapping[str, float]], ks: Sequence[int], seed: int
) -> dict[str, Score]:
    found = [ndcg_at_k(qrels, run, k=NDCG_K, seed=seed)]
    found += [recall_at_k(qrels, run, k=k, seed=seed) for k in ks]
    return {score.name: without_chance(score) for score in found}


def _differences(
    qrels: Qrels, runs: Mapping[str, Mapping[str, Mapping[str, float]]], seed: int
) -> dict[str, Score]:
    import numpy as np

    from isogloss._math.bootstrap import mean_interval
    from isogloss.evaluate.retrieval import ndcg_of, ranking

    if "dense" not in runs:
        return {}

    def each(run: Mapping[str, Mapping[str, float]]) -> Any:
        return np.array(
            [ndcg_of(one, ranking(run.get(query, {})), k=NDCG_K) for query, one in qrels.items()]
        )

    dense = each(runs["dense"])
    found = {}
    for method, run in runs.items():
        if method != "dense":
            gaps = each(run) - dense
            low, high = mean_interval(gaps, seed=seed)
            value = round(float(gaps.mean()), 6)
            gap = Score(f"ndcg@{NDCG_K}", value, low, high, len(gaps), "queries")
            found[method] = without_chance(gap)
    return found
