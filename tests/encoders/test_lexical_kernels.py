"""The kernels of the network of the lexical encoder, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lexical_plain import KERNELS, make, network_of, plain_network, vectors_of

from isogloss._core.errors import EncoderError
from isogloss.encoders.base import unit_rows
from isogloss.encoders.lexical import LexicalEncoder, round_layer

numbers = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, 1e-31, -1e-29, 1e30, 0.5])


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_kernel_gives_the_bits_of_plain_numpy(kernel, data):
    width, dim, hidden = (data.draw(st.integers(1, most)) for most in (70, 90, 200))
    weights = make(data.draw(st.integers(0, 99)), width, dim, hidden)
    count = data.draw(st.integers(0, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    sums = rng.normal(size=(count, width)).astype(np.float32)
    for row in data.draw(st.lists(st.integers(0, max(count - 1, 0)), max_size=4 if count else 0)):
        sums[row] = data.draw(numbers) * np.sign(sums[row])
    network = network_of(weights, kernel)
    vectors = vectors_of(network, sums, dim)
    assert vectors.tobytes() == plain_network(weights, sums).tobytes()
    whole = vectors_of(network, sums, dim, unit=True)
    assert whole.tobytes() == unit_rows(vectors).tobytes()
    for i in range(0, count, 7):
        assert vectors_of(network, sums[i : i + 1], dim).tobytes() == vectors[i].tobytes()


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_largest_codes_are_summed_without_loss(kernel):
    shape = (3000, 40)
    weights = replace(make(0, *shape, 33), skip=np.full(shape, -2, np.float32))
    sums = np.tile(np.float32([[3], [-3], [0]]), (4, 3000)) * np.ones(3000, np.float32)
    found = vectors_of(network_of(weights, kernel), sums, 40)
    assert found.tobytes() == plain_network(weights, sums).tobytes()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_in_its_row(kernel, bad):
    weights = make()
    sums = np.random.default_rng(0).normal(size=(9, 12)).astype(np.float32)
    network = network_of(weights, kernel)
    before = vectors_of(network, sums, 10, unit=True)
    sums[3, 5] = bad
    found = vectors_of(network, sums, 10, unit=True)
    assert np.isnan(found[3]).all()
    assert (np.delete(found, 3, 0) == np.delete(before, 3, 0)).all()


def test_layers_are_rounded_by_column():
    codes, step = round_layer(np.float32([[1, 0, 3e-45, -2], [-0.5, 0, 1e-45, 0.5]]))
    assert codes[:, :2].tolist() == [[127, 0], [-64, 0]]
    assert codes[:, 3].tolist() == [-127, 32]
    assert step[:2].tolist() == [np.float32(1) / np.float32(127), 1]
    for name in ("skip", "inner"):
        layer = getattr(make(), name)
        layer[0, 0] = np.nan if name == "skip" else np.inf
        with pytest.raises(EncoderError, match="not finite"):
            LexicalEncoder(replace(make(), **{name: layer}))
    with pytest.raises(ValueError, match="no such kernel"):
        network_of(make(), "abacus")
