"""From text, dates and numbers to what a page may show.

Invariants: only `marked` makes HTML, and escapes all that it is given; what leaves this program
has no lone surrogate (UTF-8 refuses it) and no control character that a browser would drop or
misread. Both are replaced one for one, so that ranges in code points stay true.
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

from kchat_search.serialization.times import local

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MINUTE = 60
_LONGEST_JSON = 200_000
_HOUR = 3600


def label(text: str) -> str:
    """A name (of a person, of a file) in one line that reads in the order of its letters: an
    override could make «gpj.exe» look like «exe.jpg»."""
    return " ".join(_DIRECTION.sub(_REPLACEMENT, text).split())


def marked(text: str, ranges: Iterable[tuple[int, int]]) -> Markup:
    """The text with these ranges, [start, end) in code points, marked; all of it escaped."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(ranges):
        begin, stop = max(start, done), min(end, len(text))
        if begin >= stop:
            continue
        pieces += [escape(text[done:begin]), "<mark>", escape(text[begin:stop]), "</mark>"]
        done = stop
    pieces.append(escape(text[done:]))
    return Markup("".join(pieces))  # noqa: S704 - every piece is escaped above


def readable_json(raw: str) -> str:
    """JSON with a line a value, in the letters of its texts. What is no JSON, or so long that
    only its beginning is shown anyway, stays as it is."""
    if len(raw) > _LONGEST_JSON:
        return raw
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, indent=2)
    except ValueError:
        return raw


def day(when: date) -> str:
    """«2015年4月25日星期六», «Saturday, April 25, 2015»."""
    return dates.format_date(when, "full", locale=get_locale())


def moment(when: datetime | None, zone: ZoneInfo) -> str:
    """«2015-04-25 08:04»; «—» for none."""
    return "—" if when is None else local(when, zone).strftime("%Y-%m-%d %H:%M").zfill(16)


def clock(when: datetime, zone: ZoneInfo) -> str:
    """«08:04:12»."""
    return local(when, zone).strftime("%H:%M:%S")


def number(value: float) -> str:
    """With the thousands apart."""
    return numbers.format_decimal(value, locale=get_locale())


def size(count: int | None) -> str:
    """A size in bytes, for a person: «1.4 MB»."""
    if count is None or count < 0:
        return ""
    value, unit = float(count), "B"
    for following in ("KB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1024, following
    return f"{number(round(value, 1))} {unit}"


def duration(seconds: float) -> str:
    """A span for a person: its two largest units."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    if hours:
        return str(_("%(hours)s 小时 %(minutes)s 分", hours=number(hours), minutes=minutes))
    if minutes:
        return str(_("%(minutes)s 分 %(seconds)s 秒", minutes=minutes, seconds=left))
    return str(ngettext("%(num)s 秒", "%(num)s 秒", left))
