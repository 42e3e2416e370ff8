"""Positions for texts longer than a model was trained on: which number each token gets.

A model that was trained on ``trained`` positions reads a text of ``length`` tokens, counted with
its special tokens. Every map here leaves a text of up to ``trained`` tokens as it is, and asks for
the length of that text only, so what stands beside it in a batch changes nothing.

After Zhu et al., LongEmbed: extending embedding models for long context retrieval (2024).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def stretch_factor(length: int, trained: int) -> int:
    """Say how many times the trained positions a text needs: ``ceil(length / trained)``, 1 or more.

    Examples
    --------
    >>> stretch_factor(512, 512), stretch_factor(513, 512), stretch_factor(0, 512)
    (1, 2, 1)
    """
    return max(1, math.ceil(length / trained))


def recurrent_positions(positions: Ints, trained: int) -> Ints:
    """Begin again at 0 whenever the trained positions are used up.

    Parameters
    ----------
    positions : int64, any shape
        Places of tokens in their text, from 0.
    trained : int
        Positions the model was trained on.

    Returns
    -------
    int64, same shape
        Below ``trained``.

    Examples
    --------
    >>> recurrent_positions(np.arange(6), 4).tolist()
    [0, 1, 2, 3, 0, 1]
    """
    return positions % trained


def grouped_positions(positions: Ints, length: int, trained: int) -> Ints:
    """Let neighbouring tokens share a position, as few of them as the text allows.

    Parameters
    ----------
    positions : int64, any shape
        Places of tokens in their text, from 0.
    length : int
        Tokens of this text.
    trained : int
        Positions the model was trained on.

    Returns
    -------
    int64, same shape
        ``floor(i / s)`` with ``s = ceil(length / trained)``.

    Examples
    --------
    >>> grouped_positions(np.arange(6), 6, 4).tolist()
    [0, 0, 1, 1, 2, 2]
    >>> grouped_positions(np.arange(4), 4, 4).tolist()
    [0, 1, 2, 3]
    """
    return positions // stretch_factor(length, trained)


def interpolated_table(table: NDArray[Any], factor: int) -> NDArray[Any]:
    """Enlarge a table of learned positions: old row j stands at j * factor, blends between.

    Parameters
    ----------
    table : float (m, d)
        One row a position.
    factor : int
        How many times as many rows.

    Returns
    -------
    float (m * factor, d)
        Row ``j * factor + r`` is ``(1 - r / factor) * table[j] + r / factor * table[j + 1]``; what
        would come after the last row is the last row.

    Examples
    --------
    >>> interpolated_table(np.array([[0.0], [4.0]]), 2).ravel().tolist()
    [0.0, 2.0, 4.0, 4.0]
    """
    after = np.concatenate([table[1:], table[-1:]])
    share = (np.arange(factor) / factor)[None, :, None]
    rows = (1 - share) * table[:, None, :] + share * after[:, None, :]
    rows[:, 0, :] = table  # exactly, not but for rounding
    return np.ascontiguousarray(rows.reshape(-1, table.shape[1]).astype(table.dtype))


def interpolated_rows(positions: Ints, length: int, trained: int, factor: int) -> Ints:
    """Say which rows of an interpolated table a text reads.

    Parameters
    ----------
    positions : int64, any shape
        Places of tokens in their text, from 0.
    length : int
        Tokens of this text.
    trained, factor : int
        Rows of the old table, and what it was enlarged by.

    Returns
    -------
    int64, same shape
        The old rows for a text that fits them, else every row in turn.

    Examples
    --------
    >>> interpolated_rows(np.arange(4), 4, 4, 2).tolist()
    [0, 2, 4, 6]
    >>> interpolated_rows(np.arange(5), 5, 4, 2).tolist()
    [0, 1, 2, 3, 4]
    """
    return positions * factor if length <= trained else positions


def interpolated_angles(positions: Ints, length: int, trained: int) -> Floats:
    """Divide positions so that a text's last stays within the trained ones, for rotary models.

    Parameters
    ----------
    positions : int64, any shape
        Places of tokens in their text, from 0.
    length : int
        Tokens of this text.
    trained : int
        Positions the model was trained on.

    Returns
    -------
    float64, same shape
        ``i / s`` with ``s = ceil(length / trained)``.

    References
    ----------
    Chen et al., Extending context window of large language models via positional interpolation
    (2023).

    Examples
    --------
    >>> interpolated_angles(np.arange(5), 5, 4).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    return positions / stretch_factor(length, trained)


def ntk_scales(frequencies: int, factor: float) -> Floats:
    """Say by what each rotary frequency is multiplied when the base is raised for a longer text.

    The base ``b`` becomes ``b * factor ** (d / (d - 2))`` for rotary dimension d: the fastest
    frequency stays, the slowest is divided by the factor.

    Parameters
    ----------
    frequencies : int
        Number of frequencies, d / 2.
    factor : float
        How many times the trained length.

    Returns
    -------
    float64 (frequencies,)
        ``factor ** (-2 j / (d - 2))``.

    Examples
    --------
    >>> ntk_scales(3, 4.0).tolist()
    [1.0, 0.5, 0.25]
    """
    if frequencies < 2:
        return np.full(frequencies, 1.0 / factor)
    return np.asarray(factor ** (-np.arange(frequencies) / (frequencies - 1)), dtype=np.float64)


def group_size(length: int, trained: int, near: int) -> int:
    """Give the smallest group of SelfExtend with which a text stays within trained distances.

    Parameters
    ----------
    length : int
        Tokens of this text.
    trained : int
        Positions the model was trained on.
    near : int
        Distance below which positions are exact; less than ``trained``.

    Returns
    -------
    int
        The least G with ``(length - 1) // G + near - near // G < trained``; 1 for a text that fits.

    Examples
    --------
    >>> group_size(8, 8, 2), group_size(16, 8, 2), group_size(32, 8, 2)
    (1, 3, 6)
    """
    size = 1
    while (length - 1) // size + near - near // size >= trained:
        size += 1
    return size


def far_positions(positions: Ints, group: int, near: int) -> tuple[Ints, Ints, Ints]:
    """Give the positions that SelfExtend compares distant tokens by.

    Parameters
    ----------
    positions : int64 (n,)
        Places of tokens in their text, from 0.
    group : int
        Tokens that share a position.
    near : int
        Distance below which positions are exact.

    Returns
    -------
    keys : int64 (n,)
        ``i // group``.
    behind : int64 (n,)
        Of a query that looks back: ``i // group + near - near // group``.
    ahead : int64 (n,)
        Of a query that looks ahead, the mirror image: ``i // group - (near - near // group)``.

    References
    ----------
    Jin et al., LLM maybe LongLM: SelfExtend LLM context window without tuning (2024).

    Examples
    --------
    >>> keys, behind, ahead = far_positions(np.array([0, 5, 9]), 2, 4)
    >>> keys.tolist(), behind.tolist(), ahead.tolist()
    ([0, 2, 4], [2, 4, 6], [-2, 0, 2])
    """
    floors = positions // group
    shift = near - near // group
    return floors, floors + shift, floors - shift
