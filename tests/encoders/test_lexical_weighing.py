"""The second weighing of the lexical encoder."""

from dataclasses import replace

import numpy as np
import pytest
from lexical_plain import KERNELS, TEXTS, WORDS, check_twice, make, sums_of, weighed

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.lexical import LexicalEncoder, LexicalWeights


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("width", [1, 12, 64, 70, 192])
def test_rows_are_weighed_again_as_plain_numpy_does(kernel, width):
    texts = [*TEXTS, *(" ".join(WORDS[: i % 9 + 1] * (i % 70 + 1)) for i in range(60))]
    gates = check_twice(weighed(make(3, width), 1, 8 / width**0.5), texts, kernel)
    assert ((gates > 0) & (gates < 2) & (gates != gates[0])).any()
    assert width < 12 or (gates == 0).any()
    assert width < 12 or (gates == 2).any()


def test_the_second_weighing_by_hand():
    one, none = np.ones(2, np.float32), np.zeros((2, 2), np.float32)
    eye = np.eye(2, dtype=np.float32)
    weights = LexicalWeights(
        ["cat", "dog"], np.zeros((0, 2), np.int32), 0, np.float32([3, 4]),
        np.array([[127, 0], [0, 127]], np.int8), one / 127, eye, none, 0 * one, none,
        weigh=eye, weigh_bias=np.float32([-0.5]),
    )  # fmt: skip
    found = LexicalEncoder(weights).encode(["cat dog", "cat"])
    # s = (.6, .8); gates .5 + .6 and .5 + .8; s' = (.66, 1.04)
    assert np.allclose(found, [[0.5358, 0.8443], [1, 0]], atol=5e-3)
    # A text whose gates are all shut keeps its first sum.
    shut = LexicalEncoder(replace(weights, weigh_bias=np.float32([-9])))
    assert np.allclose(shut.encode(["cat dog", "cat"]), [[0.6, 0.8], [1, 0]], atol=1e-2)


@pytest.mark.parametrize("kernel", KERNELS)
def test_texts_of_many_words_are_summed_without_loss(kernel):
    words = sorted(f"w{i}" for i in range(3000))
    rng = np.random.default_rng(0)
    for width in (30, 64):
        small = make(0, width)
        weights = replace(
            small, words=words, pairs=np.zeros((0, 2), np.int32), buckets=0,
            idf=np.ones(3000, np.float32), scale=np.ones(3000, np.float32),
            table=np.where(rng.random((3000, width)) < 0.99, 127, -127).astype(np.int8),
        )  # fmt: skip
        texts = [" ".join(words[:n]) for n in (3, 1023, 1024, 1025, 3000)]
        check_twice(weighed(weights, 0, 0.1), texts, kernel)


def test_a_weighing_that_asks_nothing_changes_next_to_nothing():
    weights = make()
    idle = LexicalEncoder(weighed(weights, strength=0, bias=0))
    apart = np.abs(sums_of(idle, TEXTS) - sums_of(LexicalEncoder(weights), TEXTS))
    assert apart.max() < 1e-4


@pytest.mark.parametrize("harm", ["nan", "wide", "alone", "scale", "idf"])
def test_a_weighing_that_cannot_be_used(harm):
    weights = weighed(make())
    if harm == "nan":
        weights = replace(weights, weigh_bias=np.float32([np.nan]))
    elif harm == "wide":
        weights = replace(weights, weigh=np.ones((13, 13), np.float32))
    elif harm == "alone":
        weights = replace(weights, weigh_bias=None)
    else:
        numbers = getattr(weights, harm).copy()
        numbers[3] = -1 if harm == "idf" else np.inf
        weights = replace(weights, **{harm: numbers})
    with pytest.raises((EncoderError, ParameterError), match="weigh"):
        LexicalEncoder(weights)
