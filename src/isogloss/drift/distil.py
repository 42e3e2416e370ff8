"""Train an encoder further without leaving its old vectors behind: InfoNCE and distillation.

The model is one of sentence-transformers, or anything like it: a `torch.nn.Module` that turns texts
into features (`preprocess` or `tokenize`) and those into ``{"sentence_embedding": ...}``.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.torch_threads import ONE_THREAD
from isogloss.encoders.base import check_texts, unit_rows


def info_nce(queries: Any, documents: Any, *, scale: float = 50.0, same: Any = None) -> Any:
    """Ask that each query be nearest to its own document among all of the batch.

    Parameters
    ----------
    queries : float tensor (b, d)
        Unit rows.
    documents : float tensor (b + m, d)
        Unit rows; the i-th answers the i-th query, the rest answer none.
    scale : float, default 50
        Multiplies the cosines: a temperature of 0.02.
    same : bool tensor (b, b + m), optional
        True where a document is a copy of the right one, and so no wrong answer.

    Returns
    -------
    float tensor ()

    Examples
    --------
    >>> rows = torch.eye(3)
    >>> info_nce(rows, rows).item() < 1e-6
    True
    """
    scores = scale * queries @ documents.T
    if same is not None:
        scores = scores.masked_fill(same, -torch.inf)
    return F.cross_entropy(scores, torch.arange(len(queries)))


def distance(ours: Any, before: Any) -> Any:
    """Give the mean of 1 - cosine between unit vectors of two models: a tensor of one number.

    Examples
    --------
    >>> rows = torch.eye(2)
    >>> distance(rows, rows).item(), distance(rows, rows.flip(0)).item()
    (0.0, 1.0)
    """
    return 1.0 - (ours * before).sum(dim=1).mean()


def drift_loss(
    queries: Any,
    documents: Any,
    queries_before: Any,
    documents_before: Any,
    *,
    scale: float = 50.0,
    query_weight: float = 1.0,
    document_weight: float = 1.0,
    same: Any = None,
) -> Any:
    """Give the loss of Query Drift Compensation: InfoNCE, and both sides held near the old model.

    Parameters
    ----------
    queries, documents : float tensor (b, d), (b + m, d)
        Unit rows of the model that learns; see `info_nce`.
    queries_before, documents_before : float tensor
        The same texts by the model before.
    scale : float, default 50
    query_weight, document_weight : float, default 1
        Of the two distances.
    same : bool tensor, optional
        As in `info_nce`.

    Returns
    -------
    float tensor ()

    Paper
    -----
    Query Drift Compensation (docs/changing-encoders.md): both weights 1, scale 50.

    Examples
    --------
    >>> rows = torch.eye(2)
    >>> round(drift_loss(rows, rows, rows, rows.flip(0)).item(), 6)
    1.0
    """
    loss = info_nce(queries, documents, scale=scale, same=same)
    loss = loss + query_weight * distance(queries, queries_before)
    return loss + document_weight * distance(documents, documents_before)


def train_encoder(
    model: Any,
    queries: Sequence[str],
    documents: Sequence[str],
    *,
    negatives: Sequence[Sequence[str]] | None = None,
    distil: bool = True,
    previous: Any = None,
    steps: int = 200,
    batch_size: int = 32,
    learning_rate: float = 2e-5,
    warm_up: int = 20,
    scale: float = 50.0,
    query_weight: float = 1.0,
    document_weight: float = 1.0,
    weight_decay: float = 0.01,
    clip: float = 1.0,
    seed: int = 0,
    on_event: OnEvent = ignore,
) -> list[float]:
    """Train an encoder on pairs of query and document; it is changed in place.

    Parameters
    ----------
    model : torch.nn.Module
        As sentence-transformers makes them. Parameters that need no gradient stay.
    queries, documents : sequence of str
        The i-th document answers the i-th query; all others of a batch count as wrong answers.
    negatives : sequence of sequence of str, optional
        Further wrong answers for each query.
    distil : bool, default True
        Hold queries and documents near the vectors of `previous`.
    previous : torch.nn.Module, optional
        The model before; None is `model` as it is when training begins.
    steps : int, default 200
        Batches.
    batch_size : int, default 32
        Pairs a batch.
    learning_rate : float, default 2e-5
        Highest rate of AdamW: rises over `warm_up` steps and falls to 0 in a straight line.
    warm_up : int, default 20
    scale, query_weight, document_weight
        As in `drift_loss`.
    weight_decay, clip : float
        Of AdamW, and the longest gradient.
    seed : int, default 0
        Order of the pairs and dropout.
    on_event : callable
        Takes progress.

    Returns
    -------
    list of float
        Loss of each step.

    Raises
    ------
    ParameterError
        For lists of different lengths, fewer than two pairs, or numbers out of range.

    Notes
    -----
    Runs on one thread, so that the number of cores changes nothing.

    Examples
    --------
    >>> class Vowels(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.matrix = torch.nn.Linear(5, 4)
    ...     def tokenize(self, texts):
    ...         rows = [[float(text.count(vowel)) for vowel in "aeiou"] for text in texts]
    ...         return {"counts": torch.tensor(rows)}
    ...     def forward(self, features):
    ...         return {"sentence_embedding": self.matrix(features["counts"])}
    >>> losses = train_encoder(
    ...     Vowels(), ["a cat", "the moon"], ["cats nap", "a full moon"], steps=3
    ... )
    >>> len(losses)
    3
    """
    queries, documents = check_texts(queries), check_texts(documents)
    _check(queries, documents, negatives, steps, batch_size, learning_rate)
    teacher = None
    if distil:
        teacher = copy.deepcopy(model) if previous is None else previous
        teacher.eval()
    trained = [one for one in model.parameters() if one.requires_grad]
    if not trained:
        raise ParameterError("no parameter of the model needs a gradient: nothing would be trained")
    optimiser = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _rate(steps, warm_up))
    draws = _batches(len(queries), min(batch_size, len(queries)), seed)
    losses: list[float] = []
    was_training = model.training
    with ONE_THREAD, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.train()
        for step in range(steps):
            rows = next(draws)
            asked = [queries[row] for row in rows]
            answers = [documents[row] for row in rows]
            if negatives is not None:
                answers += [text for row in rows for text in negatives[row]]
            ours = [_forward(model, texts) for texts in (asked, answers)]
            same = _copies(answers, len(asked))
            if teacher is None:
                loss = info_nce(ours[0], ours[1], scale=scale, same=same)
            else:
                with torch.no_grad():
                    before = [_forward(teacher, texts) for texts in (asked, answers)]
                loss = drift_loss(
                    ours[0], ours[1], before[0], before[1], scale=scale, same=same,
                    query_weight=query_weight, document_weight=document_weight,
                )  # fmt: skip
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, clip)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
            on_event(Event("train", step + 1, steps, "steps"))
    model.train(was_training)
    return losses


def encode_texts(model: Any, texts: Sequence[str], *, batch_size: int = 64) -> NDArray[np.float32]:
    """Encode texts by a model in evaluation mode, on one thread: float32 (n, d), unit rows.

    Parameters
    ----------
    model : torch.nn.Module
        As in `train_encoder`.
    texts : sequence of str
    batch_size : int, default 64
        Texts read at once, those of similar length together.
    """
    texts = check_texts(texts)
    was_training = model.training
    model.eval()
    order = sorted(range(len(texts)), key=lambda row: (len(texts[row]), row))
    parts = []
    with ONE_THREAD, torch.inference_mode():
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            parts.append(_forward(model, [texts[row] for row in rows]).float().numpy())
    model.train(was_training)
    if not parts:
        return np.zeros((0, 0), dtype=np.float32)
    found = np.concatenate(parts)
    out = np.empty_like(found)
    out[order] = found
    return unit_rows(out)


def _check(
    queries: list[str], documents: list[str], negatives: Any, steps: int, batch: int, rate: float
) -> None:
    lengths = {len(queries), len(documents)}
    if negatives is not None:
        lengths.add(len(negatives))
    if len(lengths) > 1 or len(queries) < 2:
        raise ParameterError(
            f"{len(queries)} queries and {len(documents)} documents"
            + ("" if negatives is None else f", {len(negatives)} lists of negatives")
            + ": give as many of each, and two pairs at least"
        )
    if steps < 1 or batch < 2:
        raise ParameterError(f"steps={steps}, batch_size={batch}: give 1 and 2 or more")
    if not rate > 0:
        raise ParameterError(f"learning_rate is {rate}; it must be above 0")


def _forward(model: Any, texts: list[str]) -> Any:
    prepare = getattr(model, "preprocess", None) or model.tokenize
    return F.normalize(model(dict(prepare(texts)))["sentence_embedding"], dim=1)


def _copies(answers: list[str], asked: int) -> Any:
    """Mark documents that say the same as the right one of a query."""
    number = {text: place for place, text in reversed(list(enumerate(answers)))}
    kind = torch.tensor([number[text] for text in answers])
    same = kind[:asked, None] == kind[None, :]
    same[torch.arange(asked), torch.arange(asked)] = False
    return same


def _batches(count: int, size: int, seed: int) -> Any:
    """Give rows of batches for ever; each pair comes once before any comes again."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for first in range(0, count - size + 1, size):
            yield order[first : first + size].tolist()


def _rate(steps: int, warm_up: int) -> Any:
    warm = min(warm_up, max(1, steps // 2))

    def rate(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return max(0.0, (steps - step) / max(1, steps - warm))

    return rate
