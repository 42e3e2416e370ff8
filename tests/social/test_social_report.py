"""The report: forms of input, unknown authors, times, ties, bad input, planted and real forums."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ColumnError, ParameterError, SourceError
from isogloss.evaluate.contingency import Contingency
from isogloss.ledger.forum import planted_forum
from isogloss.social import discussion_report
from isogloss.social.discussion import read_discussion
from isogloss.social.moments import NO_TIME, moments

FORUM = {
    "id": ["p1", "c1", "c2", "c3", "p2", "c4"],
    "who": ["ann", "bob", "cy", "ann", "bob", "[deleted]"],
    "to": [None, "p1", "c1", "c2", None, "p2"],
    "at": [f"2026-01-0{day}T10:00:00Z" for day in (1, 1, 2, 3, 3, 4)],
    "votes": [5, 1, 0, -2, 3, None],
    "topic": ["cats", "cats", "dogs", "cats", "dogs", "dogs"],
}
NAMES = {"author": "who", "id": "id", "parent": "to", "time": "at", "score": "votes",
         "topic": "topic"}  # fmt: skip


def report(source=FORUM, **options):
    return discussion_report(source, seeds=2, rewirings=2, **{**NAMES, **options})


def test_all_forms_of_a_table_give_the_same(tmp_path):
    table = pa.table(FORUM)
    pq.write_table(table, tmp_path / "f.parquet")
    lines = "\n".join(json.dumps(row) for row in table.to_pylist())
    (tmp_path / "f.jsonl").write_text(lines + "\n", encoding="utf-8")
    wanted = report().to_json()
    frames = [table, pd.DataFrame(FORUM), pl.DataFrame(FORUM), table.to_pylist()]
    for source in [*frames, tmp_path / "f.parquet", str(tmp_path / "f.jsonl")]:
        assert report(source).to_json() == wanted


def test_json_is_json():
    text = json.dumps(report().to_json(), allow_nan=False)
    assert json.loads(text)["entries"] == 6


def test_ties_to_the_root_and_to_the_parent():
    found = report()
    assert found.discussion.accounts == ["ann", "bob", "cy"]
    # bob -> ann, cy -> ann; ann answers herself in her own thread.
    assert found.replies.graph.toarray().tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert (found.replies.to_self, found.replies.unknown) == (1, 1)
    other = report(tie="parent")
    # bob -> ann, cy -> bob, ann -> cy.
    assert other.replies.graph.toarray().tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert other.reciprocity.value == 0.0


def test_accounts_table_by_hand():
    rows = report().accounts()
    assert rows["account"].to_pylist() == ["ann", "bob", "cy"]
    assert rows["entries"].to_pylist() == [2, 2, 1]
    assert rows["posts"].to_pylist() == [1, 1, 0]
    assert rows["comments"].to_pylist() == [1, 1, 1]
    assert rows["received"].to_pylist() == [2, 1, 0]  # one of bob's is by an unknown author
    assert rows["score"].to_pylist() == [3.0, 4.0, 0.0]
    assert rows["lifespan"].to_pylist() == [2 * 86400.0, 2 * 86400.0, 0.0]
    assert rows["first"].to_pylist()[0] == datetime(2026, 1, 1, 10, tzinfo=UTC)


def test_unknown_authors_are_counted_and_are_no_hub():
    forum = {
        "id": list(range(40)),
        "who": ["ann", "bob", "[deleted]", None, " ", "[removed]", *["[deleted]"] * 34],
        "to": [None, *[0] * 39],
    }
    names = {"author": "who", "id": "id", "parent": "to"}
    found = discussion_report(forum, **names)
    assert found.discussion.accounts == ["ann", "bob"]
    assert found.to_json()["unknown_author"] == 38
    assert found.inequality["received"].total == 39
    assert found.replies.edges == 1
    assert any("38 of 40 entries have an unknown author" in note for note in found.notes)
    kept = discussion_report(forum, unknown=(), **names)
    assert kept.discussion.accounts == ["ann", "bob", "[deleted]", "[removed]"]
    # A deleted opener is not answered by anybody in particular.
    forum["who"][0] = "[deleted]"
    assert discussion_report(forum, **names).replies.edges == 0


def test_a_name_that_may_stand_for_nobody_is_pointed_out():
    source = {"author": ["None", "ann", "None", "nonesuch"]}
    found = discussion_report(source)
    assert [note for note in found.notes if "'None' is taken for an account (2 entries)" in note]
    assert not [note for note in found.notes if "nonesuch" in note]
    named = discussion_report(source, unknown=["None"])
    assert named.discussion.accounts == ["ann", "nonesuch"]


def test_two_tables():
    posts = pa.table({"id": [10, 11], "who": ["ann", "bob"], "votes": [1, 2]})
    comments = pa.table({"who": ["cy", "bob", "ann", "cy"], "post": [10, 10, 11, 99]})
    found = discussion_report(posts, comments, author="who", id="id", parent="post", score="votes")
    out = found.to_json()
    assert (out["posts"], out["comments"], out["threads"]) == (2, 4, 3)
    assert found.reciprocity.value == pytest.approx(2 / 3)  # ann <-> bob, cy -> ann
    assert found.replies.unknown == 1
    assert any("1 entry answers one that is not there" in note for note in found.notes)
    assert any("no column 'votes'" in note for note in found.notes)
    assert found.inequality["posts"].zeros == 1


def test_threads_with_times_tie_to_the_first_entry():
    talk = {"who": ["b", "a", "c", "d"], "t": ["x", "x", "x", "y"], "s": [20, 10, 30, 5]}
    found = discussion_report(talk, author="who", thread="t", time="s", time_unit="s")
    accounts = found.discussion.accounts
    pairs = zip(*found.replies.graph.nonzero(), strict=True)
    assert {(accounts[i], accounts[j]) for i, j in pairs} == {("b", "a"), ("c", "a")}
    assert found.inequality["posts"].total == 2
    without = discussion_report(talk, author="who", thread="t")
    assert without.replies is None
    assert "posts" not in without.inequality
    assert without.to_json()["posts"] is None


def test_addressees_and_groups():
    talk = {"who": ["a", "b", "c"], "to": ["b", "a", None], "g": ["x", "x", "y"]}
    found = discussion_report(talk, author="who", addressee="to", group="g")
    assert found.reciprocity.value == 1.0
    assert found.to_json()["joined_by"] == "group"
    assert found.co_participation.edges == 1
    assert found.inequality["group_entries"].total == 3


def test_a_star_gives_no_expectation():
    talk = {"who": list("abcd"), "to": [None, "a", "a", "a"]}
    found = discussion_report(talk, author="who", addressee="to")
    assert any("expected reciprocity says little" in note for note in found.notes)


def test_only_authors():
    found = discussion_report({"author": ["a", "b", "a"]})
    assert found.co_participation is None
    assert found.inequality["entries"].gini == pytest.approx(1 / 6)
    assert len(found.notes) == 3


BERLIN = timezone(timedelta(hours=1))


def test_times_of_all_kinds_are_utc():
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    micro = int(noon.timestamp()) * 1_000_000
    aware = pa.chunked_array([pa.array([noon, None])])
    assert moments(aware, "t").tolist() == [micro, NO_TIME]
    berlin = pa.chunked_array([pa.array([noon], pa.timestamp("ns", "Europe/Berlin"))])
    assert moments(berlin, "t").tolist() == [micro]
    texts = ["2026-01-01T13:00:00+01:00", "2026-01-01 12:00:00Z", " ", None]
    found = moments(pa.chunked_array([texts]), "t").tolist()
    assert found == [micro, micro, NO_TIME, NO_TIME]
    naive = pa.chunked_array([pa.array([datetime(2026, 1, 1, 13)])])
    assert moments(naive, "t", timezone="Europe/Berlin").tolist() == [micro]
    local = pa.chunked_array([["2026-01-01T13:00:00"]])
    assert moments(local, "t", timezone="Europe/Berlin").tolist() == [micro]
    for unit, size in (("s", 1), ("ms", 1000), ("us", 1_000_000)):
        whole = pa.chunked_array([[micro // 1_000_000 * size, None]])
        assert moments(whole, "t", unit=unit).tolist() == [micro, NO_TIME]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["2026-01-01T10:00:00", "2026-01-01T10:00:00Z"], "with and without a time zone"),
        ([datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)], "with and without a time zone"),
        (["2026-01-01T10:00:00", None], "has no time zone"),
        ([datetime(2026, 1, 1, 3), None], "has no time zone"),
        (["2026-01-01", "2026-01-02"], "dates without hours"),
        ([datetime(2026, 1, 1).date()] * 2, "dates without hours"),
        (["yesterday", None], "row 0: 'yesterday' is no ISO 8601 time"),
        ([1_700_000_000, 1], "time_unit"),
        ([True, False], "is bool"),
    ],
)
def test_times_that_cannot_be_used(times, message):
    source = {"author": ["a", "b"], "t": times}
    for form in (source, pd.DataFrame(source, dtype=object)):
        with pytest.raises(ColumnError, match=message):
            discussion_report(form, time="t")


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ({"author": ["a"]}, {"author": "autor"}, ColumnError, "did you mean 'author'"),
        ({"author": ["a"]}, {"thread": "t"}, ColumnError, r"no column 't' \(thread\)"),
        ({"author": [["a"]]}, {}, ColumnError, "author.*is list"),
        ({"author": ["a"], "s": ["x"]}, {"score": "s"}, ColumnError, "must hold numbers"),
        ({"author": ["a"], "s": [float("inf")]}, {"score": "s"}, ColumnError, "infinite"),
        ({"author": ["a"], "p": [None]}, {"parent": "p"}, ParameterError, "give id"),
        ({"author": ["a"] * 2, "i": [1, 1], "p": [None, 1]}, {"parent": "p", "id": "i"},
         ColumnError, "'1' more than once"),
        ({"author": ["a"] * 3, "i": [1, 2, 3], "p": [2, 1, 1]}, {"parent": "p", "id": "i"},
         ColumnError, "circle"),
        ({"author": ["a"], "i": [1], "p": [1]}, {"parent": "p", "id": "i"}, ColumnError, "circle"),
        ({"author": ["a"]}, {"tie": "top"}, ParameterError, "tie is 'top'"),
        ({"author": ["a"]}, {"seeds": 0}, ParameterError, "seeds is 0"),
        ({"author": ["a"]}, {"unknown": 3}, ParameterError, "unknown"),
        ({"author": ["a"]}, {"unknown": "x"}, ParameterError, "one string"),
        ({"author": ["a"]}, {"author": 3}, ParameterError, "name of a column"),
        ({"author": ["a"], "t": ["2026-01-01T00:00:00"]}, {"time": "t", "timezone": "Mars"},
         ParameterError, "timezone is 'Mars'"),
        ({"author": ["a"], "t": [1]}, {"time": "t", "time_unit": "m"}, ParameterError, "time_unit"),
        ("no/such.parquet", {}, SourceError, "no file"),
        ([], {}, SourceError, "empty"),
        (pa.table({"author": pa.array([], pa.string())}), {}, SourceError, "no rows"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(source, options, error, message):
    with pytest.raises(error, match=message) as caught:
        discussion_report(source, **options)
    assert "\n" not in str(caught.value)


def test_comments_need_posts_with_ids():
    posts, comments = {"id": [1], "author": ["a"]}, {"author": ["b"], "post": [1]}
    with pytest.raises(ParameterError, match="'parent'"):
        discussion_report(posts, comments, id="id")
    with pytest.raises(ParameterError, match="leave thread out"):
        discussion_report(posts, comments, id="id", parent="post", thread="t")
    with pytest.raises(ColumnError, match="time"):
        discussion_report({**posts, "t": [1]}, comments, id="id", parent="post", time="t")


def test_numbers_as_names_join_over_types():
    posts = pd.DataFrame({"id": [1, 2, 3], "author": [7, 8, 7], "to": [None, 1, 2]})
    assert posts["to"].dtype == float
    found = discussion_report(posts, id="id", parent="to")
    assert found.discussion.accounts == ["7", "8"]
    assert found.replies.to_json()["to_self"] == 1
    assert found.to_json()["threads"] == 1


def test_near_copies_count_once_in_topics():
    spam = [f"mint one hundred claw coins now and tell all of your many friends {i}" for i in "ab"]
    talk = {
        "author": ["bot", "bot", "ann"], "topic": ["coin"] * 3,
        "text": [*spam, "i like the sea and the wind in the morning"],
    }  # fmt: skip
    found = discussion_report(talk, topic="topic", text="text")
    assert (found.topics[0].entries, found.topics[0].copies) == (2, 1)
    assert found.topics[0].top_share == 0.5
    plain = discussion_report(talk, topic="topic")
    assert plain.topics[0].entries == 3


def test_topics_of_communities():
    who = [f"{side}{i}" for side in "xy" for i in range(6)] * 4
    talk = {
        "author": who,
        "thread": [f"{name[0]}{i % 5}" for i, name in enumerate(who)],
        "topic": [{"x": "sea", "y": "sky"}[name[0]] for name in who],
    }
    found = discussion_report(talk, thread="thread", topic="topic")
    assert found.topics_by_community == pytest.approx(1.0)
    assert {one.topics[0][:2] for one in found.community_topics} == {("sea", 1.0), ("sky", 1.0)}
    assert all(one.communities[0][1:] == (1.0, 2.0) for one in found.topics)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_forest_is_read_right(data):
    n = data.draw(st.integers(1, 25))
    above = [data.draw(st.one_of(st.none(), st.integers(0, i - 1))) if i else None
             for i in range(n)]  # fmt: skip
    order = data.draw(st.permutations(range(n)))
    who = [f"u{data.draw(st.integers(0, 5))}" for _ in range(n)]
    rows = {
        "id": [str(i) for i in order],
        "who": [who[i] for i in order],
        "to": [None if above[i] is None else str(above[i]) for i in order],
    }
    names = {"author": "who", "id": "id", "parent": "to"}
    for tie in ("root", "parent"):
        read = read_discussion(rows, columns=names, tie=tie)
        for place, i in enumerate(order):
            top = i
            while above[top] is not None:
                top = above[top]
            assert read.thread[place] == order.index(top)
            assert read.opens[place] == (above[i] is None)
            expected = None if above[i] is None else who[top if tie == "root" else above[i]]
            found = read.accounts[read.target[place]] if read.target[place] >= 0 else None
            assert found == expected


def test_planted_numbers_are_recovered():
    forum = planted_forum(comments=20_000, seed=1)
    found = discussion_report(
        forum.posts, forum.comments, id="id", parent="post", time="time", score="score", seeds=5
    )
    truth = forum.truth
    pairs = {
        "reciprocity": found.reciprocity.value,
        "weighted_reciprocity": found.reciprocity.weighted,
        "attention_gini": found.inequality["score"].gini,
        "posting_gini": found.inequality["posts"].gini,
        "lifespan": found.lifespans.median,
        "one_action": found.lifespans.one_action,
        "busiest": found.hours.share,
    }
    for name, value in pairs.items():
        assert value == pytest.approx(truth[name], rel=0.02), name
    blocks = np.array([forum.blocks[name] for name in found.discussion.accounts])
    table = Contingency.of(blocks, found.communities.labels)
    assert table.nmi(table.cells[None])[0] > 0.8  # .9 at full size, in the ledger
    assert set(found.hours.busiest) == {13, 14, 15, 16, 20, 21}


def test_the_planted_forum_is_what_it_says():
    forum = planted_forum(comments=6000, reciprocity=0.03, seed=2)
    author = forum.posts["author"].to_pylist()
    who = forum.comments["author"].to_pylist()
    target = [author[post] for post in forum.comments["post"].to_pylist()]
    ties = nx.DiGraph(zip(who, target, strict=True))
    assert nx.overall_reciprocity(ties) == pytest.approx(forum.truth["reciprocity"], abs=1e-12)
    assert forum.truth["reciprocity"] == pytest.approx(0.03, rel=0.05)
    same = [forum.blocks[a] == forum.blocks[b] for a, b in zip(who, target, strict=True)]
    assert np.mean(same) > 0.85
    with pytest.raises(ParameterError, match="comments is 10"):
        planted_forum(comments=10)
    with pytest.raises(ParameterError, match=r"reciprocity is 0\.5"):
        planted_forum(reciprocity=0.5)


def test_row_order_does_not_matter():
    forum = planted_forum(comments=5000)
    names = {"id": "id", "parent": "post", "time": "time", "score": "score", "seeds": 1}
    one = discussion_report(forum.posts, forum.comments, **names).to_json(top=0)
    order = np.random.default_rng(0).permutation(5000)
    other = discussion_report(forum.posts, forum.comments.take(pa.array(order)), **names)
    other = other.to_json(top=0)
    for part in ("co_participation", "replies", "inequality", "lifespans_seconds", "hours_utc"):
        assert other[part] == one[part] or part == "co_participation"
    assert other["reciprocity"]["value"] == one["reciprocity"]["value"]


def test_threads_do_not_change_the_report():
    code = (
        "import json; from isogloss.ledger.forum import planted_forum;"
        "from isogloss.social import discussion_report; f = planted_forum(comments=5000);"
        "r = discussion_report(f.posts, f.comments, id='id', parent='post', time='time', seeds=2);"
        "print(json.dumps(r.to_json()))"
    )
    runs = set()
    for threads, hashes in (("1", "0"), ("2", "7")):
        env = {"ISOGLOSS_THREADS": threads, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": hashes}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**__import__("os").environ, **env},
        )  # fmt: skip
        runs.add(done.stdout)
    assert len(runs) == 1


def test_networkx_is_never_loaded():
    code = (
        "import sys; from isogloss.social import discussion_report;"
        "discussion_report({'author': ['a', 'b'], 't': [1, 1]}, thread='t');"
        "print('networkx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.data
def test_newsgroups_are_measured_as_networkx_does(data_dir):
    from isogloss.ledger.usenet import addressee_of, author_of, thread_of

    table = pq.read_table(data_dir / "newsgroups20" / "data.parquet", columns=["text", "subject"])
    raw = table["text"].to_pylist()
    who = [author_of(text) for text in raw]
    to = [addressee_of(text) for text in raw]
    where = [thread_of(subject) for subject in table["subject"].to_pylist()]
    found = discussion_report(
        {"author": who, "to": to, "thread": where}, thread="thread", addressee="to", cap=500,
        seeds=1, rewirings=0,
    )  # fmt: skip
    accounts = found.discussion.accounts
    ties = nx.DiGraph()
    for one, other in zip(who, to, strict=True):
        if other is not None and one != other:
            weight = ties.get_edge_data(one, other, {"weight": 0})["weight"] + 1
            ties.add_edge(one, other, weight=weight)
    assert found.reciprocity.value == pytest.approx(nx.overall_reciprocity(ties), abs=1e-6)
    hubs, authorities = nx.hits(ties, tol=1e-12)
    ours = dict(zip(accounts, found.hits.hubs, strict=True))
    assert max(abs(ours[name] - value) for name, value in hubs.items()) < 1e-6
    ours = dict(zip(accounts, found.hits.authorities, strict=True))
    assert max(abs(ours[name] - value) for name, value in authorities.items()) < 1e-6
    joined = nx.Graph()
    joined.add_edges_from((one, ("t", t)) for one, t in zip(who, where, strict=True) if t)
    people = sorted(set(who))
    theirs = nx.bipartite.weighted_projected_graph(joined, [p for p in people if p in joined])
    graph = found.co_participation.graph
    assert theirs.number_of_edges() == found.co_participation.edges
    total = sum(weight for _, _, weight in theirs.edges(data="weight"))
    assert total == pytest.approx(graph.sum() / 2, abs=1e-6)
    labels = dict(zip(accounts, found.communities.labels.tolist(), strict=True))
    parts: dict[int, set[str]] = {}
    alone = -1
    for name in theirs:
        if labels[name] < 0:
            alone -= 1
        parts.setdefault(labels[name] if labels[name] >= 0 else alone, set()).add(name)
    modular = nx.community.modularity(theirs, parts.values(), weight="weight")
    assert found.communities.modularity.value == pytest.approx(modular, abs=1e-6)
