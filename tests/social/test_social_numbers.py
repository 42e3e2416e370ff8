"""Inequality, lifespans, gaps, hours, near copies, bursts: numbers by hand and plain references."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isogloss._core.errors import ParameterError
from isogloss.social import bursts, duplicates, lifespans, rhythm
from isogloss.social.inequality import gini, inequality, lorenz, top_share
from isogloss.social.ranks import mean_ranks, rank_correlation

amounts = arrays.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 50))
SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000


@given(amounts)
def test_gini_is_half_the_mean_difference_over_the_mean(values):
    assume(values.sum() > 0)
    apart = np.abs(values[:, None] - values[None, :]).mean()
    assert gini(values) == pytest.approx(apart / (2 * values.mean()), abs=1e-12)


@given(amounts, st.integers(1, 9))
def test_gini_laws(values, times):
    assume(values.sum() > 0)
    assert gini(values * times) == pytest.approx(gini(values), abs=1e-12)
    assert gini(np.tile(values, 3)) == pytest.approx(gini(values), abs=1e-12)
    assert gini(values[::-1]) == pytest.approx(gini(values), abs=1e-12)
    # n more members with nothing: half as many have all.
    with_zeros = np.concatenate([values, np.zeros_like(values)])
    assert gini(with_zeros) == pytest.approx((1 + gini(values)) / 2, abs=1e-12)


@given(amounts)
def test_gini_is_the_area_of_the_lorenz_curve(values):
    assume(values.sum() > 0)
    curve = lorenz(values, points=len(values) + 1)
    area = ((curve[1:] + curve[:-1]) / 2).mean()
    assert gini(values) == pytest.approx(1 - 2 * area, abs=1e-9)
    assert (np.diff(curve) >= -1e-12).all()


def test_inequality_by_hand():
    found = inequality(np.array([0, 0, 2, -1, 4, 6]))
    assert (found.n, found.zeros, found.below_zero, found.total) == (6, 3, 1, 12.0)
    # sorted 0 0 0 2 4 6: (1*2 + 3*4 + 5*6) / (6 * 12)
    assert found.gini == pytest.approx(44 / 72)
    assert found.gini_above_zero == pytest.approx(((-2) * 2 + 2 * 6) / (3 * 12))
    assert found.top_share == 0.5
    assert top_share(np.arange(100), 0.07) == pytest.approx(sum(range(93, 100)) / 4950)
    assert math.isnan(gini(np.zeros(3)))
    with pytest.raises(ParameterError, match="0 or more"):
        gini(np.array([1, -1]))
    with pytest.raises(ParameterError, match="not finite"):
        inequality(np.array([1, np.nan]))


@given(arrays.arrays(np.int64, st.integers(1, 20), elements=st.integers(0, 5)))
def test_ranks_by_loops(values):
    for value, rank in zip(values, mean_ranks(values), strict=True):
        assert rank == 1 + (values < value).sum() + ((values == value).sum() - 1) / 2


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 50), rng.integers(0, 9, 50)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y)[0], abs=1e-12)
    assert math.isnan(rank_correlation(x, np.ones(50)))


def test_lifespans_by_hand():
    accounts = np.array([0, 0, 1, 2, 2, 2, 4, 4])
    times = np.array([0, 60, 10, 5, 25, 15, 0, 100]) * SECOND
    found = lifespans.lifespans(accounts, times, grace=1)
    # lifespans 60, 20, 100; account 1 acts once; account 3 never.
    assert (found.accounts, found.one_action, found.median, found.median_all) == (4, 1, 60.0, 40.0)
    assert (found.window, found.censored) == (100.0, 1)
    assert found.median_survival == 60.0
    assert lifespans.lifespans(accounts, times, grace=90).median_survival == math.inf
    # Account 0 was quiet for 40 of its longest 60 seconds: it may live on, and account 4 too.
    assert lifespans.lifespans(accounts, times).censored == 2
    empty = lifespans.lifespans(accounts[:0], times[:0])
    assert empty.accounts == 0
    assert math.isnan(empty.median)


def test_survival_is_that_of_lifespans_cut_short():
    rng = np.random.default_rng(0)
    born, life = rng.uniform(0, 10, 40_000), rng.exponential(3, 40_000)
    lost = born + life > 10
    seen = np.minimum(life, 10 - born)
    found = lifespans.median_survival(seen, lost)
    assert found == pytest.approx(3 * math.log(2), rel=0.03)
    assert np.median(seen) < 0.9 * found  # what the plain median makes of it


def test_early_lives_are_recovered_from_a_cut_window():
    # Accounts act every quarter of an hour until they leave; the window ends in the middle.
    rng = np.random.default_rng(0)
    born = rng.uniform(0, 50, 3000)
    steps = 2 + rng.geometric(0.02, 3000)
    who = np.repeat(np.arange(3000), steps)
    nth = np.concatenate([np.arange(count) for count in steps])
    when = born[who] + nth * 0.25 + rng.uniform(0, 0.01, len(who))
    true = np.median((steps - 1) * 0.25) * 3600
    kept = when < 25
    found = lifespans.lifespans(who[kept], (when[kept] * HOUR).astype(np.int64))
    assert found.median_survival == pytest.approx(true, rel=0.06)
    assert found.median < 0.9 * true


def test_burstiness_of_known_rows():
    rng = np.random.default_rng(0)
    assert rhythm.burstiness(np.full(9, 4.0)) == -1.0
    assert rhythm.burstiness(np.array([0, 0, 0, 7.0])) == pytest.approx(1.0)
    few = [np.diff(np.sort(rng.uniform(size=8))) for _ in range(4000)]
    fine = np.mean([rhythm.burstiness(gaps) for gaps in few])
    plain = np.mean([rhythm.burstiness(gaps, plain=True) for gaps in few])
    assert abs(fine) < 0.06  # chance is near 0 with few gaps too
    assert plain < -0.1
    assert math.isnan(rhythm.burstiness(np.array([1.0])))
    assert math.isnan(rhythm.burstiness(np.zeros(3)))


@given(arrays.arrays(np.int64, st.integers(3, 40), elements=st.integers(0, 10**6)))
def test_burstiness_of_accounts_is_that_of_each(times):
    who = np.arange(len(times)) % 2
    found = rhythm.accounts_burstiness(who, times, least_gaps=2)
    each = [rhythm.burstiness(np.diff(np.sort(times[who == i])) / SECOND) for i in (0, 1)]
    enough = [(who == i).sum() > 2 for i in (0, 1)]
    known = [b for b, ok in zip(each, enough, strict=True) if ok and not math.isnan(b)]
    assert found.accounts == len(known)
    if known:
        assert found.median == pytest.approx(np.median(known), abs=1e-9)


def test_hours_by_hand():
    times = np.array([1, 1, 2, 3, 4, 5, 6, 7, 23, 23, 25]) * HOUR
    found = rhythm.hours(times)
    assert found.counts[1] == 3
    assert found.busiest[:2] == (1, 23)
    assert found.share == pytest.approx(9 / 11)
    assert found.share_together == pytest.approx(8 / 11)
    assert found.days == 2
    assert rhythm.hours(np.array([-1])).counts[23] == 1  # before 1970


def test_early_arrival_takes_exposure_away():
    first = np.arange(20) * DAY
    score = (30.0 - np.arange(20)) * 7  # seven a day for everybody
    found = rhythm.early_arrival(first, score, end=30 * DAY)
    assert found.total == pytest.approx(1.0)
    assert math.isnan(found.per_day)


def exact_families(texts, threshold):
    sets = [set(duplicates._shingles(0, text, {}).tolist()) for text in texts]
    return {
        (i, j) for i, j in itertools.combinations(range(len(texts)), 2)
        if sets[i] and len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= threshold
    }  # fmt: skip


def test_families_are_those_of_exact_sets():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(500)]
    texts = [" ".join(rng.choice(words, 40)) for _ in range(60)]
    near = [text.replace(text.split()[20], "changed", 1) for text in texts[:30]]  # Jaccard ~ .85
    far = [" ".join([*text.split()[:20], *rng.choice(words, 20)]) for text in texts[:30]]
    every = [*texts, *near, *far, texts[5], texts[5] + "!", "", None, "..."]
    found = duplicates.families(every, threshold=0.75)
    pairs = exact_families([text or "" for text in every], 0.8)
    assert len(pairs) >= 30
    joined = {
        (i, j) for i, j in itertools.combinations(range(len(every)), 2)
        if found.labels[i] == found.labels[j] >= 0
    }  # fmt: skip
    assert len(pairs - joined) <= 2  # near the threshold a signature may miss one
    assert not any(i in range(60) and j in range(90, 120) for i, j in joined)
    assert found.labels[120] == found.labels[5]
    assert found.labels[-3:].tolist() == [-1, -1, found.labels.max()]


def test_the_threshold_decides():
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(words), " ".join([*words[:57], "x", "y", "z"])]  # Jaccard 55 / 61
    assert len(exact_families(texts, 0.9)) == 1
    assert duplicates.families(texts, threshold=0.75).labels.tolist() == [0, 0]
    assert duplicates.families(texts, threshold=1.0).labels.tolist() == [0, 1]


def test_families_do_not_depend_on_order():
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(list("abcdefgh"), 12)) for _ in range(80)] * 2
    order = rng.permutation(160)
    one = duplicates.families(texts).labels
    other = duplicates.families([texts[i] for i in order]).labels
    same = one[order][:, None] == one[order][None, :]
    assert (same == (other[:, None] == other[None, :])).all()


def test_signatures_estimate_the_jaccard_index():
    rng = np.random.default_rng(2)
    words = [f"w{i}" for i in range(3000)]
    base = list(rng.choice(words, 300))
    for cut in (0, 60, 150):
        other = base[: 300 - cut] + list(rng.choice(words, cut))
        texts = [" ".join(base), " ".join(other)]
        sets = [set(duplicates._shingles(0, text, {}).tolist()) for text in texts]
        true = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        marks = duplicates.signatures(texts)
        assert (marks[0] == marks[1]).mean() == pytest.approx(true, abs=0.13)  # 3 of .043


def test_signatures_do_not_depend_on_the_pieces(monkeypatch):
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(list("abcdefgh"), int(n))) for n in rng.integers(0, 60, 50)]
    texts += ["", None]
    whole = duplicates.signatures(texts)
    monkeypatch.setattr(duplicates, "_BLOCK", duplicates.HASHES * 7)
    assert (duplicates.signatures(texts) == whole).all()
    assert (duplicates.signatures([texts[4]]) == whole[4]).all()


def test_families_refuse_what_is_no_list_of_texts():
    with pytest.raises(ParameterError, match="one string"):
        duplicates.families("abc")
    with pytest.raises(ParameterError, match=r"texts\[1\] is a int"):
        duplicates.families(["a", 3])
    with pytest.raises(ParameterError, match="threshold"):
        duplicates.families(["a"], threshold=0.2)
    assert duplicates.families([]).to_json()["texts"] == 0


def best_path(gain, entry):
    """The best path of two states, by trying all."""
    best, chosen = -math.inf, None
    for path in itertools.product((0, 1), repeat=len(gain)):
        entries = sum(1 for a, b in itertools.pairwise((0, *path)) if b > a)
        value = sum(g for g, s in zip(gain, path, strict=True) if s) - entry * entries
        if value > best + 1e-12:
            best, chosen = value, path
    return best, chosen


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=9), st.floats(0.1, 3))
def test_the_path_is_the_best_of_all(gain, entry):
    runs = bursts._upper_runs(np.array(gain), entry)
    value = sum(sum(gain[a:b]) - entry for a, b in runs)
    best, _ = best_path(gain, entry)
    assert value == pytest.approx(best, abs=1e-9)
    assert all(a < b for a, b in runs)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(runs))


def test_a_planted_burst_is_found_and_the_daily_cycle_is_none():
    rng = np.random.default_rng(0)
    hour = rng.choice(24, 20_000, p=np.r_[np.full(12, 1), np.full(12, 5)] / 72)
    times = (rng.integers(0, 20, 20_000) * 24 + hour) * HOUR + rng.integers(0, HOUR, 20_000)
    labels = rng.integers(0, 10, 20_000)
    assert bursts.label_bursts(times, labels, width=3600) == []
    day = times // DAY
    labels[(day >= 7) & (day < 9) & (rng.random(20_000) < 0.3)] = 4
    found = bursts.label_bursts(times, labels, width=3600 * 6)
    assert found[0].label == 4
    assert abs(found[0].start - 7 * DAY) <= 6 * HOUR
    assert abs(found[0].end - 9 * DAY) <= 6 * HOUR
    assert found[0].count > 2 * found[0].expected


def test_shuffled_times_give_no_bursts():
    rng = np.random.default_rng(0)
    times = rng.integers(0, 30 * DAY, 5000)
    assert bursts.label_bursts(times, rng.integers(0, 20, 5000)) == []
    assert len(bursts.stream_bursts(times)) <= 1


def test_bursts_of_little():
    assert bursts.label_bursts(np.array([], np.int64), np.array([], np.int64)) == []
    assert bursts.stream_bursts(np.array([3, 3])) == []
    assert bursts.label_bursts(np.arange(50) * DAY, np.zeros(50, np.int64)) == []
    for bad in ({"scaling": 1.0}, {"gamma": 0.0}):
        with pytest.raises(ParameterError):
            bursts.stream_bursts(np.arange(9), **bad)
    with pytest.raises(ParameterError, match="width"):
        bursts.label_bursts(np.array([0, DAY]), np.zeros(2, int), width=0)
