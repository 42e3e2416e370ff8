"""Signs that a game between encoder, generator and critic has failed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLLAPSED_WORDS = 0.5  # share of distinct words among the top ten of all topics
COLLAPSED_SHARE = 0.5  # of the largest entropy


class GameWarning(UserWarning):
    """The game ended in a state that gives no good topics."""


@dataclass(frozen=True, slots=True)
class GameSigns:
    """Signs of a game that failed.

    Parameters
    ----------
    distinct_words : float
        Share of distinct words among the ten best of all topics: low when the generator makes the
        same words for every topic (mode collapse).
    mean_entropy : float
        Entropy of the mean topic shares over documents, as a share of the largest, ln k: near 0
        when the encoder sends all documents to one topic.
    document_entropy : float
        Mean entropy of a document's topic shares, as a share of ln k: near 1 when the encoder tells
        documents apart by nothing.
    distance : float
        The critic's last estimate of the distance between real and made pairs; about 0 when it has
        nothing more to say.

    Examples
    --------
    >>> GameSigns(0.9, 0.98, 0.4, 0.002).complaints()
    []
    >>> GameSigns(0.1, 0.98, 0.99, 0.002).complaints()[0]
    'topics share their words (10% of them are distinct): mode collapse'
    """

    distinct_words: float
    mean_entropy: float
    document_entropy: float
    distance: float

    def complaints(self) -> list[str]:
        """Say what went wrong, one sentence a sign."""
        said = []
        if self.distinct_words < COLLAPSED_WORDS:
            share = f"{100 * self.distinct_words:.0f}%"
            said.append(f"topics share their words ({share} of them are distinct): mode collapse")
        if self.mean_entropy < COLLAPSED_SHARE:
            said.append(
                f"few topics take all documents (entropy of the mean {self.mean_entropy:.2f} of "
                "the largest): the encoder is saturated"
            )
        if self.document_entropy > 0.9:
            said.append(
                f"documents are spread over all topics (entropy {self.document_entropy:.2f} of the "
                "largest): the encoder has not learned, give more steps"
            )
        return said


def signs_of(shares: NDArray[Any], best: NDArray[Any], words: int, distance: float) -> GameSigns:
    """Measure the signs.

    Parameters
    ----------
    shares : float (n, k)
        Topic shares of the documents.
    best : int (k, t)
        The best words of each topic.
    words : int
        Words of the vocabulary.
    distance : float
        The critic's last estimate.
    """
    largest = max(float(np.log(shares.shape[1])), 1e-12)

    def entropy(rows: NDArray[Any]) -> Any:
        safe = np.where(rows > 0, rows, 1.0)
        return -(safe * np.log(safe)).sum(axis=-1) / largest

    return GameSigns(
        distinct_words=len(np.unique(best)) / min(best.size, words),
        mean_entropy=float(entropy(shares.mean(axis=0))),
        document_entropy=float(entropy(shares).mean()),
        distance=float(distance),
    )
