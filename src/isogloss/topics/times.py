"""Times as they come: dates, timestamps, years, and texts that say them."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError

__all__ = ["read_times"]

_YEAR_OR_MONTH = re.compile(r"\d{4}(-\d{2})?")


def read_times(values: pa.Array, column: str) -> NDArray[Any]:
    """Give a column of dates, timestamps, numbers or ISO texts as times.

    Parameters
    ----------
    values : pyarrow.Array
    column : str
        Its name, for the message.

    Returns
    -------
    datetime64[D], datetime64[us] or float64 (n,)
        NaT and NaN where there is none; timestamps in UTC.

    Raises
    ------
    ColumnError
        When the column holds no times.

    Examples
    --------
    >>> read_times(pa.array(["2004-02-29", None]), "day").tolist()
    [datetime.date(2004, 2, 29), None]
    """
    kind = values.type
    if pa.types.is_date(kind):
        days: NDArray[Any] = values.cast(pa.date32()).to_numpy(zero_copy_only=False)
        return days.astype("datetime64[D]")
    if pa.types.is_timestamp(kind):
        plain = values.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64())
        return _datetimes(plain)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers: NDArray[Any] = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _texts(values, column)
    raise ColumnError(
        f"column {column!r} is {kind}: give dates, timestamps, years, or texts such as 2004-02-29"
    )


def _datetimes(micros: pa.Array) -> NDArray[Any]:
    missing = micros.is_null().to_numpy(zero_copy_only=False)
    times: NDArray[Any] = micros.fill_null(0).to_numpy().astype("datetime64[us]")
    times[missing] = np.datetime64("NaT")
    return times


def _texts(values: pa.Array, column: str) -> NDArray[Any]:
    """Read each different text once; those with an offset are brought to UTC."""
    coded = values.dictionary_encode()
    known = [_instant(text, column) for text in coded.dictionary.to_pylist()]
    places = coded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
    known.append(np.datetime64("NaT"))
    times: NDArray[Any] = np.array(known, dtype="datetime64[us]")[places]
    return times.astype("datetime64[D]")


def _instant(text: str, column: str) -> np.datetime64:
    said = text.strip()
    if not said:
        return np.datetime64("NaT")
    try:
        if _YEAR_OR_MONTH.fullmatch(said):
            return np.datetime64(said, "us")
        time = datetime.fromisoformat(said)
    except ValueError as error:
        raise ColumnError(
            f"column {column!r} holds {said[:40]!r}, which is no time: give dates, timestamps, "
            "years, or texts such as 2004-02-29 or 2004-02-29T10:30:00Z"
        ) from error
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(time, "us")
