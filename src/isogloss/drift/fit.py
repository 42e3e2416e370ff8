"""Fit a compensation on the same texts by two encoders, and measure it on texts set aside."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import EncoderError, ParameterError, nearest
from isogloss.drift.compensation import Compensation, Side
from isogloss.drift.diagnosis import NEIGHBOURS, Diagnosis, neighbours_of, recall_kept
from isogloss.drift.maps import MAPS, Map
from isogloss.encoders.base import unit_rows

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

METHODS = ("auto", *MAPS)
# Texts below which nothing is fitted.
LEAST_TEXTS = 40
HELD_OUT = 0.2
# "auto" takes the plainer map where the freer one finds no more than this beyond it.
WORTH = 0.01

Rows = NDArray[np.float32]


def fit_compensation(
    old_vectors: NDArray[Any],
    new_vectors: NDArray[Any],
    *,
    old: "Encoder | Side",
    new: "Encoder | Side",
    new_documents: NDArray[Any] | None = None,
    method: str = "auto",
    held_out: float = HELD_OUT,
    seed: int = 0,
) -> Compensation:
    """Fit a map from the vectors of a new encoder to those of an old one.

    Give texts that are not the queries whose answers you score: training queries, or passages.

    Parameters
    ----------
    old_vectors : float (n, e)
        Texts by the old encoder, which made the vectors of an index.
    new_vectors : float (n, d)
        The same texts, in the same order, by the new encoder, as queries.
    old, new : Encoder or Side
        The two, for their fingerprints.
    new_documents : float (n, d), optional
        The same texts by the new encoder as documents, where it encodes queries in another way;
        used in the diagnosis only.
    method : {"auto", "mean", "procrustes", "affine"}, default "auto"
        ``auto`` takes the plainest that finds as many of the old neighbours as any, to 0.01, on
        texts set aside for the choice.
    held_out : float, default 0.2
        Share of the texts that only the diagnosis sees.
    seed : int, default 0
        Which texts these are.

    Returns
    -------
    Compensation
        With its `diagnosis`.

    Raises
    ------
    ParameterError
        For arrays that do not fit each other or the encoders, fewer than 40 distinct texts, or the
        mean shift between unequal dimensions.
    EncoderError
        When both are the same encoder.

    Notes
    -----
    Copies of a text count once, so that none is both fitted and held out. Texts for which one of
    the encoders gives zeros are left out. Time O(n d^2 + n^2 d) with the n held-out queries.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before = rng.normal(size=(200, 8))
    >>> turn, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    >>> found = fit_compensation(
    ...     before, before @ turn, old=Side("a", "1", 8), new=Side("b", "2", 8)
    ... )
    >>> found.method, found.diagnosis.recall_old
    ('procrustes', 1.0)
    """
    old, new = (one if isinstance(one, Side) else Side.of(one) for one in (old, new))
    if method not in METHODS:
        raise ParameterError(f"method is {method!r}; {nearest(str(method), METHODS)}")
    if not 0 < held_out < 1:
        raise ParameterError(f"held_out is {held_out}; it must lie between 0 and 1")
    if old.fingerprint == new.fingerprint:
        raise EncoderError(f"{old.spec!r} and {new.spec!r} are one encoder: nothing has drifted")
    a = _checked(old_vectors, old, "old_vectors")
    b = _checked(new_vectors, new, "new_vectors")
    documents = b if new_documents is None else _checked(new_documents, new, "new_documents")
    if not len(a) == len(b) == len(documents):
        raise ParameterError(
            f"{len(a)} old and {len(b)} new vectors: give those of the same texts, row by row"
        )
    if method == "mean" and old.dim != new.dim:
        raise ParameterError(
            f"method 'mean' needs equal dimensions, these are {old.dim} and {new.dim}: "
            "use 'affine' or 'procrustes'"
        )
    rows = distinct_rows(a, b)
    if len(rows) < LEAST_TEXTS:
        raise ParameterError(
            f"{len(rows)} distinct texts have vectors by both encoders; a map needs {LEAST_TEXTS} "
            "or more"
        )
    a, b, documents = a[rows], b[rows], documents[rows]
    test = held_out_rows(len(a), held_out=held_out, seed=seed)
    train = np.setdiff1d(np.arange(len(a)), test)
    tried: dict[str, float] = {}
    if method == "auto":
        method, tried = _choose(a, b, train, equal=old.dim == new.dim, seed=seed)
    made = _fitted(method, b[train], a[train])
    diagnosis = _diagnose(made, a, b, documents, train, test, tried)
    return Compensation(method, old, new, made, diagnosis)


def held_out_rows(count: int, *, held_out: float = HELD_OUT, seed: int = 0) -> NDArray[np.int64]:
    """Give the rows of so many that only the diagnosis sees, rising: int64 (m,).

    Examples
    --------
    >>> len(held_out_rows(40))
    8
    """
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[: max(1, round(held_out * count))])


def distinct_rows(old: Rows, new: Rows) -> NDArray[np.int64]:
    """Give the first of equal rows, without those that one encoder has no vector for.

    Examples
    --------
    >>> x = np.array([[1, 0], [0, 0], [1, 0]], dtype=np.float32)
    >>> distinct_rows(x, x).tolist()
    [0]
    """
    full = np.flatnonzero(old.any(axis=1) & new.any(axis=1))
    seen: dict[bytes, int] = {}
    for row in full.tolist():
        seen.setdefault(old[row].tobytes() + new[row].tobytes(), row)
    return np.array(list(seen.values()), dtype=np.int64)


def _checked(vectors: NDArray[Any], side: Side, name: str) -> Rows:
    rows = np.asarray(vectors)
    if rows.ndim != 2 or rows.shape[1] != side.dim or rows.dtype.kind not in "fiu":
        raise ParameterError(
            f"{name} has shape {rows.shape}; {side.spec!r} makes rows of {side.dim} numbers"
        )
    if not np.isfinite(rows).all():
        raise ParameterError(f"{name} holds NaN or infinity: encode the texts again")
    return unit_rows(rows)


def _fitted(method: str, new: Rows, old: Rows) -> Map:
    return MAPS[method](new.astype(np.float64), old.astype(np.float64))


def _choose(
    a: Rows, b: Rows, train: NDArray[np.int64], *, equal: bool, seed: int
) -> tuple[str, dict[str, float]]:
    """Choose among the methods on a part of the training texts."""
    order = np.random.default_rng([seed, 1]).permutation(train)
    cut = max(1, len(order) // 5)
    asked, rest = np.sort(order[:cut]), np.sort(order[cut:])
    wanted = neighbours_of(a[asked], a, asked)
    found: dict[str, float] = {}
    for method in MAPS:
        if method == "mean" and not equal:
            continue
        queries = unit_rows(_fitted(method, b[rest], a[rest])(b[asked]))
        found[method] = recall_kept(neighbours_of(queries, a, asked), wanted)
    best = max(found.values())
    return next(name for name, kept in found.items() if kept >= best - WORTH), found


def _diagnose(
    made: Map, a: Rows, b: Rows, documents: Rows, train: NDArray[np.int64],
    test: NDArray[np.int64], tried: dict[str, float],
) -> Diagnosis:  # fmt: skip
    mapped = unit_rows(made(b[test]))
    goal = a[test].astype(np.float64)
    spread = float(((goal - a[train].astype(np.float64).mean(axis=0)) ** 2).sum())
    missed = float(((goal - mapped) ** 2).sum())
    by_old = neighbours_of(a[test], a, test)
    by_new = neighbours_of(b[test], documents, test)
    by_map = neighbours_of(mapped, a, test)
    shift = drift = left = unmapped = None
    if a.shape[1] == b.shape[1]:
        moved = b[test].astype(np.float64) - goal
        mean = (b[train].astype(np.float64) - a[train]).mean(axis=0)
        total = float((moved**2).sum())
        shift = float(np.linalg.norm(mean))
        drift = float(np.sqrt(total / len(test)))
        left = float(((moved - mean) ** 2).sum()) / total if total > 0 else 0.0
        unmapped = recall_kept(neighbours_of(b[test], a, test), by_old)
    return Diagnosis(
        fitted=len(train),
        held_out=len(test),
        shift=shift,
        drift=drift,
        left_by_shift=left,
        residual=missed / spread if spread > 0 else 0.0,
        cosine=float((goal * mapped).sum(axis=1).mean()),
        neighbours=NEIGHBOURS,
        recall_old=recall_kept(by_map, by_old),
        recall_new=recall_kept(by_map, by_new),
        recall_between=recall_kept(by_old, by_new),
        recall_unmapped=unmapped,
        tried=tried,
    )
