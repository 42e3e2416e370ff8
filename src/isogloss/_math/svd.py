"""Truncated singular value decomposition of sparse matrices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas


def truncated_svd(
    matrix: Any, rank: int, *, oversampling: int = 16, iterations: int = 4, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the leading singular values and right singular vectors of a sparse matrix.

    A random projection is multiplied by the matrix and its transpose in turn, orthogonalised each
    time; the small problem that is left is solved exactly. BLAS runs on one thread, so that the
    result is the same for any number of threads.

    Parameters
    ----------
    matrix : CSR (n, v)
    rank : int
        Values wanted; fewer come when the matrix has fewer.
    oversampling : int, default 16
        Further directions that are carried along for precision.
    iterations : int, default 4
        Power iterations.
    seed : int, default 0
        Of the random projection.

    Returns
    -------
    float32 (r,), float32 (v, r)
        Singular values, falling, and vectors as columns, each with its largest entry positive.

    Notes
    -----
    Time O(iterations * nnz * rank), memory O((n + v) * rank).

    Paper
    -----
    Halko, Martinsson, Tropp, Finding structure with randomness, SIAM Review 2011, algorithm 4.4.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> values, vectors = truncated_svd(sp.csr_matrix([[3.0, 0.0], [0.0, 2.0]]), 1)
    >>> values.round(3).tolist(), np.abs(vectors).round(3).tolist()
    ([3.0], [[1.0], [0.0]])
    """
    n, v = matrix.shape
    wide = min(rank + oversampling, n, v)
    if wide == 0:
        return np.zeros(0, np.float32), np.zeros((v, 0), np.float32)
    transposed = matrix.T.tocsr()
    rng = np.random.default_rng(seed)
    with single_threaded_blas():
        basis = rng.standard_normal((v, wide), dtype=np.float32)
        for _ in range(iterations + 1):
            left, _ = np.linalg.qr(matrix @ basis)
            basis, _ = np.linalg.qr(transposed @ left.astype(np.float32))
            basis = basis.astype(np.float32)
        # The matrix restricted to the basis: its singular vectors turn the basis into ours.
        restricted = np.asarray(matrix @ basis, dtype=np.float64)
        gram = restricted.T @ restricted
        squares, turn = np.linalg.eigh(gram)
        order = np.argsort(-squares, kind="stable")[:rank]
        values = np.sqrt(np.maximum(squares[order], 0.0))
        vectors = basis.astype(np.float64) @ turn[:, order]
    kept = values > values[:1].max(initial=0.0) * 1e-6
    values, vectors = values[kept], vectors[:, kept]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return values.astype(np.float32), np.ascontiguousarray(vectors * signs, dtype=np.float32)
