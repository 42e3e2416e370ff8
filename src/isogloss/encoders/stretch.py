"""Let a loaded transformer read beyond its trained positions.

The kind of its positions is found in its modules: a table of learned positions, rotary frequencies,
or distances only. The module that gives positions is replaced by one of ours, which asks for the
length of each text of the batch; limits of the tokenizer, of the configuration and of buffers are
lifted together. Nothing is patched by the name of a class.
"""

import copy
import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, from_numpy, nn

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders import positions as maps
from isogloss.encoders.context import Context

__all__ = ["METHODS_OF", "Far", "Kind", "Reading", "Stretch", "find_kind", "reading_now", "stretch"]

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
class Far:
    """What SelfExtend needs beside the texts.

    Parameters
    ----------
    trained, near : int
        Trained positions, and the distance below which they are exact.
    frequencies : tensor (r / 2,)
        By which queries and keys are turned.
    layout : str
        Which dimensions are turned together; empty while that is being found out.
    """

    trained: int
    near: int
    frequencies: Tensor
    layout: str = ""


@dataclass(slots=True)
class Reading:
    """The texts that one thread reads now.

    Parameters
    ----------
    positions : int64 (b, t)
        Place of each token in its text; 0 for padding before it.
    lengths : list of int
        Tokens of each text.
    far : Far or None
        For SelfExtend.
    seen : list
        Takes queries of each layer while a model is probed; None else.
    """

    positions: maps.Ints
    lengths: list[int]
    far: Far | None = None
    seen: list[Tensor] | None = None


_NOW = threading.local()


def reading_now() -> Reading | None:
    """Give what this thread reads; None outside of `Stretch.reading`."""
    return getattr(_NOW, "reading", None)


@contextmanager
def reads(reading: Reading) -> Iterator[None]:
    """Make a reading this thread's for a while."""
    _NOW.reading = reading
    try:
        yield
    finally:
        _NOW.reading = None


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


class TablePositions(nn.Module):  # type: ignore[misc]
    """Learned positions, looked up by each text's own length.

    Parameters
    ----------
    weights : float (m, d)
        Rows without those kept for padding.
    options : Context
    factor : int
        By what an interpolated table was enlarged, else 1.
    """

    def __init__(self, weights: Any, options: Context, factor: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(from_numpy(np.array(weights)), requires_grad=False)
        self.options = options
        self.factor = factor

    def forward(self, ids: Tensor) -> Tensor:
        """Give a row for every token of the texts read now; the model's own ids are not used."""
        reading = reading_now()
        if reading is None:
            raise EncoderError("a stretched model is read through its encoder only")
        return self.weight[from_numpy(self.rows(reading))]

    def rows(self, reading: Reading) -> maps.Ints:
        """Give the row of each token, int64 (b, t)."""
        trained = self.options.trained or 0
        method = self.options.method
        out = np.zeros_like(reading.positions)
        for row, length in enumerate(reading.lengths):
            places = reading.positions[row]
            if method == "grouped":
                out[row] = maps.grouped_positions(places, length, trained)
            elif method == "recurrent":
                out[row] = maps.recurrent_positions(places, trained)
            else:
                out[row] = maps.interpolated_rows(places, length, trained, self.factor)
        return out


class RotaryPositions(nn.Module):  # type: ignore[misc]
    """Rotary angles by each text's own length; the model's own module works them out.

    Layers with a sliding window see only near tokens, so their angles stay as they are. Nothing is
    kept from one text to the next but copies of the module with other frequencies, by factor.

    Parameters
    ----------
    inner : torch module
        Takes hidden states and positions, gives cosines and sines.
    options : Context
    """

    def __init__(self, inner: nn.Module, options: Context) -> None:
        super().__init__()
        self.inner = inner
        self.options = options
        self._copies: dict[int, nn.Module] = {1: inner}
        self._lock = threading.Lock()

    def forward(self, x: Tensor, position_ids: Tensor, *rest: Any, **more: Any) -> Any:
        """Give cosines and sines, (b, t, d) each."""
        reading = reading_now()
        kinds = [value for value in (*rest, *more.values()) if isinstance(value, str)]
        sliding = any("sliding" in value for value in kinds)
        if reading is None or sliding or not self._beyond(reading):
            if reading is not None and reading.seen is not None:
                position_ids = from_numpy(reading.positions)
            return self.inner(x, position_ids, *rest, **more)
        if self.options.method != "ntk":
            ids = from_numpy(self.angles(reading))
            return self.inner(x, ids, *rest, **more)
        factors = [maps.stretch_factor(n, self.options.trained or n) for n in reading.lengths]
        places = from_numpy(reading.positions)
        parts = []
        for row, factor in enumerate(factors):
            module = self.raised(factor)
            parts.append(module(x[row : row + 1], places[row : row + 1], *rest, **more))
        import torch

        return tuple(torch.cat(side) for side in zip(*parts, strict=True))

    def _beyond(self, reading: Reading) -> bool:
        return any(length > (self.options.trained or length) for length in reading.lengths)

    def angles(self, reading: Reading) -> maps.Floats:
        """Give the position of each token by which it is turned, float64 (b, t)."""
        trained = self.options.trained or 0
        out = reading.positions.astype(np.float64)
        for row, length in enumerate(reading.lengths):
            places = reading.positions[row]
            if self.options.method == "grouped":
                out[row] = maps.grouped_positions(places, length, trained)
            elif self.options.method == "recurrent":
                out[row] = maps.recurrent_positions(places, trained)
            elif self.options.method == "interpolate":
                out[row] = maps.interpolated_angles(places, length, trained)
        return out

    def raised(self, factor: int) -> nn.Module:
        """Give the module with the base raised for texts `factor` times as long."""
        with self._lock:
            if factor not in self._copies:
                module = copy.deepcopy(self.inner)
                for name, value in list(module.named_buffers(recurse=False)):
                    if name.endswith("inv_freq"):
                        scales = maps.ntk_scales(len(value), factor)
                        setattr(module, name, value * from_numpy(scales).to(value.dtype))
                self._copies[factor] = module
            return self._copies[factor]

    def frequencies(self) -> Tensor:
        """Give the frequencies of layers that see the whole text, float (d / 2,)."""
        found = {
            name: value
            for name, value in self.inner.named_buffers(recurse=False)
            if name.endswith("inv_freq") and "original" not in name and "sliding" not in name
        }
        return next(iter(found.values()))
