"""Topics by Min-Hashing: the model on planted and real text."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss.text import Vocabulary
from isogloss.topics import MinHashingTopics
from isogloss.topics.mined_sets import mine_sets, tables_for
from isogloss.topics.set_clusters import (
    passages_holding,
)


def planted(topics=30, words=12, passages=20, seed=0):
    """Passages that draw most words of one topic and a few of all; class of each."""
    random = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(topics), passages)
    counts = np.zeros((len(kinds), topics * words), dtype=np.int64)
    for row, kind in enumerate(kinds):
        own = kind * words + random.permutation(words)[: words - 2]
        counts[row, own] = random.integers(1, 3, len(own))
        counts[row, random.integers(0, counts.shape[1], 2)] += 1
    return sp.csr_matrix(counts), kinds


def same(one, other):
    for name in ("membership", "topic_word"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a.indptr == b.indptr).all()
        assert (a.indices == b.indices).all()
        assert (a.data == b.data).all()
    assert one.keywords == other.keywords


def test_planted_topics_come_back():
    counts, kinds = planted()
    result = MinHashingTopics(similarity=0.05).fit(counts).result_
    assert result.count == 30
    assert result.coverage == 1.0
    for topic in range(30):
        held = np.unique(kinds[result.labels == topic])
        assert held.tolist() == [int(result.keywords[topic][0]) // 12]
    sums = np.asarray(result.membership.sum(axis=1)).ravel()
    assert (sums <= 1 + 1e-6).all()
    assert result.weighting == "counts"
    assert (np.diff(result.topic_word.indptr) >= 10).all()


def test_neither_threads_nor_batches_nor_passes_change_anything(monkeypatch):
    counts, _ = planted()
    monkeypatch.setenv("ISOGLOSS_THREADS", "1")
    whole = MinHashingTopics(similarity=0.05).fit(counts).result_
    monkeypatch.setenv("ISOGLOSS_THREADS", "3")
    cut = [counts[:7], counts[7:7], counts[7:200], counts[200:]]
    model = MinHashingTopics(similarity=0.1, memory_mb=1)
    assert tables_for(0.05, 2) * 2 * 4 * counts.shape[1] < 2**20  # one pass
    same(
        model.set_params(similarity=0.05).fit_batches(cut).result_,
        whole,
    )
    paper = MinHashingTopics(similarity=0.05, rank_by="frequency", min_passages=0)
    ranked = paper.fit(counts).result_
    once = paper.fit_batches(iter(cut))
    assert once.result_.membership.shape == (0, 30)
    assert once.result_.keywords == ranked.keywords
    assert (once.transform(counts) != ranked.membership).nnz == 0


def test_little_memory_takes_more_passes_and_gives_the_same():
    random = np.random.default_rng(0)
    counts = sp.csr_matrix(random.integers(0, 2, (12, 30_000)))
    options = {"tuple_size": 2, "tables": 9, "expand": True, "least": 2, "seed": 0}
    whole = mine_sets([counts], memory_mb=64, **options)
    little = mine_sets([counts[:5], counts[5:]], memory_mb=1, **options)
    assert (whole.passes, little.passes) == (1, 3)
    assert (whole.members == little.members).all()
    assert (whole.times == little.times).all()
    assert (whole.frequency == little.frequency).all()
    with pytest.raises(ParameterError, match="9 tables in one pass"):
        mine_sets(iter([counts]), memory_mb=1, **options)
    with pytest.raises(ParameterError, match="one table over"):
        mine_sets([sp.csr_matrix((1, 200_000), dtype=int)], memory_mb=1, **options)


def test_entries_that_stand_twice_count_together():
    counts, _ = planted(topics=25)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    order = np.argsort(np.tile(rows, 2), kind="stable")
    entries = [np.tile(part, 2)[order] for part in (counts.data, counts.indices)]
    twice = sp.csr_matrix((*entries, 2 * counts.indptr), shape=counts.shape)
    before = twice.data.copy()
    assert not twice.has_canonical_format
    model = MinHashingTopics(similarity=0.05)
    same(model.fit_batches([twice]).result_, model.fit(2 * counts).result_)
    assert (twice.data == before).all()


def test_a_passage_is_scored_by_the_rule():
    counts, _ = planted()
    model = MinHashingTopics(similarity=0.05, topics_per_passage=30).fit(counts)
    words = model.result_.topic_word.toarray() > 0
    idf = np.log((1 + counts.shape[0]) / (1 + model.document_frequency_)) + 1
    row = np.zeros(counts.shape[1])
    row[[0, 13, 14, 25]] = [2, 1, 1, 3]
    scores = words @ (row * idf) / np.sqrt(words.sum(axis=1))
    (given,) = model.transform(row[None]).toarray()
    assert given == pytest.approx(scores / scores.sum(), abs=1e-6)
    few = MinHashingTopics(similarity=0.05, topics_per_passage=2).fit(counts)
    (kept,) = few.transform(row[None]).toarray()
    assert np.flatnonzero(kept).tolist() == sorted(np.argsort(-given)[:2].tolist())
    assert kept[kept > 0] == pytest.approx(given[kept > 0])
    assert model.predict(np.zeros((1, counts.shape[1]))).tolist() == [-1]


def test_passages_that_hold_half_of_the_first_words_are_counted():
    random = np.random.default_rng(0)
    weights = sp.csr_matrix(random.integers(0, 4, (6, 25)))
    counts = random.integers(0, 3, (40, 25)) * (random.random((40, 25)) < 0.6)
    wanted = []
    for row in range(6):
        first = weights.indices[weights.indptr[row] : weights.indptr[row + 1]][:10]
        wanted.append(int((2 * (counts[:, first] > 0).sum(axis=1) >= len(first)).sum()))
    given = passages_holding(weights, [sp.csr_matrix(counts[:9]), sp.csr_matrix(counts[9:])])
    assert given.tolist() == wanted


@pytest.mark.parametrize("rank_by", ["passages", "frequency"])
def test_topics_are_ranked(rank_by):
    counts, kinds = planted()
    many = sp.vstack([counts, *[counts[kinds == 7]] * 3]).tocsr()
    model = MinHashingTopics(similarity=0.05, top_topics=3, rank_by=rank_by).fit(many)
    assert model.result_.count == 3
    holding = passages_holding(sp.csr_matrix(np.eye(360)[84:96].sum(axis=0)[None]), [many])
    least = MinHashingTopics(similarity=0.05, min_passages=int(holding[0])).fit
    with pytest.warns(UserWarning, match="1 topic "):
        assert least(many).result_.count == 1
    assert {int(word) // 12 for word in model.result_.keywords[0][:10]} == {7}


def test_a_giant_is_reported_by_the_model():
    random = np.random.default_rng(0)
    counts = random.integers(0, 2, (40, 300))
    options = {"similarity": 0.3, "overlap": 0.2, "min_cluster_size": 3}
    whole = MinHashingTopics(largest_share=1.0, **options)
    with pytest.warns(UserWarning, match="short texts"):
        whole.fit(counts)
    assert whole.giants_ == ()
    assert np.diff(whole.result_.topic_word.indptr).max() > 100
    cut = MinHashingTopics(**options)
    with pytest.warns(UserWarning, match="short texts"):
        cut.fit(counts)
    assert cut.giants_[0].words > 100
    assert np.diff(cut.result_.topic_word.indptr).max() <= 100
    assert cut.result_.provenance["giants"][0]["words"] == cut.giants_[0].words


def test_a_saved_model_is_the_same(tmp_path):
    counts, _ = planted()
    words = [f"w{i}" for i in range(counts.shape[1])]
    model = MinHashingTopics(similarity=0.05).fit(counts, vocabulary=words)
    model.save(tmp_path / "m")
    loaded = MinHashingTopics.load(tmp_path / "m")
    same(loaded.result_, model.result_)
    assert loaded.get_params() == model.get_params()
    assert (loaded.transform(counts[:50]) != model.transform(counts[:50])).nnz == 0
    assert (loaded.transform(counts) != model.result_.membership).nnz == 0
    about = json.loads((tmp_path / "m" / "min_hashing.json").read_text())
    (tmp_path / "m" / "min_hashing.json").write_text(json.dumps(about | {"format": 9}))
    with pytest.raises(AtlasError, match="format 9"):
        MinHashingTopics.load(tmp_path / "m")
    with pytest.raises(AtlasError, match="missing"):
        MinHashingTopics.load(tmp_path / "none")


def test_few_topics_are_said_to_be_few():
    counts, _ = planted(topics=5)
    with pytest.warns(UserWarning, match="5 topics from 100 passages of 12 words"):
        MinHashingTopics(similarity=0.05).fit(counts)
    with pytest.warns(UserWarning, match="0 topics"):
        nothing = MinHashingTopics().fit(np.eye(4, dtype=int))
    assert nothing.result_.count == 0
    assert nothing.labels_.tolist() == [-1] * 4
    assert nothing.transform(np.eye(4)).shape == (4, 0)
    with pytest.warns(UserWarning, match="0 topics"):
        MinHashingTopics(top_topics=30).fit(sp.csr_matrix(np.eye(30, dtype=int)))


@pytest.mark.parametrize(
    ("options", "counts", "said"),
    [
        ({"overlap": 1.0}, np.eye(3), "overlap is 1.0"),
        ({"similarity": 0.0}, np.eye(3), "similarity is 0.0"),
        ({"rank_by": "size"}, np.eye(3), "rank_by is 'size'"),
        ({"tuple_size": 0}, np.eye(3), "tuple_size is 0"),
        ({"largest_share": 0.0}, np.eye(3), "largest_share"),
        ({"similarity": 1e-6}, np.eye(3), "tables: raise"),
        ({}, np.eye(3) / 2, "no whole numbers"),
        ({}, -np.eye(3), "below 0"),
        ({}, np.eye(3) * np.nan, "no number"),
        ({}, np.zeros(3), "shape"),
        ({}, [["a", "b"]], "give counts"),
    ],
)
def test_what_cannot_be_used_is_refused(options, counts, said):
    with pytest.raises(ParameterError, match=said):
        MinHashingTopics(**options).fit(counts)


def test_other_things_are_refused_too():
    counts, _ = planted()
    model = MinHashingTopics(similarity=0.05)
    with pytest.raises(NotFitted):
        model.transform(counts)
    with pytest.raises(ParameterError, match="vocabulary has 2 words"):
        model.fit(counts, vocabulary=["a", "b"])
    with pytest.raises(ParameterError, match="not texts"):
        model.fit(counts, texts=[])
    with pytest.raises(ParameterError, match="read only once"):
        model.fit_batches(iter([counts]))
    with pytest.raises(ParameterError, match="no batch"):
        model.fit_batches([])
    with pytest.raises(ParameterError, match="batch 1 has 3 columns"):
        model.fit_batches([counts, sp.csr_matrix((2, 3), dtype=int)])
    with pytest.raises(ParameterError, match="give CSR"):
        model.fit_batches([counts.toarray()])
    model.fit(counts)
    with pytest.raises(ParameterError, match="X has 3 columns"):
        model.transform(np.eye(3))
    with pytest.raises(ParameterError, match="below 0"):
        model.transform(-counts)


@pytest.mark.data
def test_news_gives_topics_of_its_own_subjects(data_dir):
    texts = pq.read_table(data_dir / "bbc_news" / "data.parquet", columns=["text"])["text"]
    texts = texts.to_pylist()[:1000]
    words = Vocabulary.fit([texts], min_df=5, stop_words="auto")
    counts = words.counts(texts)
    result = MinHashingTopics(similarity=0.06).fit(counts, vocabulary=words.words).result_
    assert result.count > 50
    assert result.coverage > 0.95
    widths = np.diff(result.topic_word.indptr)
    assert widths.max() <= 0.06 * len(words)
