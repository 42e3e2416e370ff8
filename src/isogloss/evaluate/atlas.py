"""The scores of a finished atlas."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, EncoderError, MissingExtra, ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.plural import plural
from isogloss.evaluate.human_tasks import TaskSet, make_tasks
from isogloss.evaluate.judges import EncoderJudge, Judge, judge_agreement, judge_scores
from isogloss.evaluate.score import Score
from isogloss.evaluate.task_files import KEY, read_answers, read_key, write_tasks
from isogloss.evaluate.task_scores import score_answers
from isogloss.evaluate.topic_words import TopicWords
from isogloss.evaluate.topics import evaluate_topics

if TYPE_CHECKING:
    from isogloss.atlas import Atlas
    from isogloss.evaluate.stability import Stability
    from isogloss.text import Vocabulary
    from isogloss.topics.tree import TopicTree

MODEL = "atlas"
CV_PASSAGES = 2000  # texts that gensim holds and reads twice
WINDOW_PASSAGES = 20_000  # texts whose sliding windows are counted, one after the other
STABILITY_PASSAGES = 20_000
KEYWORDS = 10
# Agreement of two fits (adjusted Rand index) below which topics depend on the draw.
LOW_AGREEMENT = 0.6


def evaluate_atlas(
    atlas: "Atlas",
    *,
    labels: str | None,
    seed: int = 0,
    stability: int = 0,
    tasks: str | Path | None = None,
    answers: Sequence[str | Path] = (),
    language_model: str | None = None,
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Measure the leaf topics of an atlas; see `Atlas.evaluate_topics`."""
    from scipy.sparse import hstack

    from isogloss.text import Vocabulary
    from isogloss.topics.whole_words import holding, without_spaces

    if answers and tasks is None:
        raise ParameterError("answers need the folder of their tasks: give it with --tasks FOLDER")
    if stability < 0 or stability == 1:
        raise ParameterError(f"stability={stability}: give 2 or more runs, or 0 for none")
    if not len(atlas):
        raise AtlasError(f"{atlas.path} holds no passages: there is nothing to measure")
    vocabulary = Vocabulary.load(atlas.path / atlas.manifest.state / "topics" / "vocabulary")
    columns = ["topic"] + ([labels] if labels is not None else [])
    table = [batch.select(columns) for batch in atlas.passages(columns)]
    assigned = np.concatenate([batch.column("topic").to_numpy() for batch in table])
    gold = None
    if labels is not None:
        gold = [value for batch in table for value in batch.column(labels).to_pylist()]
    leaves = atlas.topics.leaves
    assigned = rows_of_leaves(atlas.topics, assigned)
    tally = _Tally(len(leaves), len(vocabulary), assigned)

    def counts() -> Iterator[Any]:
        for batch in atlas.passages(["text"]):
            found = vocabulary.counts(batch.column("text").to_pylist())
            tally.add(found)
            if whole:
                found = hstack([found, holding(found, vocabulary.words, whole)], format="csr")
            yield found

    keywords = [list(topic.keywords) for topic in leaves]
    known = frozenset(vocabulary.words)
    whole = sorted({w for ws in keywords for w in ws if without_spaces(w) and w not in known})
    # Filled while the windows are counted, which comes first.
    cv_texts: list[list[str]] | None = [] if _has_gensim() else None
    found = evaluate_topics(
        assigned, keywords, gold=gold, counts=counts(),
        vocabulary=[*vocabulary.words, *whole], seed=seed,
        texts=_some_tokens(atlas, seed, cv_texts), cv_texts=cv_texts,
    )  # fmt: skip
    scores: dict[str, Score] = dict(found.scores)
    if len(atlas) > WINDOW_PASSAGES:
        windows = scores["npmi_window"]
        note = f"{windows.notes}; a sample of {WINDOW_PASSAGES:,} passages"
        scores["npmi_window"] = replace(windows, notes=note)
    skipped = dict(found.skipped)
    if cv_texts is None:
        skipped["c_v"] = "needs gensim: pip install 'isogloss[eval]'"
    words = topic_words(keywords, vocabulary, tally)
    further, reasons, told = _word_tasks(
        atlas, words, seed, tasks, answers, language_model, on_event
    )
    scores, skipped = scores | further, skipped | reasons
    if stability and not keywords:
        skipped["stability"] = "the atlas has no topics"
    elif stability:
        scores |= _stability(atlas, vocabulary, stability, seed, on_event)
        if message := unstable(scores, layered=len(atlas.topics) > len(leaves)):
            on_event(Event("evaluate", message=message, level="warning"))
    else:
        skipped["stability"] = (
            "not asked for; --stability 5 fits the topics again with 5 seeds and on 5 resamples"
        )
    out = found.with_scores(scores, skipped).to_json()
    out["notes"] |= told
    return out


def rows_of_leaves(tree: "TopicTree", labels: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Turn labels into rows among the leaves, which an edited tree may hold anywhere.

    Examples
    --------
    >>> from isogloss.topics.tree import TopicTree
    >>> tree = TopicTree(parent=[-1, -1], size=[3, 1], persistence=[1.0, 1.0])
    >>> rows_of_leaves(tree, np.array([1, -1, 0])).tolist()
    [1, -1, 0]
    """
    row = np.full(len(tree) + 1, -1, dtype=np.int64)  # the last is that of -1
    ids = [topic.id for topic in tree.leaves]
    row[ids] = np.arange(len(ids))
    return np.asarray(row[labels], dtype=np.int64)


class _Tally:
    """Counts in how many passages of each leaf each word stands, batch by batch."""

    def __init__(self, leaves: int, words: int, assigned: NDArray[Any]) -> None:
        from scipy.sparse import csr_matrix

        self.counts = csr_matrix((leaves, words), dtype=np.float64)
        self.frequency = np.zeros(words, dtype=np.int64)
        self._assigned = assigned
        self._done = 0

    def add(self, counts: Any) -> None:
        """Take the words of the next passages."""
        from scipy.sparse import csr_matrix

        rows = counts.shape[0]
        labels = self._assigned[self._done : self._done + rows]
        self._done += rows
        marks = csr_matrix(counts > 0, dtype=np.float64)
        inside = np.flatnonzero(labels >= 0)
        ones = np.ones(len(inside))
        belongs = csr_matrix((ones, (labels[inside], inside)), shape=(len(self), rows))
        self.counts = self.counts + belongs @ marks
        self.frequency += np.asarray(marks.sum(axis=0)).ravel().astype(np.int64)

    def __len__(self) -> int:
        return int(self.counts.shape[0])


def topic_words(
    keywords: Sequence[Sequence[str]], vocabulary: "Vocabulary", tally: _Tally
) -> TopicWords:
    """Rank each leaf's words: its keywords, then the others by class-based TF-IDF."""
    from scipy.sparse import csr_matrix, hstack

    known = frozenset(vocabulary.words)
    others = list(dict.fromkeys(w for words in keywords for w in words if w not in known))
    idf = np.log1p(tally.frequency.sum() / np.maximum(tally.frequency, 1))
    weights = tally.counts.multiply(idf[None, :]).tocsr()
    if others:  # keywords of several words
        weights = hstack([weights, csr_matrix((len(tally), len(others)))], format="csr")
    return TopicWords.of_weights(
        weights,
        [*vocabulary.words, *others],
        keywords=keywords,
        frequency=np.concatenate([tally.frequency, np.zeros(len(others), dtype=np.int64)]),
    )


def _word_tasks(
    atlas: "Atlas",
    words: TopicWords,
    seed: int,
    folder: str | Path | None,
    answers: Sequence[str | Path],
    language_model: str | None,
    on_event: OnEvent,
) -> tuple[dict[str, Score], dict[str, str], dict[str, str]]:
    """Give scores, reasons of what is left out, and notes."""
    skipped: dict[str, str] = {}
    notes: dict[str, str] = {}
    how_to = "needs answers of people; --tasks FOLDER writes a page and a table for them"
    try:
        made = make_tasks({MODEL: words}, atlas.encoder, seed=seed)
    except (ParameterError, EncoderError, MissingExtra) as error:
        if folder is not None or language_model is not None:
            raise
        return {}, dict.fromkeys(("word tasks", "stand-in"), str(error)), notes
    if made.left_out:
        notes["word tasks"] = "left out: " + "; ".join(
            f"{reason} ({count})" for reason, count in made.left_out.items()
        )
    scores: dict[str, Score] = {}
    judge = EncoderJudge(atlas.encoder)
    judges: list[tuple[str, Judge]] = [("", judge)]
    if language_model is not None:
        from isogloss.evaluate.language_model import LanguageModelJudge

        judges.append(("language_model_", LanguageModelJudge(language_model, on_event=on_event)))
    if answers and folder is not None:
        held = read_key(folder)
        if held.digest != made.digest:
            notes["people"] = (
                f"the tasks in {folder} were made of other topics, or with another seed: their "
                "scores are of those"
            )
        people = read_answers(answers)
        scores |= score_answers(held.tasks, people, seed=seed)
        scores |= judge_agreement(held.tasks, people, judge, seed=seed)
    else:
        if folder is not None:
            notes["tasks"] = _write(made, folder)
        skipped["intrusion and mixing by people"] = (
            f"give their files with --answers; tasks are in {folder}" if folder else how_to
        )
    for prefix, one in judges:
        found = judge_scores(made.tasks, one, seed=seed)
        scores |= {prefix + name: score for name, score in found.items()}
    return {name: score for name, score in scores.items() if _is_shown(name)}, skipped, notes


def _is_shown(name: str) -> bool:
    """Of the controls only the shares of right answers say something."""
    return "control_mixing_" not in name or "control_mixing_accuracy" in name


def _write(made: TaskSet, folder: str | Path) -> str:
    there = write_tasks(made, folder)
    count = plural(len(made), "task")
    return f"{count} in {there}: give people tasks.html or tasks.csv, and keep {KEY}"


def _has_gensim() -> bool:
    from importlib.util import find_spec

    return find_spec("gensim") is not None


def _chosen(total: int, most: int, seed: int) -> NDArray[np.int64]:
    """Draw passages, in rising order."""
    order = np.random.default_rng(seed).permutation(total)[:most]
    return np.sort(order).astype(np.int64)


def _batches(
    atlas: "Atlas", columns: list[str], rows: NDArray[np.int64]
) -> Iterator[dict[str, Any]]:
    """Stream some passages, batch by batch, as Arrow columns."""
    start = 0
    for batch in atlas.passages(columns):
        inside = rows[(rows >= start) & (rows < start + batch.num_rows)] - start
        start += batch.num_rows
        if len(inside):
            taken = batch.take(inside)
            yield {name: taken.column(name) for name in columns}


def _some_tokens(atlas: "Atlas", seed: int, held: list[list[str]] | None) -> Iterator[list[str]]:
    """Stream the tokens of the passages whose windows are counted, and hold those for C_v."""
    from isogloss.text import tokenize

    rows = _chosen(len(atlas), WINDOW_PASSAGES, seed)
    kept = np.isin(rows, _chosen(len(atlas), CV_PASSAGES, seed))  # a part of them: one shuffle
    done = 0
    for part in _batches(atlas, ["text"], rows):
        for tokens in tokenize(part["text"].to_pylist()):
            if held is not None and kept[done]:
                held.append(tokens)
            done += 1
            yield tokens


def _stability(
    atlas: "Atlas", vocabulary: "Vocabulary", runs: int, seed: int, on_event: OnEvent
) -> dict[str, Score]:
    from isogloss.evaluate.stability import resample_stability, seed_stability

    fit, total = atlas_fit(atlas, vocabulary, seed)
    whole = "" if total == len(atlas) else f"a sample of {total:,} passages; "
    seeds = range(seed, seed + runs)
    by_seed = seed_stability(fit, total, seeds=seeds, on_event=on_event)
    by_sample = resample_stability(fit, total, runs=runs, seed=seed, on_event=on_event)
    return _named("stability", by_seed, whole) | _named("resample", by_sample, whole)


def unstable(scores: Mapping[str, Score], *, layered: bool) -> str:
    """Say that topics depend on the draw, and what to do, where fits disagree; else nothing.

    Parameters
    ----------
    scores : mapping of str to Score
        With ``stability_ari`` and ``resample_ari``, where they were measured.
    layered : bool
        Whether there are topics above others.

    Examples
    --------
    >>> low = Score("ari", 0.41, 0.3, 0.5, 10, "pairs of runs")
    >>> unstable({"stability_ari": low}, layered=False)
    'topics depend on the draw: fits with other seeds agree by 0.41 only (ARI; 1 is the same \
topics): take fewer (TopicModel(n_topics=N), or merge some)'
    >>> unstable({"stability_ari": Score("ari", 0.8, 0.7, 0.9, 10, "pairs of runs")}, layered=True)
    ''
    """
    told = {"stability_ari": "with other seeds", "resample_ari": "on other draws of the passages"}
    low = [
        f"fits {how} agree by {scores[name].value:.2f} only"
        for name, how in told.items()
        if name in scores and scores[name].value < LOW_AGREEMENT
    ]
    if not low:
        return ""
    inner = ", or go by the inner topics (isogloss topics ATLAS --depth 1)" if layered else ""
    return (
        f"topics depend on the draw: {', '.join(low)} (ARI; 1 is the same topics): take fewer "
        f"(TopicModel(n_topics=N), or merge some){inner}"
    )


def _named(prefix: str, found: "Stability", whole: str) -> dict[str, Score]:
    topics = f"{min(found.topics)} to {plural(max(found.topics), 'topic')}"
    return {
        f"{prefix}_{name}": replace(score, notes=f"{whole}{score.notes}; {topics}")
        for name, score in found.scores.items()
    }


def atlas_fit(atlas: "Atlas", vocabulary: "Vocabulary", seed: int) -> tuple[Any, int]:
    """Give what finds the topics of an atlas again, for `isogloss.evaluate.stability`.

    Parameters
    ----------
    atlas : Atlas
    vocabulary : Vocabulary
        Of the atlas.
    seed : int
        Of the sample, where there are more than 20,000 passages.

    Returns
    -------
    fit : callable
    passages : int
        How many it can take rows of.
    """
    from scipy.sparse import csr_matrix, vstack

    from isogloss.topics.asked import model_options
    from isogloss.topics.graph import knows_other_texts
    from isogloss.topics.keywords import topic_keywords
    from isogloss.topics.model import TopicModel

    rows = _chosen(len(atlas), STABILITY_PASSAGES, seed)
    parts, words = [], []
    for part in _batches(atlas, ["vector", "text"], rows):
        flat = part["vector"].flatten().to_numpy(zero_copy_only=False)
        parts.append(flat.reshape(len(part["vector"]), -1).astype(np.float32))
        words.append(vocabulary.counts(part["text"].to_pylist()))
    vectors, counts = np.concatenate(parts), vstack(words, format="csr")
    even = knows_other_texts(atlas.manifest.encoder["spec"])
    options = model_options(atlas.manifest.parameters)

    def fit(seed: int, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[list[str]]]:
        some = counts[rows]
        model = TopicModel(even_edges=even, random_state=seed, **options)
        model.fit(vectors[rows], some, vocabulary=vocabulary.words if options["seeds"] else None)
        labels = rows_of_leaves(model.tree_, np.asarray(model.labels_))
        leaves = len(model.tree_.leaves)
        inside = np.flatnonzero(labels >= 0)
        belongs = csr_matrix(
            (np.ones(len(inside)), (labels[inside], inside)), shape=(leaves, len(rows))
        )
        found = topic_keywords(
            belongs @ csr_matrix(some > 0, dtype=np.float64), vocabulary.words,
            sizes=np.bincount(labels[inside], minlength=leaves), counts=some, n=KEYWORDS,
        )  # fmt: skip
        return labels, [topic.words for topic in found]

    return fit, len(rows)
