"""The steps of a search as short strings: ``"convex:0.6"``, ``"rocchio"``, ``"mmr:0.7"``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isogloss._core.errors import ParameterError, nearest

__all__ = ["SPECS", "Steps", "read_step"]

# step -> its spec strings and what they mean; the command line and the errors read this
SPECS: dict[str, dict[str, str]] = {
    "fusion": {
        "rrf": "reciprocal rank fusion; rrf:K sets the damping (60)",
        "convex": "convex combination; convex:W is the weight of the vectors (0.6), "
        "convex:W:SCALE with max, min-max or z-score",
        "learned": "learned:FILE, weights that LearnedFusion.save wrote",
    },
    "feedback": {
        "rocchio": "move the query's vector to the first hits; rocchio:N takes N of them",
        "rm3": "add words of the first hits; rm3:N takes N of them",
    },
    "rerank": {
        "cross-encoder": "cross-encoder:FOLDER or hub id",
        "maxsim": "maxsim:FOLDER or hub id, late interaction over its token vectors",
        "encoder": "encoder:SPEC, the cosine of another encoder",
    },
    "diversify": {"mmr": "maximal marginal relevance; mmr:L is the weight of relevance (0.7)"},
}
_METHODS = {"fusion": "fuse", "rerank": "score", "diversify": "order"}


@dataclass(frozen=True, slots=True)
class Steps:
    """What a search does beside its first rankings; None leaves a step out."""

    fusion: Any = None
    feedback: Any = None
    rerank: Any = None
    diversify: Any = None


def read_step(step: str, value: Any) -> Any:
    """Give the object that a spec string names; an object is taken as it is.

    Parameters
    ----------
    step : {"fusion", "feedback", "rerank", "diversify"}
        Which step.
    value : str or object
        One of `SPECS`, or an object with the method of that step.

    Returns
    -------
    object

    Raises
    ------
    ParameterError
        For an unknown name, a part that is missing, or an object of another kind.
    EncoderError
        When a model cannot be loaded.

    Examples
    --------
    >>> read_step("fusion", "convex:0.6").weight
    0.6
    >>> read_step("diversify", "mrr:0.7")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.ParameterError: diversify 'mrr:0.7' is not known; did you mean 'mmr'?
    """
    if not isinstance(value, str):
        wanted = _METHODS.get(step, "")
        fits = hasattr(value, wanted) if wanted else _is_feedback(value)
        if not fits or isinstance(value, type):
            raise ParameterError(
                f"{step} is {value!r}: give a spec string such as {next(iter(SPECS[step]))!r}, or "
                "an object of that step"
            )
        return value
    name, colon, argument = value.strip().partition(":")
    if name not in SPECS[step]:
        raise ParameterError(f"{step} {value!r} is not known; {nearest(name, SPECS[step])}")
    if colon and not argument.strip():
        raise ParameterError(f"{step} {value!r} names nothing after the colon: {SPECS[step][name]}")
    return _MAKERS[name](value, argument.strip())


def _is_feedback(value: Any) -> bool:
    return hasattr(value, "move") or hasattr(value, "expand")


def _rrf(value: str, argument: str) -> Any:
    from isogloss.search.fusion import DAMPING, ReciprocalRank

    return ReciprocalRank(_whole(value, argument) if argument else DAMPING)


def _convex(value: str, argument: str) -> Any:
    from isogloss.search.fusion import Convex

    weight, _, scale = argument.partition(":")
    given: dict[str, Any] = {"scale": scale} if scale else {}
    return Convex(_number(value, weight), **given) if weight else Convex()


def _learned(value: str, argument: str) -> Any:
    from isogloss.search.learned_fusion import LearnedFusion

    return LearnedFusion.load(_needed(value, argument))


def _rocchio(value: str, argument: str) -> Any:
    from isogloss.search.feedback import Rocchio

    return Rocchio(_whole(value, argument)) if argument else Rocchio()


def _rm3(value: str, argument: str) -> Any:
    from isogloss.search.feedback import Rm3

    return Rm3(_whole(value, argument)) if argument else Rm3()


def _cross_encoder(value: str, argument: str) -> Any:
    from isogloss.search.rerank import CrossEncoder

    return CrossEncoder(_needed(value, argument))


def _maxsim(value: str, argument: str) -> Any:
    from isogloss.search.late_interaction import MaxSim

    return MaxSim(_needed(value, argument))


def _encoder(value: str, argument: str) -> Any:
    from isogloss.search.rerank import EncoderSimilarity

    return EncoderSimilarity(_needed(value, argument))


def _mmr(value: str, argument: str) -> Any:
    from isogloss.search.diversity import Mmr

    return Mmr(_number(value, argument)) if argument else Mmr()


_MAKERS: dict[str, Callable[[str, str], Any]] = {
    "rrf": _rrf,
    "convex": _convex,
    "learned": _learned,
    "rocchio": _rocchio,
    "rm3": _rm3,
    "cross-encoder": _cross_encoder,
    "maxsim": _maxsim,
    "encoder": _encoder,
    "mmr": _mmr,
}


def _needed(value: str, argument: str) -> str:
    if not argument:
        kinds = next(names for names in SPECS.values() if value in names)
        raise ParameterError(f"{value!r} needs more: {kinds[value]}")
    return argument


def _number(value: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"{value!r}: {text!r} is no number") from None


def _whole(value: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ParameterError(f"{value!r}: {text!r} is no whole number") from None
