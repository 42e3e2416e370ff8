"""Times of all forms as microseconds since 1970, UTC; times without a zone are refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, ParameterError, nearest

__all__ = ["NO_TIME", "check_moments", "moments"]

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time."""

_UNITS = {"s": 1_000_000, "ms": 1000, "us": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def check_moments(source: Any, name: str | None) -> None:
    """Refuse Python times of which some have a time zone, before they become one Arrow column."""
    if name is None or isinstance(source, str | Path | pa.Table | pa.RecordBatch):
        return
    if isinstance(source, dict):
        values = source.get(name)
    elif hasattr(source, "columns") and type(source).__module__.split(".")[0] == "pandas":
        found = source[name] if name in source.columns else None
        values = found if found is not None and found.dtype == object else None
    else:
        return
    if values is None or hasattr(values, "type"):
        return
    aware = {
        one.tzinfo is not None
        for one in values
        if isinstance(one, datetime) and one == one  # noqa: PLR0124 - NaT differs from itself
    }
    if len(aware) > 1:
        raise _mixed(name)


def _mixed(name: str) -> ColumnError:
    return ColumnError(
        f"column {name!r} (time) holds times with and without a time zone: give all of them one"
    )


def moments(
    column: pa.ChunkedArray,
    name: str,
    *,
    timezone: str | None = None,
    unit: str | None = None,
) -> NDArray[np.int64]:
    """Give times as microseconds since 1970, UTC; `NO_TIME` where there is none.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Timestamps, ISO 8601 strings, or numbers.
    name : str
        Of the column, for messages.
    timezone : str, optional
        Zone of times that have none of their own, such as ``"UTC"`` or ``"Europe/Rome"``.
    unit : {"s", "ms", "us"}, optional
        What numbers count since 1970.

    Returns
    -------
    int64 (n,)

    Raises
    ------
    ColumnError
        For times without a zone (unless `timezone` says which), some with and some without,
        strings that are no times, dates, and types that are no times.
    ParameterError
        For an unknown zone or unit.

    Examples
    --------
    >>> moments(pa.chunked_array([["1970-01-01T01:00:01+01:00", None]]), "t")[0]
    np.int64(1000000)
    """
    if unit is not None and unit not in _UNITS:
        raise ParameterError(f"time_unit is {unit!r}; {nearest(str(unit), _UNITS)}")
    kind = column.type
    if pa.types.is_dictionary(kind):
        return moments(column.cast(kind.value_type), name, timezone=timezone, unit=unit)
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            column = _in_zone(column.cast(pa.timestamp("us"), safe=False), name, timezone)
        whole = column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
        return np.array(whole.fill_null(NO_TIME).to_numpy(), dtype=np.int64)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
        return _parsed(column.to_pylist(), name, timezone)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        if unit is None:
            raise ColumnError(
                f"column {name!r} (time) is {kind}: say what it counts since 1970 with time_unit "
                "s, ms or us"
            )
        return _counted(column, name, _UNITS[unit])
    if pa.types.is_date(kind):
        raise ColumnError(f"column {name!r} (time) holds dates without hours: give times")
    raise ColumnError(f"column {name!r} (time) is {kind}; give timestamps, ISO strings or numbers")


def _in_zone(column: pa.ChunkedArray, name: str, timezone: str | None) -> pa.ChunkedArray:
    if timezone is None:
        raise ColumnError(
            f"column {name!r} (time) has no time zone: say which its times are in with timezone, "
            "such as UTC"
        )
    try:
        return pc.assume_timezone(
            column, timezone=timezone, ambiguous="earliest", nonexistent="earliest"
        )
    except pa.ArrowException as error:
        raise ParameterError(
            f"timezone is {timezone!r}: give UTC or a name such as Europe/Rome"
        ) from error


def _counted(column: pa.ChunkedArray, name: str, each: int) -> NDArray[np.int64]:
    values = np.array(column.cast(pa.float64()).fill_null(float("nan")).to_numpy(), dtype=float)
    missing = np.isnan(values)
    scaled = np.where(missing, 0.0, values) * each
    if not (np.abs(scaled) < 2**62).all():
        raise ColumnError(f"column {name!r} (time) is out of range: is time_unit right?")
    if pa.types.is_integer(column.type):
        exact = np.array(column.cast(pa.int64()).fill_null(0).to_numpy(), dtype=np.int64) * each
        return np.where(missing, NO_TIME, exact)
    return np.where(missing, NO_TIME, np.round(scaled).astype(np.int64))


def _parsed(texts: list[str | None], name: str, timezone: str | None) -> NDArray[np.int64]:
    found = np.full(len(texts), NO_TIME, dtype=np.int64)
    local: list[datetime | None] = [None] * len(texts)
    with_zone = without = 0
    for row, text in enumerate(texts):
        if text is None or not text.strip():
            continue
        plain = text.strip().strip('"')
        try:
            one = datetime.fromisoformat(plain)
        except ValueError as error:
            raise ColumnError(
                f"column {name!r} (time), row {row}: {plain[:40]!r} is no ISO 8601 time"
            ) from error
        if one.tzinfo is None:
            without += 1
            if len(plain) == len(date.min.isoformat()):
                raise ColumnError(f"column {name!r} (time) holds dates without hours: give times")
            local[row] = one
        else:
            with_zone += 1
            found[row] = (one - _EPOCH) // _MICROSECOND
    if with_zone and without:
        raise _mixed(name)
    if without:
        column = pa.chunked_array([pa.array(local, pa.timestamp("us"))])
        found = moments(_in_zone(column, name, timezone), name)
    return found
