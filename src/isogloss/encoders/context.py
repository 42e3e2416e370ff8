"""How a model reads texts longer than its window, as a spec string or keywords say it.

A question mark and options follow the name of a model:
``FOLDER?context=2048&method=grouped``. Nothing here imports torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss._core.errors import EncoderError, ParameterError, nearest

__all__ = ["METHODS", "WITHOUT_CONTEXT", "Context", "as_overflow", "make_context", "split_context"]

# What each way does with a text beyond the window.
METHODS = {
    "auto": "the way that suits the model's kind of positions",
    "truncate": "reads the first window only",
    "windows": "reads window by window and averages the vectors",
    "plain": "reads on with the model's own positions",
    "recurrent": "begins the positions again",
    "grouped": "lets neighbouring tokens share a position",
    "interpolate": "puts positions between the old ones",
    "ntk": "raises the base of rotary positions",
    "self-extend": "keeps near rotary positions exact and groups far ones",
}
WITHOUT_CONTEXT = ("truncate", "windows")
_NUMBERS = ("context", "trained", "near")
LEAST_TRAINED = 16  # positions; no model learned from fewer


@dataclass(frozen=True, slots=True)
class Context:
    """How texts longer than the window are read.

    Parameters
    ----------
    method : str, default "auto"
        One of `METHODS`.
    context : int, optional
        Tokens to read at once, special tokens included; needed by every way that reads on.
    trained : int, optional
        Positions the model was trained on, 16 or more; None for what the model says of itself.
    near : int, optional
        SelfExtend's distance of exact positions; None for an eighth of ``trained``.

    Examples
    --------
    >>> Context("grouped", 2048).suffix()
    '?context=2048&method=grouped'
    """

    method: str = "auto"
    context: int | None = None
    trained: int | None = None
    near: int | None = None

    def suffix(self) -> str:
        """Give it as the end of a spec string."""
        numbers = [(name, getattr(self, name)) for name in _NUMBERS]
        given = [f"{name}={value}" for name, value in numbers if value is not None]
        given.insert(1 if self.context is not None else 0, f"method={self.method}")
        return "?" + "&".join(given)

    def settings(self) -> dict[str, Any]:
        """Give what a fingerprint counts."""
        return {"method": self.method, **{name: getattr(self, name) for name in _NUMBERS}}


def make_context(
    *,
    method: str | None = None,
    context: int | None = None,
    trained: int | None = None,
    near: int | None = None,
) -> Context | None:
    """Check the options of long texts; None when there is none.

    Raises
    ------
    ParameterError
        For an unknown method, a number below 1, `trained` below 16, and options that do not go
        together.

    Examples
    --------
    >>> make_context() is None
    True
    >>> make_context(context=2048)
    Context(method='auto', context=2048, trained=None, near=None)
    >>> make_context(context=2048, method="groupd")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: method='groupd': did you mean 'grouped'?
    """
    numbers = {"context": context, "trained": trained, "near": near}
    if method is None and all(value is None for value in numbers.values()):
        return None
    chosen = "auto" if method is None else method
    if chosen not in METHODS:
        raise ParameterError(f"method={chosen!r}: {nearest(str(chosen), METHODS)}")
    for name, value in numbers.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ParameterError(f"{name}={value!r}: give a whole number of tokens, 1 or more")
        if chosen in WITHOUT_CONTEXT:
            raise ParameterError(
                f"method={chosen!r} {METHODS[chosen]}: leave out {name}={value}, or take another "
                "method such as 'auto'"
            )
    if trained is not None and trained < LEAST_TRAINED:
        raise ParameterError(
            f"trained={trained}: give the positions that the model was trained on, {LEAST_TRAINED} "
            "or more"
        )
    if chosen not in WITHOUT_CONTEXT and context is None:
        raise ParameterError(f"method={chosen!r} reads on: say how far, as in context=2048")
    if near is not None and chosen != "self-extend":
        raise ParameterError(f"near={near} is SelfExtend's: add method='self-extend'")
    return Context(chosen, context, trained, near)


def as_overflow(method: str, overflow: str) -> str:
    """Say what the methods without a context do with a text beyond the window.

    Raises
    ------
    ParameterError
        When the caller asked for another fate.

    Examples
    --------
    >>> as_overflow("truncate", "pool")
    'truncate'
    """
    wanted = {"truncate": "truncate", "windows": "pool"}[method]
    if overflow not in ("pool", wanted):
        raise ParameterError(f"method={method!r} and overflow={overflow!r} differ: leave one out")
    return wanted


def split_context(spec: str) -> tuple[str, dict[str, Any]]:
    """Part a model's name from the options behind its question mark.

    Returns
    -------
    name : str
        A folder or a hub id.
    options : dict
        Keywords of `make_context`; empty without a question mark.

    Raises
    ------
    EncoderError
        For an option that is unknown, given twice, or no number.

    Examples
    --------
    >>> split_context("org/model?context=2048&method=grouped")
    ('org/model', {'context': 2048, 'method': 'grouped'})
    >>> split_context("org/model")
    ('org/model', {})
    """
    if "?" not in spec or Path(spec).expanduser().exists():  # a folder may be called so
        return spec, {}
    name, _, tail = spec.rpartition("?")
    options: dict[str, Any] = {}
    for part in tail.split("&"):
        key, equals, value = part.partition("=")
        if key not in (*_NUMBERS, "method"):
            hint = nearest(key, [*_NUMBERS, "method"])
            raise EncoderError(f"encoder {spec!r}: unknown option {key!r}; {hint}")
        if not equals or not value:
            raise EncoderError(f"encoder {spec!r}: {key!r} has no value; write '{key}=...'")
        if key in options:
            raise EncoderError(f"encoder {spec!r}: {key!r} stands there twice")
        if key == "method":
            options[key] = value
        elif value.isascii() and value.isdigit():
            options[key] = int(value)
        else:
            raise EncoderError(f"encoder {spec!r}: {key}={value!r} is no whole number of tokens")
    return name, options
