"""Sets of the LIMIT kind: what is asked for, who answers, and that nothing else gives it away."""

import re
from collections import Counter
from math import comb

import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ParameterError, SourceError
from isogloss.limits.judgement_files import read_judgements, read_queries
from isogloss.limits.judgements import Judgements, query_graph
from isogloss.limits.people import PATTERNS, _words, limit_set, relevant_people, write_set


def likes(text):
    return re.split(", | and ", text.split(" likes ")[1].rstrip("."))


@pytest.mark.parametrize(("pattern", "documents"), [("dense", 46), ("random", 90), ("cycle", 120),
                                                    ("disjoint", 240)])  # fmt: skip
def test_answers_are_those_who_like_the_thing_and_nobody_else(pattern, documents):
    made = limit_set(documents=documents, queries=120, pattern=pattern)
    liked = {name: set(likes(text)) for name, text in zip(made.ids, made.texts, strict=True)}
    assert len(made.qrels) == len(set(made.queries.values())) == 120
    for query, text in made.queries.items():
        thing = text.removeprefix("Who likes ").removesuffix("?")
        answers = {name for name, things in liked.items() if thing in things}
        assert answers == set(made.qrels[query])
        assert len(answers) == 2


def test_everybody_likes_equally_many_different_things():
    made = limit_set()
    assert {len(likes(text)) for text in made.texts} == {46}
    assert all(len(set(likes(text))) == 46 for text in made.texts)
    assert len(set(made.ids)) == 46


def test_the_small_set_is_as_dense_as_the_papers():
    graph = query_graph(Judgements.of(limit_set().qrels))
    assert graph.density == pytest.approx(0.0855, abs=0.001)
    assert graph.strength == pytest.approx(28.5, abs=0.3)


def test_dense_uses_the_fewest_documents():
    subsets = relevant_people("dense", documents=100, queries=1000)
    assert len(set(subsets)) == 1000
    assert 1 + max(max(one) for one in subsets) == 46
    assert comb(45, 2) < 1000 <= comb(46, 2)


def test_patterns():
    cycle = relevant_people("cycle", documents=9, queries=5, relevant=3)
    assert cycle[3] == (0, 3, 4)
    disjoint = [
        one for pair in relevant_people("disjoint", documents=10, queries=5) for one in pair
    ]
    assert Counter(disjoint) == Counter(range(10))
    some = relevant_people("random", documents=30, queries=200, seed=1)
    assert len(set(some)) == 200 and some != relevant_people("random", documents=30, queries=200)


def test_same_seed_same_set():
    assert limit_set(documents=60, seed=3) == limit_set(documents=60, seed=3)
    assert limit_set(documents=60, seed=3).texts != limit_set(documents=60, seed=4).texts


def test_no_word_is_two_things_or_a_name():
    names = {word.lower() for kind in ("first_names", "last_names") for word in _words(kind)}
    things = _words("things")
    assert len(set(things)) == len(things) > 1900
    assert not names & set(things)
    assert all(re.fullmatch("[a-z]+", thing) for thing in things)
    assert len(_words("first_names")) * len(_words("last_names")) > 50_000


@pytest.mark.parametrize("options", [
    {"documents": 45}, {"documents": 0}, {"queries": 1900}, {"queries": -1}, {"relevant": 47},
    {"pattern": "ring"}, {"documents": 80_000}, {"documents": 100, "pattern": "cycle"},
    {"documents": 1.5},
])  # fmt: skip
def test_impossible_sets(options):
    with pytest.raises(ParameterError):
        limit_set(**options)


def test_written_as_published_sets_are(tmp_path):
    made = limit_set(documents=12, queries=40, relevant=3, seed=2)
    folder = write_set(made, tmp_path / "a" / "set")
    assert read_judgements(folder / "qrels.parquet").qrels == made.qrels
    assert read_queries(folder / "queries.parquet") == made.queries
    assert pq.read_table(folder / "corpus.parquet").column_names == ["id", "title", "text"]
    with pytest.raises(SourceError, match="already"):
        write_set(made, folder)
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="cannot be a folder"):
        write_set(made, tmp_path / "file")


@pytest.mark.data
def test_columns_are_those_of_the_published_set(tmp_path, data_dir):
    folder = write_set(limit_set(), tmp_path / "set")
    for name in ("corpus", "queries", "qrels"):
        theirs = pq.read_schema(data_dir / "limit_small" / f"{name}.parquet")
        assert pq.read_schema(folder / f"{name}.parquet").equals(theirs, check_metadata=False)


def test_patterns_are_all_tested():
    assert PATTERNS == ("dense", "random", "cycle", "disjoint")
