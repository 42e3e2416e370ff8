"""`social-structure`: who talks to whom, on planted forums, newsgroups and a sample of posts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isogloss.ledger.system import Context, Figure, Outcome, PaperFigure, System

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isogloss.social.record import DiscussionReport

SEEDS = (0, 1, 2)
COMMENTS = 200_000  # of a planted forum
LEAST_COMMENTS = 5000
RESAMPLES = 1000

# The rule, as the decision record had it before anything was measured.
LARGEST_ERROR = 0.02
LEAST_NMI = 0.9
LEAST_GAP = 0.1
LONGEST_MEDIAN = 3600.0  # seconds
LEAST_BUSY = 0.4

PLANTED = {
    "reciprocity": "share of ties that are returned",
    "weighted_reciprocity": "share of weight that is returned",
    "attention_gini": "Gini of scores over accounts",
    "posting_gini": "Gini of posts over accounts",
    "lifespan": "median seconds, accounts with two or more actions",
    "busiest": "share of posts in six hours",
}
# The weighted form was not named in the rule; it is measured beside the others.
DECIDES = ("reciprocity", "attention_gini", "posting_gini", "lifespan", "busiest")


def run(context: Context) -> Outcome:
    """Recover planted numbers, then measure two real sets; then judge."""
    measured = _planted(context)
    context.say("moltbook sample")
    measured |= _sample(context)
    context.say("newsgroups")
    measured |= _newsgroups(context)
    verdict, reasons = judge(measured)
    return Outcome(measured, verdict, tuple(reasons), LIMITS)


def judge(measured: dict[str, Figure]) -> tuple[str, list[str]]:
    """Apply the rule.

    Returns
    -------
    verdict : str
    reasons : list of str
        One sentence a part of the rule.
    """
    errors = {name: measured[f"planted.{name}.error"].high for name in DECIDES}
    worst = max(errors, key=lambda name: errors[name])
    blocks = measured["planted.blocks.nmi"]
    recovered = errors[worst] <= LARGEST_ERROR and blocks.low > LEAST_NMI
    gap = measured["moltbook.upvote_less_posting_gini"]
    life = measured["moltbook.median_lifespan"]
    busy = measured["moltbook.busiest_six_hours"]
    visits = measured["moltbook.fullest_three_hours"]
    shape = (gap.low > LEAST_GAP, life.high < LONGEST_MEDIAN, busy.low > LEAST_BUSY)
    reasons = [
        f"recovered: {_yes(recovered)}. The largest error is {100 * errors[worst]:.2f}% "
        f"({worst.replace('_', ' ')}); NMI with the planted blocks {blocks.low:.3f} or more.",
        f"attention more unequal than posting: {_yes(shape[0])}. Gini of upvotes less Gini of "
        f"posts {gap.value:.3f} ({gap.low:.3f} to {gap.high:.3f}).",
        f"short lives: {_yes(shape[1])}. Median {life.value / 60:.1f} minutes over accounts with "
        f"two or more posts ({life.low / 60:.1f} to {life.high / 60:.1f}).",
        f"hours: {_yes(shape[2])}. {100 * busy.value:.1f}% of the posts in the six busiest hours "
        f"({100 * busy.low:.1f} to {100 * busy.high:.1f}); but {100 * visits.value:.0f}% of all "
        "are from three hours in which the crawler looked in, so it says little of the platform.",
        "reciprocity of about 1%: not measured, since the sample has no comments.",
    ]
    if recovered and sum(shape) >= 2:
        return "holds in part", reasons
    return "does not hold", reasons


def _yes(part: bool) -> str:
    return "yes" if part else "no"


def _planted(context: Context) -> dict[str, Figure]:
    import time

    import numpy as np

    from isogloss.evaluate.contingency import Contingency
    from isogloss.ledger.forum import planted_forum
    from isogloss.social.report import discussion_report

    runs: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        runs.setdefault(name, []).append(value)

    for done, seed in enumerate(context.seeds):
        context.say("planted forums", done, len(context.seeds), "forums")
        size = max(LEAST_COMMENTS, context.most(COMMENTS))
        forum = planted_forum(comments=size, seed=seed)
        began = time.process_time()
        report = discussion_report(
            forum.posts, forum.comments, id="id", parent="post", time="time", score="score",
            seed=seed,
        )  # fmt: skip
        add("planted.cpu_seconds", time.process_time() - began)
        for name, value in _found(report).items():
            add(f"planted.{name}", value)
            add(f"planted.{name}.error", abs(value / forum.truth[name] - 1))
        assert report.communities is not None and report.reciprocity is not None
        blocks = np.array([forum.blocks[name] for name in report.discussion.accounts])
        for name, labels in (
            ("nmi", report.communities.labels),
            ("nmi_best_possible", _majority(report, blocks)),
        ):
            table = Contingency.of(blocks, labels)
            add(f"planted.blocks.{name}", float(table.nmi(table.cells[None, :])[0]))
        add("planted.communities", report.communities.count.value)
        add("planted.reciprocity_expected", report.reciprocity.expected)
    return {
        name: _over_runs(values, _unit(name), context.seeds, timed="cpu" in name)
        for name, values in sorted(runs.items())
    }


def _found(report: "DiscussionReport") -> dict[str, float]:
    """Give what the report says of each planted number."""
    assert report.reciprocity is not None
    assert report.lifespans is not None and report.hours is not None
    return {
        "reciprocity": report.reciprocity.value,
        "weighted_reciprocity": report.reciprocity.weighted,
        "attention_gini": report.inequality["score"].gini,
        "posting_gini": report.inequality["posts"].gini,
        "lifespan": report.lifespans.median,
        "busiest": report.hours.share,
    }


def _majority(report: "DiscussionReport", blocks: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Give the block that each account answers and is answered by most, told all blocks.

    No method can be asked to do better from the comments alone.
    """
    import numpy as np

    talk = report.discussion
    rows = talk.answers & (talk.author >= 0) & (talk.target >= 0)
    ties = np.zeros((len(talk.accounts), int(blocks.max()) + 1))
    np.add.at(ties, (talk.author[rows], blocks[talk.target[rows]]), 1)
    np.add.at(ties, (talk.target[rows], blocks[talk.author[rows]]), 1)
    return np.asarray(ties.argmax(axis=1))


def _unit(name: str) -> str:
    if name.endswith(".error"):
        return "error, as a share of what was planted"
    if "nmi" in name:
        return "NMI with eight planted blocks"
    known = {
        "planted.cpu_seconds": "CPU seconds of the report, without texts",
        "planted.communities": "communities",
        "planted.reciprocity_expected": "share of ties that are returned, same degrees",
    }
    return known.get(name) or PLANTED[name.split(".")[1]]


def _over_runs(
    values: list[float], unit: str, seeds: tuple[int, ...], *, timed: bool = False
) -> Figure:
    mean = sum(values) / len(values)
    return Figure(mean, min(values), max(values), unit, len(values), "range", seeds, timed)


@dataclass(frozen=True, slots=True, eq=False)
class _Accounts:
    posts: "NDArray[np.float64]"
    upvotes: "NDArray[np.float64]"
    spans: "NDArray[np.float64]"  # seconds, NaN for accounts with a single post


def _sample(context: Context) -> dict[str, Figure]:
    """Measure the posts of Moltbook that another crawl took."""
    import numpy as np
    import pyarrow.parquet as pq

    from isogloss.social.discussion import UNKNOWN
    from isogloss.social.inequality import gini
    from isogloss.social.instants import DAY, HOUR
    from isogloss.social.report import discussion_report

    table = pq.read_table(context.path("moltbook_posts", "data.parquet"))
    table = table.slice(0, context.most(table.num_rows))
    unknown = (*UNKNOWN, "None")  # 157 posts of this set have it for an author
    report = discussion_report(
        table, time="created_at", score="score", text="text", unknown=unknown
    )
    answered = discussion_report(table, score="comments", unknown=unknown)
    assert report.lifespans is not None and report.burstiness is not None
    assert report.duplicates is not None and report.early is not None
    rows = report.accounts()
    posts = rows["entries"].to_numpy().astype(np.float64)
    spans = np.where(posts > 1, rows["lifespan"].to_numpy(), np.nan)
    people = _Accounts(posts, np.maximum(rows["score"].to_numpy(), 0.0), spans)
    received = np.maximum(answered.accounts()["score"].to_numpy(), 0.0)
    named = {
        "posting_gini": lambda a, pick: gini(a.posts[pick]),
        "upvote_gini": lambda a, pick: gini(a.upvotes[pick]),
        "upvote_less_posting_gini": lambda a, pick: gini(a.upvotes[pick]) - gini(a.posts[pick]),
        "comments_received_gini": lambda a, pick: gini(received[pick]),
        "median_lifespan": lambda a, pick: float(np.nanmedian(a.spans[pick])),
        "one_post_accounts": lambda a, pick: float((a.posts[pick] == 1).mean()),
    }
    units = {"median_lifespan": "seconds, accounts with two or more posts",
             "one_post_accounts": "share of accounts"}  # fmt: skip
    found = {
        f"moltbook.{name}": _resampled(
            lambda pick, measure=measure: measure(people, pick), len(posts),
            units.get(name, "Gini over accounts"),
        )
        for name, measure in named.items()
    }  # fmt: skip
    talk = report.discussion
    day = np.unique(talk.time // DAY, return_inverse=True)[1]
    by_day = np.zeros((int(day.max()) + 1, 24))
    np.add.at(by_day, (day, (talk.time // HOUR) % 24), 1)
    # Hours are resampled by whole days; the six busiest are those of each resample.
    found["moltbook.busiest_six_hours"] = _resampled(
        lambda pick: float(np.sort(by_day[pick].sum(axis=0))[-6:].sum() / by_day[pick].sum()),
        len(by_day), "share of posts",
    )  # fmt: skip
    hour = np.bincount((talk.time - talk.time.min()) // HOUR)
    visits = np.convolve(hour, np.ones(3)).max() / len(talk)
    single = {
        "fullest_three_hours": (float(visits), "share of all posts, in three hours of one day"),
        "posts": (float(len(talk)), "posts"),
        "accounts": (float(len(posts)), "accounts"),
        "days": (report.lifespans.window / 86400, "days from the first to the last post"),
        "copies": (report.duplicates.to_json()["share_of_copies"], "share of posts"),
        "burstiness": (report.burstiness.median, "median over accounts with five or more gaps"),
        "early_arrival": (report.early.total, "rank correlation with upvotes"),
        "early_arrival_per_day": (report.early.per_day, "rank correlation with upvotes a day"),
    }
    for name, (value, unit) in single.items():
        found[f"moltbook.{name}"] = Figure(value, value, value, unit, 1, "range")
    return found


def _resampled(measure: Any, n: int, unit: str) -> Figure:
    import numpy as np

    from isogloss._math.bootstrap import interval

    rng = np.random.default_rng(0)
    value = float(measure(np.arange(n)))
    draws = np.array([measure(rng.integers(0, n, n)) for _ in range(RESAMPLES)])
    low, high = interval(draws, value)
    return Figure(value, low, high, unit, n)


def _newsgroups(context: Context) -> dict[str, Figure]:
    """Measure posts of 1993: threads by subject, answers by the line that quotes somebody."""
    import pyarrow.parquet as pq

    from isogloss.ledger.usenet import addressee_of, author_of, thread_of
    from isogloss.social.report import discussion_report

    path = context.path("newsgroups20", "data.parquet")
    table = pq.read_table(path, columns=["text", "subject", "label", "body"])
    table = table.slice(0, context.most(table.num_rows))
    raw = table["text"].to_pylist()
    report = discussion_report(
        {
            "author": [author_of(text) for text in raw],
            "thread": [thread_of(subject) for subject in table["subject"].to_pylist()],
            "to": [addressee_of(text) for text in raw],
            "topic": table["label"].to_pylist(),
            "text": table["body"].to_pylist(),
        },
        thread="thread", addressee="to", topic="topic", text="text",
    )  # fmt: skip
    assert report.co_participation is not None and report.communities is not None
    assert report.replies is not None and report.reciprocity is not None
    assert report.hits is not None and report.duplicates is not None
    parts, ties = report.communities, report.reciprocity
    seeds = parts.seeds
    figures = {
        "accounts": (len(report.discussion.accounts), "accounts, quoted ones among them"),
        "threads": (report.co_participation.threads, "subjects with two or more accounts"),
        "posting_gini": (report.inequality["entries"].gini, "Gini over accounts"),
        "answered_gini": (report.inequality["received"].gini, "Gini over accounts"),
        "ties": (ties.edges, "ordered pairs of accounts"),
        "reciprocity": (ties.value, "share of ties that are returned"),
        "hub_authority_ranks": (report.hits.rank_correlation(), "rank correlation"),
        "topics_by_community": (report.topics_by_community, "adjusted mutual information"),
        "copies": (report.duplicates.to_json()["share_of_copies"], "share of posts"),
        "seed_agreement": (parts.agreement, "mean adjusted Rand index with the best run"),
    }
    found = {
        f"newsgroups.{name}": Figure(float(value), float(value), float(value), unit, 1, "range")
        for name, (value, unit) in figures.items()
    }
    found["newsgroups.reciprocity_expected"] = Figure(
        ties.expected, ties.expected_low, ties.expected_high,
        "share of ties that are returned, same degrees", ties.rewirings, "range",
    )  # fmt: skip
    for name in ("count", "modularity", "between_weight", "conductance", "cut_ratio"):
        one = getattr(parts, name)
        found[f"newsgroups.communities.{name}"] = Figure(
            one.mean, one.low, one.high, "over 20 runs of Leiden", len(seeds), "range", seeds
        )
    return found


LIMITS = (
    "The paper's crawl (posts and comments, 28 January to 8 February 2026) is not here, so its own "
    "figures are not checked: reciprocity, communities and hubs of Moltbook cannot be measured.",
    "The Moltbook sample is posts only, by another crawl, of other days; scores are those at the "
    "moment of that crawl. Accounts that only comment are unknown, so no Gini has their zeros.",
    "That crawl looked in at a few moments: over a third of its posts are from three hours of one "
    "day. The busiest hours, and the days that an account was seen, are also those of the crawler; "
    "the rule counts the hours all the same, as it was written.",
    "Upvotes depend on how long a post was up, and lifespans on the length of the window.",
    "Newsgroups have no times; threads are equal subjects, and an answer is known only where the "
    "post quotes with a line that names an address.",
    "How much the planted blocks mix is a choice of ours; beside the NMI stands what is possible "
    "when all other accounts' blocks are told. A first version of the forum mixed its blocks more, "
    "and unevenly over seeds (NMI .83 to .95 where .90 to .96 was possible), and was mended.",
)

SYSTEM = System(
    id="social-structure",
    claim=(
        "On Moltbook attention is far more unequal than posting, accounts live for minutes, posts "
        "crowd into a few hours, and hardly any tie is returned; a report of author, thread, time "
        "and score shows it."
    ),
    paper={
        "reciprocity": PaperFigure(0.01, "share of ties that are returned", "about; abstract"),
        "upvote Gini": PaperFigure(0.992, "Gini", "abstract"),
        "posting Gini": PaperFigure(0.601, "Gini", "abstract"),
        "median lifespan": PaperFigure(148.8, "seconds", "2.48 minutes; abstract"),
        "six busiest hours": PaperFigure(0.548, "share of posts", "abstract"),
    },
    rule=(
        f"recovered: on {len(SEEDS)} planted forums of {COMMENTS:,} comments, reciprocity, Gini of "
        "attention and of posting, median lifespan and the share of posts in the six busiest hours "
        f"are within {100 * LARGEST_ERROR:.0f}%, and communities have an NMI above {LEAST_NMI} "
        "with the blocks, on all. shape, on the Moltbook sample, by 95% intervals: Gini of upvotes "
        f"less Gini of posts above {LEAST_GAP}; median lifespan under an hour; above "
        f"{100 * LEAST_BUSY:.0f}% of the posts in six hours. Recovered and two of the three: holds "
        "in part, the most that posts without comments allow; else it does not hold."
    ),
    data=("moltbook_posts", "newsgroups20"),
    budget_seconds=300,
    run=run,
    seeds=SEEDS,
)
