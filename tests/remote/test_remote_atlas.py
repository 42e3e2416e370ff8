"""An atlas pushed into real servers, searched there, interrupted, changed and refused."""

import json
import math
import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from test_remote_filters import LANCE

from isogloss._core.errors import AtlasError, EncoderError, FilterError, ParameterError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.remote.atlas import RemoteAtlas
from isogloss.remote.backend import Found
from isogloss.remote.push import push
from isogloss.remote.words import weights
from isogloss.search.fusion import Convex, Ranking
from isogloss.text.tokens import tokenize

SUBJECTS = ["cats", "dogs", "stocks", "elections", "comets", "bread"]
VERBS = ["sleep", "run", "fall", "rise", "vanish"]
PLACES = ["in Rome", "at night", "near the sea", "without warning"]
COLUMNS = ["s", "flag", "u64", "year", "f32", "dec", "day", "nano", "zoned", "tags", "ints",
           "Upper Case", "a\\b"]  # fmt: skip


def texts():
    found = [f"{s} {v} {p}" for s in SUBJECTS for v in VERBS for p in PLACES]
    return [*found[:-1], found[0]]  # one comes twice, so that scores tie


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    columns = LANCE.make_columns()
    table = pa.table({"id": range(1000, 1120), "text": texts()} | {c: columns[c] for c in COLUMNS})
    return Atlas.build(table, tmp_path_factory.mktemp("a") / "small.atlas", encoder="lexical")


@pytest.fixture(scope="module", params=["qdrant", "postgres", "qdrant-server"])
def server(request, tmp_path_factory):
    """Give a function from a collection's name to a URL."""
    if request.param == "qdrant-server":
        named = os.environ.get("ISOGLOSS_TEST_QDRANT")
        if not named:
            pytest.skip("needs a Qdrant server: set ISOGLOSS_TEST_QDRANT=qdrant+http://HOST:6333")
        run = f"isogloss-test-{os.getpid()}"
        return lambda name: f"{named.rstrip('/')}/{run}-{name}"
    if request.param == "qdrant":
        pytest.importorskip("qdrant_client")
        folder = tmp_path_factory.mktemp("qdrant")
        # a folder each: one program at a time has a folder open
        return lambda name: f"qdrant+path://{folder}/{name}/{name}"
    url = request.getfixturevalue("pgvector_url")
    return lambda name: f"{url}/{name}"


@pytest.fixture(scope="module")
def remote(server, atlas):
    done = push(atlas, server("small"), batch_rows=50)
    assert (done["uploaded"], done["resumed"]) == (120, False)
    assert done["collection"].endswith("small")
    with RemoteAtlas(server("small")) as opened:
        yield opened


FILTERS = [
    None, "flag = TRUE", "year >= 1992", "NOT u64 = 18446744073709551615",
    "tags HAS ANY ('a', 'A')", "s LIKE 'a%' OR s IS NULL", "day > '1990-01-01' AND dec < 0",
    "id IN (1000, 1003, 1119)",
    "\"Upper Case\" = 1", "nano = '1970-01-01 00:00:00.000000001'", "f32 > 0.1", "topic >= -1",
    "s = 'nowhere'",
]  # fmt: skip


def settled(result):
    """Give hits in an order that does not hang on the last bits of a score."""
    return sorted(result.hits, key=lambda hit: (-round(hit.score, 6), hit.passage))


def test_vector_search_is_that_of_the_folder(remote, atlas):
    for where in FILTERS:
        for k in (1, 7, 200):
            here = atlas.search("a dog ran", k=k, where=where, mode="vector")
            there = remote.search("a dog ran", k=k, where=where, mode="vector")
            assert list(there.hits) == sorted(there.hits, key=lambda h: (-h.score, h.passage))
            assert [h.passage for h in settled(there)] == [h.passage for h in settled(here)]
            for one, other in zip(settled(there), settled(here), strict=True):
                assert one.score == pytest.approx(other.score, abs=1e-6)
                assert (one.id, one.text, one.topic) == (other.id, other.text, other.topic)
                assert one.attributes == other.attributes
            json.dumps(there.to_json(), allow_nan=False)
    assert there.strategy.endswith("exact, filtered before ranking")


def slow_bm25(query):
    words = tokenize(texts())
    average = sum(map(len, words)) / len(words)
    [asked] = tokenize([query])
    having = Counter(word for each in words for word in set(each))
    scores = {}
    for row, own in enumerate(weights(texts(), average)):
        factor = {w: math.log((120 - having[w] + 0.5) / (having[w] + 0.5) + 1) for w in asked}
        score = sum(own.get(w, 0) * factor[w] for w in asked)
        if score:
            scores[row] = score
    return scores


def test_text_search_is_bm25(remote):
    slow = slow_bm25("cats near the sea")
    found = remote.search("cats near the sea", k=120, mode="text").hits
    assert {hit.passage for hit in found} == set(slow)
    assert [hit.score for hit in found] == pytest.approx(
        sorted(slow.values(), reverse=True), abs=1e-4
    )
    assert remote.search("zebra", mode="text").hits == ()
    some = remote.search("cats near the sea", k=5, mode="text", where="id > 1010").hits
    assert all(hit.id > 1010 for hit in some)


def test_hybrid_is_the_fusion_of_both(remote):
    rankings = {}
    for mode in ("vector", "text"):
        hits = remote.search("cats at night", k=100, mode=mode).hits
        rankings[mode] = Ranking([hit.passage for hit in hits], [hit.score for hit in hits])
    both = remote.search("cats at night", k=8).hits
    expected = Convex().fuse(rankings)[:8]
    assert [(h.passage, pytest.approx(h.score)) for h in both] == expected


def test_filters_on_inner_topics_take_in_their_leaves(remote, atlas):
    for topic in atlas.topics:
        where = f"topic = {topic.id}"
        here = atlas.search("dogs", k=120, where=where, mode="vector")
        there = remote.search("dogs", k=120, where=where, mode="vector")
        assert [h.passage for h in settled(here)] == [h.passage for h in settled(there)]
        assert remote.label(topic.id) == atlas.topics.label(topic.id)


def test_what_a_search_refuses(remote):
    with pytest.raises(FilterError, match="no column 'yaer'"):
        remote.search("cats", where="yaer = 1")
    with pytest.raises(FilterError, match="there is no topic 99; topics are"):
        remote.search("cats", where="topic = 99 OR topic = 0")
    with pytest.raises(ParameterError, match="k is 0"):
        remote.search("cats", k=0)
    with pytest.raises(ParameterError, match="mode 'txt'"):
        remote.search("cats", mode="txt")
    with pytest.raises(ParameterError, match="at least one word"):
        remote.search("  ")


def test_a_broken_push_is_not_searched_and_goes_on(server, remote, atlas, monkeypatch):
    from isogloss.remote.postgres import PostgresBackend
    from isogloss.remote.qdrant import QdrantBackend

    left = [2]
    for backend in (PostgresBackend, QdrantBackend):
        put = backend.put

        def breaking(self, rows, put=put):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            put(self, rows)

        monkeypatch.setattr(backend, "put", breaking)
    with pytest.raises(KeyboardInterrupt):
        push(atlas, server("broken"), batch_rows=40)
    with pytest.raises(AtlasError, match="has not finished: run the same isogloss push"):
        RemoteAtlas(server("broken"))
    monkeypatch.undo()
    done = push(atlas, server("broken"), batch_rows=33)
    assert (done["resumed"], done["uploaded"]) == (True, 40)
    with RemoteAtlas(server("broken")) as whole:
        for mode in ("vector", "text", "hybrid"):
            one, two = (r.search("comets vanish", k=20, mode=mode).hits for r in (whole, remote))
            assert [h.to_json() for h in one] == [h.to_json() for h in two]


def test_pushing_again_does_nothing_and_another_atlas_is_refused(server, atlas, tmp_path):
    assert push(atlas, server("again"))["uploaded"] == 120
    assert push(atlas, server("again"))["uploaded"] == 0
    other = Atlas.build(
        ["cats sleep", "dogs run", "bread rises"], tmp_path / "other.atlas", encoder="lexical"
    )
    with pytest.raises(AtlasError, match="holds another atlas"):
        push(other, server("again"))
    assert push(other, server("again"), fresh=True)["uploaded"] == 3
    with RemoteAtlas(server("again")) as small:
        assert len(small) == 3 and len(small.search("cats", k=9, mode="vector").hits) == 3


def test_names_that_look_like_ours_do_not_meet(server, tmp_path):
    few = Atlas.build(["cats sleep", "dogs run", "bread rises"], tmp_path / "a", encoder="lexical")
    for name in ("n", "n_words", "words_n", "n-near"):
        assert push(few, server(name))["uploaded"] == 3
    for name in ("n", "n_words", "words_n", "n-near"):
        with RemoteAtlas(server(name)) as there:
            assert len(there.search("cats", mode="text").hits) == 1


def test_a_grown_atlas_replaces_what_was_there(server, tmp_path):
    first = [{"id": n, "text": text} for n, text in enumerate(texts()[:30])]
    folder = tmp_path / "grown.atlas"
    push(Atlas.build(pa.Table.from_pylist(first), folder, encoder="lexical"), server("grown"))
    more = [
        *first,
        *({"id": 30 + n, "text": f"{text} again"} for n, text in enumerate(texts()[:9])),
    ]
    grown = Atlas.build(pa.Table.from_pylist(more), folder, encoder="lexical")
    assert push(grown, server("grown"))["passages"] == len(grown) == 39
    with RemoteAtlas(server("grown")) as there:
        here = grown.search("dogs again", k=39, mode="vector").hits
        found = there.search("dogs again", k=39, mode="vector").hits
        assert {h.id for h in found} == {h.id for h in here} and len(found) == 39
        assert [h.score for h in found] == pytest.approx([h.score for h in here], abs=1e-6)


def test_queries_of_another_encoder_are_refused(server, tmp_path):
    own = Atlas.build(texts(), tmp_path / "own.atlas", encoder="lsa")
    push(own, server("own"))
    with RemoteAtlas(server("own")) as alone:
        with pytest.raises(EncoderError, match="fitted on the atlas: give it, as --encoder lsa:"):
            alone.search("cats", mode="vector")
        assert alone.search("cats", mode="text").hits
    saved = f"lsa:{own.path / own.manifest.state / 'encoder'}"
    with RemoteAtlas(server("own"), encoder=saved) as told:
        here, there = (one.search("cats", mode="vector").hits for one in (own, told))
        # equal but for rounding, so that near ties may change places
        assert [h.score for h in there] == pytest.approx([h.score for h in here], abs=1e-6)
    with (
        RemoteAtlas(server("own"), encoder="lexical") as wrong,
        pytest.raises(EncoderError, match="find nothing that makes sense"),
    ):
        wrong.search("cats")


def test_a_starved_index_is_asked_again_exactly(remote, monkeypatch):
    asked = []
    whole = remote._backend.by_vector

    def starved(vector, where, limit, *, exact):
        asked.append(exact)
        found = whole(vector, where, limit, exact=True)
        return found if exact else found[:2]

    monkeypatch.setattr(remote._backend, "by_vector", starved)
    monkeypatch.setattr(remote.description, "indexed", True)
    result = remote.search("dogs", k=10, mode="vector", where="year >= 1992")
    assert len(result.hits) == 10 and asked == [False, True]
    assert "exact, since its index gave too few" in result.strategy
    asked.clear()
    few = remote.search("dogs", k=10, mode="vector", where="id IN (1000, 1001)")
    assert len(few.hits) == 2 and asked == [False]  # all that pass came at once


def test_ties_beyond_the_last_place_are_fetched(remote):
    rows = [Found(n, 0.5, "", "{}") for n in range(120)][::-1]
    limits = []

    def ask(limit):
        limits.append(limit)
        return rows[:limit]

    assert [one.passage for one in remote._ranked(ask, 3)] == [0, 1, 2]
    assert limits[-1] == 120


def test_missing_and_foreign_collections(server):
    with pytest.raises(AtlasError, match=r"there is no (atlas at|folder)"):
        RemoteAtlas(server("nothing"))
    with pytest.raises(AtlasError, match="there is no folder"):
        RemoteAtlas("qdrant+path:///no/such/place/x")
    with pytest.raises(ParameterError, match="names no collection"):
        RemoteAtlas("qdrant+http://localhost")


def test_the_command_line(server, atlas, capsys):
    url = server("cli")
    assert main(["push", str(atlas.path), "--to", url, "--json", "--quiet"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["uploaded"] == 120 and "s3cret" not in json.dumps(done)
    assert main(["search", url, "comets at night", "-k", "3", "--where", "year > 0", "--json"]) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert len(hits) == 3 and set(hits[0]) == {
        "id", "passage", "score", "text", "attributes", "topic"
    }  # fmt: skip
    assert main(["search", url, "comets at night", "-k", "2", "--mode", "vector"]) == 0
    assert "2 hits" in capsys.readouterr().out
    assert main(["push", str(atlas.path), "--to", url]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["search", url, "x", "--fusion", "rrf"]) == 2
    assert "--fusion is for an atlas in a folder" in capsys.readouterr().err
    assert main(["push", str(atlas.path), "--to", "http://localhost/x"]) == 2
    assert "qdrant+http" in capsys.readouterr().err


def test_servers_that_do_not_answer_are_said_in_one_line(atlas, capsys):
    pytest.importorskip("qdrant_client")
    pytest.importorskip("psycopg")
    for url in (
        "qdrant+http://:hunter2@127.0.0.1:9/news",
        "postgresql://ada:hunter2@127.0.0.1:9/db/news",
    ):
        assert main(["push", str(atlas.path), "--to", url]) == 2
        line = capsys.readouterr().err.strip()
        assert "cannot be reached" in line and "hunter2" not in line and "\n" not in line


def test_wrong_passwords_are_not_repeated(pgvector_url, atlas, capsys):
    url = pgvector_url.replace("s3cret%3A", "wr0ng%3A") + "/x"
    assert main(["push", str(atlas.path), "--to", url]) == 2
    line = capsys.readouterr().err
    assert "password authentication failed" in line and "wr0ng" not in line


def test_a_server_without_pgvector_is_said(postgres_url, atlas):
    import psycopg

    with psycopg.connect(postgres_url) as link:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if link.execute(query).fetchone()[0]:
            pytest.skip("this PostgreSQL has pgvector: set ISOGLOSS_POSTGRES_BIN to one without")
    with pytest.raises(AtlasError, match="has no pgvector: install it on the server"):
        push(atlas, f"{postgres_url}/x")
    with pytest.raises(AtlasError, match="there is no atlas"):
        RemoteAtlas(f"{postgres_url}/x")


def test_a_real_index_under_a_rare_filter_gives_all_that_pass(pgvector_url, tmp_path):
    """Two thousand rows, an HNSW index, and a filter that keeps the farthest six."""
    rng = np.random.default_rng(0)
    words = ["cat", "dog", "cow", "hen", "owl", "bee", "ant", "elk"]
    rows = [" ".join(rng.choice(words, 6)) for _ in range(2000)]
    far = [f"quarterly bond yields {n}" for n in range(6)]
    table = pa.table({"text": rows + far, "rare": [False] * 2000 + [True] * 6})
    atlas = Atlas.build(table, tmp_path / "rare.atlas", encoder="lexical")
    push(atlas, pgvector_url + "/rare", index_from=1)
    with RemoteAtlas(pgvector_url + "/rare") as there:
        assert there.description.indexed
        result = there.search("cat dog owl", k=5, where="rare = TRUE", mode="vector")
        # the six have equal vectors, since single digits are no words
        assert [h.passage for h in result.hits] == [2000, 2001, 2002, 2003, 2004]
        assert len(there.search("cat dog owl", k=50, mode="vector").hits) == 50
