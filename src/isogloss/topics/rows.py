"""Rows as topic models take them: checked, and in one order."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import strings
from isogloss._core.errors import ParameterError

# Lengths may be so far from 1: vectors rounded to 16 bits or to int8 stay well within.
OFF_UNIT = 0.01
# Rows whose content is copied at a time.
BLOCK = 4096


def real_array(given: Any, name: str, shape: str) -> NDArray[Any]:
    """Give an array of real numbers, or say what is wrong with what was given.

    Parameters
    ----------
    given : array, or what becomes one
    name, shape : str
        What it is and what it should look like, for the message.

    Raises
    ------
    ParameterError
        For what is sparse, no numbers, or complex.

    Examples
    --------
    >>> real_array(["a text"], "counts", "word counts (n, v)")
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: counts: no numbers; give word counts (n, v)
    """
    if sp.issparse(given):
        raise ParameterError(f"{name}: sparse; give {shape} as an array")
    try:
        values = np.asarray(given)
        if values.dtype.kind == "O":
            values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name}: no numbers; give {shape}: {error}") from None
    if values.dtype.kind == "c":
        raise ParameterError(f"{name}: complex numbers; give {shape}, of real ones")
    if values.dtype.kind not in "fiub":
        raise ParameterError(f"{name}: no numbers; give {shape}")
    return values


def count_rows(given: Any, name: str) -> Any:
    """Give word counts (or other weights of words) as CSR with sorted columns, of their own type.

    Raises
    ------
    ParameterError
        For what is no real numbers, NaN, infinite or negative values, or another shape.

    Examples
    --------
    >>> count_rows([[0, 2], [1, 0]], "X").data.tolist()
    [2, 1]
    """
    if not sp.issparse(given):
        given = real_array(given, name, "word counts (n, v)")
    elif given.dtype.kind not in "fiub":
        raise ParameterError(f"{name}: values of {given.dtype}; give counts (n, v), real numbers")
    if given.ndim != 2:
        raise ParameterError(f"{name} has shape {given.shape}: give word counts (n, v)")
    counts = sp.csr_matrix(given)
    if not counts.has_canonical_format:
        counts = counts.copy()
        counts.sum_duplicates()
    if not np.isfinite(counts.data).all():
        raise ParameterError(f"{name} has NaN or infinite values: give counts, 0 or more")
    if counts.nnz and counts.data.min() < 0:
        row = int(np.searchsorted(counts.indptr, np.argmax(counts.data < 0), side="right")) - 1
        raise ParameterError(
            f"{name} has negative values, first in row {row}: give counts, 0 or more"
        )
    return counts


def checked_vocabulary(vocabulary: Any, columns: int) -> tuple[str, ...]:
    """Give the word of each column.

    Raises
    ------
    ParameterError
        For a plain string, what are no strings, or another number of them than of columns.

    Examples
    --------
    >>> checked_vocabulary("ab", 2)
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: vocabulary is 'ab': give a list of words, one a column
    """
    words = tuple(strings(vocabulary, "vocabulary", "words, one a column"))
    if len(words) != columns:
        raise ParameterError(
            f"vocabulary has {len(words)} words for {columns} columns: give one a column"
        )
    return words


def checked_rows(
    vectors: NDArray[Any], counts: Any, *, dim: int | None = None
) -> tuple[NDArray[np.float32], Any]:
    """Give vectors as float32 rows and counts as CSR with sorted columns.

    Parameters
    ----------
    vectors : (n, d)
    counts : (n, v) or None
    dim : int, optional
        Columns that the vectors of the fit had.

    Raises
    ------
    ParameterError
        For what is no numbers, NaN, infinity, rows that are neither of unit length nor zero, or
        shapes that do not fit.

    Examples
    --------
    >>> checked_rows([[1.0, 0.0]], None)
    (array([[1., 0.]], dtype=float32), None)
    >>> checked_rows([[1.0, 0.0], [3.0, 4.0]], None)
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: vectors: row 1 has length 5; divide each row by its length
    """
    vectors = real_array(vectors, "vectors", "rows of numbers (n, d)")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2:
        raise ParameterError(f"vectors have shape {vectors.shape}; they must be rows (n, d)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ParameterError(f"vectors hold NaN or infinity, first in row {row}")
    if dim is not None and vectors.shape[1] != dim:
        raise ParameterError(f"vectors have {vectors.shape[1]} columns, fit had {dim}")
    _check_lengths(vectors)
    if counts is None:
        return vectors, None
    counts = count_rows(counts, "counts")
    if counts.shape[0] != len(vectors):
        raise ParameterError(f"counts have {counts.shape[0]} rows for {len(vectors)} vectors")
    return vectors, counts


def _check_lengths(vectors: NDArray[np.float32]) -> None:
    """Refuse rows that are neither of unit length nor zero: cosines would be none."""
    with np.errstate(over="ignore"):
        square = np.einsum("ij,ij->i", vectors, vectors)
    odd = np.flatnonzero(np.abs(square - 1.0) > 2 * OFF_UNIT)
    odd = odd[vectors[odd].any(axis=1)]
    if len(odd):
        row = int(odd[0])
        length = float(np.linalg.norm(vectors[row].astype(np.float64)))
        raise ParameterError(
            f"vectors: row {row} has length {length:.4g}; divide each row by its length"
        )


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
