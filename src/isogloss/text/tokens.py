"""Texts to tokens, in any script."""

import re
import unicodedata

# Vowel signs and other marks that Python's \w leaves out, for the scripts that need them.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a"
    "\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09d7\u09e2\u09e3"
    "\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75\u0a81-\u0a83\u0abc-\u0acd\u0ae2\u0ae3"
    "\u0b01-\u0b03\u0b3c-\u0b57\u0b62\u0b63\u0b82\u0bbe-\u0bd7\u0c00-\u0c04\u0c3c-\u0c56\u0c62"
    "\u0c63\u0c81-\u0c83\u0cbc-\u0cd6\u0ce2\u0ce3\u0d00-\u0d03\u0d3b-\u0d57\u0d62\u0d63"
    "\u0d81-\u0d83\u0dca-\u0ddf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\u3099\u309a"
    "\ufe20-\ufe2f"
)
# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han.
_UNSPACED = (
    "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109f\u1780-\u17d3\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
# A word may hold apostrophes and hyphens between letters: don't, well-known.
_WORD = re.compile(rf"{_LETTER}+(?:['\u2019]{_LETTER}+)*")
_URL = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\w+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&[a-zA-Z]{2,8};|&#[0-9]{1,6};")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")

LONGEST_TOKEN = 40


def tokenize(text: str) -> list[str]:
    r"""Split a text into tokens.

    Text is normalised (NFKC) and lower-cased. Tokens are runs of letters, digits and marks, with
    apostrophes inside; runs of scripts without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) give
    overlapping pairs of characters. Addresses (URLs, e-mail) and mark-up are left out, and so are
    tokens longer than 40 characters (hashes, encoded data).

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Examples
    --------
    >>> tokenize("Don't see <b>https://x.org/y</b> \u2014 \u0939\u093f\u0928\u094d\u0926\u0940!")
    ["don't", 'see', '\u0939\u093f\u0928\u094d\u0926\u0940']
    >>> tokenize("\u6771\u4eac\u90fd2020")
    ['\u6771\u4eac', '\u4eac\u90fd', '2020']
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    plain = plain.lower()
    if "://" in plain or "www." in plain or "@" in plain:
        plain = _URL.sub(" ", plain)
    if "<" in plain or "&" in plain:
        plain = _TAG.sub(" ", plain)
    words = _WORD.findall(plain)
    if plain.isascii():
        return [word for word in words if len(word) <= LONGEST_TOKEN]
    tokens: list[str] = []
    for word in words:
        if _UNSPACED_RUN.search(word):
            tokens.extend(_split_unspaced(word))
        elif len(word) <= LONGEST_TOKEN:
            tokens.append(word.replace("\u2019", "'"))
    return tokens


def _split_unspaced(word: str) -> list[str]:
    tokens: list[str] = []
    end = 0
    for run in _UNSPACED_RUN.finditer(word):
        if 0 < run.start() - end <= LONGEST_TOKEN:
            tokens.append(word[end : run.start()])
        text = run.group()
        tokens.extend([text] if len(text) == 1 else [text[i : i + 2] for i in range(len(text) - 1)])
        end = run.end()
    if 0 < len(word) - end <= LONGEST_TOKEN:
        tokens.append(word[end:])
    return tokens
