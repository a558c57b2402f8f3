"""From days, months, years and ranges of them to moments.

Ranges are always `[start, end)` in seconds since 1970 UTC. Every named day is included whole, in
the configured time zone. None is an open end.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kchat_search.errors import BadRequest

Span = tuple[int | None, int | None]

_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_PARAMETER_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BACK = re.compile(r"(\d{1,4})([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def span(text: str, today: date, zone: ZoneInfo) -> Span | None:
    """The span that a text names; None where it names none.

    A text is `2015`, `2015-04`, `2015-04-01`, or a range `a..b`, `a..`, `..b` of these, or the last
    days, weeks, months of 30 days or years of 365 days, as `7d`, `2w`, `1m`, `1y`. Today is the
    last of these days. A range whose end is before its start contains nothing.
    """
    back = _BACK.fullmatch(text)
    if back:
        days = int(back[1]) * _DAYS[back[2]]
        first = today - timedelta(days=min(max(days, 1) - 1, (today - date.min).days))
        return _moment(first, zone), _moment(_next(today), zone)
    if ".." not in text:
        days_named = _named(text)
        return None if days_named is None else _between(days_named, days_named, zone)
    left, _, right = text.partition("..")
    from_, to = _named(left), _named(right)
    if (left and from_ is None) or (right and to is None) or not (left or right):
        return None
    return _between(from_, to, zone)


def parameter_start(value: str, zone: ZoneInfo) -> int | None:
    """The API's `start`: a day, from its beginning, or an RFC 3339 time.

    Raises `BadRequest` for any other text.
    """
    day = _parameter_day(value)
    if day is not None:
        return _moment(day, zone)
    return math.ceil(_parameter_time("start", value))


def parameter_end(value: str, zone: ZoneInfo) -> int | None:
    """The API's `end`, a day or an RFC 3339 time, as the first second that is not included.

    Raises `BadRequest` for any other text.
    """
    day = _parameter_day(value)
    if day is not None:
        return _moment(_next(day), zone)
    return math.floor(_parameter_time("end", value)) + 1


def _parameter_day(value: str) -> date | None:
    if not _PARAMETER_DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _parameter_time(parameter: str, value: str) -> float:
    try:
        moment = datetime.fromisoformat(value.upper())  # RFC 3339, 5.6: «t» and «z» are allowed
        if moment.tzinfo is not None and "T" in value.upper():
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise BadRequest(
        f"{parameter} must be a day (2016-01-01) or an RFC 3339 time with its offset "
        f"(2016-01-01T08:00:00%2B08:00), not {value[:40]!r}",
        parameter,
    )


def _named(text: str) -> tuple[date, date | None] | None:
    """(the first day that `text` names, the first day after what it names). The latter is None
    after the last day of the calendar."""
    match = _DAY.fullmatch(text)
    if not match:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    assert year is not None
    try:
        first = date(year, 1 if month is None else month, 1 if day is None else day)
    except ValueError:  # also for a month or a day «00»
        return None
    if day:
        return first, _next(first)
    if month:
        return first, _date(year + month // 12, month % 12 + 1)
    return first, _date(year + 1, 1)


def _between(
    from_: tuple[date, date | None] | None, to: tuple[date, date | None] | None, zone: ZoneInfo
) -> Span:
    return (
        _moment(from_[0], zone) if from_ else None,
        _moment(to[1], zone) if to else None,
    )


def _date(year: int, month: int) -> date | None:
    return date(year, month, 1) if year <= date.max.year else None


def _next(day: date) -> date | None:
    return None if day == date.max else day + timedelta(days=1)


def _moment(day: date | None, zone: ZoneInfo) -> int | None:
    """The beginning of a day. None, an open end, at the ends of the calendar: no chat is beyond."""
    if day is None or day.year <= date.min.year:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
