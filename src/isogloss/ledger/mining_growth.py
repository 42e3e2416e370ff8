"""How the time of Min-Hashing grows with passages and vocabulary, and what Wikipedia would take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isogloss.ledger.system import Context, Figure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIMILARITY = 0.04  # at which a set is found with probability 1/2: the paper's 432 tables
GROWTH_SHARES = (0.25, 0.5, 1.0)
GROWTH_WORDS = (10_000, 20_000, 40_000, 80_000)
FIXED_WORDS = 40_000
ROUNDS = 3
# The paper's largest corpus. Distinct words of an article: an assumption, not the paper's figure.
ARTICLES = 5_000_000
WIKIPEDIA_WORDS = 1_000_000
WORDS_AN_ARTICLE = 200


def growth_figures(context: Context) -> dict[str, Figure]:
    """Time fits over parts of a large corpus and over vocabularies of several sizes."""
    import numpy as np

    from isogloss.text import Vocabulary

    texts = _passages(context)
    words = Vocabulary.fit([texts], max_words=max(GROWTH_WORDS), min_df=2, stop_words="auto")
    counts = words.counts(texts)
    common = np.argsort(-words.document_frequency, kind="stable")
    points: dict[tuple[int, int], list[Timed]] = {}
    sizes = [round(share * len(texts)) for share in GROWTH_SHARES]
    grid = [(size, FIXED_WORDS) for size in sizes] + [
        (sizes[-1], many) for many in GROWTH_WORDS if many != FIXED_WORDS
    ]
    for done in range(ROUNDS):
        context.say("growth", done, ROUNDS, "rounds")
        for size, many in grid:
            some = counts[:size][:, np.sort(common[:many])]
            points.setdefault((size, some.shape[1]), []).append(timed_fit(some))
    wide = max(held for _, held in points if held <= FIXED_WORDS)
    by_size = {size: points[size, wide] for size in sizes}
    by_words = {held: times for (size, held), times in points.items() if size == sizes[-1]}
    found = {
        "growth.passages.slope": power_of_growth(by_size),
        "growth.passages.slope_mining": power_of_growth(by_size, "mining"),
        "growth.words.slope": power_of_growth(by_words),
        "growth.words.slope_mining": power_of_growth(by_words, "mining"),
        "growth.passages.variance_explained": explained(by_size),
        "growth.words.variance_explained": explained(by_words),
        "growth.wikipedia_hours": carried_on(points),
    }
    for (size, held), times in sorted(points.items()):
        found[f"growth.cpu_seconds.{size}_passages.{held}_words"] = over_runs(
            [one.whole for one in times], "CPU seconds", (0,), timed=True
        )
    return found


def _passages(context: Context) -> list[str]:
    """Read all passages of the large corpus, each once, in one random order."""
    import numpy as np
    import pyarrow.parquet as pq

    texts: list[str] = []
    for path in sorted(context.path("broad_english").glob("passages_*.parquet")):
        texts += pq.read_table(path, columns=["text"])["text"].to_pylist()
    texts = list(dict.fromkeys(texts))
    order = np.random.default_rng(0).permutation(len(texts))[: context.limit]
    return [texts[i] for i in order]


@dataclass(frozen=True, slots=True)
class Timed:
    """CPU seconds of one whole fit and of its mining, and the entries of its counts."""

    whole: float
    mining: float
    entries: int


def timed_fit(counts: Any) -> Timed:
    """Mine alone, then fit wholly, and give the CPU seconds of both."""
    import time

    from isogloss.topics.mined_sets import mine_sets, tables_for
    from isogloss.topics.models.min_hashing import MinHashingTopics

    words = [str(i) for i in range(counts.shape[1])]
    model = MinHashingTopics(similarity=SIMILARITY)
    began = time.process_time()
    mine_sets(
        [counts],
        tuple_size=model.tuple_size,
        tables=tables_for(SIMILARITY, model.tuple_size),
        expand=model.expand,
        least=model.min_set_size,
        seed=0,
        memory_mb=model.memory_mb,
    )
    mined = time.process_time()
    fit_quietly(model, counts, words)
    return Timed(time.process_time() - mined, mined - began, counts.nnz)


Times = dict[int, list[Timed]]


def power_of_growth(times: Times, what: str = "whole") -> Figure:
    """Give the power of growth: least squares over logarithms, one fit a round."""
    import numpy as np

    sizes = np.log(np.array(sorted(times), dtype=float))
    slopes = []
    for k in range(ROUNDS):
        seconds = [getattr(times[size][k], what) for size in sorted(times)]
        slopes.append(float(np.polyfit(sizes, np.log(seconds), 1)[0]))
    return over_runs(slopes, "power", (0,), timed=True)


def explained(times: Times) -> Figure:
    """Give the share of the variance that a straight line explains."""
    import numpy as np

    sizes = np.array(sorted(times), dtype=float)
    shares = []
    for k in range(ROUNDS):
        seconds = np.array([times[size][k].whole for size in sorted(times)])
        rest = seconds - np.polyval(np.polyfit(sizes, seconds, 1), sizes)
        shares.append(1.0 - float(rest @ rest) / float(((seconds - seconds.mean()) ** 2).sum()))
    return over_runs(shares, "share of variance", (0,), timed=True)


def carried_on(points: dict[tuple[int, int], list[Timed]]) -> Figure:
    """Carry seconds = a + b * entries + c * words on to Wikipedia; a, b and c are not below 0.

    Mining and the rest have a line each: the rest gets shorter with more passages, and would
    hide in one line what mining costs.
    """
    import numpy as np
    from scipy.optimize import nnls

    wanted = np.array([1.0, ARTICLES * WORDS_AN_ARTICLE, WIKIPEDIA_WORDS])
    hours = []
    for k in range(ROUNDS):
        rows = np.array([[1.0, times[k].entries, held] for (_, held), times in points.items()])
        scale = rows.max(axis=0)
        mining = np.array([times[k].mining for times in points.values()])
        whole = np.array([times[k].whole for times in points.values()])
        total = 0.0
        for seconds in (mining, np.maximum(whole - mining, 1e-3)):
            # each measurement counts by its relative error
            found, _ = nnls(rows / scale / seconds[:, None], np.ones(len(seconds)))
            total += float(found / scale @ wanted)
        hours.append(total / 3600)
    return over_runs(hours, "hours of one core", (0,), timed=True)


def fit_quietly(model: Any, counts: Any, words: list[str]) -> Any:
    """Fit, and leave out the warning of few topics: how many there are is a figure."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*short texts", category=UserWarning)
        return model.fit(counts, vocabulary=words).result_


def over_runs(
    values: "Sequence[float] | NDArray[np.float64]",
    unit: str,
    seeds: tuple[int, ...],
    *,
    timed: bool = False,
) -> Figure:
    """Give the mean of some runs, with the least and the largest as its interval."""
    mean = float(sum(values) / len(values))
    timed = timed or unit.endswith("seconds")
    return Figure(
        mean, float(min(values)), float(max(values)), unit, len(values), "range", seeds, timed
    )
