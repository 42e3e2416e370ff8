"""Measure a topic model: its words, its agreement with labels, what it left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss.evaluate.coherence import coherence_score, cv, diversity_score, npmi
from isogloss.evaluate.cooccurrence import count_documents, count_windows, word_lists
from isogloss.evaluate.diversity import inverted_rbo_score
from isogloss.evaluate.partition import factorize, partition_scores, share_score
from isogloss.evaluate.score import Score

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["TopicEvaluation", "evaluate_topics"]


@dataclass(frozen=True, slots=True)
class TopicEvaluation:
    """All scores of one topic model.

    Parameters
    ----------
    topics : int
        Leaf topics.
    documents : int
        Documents (passages) in all.
    labelled : int
        Documents with a gold label.
    scores : mapping of str to Score
        By name; see `evaluate_topics`.
    skipped : mapping of str to str
        Metrics that were not computed, and why.
    """

    topics: int
    documents: int
    labelled: int
    scores: Mapping[str, Score]
    skipped: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Score:
        return self.scores[name]

    def with_scores(
        self, scores: Mapping[str, Score], skipped: Mapping[str, str]
    ) -> "TopicEvaluation":
        """Give the same evaluation with other scores and reasons."""
        return replace(self, scores=dict(scores), skipped=dict(skipped))

    def to_json(self) -> dict[str, Any]:
        """Give the shape of ``isogloss evaluate topics --json``.

        ``unassigned`` is a plain share; its interval stands under ``unassigned_interval``.
        """
        out: dict[str, Any] = {
            "topics": self.topics,
            "documents": self.documents,
            "labelled": self.labelled,
        }
        for name, score in self.scores.items():
            if name == "unassigned":
                out[name] = round(score.value, 6)
                out["unassigned_interval"] = score.to_json()
            else:
                out[name] = score.to_json()
        out["notes"] = {name: score.notes for name, score in self.scores.items() if score.notes}
        out["skipped"] = dict(self.skipped)
        return out


def evaluate_topics(
    labels: NDArray[np.integer[Any]],
    keywords: Sequence[Sequence[str]],
    *,
    gold: Iterable[Any] | None = None,
    counts: "csr_matrix | Iterable[csr_matrix] | None" = None,
    vocabulary: Sequence[str] | None = None,
    texts: Iterable[Sequence[str]] | None = None,
    window: int = 10,
    top: int = 10,
    with_cv: bool = False,
    cv_texts: Iterable[Sequence[str]] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> TopicEvaluation:
    """Score topics by their words and, where there are labels, by agreement with them.

    Parameters
    ----------
    labels : int (n,)
        Leaf topic of each document, -1 for none.
    keywords : list of list of str
        Words of each leaf topic, best first.
    gold : iterable (n,), optional
        One label a document, of any type; null for none.
    counts : csr (n, v) or iterable of such batches, optional
        Words of the documents, for document coherence; with `vocabulary`, the v words. May be
        another corpus (held-out documents).
    texts : iterable of list of str, optional
        Tokens of each text in order, for window coherence.
    window : int
        Tokens in a sliding window.
    top : int
        How many words of each topic count.
    with_cv : bool
        Also C_v over `texts`, by gensim (extra ``eval``); slow, and holds the texts.
    cv_texts : iterable of list of str, optional
        Tokens of other texts for C_v, a sample as a rule; they are held. Read after `texts`.
    resamples, seed
        Of every bootstrap interval.

    Returns
    -------
    TopicEvaluation
        ``npmi`` (documents, a pair that never meets counts -1), ``npmi_window``, ``c_v``,
        ``diversity``, ``inverted_rbo``, ``unassigned``, and those of `partition_scores`.

    Raises
    ------
    ParameterError
        When lengths do not fit, a label is a list, a number is out of range, or texts or keywords
        are no lists of strings.
    MissingExtra
        When C_v is asked for without gensim.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> report = evaluate_topics(
    ...     np.array([0, 0, 1, 1]),
    ...     [["cat", "dog"], ["moon", "sun"]],
    ...     gold=["pets", "pets", "sky", "sky"],
    ...     counts=csr_matrix([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]),
    ...     vocabulary=["cat", "dog", "moon", "sun"],
    ... )
    >>> report["npmi"].value, report["nmi"].value, report["diversity"].value
    (1.0, 1.0, 1.0)
    """
    assigned = np.asarray(labels)
    if assigned.ndim != 1 or not np.issubdtype(assigned.dtype, np.integer):
        raise ParameterError(
            f"labels is {assigned.dtype} {assigned.shape}: give one integer a document, -1 for none"
        )
    whole_number(window, "window", 2)
    whole_number(top, "top", 1)
    whole_number(resamples, "resamples", 1)
    whole_number(seed, "seed", 0)
    keywords = list(word_lists(keywords, "keywords"))
    if gold is not None and (isinstance(gold, str) or not hasattr(gold, "__iter__")):
        raise ParameterError(f"gold is {gold!r}: give one label a document, null for none")
    scores: dict[str, Score] = {}
    skipped: dict[str, str] = {}
    how = {"resamples": resamples, "seed": seed}
    if counts is not None:
        if vocabulary is None:
            raise ParameterError("counts came without vocabulary: give the word of each column")
        pairs = count_documents(keywords, counts, vocabulary, top=top)
        note = f"whole documents, top {top} words, a pair that never meets counts -1"
        scores["npmi"] = coherence_score("npmi", npmi(pairs), bounds=(-1, 1), notes=note, **how)
    else:
        skipped["npmi"] = "needs word counts"
    if texts is not None:
        held = list(word_lists(texts, "texts")) if with_cv else texts
        pairs = count_windows(keywords, held, window=window, top=top)
        note = f"windows of {window} tokens, top {top} words, as c_npmi"
        scores["npmi_window"] = coherence_score(
            "npmi_window", npmi(pairs, never="epsilon"), bounds=(-1, 1), notes=note, **how
        )
        if with_cv and cv_texts is None:
            cv_texts = held
    else:
        skipped["npmi_window"] = "needs texts"
    if cv_texts is not None:
        held = list(word_lists(cv_texts, "cv_texts"))
        note = f"windows of 110 tokens in {len(held):,} texts, top {top} words, by gensim"
        values = cv(keywords, held, top=top)
        scores["c_v"] = coherence_score("c_v", values, bounds=(0, 1), notes=note, **how)
    if "c_v" not in scores:
        skipped["c_v"] = "not asked for" if not with_cv else "needs texts"
    scores["diversity"] = diversity_score(keywords, top=top, **how)
    scores["inverted_rbo"] = inverted_rbo_score(keywords, top=top, **how)
    labelled = 0
    if gold is not None:
        classes = factorize(gold)
        if classes.size != assigned.size:
            raise ParameterError(
                f"gold has {classes.size} labels and there are {assigned.size} documents: "
                "give one each, null for none"
            )
        labelled = int((classes != -1).sum())
        scores |= partition_scores(assigned, classes, **how)
    if not labelled:
        reason = "needs gold labels" if gold is None else "every gold label is null"
        skipped |= dict.fromkeys(("nmi", "ari", "ami", "purity"), reason)
    scores["unassigned"] = share_score(
        "unassigned", assigned == -1, better=False, resamples=resamples, seed=seed
    )
    return TopicEvaluation(len(keywords), int(assigned.size), labelled, scores, skipped)
