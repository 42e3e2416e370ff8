"""The interface that all topic models share."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import real_number, whole_number
from isogloss._core.errors import AtlasError
from isogloss._core.estimator import Estimator
from isogloss.topics.result import TopicResult

__all__ = ["TopicEstimator"]

# Checks of parameters that many models share.
AT_LEAST_ONE = partial(whole_number, least=1)
ABOVE_ZERO = partial(real_number, least=0, above=True)

Self = TypeVar("Self", bound="TopicEstimator")


class TopicEstimator(Estimator, ABC):
    """A topic model, as scikit-learn would have it: `fit`, `transform`, `predict`, `result_`.

    Attributes
    ----------
    input_kind : {"vectors", "counts", "tokens"}
        What `fit` and `transform` take as `X`: float32 rows (n, d), word counts CSR (n, v), or
        lists of tokens in order.
    limits : mapping of str to callable
        By parameter, the check of `isogloss._core.checks` that it must pass when `fit` begins,
        called with its value and its name; None passes where `__init__` knows it.
    result_ : TopicResult
        Topics of the passages that it was fitted on.

    Notes
    -----
    `fit` takes `X`, and by name what a model needs besides: `vocabulary` (the word of each column
    of counts), and for models over vectors `counts`, from which keywords are chosen. `transform`
    on the passages of `fit` gives the memberships of ``result_``.
    """

    input_kind: ClassVar[Literal["vectors", "counts", "tokens"]]
    limits: ClassVar[Mapping[str, Callable[[Any, str], Any]]] = {}
    result_: TopicResult

    @abstractmethod
    def fit(self: Self, X: Any, y: Any = None, **given: Any) -> Self:
        """Find the topics; set `result_`."""

    @abstractmethod
    def transform(self, X: Any) -> Any:
        """Give the part of each passage in each topic, float32 CSR (n, t)."""

    def _check_params(self) -> None:
        """Refuse what is out of its limits, then what is of a wrong kind: limits say more."""
        known = signature(type(self).__init__).parameters
        for name, check in self.limits.items():
            value = getattr(self, name)
            if value is not None or type(None) not in get_args(known[name].annotation):
                check(value, name)
        if "random_state" in known:
            whole_number(self.get_params()["random_state"], "random_state", 0, 2**64 - 1)
        self._check_kinds()

    @property
    def labels_(self) -> NDArray[np.int32]:
        """Topic of each passage of `fit`, int32 (n,); -1 for none."""
        self._need_fit("result_")
        return self.result_.labels

    def predict(self, X: Any) -> NDArray[np.int32]:
        """Give the topic of each passage, int32 (n,): the largest part, -1 for an empty row."""
        return largest_part(self.transform(X))

    def fit_transform(self, X: Any, y: Any = None, **given: Any) -> Any:
        """Fit, and give the memberships of the same passages."""
        return self.fit(X, y, **given).result_.membership

    def fit_predict(self, X: Any, y: Any = None, **given: Any) -> NDArray[np.int32]:
        """Fit, and give the topic of each of the same passages."""
        return self.fit(X, y, **given).labels_


def read_saved(folder: Path, *, model: str, form: int) -> dict[str, Any]:
    """Read the `model.json` of a saved model.

    Raises
    ------
    AtlasError
        When the folder holds no model, a damaged or another one, or one of another format.
    """
    path = folder / "model.json"
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AtlasError(f"{folder} holds no topic model: {path}: {error.strerror}") from error
    except ValueError as error:
        raise AtlasError(f"{path} is damaged: {error}") from error
    if not isinstance(about, dict):
        raise AtlasError(f"{path} is damaged: it holds no description of a model")
    if (about.get("model"), about.get("format")) != (model, form):
        raise AtlasError(
            f"{folder}: model {about.get('model')!r} of format {about.get('format')}, "
            f"this reads {model!r} of format {form}"
        )
    return about


def largest_part(membership: Any) -> NDArray[np.int32]:
    """Give the column of each row's largest value, -1 for an empty row; the first of equals.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> largest_part(csr_matrix([[0.2, 0.8], [0.0, 0.0], [0.5, 0.5]])).tolist()
    [1, -1, 0]
    """
    labels = np.full(membership.shape[0], -1, dtype=np.int32)
    rows = membership.tocsr(copy=True)
    rows.sort_indices()
    for i, (start, end) in enumerate(zip(rows.indptr, rows.indptr[1:], strict=False)):
        part = rows.data[start:end]
        if end > start and part.max() > 0:
            labels[i] = rows.indices[start + int(part.argmax())]
    return labels
