"""What the search page shows around the hits: facets, chips, dates, orders, pages.

Pure functions, from a request and its answer to choices with a label and an address. Invariant:
the address of a choice finds exactly as many chats as the number beside it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from flask_babel import gettext as _

from kchat_search.chats.visible_text import visible_text
from kchat_search.fields import BY_NAME, FIELDS, NONE, PARAMETERS
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    FacetValue,
    Hit,
    SearchPage,
    SearchRequest,
    Snippet,
)
from kchat_search.serialization.links import changed, chat_url, filtered, pairs, search_url
from kchat_search.web.pages.labels import Labels

FACETS_AT_ONCE = 8
PREVIEW_LENGTH = 140
_PAGES_AROUND = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """A link with a label."""

    label: str
    url: str
    active: bool = False
    count: int | None = None
    """The chats that the link finds, None if that is not known. Where it is `active`, so many have
    this value, and the link takes the filter away."""
    also: str | None = None
    """The address that adds this value to those that are chosen."""


@dataclass(frozen=True, slots=True)
class FacetBox:
    """A facet: its first values, and the rest, which is shown on demand."""

    title: str
    first: tuple[Choice, ...]
    rest: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first words of a hit without a snippet: the query was empty."""

    name: str
    speaker: str
    text: str


def facet_boxes(request: SearchRequest, page: SearchPage, labels: Labels) -> list[FacetBox]:
    """The facets of the filters that have something to choose."""
    boxes = []
    for name in (field.name for field in FIELDS if field.facet):
        choices = _choices(name, request, page.facets.get(name, ()), labels)
        if name == "type" and len(choices) == 1 and not choices[0].active:
            continue  # most companies have only one type
        if choices:
            boxes.append(
                FacetBox(
                    labels.titles[name],
                    tuple(choices[:FACETS_AT_ONCE]),
                    tuple(choices[FACETS_AT_ONCE:]),
                )
            )
    return boxes


def _choices(
    name: str, request: SearchRequest, values: Sequence[FacetValue], labels: Labels
) -> list[Choice]:
    """The values of a facet, chosen ones first. A chosen value is there even if it has no hit."""
    chosen = request.filters.get(name, ())
    keys = {_key(name, one): one for one in chosen}
    choices: list[Choice] = []
    for value in values:
        word = NONE if value.value is None else value.value
        key = _key(name, word)
        active = key in keys
        url = _toggled(request, name, keys.pop(key) if active else word, active=active)
        also = None
        if not active and chosen:  # the link takes the place of what is chosen, so its count holds
            also = url if BY_NAME[name].repeatable else None
            url = search_url(filtered(request, name, word))
        label = labels.value(name, value.value, value.label)
        choices.append(Choice(label, url, active, value.count, also))
    for word in keys.values():
        url = _toggled(request, name, word, active=True)
        choices.insert(0, Choice(labels.value(name, word), url, active=True, count=0))
    choices.sort(key=lambda choice: not choice.active)
    return choices


def _key(name: str, value: str) -> str:
    """The stored form of a value: `满意` and `1` are the same choice."""
    return BY_NAME[name].stored(value) or value


def _toggled(request: SearchRequest, name: str, value: str, *, active: bool) -> str:
    present = request.filters.get(name, ())
    if active:
        values = tuple(one for one in present if one != value)
    else:
        values = (*present, value) if BY_NAME[name].repeatable else (value,)
    return search_url(filtered(request, name, *values))


def chips(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> list[Choice]:
    """The present filters, each with the address of the search without it."""
    chosen: list[Choice] = []
    for name in PARAMETERS:
        for value in request.filters.get(name, ()):
            text = _filter_label(name, [value], page, agents, labels)
            chosen.append(Choice(text, _toggled(request, name, value, active=True)))
    if request.start or request.end:
        label = _("对话创建于：%(dates)s", dates=_dates(request.start, request.end))
        chosen.append(Choice(label, search_url(changed(request, start=None, end=None))))
    if request.said_start or request.said_end:
        label = _("消息发于：%(dates)s", dates=_dates(request.said_start, request.said_end))
        without = changed(request, said_start=None, said_end=None)
        chosen.append(Choice(label, search_url(without)))
    if request.history:
        chosen.append(Choice(_("包括早先的版本"), search_url(changed(request, history=False))))
    if request.hot:
        chosen.append(Choice(_hot_label(page), search_url(changed(request, hot=None))))
    return chosen


def cuts(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> list[Choice]:
    """The filters without which there would be hits, each with the address without it."""
    ways: list[Choice] = []
    for cut in page.query.cuts:
        if not cut.total:
            continue
        if cut.parameter == "q":
            without, label = changed(request, q=cut.q), cut.part or ""
        elif cut.parameter == "created":
            without = changed(request, start=None, end=None)
            label = _("对话创建于：%(dates)s", dates=_dates(request.start, request.end))
        elif cut.parameter == "said":
            without = changed(request, said_start=None, said_end=None)
            label = _("消息发于：%(dates)s", dates=_dates(request.said_start, request.said_end))
        elif cut.parameter == "hot":
            without, label = changed(request, hot=None), _hot_label(page)
        else:
            chosen = request.filters.get(cut.parameter, ())
            without = filtered(request, cut.parameter)
            label = _filter_label(cut.parameter, chosen, page, agents, labels)
        ways.append(Choice(label, search_url(without), count=cut.total))
    return ways


def said_url(request: SearchRequest, page: SearchPage) -> str | None:
    """The same search by when it was said; None where that is not offered."""
    said = page.query.said_instead
    if said is None:
        return None
    days = {"said_start": said.said_start, "said_end": said.said_end}
    return search_url(changed(request, q=said.q, start=None, end=None, **days))


def _filter_label(
    name: str, values: Sequence[str], page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> str:
    given = {value.value: value.label for value in page.facets.get(name, ())}
    shown = [
        labels.value(name, value, agents.get(value) if BY_NAME[name].agent else given.get(value))
        for value in values
    ]
    label: str = _("%(title)s：%(value)s", title=labels.titles[name], value="、".join(shown))
    return label


def _hot_label(page: SearchPage) -> str:
    words = "、".join(page.hot_words)
    label: str = _("热点问题：%(words)s", words=words) if words else _("热点问题")
    return label


def _dates(start: str | None, end: str | None) -> str:
    label: str = _("%(start)s 至 %(end)s", start=start or "…", end=end or "…")
    return label


def presets(request: SearchRequest, today: date) -> list[Choice]:
    """Common spans of days, counted back from `today`. A click on the active one removes it."""
    first = today.replace(day=1)
    spans: list[tuple[str, date, date | None]] = [
        (_("7 天"), today - timedelta(days=6), None),
        (_("30 天"), today - timedelta(days=29), None),
        (_("本月"), first, None),
        (_("去年"), date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    ]
    choices = []
    for label, start, end in spans:
        days = (start.isoformat(), end.isoformat() if end else None)
        active = (request.start, request.end) == days
        begin, stop = (None, None) if active else days
        url = search_url(changed(request, start=begin, end=stop))
        choices.append(Choice(label, url, active))
    return choices


def sorts(request: SearchRequest) -> list[Choice]:
    """The orders. A search without words has no order by relevance."""
    words = {"relevance": _("相关"), "newest": _("最新"), "oldest": _("最早")}
    if not request.q.strip():
        del words["relevance"]
    return [
        Choice(label, search_url(changed(request, sort=name)), request.sort == name)
        for name, label in words.items()
    ]


@dataclass(frozen=True, slots=True)
class Pager:
    """Links to other pages of the same search."""

    previous: str | None
    next: str | None
    pages: tuple[Choice | None, ...]
    """None stands for a gap."""
    beyond: bool
    """Whether there are more hits than pages can reach."""


def pager(request: SearchRequest, page: SearchPage) -> Pager:
    """Links to the pages near this one, the first and the last that `page` can reach."""
    reach = MAX_HITS_BY_PAGE // request.per_page
    last = max(1, min(reach, -(-page.total // request.per_page)))
    present = request.page
    near = {1, last, *range(present - _PAGES_AROUND, present + _PAGES_AROUND + 1)}
    numbers = sorted(number for number in near if 1 <= number <= last)
    rows: list[Choice | None] = []
    for before, number in pairwise([0, *numbers]):
        if number > before + 1:
            rows.append(None)
        rows.append(Choice(str(number), _page_url(request, number), number == present))
    return Pager(
        previous=_page_url(request, min(present - 1, last)) if present > 1 else None,
        next=_page_url(request, present + 1) if present < last else None,
        pages=tuple(rows) if last > 1 else (),
        beyond=page.total > MAX_HITS_BY_PAGE,
    )


def _page_url(request: SearchRequest, number: int) -> str:
    return search_url(changed(request, page=number))


def preview(hit: Hit) -> Preview | None:
    """The first text that somebody wrote; None if there is none."""
    for message, speaker in zip(hit.chat.messages, hit.speakers, strict=True):
        if message.type.startswith(("chat.member", "chat.system")):
            continue
        text = visible_text(message.text)
        if text.strip():
            dots = "…" if len(text) > PREVIEW_LENGTH else ""
            return Preview(message.name, speaker, text[:PREVIEW_LENGTH] + dots)
    return None


def first_message(hit: Hit) -> Snippet | None:
    """The best snippet: the chat opens at its message."""
    return hit.snippets[0] if hit.snippets else None


def values_of_hits(asked: SearchRequest) -> dict[str, object]:
    """What a template needs that shows chats which a search found."""
    return {
        "request_": asked,
        "form_filters": [
            (name, value)
            for name, value in pairs(changed(asked))
            if name not in ("q", "start", "end", "said_start", "said_end")
        ],
        "search_url": search_url(changed(asked)),
        "chat_url": chat_url,
        "preview": preview,
        "first_message": first_message,
        "labels": Labels(),
    }
