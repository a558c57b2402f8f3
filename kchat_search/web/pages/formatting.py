"""Text, dates and numbers in the form in which a page shows them.

Invariants: only `marked` makes HTML, and it escapes all text that it gets. A page has no lone
surrogate (UTF-8 does not allow it) and no control character that a browser would drop or misread.
Each is replaced by exactly one character, so ranges in code points stay correct.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import dates, numbers
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from markupsafe import Markup, escape

from kchat_search import processor_time
from kchat_search.serialization.times import local

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MINUTE = 60
_MAX_JSON_CHARACTERS = 200_000
_HOUR = 3600


def label(text: str) -> str:
    """The name of a person or a file in one line, shown in the order of its letters.

    A character that changes the direction of text could make «gpj.exe» look like «exe.jpg», so it
    is replaced.
    """
    return " ".join(_DIRECTION.sub(_REPLACEMENT, text).split())


def marked(text: str, ranges: Iterable[tuple[int, int]]) -> Markup:
    """The text as HTML, escaped, with `<mark>` around these ranges: [start, end) in code points.
    Ranges may overlap and may lie outside the text.

    Raises `RequestTooExpensive` where a request may not take so long: a page has a call for each
    message that it shows, so this bounds the making of a page.
    """
    processor_time.check()
    pieces: list[str] = []
    done = 0  # code points of `text` that are in `pieces`
    for start, end in sorted(ranges):
        begin, stop = max(start, done), min(end, len(text))
        if begin >= stop:
            continue
        pieces += [escape(text[done:begin]), "<mark>", escape(text[begin:stop]), "</mark>"]
        done = stop
    pieces.append(escape(text[done:]))
    return Markup("".join(pieces))  # noqa: S704  # nosec B704  # every piece is escaped above


def readable_json(raw: str) -> str:
    """JSON with one line for each value and without escapes in its texts.

    A text that is not JSON stays as it is. So does one of more than 200,000 characters, because the
    page shows only its beginning.
    """
    if len(raw) > _MAX_JSON_CHARACTERS:
        return raw
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, indent=2)
    except ValueError:
        return raw


def day(when: date) -> str:
    """A day in words: «2015年4月25日星期六», «Saturday, April 25, 2015»."""
    return dates.format_date(when, "full", locale=get_locale())


def moment(when: datetime | None, zone: ZoneInfo) -> str:
    """A moment, to the minute: «2015-04-25 08:04»; «—» for None."""
    return "—" if when is None else local(when, zone).strftime("%Y-%m-%d %H:%M").zfill(16)


def clock(when: datetime, zone: ZoneInfo) -> str:
    """A time of day: «08:04:12»."""
    return local(when, zone).strftime("%H:%M:%S")


def number(value: float) -> str:
    """A number with separators between thousands: «1,234»."""
    return numbers.format_decimal(value, locale=get_locale())


def size(count: int | None) -> str:
    """A size in bytes, in the unit that suits it: «1.4 MB»; "" if it is not known."""
    if count is None or count < 0:
        return ""
    value, unit = float(count), "B"
    for next_unit in ("KB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1024, next_unit
    return f"{number(round(value, 1))} {unit}"


def duration(seconds: float) -> str:
    """A duration, in its two largest units: «1 小时 2 分»."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, _HOUR)
    minutes, remaining = divmod(rest, _MINUTE)
    if hours:
        return str(_("%(hours)s 小时 %(minutes)s 分", hours=number(hours), minutes=minutes))
    if minutes:
        return str(_("%(minutes)s 分 %(seconds)s 秒", minutes=minutes, seconds=remaining))
    return str(ngettext("%(num)s 秒", "%(num)s 秒", remaining))
