"""The order in which rows are looked at."""

import numpy as np
import pytest
import scipy.sparse as sp

from isogloss._core.errors import NotFitted, ParameterError
from isogloss.encoders.base import unit_rows
from isogloss.topics import TopicModel
from isogloss.topics.rows import canonical_order, checked_rows
from isogloss.topics.scale import _agreement

EYE = np.eye(3, dtype=np.float32)


def test_copies_come_after_all_different_rows():
    rows = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    order, distinct = canonical_order(rows, None)
    assert distinct == 2
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert {tuple(row) for row in rows[order[:2]].tolist()} == {(1, 0), (0, 1)}


def test_rows_with_other_words_are_no_copies():
    rows = np.array([[1, 0], [1, 0]], dtype=np.float32)
    counts = sp.csr_matrix(np.array([[1.0, 0], [0, 1]]))
    assert canonical_order(rows, counts).distinct == 2


def test_copies_do_not_change_the_topics():
    draw = np.random.default_rng(0)
    middle = draw.normal(size=(6, 16))
    rows = middle[draw.integers(0, 6, 900)] + 0.4 * draw.normal(size=(900, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    again = np.concatenate([rows, rows[draw.integers(0, 300, 600)]])
    one, two = TopicModel(neighbours=15).fit(rows), TopicModel(neighbours=15).fit(again)
    assert _agreement(one.labels_, two.predict(rows)) == 1.0
    assert two.tree_.size[two.tree_.parent < 0].sum() == 1500


BAD_ROWS = {
    "negative": (EYE, [[1, 0], [0, 2], [-1, 0]], "negative values, first in row 2"),
    "complex": (EYE, np.eye(3) * 1j, "counts: complex"),
    "sparse complex": (EYE, sp.csr_matrix(np.eye(3) * 1j), "counts: values of complex128"),
    "texts": (EYE, ["one", "two", "three"], "counts: no numbers"),
    "words": (EYE, [["one"], ["two", "three"], []], "counts: no numbers"),
    "one row": (EYE, [1, 2, 3], "counts has shape"),
    "not finite": (EYE, [[np.inf], [1], [2]], "counts has NaN or infinite"),
    "too few": (EYE, np.eye(2), "counts have 2 rows for 3"),
    "sparse vectors": (sp.csr_matrix(EYE), None, "vectors: sparse"),
    "complex vectors": (EYE * 1j, None, "vectors: complex"),
    "strings": ([["a", "b"]], None, "vectors: no numbers"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_rows_that_cannot_be_used_are_one_line(name):
    vectors, counts, says = BAD_ROWS[name]
    with pytest.raises(ParameterError, match=says) as caught:
        checked_rows(vectors, counts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scale", "length"), [(1e30, "1e\\+30"), (2.0, "2"), (1e-30, "1e-30"), (0.97, "0.97")]
)
def test_rows_of_another_length_are_refused(scale, length):
    rows = EYE.astype(np.float32).copy()
    rows[1] *= np.float32(scale)
    with pytest.raises(ParameterError, match=f"row 1 has length {length}; divide"):
        checked_rows(rows, None)
    model = TopicModel(neighbours=5).fit(np.repeat(EYE, 8, axis=0))
    for call in (model.fit, model.predict, model.partial_fit, model.transform):
        with pytest.raises(ParameterError, match="divide each row"):
            call(rows)


def test_rounded_unit_rows_and_empty_ones_are_taken():
    from isogloss.build.embed import quantise

    rows = np.random.default_rng(0).normal(size=(2000, 24)) ** 3  # some numbers are large
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    checked_rows(rows.astype(np.float16), None)
    codes, scale = quantise(rows)
    checked_rows(codes * scale[:, None], None)
    top = (rows.view(np.uint32) & 0xFFFF0000).view(np.float32)  # bfloat16, cut
    checked_rows(top, None)
    checked_rows(np.zeros((3, 4)), None)
    checked_rows(np.zeros((0, 4)), None)
    checked_rows(np.zeros((3, 0)), None)


def test_explicit_zeros_and_negative_parts_that_add_up_are_counts():
    parts = sp.csr_matrix(([3, -1], [0, 0], [0, 2]), shape=(1, 1))
    assert checked_rows([[1.0]], parts)[1].toarray().tolist() == [[2]]


@pytest.mark.parametrize("words", [["a"], "ab", [1, 2], 3])
def test_a_vocabulary_has_one_word_a_column(words):
    with pytest.raises(ParameterError, match="vocabulary"):
        TopicModel().fit(EYE, np.ones((3, 2)), vocabulary=words)


@pytest.mark.parametrize("seed", [1.5, True, None, b"a"])
def test_seeds_are_words_or_whole_numbers(seed):
    with pytest.raises(ParameterError, match="seed 'a' has"):
        TopicModel(seeds={"a": [seed]}).fit(EYE)


def test_a_topic_model_says_that_it_was_not_fitted():
    for name in ("labels_", "tree_", "membership_", "unassigned_"):
        assert not hasattr(TopicModel(), name)
        with pytest.raises(NotFitted, match="call fit first"):
            getattr(TopicModel(), name)


def test_more_topics_than_passages_says_how_many_there_are():
    rows = unit_rows(np.random.default_rng(0).normal(size=(60, 4)))
    with pytest.raises(ParameterError, match="70 topics are wanted, but only 60 passages"):
        TopicModel(n_topics=70).fit(rows)
    model = TopicModel(n_topics=2).fit(rows)
    size = int((model.labels_ == 0).sum())
    with pytest.raises(ParameterError, match=f"100,000 topics are wanted, but only {size} pass"):
        model.split(0, rows, into=100_000)


def test_seeds_of_numpy_are_seeds():
    rows = np.repeat(np.eye(3, dtype=np.float32), 8, axis=0)
    labels = [TopicModel(random_state=s).fit(rows).labels_ for s in (3, np.int64(3))]
    assert (labels[0] == labels[1]).all()
