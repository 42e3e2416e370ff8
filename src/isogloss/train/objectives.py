"""What a student is asked for: terms of a loss between its vectors and a teacher's."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own custom


def cosine_loss(student: Any, teacher: Any) -> Any:
    """Give the mean of 1 - cosine between unit vectors of a text by student and teacher.

    Examples
    --------
    >>> one = torch.tensor([[1.0, 0.0]])
    >>> cosine_loss(one, one).item()
    0.0
    """
    return 1.0 - (student * teacher).sum(dim=1).mean()


def gram_loss(student: Any, teacher: Any, *, temperature: float) -> Any:
    """Give the divergence of the student's similarities within a batch from the teacher's.

    For each text, both turn the cosines to the other texts into probabilities (softmax at a
    temperature); the loss is the Kullback-Leibler divergence, times the squared temperature as in
    Hinton's distillation, times 100 so that it is of the size of a cosine.

    Paper
    -----
    Luxical (DatologyAI, 2025), there at temperature 3.

    Examples
    --------
    >>> vectors = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    >>> round(abs(gram_loss(vectors, vectors, temperature=0.05).item()), 6)
    0.0
    """
    hidden = torch.eye(len(student), dtype=torch.bool)
    ours = (student @ student.T / temperature).masked_fill(hidden, -1e4)
    theirs = (teacher @ teacher.T / temperature).masked_fill(hidden, -1e4)
    divergence = F.kl_div(
        F.log_softmax(ours, dim=1), F.log_softmax(theirs, dim=1), log_target=True,
        reduction="batchmean",
    )  # fmt: skip
    return 100.0 * temperature**2 * divergence


def ranking_loss(student: Any, teacher: Any, *, temperature: float) -> Any:
    """Ask that each text be nearest to its own teacher vector among those of the batch.

    Paper
    -----
    InfoNCE: A. van den Oord, Y. Li, O. Vinyals, Representation learning with contrastive
    predictive coding, 2018; times 100 squared temperatures, as `gram_loss`.

    Examples
    --------
    >>> vectors = torch.eye(3)
    >>> ranking_loss(vectors, vectors, temperature=0.05).item() < 0.001
    True
    """
    scores = student @ teacher.T / temperature
    return 100.0 * temperature**2 * F.cross_entropy(scores, torch.arange(len(student)))


OBJECTIVES: dict[str, Callable[..., Any]] = {
    "cosine": lambda s, t, temperature: cosine_loss(s, t),
    "gram": gram_loss,
    "ranking": ranking_loss,
}
"""Terms by the name that a recipe gives them."""
