"""What mteb is told of a model: whose it is, what it reads, and on what it was trained."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss._core.errors import ParameterError
from isogloss._core.extras import need

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# How many of the first numbers of a vector may be kept, where the model was trained for it.
LEXICAL_DIMS = (64, 128, 256, 384)
FRAMEWORKS: Mapping[str, tuple[str, ...]] = {
    "lexical": ("NumPy",),
    "lsa": ("NumPy",),
    "words": ("NumPy",),
    "onnx": ("ONNX",),
    "onnx-int8": ("ONNX",),
    "openai": ("API",),
    "model": ("Sentence Transformers", "PyTorch"),
}


def model_name(spec: str) -> str:
    """Name a model for mteb; always ours, because our pooling of long texts is in its scores.

    Examples
    --------
    >>> model_name("lexical"), model_name("onnx:sentence-transformers/all-MiniLM-L6-v2")
    ('isogloss/lexical', 'isogloss/onnx-all-MiniLM-L6-v2')
    """
    from isogloss.encoders.spec import parse_spec

    kind, argument = parse_spec(spec)
    words = [] if kind == "model" else [kind]
    if argument:
        words.append(Path(argument).name)
    return "isogloss/" + (re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(words)) or "model")


def origin(spec: str) -> str | None:
    """Give the public model that a spec comes from, where it names one.

    Examples
    --------
    >>> origin("onnx:sentence-transformers/all-MiniLM-L6-v2"), origin("lsa")
    ('sentence-transformers/all-MiniLM-L6-v2', None)
    """
    from isogloss.encoders.folder import PACKAGED
    from isogloss.encoders.spec import parse_spec

    kind, argument = parse_spec(spec)
    if spec == "lexical":
        return MINILM  # the teacher: what it saw, the student learnt from
    if kind not in ("model", "onnx", "onnx-int8"):
        return None
    path = Path(argument).expanduser()
    if path.exists():
        inside = [hub for hub, (_, where) in PACKAGED.items() if path.match(where)]
        return inside[0] if inside else None
    return next((hub for hub in PACKAGED if hub.split("/")[1] == argument), argument)


def known_meta(name: str | None) -> Any:
    """Give mteb's own description of a public model; None when it has none."""
    if name is None:
        return None
    mteb = need("mteb", extra="mteb")
    found = [meta for meta in mteb.get_model_metas() if meta.name == name]
    return found[0] if found else None


def check_training(spec: str, given: Iterable[str] | str | None) -> set[str] | None:
    """Say on which mteb data sets a model was trained.

    Parameters
    ----------
    spec : str
        Of the encoder.
    given : iterable of str, "unknown", or None
        Names as mteb has them; empty for none. None takes what is known of the model.

    Returns
    -------
    set of str or None
        None is mteb's "not known".

    Raises
    ------
    ParameterError
        When nothing is known and nothing was given: scores of a model that saw the answers look
        like any others.

    Examples
    --------
    >>> check_training("lsa", None), check_training("words:x.vec", ["MSMARCO"])
    (set(), {'MSMARCO'})
    """
    if given is not None and not isinstance(given, str):
        return set(given)
    if given == "unknown":
        return None
    if isinstance(given, str):
        raise ParameterError(f"training_datasets is {given!r}: give a list of names, or 'unknown'")
    if spec == "lsa":
        return set()
    meta = known_meta(origin(spec))
    if meta is not None and meta.training_datasets is not None:
        return set(meta.training_datasets)
    raise ParameterError(
        f"it is not known on what {spec!r} was trained: give training_datasets, the names of "
        "mteb's data sets (an empty list for none, 'unknown' when nobody knows)"
    )


def model_meta(
    encoder: Any,
    *,
    name: str | None = None,
    training_datasets: Iterable[str] | str | None = None,
    dims: Sequence[int] = (),
    dim: int | None = None,
    languages: Sequence[str] | None = None,
    kinds: Sequence[str] = ("dense",),
    experiment: Mapping[str, Any] | None = None,
    loader: Any = None,
) -> Any:
    """Describe an encoder to mteb.

    Parameters
    ----------
    encoder : Encoder
    name : str, optional
        ``"organisation/model"``; by default ours, from the spec.
    training_datasets
        See `check_training`.
    dims : sequence of int
        Lengths to which its vectors may be cut.
    dim : int, optional
        The length to which they are cut here.
    languages : sequence of str, optional
        As ``"eng-Latn"``; by default those of the public model that it comes from.
    kinds : sequence of str
        mteb's model types.
    experiment : mapping, optional
        Settings that change scores; results with others are kept apart.
    loader : callable, optional
        Loads the model again by name.

    Returns
    -------
    mteb.models.ModelMeta

    Raises
    ------
    ParameterError
        For a name without an organisation, or when the training sets are not known.
    """
    models = need("mteb.models", extra="mteb")
    from isogloss.encoders.spec import parse_spec

    name = name or model_name(encoder.spec)
    if name.count("/") != 1 or not all(name.split("/")):
        raise ParameterError(f"the model's name is {name!r}: mteb wants 'organisation/model'")
    if known_meta(name) is not None:
        raise ParameterError(
            f"{name!r} is a public model in mteb: scores of ours must not stand under its name; "
            f"give another, such as {model_name(encoder.spec)!r}"
        )
    kind, _ = parse_spec(encoder.spec)
    public = origin(encoder.spec)
    base = known_meta(public)
    same = base is not None and kind != "lexical"  # weights are those of the public model
    settings = dict(experiment or {})
    if dim is not None and dim != encoder.dim:
        settings["embed_dim"] = dim
    prompts = getattr(encoder, "prompts", {})
    lengths = sorted({*dims, encoder.dim})
    return models.ModelMeta(
        loader=loader,
        loader_kwargs={"spec": encoder.spec} if loader else {},
        name=name,
        revision=encoder.fingerprint[:40] or "fitted-on-each-corpus",
        release_date=None,
        languages=list(languages) if languages else (base.languages if base else None),
        n_parameters=base.n_parameters if same else None,
        memory_usage_mb=base.memory_usage_mb if same and kind == "model" else None,
        max_tokens=encoder.max_tokens,
        embed_dim=dim or (lengths if len(lengths) > 1 else lengths[0] or None),
        license=base.license if same else None,
        open_weights=kind != "openai",
        public_training_code=None,
        public_training_data=None,
        framework=list(FRAMEWORKS[kind]),
        similarity_fn_name="cosine",
        use_instructions=any(prompts.values()) if prompts else False,
        training_datasets=check_training(encoder.spec, training_datasets),
        adapted_from=public,
        model_type=list(kinds),
        modalities=["text"],
        experiment_kwargs=settings or None,
    )
