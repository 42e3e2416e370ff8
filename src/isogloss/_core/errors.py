"""The errors that isogloss raises on purpose.

Every message says what was given, where, and what would be right, in one line: the command line
prints it as it is and exits with 2.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class IsoglossError(Exception):
    """Base of every error that a caller can cause and mend."""


class ParameterError(IsoglossError):
    """A parameter has a value that cannot be used."""


class SourceError(IsoglossError):
    """A source cannot be found or read."""


class ColumnError(SourceError):
    """A column is missing, ambiguous, or of a type that cannot be used."""


class EncoderError(IsoglossError):
    """An encoder cannot be found, loaded, or fed."""


class ModelError(IsoglossError):
    """A language model cannot be found, loaded, or asked."""


class AtlasError(IsoglossError):
    """An atlas folder is missing, unfinished, of another build, or too new."""


class FilterError(IsoglossError):
    """A filter does not parse, or does not fit the attributes."""


class StorageError(IsoglossError):
    """The disk refused: full, read-only, or gone. What was finished is kept."""


class MissingExtra(IsoglossError):  # noqa: N818 - reads better at the call
    """A package of an optional extra is not installed."""


class NotFitted(IsoglossError, AttributeError):  # noqa: N818 - reads better at the call
    """A method was called, or what is learned asked for, before `fit`.

    An AttributeError as well, so that `hasattr` tells whether an estimator has learned.
    """


def nearest(name: str, known: Iterable[str]) -> str:
    """Name the known word nearest to a mistyped one, as the end of an error message.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What would have been right.

    Returns
    -------
    str
        ``"did you mean 'x'?"`` when one is near, else the whole list.

    Examples
    --------
    >>> nearest("bdoy", ["body", "title"])
    "did you mean 'body'?"
    >>> nearest("zzz", ["body", "title"])
    "known: 'body', 'title'"
    """
    words = list(known)
    close = get_close_matches(name, words, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + (", ".join(repr(word) for word in words) or "none")
