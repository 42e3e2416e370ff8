"""Feed the lexical encoder hostile texts: every vector must be finite, and of length one or zero.

    python benchmarks/fuzz_lexical.py --minutes 10 [--encoder lexical:FOLDER]

Texts are made of random bytes, random code points of all planes, lone surrogates, markup that is
cut off, megabyte-long words, right-to-left and joining marks, and real words. Each is encoded in a
batch and alone; both must give the same bits. Prints how many were tried; stops at a failure.
"""

import argparse
import time

import numpy as np

PIECES = [
    "<b", "</", "<!--", "&amp", "&#x27;", "http://", "www.", "a@b", "'s", "l'", "-", "...", "\0",
    "\u200d", "\u202e", "\ufeff", "\u0301", "\U0001f600", "東京", "हिन्दी", "ไทย", "İ", "the",
    "satellite", "new york", "\n", " ", "x" * 50, "1,000.5", "\ud800", "\udfff",
]  # fmt: skip


def text_of(rng):
    """Make one hostile text."""
    kind = rng.integers(6)
    if kind == 0:
        return rng.bytes(int(rng.integers(400))).decode("utf-8", "replace")
    if kind == 1:
        return rng.bytes(int(rng.integers(400))).decode("latin-1")
    if kind == 2:
        return "".join(map(chr, rng.integers(0x110000, size=int(rng.integers(60)))))
    if kind == 3 and rng.random() < 0.01:
        return str(rng.choice(PIECES[:29])) * int(rng.integers(200_000))
    return "".join(PIECES[i] for i in rng.integers(len(PIECES), size=int(rng.integers(40))))


def main():
    """Fuzz until the time is over."""
    from isogloss import load_encoder

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoder", default="lexical")
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    rng = np.random.default_rng(options.seed)
    until = time.monotonic() + 60 * options.minutes
    texts = letters = 0
    while time.monotonic() < until:
        batch = [text_of(rng) for _ in range(200)]
        vectors = encoder.encode(batch)
        lengths = np.linalg.norm(vectors, axis=1)
        good = np.isfinite(vectors).all() and ((lengths == 0) | (np.abs(lengths - 1) < 1e-4)).all()
        alone = int(rng.integers(len(batch)))
        if not good or (encoder.encode([batch[alone]])[0] != vectors[alone]).any():
            raise SystemExit(f"failed after {texts:,} texts: {batch!r:.2000}")
        texts += len(batch)
        letters += sum(map(len, batch))
    print(f"{texts:,} texts, {letters:,} characters in {options.minutes:g} minutes: all good")


if __name__ == "__main__":
    main()
