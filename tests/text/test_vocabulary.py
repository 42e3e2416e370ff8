"""Vocabularies and counts against plain counters."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vocabulary_cases import TEXTS, UNHURRIED, WORDS, many_rows, same

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss.text import Vocabulary, text_buffers, tfidf, tokens_of, vocabulary
from isogloss.text.stopwords import STOP_WORDS


def frequencies(texts):
    """Count the documents of each word, plainly."""
    return Counter(word for text in texts for word in set(tokens_of(text)))


def plain_counts(texts, words):
    """Count the words of texts one by one: a dense matrix."""
    dense = np.zeros((len(texts), len(words)), np.float32)
    for row, text in enumerate(texts):
        for word, count in Counter(tokens_of(text)).items():
            if word in words:
                dense[row, words.index(word)] = count
    return dense


def as_dict(fitted):
    return dict(zip(fitted.words, fitted.document_frequency.tolist(), strict=True))


@UNHURRIED
@given(TEXTS)
def test_fit_counts_documents(texts):
    fitted = Vocabulary.fit([texts], min_df=1, max_df_share=1.0)
    assert as_dict(fitted) == frequencies(texts)
    assert fitted.words == sorted(fitted.words)
    assert fitted.n_documents == len(texts)
    assert fitted.document_frequency.dtype == np.int64


@UNHURRIED
@given(TEXTS, st.data())
def test_batches_change_nothing(texts, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=4)))
    edges = [0, *cuts, len(texts)]
    batches = [texts[a:b] for a, b in pairwise(edges)]
    whole = Vocabulary.fit([texts], min_df=1)
    same(whole, Vocabulary.fit(batches, min_df=1))
    same(whole, Vocabulary.fit(iter([pa.array(texts, pa.string())]), min_df=1))
    same(whole, Vocabulary.fit([pa.array(["zz", *texts], pa.large_string())[1:]], min_df=1))


@UNHURRIED
@given(TEXTS, st.lists(st.sampled_from(WORDS), unique=True))
def test_counts_of_words(texts, words):
    held = Vocabulary(words, np.ones(len(words)), 1)
    found = held.counts(texts)
    assert (found.format, found.dtype, found.shape) == ("csr", np.float32, (len(texts), len(words)))
    np.testing.assert_array_equal(found.toarray(), plain_counts(texts, words))
    found.check_format(full_check=True)
    for row in range(len(texts)):
        columns = found.indices[found.indptr[row] : found.indptr[row + 1]]
        assert (np.diff(columns) > 0).all()
    assert (found.data > 0).all()


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_blocks_of_rows_equal_single_rows(monkeypatch, threads):
    monkeypatch.setenv("ISOGLOSS_THREADS", threads)
    texts = many_rows()
    held = Vocabulary(sorted(WORDS), np.ones(len(WORDS)), 1)
    found = held.counts(texts)
    assert found.indptr.dtype == found.indices.dtype == np.int32
    np.testing.assert_array_equal(found.toarray(), plain_counts(texts, held.words))
    for edge in (0, vocabulary.BLOCK_ROWS - 1, vocabulary.BLOCK_ROWS, len(texts) - 1):
        assert (found[edge] != held.counts([texts[edge]])).nnz == 0
    exact = texts[: vocabulary.BLOCK_ROWS]
    assert (held.counts(exact) != found[: len(exact)]).nnz == 0


def test_threads_change_no_byte(monkeypatch):
    texts = many_rows()
    parts = []
    for threads in ("1", "2"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        found = Vocabulary.fit([texts]).counts(pa.array(texts))
        parts.append((found.data.tobytes(), found.indices.tobytes(), found.indptr.tobytes()))
    assert parts[0] == parts[1]


@pytest.mark.data
@pytest.mark.parametrize(
    "file, rows", [("bbc_news/data.parquet", 60), ("marathi_sentiment/data.parquet", 600)]
)
def test_real_texts(data_dir, file, rows):
    column = pq.read_table(data_dir / file, columns=["text"])["text"].slice(5, rows)
    texts = column.to_pylist()
    fitted = Vocabulary.fit([column], min_df=1, max_df_share=1.0)
    assert as_dict(fitted) == frequencies(texts)
    np.testing.assert_array_equal(
        fitted.counts(column)[:40].toarray(), plain_counts(texts[:40], fitted.words)
    )
    total = sum(len(tokens_of(text)) for text in texts)
    assert int(fitted.counts(column).sum()) == total


# ---- which words are kept


def corpus(n, **documents):
    """Give n texts; word w stands in the first documents[w] of them."""
    return [" ".join(word for word, held in documents.items() if row < held) for row in range(n)]


@pytest.mark.parametrize(
    "n, least", [(1, 1), (9, 1), (199, 1), (200, 2), (1999, 2), (2000, 3), (2500, 3)]
)
def test_fewest_documents_by_size(n, least):
    texts = corpus(n, one=min(n, 1), two=min(n, 2), three=min(n, 3))
    expected = {"one": 1, "two": min(n, 2), "three": min(n, 3)}
    kept = {word: count for word, count in expected.items() if count >= least}
    assert as_dict(Vocabulary.fit([texts])) == kept


def test_fewest_documents_as_given():
    texts = corpus(30, one=1, four=4, five=5)
    assert Vocabulary.fit([texts], min_df=5).words == ["five"]
    assert Vocabulary.fit([texts], min_df=1).words == ["five", "four", "one"]


def test_most_documents_from_twenty_on():
    assert Vocabulary.fit([corpus(19, all=19, half=10)]).words == ["all", "half"]
    assert Vocabulary.fit([corpus(20, all=20, half=10, more=11)]).words == ["half"]
    assert Vocabulary.fit([corpus(20, all=20, most=18)], max_df_share=0.9).words == ["most"]
    assert Vocabulary.fit([corpus(20, all=20)], max_df_share=1.0).words == ["all"]


def test_the_commonest_words_are_kept_and_ties_go_by_word():
    texts = corpus(20, bb=4, aa=4, zz=6, cc=4, dd=3)
    assert Vocabulary.fit([texts], max_words=1).words == ["zz"]
    assert Vocabulary.fit([texts], max_words=3).words == ["aa", "bb", "zz"]
    assert len(Vocabulary.fit([texts], max_words=99)) == 5


def test_stop_words_as_given():
    texts = ["the cat", "the dog"]
    assert Vocabulary.fit([texts]).words == ["cat", "dog", "the"]
    for stop_words in (["the"], {"the"}, iter(["the"])):
        assert Vocabulary.fit([texts], stop_words=stop_words).words == ["cat", "dog"]


def test_stop_words_of_the_language():
    texts = ["the cat of the house is here", "a dog and the cow", "it was to be red"]
    assert Vocabulary.fit([texts], stop_words="auto").words == ["cat", "cow", "dog", "house", "red"]
    texts = ["the cat", "the dog"]  # one word is no language
    assert "the" in Vocabulary.fit([texts], stop_words="auto").words


def test_stop_words_are_judged_before_rare_words_go():
    # Each of the five stands in 2 of 100 documents: a fiftieth, but fewer than min_df.
    texts = corpus(100, the=2, of=2, that=9, was=2, to=2, cat=9)
    assert "that" in STOP_WORDS["en"]
    assert Vocabulary.fit([texts], min_df=5, stop_words="auto").words == ["cat"]
    assert Vocabulary.fit([texts], min_df=5).words == ["cat", "that"]


@pytest.mark.parametrize(
    "options",
    [
        {"max_words": 0}, {"max_df_share": 0.0}, {"max_df_share": 1.01}, {"max_df_share": -1},
        {"max_df_share": float("nan")}, {"min_df": 0}, {"min_df": -2}, {"stop_words": "english"},
        {"stop_words": ""},
    ],
)  # fmt: skip
def test_bounds_out_of_range(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        Vocabulary.fit([["a text"]], **options)


def test_what_is_no_batch_is_refused():
    with pytest.raises(ParameterError, match="wrap it as"):
        Vocabulary.fit(["one text", "another"])
    with pytest.raises(ParameterError, match=r"texts\[0\] is NoneType"):
        Vocabulary.fit([[None]])
    with pytest.raises(ParameterError, match="wrap it as"):
        Vocabulary(["aa"], np.ones(1), 1).counts("aa")


@pytest.mark.parametrize("batches", [[], [[]], [[""]], [["", "a , 7"]]])
def test_nothing_to_count(batches):
    fitted = Vocabulary.fit(batches, stop_words="auto")
    assert (fitted.words, len(fitted)) == ([], 0)
    assert fitted.n_documents == sum(map(len, batches))
    assert fitted.idf.shape == (0,)
    assert fitted.counts(["some text", ""]).shape == (2, 0)
    assert fitted.counts([]).shape == (0, 0)
    assert tfidf(fitted.counts(["some text"]), fitted.idf).shape == (1, 0)


def test_no_texts_give_no_rows():
    held = Vocabulary(["aa", "bb"], np.ones(2), 2)
    assert held.counts([]).shape == (0, 2)
    assert held.counts(pa.array([], pa.string())).nnz == 0
    assert tfidf(held.counts([]), held.idf).shape == (0, 2)


# ---- the native counter in bounded memory


def lossy(texts, limit):
    counter = _native.WordCounter(limit)
    counter.add(*text_buffers(texts))
    data, offsets, documents, places = counter.words()
    words = [bytes(data[a:b]).decode() for a, b in pairwise(offsets)]
    assert len(set(words)) == len(words)
    found = dict(zip(words, zip(documents.tolist(), places.tolist(), strict=True), strict=True))
    return counter, found


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=12), max_size=40),
    st.integers(2, 30),
)
@settings(max_examples=300, deadline=None)
def test_forgetting_costs_at_most_the_floor(rows, limit):
    texts = [" ".join(f"w{i * i // 9:02d}" for i in row) for row in rows]
    counter, found = lossy(texts, limit)
    truth = frequencies(texts)
    assert counter.documents == len(texts)
    assert len(found) <= limit
    for word, (documents, places) in found.items():
        assert truth[word] - counter.floor <= documents <= truth[word]
        assert places >= documents
    assert all(word in found for word, count in truth.items() if count > counter.floor)
    if len(truth) <= limit:
        assert counter.floor == 0
        assert {word: documents for word, (documents, _) in found.items()} == truth


def test_forgetting_keeps_common_words_among_many_rare_ones():
    texts = [f"common r{row:05d}a r{row:05d}b" + " often" * (row % 3 == 0) for row in range(3000)]
    counter, found = lossy(texts, 100)
    # At least half of the limit is free after each pruning, so few prunings: the floor stays low.
    assert counter.floor <= 3000 * 3 / 50
    assert found["common"] == (3000, 3000)
    assert found["often"] == (1000, 1000)
    assert len(found) <= 100


def test_counts_of_texts_and_places():
    _, found = lossy(["aa aa bb", "aa"], 10)
    assert found == {"aa": (2, 3), "bb": (1, 1)}


def test_fit_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(vocabulary, "HELD_WORDS", 50)
    texts = [f"common r{row:05d} " + "half" * (row % 2) for row in range(400)]
    fitted = Vocabulary.fit([texts], min_df=5, max_df_share=1.0)
    assert as_dict(fitted) == {"common": 400, "half": 200}


def test_native_table_is_checked():
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["aa", "aa"], np.ones(2), 1).counts(["aa"])
    table = _native.WordTable(*text_buffers(["aa"]))
    data, offsets = text_buffers(["aa", "bb"])
    for first, last in ((-1, 1), (0, 3), (2, 1)):
        with pytest.raises(ValueError, match="out of range"):
            table.count(data, offsets, first, last)
    lengths, columns, counts, totals = table.count(data, offsets, 0, 2)
    assert [x.tolist() for x in (lengths, columns, counts, totals)] == [[1, 0], [0], [1], [1, 1]]


def test_the_fingerprint_tells_vocabularies_apart():
    base = Vocabulary(["aa", "bb"], np.array([1, 2]), 3)
    others = [
        Vocabulary(["aa", "bc"], np.array([1, 2]), 3),
        Vocabulary(["aa", "bb"], np.array([2, 2]), 3),
        Vocabulary(["aa", "bb"], np.array([1, 2]), 4),
        Vocabulary(["bb", "aa"], np.array([1, 2]), 3),
        Vocabulary(["aabb"], np.array([1]), 3),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 6
    assert base.fingerprint == Vocabulary(("aa", "bb"), np.array([1, 2], np.int32), 3).fingerprint
