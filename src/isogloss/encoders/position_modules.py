"""The modules that give a stretched model its positions, and the texts that a thread reads now.

They ask for the length of each text of the batch, not for the length of the batch.
"""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, cat, from_numpy, nn

from isogloss._core.errors import EncoderError
from isogloss.encoders import positions as maps
from isogloss.encoders.context import Context

__all__ = ["Far", "Reading", "RotaryPositions", "TablePositions", "reading_now", "reads"]


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
        return tuple(cat(side) for side in zip(*parts, strict=True))

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
