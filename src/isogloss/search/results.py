"""What a search gives back, as records and as JSON."""

import base64
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from isogloss._core.plural import of_all, plural
from isogloss.search.plan import Plan


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that was found.

    Parameters
    ----------
    id : str or int
        The id of its document, as the source gave it.
    passage : int
        Its number in the atlas.
    score : float
        By the mode: cosine (vector), BM25 (text), that of the fusion (hybrid).
    text : str
        The passage.
    attributes : dict
        The document's attributes, ready for JSON.
    topic : int
        Its leaf topic, -1 for none.
    """

    id: str | int
    passage: int
    score: float
    text: str
    attributes: dict[str, Any]
    topic: int

    def to_json(self) -> dict[str, Any]:
        """Give the hit as a JSON object; JSON has no infinities, so they become null there."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"attributes": _finite(self.attributes)}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of one search, best first.

    Parameters
    ----------
    hits : tuple of Hit
        Best first; equal scores by passage.
    strategy : str
        What was done, for people.
    seconds : float
        Wall-clock time of the search.
    plan : Plan, optional
        How vectors were searched: the choice, the reason, rows, expected recall.

    Examples
    --------
    >>> SearchResult((Hit("a", 0, 0.5, "text", {}, -1),), "vector", 0.1).to_json()["hits"][0]["id"]
    'a'
    """

    hits: tuple[Hit, ...]
    strategy: str
    seconds: float
    plan: Plan | None = None

    def to_json(self, *, explain: bool = False) -> dict[str, Any]:
        """Give the result as the JSON object of `isogloss search --json`.

        Parameters
        ----------
        explain : bool, default False
            Give the plan too (null where no vectors were searched).
        """
        hits = [hit.to_json() for hit in self.hits]
        found = {"hits": hits, "strategy": self.strategy, "seconds": self.seconds}
        return found | ({"plan": asdict(self.plan) if self.plan else None} if explain else {})

    def explain(self) -> str:
        """Say how vectors were searched, and why so.

        Examples
        --------
        >>> plan = Plan("scan", 900, 40, 40, 1, 1.0, "few pass")
        >>> print(SearchResult((), "vector", 0.1, plan).explain())
        40 of 900 passages pass (4.44%); all of them scored (few pass); recall 1
        """
        if self.plan is None:
            return "no vectors were searched"
        one = self.plan
        verb = "passes" if one.passing == 1 else "pass"
        share = f"{of_all(one.passing, one.rows, 'passage')} {verb}"
        if one.rows:
            share += f" ({100 * one.passing / one.rows:.3g}%)"
        how = {
            "scan": "all of them scored",
            "cells": f"{one.visited:,} in {plural(one.cells, 'cell')} looked at",
            "empty": "nothing to score",
        }[one.strategy]
        recall = (
            "recall 1"
            if one.expected_recall == 1
            else (
                f"expected recall {one.expected_recall:.3g}, as measured on the passages themselves"
            )
        )
        return f"{share}; {how} ({one.why}); {recall}"


def json_columns(table: pa.Table, names: list[str]) -> dict[str, list[Any]]:
    """Give columns as lists of plain values, all but infinities as JSON can hold them.

    Dates and moments become ISO strings, NaN None, bytes base64, decimals strings.

    Examples
    --------
    >>> table = pa.table({"x": [1.5, float("nan")], "at": pa.array([1, None], pa.timestamp("ns"))})
    >>> json_columns(table, ["x", "at"])
    {'x': [1.5, None], 'at': ['1970-01-01T00:00:00.000000001', None]}
    """
    return {name: [_json(value) for value in _values(table.column(name))] for name in names}


def _finite(value: Any) -> Any:
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetime has no nanoseconds; Arrow writes "1970-01-01 00:00:00.000000001Z"
        texts = column.cast(pa.string()).to_pylist()
        return [None if text is None else text.replace(" ", "T", 1) for text in texts]
    values: list[Any] = column.to_pylist()
    return values


def _json(value: Any) -> Any:
    if value is None or type(value) in (str, int, bool):  # nearly all: no further questions
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return value
