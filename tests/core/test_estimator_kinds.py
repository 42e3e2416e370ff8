"""Values of wrong kinds are refused by name, in every model."""

import inspect

import numpy as np
import pytest
import scipy.sparse as sp

import isogloss.topics as topics
from isogloss._core.errors import ParameterError
from isogloss._core.estimator import Estimator


class Some(Estimator):
    def __init__(self, *, a: int = 1, b: float | None = None, c: bool = True, d: str = "x") -> None:
        self.a, self.b, self.c, self.d = a, b, c, d


@pytest.mark.parametrize(
    "fine",
    [
        {}, {"a": np.int64(3)}, {"a": 10**400}, {"b": 2}, {"b": np.float32(2)},
        {"c": np.bool_(0)}, {"d": 3},
    ],
)  # fmt: skip
def test_what_fits_is_taken(fine):
    Some(**fine)._check_kinds()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a": 2.0}, "a is 2.0: give a whole number"),
        ({"a": True}, "a is True"),
        ({"a": None}, "a is None"),
        ({"b": "2"}, "b is '2': give a number or None"),
        ({"b": float("nan")}, "b is nan"),
        ({"b": np.float32("nan")}, "b is "),
        ({"c": 1}, "c is 1: give True or False"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, message):
    with pytest.raises(ParameterError, match=message):
        Some(**wrong)._check_kinds()


MODELS = ["MinHashingTopics", "BERTopicTopics", "CFMF", "CFMFEmb", "LDATopics", "NMFTopics",
          "Top2VecTopics", "DocNADETopics", "BATTopics", "GaussianBATTopics"]  # fmt: skip
DATA = {
    "vectors": np.eye(30, 20, dtype=np.float32),
    "counts": sp.csr_matrix(np.ones((30, 20), dtype=np.float32)),
    "tokens": [["a", "b", "c"]] * 30,
}


@pytest.mark.models
@pytest.mark.parametrize("name", MODELS)
def test_no_model_takes_a_word_for_a_number(name):
    model = getattr(topics, name)
    for parameter in list(inspect.signature(model.__init__).parameters.values())[1:]:
        if isinstance(parameter.default, int | float):
            with pytest.raises(ParameterError, match=parameter.name):
                model(**{parameter.name: "many"}).fit(DATA[model.input_kind])


@pytest.mark.models
@pytest.mark.parametrize("name", MODELS)
def test_every_limit_is_looked_at_when_a_fit_begins(name):
    model = getattr(topics, name)
    assert model.limits
    for parameter, default in model().get_params().items():
        if parameter not in model.limits:
            continue
        for wrong in (-1,) if default is None or not isinstance(default, str) else (-1, None):
            with pytest.raises(ParameterError, match=f"{parameter} is {wrong}(: give|; known)"):
                model(**{parameter: wrong}).fit(DATA[model.input_kind])
    assert model.limits.keys() <= model().get_params().keys()
