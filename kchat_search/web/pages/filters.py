"""The filters beside the hits: boxes with counts, chips, dates.

Pure functions, from a request and its answer to choices. Invariant: the address of a choice finds
exactly as many chats as the number beside it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from kchat_search.errors import BadRequest
from kchat_search.fields import BY_NAME, BY_OPERATOR, FIELDS, NONE, PARAMETERS
from kchat_search.models.search import FacetValue, SearchPage, SearchRequest
from kchat_search.serialization.links import changed, filtered, pairs, search_url
from kchat_search.web.pages.evidence import days
from kchat_search.web.pages.exclusion import excluding, exclusions
from kchat_search.web.pages.formatting import worded
from kchat_search.web.pages.labels import Labels

VALUES_AT_ONCE = 6
By = Literal["created", "said"]
"""Which time the dates are about: when chats were created, or when messages were said."""
_DAYS: Mapping[By, tuple[str, str]] = {
    "created": ("start", "end"),
    "said": ("said_start", "said_end"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A link with a label."""

    label: str
    url: str
    active: bool = False
    count: int | None = None
    """The chats that the link finds, None if that is not known."""


@dataclass(frozen=True, slots=True)
class Box:
    """A value of a filter, that can be ticked."""

    label: str
    value: str
    """As the form sends it."""
    ticked: bool
    count: int
    """So many chats have it, with all filters but those of the same field."""
    more: bool = False
    """Does ticking it add so many chats to those that are shown?"""
    without: str | None = None
    """The search for all chats but these; None where that is not offered."""
    rest: int = 0
    """So many chats `without` finds."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter with its values: the first, and the rest, which is shown on demand."""

    name: str
    title: str
    several: bool
    """May several values be ticked? Else one, or none."""
    first: tuple[Box, ...]
    rest: tuple[Box, ...]

    @property
    def ticked(self) -> bool:
        """Is any value chosen?"""
        return any(box.ticked for box in (*self.first, *self.rest))


def filters(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> list[Filter]:
    """The filters that have something to choose."""
    found = []
    for field in FIELDS:
        if not field.facet:
            continue
        name = field.name
        boxes = _boxes(name, request, page, agents, labels)
        if name == "type" and len(boxes) == 1 and not boxes[0].ticked:
            continue  # most companies have only one type
        if boxes:
            # one more takes no more room than the words that would lead to it
            most = VALUES_AT_ONCE + (len(boxes) == VALUES_AT_ONCE + 1)
            first, rest = tuple(boxes[:most]), tuple(boxes[most:])
            found.append(Filter(name, labels.titles[name], field.repeatable, first, rest))
    return found


def _boxes(
    name: str,
    request: SearchRequest,
    page: SearchPage,
    agents: Mapping[str, str],
    labels: Labels,
) -> list[Box]:
    """The values of a filter, ticked ones first. A ticked value is there even if it has no hit."""
    field, values = BY_NAME[name], page.facets.get(name, ())
    keys = {_key(name, one): one for one in request.filters.get(name, ())}
    chosen = dict(keys)
    boxes: list[Box] = []
    for value in values:
        word = NONE if value.value is None else value.value
        ticked = keys.pop(_key(name, word), None)
        others = [one.value for one in values]
        q = None if chosen else _q_without(name, value, others, page, agents)
        boxes.append(
            Box(
                label=labels.value(name, value.value, value.label),
                value=word if ticked is None else ticked,
                ticked=ticked is not None,
                count=value.count,
                more=bool(chosen) and ticked is None and field.repeatable and not field.many,
                without=None if q is None else search_url(changed(request, q=q)),
                rest=page.total - value.count,
            )
        )
    for word in keys.values():
        label = labels.value(name, word, agents.get(word) if field.agent else None)
        boxes.insert(0, Box(label, word, ticked=True, count=0))
    boxes.sort(key=lambda box: not box.ticked)
    return boxes


def _q_without(
    name: str,
    value: FacetValue,
    others: Sequence[str | None],
    page: SearchPage,
    agents: Mapping[str, str],
) -> str | None:
    """The query without the chats that have this value. None where they are all the hits."""
    operator = BY_NAME[name].operator
    if operator is None or value.count >= page.total:
        return None
    return excluding(page.query, operator, value.value, others, agents)


def _key(name: str, value: str) -> str:
    """The stored form of a value: `满意` and `1` are the same choice."""
    return BY_NAME[name].stored(value) or value


def chips(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> list[Choice]:
    """The present filters, each with the address of the search without it."""
    chosen: list[Choice] = []
    for name in PARAMETERS:
        present = request.filters.get(name, ())
        for value in present:
            text = filter_label(name, [value], page, agents, labels)
            rest = [one for one in present if one != value]
            chosen.append(Choice(text, search_url(filtered(request, name, *rest))))
    for operator, value, q in exclusions(request.q):
        name = BY_OPERATOR[operator].name
        if name in labels.titles:
            text = filter_label(name, [value], page, agents, labels)
            chosen.append(
                Choice(_("排除 %(filter)s", filter=text), search_url(changed(request, q=q)))
            )
    chosen += [
        Choice(dates_label(request, by), search_url(_dated(request, by)))
        for by in _DAYS
        if any(span_of(request, by))
    ]
    if request.history:
        chosen.append(Choice(_("包括早先的版本"), search_url(changed(request, history=False))))
    if request.hot:
        chosen.append(Choice(hot_label(page), search_url(changed(request, hot=None))))
    if request.unseen:
        chosen.append(Choice(_("还没看过的"), search_url(changed(request, unseen=None))))
    return chosen


def mine(request: SearchRequest, page: SearchPage, agent_id: str | None) -> Choice | None:
    """Only chats that the person who asks took part in; None for one who is no agent."""
    if agent_id is None:
        return None
    active = request.filters.get("participant") == (agent_id,)
    url = search_url(filtered(request, "participant", *(() if active else (agent_id,))))
    counts = {value.value: value.count for value in page.facets.get("participant", ())}
    return Choice(_("仅看我的"), url, active, counts.get(agent_id, 0))


def filter_label(
    name: str, values: Sequence[str], page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> str:
    """A filter with its values, in words: HTML, since a value without a word is shown as a code."""
    given = {value.value: value.label for value in page.facets.get(name, ())}
    shown = [
        labels.value(name, value, agents.get(value) if BY_NAME[name].agent else given.get(value))
        for value in values
    ]
    values_shown = Markup("、").join(map(worded, shown))
    return Markup("{}{}").format(_("%(title)s：", title=labels.titles[name]), values_shown)


def dates_label(request: SearchRequest, by: By) -> str:
    """The days that a search is limited to, in words."""
    dates = days(*span_of(request, by))
    label: str = (
        _("对话创建于：%(dates)s", dates=dates)
        if by == "created"
        else _("消息发于：%(dates)s", dates=dates)
    )
    return label


def hot_label(page: SearchPage) -> str:
    """The hot question that a search is limited to, in words."""
    words = "、".join(page.hot_words)
    label: str = _("热点问题：%(words)s", words=words) if words else _("热点问题")
    return label


# -- dates ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dates:
    """The choice of days."""

    by: By
    names: tuple[str, str]
    """The parameters of its first and its last day."""
    start: str
    end: str
    kinds: tuple[Choice, ...]
    """By creation, by what was said: each takes the chosen days along."""
    presets: tuple[Choice, ...]


def read_by(args: MultiDict[str, str]) -> By | None:
    """Takes out of a query string which time the page offers to choose days of. Raises
    `BadRequest`."""
    given = args.poplist("by")
    if not given:
        return None
    if given == ["created"]:
        return "created"
    if given == ["said"]:
        return "said"
    raise BadRequest(_("%(name)s 只能是 %(choices)s。", name="by", choices="created, said"), "by")


def chosen_by(request: SearchRequest, given: By | None) -> By:
    """Which time the dates of the page are about."""
    if given is not None:
        return given
    return "said" if any(span_of(request, "said")) else "created"


def dates(request: SearchRequest, by: By, today: date) -> Dates:
    """The choice of days, by one time."""
    start, end = span_of(request, by)
    kinds = (
        Choice(_("对话创建于"), _switched(request, by, "created"), by == "created"),
        Choice(_("消息发于"), _switched(request, by, "said"), by == "said"),
    )
    return Dates(by, _DAYS[by], start or "", end or "", kinds, tuple(_presets(request, by, today)))


def dated(request: SearchRequest, by: By, start: str | None, end: str | None) -> SearchRequest:
    """The same search within these days only."""
    first, last = _DAYS[by]
    return changed(request, **{first: start, last: end})


def _dated(request: SearchRequest, by: By) -> SearchRequest:
    return dated(request, by, None, None)


def span_of(request: SearchRequest, by: By) -> tuple[str | None, str | None]:
    """The first and the last day that a search is limited to."""
    if by == "created":
        return request.start, request.end
    return request.said_start, request.said_end


def _switched(request: SearchRequest, by: By, to: By) -> str:
    """The same days, of the other time. Without days, or where both have some, only the choice."""
    here, there = span_of(request, by), span_of(request, to)
    if by != to and any(here) and not any(there):
        return search_url(dated(_dated(request, by), to, *here))
    return f"{search_url(changed(request))}&by={to}"


def _presets(request: SearchRequest, by: By, today: date) -> list[Choice]:
    """Common spans of days, counted back from `today`. A click on the active one removes it."""
    yesterday, month = today - timedelta(days=1), today.replace(day=1)
    last_month = month - timedelta(days=1)
    spans: list[tuple[str, date, date | None]] = [
        (_("今天"), today, today),
        (_("昨天"), yesterday, yesterday),
        (_("近 7 天"), today - timedelta(days=6), None),
        (_("近 30 天"), today - timedelta(days=29), None),
        (_("本月"), month, None),
        (_("上月"), last_month.replace(day=1), last_month),
        (_("今年"), date(today.year, 1, 1), None),
        (_("去年"), date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    ]
    choices = []
    for label, first, last in spans:
        span = (first.isoformat(), last.isoformat() if last else None)
        active = span_of(request, by) == span
        wanted = _dated(request, by) if active else dated(request, by, *span)
        choices.append(Choice(label, search_url(wanted), active))
    return choices


def hidden(request: SearchRequest, shown: Sequence[Filter], by: By) -> list[tuple[str, str]]:
    """The parameters that the form of the filters sends along: those without a field in it."""
    fields = {filter_.name for filter_ in shown} | {*_DAYS[by]}
    return [pair for pair in pairs(changed(request)) if pair[0] not in fields]
