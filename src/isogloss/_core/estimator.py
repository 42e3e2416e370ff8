"""What scikit-learn expects of an estimator, without scikit-learn."""

from inspect import signature
from math import isnan
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np

from isogloss._core.errors import NotFitted, ParameterError, nearest

Self = TypeVar("Self", bound="Estimator")


def absent(owner: object, name: str) -> AttributeError:
    """Say why an estimator lacks an attribute: it was not fitted, or there is none such.

    Examples
    --------
    >>> raise absent(Estimator(), "a_")
    Traceback (most recent call last):
    isogloss._core.errors.NotFitted: this Estimator has learned nothing yet: no a_; call fit first
    """
    kind = type(owner).__name__
    learned = any(known.endswith("_") and not known.startswith("_") for known in vars(owner))
    if name.endswith("_") and not name.startswith("_") and not learned:
        return NotFitted(f"this {kind} has learned nothing yet: no {name}; call fit first")
    return AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=owner)


class Estimator:
    """Parameters by name: they are those of `__init__`, which only stores them.

    Learned state has names that end with ``_``; `fit` sets it.

    Examples
    --------
    >>> class Halver(Estimator):
    ...     def __init__(self, *, by: int = 2) -> None:
    ...         self.by = by
    >>> Halver().set_params(by=3).get_params()
    {'by': 3}
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters by name, as scikit-learn does."""
        if type(self).__init__ is object.__init__:
            return {}
        names = list(signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters by name; an unknown one is an error.

        Raises
        ------
        ParameterError
            For a name that `__init__` does not know.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ParameterError(f"there is no parameter {name!r}; {nearest(name, known)}")
            setattr(self, name, value)
        return self

    def _check_kinds(self) -> None:
        """Refuse values that are not the numbers or truth values that `__init__` speaks of."""
        kinds = {
            bool: (bool | np.bool_, "True or False"),
            int: (int | np.integer, "a whole number"),
            float: (int | float | np.integer | np.floating, "a number"),
        }
        for name, parameter in list(signature(type(self).__init__).parameters.items())[1:]:
            wanted = get_args(parameter.annotation) or (parameter.annotation,)
            if not all(kind in kinds or kind is type(None) for kind in wanted):
                continue
            value = getattr(self, name)
            truth = isinstance(value, bool | np.bool_)
            no_number = isinstance(value, float | np.floating) and isnan(value)
            fits = any(
                isinstance(value, kinds[kind][0]) and truth == (kind is bool) and not no_number
                for kind in wanted
                if kind in kinds
            )
            if not fits and not (value is None and type(None) in wanted):
                words = " or ".join(kinds[kind][1] if kind in kinds else "None" for kind in wanted)
                raise ParameterError(f"{name} is {value!r}: give {words}")

    def _need_fit(self, learned: str) -> None:
        """Refuse to go on without an attribute that `fit` sets."""
        if not hasattr(self, learned):
            raise NotFitted(f"this {type(self).__name__} has learned nothing yet: call fit first")

    if not TYPE_CHECKING:  # a checker knows the attributes by their names

        def __getattr__(self, name: str) -> Any:
            raise absent(self, name)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({given})"
