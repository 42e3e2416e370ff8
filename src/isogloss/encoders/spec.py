"""From a spec string to an encoder.

A spec is parsed before anything heavy is imported, so that a mistyped one is answered at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss._core.errors import EncoderError, ParameterError, nearest
from isogloss.encoders.context import make_context, split_context
from isogloss.encoders.folder import HUB_ID, PACKAGED
from isogloss.encoders.windows import check_overflow

if TYPE_CHECKING:
    from isogloss.encoders.base import Encoder

# What may stand before a colon, and what must follow it.
KINDS = {
    "lexical": "a folder",
    "lsa": "a folder",
    "onnx": "a folder or a hub id",
    "onnx-int8": "a folder or a hub id",
    "words": "a file of word vectors",
    "openai": "the name of a model",
}
_ALONE = ("lsa", "lexical")
# The English encoder that comes with the package.
SHIPPED = Path(__file__).parent / "models" / "lexical-en"


def parse_spec(spec: str) -> tuple[str, str]:
    """Split a spec string into its kind and what follows.

    Parameters
    ----------
    spec : str
        As in the table of `load_encoder`.

    Returns
    -------
    (kind, argument)
        ``kind`` is ``"model"`` for a folder or a hub id.

    Raises
    ------
    EncoderError
        When it names no kind of encoder; the message holds the nearest one.

    Examples
    --------
    >>> parse_spec("onnx:sentence-transformers/all-MiniLM-L6-v2")
    ('onnx', 'sentence-transformers/all-MiniLM-L6-v2')
    >>> parse_spec("lsa")
    ('lsa', '')
    """
    if not isinstance(spec, str) or not spec.strip():
        raise EncoderError(f"encoder {spec!r} is not a spec string: give one such as 'lsa'")
    spec = spec.strip()
    if spec in _ALONE:
        return spec, ""
    if split_context(spec)[0] in _ALONE:
        raise EncoderError(
            f"encoder {spec!r}: {spec.partition('?')[2]!r} is for a folder or a hub id, whose "
            "positions can be stretched"
        )
    kind, colon, argument = spec.partition(":")
    if colon and kind in KINDS:
        if not argument:
            raise EncoderError(f"encoder {spec!r} names nothing: {KINDS[kind]} follows the colon")
        return kind, argument
    if Path(split_context(spec)[0]).expanduser().exists():
        return "model", spec
    if colon and len(kind) > 1:  # one letter is a drive
        raise EncoderError(f"unknown encoder {spec!r}: {_near(kind)}")
    if spec in KINDS:
        raise EncoderError(f"encoder {spec!r} needs {KINDS[spec]}: write '{spec}:...'")
    if not colon and "/" not in spec and not _may_be_bare(split_context(spec)[0]):
        raise EncoderError(
            f"unknown encoder {spec!r}: {_near(spec)} A model is named by its folder or hub id, "
            "such as 'sentence-transformers/all-MiniLM-L6-v2'"
        )
    return "model", spec


def _near(name: str) -> str:
    text = nearest(name, [kind if kind in _ALONE else f"{kind}:" for kind in KINDS])
    return text if text.endswith("?") else text + "."


def _may_be_bare(name: str) -> bool:
    """Tell whether a name without a slash may be a model of the sentence-transformers hub."""
    known = {hub_id.split("/")[1] for hub_id in PACKAGED}
    return name in known or (HUB_ID.fullmatch(name) is not None and "-" in name)


def load_encoder(
    spec: str,
    *,
    overflow: str = "pool",
    batch_size: int | None = None,
    threads: int | None = None,
    trust_remote_code: bool = False,
    offline: bool | None = None,
    context: int | None = None,
    method: str | None = None,
    trained: int | None = None,
    near: int | None = None,
) -> "Encoder":
    """Load the encoder that a spec string names.

    ======================  ====================================================================
    spec                    encoder
    ======================  ====================================================================
    ``lexical``             the English encoder that comes with the package
    ``lexical:FOLDER``      one that ``isogloss train`` distilled
    ``lsa``                 TF-IDF and a truncated SVD, to be fitted on the texts themselves
    ``lsa:FOLDER``          one that was saved
    a folder, or a hub id   a sentence-transformers or transformers model through PyTorch
    ``onnx:PATH-OR-ID``     the same through ONNX Runtime
    ``onnx-int8:PATH-OR-ID``  the same with 8-bit weights
    ``words:PATH``          word2vec, fastText or GloVe vectors with SIF weights
    ``openai:MODEL``        an OpenAI-compatible endpoint named by OPENAI_BASE_URL
    ======================  ====================================================================

    A folder or a hub id may say how it reads texts longer than its window:
    ``FOLDER?context=2048&method=grouped``; see `isogloss.encoders.context`.

    Parameters
    ----------
    spec : str
        See the table.
    overflow : {"pool", "truncate", "error"}, default "pool"
        What becomes of texts longer than a model's window: their windows are pooled, they are cut,
        or they are refused. Always counted in ``encoder.truncation``.
    batch_size : int, optional
        Texts read at once; changes time and memory, not vectors.
    threads : int, optional
        Threads to use; None for all cores we may run on.
    trust_remote_code : bool, default False
        Run Python code that lies in a model folder.
    offline : bool, optional
        True never opens a socket; None follows ``ISOGLOSS_OFFLINE`` and ``HF_HUB_OFFLINE``.
    context, method, trained, near
        What may stand behind a question mark in the spec; given in both places they must agree.

    Returns
    -------
    Encoder

    Raises
    ------
    EncoderError
        When the spec names nothing that can be found and loaded.
    ParameterError
        For an option with a value that cannot be used.
    MissingExtra
        When the encoder's packages are not installed.

    Examples
    --------
    >>> load_encoder("lexicle")
    Traceback (most recent call last):
    ...
    isogloss._core.errors.EncoderError: unknown encoder 'lexicle': did you mean 'lexical'? A model \
is named by its folder or hub id, such as 'sentence-transformers/all-MiniLM-L6-v2'
    """
    check_overflow(overflow)
    for option, number in (("batch_size", batch_size), ("threads", threads)):
        if number is not None and number < 1:
            raise ParameterError(f"{option}={number}: give 1 or more")
    kind, argument = parse_spec(spec)
    argument, options = split_context(argument) if kind != "openai" else (argument, {})
    given: dict[str, Any] = {"context": context, "method": method, "trained": trained, "near": near}
    for name, value in given.items():
        if value is not None and options.setdefault(name, value) != value:
            raise ParameterError(
                f"{name}={value!r} is given, and the spec {spec!r} says {options[name]}: leave one "
                "out"
            )
    longer = make_context(**options)
    if longer is not None and kind != "model":
        raise EncoderError(
            f"encoder {spec!r}: {longer.suffix()[1:]!r} is for a folder or a hub id that PyTorch "
            "reads, without a prefix"
        )
    if kind == "lexical":
        from isogloss.encoders.lexical import LexicalEncoder

        if argument:
            return LexicalEncoder.load(Path(argument).expanduser())
        shipped = LexicalEncoder.load(SHIPPED)
        shipped.spec = "lexical"
        return shipped
    if kind == "lsa":
        from isogloss.encoders.lsa import LsaEncoder

        return LsaEncoder.load(Path(argument)) if argument else LsaEncoder()
    if kind == "words":
        from isogloss.encoders.words import WordsEncoder

        return WordsEncoder(Path(argument).expanduser())
    if kind == "openai":
        from isogloss.encoders.openai import OpenAIEncoder

        return OpenAIEncoder(argument, batch_size=batch_size, offline=offline)
    if kind == "model":
        from isogloss.encoders.transformer import TransformerEncoder

        return TransformerEncoder(
            argument,
            overflow=overflow,
            batch_size=batch_size,
            threads=threads,
            trust_remote_code=trust_remote_code,
            offline=offline,
            **options,
        )
    from isogloss.encoders.onnx import OnnxEncoder

    return OnnxEncoder(
        argument,
        int8=kind == "onnx-int8",
        overflow=overflow,
        batch_size=batch_size,
        threads=threads,
        offline=offline,
    )
