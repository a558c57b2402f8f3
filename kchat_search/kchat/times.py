"""Parse the API's times to aware datetimes in UTC.

The documented form is `2015-04-25 08:04:12`, without a time zone. Client libraries and servers also
use ISO 8601, seconds since 1970, and what PHP makes of its `DateTime`.

Invariant: the result is in UTC or None, and every failure is a ValueError.
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from kchat_search.kchat.php_values import is_nothing

# PHP makes the day before the year 1 of MySQL's 0000-00-00.
_NEVER = re.compile(r"(?:0000-00-00|-0001-11-30)(?:[ T]00:00:00(?:\.0+)?(?:Z|[+-]00:?00)?)?")
_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}")
_EPOCH = re.compile(r"-?[0-9]{9,13}(?:\.[0-9]+)?")
_DOCUMENTED = len("2015-04-25 08:04:12")
_FIRST_MILLISECONDS = 100_000_000_000
"""Seconds since 1970 reach this number in the year 5138. Milliseconds reached it in 1973."""
_OUTSIDE = "outside the years 2 to 9998"
_1970 = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(value: object, zone: ZoneInfo) -> datetime | None:
    """The moment that `value` names, or None where it names none (PHP's forms of nothing, 0,
    `0000-00-00 00:00:00` and what PHP makes of that).

    A text is `2015-04-25 08:04:12` or any ISO 8601 form. It is read in `zone` where it names no
    zone. In an hour that occurs twice (clocks set back), the first is taken. A number, or a text of
    nine digits or more, is seconds since 1970, or milliseconds where seconds would be later than
    the year 5138. An object is PHP's `DateTime`: its `date`, in its `timezone`.

    Raises ValueError for anything else, and for moments outside the years 2 to 9998.
    """
    if isinstance(value, str) and len(value) == _DOCUMENTED:  # first, because nearly all are
        offset = _offset_all_day(value[:10], zone)
        if offset:
            try:
                return _showable(datetime.fromisoformat(value + offset).astimezone(UTC))
            except (ValueError, OverflowError):
                pass  # it has 19 characters but another form
    if is_nothing(value) or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return _of_text(value.strip(), zone)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_epoch(value) if value else None
    if isinstance(value, dict) and isinstance(value.get("date"), str):
        return _of_php_object(value["date"], value.get("timezone"), zone)
    raise ValueError("neither a time nor a number")


def _of_text(text: str, zone: ZoneInfo) -> datetime | None:
    if text == "0" or _NEVER.fullmatch(text):
        return None
    if _EPOCH.fullmatch(text):
        return _of_epoch(float(text))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return _showable(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError(_OUTSIDE) from error


def _of_php_object(date: str, sent_zone: object, zone: ZoneInfo) -> datetime | None:
    """The moment of `{"date": "2019-06-03 10:00:00.000000", "timezone": "Asia/Shanghai"}`."""
    if isinstance(sent_zone, str) and _OFFSET.fullmatch(sent_zone):
        return parse_time(date.strip() + sent_zone, zone)
    return parse_time(date, _zone(sent_zone) if isinstance(sent_zone, str) else zone)


@lru_cache(64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, KeyError) as error:  # a folder of zones; no such zone
        raise ValueError("a zone that nobody knows") from error


@lru_cache(4096)
def _offset_all_day(day: str, zone: ZoneInfo) -> str:
    """The offset of a zone, such as «+08:00», where it is the same from the day before to the day
    after.

    The answer is "" where the clocks change, or where `day` is no day. The messages of a chat are
    mostly of one day, and asking the zone for each message takes twice as long.
    """
    try:
        noon = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=zone)
        offsets = {(noon + timedelta(hours=hours)).isoformat()[19:] for hours in range(-36, 37)}
    except (ValueError, OverflowError):
        return ""
    return offsets.pop() if len(offsets) == 1 else ""


def _of_epoch(number: float) -> datetime:
    try:
        seconds = number / 1000 if abs(number) >= _FIRST_MILLISECONDS else number
        return _showable(_1970 + timedelta(seconds=seconds))
    except OverflowError as error:
        raise ValueError(_OUTSIDE) from error


def _showable(moment: datetime) -> datetime:
    """The moment, if every time zone of the world can show it. Raises ValueError if not."""
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError(_OUTSIDE)
    return moment
