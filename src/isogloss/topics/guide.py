"""Seeds: topics that are asked for by words or passages, and attract what resembles them.

Each seed becomes a node of the graph, tied to the passages that hold its words or are named. The
cut of that graph is free everywhere else, so what no seed attracts is found as without seeds.
"""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, nearest
from isogloss.topics.communities import row_sums
from isogloss.topics.tree import checked_name

Ints = NDArray[np.int32]

# An anchor's tie to its seed, as a multiple of all its other ties together.
PULL = 0.5
# Passages whose mean likeness to a seed's words counts as full.
CLEAREST = 20
# Likeness below this share of it is no anchor.
LEAST_LIKENESS = 0.25
# Where two seeds share a community: share of a passage's own evidence, and rounds of spreading.
OWN, ROUNDS = 0.15, 30


@dataclass(frozen=True, eq=False)
class Seeds:
    """Seeds of a fit, in terms of its passages.

    Parameters
    ----------
    names : tuple of str
    anchors : float64 CSR (n, s)
        How clearly each passage speaks for each seed, 0..1; at most one seed a passage.
    """

    names: tuple[str, ...]
    anchors: Any

    @property
    def count(self) -> int:
        """Number of seeds."""
        return len(self.names)

    def places(self, take: int) -> NDArray[np.intp]:
        """Give the first rows, and of each seed the clearest anchors besides; int (m,), rising."""
        held = self.anchors.tocsc()
        parts = [np.arange(take)]
        for seed in range(self.count):
            part = slice(held.indptr[seed], held.indptr[seed + 1])
            rows, value = held.indices[part], held.data[part]
            best = rows[np.lexsort((rows, -value))]
            parts.append(best[: max(CLEAREST, int((value >= 1.0).sum()))])
        return np.unique(np.concatenate(parts))

    def only(self, places: NDArray[np.intp]) -> "Seeds":
        """Give the same seeds for some rows."""
        return Seeds(self.names, self.anchors[places])


def read_seeds(
    seeds: Mapping[str, Sequence[str | int]], rows: NDArray[np.float32], words: Any,
    vocabulary: Sequence[str] | None, order: NDArray[np.intp],
) -> Seeds:  # fmt: skip
    """Find the passages that speak for each seed.

    Parameters
    ----------
    seeds : mapping of str to sequence of str or int
        Words of the vocabulary, and numbers of passages.
    rows : float32 (n, d)
        Vectors in the order of the fit; an empty passage speaks for nothing.
    words : float32 CSR (n, v) or None
        Unit TF-IDF rows.
    vocabulary : sequence of str (v,), optional
    order : int (n,)
        The passage at each row.

    Returns
    -------
    Seeds

    Raises
    ------
    ParameterError
        For an empty seed, a name that `rename` would refuse or that two seeds share, a word that
        is not in the vocabulary, a number that is no passage, or two seeds with one passage.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
    >>> words = sp.csr_matrix(rows)
    >>> found = read_seeds({"a": ["x"], "b": [2]}, rows, words, ["x", "y"], np.arange(3))
    >>> found.anchors.toarray().round(2).tolist()
    [[1.0, 0.0], [0.75, 0.0], [0.0, 1.0]]
    """
    seeds = named_seeds(seeds)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    likeness = np.zeros((len(order), len(seeds)))
    named: dict[int, str] = {}
    for column, (name, given) in enumerate(seeds.items()):
        asked = [item for item in given if isinstance(item, str)]
        numbers = [_passage(name, item) for item in given if not isinstance(item, str)]
        if asked:
            likeness[:, column] = _likeness(name, asked, words, vocabulary)
        for number in numbers:
            if not 0 <= number < len(order):
                raise ParameterError(f"seed {name!r} names passage {number} of {len(order)}")
            if named.setdefault(number, name) != name:
                raise ParameterError(f"seeds {named[number]!r} and {name!r} share passage {number}")
    best = likeness.argmax(axis=1)
    every = np.arange(len(order))
    anchors = np.zeros_like(likeness)
    anchors[every, best] = likeness[every, best]
    full: NDArray[np.bool_] = np.asarray(rows.any(axis=1))
    if words is not None:
        full |= np.diff(words.indptr) > 0
    for number, name in named.items():
        anchors[place[number]] = 0.0
        anchors[place[number], list(seeds).index(name)] = 1.0
    anchors[~full] = 0.0
    lost = [name for name, part in zip(seeds, anchors.T, strict=True) if not part.any()]
    if lost:
        mine = list(seeds[lost[0]])
        same = [name for name in seeds if name != lost[0] and list(seeds[name]) == mine]
        said = f" (seed {same[0]!r} has the same)" if same else ""
        raise ParameterError(f"no passage speaks for seed {lost[0]!r}{said}: give other words")
    return Seeds(tuple(seeds), sp.csr_matrix(anchors))


def named_seeds(
    seeds: Mapping[Any, Any], *, of: str = "words or passage numbers"
) -> dict[str, Any]:
    """Give the seeds under the names that their topics will have; refuse what is no seed.

    Parameters
    ----------
    seeds : mapping of str to sequence
    of : str
        What a seed is a list of, for the message.

    Raises
    ------
    ParameterError
        For an empty seed, a name that `rename` would refuse or that two seeds share.

    Examples
    --------
    >>> named_seeds({" ships ": ["hull", "mast"]})
    {'ships': ['hull', 'mast']}
    """
    named: dict[str, Any] = {}
    for name, given in seeds.items():
        plain = isinstance(given, Sized) and not isinstance(given, str | bytes)
        if not isinstance(name, str) or not name.strip() or not plain or not len(given):
            raise ParameterError(f"seed {name!r} is {given!r}: give a name and a list of {of}")
        shown = checked_name(name, of="a seed")
        if shown in named:
            raise ParameterError(f"two seeds are called {shown!r}: give each its own name")
        named[shown] = given
    return named


def _passage(seed: str, item: Any) -> int:
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    raise ParameterError(
        f"seed {seed!r} has {item!r}: give words, or numbers of passages (whole ones, from 0)"
    )


def _likeness(
    name: str, asked: list[str], words: Any, vocabulary: Sequence[str] | None
) -> NDArray[np.float64]:
    """Cosine of each passage to a seed's words, 1 for the clearest."""
    if words is None or vocabulary is None:
        raise ParameterError(
            f"seed {name!r} has words: give fit the counts and the vocabulary, or seed passages"
        )
    column = {word: number for number, word in enumerate(vocabulary)}
    if len(column) != words.shape[1]:
        raise ParameterError(f"the vocabulary has {len(column)} words, counts {words.shape[1]}")
    missing = [word for word in asked if word not in column]
    if len(missing) == len(asked):
        raise ParameterError(
            f"seed {name!r}: {missing[0]!r} is not in the vocabulary (words of too few passages, "
            f"or of too many, tell no topics apart); {_close(missing[0], column)}"
        )
    columns = sorted({column[word] for word in asked if word in column})
    found = np.asarray(words[:, columns].sum(axis=1), dtype=np.float64).ravel()
    found /= np.sqrt(len(columns))
    held = np.sort(found[found > 0])[::-1]
    if not len(held):
        return found
    share = np.minimum(found / held[:CLEAREST].mean(), 1.0)
    return np.where(share >= LEAST_LIKENESS, share, 0.0)


def _close(word: str, known: Mapping[str, int]) -> str:
    hint = nearest(word, known)
    return hint if hint.startswith("did") else "give a word that occurs in the passages"


def with_seeds(graph: Any, seeds: Seeds) -> tuple[Any, float]:
    """Give the graph with a node for each seed, and what its resolution is to be multiplied by.

    Seeds add weight to the graph; the factor makes the cut as fine as without them elsewhere.
    """
    strengths = row_sums(graph)
    ties = sp.diags(PULL * strengths) @ seeds.anchors
    whole = sp.bmat([[graph, ties], [ties.T, None]]).tocsr()
    whole.sort_indices()
    total = float(strengths.sum())
    return whole, float(whole.data.sum()) / total if total > 0 else 1.0


def seeded_communities(graph: Any, labels: Ints, seeds: Seeds) -> Ints:
    """Give each seed one community of its own: seeds get 0, 1, ..., free communities follow.

    Parameters
    ----------
    graph : CSR (n, n)
        Without the seeds.
    labels : int32 (n + s,)
        Communities of the graph with the seeds; -1 for none.
    seeds : Seeds

    Returns
    -------
    int32 (n,)
    """
    n, s = graph.shape[0], seeds.count
    own = labels[n:]
    out = np.where(labels[:n] >= 0, labels[:n] + s, -1).astype(np.int32)
    for community in sorted(set(own.tolist()) - {-1}):
        members = np.flatnonzero(labels[:n] == community)
        here = np.flatnonzero(own == community)
        if len(here) == 1:
            out[members] = here[0]
        elif len(members):
            out[members] = here[_spread(graph, members, seeds.anchors[:, here])]
    for seed in range(s):  # one that attracted nobody takes its clearest anchors
        if not (out == seed).any():
            part = seeds.anchors[:, [seed]].toarray().ravel()
            out[part >= 0.5 * part.max()] = seed
    return out


def _spread(graph: Any, members: NDArray[np.intp], anchors: Any) -> NDArray[np.int64]:
    """Part passages among seeds: evidence spreads over the edges, and the most wins."""
    inner = graph[members][:, members].tocsr()
    strengths = row_sums(inner)
    step = sp.diags(np.divide(1.0, strengths, out=np.zeros_like(strengths), where=strengths > 0))
    evidence = anchors[members].toarray()
    evidence = evidence / np.maximum(evidence.sum(axis=0, keepdims=True), 1e-12)
    held = evidence
    for _ in range(ROUNDS):
        held = (1.0 - OWN) * (step @ (inner @ held)) + OWN * evidence
    return np.asarray(np.round(held, 15).argmax(axis=1), dtype=np.int64)
