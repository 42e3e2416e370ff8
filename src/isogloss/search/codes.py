"""Vectors as bytes: 8 bits a number for the first pass, 8 more for the few rows that matter."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native

# Rows are filled up with zeros to whole vectors of the processor.
WIDTH = 64
# One step of the first code is this many steps of the second.
FINE = 254


@dataclass(frozen=True, slots=True)
class Codes:
    """Rows of numbers as ``scale * (codes + fine / 254)``.

    Parameters
    ----------
    codes : int8 (n, width)
        The numbers over their row's scale, rounded; width is d rounded up to 64.
    fine : int8 (n, width)
        What rounding left, in steps of 1/254.
    scales : float32 (n,)
        Largest absolute number of each row over 127; 0 for a row of zeros.
    errors : float32 (n,)
        Length of what the first code alone leaves out, rounded up.
    """

    codes: NDArray[np.int8]
    fine: NDArray[np.int8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]


def encode_rows(rows: NDArray[np.floating[Any]]) -> Codes:
    """Write rows as codes.

    Parameters
    ----------
    rows : float (n, d)
        Finite numbers.

    Returns
    -------
    Codes

    Examples
    --------
    >>> rows = np.array([[0.5, -0.25, 0.0]], dtype=np.float32)
    >>> written = encode_rows(rows)
    >>> written.codes[0, :3].tolist()
    [127, -64, 0]
    >>> bool(np.abs(decode_rows(written, 3) - rows).max() < 1e-5)
    True
    """
    n, dim = rows.shape
    width = -(-dim // WIDTH) * WIDTH
    written = Codes(
        np.empty((n, width), np.int8), np.empty((n, width), np.int8),
        np.empty(n, np.float32), np.empty(n, np.float32),
    )  # fmt: skip
    exact = np.ascontiguousarray(rows, dtype=np.float32)
    _native.encode_rows(exact, written.codes, written.fine, written.scales, written.errors)
    return written


def decode_rows(written: Codes, dim: int) -> NDArray[np.float32]:
    """Give back the numbers of codes: right to about 1/65,000 of each row's largest number.

    Parameters
    ----------
    written : Codes
        What `encode_rows` gave.
    dim : int
        Numbers a row.

    Returns
    -------
    float32 (n, dim)

    Examples
    --------
    >>> decode_rows(encode_rows(np.zeros((1, 2))), 2).tolist()
    [[0.0, 0.0]]
    """
    whole = written.codes[:, :dim].astype(np.int32) * FINE + written.fine[:, :dim]
    return (whole * (written.scales[:, None].astype(np.float64) / FINE)).astype(np.float32)
