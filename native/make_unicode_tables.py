"""Write native/unicode_tables.h from the character rules of isogloss.text.characters.

Run it when those rules or the Unicode version change:

    PYTHONPATH=src python native/make_unicode_tables.py
"""

import sys
import unicodedata
from pathlib import Path

from isogloss.text.characters import ELISIONS, LONGEST_WORD, TAGS, character_class, compose, fold

BLOCK = 128
LIMIT = 0x110000
CLASSES = "SLDMUAHP"  # the numbers of enum Class in tokens.cpp


def records() -> tuple[list[int], list[tuple[int, int, int]], list[int]]:
    """Give the record number of each code point, the records, and the long folded forms.

    A record is (class, length, value): length 1 adds value to the code point; other lengths
    point to `length` code points in the pool.
    """
    numbers: dict[tuple[int, int, int], int] = {}
    pool: list[int] = []
    of_code: list[int] = []
    for code in range(LIMIT):
        if 0xD800 <= code < 0xE000:
            record = (0, 1, 0)
        else:
            folded = [ord(one) for one in fold(chr(code))]
            if len(folded) == 1:
                kind = CLASSES.index(character_class(chr(folded[0])))
                record = (kind, 1, folded[0] - code)
            else:
                record = (0, len(folded), len(pool) if folded else 0)
                pool += folded
        of_code.append(numbers.setdefault(record, len(numbers)))
    return of_code, list(numbers), pool


def pairs() -> list[tuple[int, int, int]]:
    """Give (first, second, composed) of every canonical composition but those of Hangul."""
    found = [(0x69, 0x307, 0x69)]  # dotted capital I, which is folded before
    for code in range(LIMIT):
        if 0xD800 <= code < 0xE000 or 0xAC00 <= code <= 0xD7A3:
            continue
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) != 2 or parts[0].startswith("<"):
            continue
        first, second = (int(part, 16) for part in parts)
        if compose(chr(first), chr(second)) == chr(code):
            found.append((first, second, code))
    return sorted(found)


def lines(values: list[str]) -> str:
    """Lay values out in lines of at most 100 characters."""
    out, line = [], ""
    for value in values:
        if len(line) + len(value) + 2 > 100:
            out.append(line)
            line = ""
        line += value + ","
    return "\n".join([*out, line])


def quoted(words: frozenset[str]) -> list[str]:
    """Give words as literals of C, in order."""
    return [f'"{word}"' for word in sorted(words)]


def main() -> None:
    """Write the header."""
    of_code, kinds, pool = records()
    blocks: dict[tuple[int, ...], int] = {}
    index = []
    for start in range(0, LIMIT, BLOCK):
        block = tuple(of_code[start : start + BLOCK])
        index.append(blocks.setdefault(block, len(blocks)))
    composed = pairs()
    text = [
        "// Made by native/make_unicode_tables.py; do not edit.",
        "#pragma once",
        "#include <cstdint>",
        "namespace unicode {",
        f'constexpr const char *version = "{unicodedata.unidata_version}";',
        f"constexpr int longest_word = {LONGEST_WORD};",
        "struct Record { uint8_t kind; uint8_t length; int32_t value; };",
        f"constexpr Record records[] = {{\n{lines([f'{{{a},{b},{c}}}' for a, b, c in kinds])}}};",
        f"constexpr uint32_t pool[] = {{\n{lines([str(code) for code in pool])}}};",
        f"constexpr uint16_t block_of[] = {{\n{lines([str(number) for number in index])}}};",
        f"constexpr uint16_t blocks[][{BLOCK}] = {{",
        *["{" + lines([str(number) for number in block]) + "}," for block in blocks],
        "};",
        "struct Pair { uint32_t first, second, both; };",
        f"constexpr Pair pairs[] = {{\n{lines([f'{{{a},{b},{c}}}' for a, b, c in composed])}}};",
        "constexpr const char *tags[] = {\n" + lines(quoted(TAGS)) + "};",
        "constexpr const char *elisions[] = {\n" + lines(quoted(ELISIONS)) + "};",
        "}  // namespace unicode",
    ]
    Path(__file__).with_name("unicode_tables.h").write_text(
        "\n".join(text) + "\n", encoding="ascii"
    )
    sys.stderr.write(f"{len(kinds)} records, {len(blocks)} blocks, {len(composed)} pairs\n")


if __name__ == "__main__":
    main()
