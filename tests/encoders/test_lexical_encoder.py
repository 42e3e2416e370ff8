"""The lexical encoder against plain Python, and its laws."""

import hashlib
import json
import math
import unicodedata
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss import _native, load_encoder
from isogloss._core.errors import EncoderError, ParameterError
from isogloss._core.tensors import load_tensors
from isogloss.encoders.base import unit_rows
from isogloss.encoders.lexical import LexicalEncoder, LexicalWeights, round_layer
from isogloss.text import text_buffers, tokens_of

WORDS = sorted(["a-b", "cat", "dog", "new", "sat", "the", "york", "東京", "हिन्दी"])
PAIRS = [("new", "york"), ("the", "cat"), ("cat", "cat")]
BUCKETS = 37
# File, vectors and fingerprint of make(5), as the code before the second weighing gave them.
OLD = ("03a7402f047982ca", "51adafbc02d9752a", "8a226eb8d9a267ab")


def make(seed=0, width=12, dim=10, hidden=7):
    rng = np.random.default_rng(seed)
    features = len(WORDS) + len(PAIRS) + BUCKETS
    number = {word: i for i, word in enumerate(WORDS)}
    pairs = np.array([(number[a], number[b]) for a, b in PAIRS], np.int32)
    return LexicalWeights(
        words=WORDS, pairs=pairs, buckets=BUCKETS,
        idf=rng.uniform(0.5, 4, features).astype(np.float32),
        table=rng.integers(-127, 128, (features, width)).astype(np.int8),
        scale=rng.uniform(0.001, 0.01, features).astype(np.float32),
        skip=rng.normal(size=(width, dim)).astype(np.float16).astype(np.float32),
        inner=rng.normal(size=(width, hidden)).astype(np.float16).astype(np.float32),
        bias=rng.normal(size=hidden).astype(np.float32),
        outer=rng.normal(size=(hidden, dim)).astype(np.float16).astype(np.float32),
    )  # fmt: skip


def weighed(weights, seed=0, strength=0.4, bias=0.1):
    """Give the weights a second weighing."""
    width = weights.table.shape[1]
    turn = np.random.default_rng(seed).normal(size=(width, width)) * strength
    return replace(
        weights,
        weigh=turn.astype(np.float16).astype(np.float32),
        weigh_bias=np.float32([bias]),
    )


def fnv(data):
    code = 1469598103934665603
    for byte in data:
        code = ((code ^ byte) * 1099511628211) % 2**64
    return code ^ code >> 32


def plain_features(weights, text):
    """Give weight by feature, in plain Python."""
    number = {word: i for i, word in enumerate(weights.words)}
    pair = {tuple(p): i for i, p in enumerate(weights.pairs.tolist())}
    counts = defaultdict(float)
    before = None
    for word in tokens_of(text):
        known = number.get(word)
        if known is not None:
            counts[known] += 1
            if (before, known) in pair:
                counts[len(number) + pair[before, known]] += 1
        else:
            marked = f"<{word}>"
            runs = [marked[i : i + n] for n in (3, 4) for i in range(len(marked) - n + 1)]
            for run in runs:
                bucket = fnv(run.encode()) % weights.buckets
                counts[len(number) + len(pair) + bucket] += 1 / len(runs)
        before = known
    raw = {f: (1 + math.log(c) if c > 1 else c) * float(weights.idf[f]) for f, c in counts.items()}
    length = math.sqrt(sum(w * w for w in raw.values())) or 1.0
    return {f: w / length for f, w in raw.items()}


def plain_sum(weights, text):
    total = np.zeros(weights.table.shape[1])
    for f, weight in plain_features(weights, text).items():
        total += weight * float(weights.scale[f]) * weights.table[f]
    return total


def row_code(row):
    """Give whole steps of the largest number over 127, and the step."""
    largest = np.abs(row).max()
    if not 1e-30 <= largest < np.inf:
        return np.zeros(len(row), np.int64), np.float32(0)
    codes = np.rint(row * (np.float32(127) / largest)).astype(np.int64)
    return codes, largest / np.float32(127)


def plain_gates(weights, columns, total):
    """Give how much rows count in the second sum, in the very arithmetic of the kernel."""
    turn, turn_step = round_layer(weights.weigh)
    codes, _ = row_code(total)
    turned = (codes @ turn.astype(np.int64)).astype(np.float32) * turn_step
    turned, step = row_code(turned)
    square = np.float32(int((codes**2).sum()))
    step = step / np.sqrt(square) if square else np.float32(0)
    products = (weights.table[columns].astype(np.int64) @ turned).astype(np.float32)
    rest = np.float32(1) + weights.weigh_bias[0]
    return np.clip(products * (weights.scale[columns] * step) + rest, np.float32(0), np.float32(2))


def plain_amount_sum(weights, columns, amounts):
    """Sum rows by amounts in whole steps of the largest over 2^14 - 1."""
    largest = amounts.max(initial=np.float32(0))
    if largest < 1e-30:
        return np.zeros(weights.table.shape[1], np.float32)
    steps = np.rint(amounts * (np.float32(16383) / largest)).astype(np.int64)
    total = steps @ weights.table[columns].astype(np.int64)
    return total.astype(np.float32) * (largest / np.float32(16383))


def plain_sum_twice(weights, columns, values):
    """Give the first and the second sum of weighted features, bit by bit, and the gates."""
    amounts = values * weights.scale[columns]
    first = plain_amount_sum(weights, columns, amounts)
    gates = plain_gates(weights, columns, first)
    second = plain_amount_sum(weights, columns, gates * amounts) if gates.any() else first
    return first, second, gates


def plain_network(weights, sums, bias=None):
    """Give the network's vectors, not yet of unit length, in the very arithmetic of the kernel."""
    skip, skip_step = round_layer(weights.skip)
    inner, inner_step = round_layer(weights.inner)
    out = np.zeros((len(sums), weights.skip.shape[1]), np.float32)
    for i, row in enumerate(sums):
        largest = np.abs(row).max()
        if largest == 0:
            continue
        step = largest / np.float32(127) if largest >= 1e-30 else np.float32(0)
        codes = np.rint(row * (np.float32(127) / largest)) if step else row * 0
        hidden = (codes @ inner.astype(float)).astype(np.float32) * step * inner_step
        hidden += weights.bias
        total = out[i] * 0
        for k in np.flatnonzero(hidden > 0):
            total += hidden[k] * weights.outer[k]
        out[i] = (codes @ skip.astype(float)).astype(np.float32) * step * skip_step + total
    return out


def sums_of(encoder, texts):
    made = encoder.weights
    data, offsets = text_buffers(texts)
    out = np.empty((len(texts), made.table.shape[1]), np.float32)
    encoder._features.sums(
        data, offsets, made.idf, made.table, made.scale, 0, len(texts), out, encoder._weighing
    )
    return out


def network_of(weights, kernel=""):
    return _native.LexicalNetwork(
        *round_layer(weights.skip), *round_layer(weights.inner), weights.bias, weights.outer, kernel
    )


def vectors_of(network, sums, dim, unit=False):
    out = np.full((len(sums), dim), np.nan, np.float32)
    network.vectors(np.ascontiguousarray(sums), out, unit)
    return out


TEXTS = [
    "The cat sat in New York", "cat cat cat cat", "", "!!! ...", "unseen wrds and tpyos", "a-b",
    "東京 हिन्दी und 東京都", "new york new york the cat", "\U0001f600 \u202e dog", "x" * 5000,
]  # fmt: skip


def check_plain(weights, texts):
    encoder = LexicalEncoder(weights)
    sums = sums_of(encoder, texts)
    for text, row in zip(texts, sums, strict=True):
        assert np.allclose(row, plain_sum(weights, text), atol=2e-6)
    vectors = encoder.encode(texts)
    assert (vectors == unit_rows(plain_network(weights, sums))).all()
    hidden = np.maximum(sums @ weights.inner + weights.bias, 0)
    floats = sums @ weights.skip + hidden @ weights.outer
    known = np.abs(sums).max(axis=1) > 0
    assert ((unit_rows(floats) * vectors).sum(axis=1) > 0.999)[known].all()
    assert not vectors[~known].any()


def test_vectors_are_those_of_plain_python():
    check_plain(make(), TEXTS)


KERNELS = _native.code_kernels()


def weighing_of(weights, kernel=""):
    rest = float(np.float32(1) + weights.weigh_bias[0])
    return _native.LexicalWeighing(*round_layer(weights.weigh), rest, kernel)


def check_twice(weights, texts, kernel=""):
    """Hold second sums against plain NumPy; give the gates."""
    encoder = LexicalEncoder(weights)
    data, offsets = text_buffers(texts)
    out = np.full((len(texts), weights.table.shape[1]), np.nan, np.float32)
    encoder._features.sums(
        data, offsets, weights.idf, weights.table, weights.scale, 0, len(texts), out,
        weighing_of(weights, kernel),
    )  # fmt: skip
    lengths, columns, values = encoder._features.weigh(data, offsets, weights.idf, 0, len(texts))
    parts = np.cumsum(lengths)[:-1]
    gates = []
    for row, mine, amounts in zip(
        out, np.split(columns, parts), np.split(values, parts), strict=True
    ):
        _, second, gate = plain_sum_twice(weights, mine, amounts)
        assert row.tobytes() == second.tobytes()
        gates.append(gate)
    vectors = encoder.encode(texts)
    assert vectors.tobytes() == unit_rows(plain_network(weights, out)).tobytes()
    return np.concatenate(gates)


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


assigned = st.characters(
    exclude_categories=("Cs",), max_codepoint=0x2FFFF
).filter(lambda c: unicodedata.ucd_3_2_0.category(c) != "Cn")  # fmt: skip
pieces = st.one_of(
    st.text(assigned, max_size=6),
    st.sampled_from([*WORDS, " ", "'s", "-", "<b>", "&amp;", "@", "http://x.y ", "\0", "\u0301"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_any_text_gives_the_plain_features_and_a_finite_unit_vector(text):
    weights = make()
    check_twice(weighed(weights), [text, text[::-1]])
    encoder = LexicalEncoder(weights)
    data, offsets = text_buffers([text])
    _, columns, values = encoder._features.weigh(data, offsets, weights.idf, 0, 1)
    plain = plain_features(weights, text)
    assert columns.tolist() == sorted(plain)
    assert np.allclose(values, [plain[f] for f in sorted(plain)], atol=1e-5)
    vector = encoder.encode([text])[0]
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1.0 if plain else 0.0, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_a_finite_vector(raw, again):
    encoder = LexicalEncoder(weighed(make()) if again else make())
    out = np.empty((1, 12), np.float32)
    data = np.frombuffer(raw, np.uint8)
    made = encoder.weights
    offsets = np.array([0, len(raw)], np.int64)
    encoder._features.sums(
        data, offsets, made.idf, made.table, made.scale, 0, 1, out, encoder._weighing
    )
    assert np.isfinite(out).all()


@pytest.mark.parametrize("width, dim, hidden", [(64, 384, 130), (70, 65, 16), (192, 17, 300)])
def test_any_shape_of_the_layers_gives_the_plain_vectors(width, dim, hidden):
    weights = make(3, width, dim, hidden)
    texts = [*TEXTS, *(" ".join(WORDS[: i % 9 + 1] * (i % 70 + 1)) for i in range(230))]
    for encoder in (LexicalEncoder(weights), LexicalEncoder(weighed(weights))):
        vectors = encoder.encode(texts)
        alone = np.concatenate([encoder.encode([text]) for text in texts])
        assert (alone == vectors).all()
    check_plain(weights, [texts[i] for i in (0, 1, 2, 4, 5, 60, 100, 201, 239)])


def test_long_words_of_one_beginning_are_told_apart():
    stem = "abcdefgh" * 4
    words = sorted({stem[:n] + end for n in range(1, 33) for end in ("", "x", "é", "zz")})
    words = [word for word in words if tokens_of(word) == [word]]
    data, offsets = text_buffers(words)
    table = _native.LexicalTable(data, offsets, np.zeros((0, 2), np.int32), 0)
    _, numbers = table.sequences(data, offsets, 0, len(words))
    assert numbers.tolist() == list(range(len(words)))
    others = [word[:-1] + "q" for word in words if len(word) > 2]
    _, numbers = table.sequences(*text_buffers(others), 0, len(others))
    assert set(numbers.tolist()) == {-1}
    with pytest.raises(ValueError, match="twice"):
        _native.LexicalTable(*text_buffers(["one", "two", "one"]), np.zeros((0, 2), np.int32), 0)


@pytest.mark.parametrize("again", [False, True])
def test_vectors_do_not_depend_on_batch_threads_or_neighbours(monkeypatch, again):
    encoder = LexicalEncoder(weighed(make()) if again else make())
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice([*WORDS, "odd", "words"], 9)) for _ in range(1300)]
    whole = encoder.encode(texts)
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        assert (encoder.encode(texts) == whole).all()
    assert (encoder.encode(texts, batch_size=7) == whole).all()
    alone = np.concatenate([encoder.encode([text]) for text in texts[:40]])
    assert (alone == whole[:40]).all()
    assert (encoder.encode(texts[::-1])[::-1] == whole).all()


@pytest.mark.parametrize("again", [False, True])
def test_saved_and_loaded_it_gives_the_same(tmp_path, again):
    encoder = LexicalEncoder(weighed(make()) if again else make())
    encoder.save(tmp_path / "model")
    about = json.loads((tmp_path / "model" / "isogloss.json").read_text())
    assert about["format"] == (3 if again else 2)
    assert ("weigh" in load_tensors(tmp_path / "model" / "lexical.safetensors")) == again
    again = load_encoder(f"lexical:{tmp_path / 'model'}")
    assert again.fingerprint == encoder.fingerprint
    assert (again.encode(TEXTS) == encoder.encode(TEXTS)).all()
    short = LexicalEncoder.load(tmp_path / "model", dim=4)
    head = encoder.encode(TEXTS)[:, :4]
    length = np.linalg.norm(head, axis=1, keepdims=True)
    assert np.allclose(short.encode(TEXTS), head / np.where(length, length, 1), atol=1e-5)
    assert short.fingerprint != encoder.fingerprint


@pytest.mark.parametrize("width", [5, 6])
def test_a_table_of_4_bits_is_kept_in_half_the_room(tmp_path, width):
    rng = np.random.default_rng(0)
    plain = make()
    table = rng.integers(-7, 8, (len(plain.idf), width)).astype(np.int8)
    network = {
        "skip": rng.normal(size=(width, 4)), "inner": rng.normal(size=(width, 3)),
        "bias": np.zeros(3), "outer": rng.normal(size=(3, 4)),
    }  # fmt: skip
    small = replace(plain, table=table, **{k: v.astype(np.float32) for k, v in network.items()})
    encoder = LexicalEncoder(small)
    encoder.save(tmp_path / "model")
    kept = load_tensors(tmp_path / "model" / "lexical.safetensors")
    assert kept["table4"].shape == (len(table), 3)
    again = load_encoder(f"lexical:{tmp_path / 'model'}")
    assert again.weights.table.tolist() == table.tolist()
    assert again.fingerprint == encoder.fingerprint
    texts = ["a cat and a dog", "zebra", ""]
    assert again.encode(texts).tobytes() == encoder.encode(texts).tobytes()


def test_the_fingerprint_knows_the_second_weighing():
    made = [make(), weighed(make()), weighed(make(), 1), weighed(make(), bias=0.2)]
    assert len({LexicalEncoder(weights).fingerprint for weights in made}) == 4


def test_folders_and_vectors_from_before_the_second_weighing_are_kept(tmp_path):
    encoder = LexicalEncoder(make(5))
    encoder.save(tmp_path)
    found = (
        hashlib.sha256((tmp_path / "lexical.safetensors").read_bytes()).hexdigest()[:16],
        hashlib.sha256(encoder.encode(TEXTS).tobytes()).hexdigest()[:16],
        encoder.fingerprint[:16],
    )
    assert found == OLD


def test_a_folder_of_the_first_format_still_opens(tmp_path):
    encoder = LexicalEncoder(make())
    encoder.save(tmp_path)
    about = tmp_path / "isogloss.json"
    about.write_text(about.read_text().replace('"format": 2', '"format": 1'))
    assert "table" in load_tensors(tmp_path / "lexical.safetensors")
    assert LexicalEncoder.load(tmp_path).fingerprint == encoder.fingerprint


@pytest.mark.parametrize("harm", ["missing", "no json", "other", "newer", "short", "cut"])
def test_a_damaged_folder_is_one_clear_error(tmp_path, harm):
    folder = tmp_path / "model"
    LexicalEncoder(make()).save(folder)
    about = folder / "isogloss.json"
    tensors = folder / "lexical.safetensors"
    if harm == "missing":
        tensors.unlink()
    elif harm == "no json":
        about.write_text("{")
    elif harm == "other":
        about.write_text('{"class": "LsaEncoder", "format": 1}')
    elif harm == "newer":
        about.write_text(about.read_text().replace('"format": 2', '"format": 99'))
    elif harm == "short":
        about.write_text(about.read_text().replace('"buckets": 37', '"buckets": 36'))
    else:
        tensors.write_bytes(tensors.read_bytes()[:-100])
    with pytest.raises(EncoderError, match=r"lexical encoder|newer format"):
        load_encoder(f"lexical:{folder}")


@pytest.mark.parametrize("kind", ["lexical", "lsa"])
@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "there is no folder"),
        ("file", "is a file: give the folder"),
        ("", "isogloss.json is missing"),
        ('{"a": 1}\n{', "isogloss.json is damaged, so .* make it again"),
        ("[1]", "isogloss.json is damaged: it holds no JSON object"),
    ],
)
def test_a_folder_that_says_nothing_is_told_as_it_is(tmp_path, kind, held, said):
    folder = tmp_path / "model"
    if held == "file":
        folder.write_text("")
    elif held is not None:
        folder.mkdir()
        if held:
            (folder / "isogloss.json").write_text(held)
    with pytest.raises(EncoderError, match=said):
        load_encoder(f"{kind}:{folder}")


def test_arguments_that_cannot_be_used():
    with pytest.raises(ParameterError, match="dim is 11"):
        LexicalEncoder(make(), dim=11)
    with pytest.raises(ParameterError, match="one string"):
        LexicalEncoder(make()).encode("cat")
    assert LexicalEncoder(make()).encode([]).shape == (0, 10)
