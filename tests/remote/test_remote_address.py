"""URLs of servers: read, refused, and shown without secrets."""

import pytest

from isogloss._core.errors import ParameterError
from isogloss.remote.address import is_address, read_address


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in ("QDRANT_API_KEY", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_qdrant_urls():
    place = read_address("qdrant+https://:k%40y@vectors.example:7000/news")
    assert (place.kind, place.host, place.port) == ("qdrant", "vectors.example", 7000)
    assert (place.collection, place.secret) == ("news", "k@y")
    assert str(place) == "qdrant+https://vectors.example:7000/news"
    assert read_address("qdrant+grpc://localhost/x").port == 6334
    assert read_address("qdrant+http://localhost/a", collection="b").collection == "b"
    assert read_address("qdrant+http://[::1]:6333/a").host == "::1"
    local = read_address("qdrant+path:///tmp/a%20b/news")
    assert (local.database, local.collection) == ("/tmp/a b", "news")


def test_postgres_urls():
    place = read_address("postgresql://ada:p%3Aw@db:5433/texts/news?sslmode=require")
    assert (place.user, place.secret, place.database) == ("ada", "p:w", "texts")
    assert place.options == {"sslmode": "require"} and place.collection == "news"
    assert str(place) == "postgresql://db:5433/texts/news"
    assert read_address("postgres:///texts").host == ""


def test_secrets_are_in_nothing_that_is_printed(monkeypatch):
    place = read_address("postgresql://ada:hunter2@db/texts/news")
    assert "hunter2" not in repr(place) + str(place) and "ada" not in repr(place)
    assert place.hide("bad password\nhunter2 for ada") == "bad password ... for ada"
    monkeypatch.setenv("QDRANT_API_KEY", "tok3n")
    assert read_address("qdrant+https://q/news").secret == "tok3n"
    assert "tok3n" not in read_address("qdrant+https://q/news").hide("key tok3n is wrong")
    for url in (
        "postgresql://ada:hunter2@db:port/x", "mysql://ada:hunter2@db/x",
        "qdrant+https://:hunter2@q/a/b", "postgresql://ada:hunter2@db/x/y/z",
        "postgresql://ada:hunter2#x@db/x", "qdrant+http://:hunter2@far/news",
    ):  # fmt: skip
        with pytest.raises(ParameterError) as caught:
            read_address(url)
        assert "hunter2" not in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_refused():
    with pytest.raises(ParameterError, match=r"write qdrant\+http:// for Qdrant"):
        read_address("http://localhost:6333/news")
    with pytest.raises(ParameterError, match=r"did you mean 'qdrant\+http'"):
        read_address("qdrant+htp://localhost/news")
    with pytest.raises(ParameterError, match="unencrypted to far"):
        read_address("qdrant+http://:key@far/news")
    assert read_address("qdrant+http://:key@localhost/news").secret == "key"
    with pytest.raises(ParameterError, match="the collection 'a b'"):
        read_address("qdrant+http://localhost/a b")
    with pytest.raises(ParameterError, match="names no host"):
        read_address("qdrant+http:///news")
    for wrong in ("news.atlas", "", "postgres:db", "C:\\atlas"):
        assert not is_address(wrong)
        with pytest.raises(ParameterError):
            read_address(wrong)
