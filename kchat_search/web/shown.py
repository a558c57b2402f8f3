"""From text, dates and numbers to what a page may show.

Invariants: only `marked` makes HTML, and escapes all that it is given; what leaves this program
has no lone surrogate (UTF-8 refuses it) and no control character that a browser would drop or
misread. Both are replaced one for one, so that ranges in code points stay true.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel import dates, numbers
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from markupsafe import Markup, escape

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")
_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MINUTE = 60
_LONGEST_JSON = 200_000
_RFC_3339 = len("2015-04-25T08:04:12+08:00")
_HOUR = 3600


def printable(text: str) -> str:
    """The text with control characters made visible (NUL as ␀), fit for a page. An override of the
    direction of writing, which makes letters read backwards, is one of them."""
    return _CONTROL.sub(
        lambda found: chr(_PICTURES.get(ord(found.group()), ord(_REPLACEMENT))), text
    )


def label(text: str) -> str:
    """A name (of a person, of a file) in one line that reads in the order of its letters: an
    override could make «gpj.exe» look like «exe.jpg»."""
    return " ".join(_BIDI.sub(_REPLACEMENT, text).split())


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


def safe_link(url: str | None) -> str | None:
    """The address, if it is one of the web; None for any other scheme (`javascript:` and kin)."""
    if not url or _CONTROL.search(url):
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return None
    return url.strip()


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment in the configured zone; at the ends of the calendar, where that can't be said,
    in UTC."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


@lru_cache(16_384)  # a page of hits has a hundred, and those of chats that were shown come again
def rfc3339(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """`2015-04-25T08:04:12+08:00`; None stays None."""
    if moment is None:
        return None
    text = local(moment, zone).isoformat(timespec="seconds")
    if len(text) > _RFC_3339:  # local mean time before 1901: RFC 3339 has no seconds in an offset
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    return text


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
