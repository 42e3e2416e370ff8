"""`transform`, `fit_transform` and `fit_predict` of a `TopicModel`, as scikit-learn names them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TopicPlaces"]


class TopicPlaces:
    """Memberships and leaves of passages, under the names that all topic models share.

    Examples
    --------
    >>> from isogloss.topics import TopicModel
    >>> rows = np.repeat(np.eye(3, dtype=np.float32), 8, axis=0)
    >>> model = TopicModel(neighbours=5)
    >>> model.fit_transform(rows).shape
    (24, 3)
    >>> bool((model.transform(rows) != model.membership_).nnz)
    False
    """

    def transform(self: Any, vectors: Any, counts: Any = None) -> Any:
        """Give the strength of each passage in its leaf and the topics above, float32 CSR (n, t).

        On the passages of `fit` this is ``membership_``. Column i is topic i of ``tree_``; `assign`
        gives the leaves as well.

        Parameters
        ----------
        vectors : float32 (n, d)
            One row a passage, unit length or zero.
        counts : CSR (n, v), optional
            Word counts over the same vocabulary as in `fit`; needed exactly when `fit` had them.

        Returns
        -------
        float32 CSR (n, t)

        Raises
        ------
        NotFitted
            Before `fit`.
        ParameterError
            For NaN, or shapes that differ from those in `fit`.
        """
        return self.assign(vectors, counts).membership

    def fit_transform(
        self: Any,
        vectors: Any,
        counts: Any = None,
        y: Any = None,
        *,
        vocabulary: Sequence[str] | None = None,
    ) -> Any:
        """Fit, and give the memberships of the same passages, float32 CSR (n, t)."""
        return self.fit(vectors, counts, y, vocabulary=vocabulary).membership_

    def fit_predict(
        self: Any,
        vectors: Any,
        counts: Any = None,
        y: Any = None,
        *,
        vocabulary: Sequence[str] | None = None,
    ) -> NDArray[np.int32]:
        """Fit, and give the leaf of each of the same passages, int32 (n,); -1 for none."""
        labels: NDArray[np.int32] = self.fit(vectors, counts, y, vocabulary=vocabulary).labels_
        return labels
