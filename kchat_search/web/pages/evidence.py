"""The line of evidence above the results: what was asked, what was found, and whether that is all.

A pure function from a search and its answer to what the line says. It is printed with the results.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import ngettext

from kchat_search.models.reports import Coverage
from kchat_search.models.search import SearchPage, SearchRequest
from kchat_search.web.pages.formatting import number, written_date


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the line says, in its order."""

    total: int
    """So many chats fulfil the query: exact."""
    asked: str
    """The query as it was understood; "" for every chat."""
    dates: tuple[str, ...]
    """The days that were asked for, in words; () for any."""
    apart: int
    """So many chats with some of the words were found too, and are listed apart."""
    missing: tuple[str, ...]
    """What may be missing, in words; () where the answer is complete."""
    is_usual: bool
    """Is that no more than what a sync always leaves for a moment?"""
    as_of: datetime | None
    """Up to when Kchat's chats are in it; None before the first sync."""


def evidence(request: SearchRequest, page: SearchPage) -> Evidence:
    """The evidence of this answer."""
    dates = []
    if request.start or request.end:
        dates.append(_("对话创建于 %(dates)s", dates=days(request.start, request.end)))
    if request.said_start or request.said_end:
        dates.append(_("消息发于 %(dates)s", dates=days(request.said_start, request.said_end)))
    coverage = page.coverage
    return Evidence(
        total=page.total,
        asked=page.query.understood.strip(),
        dates=tuple(dates),
        apart=page.related_total if page.related else 0,
        missing=tuple(_missing(coverage)),
        is_usual=coverage.backfilled and not coverage.rejected,
        as_of=coverage.synced_at,
    )


def _missing(coverage: Coverage) -> list[str]:
    if coverage.complete:
        return []
    words = []
    pending, rejected = coverage.pending, coverage.rejected
    if pending:
        words.append(
            ngettext(
                "%(count)s 个对话等待编入索引",
                "%(count)s 个对话等待编入索引",
                pending,
                count=number(pending),
            )
        )
    if rejected:
        words.append(
            ngettext(
                "%(count)s 个对话无法识别",
                "%(count)s 个对话无法识别",
                rejected,
                count=number(rejected),
            )
        )
    if not coverage.backfilled:
        words.append(_imported(coverage))
    return words or [_("有对话还不能搜索")]


def _imported(coverage: Coverage) -> str:
    """That the history is not read yet, and how much of it is, if Kchat counts."""
    if coverage.counted is None:
        return str(_("历史对话仍在导入"))
    counted = number(max(coverage.counted, coverage.chats))
    done = number(coverage.chats)
    return str(_("历史对话仍在导入：已有 %(done)s / 约 %(all)s", done=done, all=counted))


def days(start: str | None, end: str | None) -> str:
    """A span of days, in words."""
    first, last = (written_date(day) if day else "…" for day in (start, end))
    if start == end:
        return first
    text: str = _("%(start)s 至 %(end)s", start=first, end=last)
    return text
