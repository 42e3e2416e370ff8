"""TF-IDF: by hand, and scikit-learn's."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from vocabulary_cases import TEXTS, UNHURRIED, WORDS, many_rows

from isogloss.text import Vocabulary, tfidf


def test_idf_by_hand():
    held = Vocabulary(["aa", "bb"], np.array([1, 3]), 3)
    assert held.idf.dtype == np.float32
    np.testing.assert_allclose(held.idf, [np.log(4 / 2) + 1, 1.0], rtol=1e-6)


@UNHURRIED
@given(st.integers(0, 7), st.integers(1, 6), st.integers(0, 10**6), st.booleans())
def test_weights_equal_scikit_learn(n, v, seed, sublinear):
    from sklearn.feature_extraction.text import TfidfTransformer

    rng = np.random.default_rng(seed)
    counts = sp.csr_matrix((rng.integers(1, 5, (n, v)) * (rng.random((n, v)) < 0.5)).astype("f4"))
    idf = (1 + rng.random(v) * 5).astype(np.float32)
    before = counts.copy()
    found = tfidf(counts, idf, sublinear=sublinear)
    assert (found.format, found.dtype, found.shape) == ("csr", np.float32, (n, v))
    assert (counts != before).nnz == 0
    if n:
        peer = TfidfTransformer(sublinear_tf=sublinear)
        peer.fit(sp.csr_matrix((1, v)))
        peer.idf_ = idf.astype(np.float64)
        expected = peer.transform(counts.astype(np.float64)).toarray()
        np.testing.assert_allclose(found.toarray(), expected, rtol=2e-6, atol=1e-7)


@UNHURRIED
@given(TEXTS.filter(any))
def test_idf_equals_scikit_learn(texts):
    from sklearn.feature_extraction.text import TfidfTransformer

    fitted = Vocabulary.fit([texts], min_df=1, max_df_share=1.0)
    if len(fitted):
        peer = TfidfTransformer().fit(fitted.counts(texts))
        np.testing.assert_allclose(fitted.idf, peer.idf_, rtol=1e-6)


def test_rows_are_weighed_alone():
    held = Vocabulary(sorted(WORDS), np.arange(1, len(WORDS) + 1), 20)
    texts = many_rows()[:200]
    whole = tfidf(held.counts(texts), held.idf)
    lengths = np.sqrt(whole.multiply(whole).sum(axis=1)).A1
    np.testing.assert_allclose(lengths, [bool(text) for text in texts], atol=1e-6)
    for row in (0, 1, 57, 199):
        one = tfidf(held.counts([texts[row]]), held.idf)
        assert one.data.tobytes() == whole[row].data.tobytes()
