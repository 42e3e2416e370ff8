"""What a topic is about: keywords that tell it from the others, a label, exemplars.

A word's worth for a topic is the F-measure of its share of the topic's documents (recall) and of
the topic's part in the sum of these shares over the topics (precision): feature maximization,
Lamirel et al. 2015, with a precision of 0 for an even spread, which keeps function words out.
Among a topic's best words, those are taken that also occur together (NPMI). Decision 6 has the
figures that chose this.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.topics.inner_names import naming_words
from isogloss.topics.word_choice import Candidates, Pool, coherent, meetings, npmi_of_pairs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Keywords", "chosen_keywords", "descent", "topic_keywords", "topic_labels"]

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Nearness: TypeAlias = Callable[[list[str], list[Ids]], list[Floats]]


@dataclass(frozen=True, slots=True)
class Keywords:
    """Words of one topic, best first.

    Parameters
    ----------
    words : list of str
    scores : list of float
        In [0, 1]: how well the presence of the word tells the topic's documents.
    """

    words: list[str]
    scores: list[float]


def topic_keywords(
    document_counts: "csr_matrix | NDArray[Any]",
    vocabulary: Sequence[str],
    *,
    parent: NDArray[np.integer[Any]] | None = None,
    sizes: NDArray[np.integer[Any]],
    counts: "csr_matrix | Iterable[csr_matrix] | None" = None,
    stop_words: Collection[str] = (),
    n: int = 10,
    coherence: float = 2.0,
    exclusive: float = 2.0,
    candidates: int = 30,
    min_documents: int = 3,
    phrase_worth: float = 0.8,
    nearness: Nearness | None = None,
) -> list[Keywords]:
    """Choose keywords for every topic of a tree.

    A leaf is compared with all leaves; an inner topic with its siblings and those of its
    ancestors, by words that are uneven over the leaves. Words without two letters or mostly of
    digits, stop words, and forms of a word already chosen (car, cars) are left out.

    Parameters
    ----------
    document_counts : (t, v) dense or csr
        For each leaf, in how many of its documents each word occurs (not how often). Leaves are
        the nodes without children, by rising node number.
    vocabulary : list of str (v,)
    parent : int (nodes,), optional
        Parent of each node, -1 for a root. By default all t topics are roots.
    sizes : int (t,)
        Documents in each leaf.
    counts : csr (n, v) or iterable of such batches, optional
        Words of the documents, read once, to see which words occur together; a sample will do.
        Without it words are chosen by their own worth only.
    stop_words : collection of str
        Never chosen.
    n : int
        Keywords a topic; fewer where a topic has fewer words.
    coherence : float
        Weight of the mean NPMI with the words chosen so far against the logarithm of the worth.
    exclusive : float
        The worth of a word falls with this power of its share of the topic's documents over its
        largest share in any topic that it is compared with. 0 shares words freely; the larger,
        the fewer words stand in two topics.
    candidates : int
        How many words of highest worth compete.
    min_documents : int
        A word needs that many documents of the topic, while there are enough such words.
    phrase_worth : float
        An entry of the vocabulary with a space is a phrase. It takes the place of its parts when
        it is worth at least that share of the best of them, and is left out otherwise.
    nearness : callable, optional
        Takes the words that compete in any topic, and the places of each topic's words among
        these; gives for each topic what is added to the logarithm of their worth, float64 (w,).
        See `isogloss.topics.keyword_rules.near_centres`.

    Returns
    -------
    list of Keywords (nodes,)
        By node number; equal worth goes by word.

    Raises
    ------
    ParameterError
        When shapes do not fit.

    Notes
    -----
    Time: one pass over the nonzeros of `document_counts` and one sparse product of the
    candidates' columns of `counts`. Memory: depth of the tree times v, and candidates squared
    for each node.

    Examples
    --------
    >>> found = topic_keywords(
    ...     np.array([[9, 8, 0, 9], [0, 1, 9, 9]]),
    ...     ["cat", "paw", "moon", "the"],
    ...     sizes=np.array([10, 10]),
    ...     n=1,
    ... )
    >>> [topic.words for topic in found]
    [['cat'], ['moon']]
    """
    from scipy.sparse import csr_matrix

    leaf_counts = csr_matrix(document_counts, dtype=np.float64)
    leaves, links = leaf_counts.shape[0], parent
    tree = np.full(leaves, -1) if links is None else np.asarray(links, dtype=np.int64)
    size = np.asarray(sizes, dtype=np.float64)
    leaf_ids = np.setdiff1d(np.arange(tree.size), tree)
    if leaf_counts.shape != (leaf_ids.size, len(vocabulary)) or size.shape != (leaf_ids.size,):
        raise ParameterError(
            f"document_counts is {leaf_counts.shape}, sizes {size.shape}, the tree has "
            f"{leaf_ids.size} leaves and the vocabulary {len(vocabulary)} words: give one row "
            "and size a leaf, one column a word"
        )
    if n < 1 or candidates < n:
        raise ParameterError(f"n={n!r}, candidates={candidates!r}: give 1 <= n <= candidates")
    above = descent(tree, leaf_ids)
    node_counts = (above @ leaf_counts).tocsr()
    node_sizes = np.maximum(above @ size, 1.0)
    picker = Candidates(
        vocabulary, stop_words=stop_words, n=n, most=candidates, min_documents=min_documents,
        phrase_worth=phrase_worth,
    )  # fmt: skip
    pools = [Pool(np.empty(0, np.int64), np.empty(0))] * tree.size
    for node, words, worth in _worth(node_counts, node_sizes, tree, leaf_ids, exclusive):
        documents = node_counts.data[node_counts.indptr[node] : node_counts.indptr[node + 1]]
        pools[node] = picker.pool(words, worth, documents)
    return chosen_keywords(
        pools, vocabulary, n=n, counts=counts, coherence=coherence, nearness=nearness
    )


def chosen_keywords(
    pools: Sequence[Pool],
    vocabulary: Sequence[str],
    *,
    n: int,
    counts: "csr_matrix | Iterable[csr_matrix] | None",
    coherence: float,
    nearness: Nearness | None = None,
) -> list[Keywords]:
    """Choose keywords among the words that compete.

    Parameters
    ----------
    pools : list of Pool
        One a topic.
    vocabulary, n, counts, coherence, nearness
        As in `topic_keywords`.

    Returns
    -------
    list of Keywords
    """
    total, pairs = meetings(pools, counts) if counts is not None and coherence > 0 else (0, [])
    added: Sequence[Floats | None] = [None] * len(pools)
    if nearness is not None:
        competing = np.unique(np.concatenate([*(p.words for p in pools), np.empty(0, np.int64)]))
        added = nearness(
            [vocabulary[int(word)] for word in competing],
            [np.searchsorted(competing, pool.words) for pool in pools],
        )
    found = []
    for row, pool in enumerate(pools):
        npmi = npmi_of_pairs(total, pairs[row]) if pairs else None
        places = coherent(pool, n=n, npmi=npmi, coherence=coherence, nearness=added[row])
        found.append(
            Keywords(
                [vocabulary[int(pool.words[place])] for place in places],
                [round(float(pool.worth[place]), 6) for place in places],
            )
        )
    return found


def descent(parent: Ids, leaf_ids: Ids) -> "csr_matrix":
    """Ones (nodes, leaves) where a leaf lies under a node, itself included."""
    from scipy.sparse import csr_matrix

    rows, columns = [], []
    for column, leaf in enumerate(leaf_ids):
        node, steps = int(leaf), 0
        while node != -1:
            if steps > parent.size or not 0 <= node < parent.size:
                raise ParameterError(f"parent: node {int(leaf)} has no way to a root (-1)")
            rows.append(node)
            columns.append(column)
            node, steps = int(parent[node]), steps + 1
    ones = np.ones(len(rows))
    return csr_matrix((ones, (rows, columns)), shape=(parent.size, leaf_ids.size))


def _worth(
    counts: "csr_matrix", sizes: Floats, parent: Ids, leaf_ids: Ids, exclusive: float
) -> Iterable[tuple[int, Ids, Floats]]:
    """Give each node's words with their F-measure, less where another node has them more."""

    def share(node: int) -> tuple[Ids, Floats]:
        part = slice(counts.indptr[node], counts.indptr[node + 1])
        return counts.indices[part], counts.data[part] / sizes[node]

    def add(node: int, total: Floats, most: Floats) -> None:
        words, recall = share(node)
        total[words] += recall
        most[words] = np.maximum(most[words], recall)

    def judge(node: int, total: Floats, most: Floats, rivals: int) -> tuple[int, Ids, Floats]:
        words, recall = share(node)
        precision = recall / total[words]
        if rivals > 1:  # 0 is an even share
            precision = np.maximum(0.0, (precision * rivals - 1) / (rivals - 1))
        worth = 2 * recall * precision / (recall + precision)
        # rounded: the order of the topics changes the last bits of `total`, and no tie may break
        return node, words, np.round(worth * (recall / most[words]) ** exclusive, 12)

    total, most = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for leaf in leaf_ids:
        add(int(leaf), total, most)
    for leaf in leaf_ids:
        yield judge(int(leaf), total, most, leaf_ids.size)
    # with few rivals, or none, function words would pass: ask the leaves about them
    lean = np.sqrt(_unevenness(counts[leaf_ids].multiply(1 / sizes[leaf_ids][:, None]).tocsr()))
    inner = frozenset(range(parent.size)) - frozenset(leaf_ids.tolist())
    children: dict[int, list[int]] = {}
    for node, up in enumerate(parent.tolist()):
        children.setdefault(up, []).append(node)
    stack = [(-1, np.zeros(counts.shape[1]), np.zeros(counts.shape[1]), 0)]
    while stack:
        up, outside, highest, others = stack.pop()
        family = children.get(up, [])
        if not any(node in inner for node in family):
            continue
        total, most = outside.copy(), highest.copy()
        rivals = others + len(family)
        for node in family:
            add(node, total, most)
        for node in family:
            if node not in inner:
                continue
            row, words, worth = judge(node, total, most, rivals)
            yield row, words, np.round(worth * lean[words], 12)
            rest, top = outside.copy(), highest.copy()
            for sibling in family:
                if sibling != node:
                    add(sibling, rest, top)
            stack.append((node, rest, top, rivals - 1))


def _unevenness(shares: "csr_matrix") -> Floats:
    """Give 0 for a word that is spread evenly over the leaves, 1 for a word of one leaf only."""
    leaves = shares.shape[0]
    total = np.maximum(np.asarray(shares.sum(axis=0)).ravel(), 1e-300)
    logs = shares.copy()
    logs.data = logs.data * np.log(np.maximum(logs.data, 1e-300))
    entropy = np.log(total) - np.asarray(logs.sum(axis=0)).ravel() / total
    return np.asarray(np.clip(1 - entropy / np.log(max(leaves, 2)), 0.0, 1.0), dtype=np.float64)


def topic_labels(
    keywords: Sequence[Keywords],
    *,
    words: int = 3,
    parent: NDArray[np.integer[Any]] | None = None,
    sizes: NDArray[np.integer[Any]] | None = None,
    names: Sequence[str] | None = None,
) -> list[str]:
    """Name each topic by its first keywords, as many as make all names distinct.

    In a tree, an inner topic takes a word of each of its larger parts, so that it is not called as
    one of them is (`isogloss.topics.inner_names`).

    Parameters
    ----------
    keywords : list of Keywords
    words : int
        Keywords in a label; two topics of one name take more.
    parent, sizes : int (t,), optional
        The topic above each, -1 for roots, and passages in each.
    names : list of str (t,), optional
        Names that topics have already and keep, each its own; empty for those to be named.

    Returns
    -------
    list of str
        ``"(no words)"`` for a topic without keywords; numbers tell apart what words cannot.

    Examples
    --------
    >>> topic_labels([Keywords(["space", "moon"], [0.5, 0.4]), Keywords(["space"], [0.1])], words=1)
    ['space, moon', 'space']
    >>> words = [Keywords(["orbit"], [0.5]), Keywords(["space", "moon"], [0.5, 0.4])]
    >>> topic_labels(words, words=1, names=["space", ""])
    ['space', 'space, moon']
    """
    given = [""] * len(keywords) if names is None else list(names)
    told = [topic.words for topic in keywords]
    if parent is not None and sizes is not None:
        told = naming_words(told, parent, sizes, words=words)
    lengths = [words] * len(told)

    def name(row: int) -> str:
        return given[row] or ", ".join(told[row][: lengths[row]]) or "(no words)"

    while True:
        groups: dict[str, list[int]] = {}
        for row in range(len(told)):
            groups.setdefault(name(row), []).append(row)
        longer = [
            row
            for rows in groups.values()
            if len(rows) > 1
            for row in rows
            if not given[row] and lengths[row] < len(told[row])
        ]
        if not longer:
            break
        for row in longer:
            lengths[row] += 1
    found = [name(row) for row in range(len(told))]
    taken = set(found)
    for text, rows in groups.items():
        first = next((row for row in rows if given[row]), rows[0])
        for row in rows:
            if row != first and not given[row]:
                numbered = (f"{text} ({number})" for number in count(2))
                found[row] = next(one for one in numbered if one not in taken)
                taken.add(found[row])
    return found
