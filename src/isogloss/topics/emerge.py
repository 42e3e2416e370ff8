"""Novel passages: which ones fit badly, and when they have come together to a topic."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas
from isogloss.topics.assign import BLOCK, Assigner
from isogloss.topics.graph import neighbour_graphs
from isogloss.topics.scale import first_communities
from isogloss.topics.votes import agreed_communities

Floats = NDArray[np.float64]

# Share of the passages of the fit that counts as fitting badly, leaf by leaf.
EXPECTED_NOVELTY = 0.05
# A group may fall short of the leaves in density by so much: strays stand among novel passages.
SLACK = 0.9
# What keeps a group from being a topic of its own: the silhouette that groups of strays have, and
# what chance adds to that of a few passages, by their number.
STRAY, CHANCE = 0.26, 1.2


class Base(NamedTuple):
    """What a fit leaves behind for its stream, one row a column of the first assigner.

    Attributes
    ----------
    spread : float32 (d, d)
        Covariance within leaves, as the discriminants have it.
    length : float32 (l,)
        Length of the mean vector: the mean cosine of a leaf's passages to its centroid.
    word_length : float32 (l,)
        The same for TF-IDF rows.
    low : float32 (l,)
        Cosine to the centroid below which a passage fits badly.
    size : int64 (l,)
        Passages of the fit.
    """

    spread: NDArray[np.float32]
    length: NDArray[np.float32]
    word_length: NDArray[np.float32]
    low: NDArray[np.float32]
    size: NDArray[np.int64]


def measure_base(
    rows: NDArray[np.float32], words: Any, labels: NDArray[np.int32], assigner: Assigner,
    sizes: NDArray[np.int64], *, cosine: NDArray[np.float32] | None = None,
) -> Base:  # fmt: skip
    """Measure leaves over the passages that a fit looked at; `cosine` as `placed` gives it."""
    count, d = assigner.leaves, rows.shape[1]
    used = np.flatnonzero(labels >= 0)
    own = labels[used]
    held = np.maximum(np.bincount(own, minlength=count), 1).astype(np.float64)
    belongs = sp.csr_matrix((np.ones(len(used)), (own, used)), shape=(count, len(rows)))
    wide = rows.astype(np.float64)
    means = (belongs @ wide) / held[:, None]
    rest = wide if len(used) == len(wide) else wide[used]
    for first in range(0, len(rest), BLOCK):
        rest[first : first + BLOCK] -= means[own[first : first + BLOCK]]
    with single_threaded_blas():
        spread = rest.T @ rest / max(1, len(used))
    word_length = np.zeros(count)
    if words is not None:
        sums = (belongs @ words.astype(np.float64)).multiply(1 / held[:, None])
        word_length = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1)).ravel())
    if cosine is None:
        _, cosine = assigner.nearness(rows, words)
    low = np.full(count, -1.0)
    for leaf in range(count):
        mine = cosine[used[own == leaf]]
        if len(mine):
            length = float(np.linalg.norm(means[leaf]))
            low[leaf] = low_cosine(mine.astype(np.float64), length)
    return Base(
        spread.astype(np.float32).reshape(d, d), np.linalg.norm(means, axis=1).astype(np.float32),
        word_length.astype(np.float32), low.astype(np.float32), sizes.astype(np.int64),
    )  # fmt: skip


def dense_groups(
    rows: NDArray[np.float32], words: Any, base: Base, centroids: NDArray[np.float32], *,
    neighbours: int, lexical_weight: float, even_edges: bool, least: int, seed: int,
) -> list[NDArray[np.intp]]:  # fmt: skip
    """Find groups of novel passages that are dense, and stand apart from all leaves.

    A group must have a mean cosine to its centroid like that of a quarter of the leaves or better
    (but for 10%), and be apart from the nearest leaf: `apart` of .26, and of 1.2 divided by its
    passages more, since small groups are apart by chance. For this a group counts as no denser than
    the densest leaf: copies of a text are apart from everything, and no topic. Groups that are not
    so far apart from one another are one.

    Parameters
    ----------
    rows : float32 (n, d)
        Novel passages.
    words : float32 CSR (n, v) or None
    base : Base
    centroids : float32 (l, d)
        Unit centroids of the leaves.
    neighbours, lexical_weight, even_edges
        Of their graph.
    least : int
        Novel passages that make a topic.
    seed : int

    Returns
    -------
    list of int (m,)
        Row numbers of each group, larger groups first.
    """
    graph, sought = neighbour_graphs(
        rows, words, neighbours=neighbours, lexical_weight=lexical_weight, even_edges=even_edges
    )
    scale = first_communities(graph, sought, rows=rows, least=least).resolution
    labels = agreed_communities(sought, resolution=scale, seed=seed)
    sizes = np.bincount(labels)
    lengths = [
        corrected_length(float(length), int(size))
        for length, size in zip(base.length, base.size, strict=True) if size > 0
    ]  # fmt: skip
    least_length = SLACK * float(np.quantile(lengths, 0.25)) if lengths else 0.0
    found: list[NDArray[np.intp]] = []
    units: list[Floats] = []
    for label in np.argsort(-sizes, kind="stable"):
        members = np.flatnonzero(labels == label)
        if len(members) < least:
            continue
        mean = rows[members].mean(axis=0, dtype=np.float64)
        unit = mean / max(float(np.linalg.norm(mean)), 1e-12)
        length = corrected_length(float(np.linalg.norm(mean)), len(members))
        near = float((centroids * unit).sum(axis=1).max()) if len(centroids) else -1.0
        least_apart = STRAY + CHANCE / len(members)
        length = min(length, max(lengths, default=1.0))
        if length < least_length or apart(length, near) < least_apart:
            continue
        others = [float((unit * other).sum()) for other in units]
        if others and apart(length, max(others)) < least_apart:  # parts of one topic
            whole = others.index(max(others))
            found[whole] = np.sort(np.concatenate([found[whole], members]))
            total = rows[found[whole]].sum(axis=0, dtype=np.float64)
            units[whole] = total / max(float(np.linalg.norm(total)), 1e-12)
        else:
            found.append(members)
            units.append(unit)
    return found


def apart(length: float, near: float) -> float:
    """Give the silhouette of a group: how much nearer its passages are to it than to another.

    Parameters
    ----------
    length : float
        Mean cosine of its passages to its centroid.
    near : float
        Cosine of that centroid to the other one.

    Examples
    --------
    >>> apart(1.0, 0.5), apart(0.5, 0.0), apart(0.5, 1.0)
    (1.0, 0.5, 0.0)
    """
    other = 1.0 - length * near
    return length * (1.0 - near) / other if other > 0.0 else 0.0


def low_cosine(cosine: Floats, length: float) -> float:
    """Give the cosine to a centroid that all but 5% of the passages reach, each left out of it.

    A passage is a part of its own centroid, so that one which comes later has a lower cosine.

    Parameters
    ----------
    cosine : float64 (n,)
        Of unit rows to their centroid.
    length : float
        Of their mean.

    Examples
    --------
    >>> low_cosine(np.full(2, 0.5**0.5), 0.5**0.5)  # two passages at right angles
    0.0
    """
    total = len(cosine) * length
    rest = np.sqrt(np.maximum(total**2 - 2 * total * cosine + 1.0, 1e-12))
    return float(np.quantile(((total * cosine - 1.0) / rest).round(12), EXPECTED_NOVELTY))


def corrected_length(length: float, count: int) -> float:
    """Give the length that the mean of many passages would have, from that of a few.

    Each passage is like itself, which makes the mean of a few too long.

    Examples
    --------
    >>> corrected_length(0.5**0.5, 2)  # two passages at right angles
    0.0
    """
    if count < 2:
        return 0.0
    return float(np.sqrt(max(0.0, round((count * length**2 - 1) / (count - 1), 12))))


def with_leaf(
    assigner: Assigner, base: Base, rows: NDArray[np.float32], words: Any
) -> tuple[Assigner, Base]:
    """Give an assigner one column more, for a group of passages.

    The new discriminant has the covariance of the others; its prior is that of a leaf of average
    size, since a topic that has just begun will grow. The mean of a few passages is longer than
    that of many, which would keep others out: what its length owes to chance is taken off.
    """
    count, weights = assigner.leaves, assigner.weights
    if count == 0:  # the first topic of all
        weights = np.zeros((rows.shape[1], 0), dtype=np.float32)
    mean = rows.mean(axis=0, dtype=np.float64)
    spread = regular(base.spread.astype(np.float64))
    with single_threaded_blas():
        both = np.linalg.solve(spread, np.column_stack([mean, base.spread]))
    solved, chance = both[:, 0], float(np.trace(both[:, 1:])) / len(rows)
    length = float(np.linalg.norm(mean))
    centroid = (mean / max(length, 1e-12)).astype(np.float32)
    bias = -np.log(count + 1.0) - 0.5 * (float((mean * solved).sum()) - chance)
    share = base.size / max(1, int(base.size.sum()))
    old = weights[:, count:].astype(np.float64)
    near = float((share * base.length * (old.T * centroid).sum(axis=1)).sum())
    columns, word_near, word_length = assigner.words, -2.0, 0.0
    if len(assigner.words):
        word_mean = np.asarray(words.mean(axis=0), dtype=np.float64).ravel()
        word_length = float(np.linalg.norm(word_mean))
        unit = (word_mean / max(word_length, 1e-12)).astype(np.float32)
        word_near = float((share * base.word_length * (columns.T * unit).sum(axis=1)).sum())
        columns = np.ascontiguousarray(np.column_stack([columns, unit]))
    made = Assigner(
        weights=np.ascontiguousarray(
            np.column_stack([weights[:, :count], solved, weights[:, count:], centroid]),
            dtype=np.float32,
        ),
        bias=np.append(assigner.bias, np.float32(bias)),
        words=columns if len(assigner.words) else np.zeros((0, count + 1), dtype=np.float32),
        near=np.column_stack([assigner.near, np.array([near, word_near], dtype=np.float32)]),
        floor=assigner.floor, temperature=assigner.temperature,
    )  # fmt: skip
    cosine = (rows * centroid).sum(axis=1, dtype=np.float64)
    grown = Base(
        base.spread,
        np.append(base.length, np.float32(corrected_length(length, len(rows)))),
        np.append(base.word_length, np.float32(word_length)),
        np.append(base.low, np.float32(low_cosine(cosine, length))),
        np.append(base.size, len(rows)),
    )
    return made, grown


def renewed(
    assigner: Assigner, base: Base, sizes: NDArray[np.int64], sums: Floats, moments: Floats,
    words: Any,
) -> tuple[Assigner, Base]:  # fmt: skip
    """Give discriminants that know the stream too: means, covariance, priors, words.

    Parameters
    ----------
    assigner, base
        Of the fit.
    sizes : int64 (l,)
        Passages of the stream by column.
    sums : float64 (l, d)
        Of their vectors.
    moments : float64 (d, d)
        Of their differences to the means of `base`.
    words : CSR (l, v) or None
        Sums of their TF-IDF rows.
    """
    count = assigner.leaves
    whole = np.maximum(base.size + sizes, 1).astype(np.float64)
    before = assigner.weights[:, count:].T.astype(np.float64) * base.length[:, None]
    means = (before * base.size[:, None] + sums) / whole[:, None]
    moved = (means - before) * np.sqrt(whole)[:, None]
    with single_threaded_blas():
        scatter = base.spread.astype(np.float64) * int(base.size.sum()) + moments
        spread = (scatter - moved.T @ moved) / float(whole.sum())
        solved = np.linalg.solve(regular(spread), means.T)
    bias = np.log(whole / whole.sum()) - 0.5 * (means * solved.T).sum(axis=1)
    length = np.linalg.norm(means, axis=1)
    centroids = means / np.maximum(length, 1e-12)[:, None]
    columns, word_length = assigner.words, base.word_length
    if words is not None and len(columns):
        weight = base.word_length.astype(np.float64) * base.size
        total = columns.T.astype(np.float64) * weight[:, None] + words.toarray()
        norm = np.linalg.norm(total, axis=1)
        columns = np.ascontiguousarray((total / np.maximum(norm, 1e-12)[:, None]).T, np.float32)
        word_length = (norm / whole).astype(np.float32)
    made = replace(
        assigner, bias=bias.astype(np.float32), words=columns,
        weights=np.ascontiguousarray(np.hstack([solved, centroids.T]), dtype=np.float32),
    )  # fmt: skip
    after = Base(
        spread.astype(np.float32), length.astype(np.float32), word_length, base.low,
        base.size + sizes,
    )  # fmt: skip
    return made, after


def regular(spread: Floats) -> Floats:
    """Draw a covariance to a multiple of the identity, as `Assigner.fit` does."""
    from isogloss.topics.assign import SHRINKAGE

    d = len(spread)
    level = float(np.trace(spread)) / max(1, d)
    out = (1.0 - SHRINKAGE) * spread
    out[np.diag_indices(d)] += SHRINKAGE * level + 1e-4 / max(1, d)
    return out
