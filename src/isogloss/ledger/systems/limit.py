"""`limit`: what vectors of a dimension cannot rank, and what encoders do not although they could.

Free vectors fitted to all pairs and triples, the published LIMIT set, sets of the same kind with
our own words, and the same questions under other patterns of judgements.
"""

from itertools import pairwise
from typing import TYPE_CHECKING

from isogloss.ledger.system import Context, Figure, Outcome, PaperFigure, System

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from isogloss.encoders.base import Encoder

MODEL = "onnx:sentence-transformers/all-MiniLM-L6-v2"
DIMS = (2, 3, 4, 5, 6, 7, 8)
KS = (2, 3)
STEPS = 20_000  # of one fit at most; the paper has 100,000
CUTS = (32, 64, 128, 384)  # dimensions kept of a vector
LARGE = 500  # people of the larger set that the transformer reads
FULL = 50_000
PATTERN_PEOPLE, PATTERN_QUERIES = 600, 300
PATTERNS = ("dense", "random", "cycle", "disjoint")

# The rule.
MODELS_FAIL = 0.5  # recall@2 of a single vector stays under this
WORDS_DO = 0.9  # and that of BM25 above this

ENCODERS = ("minilm", "lexical")


def run(context: Context) -> Outcome:
    """Measure the curve, the sets, the patterns and the dimensions, and judge."""
    from isogloss.encoders.spec import load_encoder

    encoders = {"minilm": load_encoder(MODEL), "lexical": load_encoder("lexical")}
    measured = _curve(context) | _known(context)
    measured |= _sets(context, encoders)
    measured |= _patterns(context, encoders)
    verdict, reasons = judge(measured)
    return Outcome(
        measured,
        verdict,
        tuple(reasons),
        LIMITS,
        {one.spec: one.fingerprint for one in encoders.values()},
    )


def judge(measured: dict[str, Figure]) -> tuple[str, list[str]]:
    """Apply the rule.

    Returns
    -------
    verdict : str
    reasons : list of str
        One sentence a part of the rule.
    """
    curves = {k: [measured[f"critical_n.k{k}.d{dim}"].value for dim in DIMS] for k in KS}
    # Theory has 4 documents at both d = 2 and d = 3 for k = 3, so that only k = 2 can always grow.
    grows = all(one < other for one, other in pairwise(curves[2])) and all(
        one <= other for k in KS for one, other in pairwise(curves[k])
    )
    dense = {name: measured[f"published.{name}.recall@2"] for name in ENCODERS}
    words = measured["published.bm25.recall@2"]
    fail = all(figure.high < MODELS_FAIL for figure in dense.values()) and words.low > WORDS_DO
    gain = measured["published.maxsim_less_minilm.recall@2"]
    late = gain.low > 0
    harder = {
        name: all(
            measured[f"pattern.dense.{name}.recall@2"].high
            < measured[f"pattern.{other}.{name}.recall@2"].low
            for other in PATTERNS[1:]
        )
        for name in ENCODERS
    }
    wider = measured[f"published.minilm.{CUTS[-1]}_less_{CUTS[0]}.recall@2"]
    parts = {
        "models fail": fail,
        "curve": grows,
        "late interaction": late,
        "dense is harder": all(harder.values()),
        "dimension": wider.low > 0,
    }
    said = {
        "models fail": "Recall@2 on the published small set: "
        + ", ".join(f"{name} {figure.value:.3f}" for name, figure in dense.items())
        + f", BM25 {words.value:.3f}.",
        "curve": f"Critical n for d = {DIMS[0]} to {DIMS[-1]}: "
        + "; ".join(f"k = {k}: {', '.join(f'{n:.0f}' for n in curves[k])}" for k in KS)
        + ".",
        "late interaction": "MaxSim over the same encoder's tokens against its vectors: recall@2 "
        f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}).",
        "dense is harder": "Recall@2 dense, and the least of the other patterns: "
        + ", ".join(_least(measured, name) for name in ENCODERS)
        + ".",
        "dimension": f"MiniLM with all dimensions against its first {CUTS[0]}: recall@2 "
        f"{wider.value:+.3f} ({wider.low:+.3f} to {wider.high:+.3f}).",
    }
    reasons = [f"{name}: {'yes' if part else 'no'}. {said[name]}" for name, part in parts.items()]
    reasons.append(
        "Not part of the rule: the published set needs "
        f"{measured['bounds.published.lower'].value:.0f} dimensions (proven, and so many are "
        "enough in exact arithmetic), and vectors of "
        f"{measured['free.published.least_dimension'].value:.0f} dimensions were found that solve "
        "all of it: it is not dimensions that these encoders lack."
    )
    if all(parts.values()):
        return "holds", reasons
    if fail and sum(parts.values()) >= 3:
        return "holds in part", reasons
    return "does not hold", reasons


def _least(measured: dict[str, Figure], name: str) -> str:
    dense = measured[f"pattern.dense.{name}.recall@2"].value
    least = min(measured[f"pattern.{other}.{name}.recall@2"].value for other in PATTERNS[1:])
    return f"{name} {dense:.3f} and {least:.3f}"


def _curve(context: Context) -> dict[str, Figure]:
    from isogloss.limits.critical import critical_n, paper_critical_n

    figures = {}
    dims = DIMS if context.limit is None else DIMS[:2]
    for k in KS:
        for done, dim in enumerate(DIMS):
            context.say(f"critical n, k = {k}", done, len(DIMS), "dimensions")
            if dim not in dims:
                figures[f"critical_n.k{k}.d{dim}"] = _exact(dim + 1, "documents")
                continue
            found = [
                critical_n(dim, k, restarts=1, seed=seed, steps=STEPS).n for seed in context.seeds
            ]
            best = max(found)
            figures[f"critical_n.k{k}.d{dim}"] = Figure(
                best, min(found), best, "documents", len(found), "range", context.seeds
            )
            if k == 2 and dim > 3:  # below 4 the paper's polynomial is negative or has no data
                figures[f"paper_cubic.k2.d{dim}"] = _exact(paper_critical_n(dim), "documents")
    return figures


def _exact(value: float, unit: str) -> Figure:
    return Figure(value, value, value, unit, 1, "range")


def _known(context: Context) -> dict[str, Figure]:
    """Give what is proven beside the curve: vectors written down where the optimiser gives up."""
    import numpy as np

    from isogloss.limits.bounds import dimension_bounds
    from isogloss.limits.critical import all_subsets
    from isogloss.limits.judgement_files import read_judgements
    from isogloss.limits.judgements import Judgements, query_graph
    from isogloss.limits.moment_curve import moment_vectors
    from isogloss.limits.reach import reach

    figures = {}
    for k in KS:
        matrix = all_subsets(46 if k == 2 else 24, k)
        gaps = moment_vectors(matrix, order=np.arange(matrix.shape[1])).gaps
        name = f"moment_curve.k{k}.d{2 * k}.n{matrix.shape[1]}"
        figures[f"{name}.solved"] = _exact(float((gaps > 0).mean()), "share of all subsets")
        figures[f"{name}.gap"] = _exact(float(gaps.min()), "cosine")
        for dim in DIMS:
            if dim < 2 * k:  # from 2 k on nothing is impossible
                n = k + 1
                while dimension_bounds(all_subsets(n + 1, k)).lower <= dim:
                    n += 1
                figures[f"proven_most.k{k}.d{dim}"] = _exact(n, "documents")
    read = read_judgements(context.path("limit_small", "qrels.parquet"))
    judged = Judgements.of(read.qrels)
    graph, bounds = query_graph(judged), dimension_bounds(judged)
    figures["graph.published.density"] = _exact(graph.density, "share of pairs of queries")
    figures["graph.published.strength"] = _exact(graph.strength, "sum of Jaccard similarities")
    figures["bounds.published.lower"] = _exact(bounds.lower, "dimensions")
    figures["bounds.published.upper"] = _exact(bounds.upper, "dimensions")
    context.say("free vectors for the published set")
    found = reach(judged, 384, restarts=1, ks=(2,))
    figures["free.published.least_dimension"] = _exact(
        float(found.least_shown or 384), "dimensions"
    )
    return figures


def _sets(context: Context, encoders: "Mapping[str, Encoder]") -> dict[str, Figure]:
    from isogloss.ledger import people_sets
    from isogloss.ledger.measure import difference_figure
    from isogloss.limits.people import limit_set

    measured: dict[str, Figure] = {}
    sizes = {"ours46": 46, "ours500": context.most(LARGE), "ours50000": context.most(FULL)}
    published = people_sets.published(context)
    for name in ("published", *sizes):
        context.say(f"set {name}")
        made = published if name == "published" else limit_set(documents=max(46, sizes[name]))
        used = {"lexical": encoders["lexical"]} if name == "ours50000" else encoders
        small = len(made.ids) <= 46
        depths = (2, 20) if small else (2, 20, 100)
        runs = {"bm25": people_sets.words(made)}
        vectors = {}
        for label, encoder in used.items():
            vectors[label] = (
                encoder.encode(made.texts),
                encoder.encode_query(list(made.queries.values())),
            )
            runs[label] = people_sets.nearest(made, *vectors[label])
            runs[f"hybrid_{label}"] = people_sets.fused(made, runs["bm25"], runs[label])
        if small:
            runs["maxsim"] = people_sets.late(made, encoders["minilm"])
        scores = {
            (label, k): people_sets.recalls(made, run, k)
            for label, run in runs.items()
            for k in depths
        }
        measured |= _figures(name, scores)
        if name != "published":
            continue
        for label, other in (("maxsim", "minilm"), ("hybrid_minilm", "bm25")):
            measured[f"published.{label}_less_{other}.recall@2"] = difference_figure(
                [(scores[label, 2], scores[other, 2])], "recall@2"
            )
        for label, pair in vectors.items():
            cut = {}
            for width in CUTS:
                rows = [people_sets.first(one, width) for one in pair]
                cut[width] = people_sets.recalls(made, people_sets.nearest(made, *rows), 2)
            measured |= _figures(
                f"published.{label}", {(f"first{width}", 2): one for width, one in cut.items()}
            )
            measured[f"published.{label}.{CUTS[-1]}_less_{CUTS[0]}.recall@2"] = difference_figure(
                [(cut[CUTS[-1]], cut[CUTS[0]])], "recall@2"
            )
    return measured


def _patterns(context: Context, encoders: "Mapping[str, Encoder]") -> dict[str, Figure]:
    from isogloss.ledger import people_sets
    from isogloss.limits.people import limit_set

    measured: dict[str, Figure] = {}
    people = max(100, context.most(PATTERN_PEOPLE))
    queries = min(PATTERN_QUERIES, people // 2)
    for done, pattern in enumerate(PATTERNS):
        context.say("patterns", done, len(PATTERNS), "patterns")
        made = limit_set(documents=people, queries=queries, pattern=pattern)
        asked = list(made.queries.values())
        for label, encoder in encoders.items():
            run = people_sets.nearest(made, encoder.encode(made.texts), encoder.encode_query(asked))
            scores = {(label, k): people_sets.recalls(made, run, k) for k in (2, 20, 100)}
            measured |= _figures(f"pattern.{pattern}", scores)
    return measured


def _figures(
    family: str, scores: "Mapping[tuple[str, int], NDArray[np.float64]]"
) -> dict[str, Figure]:
    from isogloss.ledger.measure import mean_figure

    return {
        f"{family}.{label}.recall@{k}": mean_figure(values, f"recall@{k}")
        for (label, k), values in scores.items()
    }


LIMITS = (
    "Critical n is what an optimiser with a temperature of 0.1 finds: 20,000 steps at most, one "
    "start, where the paper has 100,000 steps and one. It is no bound: all subsets of k of any "
    "number of documents fit into 2 k dimensions in exact arithmetic, as the moment curve shows.",
    "The 50,000 documents of the paper are not at hand; ours have the same pattern and our own "
    "words. The transformer reads sets of up to 600.",
    "MiniLM is small, and its tokens were not trained for late interaction; neither its vectors "
    "nor ours were trained to be cut, so that what is measured over dimensions is truncation.",
    "The patterns are of 600 people and 300 queries each.",
    "Recall at 100 is left out where there are 46 documents.",
)

SYSTEM = System(
    id="limit",
    claim=(
        "The sets of documents that vectors of a dimension can return are limited, and single-"
        "vector encoders fail on a simple set built on that limit, which BM25 solves and late "
        "interaction does better on; the more combinations are asked for, the harder, and the more "
        "dimensions, the better."
    ),
    paper={
        "critical n, k = 2, d = 4": PaperFigure(
            7, "documents", "its cubic, from memory; ours beside"
        ),
        "critical n, k = 2, d = 8": PaperFigure(27, "documents", "its cubic, from memory"),
        "small set, BM25": PaperFigure(0.99, "recall@2", "bm25s defaults, measured for the sheet"),
        "full set, best single vector": PaperFigure("under 0.20", "recall@100", "50,000 documents"),
        "full set, E5-Mistral": PaperFigure(0.083, "recall@100", "secondary source"),
        "full set, GritLM-7B": PaperFigure(0.129, "recall@100", "secondary source"),
        "full set, BM25": PaperFigure(0.936, "recall@100", "secondary source"),
        "full set, GTE-ModernColBERT": PaperFigure(
            0.55, "recall@100", "late interaction, from memory"
        ),
        "graph density": PaperFigure(0.085481, "share", "LIMIT, from memory"),
        "query strength": PaperFigure(28.4653, "sum of Jaccard similarities", "LIMIT, from memory"),
    },
    rule=(
        f"models fail: on the published small set recall@2 of MiniLM and of `lexical` stays below "
        f"{MODELS_FAIL} and that of BM25 above {WORDS_DO}, by the ends of the intervals; curve: "
        f"critical n grows with every dimension from {DIMS[0]} to {DIMS[-1]} for k = 2, as in the "
        "paper, and never falls for k = 3; late interaction: MaxSim over MiniLM's tokens has more "
        "recall@2 than its vectors, 95% interval above zero; dense is harder: for both encoders "
        "recall@2 of the dense pattern lies below that of each other pattern, intervals apart; "
        f"dimension: MiniLM's vectors have more recall@2 than their first {CUTS[0]} dimensions, "
        "95% interval above zero. All five: holds. The first and two others: holds in part. Else "
        "it does not hold."
    ),
    data=("limit_small",),
    budget_seconds=900,
    run=run,
    encoders=("lexical",),
)
