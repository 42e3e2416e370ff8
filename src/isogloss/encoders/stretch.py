"""Let a loaded transformer read beyond its trained positions.

The kind of its positions is found in its modules: a table of learned positions, rotary frequencies,
or distances only. The module that gives positions is replaced by one of ours, which asks for the
length of each text of the batch; limits of the tokenizer, of the configuration and of buffers are
lifted together. Nothing is patched by the name of a class.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders import positions as maps
from isogloss.encoders.context import Context
from isogloss.encoders.position_modules import (
    Far,
    Reading,
    RotaryPositions,
    TablePositions,
    reads,
)

__all__ = ["METHODS_OF", "Kind", "Stretch", "find_kind", "stretch"]

# Ways for each kind of positions, the chosen one first.
METHODS_OF = {
    "table": ("grouped", "interpolate", "recurrent"),
    "rotary": ("self-extend", "ntk", "interpolate", "grouped", "recurrent", "plain"),
    "distances": ("plain",),
}
_NEAR_SHARE = 8  # SelfExtend keeps an eighth of the trained distances exact, as its authors did
_MOVING = ("dynamic", "longrope")  # rotary types that rewrite their frequencies as they read


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of positions a model has, and where.

    Parameters
    ----------
    name : {"table", "rotary", "distances"}
    trained : int or None
        Positions it was trained on; None where only distances count.
    modules : tuple of str
        Names of the modules that give positions.
    """

    name: str
    trained: int | None
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """How a model was stretched.

    Parameters
    ----------
    options : Context
        With method, context, trained and near as they are used.
    kind : Kind
    far : Far or None
        For SelfExtend.
    """

    options: Context
    kind: Kind
    far: Far | None = None

    @contextmanager
    def reading(self, mask: Tensor) -> Iterator[None]:
        """Tell the replaced modules which texts stand in the batch.

        Parameters
        ----------
        mask : tensor (b, t)
            1 for tokens, 0 for padding.
        """
        there = mask.numpy().astype(np.int64)
        places = np.maximum(np.cumsum(there, axis=1) - 1, 0)
        with reads(Reading(places, there.sum(axis=1).tolist(), self.far)):
            yield


def find_kind(model: nn.Module, config: Any) -> Kind | None:
    """Find what gives a model its positions.

    Parameters
    ----------
    model : torch module
        A transformers model.
    config : object
        Its configuration.

    Returns
    -------
    Kind or None
        None when it is none of the kinds known here.
    """
    limit = getattr(config, "max_position_embeddings", None)
    tables, rotary, distances = [], [], False
    for name, module in model.named_modules():
        last = name.rpartition(".")[2]
        if any(key.endswith("inv_freq") for key, _ in module.named_buffers(recurse=False)):
            rotary.append((name, module))
        elif isinstance(module, nn.Embedding):
            if "relative" in last or last.startswith("rel_"):
                distances = True
            elif "position" in last and type(module) is nn.Embedding:
                tables.append((name, module))
    if rotary and not tables:
        asks = [inspect.signature(module.forward).parameters for _, module in rotary]
        if limit and all("position_ids" in one for one in asks):
            return Kind("rotary", int(limit), tuple(name for name, _ in rotary))
        return None
    if len(tables) == 1 and not rotary and tables[0][1].num_embeddings == limit:
        name, table = tables[0]
        return Kind("table", table.num_embeddings - first_row(table), (name,))
    if distances and not tables and not rotary:
        return Kind("distances", None)
    return None


def first_row(table: nn.Embedding) -> int:
    """Give the row of a text's first token: some models keep the rows before it for padding."""
    return 0 if table.padding_idx is None else table.padding_idx + 1


def stretch(model: nn.Module, config: Any, options: Context, *, name: str, window: int) -> Stretch:
    """Replace what gives a model its positions, and lift its limits.

    Parameters
    ----------
    model : torch module
        A transformers model; it is changed.
    config : object
        Its configuration; its limit is raised.
    options : Context
        With a context.
    name : str
        Of the model, for messages.
    window : int
        Tokens that the model reads now.

    Returns
    -------
    Stretch
        With the options as they are used.

    Raises
    ------
    EncoderError
        When the model's positions cannot be stretched, or not in the way asked for.
    ParameterError
        When the options do not fit the model.
    """
    kind = find_kind(model, config)
    if kind is None:
        raise EncoderError(
            f"{name!r} has positions of a kind that cannot be stretched: use method=windows"
        )
    chosen = _choose(options, kind, name, window)
    _refuse_moving(config, chosen, name)
    context = chosen.context or window
    far = None
    if kind.name == "table":
        _replace_table(model, kind, chosen, context)
    elif kind.name == "rotary":
        for place in kind.modules:
            _put(model, place, RotaryPositions(_get(model, place), chosen))
        if chosen.method == "self-extend":
            from isogloss.encoders.self_extend import install

            far = install(model, chosen, [_get(model, place) for place in kind.modules], name)
    _lift(model, config, context)
    return Stretch(chosen, kind, far)


def _choose(options: Context, kind: Kind, name: str, window: int) -> Context:
    methods = METHODS_OF[kind.name]
    method = methods[0] if options.method == "auto" else options.method
    if method not in methods:
        raise EncoderError(
            f"method={method} is not for {name!r}, whose positions are {_WORDS[kind.name]}: "
            f"take {', '.join(methods)} or windows"
        )
    context = options.context or window
    if context <= window:
        raise ParameterError(f"context={context}: {name!r} reads {window} tokens already; ask more")
    trained = options.trained or kind.trained
    if options.trained and kind.trained and options.trained > kind.trained:
        raise ParameterError(
            f"trained={options.trained}: {name!r} has {kind.trained} positions, no more"
        )
    near = options.near
    if method == "self-extend" and trained is not None:
        near = near or max(1, trained // _NEAR_SHARE)
        if near >= trained:
            raise ParameterError(f"near={near} must be below the {trained} trained positions")
    return Context(method, context, trained, near)


_WORDS = {
    "table": "a table of learned ones",
    "rotary": "rotary",
    "distances": "distances between tokens",
}


def _refuse_moving(config: Any, options: Context, name: str) -> None:
    stated = getattr(config, "rope_parameters", None) or {}
    sets = [stated, *(value for value in stated.values() if isinstance(value, dict))]
    kinds = [one.get("rope_type") for one in sets if one.get("rope_type") in _MOVING]
    if kinds and options.method != "plain":
        raise EncoderError(
            f"{name!r} stretches its own positions (rope type {kinds[0]!r}): use method=plain"
        )


def _replace_table(model: nn.Module, kind: Kind, options: Context, context: int) -> None:
    place = kind.modules[0]
    table = _get(model, place)
    trained = options.trained or 0
    first = first_row(table)
    weights = table.weight.detach().numpy()[first : first + trained]
    factor = 1
    if options.method == "interpolate":
        factor = maps.stretch_factor(context, trained)
        weights = maps.interpolated_table(weights, factor)
    _put(model, place, TablePositions(weights, options, factor))
    _enlarge_buffers(model, context + first + 1, table.num_embeddings)


def _enlarge_buffers(model: nn.Module, size: int, old: int) -> None:
    """Lengthen the row buffers that models cut to a text's length."""
    import torch

    for module in model.modules():
        for name, value in list(module.named_buffers(recurse=False)):
            if value.ndim != 2 or value.shape != (1, old) or value.dtype.is_floating_point:
                continue
            counts = bool((value[0] == torch.arange(old)).all())
            row = torch.arange(size) if counts else torch.zeros(size, dtype=value.dtype)
            if counts or not bool(value.any()):
                setattr(module, name, row[None].to(value.dtype))


def _lift(model: nn.Module, config: Any, context: int) -> None:
    for one in {id(part): part for part in (config, model.config)}.values():
        if (getattr(one, "max_position_embeddings", None) or context) < context:
            one.max_position_embeddings = context


def _get(model: nn.Module, place: str) -> Any:
    return model.get_submodule(place)


def _put(model: nn.Module, place: str, module: nn.Module) -> None:
    parent, _, last = place.rpartition(".")
    setattr(model.get_submodule(parent) if parent else model, last, module)
