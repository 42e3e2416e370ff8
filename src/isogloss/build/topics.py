"""Topics of a build: fitted on the sample, assigned shard by shard, named from their words."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.events import Event, OnEvent
from isogloss._core.files import write_json
from isogloss._core.plural import plural
from isogloss._core.tensors import load_tensors, save_tensors
from isogloss.build.sample import Sample, draw_sample, sample_texts, sample_vectors
from isogloss.build.settings import BuildSettings
from isogloss.build.stages import in_batches, kept_folder, sample_key
from isogloss.build.topic_settings import topics_of
from isogloss.store.workspace import Shard, Workspace
from isogloss.topics.asked import DEFAULTS, model_options

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder
    from isogloss.text import Vocabulary
    from isogloss.topics.model import TopicModel
    from isogloss.topics.tree import TopicTree

# Passages whose words are looked at together when keywords are chosen.
KEYWORD_PASSAGES = 20_000
KEYWORDS = 10
# A topic with less than this share of the passages of its seed's words, and made of them by less
# than this share, is of something else.
FEW_OF_SEED = 0.4
EXEMPLARS = 3


@dataclass(slots=True)
class Topics:
    """What was fitted: the words that count, and the model.

    Parameters
    ----------
    vocabulary : Vocabulary
    model : TopicModel
    folder : Path
        Where both are saved.
    """

    vocabulary: "Vocabulary"
    model: "TopicModel"
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> "Topics":
        """Load what `fit_topics` saved."""
        from isogloss.text import Vocabulary
        from isogloss.topics.model import TopicModel

        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        model = TopicModel.from_arrays(load_tensors(folder / "model.safetensors"), about)
        return cls(Vocabulary.load(folder / "vocabulary"), model, folder)


def fit_topics(
    workspace: Workspace,
    shards: list[Shard],
    encoder: "Encoder",
    settings: BuildSettings,
    *,
    on_event: OnEvent,
) -> Topics:
    """Fit vocabulary and topics on the sample; a fit that was finished before is taken.

    Returns
    -------
    Topics
    """
    sample = _sample(workspace, shards, settings)
    total = len(sample.places)
    key = sample_key(sample, shards, encoder.fingerprint, settings.seed, topics_of(settings))

    def make(folder: Path) -> None:
        from isogloss.topics.graph import knows_other_texts
        from isogloss.topics.model import TopicModel

        on_event(Event("find topics", message=f"counting the words of {plural(total, 'passage')}"))
        vocabulary, counts = _sample_words(workspace, shards, sample, encoder)
        vectors = sample_vectors(workspace, shards, sample, encoder.fingerprint, encoder.dim)
        on_event(Event("find topics", message=f"a graph of {plural(total, 'passage')}"))
        model = TopicModel(
            even_edges=knows_other_texts(encoder.spec), random_state=settings.seed,
            **model_options(settings.identity()),
        ).fit(vectors, counts, vocabulary=vocabulary.words if settings.seeds else None)  # fmt: skip
        arrays, about = model.to_arrays()
        vocabulary.save(folder / "vocabulary")
        save_tensors(folder / "model.safetensors", arrays)
        write_json(folder / "model.json", about)

    on_event(Event("find topics", 0, total, "passages"))
    folder = kept_folder(workspace, "topics", key, make)
    on_event(Event("find topics", total, total, "passages"))
    topics = Topics.load(folder)
    _tell_least_size(topics.model, on_event)
    return topics


def _tell_least_size(model: "TopicModel", on_event: OnEvent) -> None:
    """Warn where topics may be smaller than was asked for; the default is no wish of anybody."""
    wanted = model.min_topic_size
    least = getattr(model, "min_topic_size_", wanted)
    if least < wanted and wanted != DEFAULTS["min_topic_size"]:
        message = (
            f"min_topic_size is {wanted:,}, but topics of {plural(least, 'passage')} stay: it is a "
            "twentieth of the passages that are looked at, at most"
        )
        on_event(Event("find topics", message=message, level="warning"))


def _sample(workspace: Workspace, shards: list[Shard], settings: BuildSettings) -> Sample:
    return draw_sample(
        workspace, shards, rows=settings.sample_rows, size=settings.sample_bytes,
        seed=settings.seed,
    )  # fmt: skip


def _sample_words(
    workspace: Workspace, shards: list[Shard], sample: Sample, encoder: "Encoder"
) -> tuple["Vocabulary", Any]:
    """Give the vocabulary of a sample, and how often each word stands in each of its passages."""
    from isogloss.text import Vocabulary

    texts = sample_texts(workspace, shards, sample)
    # An encoder that was fitted on this sample has counted its words already.
    vocabulary = getattr(encoder, "vocabulary_", None)
    if vocabulary is None:
        vocabulary = Vocabulary.fit(in_batches(texts), stop_words="auto")
    return vocabulary, vocabulary.counts(texts)


def check_seeds(
    workspace: Workspace, shards: list[Shard], encoder: "Encoder", settings: BuildSettings,
    *, on_event: OnEvent,
) -> None:  # fmt: skip
    """Refuse seeds for which no passage of the sample speaks, before anything is encoded.

    Raises
    ------
    ParameterError
        Naming the seed, and what is wrong with its words.
    """
    from isogloss.topics.graph import WordWeights
    from isogloss.topics.guide import read_seeds

    on_event(Event("find topics", message="looking up the words of the seeds"))
    sample = _sample(workspace, shards, settings)
    vocabulary, counts = _sample_words(workspace, shards, sample, encoder)
    seeds = model_options(settings.identity())["seeds"]
    rows = np.zeros((counts.shape[0], 1), dtype=np.float32)  # seeds of words ask no vectors
    words = WordWeights.fit(counts).transform(counts)
    read_seeds(seeds, rows, words, vocabulary.words, np.arange(len(rows)))
    known = frozenset(vocabulary.words)
    for name, asked in seeds.items():
        if missing := [word for word in asked if word not in known]:
            said = ", ".join(repr(word) for word in missing[:5])
            more = f" and {len(missing) - 5:,} more" if len(missing) > 5 else ""
            message = (
                f"seed {name!r} is sought without {said}{more} (in too few passages, or in too "
                "many, to tell topics apart)"
            )
            on_event(Event("find topics", message=message, level="warning"))


def tell_seeds(topics: Topics, tally: "Tally", settings: BuildSettings, on_event: OnEvent) -> None:
    """Warn of seeds whose topic has few of the passages with their words, and is mostly of others.

    A word that stands in all topics gathers none; and where few topics are asked for, others join.
    """
    tree = topics.model.tree_
    column = leaf_columns(tree.parent)
    place = {word: number for number, word in enumerate(topics.vocabulary.words)}
    leaf_of = {topic.label: topic.id for topic in tree.leaves if topic.label}
    for name, asked in (settings.seeds or {}).items():
        if name not in leaf_of:
            continue
        leaf = column[leaf_of[name]]
        size = max(1, int(tally.sizes[leaf]))
        words = [place[word] for word in asked if word in place]
        held = tally.document_counts[leaf, words]
        every = np.maximum(tally.document_counts[:, words].sum(axis=0), 1)
        if words and (held / every).max() < FEW_OF_SEED and held.max() / size < FEW_OF_SEED:
            best = int(np.argmax(held / every))
            message = (
                f"seed {name!r}: its topic has {held[best]:,} of the {every[best]:,} passages with "
                f"{topics.vocabulary.words[words[best]]!r} and {size - held[best]:,} without: the "
                "word is spread over the topics (a filter finds it: search, or explore)"
            )
            on_event(Event("name topics", message=message, level="warning"))


class Tally:
    """Counts over all passages that names and sizes of topics need.

    Parameters
    ----------
    leaves, words, dim : int
        Leaf topics, words of the vocabulary, length of a vector.
    """

    def __init__(self, leaves: int, words: int, dim: int) -> None:
        self.sizes = np.zeros(leaves, dtype=np.int64)
        self.document_counts = np.zeros((leaves, words), dtype=np.int32)
        self.centres = np.zeros((leaves, dim), dtype=np.float64)
        self.unassigned = 0

    def add(self, labels: NDArray[np.int32], counts: Any, vectors: NDArray[np.float32]) -> None:
        """Take a batch of passages."""
        import scipy.sparse as sp

        inside = np.flatnonzero(labels >= 0)
        self.unassigned += len(labels) - len(inside)
        leaves, words = self.document_counts.shape
        self.sizes += np.bincount(labels[inside], minlength=leaves)
        owner = np.repeat(labels, np.diff(counts.indptr))
        told = owner >= 0
        cells = owner[told].astype(np.int64) * words + counts.indices[told]
        np.add.at(self.document_counts.reshape(-1), cells, 1)
        ones = np.ones(len(inside), dtype=np.float32)
        belongs = sp.csr_matrix((ones, (labels[inside], inside)), shape=(leaves, len(labels)))
        self.centres += belongs @ vectors


def assign_shards(
    workspace: Workspace, shards: list[Shard], topics: Topics, encoder: "Encoder", key: str,
    *, on_event: OnEvent,
) -> Tally:  # fmt: skip
    """Give every passage of the shards its topics, and count what naming needs.

    Returns
    -------
    Tally
    """
    column = leaf_columns(topics.model.tree_.parent)
    tally = Tally(int(column.max()) + 1, len(topics.vocabulary.words), encoder.dim)
    total = sum(shard.rows for shard in shards)
    done = 0
    for shard, texts, vectors in shard_contents(workspace, shards, encoder):
        counts = topics.vocabulary.counts(texts)
        labels, membership = topics.model.assign(vectors, counts)
        arrays = {
            "topic": labels,
            "start": membership.indptr.astype(np.int64),
            "strength": membership.data.astype(np.float32),
        }
        workspace.put_arrays("assigned", key, shard, arrays)
        tally.add(column[labels], counts, vectors)
        done += shard.rows
        on_event(Event("assign topics", done, total, "passages"))
    return tally


def shard_contents(
    workspace: Workspace, shards: list[Shard], encoder: "Encoder"
) -> Iterator[tuple[Shard, list[str], NDArray[np.float32]]]:
    """Give texts and vectors, shard by shard."""
    for shard in shards:
        texts = workspace.documents(shard, ["text"])["text"].to_pylist()
        yield shard, texts, workspace.arrays("vectors", encoder.fingerprint, shard)["vectors"]


def describe(
    workspace: Workspace, shards: list[Shard], topics: Topics, encoder: "Encoder", tally: Tally,
    key: str, settings: BuildSettings, *, on_event: OnEvent,
) -> "TopicTree":  # fmt: skip
    """Give the topics sizes, keywords, labels and exemplars.

    Returns
    -------
    TopicTree
        Over all passages, not the sample only.
    """
    from isogloss.topics.keyword_rules import default_rule
    from isogloss.topics.keywords import topic_labels
    from isogloss.topics.topic_counts import TopicCounts
    from isogloss.topics.tree import TopicTree
    from isogloss.topics.whole_words import shown_keywords

    on_event(Event("name topics", message="keywords and exemplars"))
    fitted = topics.model.tree_
    size = inner_sizes(fitted.parent, tally.sizes)
    sample = draw_sample(
        workspace, shards, rows=min(KEYWORD_PASSAGES, settings.sample_rows),
        size=settings.sample_bytes, seed=settings.seed,
    )  # fmt: skip
    texts = sample_texts(workspace, shards, sample)
    words = list(topics.vocabulary.words)
    counts = TopicCounts(
        documents=tally.document_counts, vocabulary=words, sizes=tally.sizes,
        parent=fitted.parent, passages=topics.vocabulary.counts(texts), centres=tally.centres,
    )  # fmt: skip
    found = shown_keywords(default_rule(encoder), counts, lambda: texts, n=KEYWORDS)
    exemplars = _exemplars(workspace, shards, encoder, tally, fitted, key)
    tree = TopicTree(parent=fitted.parent, size=size, persistence=fitted.persistence)
    return tree.described(
        labels=topic_labels(found, parent=tree.parent, sizes=tree.size, names=fitted.labels),
        keywords=[topic.words for topic in found],
        exemplars=exemplars,
    )


def leaf_columns(parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give each leaf its row among the leaves: int32 (t + 1,), -1 for inner topics and at the end.

    The last entry is for label -1, so that the array can be indexed with labels.

    Examples
    --------
    >>> leaf_columns(np.array([2, 2, -1, -1])).tolist()
    [0, 1, -1, 2, -1]
    """
    leaf = np.ones(len(parent), dtype=bool)
    leaf[parent[parent >= 0]] = False
    columns = np.full(len(parent) + 1, -1, dtype=np.int32)
    columns[:-1][leaf] = np.arange(int(leaf.sum()))
    return columns


def inner_sizes(parent: NDArray[np.int32], leaf_sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up the sizes of leaves towards the roots: int64 (t,).

    Examples
    --------
    >>> inner_sizes(np.array([2, 2, -1]), np.array([3, 4])).tolist()
    [3, 4, 7]
    """
    size = np.zeros(len(parent), dtype=np.int64)
    for leaf, column in enumerate(leaf_columns(parent)[:-1].tolist()):
        count = int(leaf_sizes[column]) if column >= 0 else 0
        topic = leaf
        while topic >= 0:
            size[topic] += count
            topic = int(parent[topic])
    return size


def _exemplars(
    workspace: Workspace, shards: list[Shard], encoder: "Encoder", tally: Tally,
    tree: "TopicTree", key: str,
) -> list[list[int]]:  # fmt: skip
    from isogloss.topics.exemplars import ExemplarPicker, inner_exemplars

    picker = ExemplarPicker(tally.centres, k=EXEMPLARS)
    column = leaf_columns(tree.parent)
    for shard in shards:
        assigned = workspace.arrays("assigned", key, shard)
        vectors = workspace.arrays("vectors", encoder.fingerprint, shard)["vectors"]
        own = own_strength(assigned["start"], assigned["strength"])
        picker.add(vectors, column[assigned["topic"]], own, workspace.numbers(shard))
    found = inner_exemplars(picker.result(), tree.parent, tally.sizes, k=EXEMPLARS)
    return [ids.tolist() for ids in found]


def own_strength(start: NDArray[np.int64], strength: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take each passage's strength in its leaf, the last of its path; 0 for those of no topic.

    Examples
    --------
    >>> own_strength(np.array([0, 2, 2]), np.array([0.9, 0.5], dtype=np.float32)).tolist()
    [0.5, 0.0]
    """
    last = np.where(np.diff(start) > 0, start[1:] - 1, 0)
    if not len(strength):
        return np.zeros(len(start) - 1, dtype=np.float32)
    return np.where(np.diff(start) > 0, strength[last], np.float32(0)).astype(np.float32)
