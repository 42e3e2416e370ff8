"""Nearest rows, filtered or not: the exact scan, and cells that let most rows be left out.

Rows lie in the order of the cells of a partition, as 8-bit codes and, for the few that matter, 8
bits more. Where there are several cells, one bit a number tells first which rows may matter. A
filter is prepared once: the slots of the rows that pass, by cell. So every query knows how many
rows pass and where they lie, and takes the cheapest way that finds them:

``scan``
    Every row that passes is scored: exact, by bounds on what the codes leave out.
``cells``
    Cells, nearest first, until the rest can hardly hold any of the k best: how far that is was
    measured on the rows themselves when the index was made, by the score of the k-th best. Where
    rows that pass are rarer near the query than elsewhere, it goes farther. It never ends before
    k rows were seen, so that no filter can starve it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.errors import AtlasError, ParameterError
from isogloss._core.files import atomic_path
from isogloss._core.tensors import TensorFile, map_tensors
from isogloss.search.cells import SCORE_FIRST, SCORE_STEP, Blocks, Partition, reach_for
from isogloss.search.codes import WIDTH, Codes, encode_rows
from isogloss.search.layout import Layout
from isogloss.search.plan import Found, Subset
from isogloss.search.signs import SignWriter, pass_bits, tile_places

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]

FORMAT_VERSION = "2"
# Without signs, so that cells take longer; else the same.
OLDER_VERSIONS = ("1",)
# So many rows that pass are scored all: as quick as choosing among cells, and exact.
GATHERED = 8_000
RECALL = 0.985
NEAREST = "many rows pass: the cells nearest to the query hold nearly all of the best"
BLOCK = 16_384


class VectorIndex:
    """An index of unit rows for searches with and without filters.

    Parameters
    ----------
    tensors : dict of str to array
        What `build` or `write` made.
    dim : int
        Numbers a row.

    Raises
    ------
    AtlasError
        When the arrays do not fit each other.

    Notes
    -----
    Two bytes a number, half of float32, and a bit more where there are cells. A search takes
    O(passing d) time as a scan; in cells it visits a few in a hundred rows of 100,000, most of them
    by that bit alone. One thread a query; queries may run side by
    side. Same rows and seed, same index, for any number of threads.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> index = VectorIndex.build(rows)
    >>> index.search(rows[1], k=1).rows.tolist()
    [1]
    >>> found = index.search(rows[1], k=2, subset=index.subset(np.array([True, False, True])))
    >>> found.rows.tolist(), found.plan.strategy
    ([0, 2], 'scan')
    """

    def __init__(self, tensors: dict[str, NDArray[Any]], dim: int) -> None:
        self.dim = dim
        self.numbers: Ints = tensors["numbers"]
        self.hashes: Ints = tensors["hashes"]
        self.order: Ints = tensors["order"]
        self._starts: Ints = tensors["starts"]
        self._shares: Rows = tensors["shares"]
        self._reach: dict[float, Rows] = {}
        try:
            self._scan = _native.CodeScan(
                tensors["codes"], tensors["fine"], tensors["scales"], tensors["errors"],
                tensors["starts"], tensors["centres"], tensors["centre_scales"],
                tensors["group_starts"], tensors["groups"], tensors["group_scales"],
                tensors["order"], dim,
            )  # fmt: skip
            self._tiles: tuple[Ints, int] | None = None
            if "signs" in tensors:
                self._scan.use_signs(tensors["signs"], tensors["along"], tensors["factors"])
                self._tiles = tile_places(self._starts)
        except ValueError as error:
            raise AtlasError(f"the vector index is damaged: {error}") from error

    @classmethod
    def build(cls, vectors: Rows, *, seed: int = 0) -> "VectorIndex":
        """Index rows in memory.

        Parameters
        ----------
        vectors : float32 (n, d)
            Unit rows (or zeros).
        seed : int, default 0
            Of the samples on which cells are found and measured.

        Returns
        -------
        VectorIndex

        Raises
        ------
        ParameterError
            When the rows are no finite matrix.
        """
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
            raise ParameterError(
                f"the vectors have shape {np.shape(vectors)}: give a matrix of finite numbers"
            )

        def blocks() -> Iterator[Rows]:
            for at in range(0, len(rows), BLOCK):
                yield rows[at : at + BLOCK]

        made = Layout.of(blocks, len(rows), rows.shape[1], seed)
        written = encode_rows(rows[made.order])
        tensors = made.small_tensors(np.arange(len(rows), dtype=np.int64), None)
        tensors |= {
            "codes": written.codes, "fine": written.fine, "scales": written.scales,
            "errors": written.errors,
        }  # fmt: skip
        if len(made.starts) > 2:
            signs = SignWriter(made.partition.centres, made.starts)
            signs.write(rows, made.slots())
            tensors |= signs.tensors()
        return cls(tensors, rows.shape[1])

    @classmethod
    def gather(cls, blocks: Iterable[Rows], n: int, dim: int) -> "VectorIndex":
        """Index n rows in memory, in one cell, block by block.

        Parameters
        ----------
        blocks : iterable of float32 (m, dim)
        n, dim : int
            Rows in all, and numbers a row.

        Returns
        -------
        VectorIndex
        """
        width = -(-dim // WIDTH) * WIDTH
        middle = np.zeros((1, dim), dtype=np.float32)
        shares = np.zeros((2, 1, 1), dtype=np.float32)
        one = Layout(
            Partition(middle, middle, np.array([0, 1])), np.arange(n, dtype=np.int64),
            np.array([0, n]), shares,
        )  # fmt: skip
        tensors = one.small_tensors(np.arange(n, dtype=np.int64), None)
        whole = Codes(
            np.empty((n, width), np.int8), np.empty((n, width), np.int8),
            np.empty(n, np.float32), np.empty(n, np.float32),
        )  # fmt: skip
        first = 0
        for block in blocks:
            written = encode_rows(block)
            for name in ("codes", "fine", "scales", "errors"):
                getattr(whole, name)[first : first + len(block)] = getattr(written, name)
            first += len(block)
        tensors |= {name: getattr(whole, name) for name in ("codes", "fine", "scales", "errors")}
        return cls(tensors, dim)

    @classmethod
    def write(
        cls,
        path: Path,
        blocks: Blocks,
        numbers: Ints,
        dim: int,
        *,
        hashes: Ints | None = None,
        seed: int = 0,
    ) -> "VectorIndex":
        """Index rows that need not fit into memory, in a file, and open it.

        Parameters
        ----------
        path : Path
            The file, made in one step.
        blocks : callable
            Gives blocks of float32 unit rows, the same at every call.
        numbers : int64 (n,)
            What each row is known by.
        dim : int
            Numbers a row.
        hashes : int64 (n,), optional
            Of what each row was made from.
        seed : int, default 0

        Returns
        -------
        VectorIndex

        Raises
        ------
        StorageError
            When the disk refuses.
        """
        made = Layout.of(blocks, len(numbers), dim, seed)
        slot = made.slots()
        signs = SignWriter(made.partition.centres, made.starts) if len(made.starts) > 2 else None
        small = made.small_tensors(numbers, hashes)
        width = -(-dim // WIDTH) * WIDTH
        shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
            name: (array.dtype, array.shape) for name, array in small.items()
        }
        shapes |= {name: (np.int8, (len(numbers), width)) for name in ("codes", "fine")}
        shapes |= {name: (np.float32, (len(numbers),)) for name in ("scales", "errors")}
        if signs:
            shapes |= signs.shapes()
        metadata = {"format": "isogloss-vectors", "version": FORMAT_VERSION, "dim": str(dim)}
        with atomic_path(path) as draft, TensorFile(draft, shapes, metadata) as file:
            for name, array in small.items():
                file.write(name, np.arange(len(array)), array)
            first = 0
            for block in blocks():
                written = encode_rows(block)
                places = slot[first : first + len(block)]
                for name in ("codes", "fine", "scales", "errors"):
                    file.write(name, places, getattr(written, name))
                if signs:
                    signs.write(block, places)
                first += len(block)
            for name, array in (signs.tensors() if signs else {}).items():
                file.write(name, np.arange(len(array)), array)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "VectorIndex":
        """Open the file of an index; it is read as it is used.

        Raises
        ------
        AtlasError
            When it is damaged or of a newer format.
        """
        tensors, metadata = map_tensors(path)
        known = (FORMAT_VERSION, *OLDER_VERSIONS)
        if metadata.get("version") not in known or not metadata.get("dim", "").isdigit():
            raise AtlasError(
                f"{path.name} has format version {metadata.get('version')}; "
                f"this isogloss reads {FORMAT_VERSION}"
            )
        missing = {
            "numbers", "hashes", "order", "starts", "shares", "codes", "fine", "scales", "errors",
            "centres", "centre_scales", "group_starts", "groups", "group_scales",
        } - set(tensors)  # fmt: skip
        if missing:
            raise AtlasError(f"{path.name} is damaged: it lacks {', '.join(sorted(missing))}")
        return cls(tensors, int(metadata["dim"]))

    def __len__(self) -> int:
        return len(self.order)

    def subset(self, mask: NDArray[np.bool_]) -> Subset:
        """Prepare a filter.

        Parameters
        ----------
        mask : bool (n,)
            True for the rows that pass.

        Returns
        -------
        Subset

        Raises
        ------
        ParameterError
            When the mask is not one truth a row.
        """
        if mask.shape != (len(self),) or mask.dtype != np.bool_:
            raise ParameterError(
                f"the mask is {mask.dtype} of shape {mask.shape}; give bool ({len(self)},)"
            )
        passing = mask[self.order]
        slots = np.flatnonzero(passing).astype(np.int32)
        bits = pass_bits(passing, *self._tiles) if self._tiles else None
        return Subset(slots, np.searchsorted(slots, self._starts).astype(np.int64), bits)

    def search(
        self,
        query: Rows,
        *,
        k: int = 10,
        subset: Subset | None = None,
        exact: bool = False,
        recall: float = RECALL,
        spare: int = 0,
    ) -> Found:
        """Find the rows with the largest dot products.

        Parameters
        ----------
        query : float32 (d,)
            Unit vector.
        k : int, default 10
            Rows wanted.
        subset : Subset or None
            The rows that pass, from `subset`; None for all.
        exact : bool, default False
            Score every row that passes.
        recall : float, default 0.985
            The share of the k best to be expected where cells are left out, 0.5 to 1.
        spare : int, default 0
            So many rows more are given, if their scores are too close to the k-th to be told from
            it by 16 bits: with exact scores the caller can order them.

        Returns
        -------
        Found

        Raises
        ------
        ParameterError
            When a parameter is out of range or the query does not fit.
        """
        if query.shape != (self.dim,):
            raise ParameterError(f"the query has shape {query.shape}; rows have {self.dim}")
        if k < 1 or not 0.5 <= recall <= 1:
            raise ParameterError(f"k={k}, recall={recall}: give k from 1, recall from 0.5 to 1")
        total = len(self.order)
        slots, starts, bits, passing = None, None, None, total
        if subset is not None:
            slots, starts, bits = subset.slots, subset.starts, subset.bits
            passing = len(slots)
        if not passing:
            nothing = ("empty", total, 0, 0, 0, 1.0, "no row passes")
            return Found(np.zeros(0, np.int64), np.zeros(0, np.float32), nothing)
        why = self._why_scan(passing, k, exact or recall == 1)
        room = min(k + spare, passing)
        rows, scores = np.empty(room, np.int64), np.empty(room, np.float32)
        count, visited, cells = self._scan.search(
            query, k, slots, starts, bits, None if why else self._reaches(recall),
            SCORE_FIRST, SCORE_STEP, rows, scores,
        )  # fmt: skip
        if why:
            plan = ("scan", total, passing, visited, cells, 1.0, why)
        else:
            plan = ("cells", total, passing, visited, cells, recall, NEAREST)
        return Found(rows[:count], scores[:count], plan)

    def _why_scan(self, passing: int, k: int, exact: bool) -> str:
        if exact:
            return "asked to be exact"
        if len(self._starts) == 2:
            return "so few rows that all are scored"
        if passing <= max(GATHERED, 40 * k):
            return "few enough rows pass that all of them are scored"
        return ""

    def _reaches(self, recall: float) -> Rows:
        if recall not in self._reach:
            self._reach[recall] = reach_for(self._shares, recall)
        return self._reach[recall]
