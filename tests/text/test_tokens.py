"""Words of texts: every rule by hand, and the native scanner against the plain one."""

import unicodedata

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isogloss import _native
from isogloss.text import tokenize, tokens_of
from isogloss.text.characters import (
    ELISIONS,
    LONGEST_WORD,
    TAGS,
    character_class,
    compose,
    fold,
)

UNHURRIED = settings(deadline=None)  # machines may be busy
SAME_UNICODE = unicodedata.unidata_version == _native.UNICODE_VERSION
A39, A40, A41 = ("ab" * 21)[:39], "ab" * 20, "ab" * 20 + "c"
# What a text gives, by the rule (of the docstring of isogloss.text.tokens) that it shows.
RULES = {
    # 1. addresses, mails, tags, entities
    "see http://a.org/b?c=d&e=f#g now": "see now",
    "HTTPS://A.ORG FTP://b.org/x www.C.de end": "end",
    "xhttp://a.org": "xhttp org",  # an address starts a word
    "x:http://aa.org yes": "yes",
    "http:/aa.org httpx://bb.org": "http aa org httpx bb org",
    "at http://a.org/ünder": "at ünder",  # addresses are ASCII
    "(http://aa.org/bb)cc": "",  # a bracket may stand in an address
    '"http://aa.org"quoted <http://aa.org>angle': "quoted angle",
    "awww.site awww.b.c": "awww site awww",
    "mail first.last+tag@mail.example.org, please": "mail please",
    "_under@site.org tail": "tail",
    "no@ mail @user a@-b": "no mail user",
    "me@home.de.": "",
    "aa<br>bb<BR/>cc</p>dd<a href='x'>ee</a>": "aa bb cc dd ee",
    "aa<p\nclass=x>bb<!-- note -->cc<!DOCTYPE html>dd<!doctype>ee": "aa bb cc dd ee",
    "aa <b bb <i>cc": "aa bb cc",  # an open bracket that another follows is none
    "if xx <yy> zz": "if xx yy zz",  # no element of HTML
    "vector<www.aa.org> list<http://bb.org>cc map<me@aa.org>dd": "vector list cc map dd",
    "<foo&amp;bar&#39;s>": "foo bar",
    "less<b": "less",
    "<table1>xx <h1>yy <h7>zz": "table1 xx yy h7 zz",
    "aa&amp;bb&nbsp;cc&#160;dd&#xA0;ee": "aa bb cc dd ee",
    "don&#39;t don&#039;t don&#x27;t don&apos;t don&rsquo;t don&#8217;t don&#x2019;t don#39;t": (
        " ".join(["don't"] * 8)
    ),
    "aa&bb; aa&b; aa&toolongname; aa&#12345678; aa&#x1234567;": (
        "aa aa aa toolongname aa aa x1234567"
    ),
    # 2. folding
    "ﬁne ＦＵＬＬ ① ㎏ ½ Ⅷ": "fine full kg viii",
    "CAFÉ cafe\u0301 CAFE\u0301": "café café café",
    "Straße STRASSE naïve": "straße strasse naïve",
    "Vie\u0323\u0302t Việt": "việt việt",
    "co\u00adop ze\u200bro jo\u200din le\u200eft bo\u2060om": "coop ze ro join left boom",
    "he\ufe0fart \ufeffmark": "heart mark",
    "İstanbul I\u0307stanbul IRMAK ırmak": "istanbul istanbul irmak ırmak",
    "ΟΔΟΣ οδος ὀδός ΣΣ σς": "οδος οδος ὀδός σς σς",
    "ΟΔΟΣ'S": "οδος",
    "كِتَابٌ كتاب كتـــاب": "كتاب كتاب كتاب",
    "שָׁלוֹם שלום": "שלום שלום",
    "हिन्दी में कि़ताब": "हिन्दी में कि़ताब",
    "বাংলা ক\u09c7\u09be ক\u09cb": "বাংলা কো কো",
    "한국어 \u1112\u1161\u11ab\u1100\u116e\u11a8 한 ㅎ": "한국어 한국 한",
    # 3. runs, apostrophes, hyphens, underscores
    "don't DON’T rock'n'roll o'clock": "don't don't rock'n'roll o'clock",
    "l'homme L’Homme d'eau qu'il dell'arte aujourd'hui": ("homme homme eau il arte aujourd'hui"),
    "d'l'eau": "l'eau",  # one elision a word
    "Anna's dogs' James's it's s's": "anna dogs james it",
    "'quoted' ''double'' o''two": "quoted double two",
    "col·lecció l·l": "col·lecció l·l",
    "7's 90's a'9 b2'c3": "90 b2 c3",
    "well-known state-of-the-art": "well known state of the art",
    "x-ray e-mail t-shirt vitamin-c a-b-c": "x-ray e-mail t-shirt vitamin-c a-b-c",
    "x‐ray x‑ray x–ray": "x-ray x-ray ray",  # dashes are no hyphens
    "-lead trail- dou--ble": "lead trail dou ble",
    "snake_case __init__ _x_": "snake case init",
    "one.two one,two a.b.c": "one two one two",
    "covid-19 mp3 3d 2nd b2b": "covid 19 mp3 3d 2nd b2b",
    "a4-size 4-bit": "a4 size bit",
    # 4. scripts without spaces
    "東京都 京": "東京 京都 京",
    "東京tower都": "東京 tower 都",
    "カタカナ ｶﾞｶﾞ が か\u3099": "カタ タカ カナ ガガ が が",
    "ภาษาไทย": "ภา าษ ษา าไ ไท ทย",
    "กี่ที่": "กี่ที่",
    "東-京": "東 京",
    "東1京": "東 京",
    "\u301cあ\u3099": "あ\u3099",
    # 5. no words
    "a b 7 é я ह": "",
    "12 345 1993 12345 1 007": "12 345 1993 007",
    "1,000 3.14 192.168.0.1 1.000,50 10'000 1٬000": "10 000",
    "٣٤٥ ४५६": "٣٤٥ ४५६",
    "50% $30 x1.5": "50 30 x1",
    f"{A39} {A40} {A41}": f"{A39} {A40}",
    "a1b2c3d4 a1b2c3d ab12cd34 ab1cd2ef ab12cd34ef5": "a1b2c3d ab12cd34",
    "rock🎸roll 🚀 ❤️ 👨\u200d👩\u200d👧 a™b": "rock roll atmb",
    "aa+bb aa=bb aa/bb aa\x00bb aa\u2028bb aa\ufffdbb": " ".join(["aa bb"] * 6),
    "\u0301abc a\u0488bc": "abc a\u0488bc",
    "": "",
    " \t\n": "",
}
# Pieces that meet badly: halves of markup, joiners of every kind, marks, folds of many characters.
PIECES = [
    "<b", "</", "<", ">", "<b>", "<i x='", "<foo>", "<foo ", "/>", "<!--", "-->", "<!doctype",
    "<!", "&", "&amp", "&amp;", "&apos;", "&#39", "&#39;", "#39;", "&#x", "&#x2019;", ";", "#",
    "http://", "https://", "ftp://", "www.", "HtTp:", "://", "@", "a@b", ".", ",", "..", "%", "+",
    "'", "'s", "’", "’s", "·", "l'", "qu’", "dell'", "-", "‐", "x-", "-y", "_", " ", "\n", "\t",
    "\x00", "a", "b", "S", "word", "σ", "Σ", "ς", "1", "12", "2024", "٣", "½", "²", "Ⅷ", "㎏",
    "\u0301", "\u0323", "\u0307", "\u0338", "\u0345", "\u093c", "\u093f", "\u09be", "\u09c7",
    "\u3099", "\u1161", "\u11a8", "\u1100", "가", "각", "İ", "ﬁ", "ﷺ", "\u0132", "\u01c4",
    "\u200d", "\u200c", "\u00ad", "\ufe0f", "\u064b", "\u0640", "\u0651", "🎸", "👩", "東", "京",
    "ท", "ี่", "カ", "ｶ", "ﾞ", "々", "〇", "ก", "ກ", "ក", "က", "𝒜", "𠀀", "\U0001d15e", "\ufffd",
    "a1", "b2c3", "ab" * 19, "\u2126", "\u212b", "\u1e9b", "\u1fbf", "\u00b4", "\u037a", "é", "e",
]  # fmt: skip


def known(character):
    """Tell whether the native tables and this Python must agree on a character."""
    return SAME_UNICODE or unicodedata.ucd_3_2_0.category(character) not in ("Cn", "Co")


LETTERS = st.characters(exclude_categories=["Cs"]).filter(known)
ALPHABETS = {
    "Devanagari": (0x900, 0x97F), "Bengali": (0x980, 0x9FF), "Arabic": (0x600, 0x6FF),
    "Hebrew": (0x590, 0x5FF), "Thai": (0xE00, 0xE7F), "Greek": (0x370, 0x3FF),
    "Extended Greek": (0x1F00, 0x1FFF), "Hangul": (0x1100, 0x11FF), "Kana": (0x3040, 0x30FF),
    "Vietnamese": (0x1EA0, 0x1EFF), "marks": (0x300, 0x36F), "ASCII": (0, 127),
    "forms": (0xFB00, 0xFEFF), "punctuation": (0x2000, 0x206F), "letters": (0x80, 0x24F),
    "enclosed": (0x2460, 0x24FF), "supplementary": (0x10000, 0x3FFFF), "tags": (0xE0000, 0xE01FF),
}  # fmt: skip
ONE = st.one_of(
    st.sampled_from(PIECES),
    LETTERS,
    *(
        st.characters(min_codepoint=low, max_codepoint=high).filter(known)
        for low, high in ALPHABETS.values()
    ),
)
SURROGATE = st.integers(0xD800, 0xDFFF).map(chr)
HOSTILE = st.lists(ONE, max_size=30).map("".join)


def same_words(texts):
    """Hold the native words against the plain ones; give them."""
    native = tokenize(texts)
    for text, words in zip(texts, native, strict=True):
        assert words == tokens_of(text), ascii(text)
    return native


def every_character():
    """Give the characters that have a meaning, a sixteenth of the long uniform ranges."""
    long = ((0x3400, 0xD7A3), (0xE000, 0xF8FF), (0x17000, 0x18CFF), (0x20000, 0x3FFFF))
    for code in range(0x40000):
        if any(low <= code <= high for low, high in long) and code % 16:
            continue
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs") and known(chr(code)):
            yield chr(code)


@pytest.mark.parametrize("text", RULES)
def test_rules_by_hand(text):
    assert tokens_of(text) == RULES[text].split()
    assert tokenize([text]) == [RULES[text].split()]


@pytest.mark.parametrize("tag", sorted(TAGS))
def test_every_tag_is_left_out(tag):
    text = f"before<{tag}>in</{tag}>after <{tag.upper()} x=y> end"
    assert same_words([text]) == [["before", "in", "after", "end"]]


@pytest.mark.parametrize("word", sorted(ELISIONS))
def test_every_elision_falls_off(word):
    assert same_words([f"{word}'ombre {word.upper()}’Ombre"]) == [["ombre", "ombre"]]


def test_a_tag_may_hold_a_thousand_characters():
    inside = "é" * 999
    words = same_words([f"aa <b {inside}> bb", f"aa <b {inside}e> bb", f"<!--{inside}e> bb"])
    assert words[0] == ["aa", "bb"]  # a space and 999: left out
    assert words[1] == ["aa", "bb"]  # no tag, but no word either: too long, and b alone
    assert words[2] == ["bb"]
    words = same_words([f"<b {'yy ' * 333}> bb", f"<b {'yy ' * 333}y> bb"])
    assert [len(found) for found in words] == [1, 334]


@given(HOSTILE)
@settings(max_examples=600, deadline=None)
@example("<b>" + "<foo " * 3 + "a@b>")
@example("a.b@-c.d@e f")
def test_native_words_are_the_plain_ones(text):
    same_words([text])


@UNHURRIED
@given(st.lists(st.one_of(ONE, SURROGATE), max_size=20).map("".join))
def test_lone_surrogates_part_words(text):
    plain = "".join("\ufffd" if "\ud800" <= one <= "\udfff" else one for one in text)
    assert tokenize([text]) == tokenize([plain]) == [tokens_of(text)]


def test_a_surrogate_is_one_character():
    text = "<b inside" + "\ud800" * 900 + "> tail"  # near the longest tag
    assert tokens_of(text) == ["tail"]
    assert tokenize([text]) == [["tail"]]


@UNHURRIED
@given(st.lists(HOSTILE, max_size=6))
def test_a_text_is_cut_alone(texts):
    assert tokenize(texts) == [words for text in texts for words in tokenize([text])]


@UNHURRIED
@given(HOSTILE, HOSTILE)
def test_words_of_lines_are_those_of_each_line(one, two):
    if "<" not in one:  # a tag may go over the end of a line
        assert tokenize([f"{one}\n{two}"])[0] == tokenize([one])[0] + tokenize([two])[0]


@UNHURRIED
@given(HOSTILE)
def test_a_word_is_itself_when_cut_again(text):
    for word in tokenize([text])[0]:
        assert 0 < len(word) <= LONGEST_WORD
        if character_class(word[0]) != "U" and "'" not in word:
            assert tokenize([word])[0] == [word]


def test_every_character_natively_and_plainly():
    texts = [f"ab{c}cd {c} 1{c}2 東{c}京" for c in every_character()]
    assert len(texts) > 30_000
    same_words(texts)


def test_folding_twice_changes_nothing():
    for character in every_character():
        folded = fold(character)
        assert all(fold(one) == one for one in folded), ascii(character)


def test_decomposed_letters_give_the_same_words():
    characters = [c for c in every_character() if unicodedata.decomposition(c)]
    characters += [chr(code) for code in range(0xAC00, 0xD7A4, 7)]
    whole = [f"ab{c}cd {c}" for c in characters]
    parts = [unicodedata.normalize("NFD", text) for text in whole]
    assert sum(a != b for a, b in zip(whole, parts, strict=True)) > 2000
    for text, expected, found in zip(whole, same_words(whole), same_words(parts), strict=True):
        assert found == expected, ascii(text)


@pytest.mark.parametrize(
    "first, second, both",
    [
        ("e", "\u0301", "é"), ("\u1112", "\u1161", "하"), ("하", "\u11ab", "한"),
        ("\u09c7", "\u09be", "\u09cb"), ("か", "\u3099", "が"), ("i", "\u0307", "i"),
        ("한", "\u11ab", ""), ("\u0915", "\u093c", ""), ("a", "b", ""), ("\u0308", "\u0301", ""),
    ],
)  # fmt: skip
def test_composition(first, second, both):
    assert compose(first, second) == both


@pytest.mark.parametrize(
    "kind, characters",
    {
        "L": "azéжयক한ⅷß",
        "D": "09٣४²Ⅷ"[:5],
        "M": "\u0301\u093f\u094d\u09be",
        "U": "東あカกກក々",
        "A": "'·",
        "H": "-",
        "P": ".,\u066b\u066c",
        "S": " _–—&<\x00🎸€\ufffd",
    }.items(),
)
def test_classes(kind, characters):
    if kind == "L":
        characters = characters.replace("ⅷ", "")  # folded to letters before it is asked for
    assert [character_class(one) for one in characters] == [kind] * len(characters)


@pytest.mark.data
@pytest.mark.parametrize(
    "file, column, rows",
    [
        ("bbc_news/data.parquet", "text", 150),
        ("newsgroups20/data.parquet", "text", 200),
        ("marathi_sentiment/data.parquet", "text", 1500),
        ("bengali_hate/v1.parquet", "text", 1500),
        ("shorttext_tweet/data.parquet", "text", 1000),
        ("moltbook_posts/data.parquet", "text", 500),
        ("sts_hi_mr/data.parquet", "text1", 1000),
    ],
)
def test_real_texts(data_dir, file, column, rows):
    table = pq.read_table(data_dir / file, columns=[column])
    texts = table[column].to_pylist()[:: max(1, len(table) // rows)]
    words = same_words(texts)
    assert sum(map(len, words)) > 2 * len(texts)
    assert tokenize(table[column].slice(3, 5)) == tokenize(table[column].to_pylist()[3:8])


# Runs of ASCII are found 64 bytes at a time, in windows of 32 KiB: pieces of such lengths, between
# all kinds of neighbours.
RUN = st.builds(
    lambda text, times: text * times,
    st.sampled_from(
        ["a", "Z", "7", "ab", "a1", " ", ".", "-", "'", "/", "_", "é", "東", "\0", "a "]
    ),
    st.sampled_from([1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 39, 40, 41, 62, 63, 64, 65, 127, 128, 129]),
)
NEIGHBOURS = st.sampled_from(
    [*(chr(code) for code in range(128)), "é", "\u0301", "\u0338", "\u00ad", "’", "www.", "WWW.",
     "http://x", "don't", "U.S.", "x-ray", "end.", "a@b.c", "...", "C#", "#39;", "&amp;", "R&D"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(NEIGHBOURS, RUN, ONE), max_size=40).map("".join))
@example("a" * 64)
@example("ab " * 21 + "a")
@example(" " * 63 + "word's")
@example("x" * 62 + " don't")
@example("don't$5 isn't&7 www.\x0ewww\x0e.")
@example("ab=\u0338cd <\u0338b> é")
def test_the_fast_path_cuts_the_plain_words(text):
    for start in (0, 1, 63):
        same_words([" " * start + text])


@pytest.mark.parametrize(
    "one", ["ab ", "a.b-", "don't ", "x", "é", "<b", "a@", "www.", "&", "$", "東"]
)
@pytest.mark.parametrize("size", [(1 << 15) - 1, 1 << 15, (1 << 15) + 1, 70_000])
def test_windows_cut_no_word(one, size):
    size = min(size, 40_000) if one == "a.b-" else size  # the plain rules take long
    text = (one * (size // len(one) + 1))[:size]
    same_words([text, f"lead {text} cd's <i class={text[:900]}>tail"])


def test_two_characters_of_ascii_and_what_stands_around_them():
    signs = [chr(code) for code in range(33, 127) if not chr(code).isalnum()] + ["\0", "\x7f", " "]
    texts = [f"aa{x}{y}bb{y}{x}3#39;{x}cc{y}" for x in signs for y in signs]
    same_words(texts)


@UNHURRIED
@given(st.lists(st.one_of(st.binary(max_size=90), RUN.map(str.encode)), max_size=12))
def test_words_do_not_depend_on_what_lies_behind_the_text(parts):
    data = b"".join(parts)
    offsets = np.array([0, len(data)], np.int64)
    alone = _native.tokenize(np.frombuffer(bytes(data), np.uint8), offsets)
    for behind in (b"a" * 70, b"\xcc\x81" * 40, b".com/x@y.z", b"\0" * 64):
        longer = np.frombuffer(data + behind, np.uint8)
        assert _native.tokenize(longer, offsets) == alone
    counted = _native.word_counts(np.frombuffer(bytes(data), np.uint8), offsets)
    assert counted.tolist() == [len(alone[0])]


@UNHURRIED
@given(st.lists(st.one_of(st.binary(max_size=6), st.sampled_from(PIECES).map(str.encode))))
def test_bytes_that_are_no_text_are_separators(parts):
    # Broken UTF-8 reaches the scanner from no reader of ours; it must not read out of bounds.
    data = b"".join(parts)
    words = _native.tokenize(np.frombuffer(data, np.uint8), np.array([0, len(data)], np.int64))[0]
    assert all(0 < len(word) <= LONGEST_WORD for word in words)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    assert words == tokens_of(text)
