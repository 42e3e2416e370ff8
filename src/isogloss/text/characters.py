"""What a character is to the tokeniser: its class, its folded form, and what it composes with.

This file is the one source of these rules. ``native/make_unicode_tables.py`` writes them into
the tables of the native tokeniser; the plain tokeniser of :mod:`isogloss.text.tokens` calls them.
"""

import unicodedata
from functools import cache

__all__ = ["ELISIONS", "LONGEST_WORD", "TAGS", "character_class", "compose", "fold"]

LETTER, DIGIT, MARK, UNSPACED, APOSTROPHE, HYPHEN, POINT, SEPARATOR = "LDMUAHPS"

LONGEST_WORD = 40
"""Longest word in characters; hashes and base64 are longer."""

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, Han, Hiragana, Katakana.
_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x3035),
    (0x3038, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0x1AFF0, 0x1B16F),
    (0x20000, 0x3FFFF),
)

# Characters that leave no trace: soft hyphens, joiners, direction marks, selectors, enclosing
# signs, the optional vowel signs of Arabic and Hebrew, and the stretching bar of Arabic.
_DROPPED_RANGES = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0591, 0x05BD),
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C2),
    (0x05C4, 0x05C5),
    (0x05C7, 0x05C7),
    (0x0610, 0x061C),
    (0x0640, 0x0640),
    (0x064B, 0x0652),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x180B, 0x180F),
    (0x200C, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xE0000, 0xE0FFF),
)

_APOSTROPHES = "\u2018\u2019\u201b\u02bc\u02bb\u055a\u05f3"
_HYPHENS = "\u2010\u2011\u05be"
_JOINING_POINTS = "'\u00b7"  # the raised dot joins the two l of Catalan
_NUMBER_POINTS = ".,\u066b\u066c"

ELISIONS = frozenset(
    "l d j m t s n c qu jusqu lorsqu puisqu quoiqu quelqu presqu entr "
    "dell nell sull all dall coll un gl quest quell sant cinquant tutt".split()
)
"""French, Italian and Catalan words that lose a vowel before an apostrophe: l'homme -> homme."""

TAGS = frozenset(
    "a abbr address article aside audio b blockquote body br button caption center cite code col "
    "dd del div dl dt em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header "
    "hr html i iframe img input ins kbd label li link main mark meta nav noscript object ol option "
    "p param pre q s samp script section select small source span strike strong style sub sup svg "
    "table tbody td textarea tfoot th thead title tr tt u ul var video".split()
)
"""Elements of HTML whose tags are left out of a text; other angle brackets stay as they are."""


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


@cache
def fold(character: str) -> str:
    """Fold one character: compatibility form (NFKC), lower case, one apostrophe, one hyphen.

    Parameters
    ----------
    character : str
        One character.

    Returns
    -------
    str
        None, one or several characters, each of which folds to itself.

    Examples
    --------
    >>> fold("É"), fold("ﬁ"), fold("Ａ"), fold("’"), fold(chr(0x200D))
    ('é', 'fi', 'a', "'", '')
    """
    if character == "\u0130":  # dotted capital I: plain i, not i with a dot above
        return "i"
    before, now = None, character
    while now != before:
        before = now
        now = unicodedata.normalize("NFKC", now)
        now = "".join(_fold_step(one) for one in now)
    return now


def _fold_step(one: str) -> str:
    if _within(ord(one), _DROPPED_RANGES):
        return ""
    if one in _APOSTROPHES:
        return "'"
    if one in _HYPHENS:
        return "-"
    if one == "ς":  # written again at the end of a word by the tokeniser
        return "σ"
    return one.lower()


@cache
def character_class(character: str) -> str:
    """Give the class of a folded character, one letter.

    ``L`` letter, ``D`` digit, ``M`` mark, ``U`` letter of a script written without spaces,
    ``A`` apostrophe or raised dot, ``H`` hyphen, ``P`` point or comma, ``S`` anything else.

    Examples
    --------
    >>> [character_class(c) for c in "a1ि猫'-. "]
    ['L', 'D', 'M', 'U', 'A', 'H', 'P', 'S']
    """
    if character in _JOINING_POINTS:
        return APOSTROPHE
    if character == "-":
        return HYPHEN
    if character in _NUMBER_POINTS:
        return POINT
    category = unicodedata.category(character)
    if category[0] == "M":
        return MARK
    if (category[0] == "L" or category == "Nl") and _within(ord(character), _UNSPACED_RANGES):
        return UNSPACED
    if category[0] == "L":
        return LETTER
    return DIGIT if category[0] == "N" else SEPARATOR


@cache
def compose(first: str, second: str) -> str:
    """Give the one character that two make together (canonical composition), or ``""``.

    Examples
    --------
    >>> compose("e", chr(0x301))
    'é'
    >>> compose("e", "e")
    ''
    """
    if first == "i" and second == "\u0307":  # dotted capital I, decomposed
        return "i"
    both = unicodedata.normalize("NFC", first + second)
    if len(both) != 1 or fold(both) != both:
        return ""
    parts = unicodedata.decomposition(both).split()
    hangul = "\uac00" <= both <= "\ud7a3"  # by arithmetic, so without an entry
    if not hangul and parts != [f"{ord(first):04X}", f"{ord(second):04X}"]:
        return ""  # marks in another order than the canonical one
    return both if character_class(first) == character_class(both) else ""
