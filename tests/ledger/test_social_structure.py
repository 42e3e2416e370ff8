"""The entry `social-structure`: its rule, and what it reads off newsgroup posts."""

import pytest

from isogloss.ledger import Figure
from isogloss.ledger.registry import load
from isogloss.ledger.systems import social_structure
from isogloss.ledger.usenet import addressee_of, author_of, thread_of


def figures(**changed):
    """Give figures with which all parts of the rule are met."""
    wanted = {f"planted.{name}.error": (0.0, 0.01) for name in social_structure.DECIDES}
    wanted |= {
        "planted.blocks.nmi": (0.91, 0.95),
        "moltbook.upvote_less_posting_gini": (0.2, 0.5),
        "moltbook.median_lifespan": (100.0, 200.0),
        "moltbook.busiest_six_hours": (0.45, 0.6),
        "moltbook.fullest_three_hours": (0.1, 0.1),
    }
    wanted |= changed
    return {name: Figure(sum(ends) / 2, *ends, "", 3) for name, ends in wanted.items()}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "holds in part"),
        ({"moltbook.median_lifespan": (100.0, 4000.0)}, "holds in part"),
        ({"moltbook.median_lifespan": (100.0, 4000.0),
          "moltbook.busiest_six_hours": (0.3, 0.6)}, "does not hold"),
        ({"planted.reciprocity.error": (0.0, 0.021)}, "does not hold"),
        ({"planted.blocks.nmi": (0.9, 0.95)}, "does not hold"),
        ({"moltbook.upvote_less_posting_gini": (0.05, 0.5),
          "moltbook.busiest_six_hours": (0.3, 0.6)}, "does not hold"),
    ],
)  # fmt: skip
def test_the_verdict_follows_the_rule(changed, verdict):
    found, reasons = social_structure.judge(figures(**changed))
    assert found == verdict
    assert len(reasons) == 5


def test_the_entry_names_its_bars():
    system = load("social-structure")
    assert system.id == "social-structure"
    assert "0.9" in system.rule
    assert set(system.data) == {"moltbook_posts", "newsgroups20"}


def test_authors_and_threads():
    assert author_of("Subject: x\nFrom: (Bob) <Bob@a.b>\n\nFrom: other@x") == "bob@a.b"
    assert author_of("From: Just A Name\n\n") == "just a name"
    assert author_of("no head") is None
    assert thread_of("Re[2]: re^3: A   b") == "a b"
    assert thread_of("Regarding cats") == "regarding cats"
    assert thread_of("Re: ") is None
    assert thread_of(None) is None


@pytest.mark.parametrize(
    ("body", "who"),
    [
        ("In article <1@h.edu> Ann@H.edu (Ann) writes:\n> x", "ann@h.edu"),
        ("In article <1@h.edu>, ann@h.edu (Ann\nSmith) writes:\n> x", "ann@h.edu"),
        ("Ann <ann@h.edu> writes:\n> x", "ann@h.edu"),
        ("In article 7@h.edu, ann@h.edu (Ann) writes:\n> x", "ann@h.edu"),
        ("> b@x writes:\n>> deep\nIn article <1@h>, ann@h.edu wrote:\n", "ann@h.edu"),
        ("Ann Smith writes:\n> x", None),
        ("I have a question. Mail me at me@h.edu please.", None),
    ],
)
def test_whom_a_post_answers(body, who):
    assert addressee_of(f"From: b@x\nSubject: y\n\n{body}") == who
