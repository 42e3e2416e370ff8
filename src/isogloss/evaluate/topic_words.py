"""The words of topics, ranked as far down as a model ranks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

if TYPE_CHECKING:
    from isogloss.topics.result import TopicResult

__all__ = ["TopicWords"]

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False, slots=True)
class TopicWords:
    """Each topic's words, best first, as far down as the model ranks them.

    Parameters
    ----------
    vocabulary : tuple of str
    ranks : tuple of int32 arrays
        For each topic the places of its words in the vocabulary, best first. A word that is not
        there stands below all that are.
    frequency : int64 (v,) or None
        Documents that hold each word.

    Examples
    --------
    >>> words = TopicWords.of_lists([["cat", "dog"], ["moon", "cat"]])
    >>> words.top(1, 2)
    ['moon', 'cat']
    """

    vocabulary: tuple[str, ...]
    ranks: tuple[Ids, ...]
    frequency: NDArray[np.int64] | None = None

    @classmethod
    def of_lists(
        cls, lists: Sequence[Sequence[str]], *, frequency: Mapping[str, int] | None = None
    ) -> "TopicWords":
        """Take ranked lists of words; a word without a frequency has 0."""
        place: dict[str, int] = {}
        ranks = []
        for words in lists:
            row = [place.setdefault(word, len(place)) for word in dict.fromkeys(words)]
            ranks.append(np.array(row, dtype=np.int32))
        known = None
        if frequency is not None:
            known = np.array([frequency.get(word, 0) for word in place], dtype=np.int64)
        return cls(tuple(place), tuple(ranks), known)

    @classmethod
    def of_weights(
        cls,
        weights: Any,
        vocabulary: Sequence[str],
        *,
        keywords: Sequence[Sequence[str]] | None = None,
        frequency: NDArray[np.integer[Any]] | None = None,
    ) -> "TopicWords":
        """Rank the words of each topic by falling weight, after its keywords where given.

        Parameters
        ----------
        weights : CSR (t, v)
            Words of weight 0 or less are not ranked.
        vocabulary : sequence of str (v,)
        keywords : sequence of sequence of str, optional
            What is shown of each topic, best first; words outside the vocabulary are an error.
        frequency : int (v,), optional
            Documents that hold each word.
        """
        rows = weights.tocsr()
        if rows.shape[1] != len(vocabulary):
            raise ParameterError(
                f"weights have {rows.shape[1]} columns, the vocabulary {len(vocabulary)} words"
            )
        place = {word: column for column, word in enumerate(vocabulary)} if keywords else {}
        ranks = []
        for topic, (start, end) in enumerate(zip(rows.indptr, rows.indptr[1:], strict=False)):
            ids, worth = rows.indices[start:end], rows.data[start:end]
            ids, worth = ids[worth > 0], worth[worth > 0]
            found = ids[np.lexsort((ids, -worth))].astype(np.int32)
            if keywords is not None:
                shown = _places(keywords[topic], place, topic)
                found = np.concatenate([shown, found[~np.isin(found, shown)]])
            ranks.append(found)
        known = None if frequency is None else np.asarray(frequency, dtype=np.int64)
        return cls(tuple(vocabulary), tuple(ranks), known)

    @classmethod
    def of_result(
        cls, result: "TopicResult", *, frequency: NDArray[np.integer[Any]] | None = None
    ) -> "TopicWords":
        """Take a topic model's result: its keywords, then its other words by weight.

        Parameters
        ----------
        result : TopicResult
        frequency : int (v,), optional
            Documents that hold each word of the result's vocabulary.
        """
        if result.topic_word is None:
            if frequency is not None:
                raise ParameterError("frequency needs a result with topic_word and vocabulary")
            return cls.of_lists(result.keywords)
        return cls.of_weights(
            result.topic_word, result.vocabulary, keywords=result.keywords, frequency=frequency
        )

    def __len__(self) -> int:
        return len(self.ranks)

    def top(self, topic: int, n: int) -> list[str]:
        """Give the n best words of a topic; fewer where it has fewer."""
        return [self.vocabulary[place] for place in self.ranks[topic][:n]]


def _places(words: Sequence[str], place: Mapping[str, int], topic: int) -> Ids:
    absent = [word for word in words if word not in place]
    if absent:
        raise ParameterError(
            f"keyword {absent[0]!r} of topic {topic} is not in the vocabulary: give the "
            "vocabulary that the weights belong to"
        )
    return np.array([place[word] for word in dict.fromkeys(words)], dtype=np.int32)
