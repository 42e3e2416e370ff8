"""One function that says where a passage belongs, for training passages and new ones alike.

Leaves are normal distributions with one covariance (linear discriminant analysis), plus the
cosine of the passage's words to each leaf's words: linear scores, so that millions of rows are
cheap and nothing of the training set need be kept.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.threads import map_blocks, single_threaded_blas

# How far the covariance is drawn to a multiple of the identity.
SHRINKAGE = 0.2
# How much a word cosine of 1 adds to the log density.
WORD_SCALE = 30.0
# At most this share of the training passages may be left without a topic.
MOST_UNASSIGNED = 0.02
BLOCK = 2048
# Passages on which the temperature is set.
SAMPLE = 5000


@dataclass(frozen=True, eq=False)
class Assigner:
    """Linear scores of leaves, and the bounds below which a passage belongs nowhere.

    Parameters
    ----------
    weights : float32 (d, 2 l)
        Discriminants of the l leaves, then their unit centroids.
    bias : float32 (l,)
        Added to the discriminants.
    words : float32 (v, l)
        Unit TF-IDF centroids of the leaves; v = 0 when fitted without words.
    near : float32 (2, l)
        Mean cosine of the passages outside a leaf to its centroid: by vector, by words.
    floor : float32 ()
        A passage is left out when its words are no nearer to its leaf than ``near`` and its vector
        not by more than this, at most 0.
    temperature : float32 ()
        Divides the scores before they become probabilities.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    words: NDArray[np.float32]
    near: NDArray[np.float32]
    floor: NDArray[np.float32]
    temperature: NDArray[np.float32]

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return len(self.bias)

    @classmethod
    def fit(
        cls, vectors: NDArray[np.float32], words: Any, labels: NDArray[np.int32], count: int
    ) -> "Assigner":
        """Learn from passages with labels 0..count-1; passages with -1 are left out.

        Parameters
        ----------
        vectors : float32 (n, d)
            Unit rows.
        words : float32 CSR (n, v) or None
            Unit TF-IDF rows.
        labels : int32 (n,)
            Leaves.
        count : int
            Number of leaves, each with a member.
        """
        used = labels >= 0
        x, y = vectors[used].astype(np.float64), labels[used]
        sizes = np.bincount(y, minlength=count).astype(np.float64)
        with single_threaded_blas():
            members = sp.csr_matrix((np.ones(len(y)), (y, np.arange(len(y)))), (count, len(y)))
            sums = members @ x
            means = sums / sizes[:, None]
            for first in range(0, len(x), BLOCK):  # in place: x is large, and not needed again
                x[first : first + BLOCK] -= means[y[first : first + BLOCK]]
            spread = x.T @ x / max(1, len(y))
            d = x.shape[1]
            level = float(np.trace(spread)) / max(1, d)
            spread = (1.0 - SHRINKAGE) * spread
            spread[np.diag_indices(d)] += SHRINKAGE * level + 1e-4 / max(1, d)
            solved = np.linalg.solve(spread, means.T)
        bias = np.log(sizes / sizes.sum()) - 0.5 * (means * solved.T).sum(axis=1)
        centroids = _unit(sums).astype(np.float32)
        word_rows = np.zeros((0, count), dtype=np.float32)
        if words is not None:
            word_sums = (members @ words[used].astype(np.float64)).toarray()
            word_rows = np.ascontiguousarray(_unit(word_sums).T, dtype=np.float32)
        made = cls(
            weights=np.ascontiguousarray(np.hstack([solved, centroids.T]), dtype=np.float32),
            bias=bias.astype(np.float32),
            words=word_rows,
            near=np.full((2, count), -2.0, dtype=np.float32),
            floor=np.zeros((), dtype=np.float32),
            temperature=np.ones((), dtype=np.float32),
        )
        return made._calibrated(vectors, words, labels)

    def _calibrated(
        self, vectors: NDArray[np.float32], words: Any, labels: NDArray[np.int32]
    ) -> "Assigner":
        """Set the bounds of belonging nowhere, and the temperature."""
        count = self.leaves
        step = max(1, len(vectors) // SAMPLE)

        def measure(first: int) -> tuple[Any, ...]:
            block = slice(first, first + BLOCK)
            scores, dense, lexical = self._parts(vectors[block], _rows(words, block))
            choice = scores.argmax(axis=1)
            rows = np.arange(len(choice))
            ties = np.stack([dense[rows, choice], lexical[rows, choice]]).astype(np.float64)
            # Sums over a leaf's own passages are taken off: `near` speaks of the others only.
            foreign = np.stack(
                [
                    part.sum(axis=0, dtype=np.float64) - np.bincount(choice, tie, count)
                    for part, tie in zip((dense, lexical), ties, strict=True)
                ]
            )
            return choice, ties, foreign, scores[::step], labels[block][::step]

        parts = map_blocks(measure, range(0, len(vectors), BLOCK))
        chosen = np.concatenate([part[0] for part in parts])
        ties = np.concatenate([part[1] for part in parts], axis=1)
        foreign = np.sum([part[2] for part in parts], axis=0)
        others = len(chosen) - np.bincount(chosen, minlength=count)
        near = np.where(others > 0, foreign / np.maximum(others, 1), -2.0)
        excess = ties[0] - near[0, chosen]
        wordless = ties[1] <= near[1, chosen] if words is not None else np.ones(len(chosen), bool)
        excess = np.where(wordless, excess, np.inf)
        allowed = int(MOST_UNASSIGNED * len(excess))
        floor = min(0.0, float(np.partition(excess, allowed)[allowed]))
        return Assigner(
            weights=self.weights, bias=self.bias, words=self.words,
            near=near.astype(np.float32), floor=np.array(floor, dtype=np.float32),
            temperature=np.array(_temperature([part[3:] for part in parts]), dtype=np.float32),
        )  # fmt: skip

    def _parts(
        self, vectors: NDArray[np.float32], words: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Give scores, vector cosines and word cosines of one block, each float32 (b, l)."""
        count = self.leaves
        both = np.empty((len(vectors), 2 * count), dtype=np.float32)
        _native.dense_scores(np.ascontiguousarray(vectors), self.weights, both)
        lexical = np.zeros((len(vectors), count), dtype=np.float32)
        if words is not None and len(self.words):
            _native.sparse_scores(
                words.indptr.astype(np.int64), words.indices.astype(np.int32),
                words.data, self.words, lexical,
            )  # fmt: skip
        scores = both[:, :count] + self.bias + np.float32(WORD_SCALE) * lexical
        return scores, both[:, count:], lexical

    def __call__(
        self, vectors: NDArray[np.float32], words: Any
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Give the leaf of each passage and its probability of each leaf.

        Parameters
        ----------
        vectors : float32 (n, d)
            Unit or zero rows.
        words : float32 CSR (n, v) or None
            Unit TF-IDF rows.

        Returns
        -------
        labels : int32 (n,)
            -1 for passages that belong nowhere.
        shares : float32 (n, l)
            Rows sum to 1, or to 0 for passages that belong nowhere.
        """
        n = len(vectors)
        labels = np.full(n, -1, dtype=np.int32)
        shares = np.zeros((n, self.leaves), dtype=np.float32)
        if self.leaves == 0:
            return labels, shares

        def work(first: int) -> None:
            block = slice(first, min(n, first + BLOCK))
            labels[block], _, scores = self._choose(vectors[block], _rows(words, block))
            out = labels[block] < 0
            shares[block] = np.where(out[:, None], 0.0, _softmax(scores / self.temperature))

        map_blocks(work, range(0, n, BLOCK))
        return labels, shares

    def placed(
        self, vectors: NDArray[np.float32], words: Any
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Give the leaf of each passage, as a call does, and its cosine to the best centroid.

        Returns
        -------
        labels : int32 (n,)
            -1 for passages that belong nowhere.
        cosine : float32 (n,)
            As from `nearness`: to the leaf with the best score, also where the label is -1.
        """
        labels = np.full(len(vectors), -1, dtype=np.int32)
        cosine = np.zeros(len(vectors), dtype=np.float32)

        def work(first: int) -> None:
            block = slice(first, first + BLOCK)
            labels[block], cosine[block], _ = self._choose(vectors[block], _rows(words, block))

        if self.leaves:
            map_blocks(work, range(0, len(vectors), BLOCK))
        return labels, cosine

    def _choose(
        self, vectors: NDArray[np.float32], words: Any
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Give leaves of one block (-1: none), cosines to the best leaf's centroid, all scores."""
        scores, dense, lexical = self._parts(vectors, words)
        choice = scores.argmax(axis=1).astype(np.int32)
        rows = np.arange(len(choice))
        own_dense, own_words = dense[rows, choice], lexical[rows, choice]
        empty = (own_words == 0.0) & ~vectors.any(axis=1)
        far = (own_dense - self.near[0, choice] < self.floor) & (
            own_words <= self.near[1, choice] if len(self.words) else np.ones(len(choice), bool)
        )
        return np.where(empty | far, np.int32(-1), choice), own_dense, scores

    def nearness(
        self, vectors: NDArray[np.float32], words: Any
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Give the best leaf of each passage, whatever the bounds, and its cosine to the centroid.

        Returns
        -------
        choice : int32 (n,)
        cosine : float32 (n,)
        """

        def work(first: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
            block = slice(first, first + BLOCK)
            scores, dense, _ = self._parts(vectors[block], _rows(words, block))
            choice = scores.argmax(axis=1).astype(np.int32)
            return choice, dense[np.arange(len(choice)), choice]

        if self.leaves == 0 or len(vectors) == 0:
            return np.zeros(len(vectors), np.int32), np.zeros(len(vectors), np.float32)
        parts = map_blocks(work, range(0, len(vectors), BLOCK))
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def kept(self, leaves: NDArray[np.intp]) -> "Assigner":
        """Give the same assigner for some leaves only, in the given order."""
        count = self.leaves
        return Assigner(
            weights=np.ascontiguousarray(self.weights[:, np.concatenate([leaves, count + leaves])]),
            bias=self.bias[leaves],
            words=np.ascontiguousarray(self.words[:, leaves]),
            near=np.ascontiguousarray(self.near[:, leaves]),
            floor=self.floor,
            temperature=self.temperature,
        )


def _rows(words: Any, block: slice) -> Any:
    return None if words is None else words[block]


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0.0, length, 1.0)


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    # Column by column, so that a row's sum does not depend on its neighbours in the block.
    total = np.zeros(len(powers), dtype=np.float32)
    for column in powers.T:
        total += column
    return np.asarray(powers / total[:, None])


def _temperature(parts: list[tuple[NDArray[np.float32], NDArray[np.int32]]]) -> float:
    """Find the temperature at which the mean probability of the best leaf is how often it is right.

    Right means: the leaf that the communities gave.
    """
    right = sum(int((scores.argmax(axis=1) == labels).sum()) for scores, labels in parts)
    total = sum(int((labels >= 0).sum()) for _, labels in parts)
    wanted = right / max(1, total)
    low, high = 1.0, 64.0
    for _ in range(12):
        middle = float(np.sqrt(low * high))
        confident = sum(
            float(_softmax(scores / np.float32(middle)).max(axis=1)[labels >= 0].sum())
            for scores, labels in parts
        )
        if confident / max(1, total) > wanted:
            low = middle
        else:
            high = middle
    return float(np.sqrt(low * high))
