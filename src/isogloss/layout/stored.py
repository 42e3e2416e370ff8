"""The map of an atlas: a file in its state folder, derived from the vectors of its table.

Places belong to passage numbers, which are never used twice, and to the encoder that made the
vectors. Passages that the file lacks are placed among those it has, which stay where they are; a
file that is missing, damaged or of other vectors is made anew. So it may be late, but never wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import atomic_path
from isogloss._core.tensors import map_tensors, save_tensors
from isogloss.layout.frame import Frame, mixed, without_heaps
from isogloss.layout.layout import lay_out
from isogloss.layout.passage_map import PassageMap
from isogloss.layout.place import Anchors
from isogloss.search.segments import Live, read_column, read_live, read_vectors

Ints = NDArray[np.int64]
Rows = NDArray[np.float32]

NAME = "map.safetensors"
FORMAT = "1"
STAGE = "map"
# Passages that are laid out together, at most; the others are placed among them.
MOST_ANCHORS = 60_000
# Rows that are placed at once.
BLOCK = 32_768


@dataclass(frozen=True, slots=True)
class Source:
    """What a map is drawn from.

    Parameters
    ----------
    table : lancedb.table.Table
        The passages.
    fingerprint : str
        Of the encoder that made their vectors.
    seed : int
    most : int
        Passages that are laid out together, at most.
    on_event : callable
        Takes progress.
    """

    table: Any
    fingerprint: str
    seed: int = 0
    most: int = MOST_ANCHORS
    on_event: OnEvent = ignore


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The contents of a file."""

    passages: Ints
    coordinates: Rows
    frame: Frame


def read_map(state: Path, fingerprint: str) -> _Drawn | None:
    """Open the map of a state folder; None where there is none that can be used."""
    try:
        tensors, about = map_tensors(state / NAME)
        passages, coordinates = tensors["passages"], tensors["coordinates"]
        frame = Frame(float(about["x"]), float(about["y"]), float(about["half"]))
        known = about["format"] == FORMAT and about["fingerprint"] == fingerprint
    except (AtlasError, OSError, KeyError, ValueError):
        return None  # derived: it is made anew
    right = passages.dtype == np.int64 and coordinates.dtype == np.float32
    right = right and coordinates.shape == (len(passages), 2) and passages.ndim == 1
    right = right and bool((np.diff(passages) > 0).all()) and bool(np.isfinite(coordinates).all())
    return _Drawn(passages, coordinates, frame) if known and right else None


def update_map(state: Path, source: Source, *, version: int) -> PassageMap:
    """Bring the map of a state folder up to date with its table, and give it.

    Parameters
    ----------
    state : Path
        State folder of the atlas.
    source : Source
    version : int
        Of the atlas.

    Returns
    -------
    PassageMap

    Raises
    ------
    OSError
        When the disk refuses.
    """
    drawn, fresh = _current(state, source)
    if not fresh:
        about = {
            "format": FORMAT,
            "fingerprint": source.fingerprint,
            "x": repr(drawn.frame.x),
            "y": repr(drawn.frame.y),
            "half": repr(drawn.frame.half),
        }
        with atomic_path(state / NAME) as path:
            save_tensors(
                path, {"passages": drawn.passages, "coordinates": drawn.coordinates}, about
            )
    return PassageMap(drawn.passages, drawn.coordinates, version)


def open_map(state: Path, source: Source, *, version: int) -> PassageMap:
    """Give the map of a state folder; what it lacks is drawn, and kept where that is possible.

    Parameters
    ----------
    state, source, version
        As for `update_map`.

    Returns
    -------
    PassageMap
    """
    try:
        return update_map(state, source, version=version)
    except OSError:  # read-only, full, or cleaned up meanwhile: the map lives in memory
        drawn, _ = _current(state, source)
        return PassageMap(drawn.passages, drawn.coordinates, version)


def _current(state: Path, source: Source) -> tuple[_Drawn, bool]:
    """Give the map of the passages of the table, and whether that is what the file holds."""
    live = read_live(source.table)
    held = read_map(state, source.fingerprint)
    if held is not None and np.array_equal(held.passages, live.numbers):
        return held, True
    if held is not None:
        kept = np.isin(held.passages, live.numbers, assume_unique=True)
        if kept.any():
            return _added(live, held, kept, source), False
    return _new(live, source), False


def _new(live: Live, source: Source) -> _Drawn:
    n = len(live.numbers)
    places = np.zeros((n, 2), dtype=np.float32)
    source.on_event(Event(STAGE, 0, n, "passages"))
    if n:
        chosen = _draw(live, np.ones(n, dtype=bool), source)
        vectors = _gather(source.table, live, chosen)
        topics = _topics(source.table, live)
        places[chosen] = lay_out(
            vectors, None if topics is None else topics[chosen], seed=source.seed,
            numbers=live.numbers[chosen],
            on_step=lambda done, total: source.on_event(
                Event(STAGE, len(chosen) * done // total, n, "passages")
            ),
        )  # fmt: skip
        frame = Frame.around(places[chosen])
        rest = np.ones(n, dtype=bool)
        rest[chosen] = False
        _place(places, live, chosen, vectors, rest, frame, source)
    frame = Frame.around(places)
    source.on_event(Event(STAGE, n, n, "passages"))
    return _Drawn(live.numbers, frame.coordinates(places), frame)


def _added(live: Live, held: _Drawn, kept: NDArray[np.bool_], source: Source) -> _Drawn:
    """Place the passages that a map lacks; those it has stay, to the last bit."""
    n = len(live.numbers)
    coordinates = np.zeros((n, 2), dtype=np.float32)
    known = np.zeros(n, dtype=bool)
    at = np.searchsorted(live.numbers, held.passages[kept])
    known[at] = True
    coordinates[at] = held.coordinates[kept]
    if not known.all():
        places = held.frame.places(coordinates)
        chosen = _draw(live, known, source)
        vectors = _gather(source.table, live, chosen)
        _place(places, live, chosen, vectors, ~known, held.frame, source)
        coordinates[~known] = held.frame.coordinates(places[~known])
    return _Drawn(live.numbers, coordinates, held.frame)


def _draw(live: Live, among: NDArray[np.bool_], source: Source) -> Ints:
    """Draw passages by their contents, so that their order does not matter; in table order."""
    candidates = np.flatnonzero(among)
    if len(candidates) > source.most:
        key = mixed(live.hashes[candidates], source.seed)
        order = np.lexsort((live.numbers[candidates], key))
        candidates = candidates[order[: source.most]]
    wanted = np.zeros(len(live.numbers), dtype=bool)
    wanted[candidates] = True
    return live.scan[wanted[live.scan]]


def _gather(table: Any, live: Live, places: Ints) -> Rows:
    """Read the vectors of some passages, given in table order."""
    dim = table.schema.field("vector").type.list_size
    rows = np.empty((len(places), dim), dtype=np.float32)
    done = 0
    for block in read_vectors(table, live, places):
        rows[done : done + len(block)] = block
        done += len(block)
    return rows


def _topics(table: Any, live: Live) -> NDArray[np.int32] | None:
    if "topic" not in table.schema.names:
        return None
    found = read_column(table, live, "topic").to_numpy()
    return np.asarray(found, dtype=np.int32)


def _place(
    places: Rows, live: Live, chosen: Ints, vectors: Rows, rest: NDArray[np.bool_],
    frame: Frame, source: Source,
) -> None:  # fmt: skip
    """Put the rest among those chosen, in `places`."""
    wanted = live.scan[rest[live.scan]]
    if not len(wanted):
        return
    filled = np.flatnonzero(vectors.any(axis=1))
    anchors = None
    if len(filled):
        anchors = Anchors(vectors[filled], places[chosen[filled]], seed=source.seed)
    done = 0
    n = len(places)
    for block in _blocks(read_vectors(source.table, live, wanted)):
        own = wanted[done : done + len(block)]
        content = block.any(axis=1) if anchors is not None else np.zeros(len(block), dtype=bool)
        if anchors is not None:
            places[own[content]] = anchors.place(block[content])
        places[own[~content]] = frame.aside(live.numbers[own[~content]])
        done += len(block)
        source.on_event(Event(STAGE, n - len(wanted) + done, n, "passages"))
    placed = np.flatnonzero(rest)
    places[placed] = without_heaps(places[placed], live.numbers[placed], single=True)


def _blocks(stream: Iterator[Rows]) -> Iterator[Rows]:
    """Cut a stream of rows into blocks of one size."""
    held: list[Rows] = []
    count = 0
    for rows in stream:
        held.append(rows)
        count += len(rows)
        while count >= BLOCK:
            whole = np.concatenate(held)
            yield whole[:BLOCK]
            held = [whole[BLOCK:]]
            count = len(held[0])
    if count:
        yield np.concatenate(held)
