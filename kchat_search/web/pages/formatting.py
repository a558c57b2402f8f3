"""Text, dates and numbers in the form in which a page shows them.

Invariants: only `marked`, `linked` and `worded` make HTML, and they escape all text that they get.
A page has no lone surrogate (UTF-8 does not allow it) and no control character that a browser would
drop or misread. Each is replaced by exactly one character, so ranges in code points stay correct.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from kchat_search import processor_time
from kchat_search.serialization.times import local
from kchat_search.web.http import language
from kchat_search.web.pages.labels import Code
from kchat_search.web.pages.text_links import links

Mark = tuple[int, int] | tuple[int, int, str]
"""A range, [start, end) in code points, and the class of its `<mark>`, if it has one."""
LINK_REL = "noopener noreferrer nofollow"
"""Of every link to another site."""
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


def worded(value: str) -> str:
    """The words for a value, in one line; a `Code` as HTML that says that it is one."""
    if isinstance(value, Markup):
        return value
    return (
        Markup("<code>{}</code>").format(label(value)) if isinstance(value, Code) else label(value)
    )


def marked(text: str, ranges: Iterable[Mark]) -> Markup:
    """The text as HTML, escaped, with `<mark>` around these ranges: [start, end) in code points,
    and the class of the mark, if it has one. Ranges may overlap and may lie outside the text.

    Raises `RequestTooExpensive` where a request may not take so long: a page has a call for each
    message that it shows, so this bounds the making of a page.
    """
    processor_time.check()
    writer = _Writer(text, ranges)
    writer.write_to(len(text))
    return writer.html()


def linked(text: str, ranges: Iterable[Mark], start: int = 0, end: int | None = None) -> Markup:
    """The same of a part of the text, `[start, end)`, with its addresses as links. The page shows
    behind a link which host it leads to, where the text does not say just that. What the text says
    stays as it is: a mark over an end of a link is divided."""
    processor_time.check()
    end = len(text) if end is None else end
    writer = _Writer(text, ranges, start)
    for link in links(text):
        if start <= link.start and link.end <= end:
            writer.write_to(link.start)
            host = "" if link.plain else f' data-host="{escape(link.host)}"'
            writer.add(f'<a href="{escape(link.href)}"{host} rel="{LINK_REL}">')
            writer.write_to(link.end)
            writer.add("</a>")
    writer.write_to(end)
    return writer.html()


class _Writer:
    """Writes a text as HTML, from its start on, with marks."""

    def __init__(self, text: str, ranges: Iterable[Mark], start: int = 0) -> None:
        self._text = text
        self._ranges = sorted(ranges)
        self._next = 0
        self._done = start
        self._pieces: list[str] = []

    def add(self, tag: str) -> None:
        """A tag, whose values are escaped."""
        self._pieces.append(tag)

    def write_to(self, stop: int) -> None:
        """The text up to here. A mark ends here, too, and goes on with the next text."""
        stop = min(stop, len(self._text))
        while self._next < len(self._ranges):
            start, end, *kind = self._ranges[self._next]
            begin = max(start, self._done)
            if begin >= stop:
                break
            if begin < end:
                close = min(end, stop)
                self._escaped(begin)
                self._pieces.append(f'<mark class="{escape(kind[0])}">' if any(kind) else "<mark>")
                self._escaped(close)
                self._pieces.append("</mark>")
            if end > stop:
                break
            self._next += 1
        self._escaped(stop)

    def html(self) -> Markup:
        """What was written."""
        return Markup("".join(self._pieces))  # noqa: S704  # nosec B704  # every text is escaped

    def _escaped(self, stop: int) -> None:
        if stop > self._done:
            self._pieces.append(escape(self._text[self._done : stop]))
            self._done = stop


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


def written_date(text: str) -> str:
    """A day or a month of the calendar, as addresses have it («2015-04-25», «2015-04»): as it is,
    and on an English page «Apr 25, 2015», «Apr 2015». Anything else stays as it is."""
    if language.current() != "en":
        return text
    try:
        first = date.fromisoformat(text if len(text) > len("2015-04") else f"{text}-01")
    except ValueError:
        return text
    pattern = "MMM y" if len(text) == len("2015-04") else "MMM d, y"
    return dates.format_date(first, pattern, locale="en")


def moment(when: datetime | None, zone: ZoneInfo) -> str:
    """A moment, to the minute: «2015-04-25 08:04», «Apr 25, 2015, 08:04»; «—» for None."""
    if when is None:
        return "—"
    if language.current() == "en":
        return dates.format_datetime(local(when, zone), "MMM d, y, HH:mm", locale="en")
    return local(when, zone).strftime("%Y-%m-%d %H:%M").zfill(16)


def to_the_second(when: datetime, zone: ZoneInfo) -> str:
    """A moment, to the second: «2015-04-25 08:04:12», «Apr 25, 2015, 08:04:12»."""
    return f"{moment(when, zone)}:{local(when, zone):%S}"


def clock(when: datetime, zone: ZoneInfo) -> str:
    """A time of day: «08:04:12»."""
    return local(when, zone).strftime("%H:%M:%S")


def number(value: float) -> str:
    """A number with separators between thousands: «1,234»."""
    return numbers.format_decimal(value, locale=get_locale())


def with_written_numbers(environment: Environment) -> Callable[..., str]:
    """The templates' `ngettext`, whose `%(num)s` is written as `number` does."""
    ngettext: Any = environment.globals["ngettext"]

    @pass_context
    def written(context: Context, one: str, several: str, num: float, **values: object) -> str:
        made: str = ngettext(context, one, several, num, **{"num": number(num), **values})
        return made

    return written


def short_number(value: float) -> str:
    """A number for the axis of a picture: «800», «1.2万», "12K"."""
    digits = 1 if value % 1000 else 0
    return numbers.format_compact_decimal(value, locale=get_locale(), fraction_digits=digits)


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
