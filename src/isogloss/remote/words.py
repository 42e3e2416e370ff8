"""BM25 for servers that have none of ours: weights of words, made here and summed there.

S. Robertson, H. Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond. 2009. The part
of a document's weight that needs no other document is stored with it; how rare a word is comes
from the server's own counts when it is searched for.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isogloss.text.tokens import tokenize

K1 = 1.2
B = 0.75


@dataclass(slots=True)
class Lengths:
    """How long texts are, in words.

    Parameters
    ----------
    texts, words : int

    Examples
    --------
    >>> lengths = Lengths()
    >>> lengths.add(["a cat sat", "cats"])
    >>> lengths.average
    1.5
    """

    texts: int = 0
    words: int = 0

    def add(self, texts: Sequence[str]) -> None:
        """Count some texts."""
        self.texts += len(texts)
        self.words += sum(len(words) for words in tokenize(list(texts)))

    @property
    def average(self) -> float:
        """Words a text; 1 where there are none."""
        return self.words / self.texts if self.words else 1.0


def weights(texts: Sequence[str], average: float) -> list[dict[str, float]]:
    """Give for each text its words and the share of BM25 that is the document's own.

    Parameters
    ----------
    texts : sequence of str
    average : float
        Mean length of all texts, in words.

    Returns
    -------
    list of dict of str to float
        Words in order; each weight is below 1 + k1.

    Examples
    --------
    >>> weights(["cat cat dog"], 3.0)
    [{'cat': 1.375, 'dog': 1.0}]
    """
    found = []
    for words in tokenize(list(texts)):
        base = K1 * (1 - B + B * len(words) / average)
        counts = sorted(Counter(words).items())
        found.append({word: n * (K1 + 1) / (n + base) for word, n in counts})
    return found


def query_words(query: str) -> dict[str, int]:
    """Count the words of a query.

    Examples
    --------
    >>> query_words("cat, dog and cat!")
    {'and': 1, 'cat': 2, 'dog': 1}
    """
    [words] = tokenize([query])
    return dict(sorted(Counter(words).items()))


def rarity(texts: int, having: int) -> float:
    """Weigh a word by how few texts have it: Lucene's form, above 0.

    Examples
    --------
    >>> rarity(10, 10) < rarity(10, 1)
    True
    """
    return math.log((texts - having + 0.5) / (having + 0.5) + 1)


def word_number(word: str) -> int:
    """Give a word's number, for vectors that are indexed by numbers of 32 bits.

    Among 100,000 words about one pair shares its number; the two then count as one word.

    Examples
    --------
    >>> word_number("cat") == word_number("cat") != word_number("dog")
    True
    """
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def by_number(counts: Iterable[tuple[str, float]]) -> dict[int, float]:
    """Sum weights of words by their numbers, in the order of the numbers.

    Examples
    --------
    >>> len(by_number([("cat", 1.0), ("dog", 2.0)]))
    2
    """
    found: dict[int, float] = {}
    for word, weight in counts:
        found[word_number(word)] = found.get(word_number(word), 0.0) + weight
    return dict(sorted(found.items()))
