"""Long, technical and very short English texts for `gather_english.py`.

Whole letters and neighbouring passages joined to some 250 words, as posts and articles are;
docstrings of packages for science and engineering; what programs say on their screens.
"""

import ast
import random
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

LONG = 250  # words: what a teacher of 256 tokens reads, and some more
PARTS = ("Parameters", "Returns", "Examples", "References", "Attributes", "See Also", "Raises")


def docstrings(path: Path) -> Iterator[str]:
    """Give the paragraphs of prose in the docstrings of a Python file."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (SyntaxError, ValueError, RecursionError):
        return
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        text = ast.get_docstring(node) if isinstance(node, kinds) else None
        for part in re.split(r"\n\s*\n", text or ""):
            words = part.strip()
            if words and ">>>" not in words and not words.startswith((*PARTS, "..", ":", "-")):
                yield re.sub(r":[a-z:]+:|[`*]+|\\[a-z]+|\$[^$]*\$", "", words)


def letter(path: Path) -> Iterator[str]:
    """Give the body of an e-mail as it was sent, quoted lines and signature included."""
    data = path.read_bytes().decode("utf-8", "replace")
    _, _, body = data.partition("\n\n")
    if "<html" not in body.lower() and "Content-Transfer-Encoding: base64" not in data:
        yield " ".join(body.split()[:LONG])


def said_by_programs(folders: Sequence[Path], draw: random.Random) -> Iterator[str]:
    """Give the English messages of programs that are translated into German."""
    for folder in folders:
        for path in sorted(folder.glob("**/de/LC_MESSAGES/*.mo")):
            data = path.read_bytes()
            if len(data) < 28 or data[:4] != b"\xde\x12\x04\x95":
                continue
            count, table = struct.unpack_from("<II", data, 8)
            for number in range(count):
                size, place = struct.unpack_from("<II", data, table + 8 * number)
                text = data[place : place + size].split(b"\0")[0].split(b"\4")[-1]
                words = text.decode("utf-8", "replace").replace("_", "").replace("&", "")
                if "%" not in words and "{" not in words and "\\" not in words:
                    yield words


def joined(texts: Sequence[str], count: int, draw: random.Random) -> list[str]:
    """Join neighbours to texts of about 250 words, and draw so many of them.

    Examples
    --------
    >>> joined(["one two"] * 200, 1, random.Random(0))[0].count("one")
    125
    """
    made: list[str] = []
    held: list[str] = []
    for text in texts:
        held += text.split()
        if len(held) >= LONG:
            made.append(" ".join(held[:LONG]))
            held = []
    return [made[i] for i in sorted(draw.sample(range(len(made)), min(count, len(made))))]
