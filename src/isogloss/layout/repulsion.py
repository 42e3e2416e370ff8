"""The push of all places on all others, as fields on a grid that a Fourier transform gives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss.layout.workers import Workers

Places = NDArray[np.float32]

# Nodes of the grid a unit; the kernels bend within one unit.
PER_UNIT = 2.0
# Nodes on a side, at most: a wider map gets a coarser grid.
MOST_NODES = 1200
MARGIN = 4
BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Field:
    """Three fields on a grid: the sum of ``1 / (1 + d^2)`` over all places, and the push.

    Parameters
    ----------
    left, bottom, per_unit : float
        Where the first node lies, and nodes a unit.
    values : float32 (3, h, w)
        Sum of kernels, and both parts of the sum of ``(here - place) / (1 + d^2)^2``.
    """

    left: float
    bottom: float
    per_unit: float
    values: NDArray[np.float32]

    def at(self, places: Places, workers: Workers) -> NDArray[np.float32]:
        """Read the fields at places: float32 (n, 3)."""
        found = np.empty((len(places), 3), dtype=np.float32)

        def read(first: int, last: int) -> None:
            _native.map_fields(
                places, self.left, self.bottom, self.per_unit, self.values, first, last, found
            )

        workers.each(read, len(places), block=BLOCK)
        return found


class Repulsion:
    """Computes fields; the transforms of the kernels are kept while the grid has the same size."""

    def __init__(self) -> None:
        self._shape = (0, 0)
        self._per_unit = 0.0
        self._kernels: Any = None
        self._padded = (0, 0)

    def field(self, places: Places) -> Field:
        """Give the fields of places.

        Parameters
        ----------
        places : float32 (n, 2)

        Returns
        -------
        Field

        Notes
        -----
        Interpolation is cubic. Time O(n + g log g) for a grid of g nodes, whose number grows with
        the area of the map.
        """
        from scipy import fft

        low = places.min(axis=0).astype(np.float64)
        high = places.max(axis=0).astype(np.float64)
        self._fit(high - low)
        height, width = self._shape
        centre = 0.5 * (low + high)
        left = float(centre[0] - 0.5 * (width - 1) / self._per_unit)
        bottom = float(centre[1] - 0.5 * (height - 1) / self._per_unit)
        grid = np.zeros(self._shape, dtype=np.float32)
        _native.map_charge(places, left, bottom, self._per_unit, grid)
        charge = fft.rfft2(grid, s=self._padded)
        values = np.empty((3, height, width), dtype=np.float32)
        for number, kernel in enumerate(self._kernels):
            values[number] = fft.irfft2(charge * kernel, s=self._padded)[:height, :width]
        return Field(left, bottom, self._per_unit, values)

    def _fit(self, span: NDArray[np.float64]) -> None:
        """Make the grid large enough, with some room to grow."""
        from scipy import fft

        per_unit = min(PER_UNIT, (MOST_NODES - 2 * MARGIN) / max(float(span.max()) * 1.1, 1e-9))
        needed = np.ceil(span * per_unit).astype(int)[::-1] + 2 * MARGIN
        fits = all(have >= need for have, need in zip(self._shape, needed, strict=True))
        if fits and per_unit >= self._per_unit:
            return
        self._per_unit = per_unit
        sides = [int(need * 1.15) + 2 * MARGIN for need in needed]
        self._padded = tuple(fft.next_fast_len(2 * side, real=True) for side in sides)
        self._shape = (self._padded[0] // 2, self._padded[1] // 2)
        down = fft.fftfreq(self._padded[0], 1.0 / self._padded[0]) / per_unit
        along = fft.fftfreq(self._padded[1], 1.0 / self._padded[1]) / per_unit
        near = 1.0 / (1.0 + down[:, None] ** 2 + along[None, :] ** 2)
        kernels = (near, along[None, :] * near**2, down[:, None] * near**2)
        self._kernels = [fft.rfft2(one.astype(np.float32)) for one in kernels]
