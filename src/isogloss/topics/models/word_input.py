"""Vectors of the words of a vocabulary, as a model of some width can read them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.threads import single_threaded_blas

__all__ = ["look_up", "to_width"]

Floats = NDArray[np.float32]


def look_up(
    source: Mapping[str, NDArray[Any]] | Callable[[list[str]], NDArray[Any]], words: Sequence[str]
) -> tuple[Floats, int]:
    """Give the vector of each word, zeros where there is none, and how many have none.

    Parameters
    ----------
    source : mapping of str to float (d,), or callable
        A callable takes the words and gives float (n, d), as an encoder's `encode`.
    words : sequence of str

    Returns
    -------
    vectors : float32 (n, d)
    missing : int

    Raises
    ------
    ParameterError
        When no word has a vector, or shapes do not fit.

    Examples
    --------
    >>> vectors, missing = look_up({"cat": np.array([1.0, 2.0])}, ["cat", "dog"])
    >>> vectors.tolist(), missing
    ([[1.0, 2.0], [0.0, 0.0]], 1)
    """
    if isinstance(source, Mapping):
        known = [word for word in words if word in source]
        if not known:
            raise ParameterError(f"word_vectors has none of the {len(words)} words")
        rows = np.zeros((len(words), len(source[known[0]])), dtype=np.float32)
        for row, word in enumerate(words):
            if word in source:
                if len(source[word]) != rows.shape[1]:
                    raise ParameterError(
                        f"the vector of {word!r} has {len(source[word])} numbers, "
                        f"that of {known[0]!r} has {rows.shape[1]}"
                    )
                rows[row] = source[word]
    else:
        rows = np.asarray(source(list(words)), dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(words):
            raise ParameterError(f"word_vectors gave shape {rows.shape} for {len(words)} words")
    if not np.isfinite(rows).all():
        raise ParameterError("word_vectors holds numbers that are not finite")
    return rows, int((~rows.any(axis=1)).sum())


def to_width(vectors: Floats, width: int, *, spread: float | None = None) -> Floats:
    """Keep the main directions of vectors, or fill them up with zeros.

    Parameters
    ----------
    vectors : float32 (n, d)
        A row of zeros stays one.
    width : int
    spread : float, optional
        Root mean square that the numbers are scaled to.

    Returns
    -------
    float32 (n, width)

    Examples
    --------
    >>> vectors = np.array([[1, 0, 0], [-1, 0, 0], [0, 0, 0]], dtype=np.float32)
    >>> np.abs(to_width(vectors, 1)).tolist()
    [[1.0], [1.0], [0.0]]
    >>> to_width(vectors[:, :1], 2)[0].tolist()
    [1.0, 0.0]
    """
    known = vectors.any(axis=1)
    rows = vectors.astype(np.float64)
    dim = rows.shape[1]
    if dim > width:
        with single_threaded_blas():
            rows[known] -= rows[known].mean(axis=0)
            _, directions = np.linalg.eigh(rows.T @ rows)
            main = directions[:, ::-1][:, :width]
            # an eigenvector's sign is free: make its largest number positive
            main = main * np.sign(main[np.abs(main).argmax(axis=0), np.arange(width)])
            rows = rows @ main
    elif dim < width:
        rows = np.hstack([rows, np.zeros((len(rows), width - dim))])
    size = float(np.sqrt((rows[known] ** 2).mean())) if known.any() else 0.0
    if spread is not None and size > 0:
        rows *= spread / size
    return rows.astype(np.float32)
