"""Times as people and programs write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from isogloss._core.errors import ColumnError, ParameterError
from isogloss.topics import topics_over
from isogloss.topics.times import read_times


def days(texts):
    return [None if x is None else x.isoformat() for x in read_times(pa.array(texts), "t").tolist()]


def test_texts_with_and_without_zone_are_read_in_utc():
    assert days(
        ["2024-01-03T10:00:00Z", "2026-02-03T13:11:42.603662+00:00", "2024-01-03T23:30:00-05:00"]
    ) == ["2024-01-03", "2026-02-03", "2024-01-04"]
    assert days(["2024-01-03", "2024-01-03T10:00:00Z", None, " "]) == [
        "2024-01-03", "2024-01-03", None, None,
    ]  # fmt: skip


def test_years_and_months_may_be_texts():
    assert days(["2000", "2000-03"]) == ["2000-01-01", "2000-03-01"]


def test_what_is_no_time_is_named():
    with pytest.raises(ColumnError, match="'t' holds 'soon', which is no time"):
        days(["2024-01-03T10:00:00Z", "soon"])


@pytest.mark.parametrize(
    "times",
    [
        [date(2020, 1, 1), date(2021, 1, 1)],
        [datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, 1, tzinfo=UTC)],
        [datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), None],
        ["2020-01-01", "2021-01-01T00:00:00Z"],
    ],
)
def test_topics_follow_dates_datetimes_and_texts(times):
    spread = topics_over(np.array([0, 0]), times, bins=2)
    assert sum(spread.totals) == sum(time is not None for time in times)


def test_times_of_several_kinds_are_refused():
    with pytest.raises(ParameterError, match="several kinds"):
        topics_over(np.array([0, 0]), [date(2020, 1, 1), {}])
