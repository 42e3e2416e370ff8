"""Whole words for topics in scripts that are written without spaces.

The tokeniser cuts Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar into overlapping pairs of
characters: enough to count by, but no words to show. Here a pair grows by the character that
follows, or goes before, in most of its places, as long as there is one: what a pair cannot be told
without belongs to it. Then ends that are joined loosely fall off (normalised pointwise mutual
information, Bouma 2009): particles go with everything. No dictionary is asked, so names and new
words are found as well.

Where the script lets no word begin or end, none is cut: before a vowel that hangs on the letter
before it or a silent letter, after a vowel that stands before its consonant or in closed syllables
(Thai, Lao), between two letters of Katakana; and a letter keeps its marks. Hiragana alone is
grammar rather than a word, and begins none beside other scripts.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.text.characters import character_class
from isogloss.text.tokens import tokenize
from isogloss.topics.keywords import Keywords
from isogloss.topics.phrases import phrase_npmi
from isogloss.topics.word_ends import (
    clusters_of,
    is_hiragana,
    never_parted,
    script,
    without_kana_before,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from isogloss.topics.keyword_rules import KeywordRule
    from isogloss.topics.topic_counts import TopicCounts

__all__ = ["WholeWords", "clusters_of", "holding", "shown_keywords", "without_spaces"]

Ids = NDArray[np.int64]
# Keywords to ask a rule for, for each that is shown: several pairs grow into one word.
PIECES = 4
# A word has so many characters at most, and so many where no cut is possible before.
LONGEST, LONGEST_RUN = 12, 24
# A character of another script is added only where it stands beside so many of the places: the
# particles of Japanese are Hiragana behind words that are not.
OTHER_SCRIPT = 0.8


def without_spaces(word: str) -> bool:
    """Tell whether a token is made of letters of a script without spaces.

    Examples
    --------
    >>> without_spaces("東京"), without_spaces("हिन्दी"), without_spaces("tokyo")
    (True, False, False)
    """
    return bool(word) and character_class(word[0]) == "U"


class _Neighbour(NamedTuple):
    """A pair beside the places of a word: its number, how often it stands there, its new letter."""

    token: int = -1
    times: int = 0
    letter: str = ""


def _ends_open(letters: list[str]) -> bool:
    return never_parted("", letters[0]) or never_parted(letters[-1], "")


class WholeWords:
    """Grows pairs of characters into words, by the texts in which they stand.

    Parameters
    ----------
    texts : sequence of str
        A sample of the passages; what stands nowhere in it stays as it is.
    share : float, default 0.5
        A character is added when it stands beside so many of the places, in [0.5, 1].
    joined : float, default 0.2
        Two characters that are less joined than this make no word and no end of one; in [-1, 1].

    Examples
    --------
    >>> texts = ["東京オリンピックの予算", "オリンピック選手が東京へ", "京都のオリンピック"]
    >>> WholeWords(texts).grown("ンピ")
    'オリンピック'
    >>> WholeWords(texts).grown("東京")
    '東京'
    """

    def __init__(self, texts: Sequence[str], *, share: float = 0.5, joined: float = 0.2) -> None:
        self.share, self.joined = share, joined
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        parts: list[int] = []
        for tokens in tokenize(texts):
            parts.extend(self._number(token) for token in tokens)
            parts.append(-1)  # nothing grows beyond its text
        self._flat = np.array([-1, *parts, -1], dtype=np.int64)
        self._order = np.argsort(self._flat, kind="stable")
        self._sorted = self._flat[self._order]
        self._grown: dict[str, str] = {}
        self._count_letters()

    def _count_letters(self) -> None:
        """Count how often each letter begins and ends a pair."""
        self._times = np.bincount(self._flat[self._flat >= 0], minlength=len(self._names))
        self._starts: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        for name, times in zip(self._names, self._times.tolist(), strict=True):
            letters = clusters_of(name)
            self._starts[letters[0]] = self._starts.get(letters[0], 0) + times
            self._ends[letters[-1]] = self._ends.get(letters[-1], 0) + times

    def _number(self, token: str) -> int:
        if not without_spaces(token):
            return -1
        number = self._numbers.get(token)
        if number is None:
            number = self._numbers[token] = len(self._names)
            self._names.append(token)
        return number

    def grown(self, pair: str) -> str:
        """Give the word that a pair of characters stands in, mostly; the pair itself if in none.

        Parameters
        ----------
        pair : str
            A token; one of a script with spaces is returned as it is.

        Returns
        -------
        str
            Empty for a pair that is no word: its letters stand together by chance, or the words
            that it is cut out of are too many.
        """
        if pair not in self._grown:
            letters = clusters_of(pair)
            if pair in self._numbers and len(letters) == 2:
                letters = self._trimmed(self._grow(pair, held=self.share))
            elif without_spaces(pair) and _ends_open(letters):
                letters = []
            self._grown[pair] = "".join(letters)
        return self._grown[pair]

    def _trimmed(self, letters: list[str]) -> list[str]:
        """Take loose letters from both ends; nothing is left of a loose pair."""
        while len(letters) > 1 and not self._holds(letters[0], letters[1]):
            letters = letters[1:]
        while len(letters) > 1 and not self._holds(letters[-2], letters[-1]):
            letters = letters[:-1]
        letters = without_kana_before(letters) if len(letters) > 1 else []
        if len(letters) == 2 and not self._tight(*letters):
            return []  # a consonant and its vowel are a word only where they are more than chance
        return letters if len(letters) > 1 else []

    def _holds(self, one: str, other: str) -> bool:
        return never_parted(one, other) or self._tight(one, other)

    def _tight(self, one: str, other: str) -> bool:
        both, total = self._times[self._numbers[one + other]], int(self._times.sum())
        value = phrase_npmi(both, self._starts[one], self._ends[other], total)
        return float(value) >= self.joined

    def _grow(self, pair: str, *, held: float) -> list[str]:
        number = self._numbers[pair]
        first, last = np.searchsorted(self._sorted, [number, number + 1])
        left = right = self._order[first:last]
        word = clusters_of(pair)
        while len(word) < LONGEST_RUN:
            before = self._beside(left - 1, word[0], -1, held, full=len(word) >= LONGEST)
            after = self._beside(right + 1, word[-1], 0, held, full=len(word) >= LONGEST)
            if not before.times and not after.times:
                break
            if after.times >= before.times:
                word.append(after.letter)
                kept = self._flat[right + 1] == after.token
                left, right = left[kept], right[kept] + 1
            else:
                word.insert(0, before.letter)
                kept = self._flat[left - 1] == before.token
                left, right = left[kept] - 1, right[kept]
        return self._closed(word, left, right)

    def _closed(self, word: list[str], left: Ids, right: Ids) -> list[str]:
        """Take letters from an end at which most places cannot be cut, up to where they can."""
        while len(word) > 1:
            before = self._shut(left - 1, word[0], -1) | never_parted("", word[0])
            after = self._shut(right + 1, word[-1], 0) | never_parted(word[-1], "")
            most = max(before.mean(), after.mean())
            if most <= 0.5 and not (before | after).all():
                return word
            cuts = [
                at
                for at, (one, other) in enumerate(pairwise(word), start=1)
                if not never_parted(one, other)
            ]
            if not cuts:
                break
            if before.mean() > after.mean():
                word, left = word[cuts[0] :], left + cuts[0]
            else:
                word, right = word[: cuts[-1]], right - (len(word) - cuts[-1])
        return []

    def _shut(self, places: Ids, end: str, shared: int) -> NDArray[np.bool_]:
        """Tell at which places the script lets no word end beside this end: bool (places,)."""
        tokens, where = np.unique(self._flat[places], return_inverse=True)
        pairs = [clusters_of(self._names[token]) if token >= 0 else [] for token in tokens]
        shut = [len(pair) == 2 and pair[shared] == end and never_parted(*pair) for pair in pairs]
        return np.asarray(np.array(shut)[where], dtype=np.bool_)

    def _beside(
        self, places: Ids, end: str, shared: int, held: float, *, full: bool
    ) -> "_Neighbour":
        """Give the commonest token at these places, if it stands at enough of them.

        It shares its first letter (0) or its last (-1) with the end of the word. Of what cannot be
        parted from it the share `held` is enough; a full word takes nothing else.
        """
        tokens = self._flat[places]
        found, times = np.unique(tokens[tokens >= 0], return_counts=True)
        if not len(found):
            return _Neighbour()
        best = int(np.argmax(times))
        letters = clusters_of(self._names[found[best]])
        if len(letters) < 2 or letters[shared] != end:
            return _Neighbour()
        other = letters[-1 - shared]
        if never_parted(*letters):
            least = held * len(places)
        else:
            share = self.share if script(other) == script(end) else OTHER_SCRIPT
            least = np.inf if full else max(2, share * len(places))
        if times[best] < least:
            return _Neighbour()
        return _Neighbour(int(found[best]), int(times[best]), other)

    def keywords(self, topic: Keywords, *, n: int) -> Keywords:
        """Give a topic whole words in place of pairs, each once, up to n.

        A word that is part of one before it, or holds it, is left out; so are single letters where
        there are words, and Hiragana alone where there is anything else.

        Parameters
        ----------
        topic : Keywords
            More than n, since several pairs grow into one word.
        n : int

        Returns
        -------
        Keywords

        Examples
        --------
        >>> texts = ["オリンピックの予算", "オリンピック選手", "選手の予算"]
        >>> WholeWords(texts).keywords(Keywords(["ピッ", "選手", "ック"], [0.9, 0.8, 0.7]), n=2)
        Keywords(words=['オリンピック', '選手'], scores=[0.9, 0.8])
        """
        words: dict[str, float] = {}
        single: dict[str, float] = {}
        hiragana: dict[str, float] = {}
        for word, score in zip(topic.words, topic.scores, strict=True):
            whole = self.grown(word)
            kind = words
            if without_spaces(whole):
                letters = clusters_of(whole)
                if all(map(is_hiragana, letters)):
                    kind = hiragana
                elif len(letters) == 1:
                    kind = single
                fresh = not any(whole in one or one in whole for one in kind)
            else:
                fresh = whole != "" and whole not in words
            if fresh:
                kind[whole] = score
        kept = list((words or single or hiragana or self._commonest(topic)).items())[:n]
        return Keywords([word for word, _ in kept], [score for _, score in kept])

    def _commonest(self, topic: Keywords) -> dict[str, float]:
        """Give the commonest word that the first pair which has one is cut out of."""
        for pair, score in zip(topic.words, topic.scores, strict=True):
            if pair in self._numbers and len(clusters_of(pair)) == 2:
                word = self._trimmed(self._grow(pair, held=0.0))
                if word:
                    return {"".join(word): score}
        return {}


def shown_keywords(
    rule: "KeywordRule",
    topics: "TopicCounts",
    texts: Callable[[], Sequence[str]],
    *,
    n: int = 10,
) -> list[Keywords]:
    """Give topics the keywords of a rule, whole words where the script has no spaces.

    Parameters
    ----------
    rule : KeywordRule
    topics : TopicCounts
        `passages` is read twice where there are such words.
    texts : callable
        Gives a sample of the passages; called only where there are such words.
    n : int

    Returns
    -------
    list of Keywords
    """
    found = rule(topics, n=n)
    if not any(without_spaces(word) for topic in found for word in topic.words):
        return found
    whole = WholeWords(texts())
    more = rule(topics, n=PIECES * n)
    return [
        whole.keywords(many, n=n) if any(map(without_spaces, few.words)) else few
        for few, many in zip(found, more, strict=True)
    ]


def holding(counts: "csr_matrix", vocabulary: Sequence[str], words: Sequence[str]) -> "csr_matrix":
    """Tell which passages hold whole words, by the pairs of letters that they are made of.

    Parameters
    ----------
    counts : csr (n, v)
        Words of passages, as the tokeniser cuts them.
    vocabulary : list of str (v,)
    words : list of str
        Of scripts without spaces.

    Returns
    -------
    csr float32 (n, len(words))
        1 where a passage holds all pairs of the word that the vocabulary has, one at least.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> counts = csr_matrix(np.array([[2, 1], [1, 0]]))
    >>> holding(counts, ["東京", "京都"], ["東京都"]).toarray().tolist()
    [[1.0], [0.0]]
    """
    from scipy.sparse import csr_matrix

    row = {word: at for at, word in enumerate(vocabulary)}
    needed = np.zeros(len(words), dtype=np.int64)
    cells: list[tuple[int, int]] = []
    for column, word in enumerate(words):
        pairs = {one + other for one, other in pairwise(clusters_of(word))}
        known = sorted(row[pair] for pair in pairs if pair in row)
        needed[column] = len(known)
        cells += [(at, column) for at in known]
    places: Any = np.array(cells, dtype=np.int64).reshape(-1, 2).T
    made_of = csr_matrix(
        (np.ones(len(cells)), (places[0], places[1])), shape=(len(vocabulary), len(words))
    )
    found = csr_matrix(counts > 0, dtype=np.float64) @ made_of
    found = found.tocsr()
    found.data = (found.data == needed[found.indices]).astype(np.float32)
    found.eliminate_zeros()
    return csr_matrix(found, dtype=np.float32)
