"""Rows as topic models take them: checked, and in one order."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

# Rows whose content is copied at a time.
BLOCK = 4096


def checked_rows(vectors: NDArray[Any], counts: Any) -> tuple[NDArray[np.float32], Any]:
    """Give vectors as float32 rows and counts as CSR with sorted columns.

    Raises
    ------
    ParameterError
        For what is no numbers, NaN, infinity, or shapes that do not fit.

    Examples
    --------
    >>> checked_rows([[1.0, 0.0]], None)
    (array([[1., 0.]], dtype=float32), None)
    """
    try:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"vectors must be rows of numbers (n, d): {error}") from None
    if vectors.ndim != 2:
        raise ParameterError(f"vectors have shape {vectors.shape}; they must be rows (n, d)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ParameterError(f"vectors hold NaN or infinity, first in row {row}")
    if counts is None:
        return vectors, None
    counts = sp.csr_matrix(counts)
    if counts.shape[0] != len(vectors):
        raise ParameterError(f"counts have {counts.shape[0]} rows for {len(vectors)} vectors")
    if not np.isfinite(counts.data).all():
        raise ParameterError("counts hold NaN or infinity")
    if not counts.has_canonical_format:
        counts = counts.copy()
        counts.sum_duplicates()
    return vectors, counts


class Order(NamedTuple):
    """Rows in the order of their content: different ones first, then copies of these.

    Attributes
    ----------
    rows : int (n,)
    distinct : int
        How many come before the first copy.
    """

    rows: NDArray[np.intp]
    distinct: int


def canonical_order(vectors: NDArray[np.float32], counts: Any) -> Order:
    """Order the rows by their content, so that the order in which they come has no influence.

    Examples
    --------
    >>> found = canonical_order(np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32), None)
    >>> found.distinct, int(found.rows[2])
    (2, 2)
    """
    import hashlib

    keys: list[bytes] = []
    for first in range(0, len(vectors), BLOCK):
        block = slice(first, first + BLOCK)
        # + 0.0 makes -0.0 and 0.0 the same bytes.
        content = memoryview((vectors[block] + np.float32(0.0)).tobytes())
        width = vectors.itemsize * vectors.shape[1]
        if counts is not None:
            start = counts.indptr[first : first + BLOCK + 1].astype(np.int64)
            inside = slice(start[0], start[-1])
            columns = memoryview(counts.indices[inside].astype(np.int64).tobytes())
            times = memoryview(counts.data[inside].astype(np.float64).tobytes())
            bounds = (8 * (start - start[0])).tolist()
        for i in range(len(vectors[block])):
            digest = hashlib.blake2b(content[i * width : (i + 1) * width], digest_size=16)
            if counts is not None:
                digest.update(columns[bounds[i] : bounds[i + 1]])
                digest.update(times[bounds[i] : bounds[i + 1]])
            keys.append(digest.digest())
    order = sorted(range(len(keys)), key=keys.__getitem__)
    copies = [later for one, later in pairwise(order) if keys[one] == keys[later]]
    copied = np.zeros(len(order), dtype=bool)
    copied[copies] = True
    rows = np.array(order, dtype=np.intp)
    late = copied[rows]
    return Order(np.concatenate([rows[~late], rows[late]]), int(len(rows) - late.sum()))
