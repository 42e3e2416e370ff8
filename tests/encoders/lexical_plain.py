"""The lexical encoder in plain Python and NumPy, with small weights to hold it against."""

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np

from isogloss import _native
from isogloss.encoders.base import unit_rows
from isogloss.encoders.lexical import LexicalEncoder, LexicalWeights, round_layer
from isogloss.text import text_buffers, tokens_of

WORDS = sorted(["a-b", "cat", "dog", "new", "sat", "the", "york", "東京", "हिन्दी"])


PAIRS = [("new", "york"), ("the", "cat"), ("cat", "cat")]


BUCKETS = 37


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
