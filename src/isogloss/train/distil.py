"""Distil a teacher into a lexical encoder."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError, SourceError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import write_json
from isogloss._core.plural import plural
from isogloss.encoders.base import Encoder
from isogloss.encoders.lexical import LexicalEncoder
from isogloss.train.extend import extend_features, extended_rows
from isogloss.train.features import Features, choose_features, read_frequencies
from isogloss.train.objectives import OBJECTIVES
from isogloss.train.optimiser import RowAdam
from isogloss.train.recipe import Corpus, Recipe
from isogloss.train.rounding import RoundedTable
from isogloss.train.student import LexicalStudent
from isogloss.train.teacher import teacher_vectors
from isogloss.train.texts import check_sources, read_texts, read_with_vectors

# Rates of learning, as a share, after the table was rounded to 4 bits.
REPAIR = 0.25


def train_lexical(
    recipe: Recipe, output: Path, *, cache: Path | None = None, on_event: OnEvent = ignore
) -> dict[str, Any]:
    """Train a lexical encoder and write it into a folder.

    Parameters
    ----------
    recipe : Recipe
    output : Path
        Folder of the encoder.
    cache : Path, optional
        Where the teacher's vectors are kept; ``output/teacher`` by default.
    on_event : callable
        Takes progress.

    Returns
    -------
    dict
        texts, words, pairs, buckets, dim, fingerprint, loss (last epoch's mean), bytes.

    Raises
    ------
    ParameterError, SourceError, EncoderError, MissingExtra

    Notes
    -----
    The same recipe gives the same encoder on one machine and version of torch; sums inside torch
    may round otherwise on another processor.
    """
    from isogloss.encoders.spec import load_encoder

    recipe.check()
    check_sources(recipe)
    teacher = load_encoder(recipe.teacher, overflow="truncate")
    if not getattr(teacher, "is_fitted", True):
        raise ParameterError(
            f"recipe: teacher is {recipe.teacher!r}, which has learnt nothing yet: give one that "
            "has, such as 'onnx-int8:sentence-transformers/all-MiniLM-L6-v2'"
        )
    cache = cache or output / "teacher"
    texts: list[str] = []
    parts: list[NDArray[np.float16]] = []
    for corpus in recipe.corpus:
        fresh, vectors = _read(corpus, teacher, cache, recipe.seed, on_event)
        texts += fresh
        parts.append(vectors)
        on_event(Event("read", message=plural(len(texts), "text"), level="info"))
    if len(texts) < 2:
        raise SourceError("the recipe's corpus holds less than two texts")
    wanted = np.concatenate(parts)
    on_event(Event("features"))
    features, student = begin(recipe, texts, teacher, cache, on_event=on_event)
    loss = fit(student, features, texts, wanted, recipe, on_event=on_event)
    rounded = RoundedTable(student.table.weight, recipe.bits)
    if recipe.bits < 8:
        repair = replace(
            recipe, epochs=recipe.repair_epochs, learning_rate=recipe.learning_rate * REPAIR,
            table_rate=recipe.table_rate * REPAIR,
        )  # fmt: skip
        on_event(Event("train", message="training on with the rounded table", level="info"))
        loss = fit(student, features, texts, wanted, repair, rounded=rounded, on_event=on_event)
    encoder = LexicalEncoder(student.weights(features, rounded.codes(), rounded.scale))
    encoder.save(output)
    report = {
        "texts": len(texts), "words": len(features.words), "pairs": len(features.pairs),
        "buckets": features.buckets, "dim": encoder.dim, "fingerprint": encoder.fingerprint,
        "loss": round(loss, 6), "bytes": (output / "lexical.safetensors").stat().st_size,
    }  # fmt: skip
    held = json.loads(json.dumps(asdict(recipe)))
    write_json(output / "training.json", {"recipe": held, **report})
    return report


def _read(
    corpus: Corpus, teacher: Encoder, cache: Path, seed: int, on_event: OnEvent
) -> tuple[list[str], NDArray[np.float16]]:
    files = [Path(name) for name in corpus.files]
    if corpus.vectors:
        ready = [Path(name) for name in corpus.vectors]
        texts, vectors = read_with_vectors(
            files, ready, corpus.text, sample=corpus.sample, seed=seed
        )
        if vectors.shape[1] != teacher.dim:
            raise SourceError(
                f"the vectors of {corpus.vectors[0]} have {vectors.shape[1]} numbers, "
                f"those of the teacher {teacher.dim}"
            )
        return texts, vectors
    texts = read_texts(files, corpus.text, split=corpus.split, sample=corpus.sample, seed=seed)
    return texts, teacher_vectors(texts, teacher, cache, on_event=on_event)


def begin(
    recipe: Recipe, texts: list[str], teacher: Encoder, cache: Path, *, on_event: OnEvent = ignore
) -> tuple[Features, LexicalStudent]:
    """Choose the features, and begin a student: afresh, or from the encoder that `start` names."""
    if recipe.start:
        from isogloss.encoders.spec import load_encoder

        first = load_encoder(recipe.start)
        if not isinstance(first, LexicalEncoder) or first.dim != teacher.dim:
            raise ParameterError(
                f"recipe: start is {recipe.start!r}, of {first.dim} numbers; give a lexical "
                f"encoder with those of the teacher, {teacher.dim}"
            )
        start = first.weights
        extended = extend_features(start, texts, words=recipe.words, pairs=recipe.pairs)
        rows = extended_rows(extended, start, teacher, cache, on_event=on_event)
        hidden = len(start.bias)
        return extended.features, LexicalStudent(
            rows, start.skip, hidden=hidden, seed=recipe.seed, start=start, weigh=recipe.weigh
        )
    features = choose_features(
        texts, words=recipe.words, pairs=recipe.pairs, buckets=recipe.buckets,
        frequencies=read_frequencies(Path(recipe.frequencies)) if recipe.frequencies else None,
    )  # fmt: skip
    rows, skip = first_rows(features, teacher, cache, width=recipe.width, on_event=on_event)
    return features, LexicalStudent(
        rows, skip, hidden=recipe.hidden, seed=recipe.seed, weigh=recipe.weigh
    )


def first_rows(
    features: Features, teacher: Encoder, cache: Path, *, width: int, on_event: OnEvent = ignore
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Begin the table as the teacher's own vectors of its features, in their main directions.

    Returns
    -------
    rows : float32 (f, width)
        Centred vectors of words; of pairs at half their length, since their words count as well;
        of buckets the mean of the words that hold such a piece.
    skip : float32 (width, dim)
        Turns them back into the teacher's space.
    """
    words = features.words
    names = words + [f"{words[a]} {words[b]}" for a, b in features.pairs.tolist()]
    vectors = teacher_vectors(names, teacher, cache, on_event=on_event).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    width = min(width, vectors.shape[1])
    _, turn = np.linalg.eigh(vectors.T @ vectors)
    skip = turn[:, ::-1][:, :width].T
    rows = np.zeros((len(features.idf), width))
    rows[: len(names)] = vectors @ skip.T
    rows[len(words) : len(names)] *= 0.5
    if features.buckets:
        nobody = Features([], np.zeros((0, 2), np.int32), features.buckets,
                          np.ones(features.buckets, np.float32))  # fmt: skip
        holds = nobody.weigh(words).T.tocsr()
        mass = np.asarray(holds.sum(axis=1)).ravel()
        rows[len(names) :] = (holds @ rows[: len(words)]) / np.maximum(mass, 1e-9)[:, None]
    return rows.astype(np.float32), np.ascontiguousarray(skip, dtype=np.float32)


def fit(
    student: LexicalStudent,
    features: Features,
    texts: list[str],
    teacher: NDArray[np.float16],
    recipe: Recipe,
    *,
    rounded: RoundedTable | None = None,
    on_event: OnEvent = ignore,
) -> float:
    """Train a student, or one with a rounded table; give the mean loss of the last epoch."""
    matrix = features.weigh(texts)
    rows = np.flatnonzero(np.diff(matrix.indptr) > 0)  # texts without a feature teach nothing
    rng = np.random.default_rng(recipe.seed)
    dense = [p for name, p in student.named_parameters() if not name.startswith("table")]
    optimisers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(dense, lr=recipe.learning_rate, weight_decay=0.0)
    ]
    if student.table.weight.requires_grad:
        table = list(student.table.parameters())
        optimisers.append(RowAdam(table, lr=recipe.table_rate))
    batches = max(1, len(rows) // recipe.batch)
    total = batches * recipe.epochs
    warm = max(1, total // 20)

    def rate(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return float(0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, total - warm))))

    schedules = [torch.optim.lr_scheduler.LambdaLR(one, rate) for one in optimisers]
    mean = 0.0
    for epoch in range(recipe.epochs):
        losses = []
        order = rng.permutation(rows)
        for step in range(batches):
            chosen = np.sort(order[step * recipe.batch : (step + 1) * recipe.batch])
            part = matrix[chosen]
            vectors = student(
                torch.from_numpy(part.indices.astype(np.int64)),
                torch.from_numpy(part.indptr[:-1].astype(np.int64)),
                torch.from_numpy(part.data),
            )
            goal = F.normalize(torch.from_numpy(teacher[chosen].astype(np.float32)))
            loss = batch_loss(vectors, goal, recipe)
            for one in optimisers:
                one.zero_grad()
            loss.backward()
            if rounded:
                rounded.learn()
            for one, schedule in zip(optimisers, schedules, strict=True):
                one.step()
                schedule.step()
            if rounded:
                rounded.show(torch.from_numpy(np.unique(part.indices)))
            losses.append(float(loss.detach()))
            if step % 20 == 0:
                on_event(Event("train", epoch * batches + step, total, "steps"))
        mean = float(np.mean(losses))
        on_event(Event("train", message=f"epoch {epoch + 1}: loss {mean:.4f}", level="info"))
    return mean


def batch_loss(vectors: Any, goal: Any, recipe: Recipe) -> Any:
    """Weigh the objectives over the whole vector and over its prefixes."""
    lengths = [n for n in recipe.prefixes if n < vectors.shape[1]]
    loss = torch.zeros(())
    for length in [vectors.shape[1], *lengths]:
        part = F.normalize(vectors[:, :length])
        for name, weight in recipe.objectives.items():
            if weight == 0 or (name != "gram" and length < vectors.shape[1]):
                continue  # a prefix has no teacher vector of its own, but it has similarities
            share = weight if length == vectors.shape[1] else weight / (2 * len(lengths))
            loss = loss + share * OBJECTIVES[name](part, goal, temperature=recipe.temperature)
    return loss
