"""From days, months, years and ranges of them to moments.

Ranges are always `[start, end)` in seconds since 1970 UTC. Every named day is included whole, in
the configured time zone. None is an open end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search.errors import BadRequest

Span = tuple[int | None, int | None]

_NUMBERS = re.compile(r"([0-9]{4})(?:[-/.]([0-9]{1,2})(?:[-/.]([0-9]{1,2}))?)?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")
_CHINESE = re.compile(
    r"(?:([0-9]{4}|[0-9]{2})年)?([0-9]{1,2})月(?:份|([0-9]{1,2})[日号]?)?|([0-9]{4}|[0-9]{2})年度?"
)
_LATER = re.compile(r"(?:([0-9]{1,2})[-/.])?([0-9]{1,2})[日号]?")
"""The end of a range that begins with a day: «04-30» or «30»."""
_PARAMETER_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEPARATORS = ("..", "~", "至", "到")
_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])[ _-]+(?=[a-z0-9])")

_BACK = re.compile(r"(?:last|past)?([0-9]{1,4})(d|w|m|y|days?|weeks?|months?|years?)")
_CHINESE_BACK = re.compile(
    r"(?:(?:最近|近|过去)([0-9]{1,4}|[一两二三四五六七八九十])(天|日|周|个?星期|个?礼拜|个月|年)"
    r"|([0-9]{1,4}|[一两二三四五六七八九十])(天|周|个?星期|个?礼拜|个月))(?:内|以内)?"
)
_HALF_A_YEAR = re.compile("(?:最近|近|过去)?半年(?:内|以内)?")
_DIGITS = dict(zip("一二三四五六七八九十", range(1, 11), strict=True)) | {"两": 2}
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365, "天": 1, "日": 1, "周": 7, "年": 365, "月": 30}
_DAYS |= {"期": 7, "拜": 7}
_DAYS_AGO = {
    "今天": 0, "今日": 0, "today": 0, "昨天": 1, "昨日": 1, "yesterday": 1,
    "前天": 2, "前日": 2, "daybeforeyesterday": 2, "thedaybeforeyesterday": 2,
}  # fmt: skip
_PERIOD = re.compile(
    "(本|这个?|当|今|上上个?|上一?个?|去|前|this|last|previous)"
    "(周|星期|礼拜|月份?|季度?|年度?|week|month|quarter|year)"
)
_PERIODS_AGO = {"上": 1, "去": 1, "前": 2, "l": 1, "p": 1}


IN_WORDS = (
    ("今天", "today"),
    ("昨天", "yesterday"),
    ("近7天", "7d"),
    ("近30天", "30d"),
    ("本周", "this-week"),
    ("上周", "last-week"),
    ("本月", "this-month"),
    ("上月", "last-month"),
    ("今年", "this-year"),
    ("去年", "last-year"),
)
"""Words for days that are suggested, in Chinese and English."""


class ImpossibleDay(ValueError):
    """There is no such day in the calendar (2019-02-30)."""


class Days(NamedTuple):
    """The days from `first`, before `after`; None is an open end. No calendar has a day after
    `date.max`, so its `after` is None."""

    first: date | None
    after: date | None
    is_reversed: bool = False
    """Was the range typed with its end first?"""


def span(text: str, today: date, zone: ZoneInfo) -> Span | None:
    """The span that a text names; None where it names none. See `named_days`."""
    try:
        days = named_days(text, today)
    except ImpossibleDay:
        return None
    return None if days is None else (_moment(days.first, zone), _moment(days.after, zone))


def named_days(text: str, today: date) -> Days | None:
    """The days that a folded text names; None where it names none.

    - A day, a month, a year: `2015-04-01`, `2015/4/1`, `2015.4.1`, `2015年4月1日`, `20150401`,
      `2015-04`, `2015年4月`, `201504`, `2015`, `2015年`; without the year, the last one that has
      begun: `4月1日`, `4月`.
    - In words: 今天, 昨天, 前天; 本周, 上周, 本月, 上月, 今年, 去年, 本季度 and the like; `today`,
      `yesterday`, `this week`, `last-month`, `thisyear`. A week begins on Monday.
    - The last days, with today as the last of them: `7d`, `2w`, `1m` (30 days), `1y` (365 days),
      `最近7天`, `三个月`, `last 7 days`.
    - A range of all but the latter: `a..b`, `a..`, `..b`, also with `~`, `至`, `到`, `-`. One that
      was typed with its end first is taken the right way round.

    Raises `ImpossibleDay`.
    """
    back = _days_back(_BETWEEN_WORDS.sub("", text))
    if back is not None:
        return Days(_before(today, max(back, 1) - 1), _next(today))
    single = _named(text, today)
    if single is not None:
        return single
    for left, right in _ranges(text):
        days = _range(left.strip(), right.strip(), today)
        if days is not None:
            return days
    return None


def is_range(text: str, today: date) -> bool:
    """Is it a range from one date to another? `text` names some days."""
    return _days_back(_BETWEEN_WORDS.sub("", text)) is None and _named(text, today) is None


def _days_back(text: str) -> int | None:
    back = _BACK.fullmatch(text)
    if back:
        return int(back[1]) * _DAYS[back[2][0]]
    if _HALF_A_YEAR.fullmatch(text):
        return 6 * _DAYS["m"]
    back = _CHINESE_BACK.fullmatch(text)
    if not back:
        return None
    number, unit = back[1] or back[3], back[2] or back[4]
    return (_DIGITS.get(number) or int(number)) * _DAYS[unit[-1]]


def _ranges(text: str) -> Iterator[tuple[str, str]]:
    """The ways to divide a text into the two ends of a range."""
    for separator in _SEPARATORS:
        left, found, right = text.partition(separator)
        if found:
            yield left, "今天" if (separator, right) == ("至", "今") else right
            return
    dashes = [place for place, character in enumerate(text) if character == "-"]
    if len(dashes) % 2 and not text.startswith("-") and not text.endswith("-"):
        middle = dashes[len(dashes) // 2]
        yield text[:middle], text[middle + 1 :]


def _range(left: str, right: str, today: date) -> Days | None:
    end = _named(right, today)
    begin = _named(left, today)
    if begin and _has_no_year(left) and end and end.first and not _has_no_year(right):
        begin = _named(left, end.first)
    if begin and begin.first and right and (end is None or _has_no_year(right)):
        end = _later(right, begin)
    if (left and begin is None) or (right and end is None) or not (begin or end):
        return None
    if begin and end and begin.first and end.after and end.after <= begin.first:
        return Days(end.first, begin.after, is_reversed=True)
    return Days(begin.first if begin else None, end.after if end else None)


def _has_no_year(text: str) -> bool:
    chinese = _CHINESE.fullmatch(text)
    return chinese is not None and not (chinese[1] or chinese[4])


def _later(text: str, begin: Days) -> Days | None:
    """The end of a range, in the year, and in the month, of its beginning if it does not say."""
    assert begin.first is not None
    chinese = _CHINESE.fullmatch(text)
    if chinese:
        days = _calendar(begin.first.year, chinese[2], chinese[3])
        is_before = days.after is not None and days.after <= begin.first
        return _calendar(begin.first.year + 1, chinese[2], chinese[3]) if is_before else days
    later = _LATER.fullmatch(text)
    if not later or begin.after != _next(begin.first):
        return None
    return _calendar(begin.first.year, later[1] or str(begin.first.month), later[2])


def _named(text: str, today: date) -> Days | None:
    """The day, month, year or word that `text` is."""
    numbers = _NUMBERS.fullmatch(text) or _COMPACT.fullmatch(text)
    if numbers:
        return _calendar(int(numbers[1]), numbers[2], numbers[3])
    chinese = _CHINESE.fullmatch(text)
    if chinese:
        year = chinese[1] or chinese[4]
        if year:
            return _calendar(int(year) + (2000 if len(year) == 2 else 0), chinese[2], chinese[3])
        return _last_begun(today, chinese[2], chinese[3])
    word = _BETWEEN_WORDS.sub("", text)
    ago = _DAYS_AGO.get(word)
    if ago is not None:
        day = _before(today, ago)
        return Days(day, _next(day))
    period = _PERIOD.fullmatch(word)
    return _period(period, today) if period else None


def parameter_start(value: str, zone: ZoneInfo, name: str = "start") -> int | None:
    """The API's `start`: a day, from its beginning, or an RFC 3339 time.

    Raises `BadRequest` for any other text.
    """
    day = _parameter_day(value)
    if day is not None:
        return _moment(day, zone)
    return math.ceil(_parameter_time(name, value))


def parameter_end(value: str, zone: ZoneInfo, name: str = "end") -> int | None:
    """The API's `end`, a day or an RFC 3339 time, as the first second that is not included.

    Raises `BadRequest` for any other text.
    """
    day = _parameter_day(value)
    if day is not None:
        return _moment(_next(day), zone)
    return math.floor(_parameter_time(name, value)) + 1


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


def _last_begun(today: date, month: str, day: str | None) -> Days:
    """The last such day or month that is not in the future. 29 February needs a leap year."""
    for year in range(today.year, max(today.year - 9, 1), -1):
        try:
            days = _calendar(year, month, day)
        except ImpossibleDay:
            continue
        if days.first is not None and days.first <= today:
            return days
    raise ImpossibleDay


def _calendar(year: int, month: str | None, day: str | None) -> Days:
    """A day, a month where `day` is None, or a year where both are. Raises `ImpossibleDay`."""
    try:
        first = date(year, int(month or 1), int(day or 1))
    except ValueError:
        raise ImpossibleDay from None
    if day:
        return Days(first, _next(first))
    return Days(first, _first_of(year, first.month + 1) if month else _first_of(year + 1, 1))


def _period(words: re.Match[str], today: date) -> Days | None:
    """«last week»: the week, month, quarter or year that began so many of them ago."""
    which, unit = words.groups()
    ago = 2 if which.startswith("上上") else _PERIODS_AGO.get(which[0], 0)
    if unit[0] in "周星礼w":
        monday = _before(today, today.weekday() + 7 * ago)
        return Days(monday, _before(today, today.weekday() + 7 * ago - 7))
    if unit[0] in "年y":
        return _calendar(today.year - ago, None, None) if today.year > ago else None
    if which in ("今", "去", "前"):
        return None
    months = 3 if unit[0] in "季q" else 1
    number = (today.year * 12 + today.month - 1) // months * months - ago * months
    return Days(
        _first_of(number // 12, number % 12 + 1),
        _first_of((number + months) // 12, (number + months) % 12 + 1),
    )


def _first_of(year: int, month: int) -> date | None:
    """The first day of a month; the 13th month is the next January. None beyond the calendar."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, 1) if date.min.year <= year <= date.max.year else None


def _before(day: date, days: int) -> date:
    """So many days earlier, at the earliest the first day of the calendar."""
    if days < 0:
        return date.max if (date.max - day).days < -days else day - timedelta(days=days)
    return day - timedelta(days=min(days, (day - date.min).days))


def _next(day: date) -> date | None:
    return None if day == date.max else day + timedelta(days=1)


def _moment(day: date | None, zone: ZoneInfo) -> int | None:
    """The beginning of a day. None, an open end, at the ends of the calendar: no chat is beyond."""
    if day is None or day.year <= date.min.year:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
