"""What the tests of vocabularies share: texts of a few words, and what makes two the same."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from isogloss.text import vocabulary

UNHURRIED = settings(deadline=None)  # machines may be busy
WORDS = ["cat", "dog", "cow", "don't", "x-ray", "été", "हिन्दी", "東京", "1993", "the", "of", "zz"]
TEXT = st.lists(st.sampled_from([*WORDS, "a", ",", "<b>", "Cat", "12,5"]), max_size=8).map(" ".join)
TEXTS = st.lists(TEXT, max_size=12)


def same(one, two):
    assert one.words == two.words
    assert one.document_frequency.tolist() == two.document_frequency.tolist()
    assert one.n_documents == two.n_documents
    assert one.fingerprint == two.fingerprint


def many_rows():
    """Give more rows than two blocks hold, some of them empty."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(WORDS), (2 * vocabulary.BLOCK_ROWS + 100, 4))
    texts = [" ".join(WORDS[i] for i in row) for row in picks]
    texts[:: len(texts) // 7] = [""] * len(texts[:: len(texts) // 7])
    return texts
