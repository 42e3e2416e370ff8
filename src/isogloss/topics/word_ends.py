"""Where the scripts without spaces let a word begin and end, by their letters alone."""

import unicodedata

from isogloss.text.characters import character_class

__all__ = ["clusters_of", "is_hiragana", "never_parted", "script", "without_kana_before"]

# Letters by category that hang on the letter before them: vowels and signs of Thai and Lao, and in
# Japanese what is one syllable with the kana before it, or repeats a character.
_HANGING = (
    *((0x0E30, 0x0E3A), (0x0E45, 0x0E4E), (0x0EB0, 0x0EBC), (0x0EC8, 0x0ECE)),
    *((0x3005, 0x3005), (0x309D, 0x309E), (0x30FC, 0x30FE)),
)
_SMALL_HIRAGANA = "ぁぃぅぇぉゃゅょゎゕゖ"  # not っ, with which particles begin
# Vowels that stand before the consonant after which they are spoken.
_LEADING = ((0x0E40, 0x0E44), (0x0EC0, 0x0EC4))
# Signs that want a letter behind: the next consonant is written below (Myanmar, Khmer), or the
# vowel stands in closed syllables only (Thai, Lao).
_WANTING = frozenset("\u1039\u17d2\u0e31\u0e37\u0eb1\u0ebb")
# Signs that silence their consonant (Thai, Lao, Khmer); none begins a word.
_SILENT = frozenset("\u0e4c\u0ecc\u17cd")


def clusters_of(word: str) -> list[str]:
    """Part a token of a script without spaces into its letters, each with its marks.

    Examples
    --------
    >>> clusters_of("東京"), len(clusters_of("ที่นี่"))
    (['東', '京'], 2)
    """
    parts: list[str] = []
    for character in word:
        if parts and character_class(character) == "M":
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def never_parted(one: str, other: str) -> bool:
    """Tell whether the script lets no word end between two letters, each with its marks.

    Parameters
    ----------
    one, other : str
        As `clusters_of` gives them; one of them may be empty at the end of a text.

    Examples
    --------
    >>> never_parted("ต", "า"), never_parted("เ", "ป"), never_parted("า", "ม")
    (True, True, False)
    >>> never_parted("ー", "ド"), never_parted("ド", "が")
    (True, False)
    """
    if other and (_in(other[0], _HANGING) or not _SILENT.isdisjoint(other)):
        return True
    if one and (_in(one[0], _LEADING) or not _WANTING.isdisjoint(one)):
        return True
    if not one or not other:
        return False
    return other[0] in _SMALL_HIRAGANA or script(one) == script(other) == "KATAKANA"


def _in(letter: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= ord(letter) <= high for low, high in ranges)


def is_hiragana(letter: str) -> bool:
    """Tell whether a letter is Hiragana, or the mark that lengthens one.

    Examples
    --------
    >>> is_hiragana("の"), is_hiragana("ー"), is_hiragana("ノ")
    (True, True, False)
    """
    return script(letter) == "HIRAGANA" or letter == "ー"


def without_kana_before(letters: list[str]) -> list[str]:
    """Take Hiragana from the beginning of a word that is more than Hiragana.

    Examples
    --------
    >>> without_kana_before(["が", "多", "い"]), without_kana_before(["で", "す"])
    (['多', 'い'], ['で', 'す'])
    """
    if all(map(is_hiragana, letters)):
        return letters
    before = ""
    while letters and (is_hiragana(letters[0]) or never_parted(before, letters[0])):
        before, letters = letters[0], letters[1:]
    return letters


def script(letter: str) -> str:
    """Give the first word of a letter's name: CJK, HIRAGANA, KATAKANA, THAI ...

    Examples
    --------
    >>> script("東"), script("ー"), script("ก")
    ('CJK', 'KATAKANA', 'THAI')
    """
    return unicodedata.name(letter[0], "").partition(" ")[0].partition("-")[0]
