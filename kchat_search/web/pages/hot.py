"""The page of the hot questions: what visitors asked about most lately."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.models.hot import PERIODS, HotPage, HotQuestion
from kchat_search.serialization.hot import hot_search, hot_search_before
from kchat_search.serialization.links import message_url, search_url
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.parameters import read_hot
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.formatting import number

pages = Blueprint("hot", __name__)
BAR = 100
"""The width of the largest question's bar."""


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
