"""A forum with planted numbers: what a report of it must find is known beforehand.

The planted values come from how the forum is made, or are counted with plain sets and sums, never
by the code that is to be tested.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["PlantedForum", "planted_forum"]

Integers = NDArray[np.int64]

DAY = 86_400
DAYS = 12
BLOCKS = 8
INSIDE = 0.95  # part of the comments that stay in their block, before repairs
BUSY_HOURS = (13, 14, 15, 16, 20, 21)
BUSY_SHARE = 0.548
ATTENTION = 1.1  # Pareto exponents
ACTIVITY = 1.5
SHORTEST, LONGEST = 60.0, 8.0 * DAY  # lifespans, seconds
START = 1_769_558_400  # 2026-01-28, UTC


@dataclass(frozen=True, slots=True, eq=False)
class PlantedForum:
    """Posts and comments, and what is true of them.

    Parameters
    ----------
    posts : pyarrow.Table
        ``id``, ``author``, ``time`` (UTC), ``score``.
    comments : pyarrow.Table
        ``author``, ``post``, ``time``.
    blocks : dict of str to int
        Block of each account.
    truth : dict of str to float
        ``reciprocity``, ``weighted_reciprocity``, ``attention_gini``, ``posting_gini``,
        ``lifespan`` (median seconds over accounts with two or more actions), ``one_action``
        (accounts), ``busiest`` (share of posts in six hours).
    """

    posts: pa.Table
    comments: pa.Table
    blocks: dict[str, int]
    truth: dict[str, float]


def planted_forum(
    *, comments: int = 200_000, reciprocity: float = 0.01, seed: int = 0
) -> PlantedForum:
    """Make a forum with known reciprocity, inequality, lifespans, hours and blocks.

    A tenth as many posts as comments, by a fiftieth as many accounts; not quite four times as many
    accounts in all. Who has how much attention, posts and comments follows exact Pareto quantiles;
    comments go to posts of the own block for the most part. Comments between those who post run
    one way round a circle, so that none is returned by chance; then a set number is.

    Parameters
    ----------
    comments : int, default 200000
        At least 5000.
    reciprocity : float, default .01
        About this part of the ties is returned; ``truth`` has the exact one.
    seed : int, default 0

    Returns
    -------
    PlantedForum

    Raises
    ------
    ParameterError
        For fewer comments, or a reciprocity above .05.

    Notes
    -----
    A comment may come before its post: no measure looks at that.

    Examples
    --------
    >>> forum = planted_forum(comments=5000)
    >>> forum.comments.num_rows, round(forum.truth["busiest"], 3)
    (5000, 0.548)
    """
    if comments < 5000:
        raise ParameterError(f"comments is {comments}; give at least 5000")
    if not 0 <= reciprocity <= 0.05:
        raise ParameterError(f"reciprocity is {reciprocity}; give 0 to .05")
    rng = np.random.default_rng(seed)
    posters, accounts, once = comments // 50, comments * 3 // 40, comments // 67
    posts = comments // 10
    block = rng.permutation(accounts) % BLOCKS  # accounts 0 .. posters - 1 post
    posted = _whole(pareto_means(posters, ACTIVITY), posts, 1)
    rng.shuffle(posted)
    author = np.repeat(np.arange(posters), posted)
    quota = np.ones(accounts, dtype=np.int64)
    several = np.concatenate([np.arange(posters), rng.permutation(np.arange(posters, accounts))])
    several = several[: accounts - once]
    # Those who write most do not post: half of whom a poster meets is closed to its comments, and
    # the repair of a few thousand of them would mix the blocks.
    written = _whole(pareto_means(len(several), ACTIVITY), comments - once, 2)
    most = len(written) // 100
    quota[several[:-most]] = rng.permutation(written[:-most])
    quota[several[-most:]] = written[-most:]
    received = _deal(_whole(pareto_means(posts, ACTIVITY), comments, 0), author, quota, block, rng)
    slot_post = np.repeat(np.arange(posts), received)
    slot_target = author[slot_post]
    commenter = _match(np.repeat(np.arange(accounts), quota), slot_target, block, posters, rng)
    mutual = _return_some(commenter, slot_target, posters, reciprocity, rng)
    post_time, comment_time, spans = _times(author, posted, commenter, quota, rng)
    score, attention = _scores(author, posted, posters, accounts, rng)
    pairs: dict[tuple[int, int], int] = {}
    for pair in zip(commenter.tolist(), slot_target.tolist(), strict=True):
        pairs[pair] = pairs.get(pair, 0) + 1
    returned = sum(1 for one, other in pairs if (other, one) in pairs)
    if returned != 2 * mutual:
        raise AssertionError(f"{returned} ties are returned, {2 * mutual} were planted")
    both = sum(min(times, pairs.get((b, a), 0)) for (a, b), times in pairs.items())
    truth = {
        "reciprocity": 2 * mutual / len(pairs),
        "weighted_reciprocity": both / comments,
        "attention_gini": attention,
        "posting_gini": plain_gini(np.concatenate([posted, np.zeros(accounts - posters, int)])),
        "lifespan": float(np.median(spans)),
        "one_action": float(once),
        "busiest": round(BUSY_SHARE * posts) / posts,
    }
    names = [f"account {number}" for number in range(accounts)]
    moment = pa.timestamp("us", "UTC")
    return PlantedForum(
        pa.table({
            "id": pa.array(range(posts)),
            "author": pa.array([names[i] for i in author.tolist()]),
            "time": pa.array((post_time * 1e6).astype(np.int64)).cast(moment),
            "score": pa.array(score),
        }),
        pa.table({
            "author": pa.array([names[i] for i in commenter.tolist()]),
            "post": pa.array(slot_post),
            "time": pa.array((comment_time * 1e6).astype(np.int64)).cast(moment),
        }),
        dict(zip(names, block.tolist(), strict=True)),
        truth,
    )  # fmt: skip


def pareto_means(n: int, exponent: float) -> NDArray[np.float64]:
    """Give the means of n equal parts of a Pareto law with smallest value 1, smallest first.

    Their Gini coefficient is that of the law, ``1 / (2 exponent - 1)``, but for what varies
    within a part.

    Examples
    --------
    >>> pareto_means(4, 2.0).round(3).tolist()
    [1.072, 1.271, 1.657, 4.0]
    """
    below = np.arange(n + 1) / n
    held = -((1 - below) ** (1 - 1 / exponent)) * exponent / (exponent - 1)
    return np.asarray(np.diff(held) * n, dtype=np.float64)


def plain_gini(amounts: Integers) -> float:
    """Give the mean difference of two members over twice the mean, by values and their numbers.

    Examples
    --------
    >>> plain_gini(np.array([0, 0, 1, 3]))
    0.625
    """
    values, times = np.unique(amounts, return_counts=True)
    apart = np.abs(values[:, None] - values[None, :]) * times[:, None] * times[None, :]
    return float(apart.sum() / (2 * len(amounts) * amounts.sum()))


def _whole(shape: NDArray[np.float64], total: int, least: int) -> Integers:
    """Give whole numbers near a shape with a given sum, none below the least."""
    low, high = 0.0, float(total) / float(shape.mean())
    for _ in range(100):
        scale = (low + high) / 2
        amount = np.maximum(np.floor(shape * scale), least)
        low, high = (scale, high) if amount.sum() <= total else (low, scale)
    found = np.maximum(np.floor(shape * low), least).astype(np.int64)
    rest = total - int(found.sum())
    found[-1 - np.arange(rest) % len(found)] += 1 if rest <= len(found) else 0
    found[-1] += total - int(found.sum())
    return found


def _deal(
    amounts: Integers, author: Integers, quota: Integers, block: Integers, rng: np.random.Generator
) -> Integers:
    """Give posts their numbers of comments, so that a block gets about what its accounts write."""
    wanted = np.bincount(block, weights=quota, minlength=BLOCKS)
    home = block[author]
    left = [rng.permutation(np.flatnonzero(home == number)).tolist() for number in range(BLOCKS)]
    received = np.zeros(len(author), dtype=np.int64)
    for amount in amounts[::-1].tolist():
        # The block that needs most for each post it still has.
        posts = np.array([len(rows) for rows in left])
        need = np.where(posts > 0, wanted / np.maximum(1, posts), -np.inf)
        number = int(need.argmax())
        received[left[number].pop()] = amount
        wanted[number] -= amount
    return received


def _match(
    pool: Integers, target: Integers, block: Integers, posters: int, rng: np.random.Generator
) -> Integers:
    """Give each slot a commenter: mostly of its block, and never against the circle."""
    commenter = np.full(len(target), -1, dtype=np.int64)
    spare = []
    for number in range(BLOCKS):
        mine = rng.permutation(pool[block[pool] == number])
        slots = rng.permutation(np.flatnonzero(block[target] == number))
        kept = int(INSIDE * min(len(mine), len(slots)))
        commenter[slots[:kept]] = mine[:kept]
        spare.append(mine[kept:])
    commenter[commenter < 0] = rng.permutation(np.concatenate(spare))
    for turn in range(1000):
        wrong = np.flatnonzero(_against(commenter, target, posters))
        if not len(wrong):
            return commenter
        # Exchange within the block where possible; the other end is any slot of it.
        for number in range(BLOCKS):
            mine = wrong[block[target[wrong]] == number]
            slots = np.flatnonzero(block[target] == number)
            slots = slots if turn < 50 and len(slots) else np.arange(len(target))
            other = rng.choice(slots, size=len(mine))
            both = np.unique(np.concatenate([mine, other]))
            commenter[both] = rng.permutation(commenter[both])
    raise AssertionError("no matching was found")


def _against(commenter: Integers, target: Integers, posters: int) -> NDArray[np.bool_]:
    """Tell which comments answer oneself, or run against the circle of those who post."""
    step = (target - commenter) % posters
    back = (step == 0) | (step >= (posters + 1) // 2)
    return np.asarray((commenter < posters) & back, dtype=np.bool_)


def _return_some(
    commenter: Integers, target: Integers, posters: int, share: float, rng: np.random.Generator
) -> int:
    """Let a set number of answered accounts answer back, in place; give the number of pairs."""
    edges = len(np.unique(commenter * (posters + 1) + target))
    wanted = round(share * edges / 2)
    by_writer: dict[int, list[int]] = {}
    by_target: dict[int, list[int]] = {}
    for slot in rng.permutation(len(commenter)).tolist():
        if commenter[slot] < posters:
            by_writer.setdefault(int(commenter[slot]), []).append(slot)
        else:
            by_target.setdefault(int(target[slot]), []).append(slot)
    held: set[tuple[int, int]] = set()
    done = 0
    for slot in rng.permutation(len(commenter)).tolist():
        if done == wanted:
            break
        one, other = int(commenter[slot]), int(target[slot])
        if one >= posters or (one, other) in held:
            continue
        back = by_target.get(one, [])
        mine = [s for s in by_writer.get(other, []) if (other, int(target[s])) not in held]
        if not back or not mine:
            continue
        here, there = back.pop(), mine[0]
        by_writer[other].remove(there)
        commenter[here], commenter[there] = other, commenter[here]
        held |= {(one, other), (other, one)}
        done += 1
    return done


def _times(
    author: Integers, posted: Integers, commenter: Integers, quota: Integers,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Give times of posts and of comments, and the lifespans of accounts with several actions."""
    posts = len(author)
    busy = round(BUSY_SHARE * posts)
    others = [hour for hour in range(24) if hour not in BUSY_HOURS]
    hour = np.concatenate([np.resize(BUSY_HOURS, busy), np.resize(others, posts - busy)])
    clock = np.sort(hour * 3600 + rng.integers(0, 3600, posts))
    # An account posts in one sitting: neighbours in a loosely sorted row of times.
    clock = clock[np.argsort(np.arange(posts) + rng.uniform(0, posts / 12, posts))]
    posters = len(posted)
    turn = rng.permutation(posters)
    starts = np.cumsum(posted) - posted
    rows = np.concatenate([np.arange(starts[i], starts[i] + posted[i]) for i in turn])
    second = np.empty(posts)
    second[rows] = clock
    first = np.minimum.reduceat(second, starts)
    sitting = np.maximum.reduceat(second, starts) - first
    several = quota > 1
    n = int(several.sum())
    spans = np.round(SHORTEST * (LONGEST / SHORTEST) ** ((np.arange(n) + 0.5) / n))
    span = np.zeros(len(quota))
    span[several] = rng.permutation(spans)
    # Those who post get a life at least as long as their sitting: exchange where it is not.
    for poster in np.argsort(-sitting, kind="stable").tolist():
        if span[poster] < sitting[poster]:
            fit = np.flatnonzero(several & (span >= sitting[poster]))
            fit = fit[fit >= posters] if (fit >= posters).any() else fit
            other = int(rng.choice(fit))
            span[poster], span[other] = span[other], span[poster]
    begin = rng.uniform(0, DAYS * DAY - span)
    lead = rng.uniform(0, 1, posters) * (span[:posters] - sitting)
    low = np.ceil((lead - first) / DAY)
    high = np.floor((DAYS * DAY - span[:posters] + lead - first) / DAY)
    day = low + np.floor(rng.uniform(0, 1, posters) * (high - low + 1))
    begin[:posters] = first + day * DAY - lead
    begin = np.floor(begin)
    lead_end = begin + span
    post_time = second + day[author] * DAY
    order = np.lexsort((rng.uniform(0, 1, len(commenter)), commenter))
    who = commenter[order]
    place = np.arange(len(who)) - np.searchsorted(who, who)
    at = begin[who] + np.floor(rng.uniform(0, 1, len(who)) * span[who])
    at = np.where(place == 0, begin[who], np.where(place == 1, lead_end[who], at))
    comment_time = np.empty(len(who))
    comment_time[order] = at
    return START + post_time, START + comment_time, span[several]


def _scores(
    author: Integers, posted: Integers, posters: int, accounts: int, rng: np.random.Generator
) -> tuple[Integers, float]:
    """Spread attention over those who post, and of each over its posts; give its Gini too."""
    whole = np.round(1000 * rng.permutation(pareto_means(posters, ATTENTION))).astype(np.int64)
    score = np.empty(len(author), dtype=np.int64)
    start = 0
    for amount, count in zip(whole.tolist(), posted.tolist(), strict=True):
        score[start : start + count] = rng.multinomial(amount, np.full(count, 1 / count))
        start += count
    some: Any = posters / accounts
    return score, float(1 - some + some / (2 * ATTENTION - 1))
