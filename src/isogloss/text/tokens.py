"""Cut texts of any script into words, fast natively and plainly in Python.

Rules, in order:

1. Left out: web addresses (``http://``, ``https://``, ``ftp://``, ``www.``), mail addresses, tags
   and entities of HTML (an entity that means an apostrophe becomes one).
2. Characters are folded one by one: NFKC, lower case, accents kept and composed; invisible ones
   (soft hyphens, joiners, direction marks, emoji selectors), the vowel signs of Arabic and Hebrew
   and the Arabic stretching bar vanish.
3. A word is a run of letters, digits and their combining marks. An apostrophe joins letters; the
   article or pronoun before it (l', d', dell') and an English 's fall off. A hyphen parts words,
   but for single letters (``x-ray``). Underscores part words.
4. Scripts without spaces (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar) give overlapping
   pairs of characters, each with its marks; a character that stands alone gives itself.
5. Not words: single characters (but Hangul syllables), numbers but those of two to four plain
   digits, anything longer than 40 characters, and codes of eight or more characters in which
   letters and digits change places more than three times. Emoji and symbols are separators.
"""

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.text.characters import (
    ELISIONS,
    LONGEST_WORD,
    TAGS,
    character_class,
    compose,
    fold,
)

__all__ = ["TOKENS_VERSION", "tokenize", "tokens_of"]

TOKENS_VERSION = 1
"""Number of the rules above; it goes into fingerprints."""

Buffers: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]

_NO_TEXT = re.compile(
    r"""(?P<apostrophe>&(?:\#39|\#039|\#x27|\#8217|\#x2019|apos|rsquo);|\#39;)
    | &(?:[A-Za-z]{2,8}|\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6});
    | <(?:!--|![Dd][Oo][Cc][Tt][Yy][Pp][Ee])[^<>]{0,1000}>
    | </?(?P<tag>[A-Za-z0-9]{1,10})(?=[ \t\r\n/>])[^<>]{0,1000}>
    | (?<![A-Za-z0-9])(?i:https?://|ftp://|www\.)[^\x00-\x20\x7f-\U0010ffff<>"`{}|\\^]*
    | (?<![A-Za-z0-9])[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9][A-Za-z0-9.-]*
    """,
    re.VERBOSE | re.ASCII,
)
_WORD_OR_RUN = re.compile(r"[LD][LDM]*(?:[AHP][LD][LDM]*)*|UM*(?:UM*)*")


def tokens_of(text: str) -> list[str]:
    """Cut one text into words, in plain Python: the reference of :func:`tokenize`.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
        Words in order, repeated as often as they stand.

    Examples
    --------
    >>> tokens_of("L’homme didn't see Anna's X-ray of 1993: 3.14 <b>MB</b> at www.site.org")
    ['homme', "didn't", 'see', 'anna', 'x-ray', 'of', '1993', 'mb', 'at']
    >>> tokens_of("東京都 हिन्दी")
    ['東京', '京都', 'हिन्दी']
    """
    plain = _NO_TEXT.sub(_replace, text)
    composed: list[str] = []
    for one in "".join(fold(c) for c in plain):
        both = compose(composed[-1], one) if composed and one >= "\u0300" else ""
        if both:
            composed[-1] = both
        else:
            composed.append(one)
    folded = "".join(composed)
    classes = "".join(character_class(c) for c in folded)
    words: list[str] = []
    for match in _WORD_OR_RUN.finditer(classes):
        piece = folded[match.start() : match.end()]
        if match.group()[0] == "U":
            words += _pairs(piece, match.group())
        else:
            words += _words(piece, match.group())
    return words


def _replace(match: re.Match[str]) -> str:
    if match["apostrophe"]:
        return "'"
    if match["tag"] and match["tag"].lower() not in TAGS:
        # no tag after all: keep the bracket, and look for other things behind it
        return "<" + _NO_TEXT.sub(_replace, match.group()[1:])
    return " "


def _pairs(text: str, classes: str) -> list[str]:
    clusters = [text[m.start() : m.end()] for m in re.finditer("UM*", classes)]
    pairs = [a + b for a, b in pairwise(clusters)] or clusters
    return [pair for pair in pairs if len(pair) <= LONGEST_WORD]


def _words(text: str, classes: str) -> list[str]:
    """Cut a run of joined words at the joiners that do not hold."""
    runs, start, base = [], 0, classes[0]
    for i, kind in enumerate(classes):
        after = classes[i + 1 : i + 2]
        if (kind == "A" and base + after != "LL") or (kind == "P" and base + after != "DD"):
            runs.append(text[start:i])
            start = i + 1
        if kind in "LD":
            base = kind
    runs.append(text[start:])
    return [word for run in runs for part in _unhyphened(run) for word in _plain(part)]


def _unhyphened(run: str) -> list[str]:
    pieces = run.split("-")
    parts = pieces[:1]
    for before, piece in pairwise(pieces):
        if _is_letter(before) or _is_letter(piece):
            parts[-1] += "-" + piece
        else:
            parts.append(piece)
    return parts


def _is_letter(piece: str) -> bool:
    return len(piece) == 1 and character_class(piece) == "L"


def _plain(part: str) -> list[str]:
    kinds = {character_class(c) for c in part}
    if kinds == {"D", "P"}:
        return []
    pieces = re.split("[.,\u066b\u066c]", part)
    return [word for piece in pieces if (word := _finish(piece))]


def _finish(word: str) -> str:
    classes = "".join(character_class(c) for c in word)
    if "L" not in classes:
        return word if re.fullmatch("D{2,4}", classes) else ""
    before, apostrophe, after = word.partition("'")
    if apostrophe and before in ELISIONS:
        word = after
    if len(word) > 2:
        word = word.removesuffix("'s")
    if len(word) > LONGEST_WORD or (len(word) == 1 and not "\uac00" <= word <= "\ud7a3"):
        return ""
    classes = "".join(character_class(c) for c in word)
    if len(word) >= 8 and len(re.findall("(?=LD|DL)", classes)) > 3:
        return ""
    return word[:-1] + "ς" if word.endswith("σ") else word


def tokenize(texts: Sequence[str]) -> list[list[str]]:
    """Cut texts into words natively; the same words as :func:`tokens_of` gives.

    Parameters
    ----------
    texts : sequence of str or Arrow array of strings
        Lone surrogates, which no encoding can hold, read as U+FFFD: a separator.

    Returns
    -------
    list of list of str

    Raises
    ------
    ParameterError
        For a bare string, or something in the sequence that is no string.

    Examples
    --------
    >>> tokenize(["Don't panic", ""])
    [["don't", 'panic'], []]
    """
    from isogloss import _native

    data, offsets = text_buffers(texts)
    out: list[list[str]] = _native.tokenize(data, offsets)
    return out


def text_buffers(texts: Any) -> Buffers:
    """Lay texts out as one run of UTF-8 bytes and the offsets of each, without a copy where it can.

    Parameters
    ----------
    texts : sequence of str or Arrow array (or chunked array) of strings

    Returns
    -------
    data : uint8 (bytes,)
    offsets : int64 (n + 1,)
        Text i is ``data[offsets[i]:offsets[i + 1]]``.

    Raises
    ------
    ParameterError
        For a bare string, a null, or something that is no string.

    Examples
    --------
    >>> data, offsets = text_buffers(["é", "ab"])
    >>> data.tolist(), offsets.tolist()
    ([195, 169, 97, 98], [0, 2, 4])
    """
    # Who holds an Arrow array has imported pyarrow; others need not wait for it.
    pa = sys.modules.get("pyarrow")
    if pa is None or not isinstance(texts, pa.Array | pa.ChunkedArray):
        return _lay_out(texts)
    array = texts
    if not pa.types.is_large_string(array.type):
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        known = ("string", "large_string", "string_view", "null")
        if str(kind) not in known:  # Arrow would write numbers and dates out as strings
            raise ParameterError(f"texts are {array.type}, not strings")
        array = array.cast(pa.large_string())
    if array.null_count:  # after the cast: a dictionary hides the nulls among its values
        raise ParameterError(
            f"texts hold {array.null_count} nulls: fill them with '' or drop their rows"
        )
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    _, starts, data = array.buffers()
    count = len(array)
    if count == 0 or starts is None:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(starts, np.int64)[array.offset : array.offset + count + 1]
    if data is None:
        return np.zeros(0, np.uint8), np.zeros(count + 1, np.int64)
    return np.frombuffer(data, np.uint8), offsets


def _lay_out(texts: Any) -> Buffers:
    if isinstance(texts, str | bytes):
        raise ParameterError("texts must be a list of strings, not one string: wrap it as [text]")
    items = list(texts)
    for row, text in enumerate(items):
        if not isinstance(text, str):
            raise ParameterError(
                f"texts[{row}] is {type(text).__name__}, not a string: drop it or give it as text"
            )
    try:
        parts = [text.encode() for text in items]
    except UnicodeEncodeError:
        parts = [re.sub("[\ud800-\udfff]", "\ufffd", text).encode() for text in items]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=offsets[1:])
    return np.frombuffer(b"".join(parts), np.uint8), offsets
