"""Selected passages: those in a polygon, below a topic, that pass a filter, or by number."""

import json
from collections import OrderedDict
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss.app.web.asgi import Refusal
from isogloss.app.web.exact import exact
from isogloss.app.web.rows import cut, take
from isogloss.app.web.shapes import LIMITS, SelectionParts
from isogloss.app.web.view import Points, View
from isogloss.search.filters import read_filter
from isogloss.search.results import json_columns

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Selections whose passages are kept at hand: pages of one are asked for after the other.
KEPT = 8


class ByHeight:
    """Points in the order of their y, so that an edge of a polygon looks at its own heights only.

    Parameters
    ----------
    coordinates : float32 (n, 2)
    """

    def __init__(self, coordinates: NDArray[np.float32]) -> None:
        self.coordinates = coordinates
        self._lock = Lock()
        self._sorted: tuple[Ints, Floats, Floats] | None = None

    def _by_y(self) -> tuple[Ints, Floats, Floats]:
        with self._lock:
            if self._sorted is None:
                order = np.argsort(self.coordinates[:, 1], kind="stable")
                x, y = self.coordinates[order].astype(np.float64).T
                self._sorted = order, np.ascontiguousarray(x), np.ascontiguousarray(y)
            return self._sorted

    def inside(self, polygon: Any) -> Bools:
        """Tell which points lie in a polygon or on its edge, by the even-odd rule.

        Parameters
        ----------
        polygon : float (c, 2)
            Corners; the last is joined to the first.

        Returns
        -------
        bool (n,)

        Examples
        --------
        >>> points = ByHeight(np.array([[0.5, 0.5], [2, 0.5]], dtype=np.float32))
        >>> points.inside([[0, 0], [1, 0], [1, 1], [0, 1]]).tolist()
        [True, False]
        """
        corners = np.asarray(polygon, dtype=np.float64)
        order, x, y = self._by_y()
        odd, on = np.zeros(len(y), dtype=bool), np.zeros(len(y), dtype=bool)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            first, last = y.searchsorted([min(y0, y1), max(y0, y1)])
            end = y.searchsorted(max(y0, y1), side="right")
            near = x[first:end]
            with np.errstate(over="ignore", invalid="ignore"):
                along = (x1 - x0) * (y[first:end] - y0) == (near - x0) * (y1 - y0)
            on[first:end] |= along & (near >= min(x0, x1)) & (near <= max(x0, x1))
            if first == last:
                continue
            with np.errstate(over="ignore", invalid="ignore"):
                slope = (x1 - x0) / (y1 - y0)
                edge = slope * (y[first:last] - y0) + x0
            odd[first:last] ^= x[first:last] < edge
        result = np.empty(len(odd), dtype=bool)
        result[order] = odd | on
        return result


class Selections:
    """Selections of the passages of one version.

    Parameters
    ----------
    view : View
    heights : ByHeight
        Of the view's points.
    """

    def __init__(self, view: View, heights: ByHeight) -> None:
        self.view = view
        self.heights = heights
        self._lock = Lock()
        self._kept: OrderedDict[str, NDArray[np.int32]] = OrderedDict()

    def passing(self, where: str | None, topic: int | None) -> Bools | None:
        """Tell which passages pass a filter and lie below a topic; None where all do.

        Raises
        ------
        FilterError
            When the filter does not parse or fit.
        Refusal
            404 for an unknown topic.
        """
        mask = None
        if where is not None:
            mask = passing(self.view, where)
        if topic is not None:
            own = below(self.view, topic)
            mask = own if mask is None else mask & own
        return mask

    def places(self, given: SelectionParts) -> NDArray[np.int32]:
        """Give the places of the passages selected, ascending: int32 (m,)."""
        key = json.dumps([given.polygon, given.topic, given.where, given.passages])
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        found = self._found(given)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def _found(self, given: SelectionParts) -> NDArray[np.int32]:
        points = self.view.points
        mask = self.passing(given.where, given.topic)
        if given.passages is not None:
            named = np.isin(points.numbers, np.array(given.passages, dtype=np.int64))
            mask = named if mask is None else mask & named
        if given.polygon is not None:
            inside = self.heights.inside(given.polygon)
            mask = inside if mask is None else mask & inside
        if mask is None:
            return np.arange(len(points), dtype=np.int32)
        return np.flatnonzero(mask).astype(np.int32)

    def reply(self, given: SelectionParts, offset: int, limit: int) -> dict[str, Any]:
        """Give how many are selected, a page of them, and their topics."""
        view, points = self.view, self.view.points
        places = self.places(given)
        page = places[offset : offset + limit]
        attributes = list(view.atlas.manifest.attributes)
        names = ["id", "topic", *attributes]
        table = take(view, page, ["text", *names])
        columns = json_columns(table, names)
        rows = []
        for n, (place, text, length) in enumerate(
            zip(page.tolist(), *cut(table["text"], LIMITS["hit_text"]), strict=True)
        ):
            topic = -1 if columns["topic"][n] is None else columns["topic"][n]
            x, y = points.xy(place)
            rows.append({
                "passage": int(points.numbers[place]), "id": exact(columns["id"][n]), "text": text,
                "text_length": length, "topic": topic, "path": view.path(topic),
                "attributes": {name: exact(columns[name][n]) for name in attributes},
                "x": x, "y": y,
            })  # fmt: skip
        counts = np.bincount(points.topics[places] + 1)
        held = np.flatnonzero(counts)
        held = held[np.lexsort((held, -counts[held]))]
        more = offset + limit < len(places)
        return {
            "version": view.version,
            "count": len(places),
            "rows": rows,
            "next": offset + limit if more else None,
            "topics": [{"topic": int(one) - 1, "count": int(counts[one])} for one in held],
        }


def filterable(view: View) -> pa.Schema:
    """Give the columns that a filter may name: id, topic and the attributes."""
    schema = view.atlas.schema
    names = dict.fromkeys(["id", "topic", *view.atlas.manifest.attributes])
    return pa.schema([schema.field(name) for name in names])


def passing(view: View, where: str) -> Bools:
    """Tell which passages pass a filter, bool (n,); the last filters are kept at hand."""
    node = read_filter(where, filterable(view), below=view.below)
    return view.atlas.vectors.passing(node).mask


def below(view: View, topic: int) -> Bools:
    """Tell which passages lie in a topic or below it, bool (n,); -1 for those in none.

    Raises
    ------
    Refusal
        404 when there is no such topic.
    """
    points: Points = view.points
    if topic == -1:
        return np.asarray(points.topics < 0)
    if topic >= len(view.paths):
        raise Refusal(404, "not_found", f"there is no topic {topic}")
    leaves = np.array([topic in path for path in view.paths] + [False])
    return np.asarray(leaves[points.topics])  # -1 reads the last


def narrowed(view: View, where: str | None, topic: int | None) -> str | None:
    """Write a filter and a topic as one filter.

    Raises
    ------
    FilterError
        When the filter does not parse by itself.
    """
    if topic is None:
        return where
    if topic >= len(view.paths):
        raise Refusal(404, "not_found", f"there is no topic {topic}")
    if where is None:
        return f"topic = {topic}"
    read_filter(where, filterable(view))  # by itself, so that the brackets stay its own
    return f"({where}) AND topic = {topic}"
