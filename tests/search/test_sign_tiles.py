"""Signs of rows: the kernels against plain NumPy, and how well they tell products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import _native
from isogloss.search.signs import SignWriter, encode_signs, pass_bits, tile_places, turn_rows


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 24, 64, 200, 384])
def test_turning_keeps_products(dim):
    rows = unit(normal((30, dim)))
    turned = turn_rows(rows).astype(np.float64)
    assert turned.shape == (30, -(-dim // 64) * 64)
    assert np.allclose(turned @ turned.T, rows.astype(np.float64) @ rows.T, atol=2e-6)


def test_no_number_stands_out_after_turning():
    assert np.abs(turn_rows(np.eye(384, dtype=np.float32))).max() < 0.26


@given(st.integers(0, 2**32 - 1), st.integers(1, 150))
@settings(max_examples=40, deadline=None)
def test_signs_are_those_of_plain_numpy(seed, dim):
    rng = np.random.default_rng(seed)
    rows, centres = unit(rng.normal(size=(9, dim))), unit(rng.normal(size=(3, dim)))
    rows[4], rows[5] = 0, centres[2]
    cells = rng.integers(0, 3, 9)
    made = encode_signs(rows, turn_rows(centres), cells)
    turned, middle = turn_rows(rows).astype(np.float64), turn_rows(centres)[cells].astype(float)
    share = (turned * middle).sum(axis=1) / (middle**2).sum(axis=1)
    rest = turned - share[:, None] * middle
    signs = np.where(np.unpackbits(made.signs, axis=1, bitorder="little") == 1, 1.0, -1.0)
    near_zero = np.abs(rest) < 1e-5
    assert ((signs == np.where(rest >= 0, 1, -1)) | near_zero).all()
    size = np.abs(rest).sum(axis=1)
    factors = np.divide((rest**2).sum(axis=1), size, out=np.zeros(9), where=size > 1e-4)
    far = size > 1e-4
    assert np.allclose(made.factors[far], factors[far], rtol=1e-4)
    along = share - made.factors * (signs * middle).sum(axis=1)
    assert np.allclose(made.along, along, atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from([24, 64, 384, 1100]), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_kernels_agree_with_each_other_and_with_plain_numpy(seed, dim, count):
    rng = np.random.default_rng(seed)
    width = -(-dim // 64) * 64
    tiles = rng.integers(0, 256, (count, width // 8, 32), dtype=np.uint8)
    along = rng.normal(size=count * 32).astype(np.float32)
    factors = rng.random(count * 32).astype(np.float32) / 20
    query = unit(rng.normal(size=(1, dim)))[0]
    signs = np.unpackbits(tiles.transpose(0, 2, 1), axis=2, bitorder="little")
    products = (np.where(signs == 1, 1.0, -1.0) @ turn_rows(query[None])[0]).ravel()
    estimate = along * 0.5 + factors * (products + 0.1)
    least = float(np.median(estimate))
    found = []
    for way in range(3):
        kept = np.empty(count, np.uint32)
        _native.sift_tiles(tiles, along, factors, query, 0.5, 0.1, least, way, kept)
        found.append(kept.tolist())
    assert found[0] == found[1] == found[2]
    bits = np.unpackbits(np.array(found[0], "<u4").view(np.uint8), bitorder="little")
    # tables keep 7 bits (fewer beyond 2,064 numbers), so that a product is off by a little
    unsure = np.abs(estimate - least) < factors * 0.5
    assert ((bits == (estimate >= least)) | unsure).all()
    assert unsure.mean() < 0.6


def test_estimates_err_as_assumed():
    """The error of an estimate is about .6 of the factor times the query's part across."""
    rows = unit(normal((4000, 384), 1) + 2 * normal((1, 384), 2))
    centre = unit(rows.mean(axis=0, keepdims=True))
    made = encode_signs(rows, turn_rows(centre), np.zeros(4000, dtype=np.int64))
    signs = np.where(np.unpackbits(made.signs, axis=1, bitorder="little") == 1, 1.0, -1.0)
    errors = []
    for query in unit(normal((20, 384), 3) + normal((1, 384), 2)):
        middle = float(centre[0] @ query)
        told = made.along * middle + made.factors * (signs @ turn_rows(query[None])[0])
        across = np.sqrt(1 - middle**2)
        errors.append((told - rows @ query) / (made.factors * across))
    assert abs(np.mean(errors)) < 0.02
    assert 0.5 < np.std(errors) < 0.65


def test_tiles_hold_every_row_once():
    starts = np.array([0, 33, 33, 34, 100])
    places, tiles = tile_places(starts)
    assert tiles == 2 + 0 + 1 + 3
    assert len(set(places.tolist())) == 100
    assert places[[0, 32, 33, 34]].tolist() == [0, 32, 64, 96]
    passing = np.random.default_rng(0).random(100) < 0.5
    bits = np.unpackbits(pass_bits(passing, places, tiles).view(np.uint8), bitorder="little")
    assert bits.sum() == passing.sum()
    assert (bits[places] == passing).all()
    rows = unit(normal((100, 70)))
    writer = SignWriter(unit(normal((4, 70), 1)), starts)
    for at in range(0, 100, 30):
        writer.write(rows[at : at + 30], np.arange(99 - at, max(-1, 69 - at), -1))
    made, shapes = writer.tensors(), writer.shapes()
    assert {n: (a.dtype, a.shape) for n, a in made.items()} == {
        n: (np.dtype(t), s) for n, (t, s) in shapes.items()
    }
    own = np.array([0] * 33 + [2] + [3] * 66)
    plain = encode_signs(rows[::-1], turn_rows(unit(normal((4, 70), 1))), own)
    by_row = made["signs"].transpose(0, 2, 1).reshape(-1, 16)
    assert (by_row[places] == plain.signs).all()
    assert (made["along"][places] == plain.along).all()
    assert (made["factors"][places] == plain.factors).all()


def test_what_does_not_fit_is_refused():
    rows, floats = np.zeros((2, 64), np.float32), np.zeros(2, np.float32)
    signs, cells = np.zeros((2, 8), np.uint8), np.zeros(2, np.int64)
    _native.encode_signs(rows, rows, cells, signs, floats, floats)
    for bad in (cells - 1, cells + 2, cells[:1]):
        with pytest.raises(ValueError, match="encode_signs"):
            _native.encode_signs(rows, rows, bad, signs, floats, floats)
    with pytest.raises(ValueError, match="rotate_rows"):
        _native.rotate_rows(rows, np.zeros((2, 63), np.float32))
    with pytest.raises(ValueError, match="sift_tiles"):
        _native.sift_tiles(
            np.zeros((1, 8, 32), np.uint8), floats, floats, floats, 0, 0, 0, 0,
            np.zeros(1, np.uint32),
        )  # fmt: skip
