"""The page of the hot questions: what visitors asked about most lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from flask import Blueprint, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.models.hot import PERIODS, Days, HotPage, HotQuestion
from kchat_search.serialization.hot import hot_search, hot_search_before
from kchat_search.serialization.links import message_url, search_url
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.parameters import read_hot
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.formatting import number, written_date

pages = Blueprint("hot", __name__)
BAR = 100
"""The width of the largest question's bar."""
CHART_WIDTH, CHART_HEIGHT = 140, 40
_MOST_BARS = 30
"""With more days, a bar is a week."""
_WEEK = 7


@dataclass(frozen=True, slots=True)
class ChartBar:
    """The chats of one day or week, beside those of the one in the period before."""

    x: float
    width: float
    height: float
    before_height: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The size of a question over its period."""

    bars: tuple[ChartBar, ...]
    words: str
    """What it shows, for whoever does not see it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A question, as the page shows it."""

    question: HotQuestion
    url: str
    before_url: str
    bar: int
    """How wide its bar is, of `BAR`."""
    change: str
    """Its change against the period before, in words."""
    chart: Chart


@pages.get("/hot")
@needs("search")
def hot() -> BaseResponse:
    """The page."""
    found = program().hot(read_hot(without_choice(request.args)))
    return page(
        "hot.html",
        hot=found,
        rows=_rows(found),
        share=round(100 * found.covered / found.total) if found.total else 0,
        periods=[(period, _days(period), period == found.period) for period in PERIODS],
        message_url=message_url,
        BAR=BAR,
        CHART=(CHART_WIDTH, CHART_HEIGHT),
    )


def _days(period: str) -> str:
    days = int(period.removesuffix("d"))
    return str(ngettext("最近 %(num)s 天", "最近 %(num)s 天", days))


def _rows(found: HotPage) -> list[Row]:
    largest = max((question.total for question in found.questions), default=1)
    return [
        Row(
            question,
            search_url(hot_search(question, found.days)),
            search_url(hot_search_before(question, found.days)),
            max(1, round(BAR * question.total / largest)),
            _change(question),
            _chart(question, found.days),
        )
        for question in found.questions
    ]


def _change(question: HotQuestion) -> str:
    """With a sign and in words, so that nobody needs the colour."""
    if not question.before:
        return str(_("新出现"))
    if not question.change:
        return str(_("持平"))
    difference = number(abs(question.change))
    percent = number(round(100 * abs(question.change) / question.before))
    if question.change > 0:
        return str(_("↑ 增加 %(num)s（+%(percent)s%%）", num=difference, percent=percent))
    return str(_("↓ 减少 %(num)s（−%(percent)s%%）", num=difference, percent=percent))


def _chart(question: HotQuestion, days: Days) -> Chart:
    """A bar for each day, or for each week that ends with the period: the first may be shorter."""
    length = len(question.by_day)
    step = 1 if length <= _MOST_BARS else _WEEK
    cuts = [0, *range(length % step or step, length + 1, step)] if length else [0]
    parts = [
        (
            days.start + timedelta(first),
            days.start + timedelta(last - 1),
            sum(question.by_day[first:last]),
            sum(question.before_by_day[first:last]),
        )
        for first, last in pairwise(cuts)
    ]
    highest = max((max(now, before) for *_days, now, before in parts), default=0) or 1
    width = CHART_WIDTH / max(1, len(parts))
    bars = [
        ChartBar(
            x=round(place * width, 2),
            width=round(width * 0.8, 2),
            height=_height(now, highest),
            before_height=_height(before, highest),
            words=_bar_words(start, end, now, before),
        )
        for place, (start, end, now, before) in enumerate(parts)
    ]
    most = max(parts, key=lambda part: part[2], default=(days.start, days.start, 0, 0))
    return Chart(tuple(bars), _chart_words(most, step, max((p[3] for p in parts), default=0)))


def _height(count: int, highest: int) -> float:
    return max(1.5, round(CHART_HEIGHT * count / highest, 1)) if count else 0.0


def _bar_words(start: date, end: date, now: int, before: int) -> str:
    first, last = (written_date(day.isoformat()) for day in (start, end))
    span = first if start == end else f"{first} – {last}"
    return f"{span} · " + str(
        _("%(now)s 个，上一时段 %(before)s 个", now=number(now), before=number(before))
    )


def _chart_words(most: tuple[date, date, int, int], step: int, before: int) -> str:
    start, end, now, _before = most
    values = {"now": number(now), "before": number(before)}
    if step == 1:
        return str(
            _(
                "每天的对话数：最多一天 %(now)s 个（%(day)s）；上一时段最多 %(before)s 个",
                day=written_date(start.isoformat()),
                **values,
            )
        )
    return str(
        _(
            "每周的对话数：最多一周 %(now)s 个（%(start)s 至 %(end)s）；上一时段最多 %(before)s 个",
            start=written_date(start.isoformat()),
            end=written_date(end.isoformat()),
            **values,
        )
    )
