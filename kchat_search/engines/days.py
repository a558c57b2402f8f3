"""The days of a time zone between two times, for the facet `created_day`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search.models.plan import MOST_DAYS


class Day(NamedTuple):
    """A day of a zone."""

    name: str
    """Such as «2016-02-29»."""
    start: int
    """Where it begins, in seconds since 1970 UTC."""


def days_between(low: int, high: int, zone: ZoneInfo) -> list[Day] | None:
    """The days from that of the time `low` to that of `high` (seconds since 1970 UTC); None if they
    are more than `MOST_DAYS`."""
    if high - low > (MOST_DAYS + 1) * 86_400:  # a day may have 25 hours; days are counted below
        return None
    try:
        first, last = (_in_zone(seconds, zone).date() for seconds in (low, high))
    except OverflowError:  # near the ends of the calendar, a local day may have no UTC time
        return None
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if len(days) > MOST_DAYS:
        return None
    starts = (int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) for d in days)
    return [Day(day.isoformat(), start) for day, start in zip(days, starts, strict=True)]


def _in_zone(seconds: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
