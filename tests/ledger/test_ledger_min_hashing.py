"""The entry `min-hashing`: its rule, its ranking and its fits."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss.ledger import mining_growth as growth
from isogloss.ledger.system import Figure
from isogloss.ledger.systems import min_hashing as entry
from isogloss.topics import MinHashingTopics


def figure(low, high=None):
    high = low if high is None else high
    return Figure((low + high) / 2, low, high, "x", 5, "range")


def figures(equal=0.0, above=0.01, slope=1.0, hours=3.0):
    ours = {f"npmi_gain.{count}.ours": figure(0.1) for count in entry.COUNTS}
    return ours | {
        "npmi_gain.200.paper": figure(equal, 0.3),
        "npmi_gain.400.paper": figure(above, 0.3),
        "growth.passages.slope": figure(0.5, slope),
        "growth.words.slope": figure(0.9),
        "growth.wikipedia_hours": figure(1.0, hours),
    }


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, "holds"),
        ({"equal": -0.005}, "holds"),
        ({"equal": -0.006}, "holds in part"),
        ({"above": 0.0}, "holds in part"),
        ({"slope": 1.21}, "holds in part"),
        ({"hours": 7.1}, "holds in part"),
        ({"hours": 7.1, "equal": -0.1}, "does not hold"),
        ({"slope": 1.3, "above": -0.1}, "does not hold"),
    ],
)
def test_the_verdict_follows_from_the_figures(given, verdict):
    found, reasons = entry.judge(figures(**given))
    assert found == verdict
    assert len(reasons) == 4


def test_our_ranking_is_the_models():
    random = np.random.default_rng(0)
    counts = sp.csr_matrix(random.poisson(0.08, (300, 200)))
    words = [f"w{i}" for i in range(200)]
    options = {"similarity": 0.02, "min_words": 4, "overlap": 0.7}
    model = MinHashingTopics(**options, rank_by="frequency", min_passages=0)
    paper = model.fit(counts, vocabulary=words).result_
    ours = MinHashingTopics(**options).fit(counts, vocabulary=words).result_
    ranked = entry._by_passages(paper.keywords, entry._Halves(words, counts, counts))
    assert paper.count > ours.count > 20
    assert tuple(ranked) == ours.keywords


def test_growth_is_read_off_known_times():
    def timed(whole, entries):
        return [growth.Timed(whole, 0.4 * whole, entries)] * growth.ROUNDS

    times = {size: timed(0.5 * size**1.5, size) for size in (10, 20, 40)}
    assert growth.power_of_growth(times).value == pytest.approx(1.5)
    straight = {size: timed(3.0 + 2.0 * size, size) for size in (10, 20, 40)}
    assert growth.explained(straight).value == pytest.approx(1.0)
    points = {
        (rows, words): timed(2.0 + 1e-6 * 50 * rows + 1e-4 * words, 50 * rows)
        for rows, words in ((1000, 4000), (2000, 4000), (4000, 4000), (4000, 1000), (4000, 8000))
    }
    seconds = 2.0 + 1e-6 * growth.ARTICLES * growth.WORDS_AN_ARTICLE + 1e-4 * growth.WIKIPEDIA_WORDS
    assert growth.carried_on(points).value == pytest.approx(seconds / 3600)


def test_lda_trains_the_same_again():
    pytest.importorskip("tomotopy")
    random = np.random.default_rng(0)
    counts = sp.csr_matrix(random.poisson(0.3, (30, 20)))
    halves = entry._Halves([f"w{i}" for i in range(20)], counts, counts)
    one, other = (entry._lda(3, 7, halves)[0] for _ in range(2))
    assert one == other
    assert [len(words) for words in one] == [10, 10, 10]
