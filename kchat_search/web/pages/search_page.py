"""What the search page shows around the hits: facets, chips, dates, histogram, pager.

Pure: from a request and its answer to rows with a label and an address. Invariant: every row's
address asks for exactly the count that stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from flask_babel import gettext as _

from kchat_search.chats import ratings
from kchat_search.models.chats import Speaker
from kchat_search.models.search import FacetValue, Hit, SearchPage, SearchRequest, Snippet
from kchat_search.serialization.links import changed, search_url
from kchat_search.web.http.parameters import MAX_HITS_BY_PAGE

NONE = "none"
FACETS_AT_ONCE = 8
PREVIEW_LENGTH = 140
_PAGES_AROUND = 2
_NO_FILTERS = SearchRequest()
_BOXES = ("agent_id", "status", "rating", "started_by", "type", "spoke", "has_upload")
_TITLED = ("agent_id", "visitor_id", "user_id", *_BOXES[1:])


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to click. `count` None where none is known."""

    label: str
    url: str
    active: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class FacetBox:
    """A facet: its first values, and the rest behind a «more»."""

    title: str
    first: tuple[Choice, ...]
    rest: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first words of a hit that has no snippet, because nothing was looked for."""

    name: str
    speaker: str
    text: str


def speaker_labels() -> dict[Speaker, str]:
    """Who spoke, in the page's words; looked up once a page, not once a message."""
    return {
        "visitor": _("访客"),
        "agent": _("客服"),
        "robot": _("机器人"),
        "unknown": _("身份不明"),
    }


class Words:
    """The page's own words for the values of fields, looked up once a page."""

    def __init__(self) -> None:
        self._none: dict[str, str] = {"rating": _("未评价"), "agent_id": _("无客服")}
        self._nothing: str = _("无")
        self.titles: dict[str, str] = {
            "agent_id": _("客服"),
            "visitor_id": _("访客"),
            "user_id": _("用户"),
            "status": _("状态"),
            "rating": _("评价"),
            "started_by": _("发起方"),
            "type": _("类型"),
            "spoke": _("谁说过话"),
            "has_upload": _("附件"),
        }
        self._words: dict[str, dict[str, str]] = {
            "status": {"close": _("已结束"), "open": _("进行中"), "queue": _("排队中")},
            "started_by": {"visitor": _("访客"), "agent": _("客服"), "robot": _("机器人")},
            "has_upload": {"true": _("有附件"), "false": _("无附件")},
            "rating": {
                "0": _("不满意"),
                "2": _("不太满意"),
                "3": _("一般"),
                "4": _("基本满意"),
                "1": _("满意"),
            },
            "spoke": {str(speaker): word for speaker, word in speaker_labels().items()},
        }

    def value(self, name: str, value: str | None, given: str | None = None) -> str:
        """A field's value for a person: in the page's words, as `given`, or as it is."""
        if value is None or value == NONE:
            return self._none.get(name, self._nothing)
        key = ratings.canonical(value) if name == "rating" else value
        return self._words.get(name, {}).get(key or value) or given or value


def facet_boxes(request: SearchRequest, page: SearchPage, words: Words) -> list[FacetBox]:
    """All facets but the months, those with something to choose."""
    boxes = []
    for name in _BOXES:
        choices = _choices(name, request, page.facets.get(name, ()), words)
        if name == "type" and len(choices) == 1 and not choices[0].active:
            continue  # at most companies there is but one
        if choices:
            boxes.append(
                FacetBox(
                    words.titles[name],
                    tuple(choices[:FACETS_AT_ONCE]),
                    tuple(choices[FACETS_AT_ONCE:]),
                )
            )
    return boxes


def _chosen(request: SearchRequest, name: str) -> tuple[str, ...]:
    value = getattr(request, name)
    if isinstance(value, tuple):
        return tuple(value)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return () if value is None else (str(value),)


def _choices(
    name: str, request: SearchRequest, values: Sequence[FacetValue], words: Words
) -> list[Choice]:
    """The values, chosen ones included even where none is left of them."""
    chosen = _chosen(request, name)
    keys = {_key(name, one): one for one in chosen}
    found: list[Choice] = []
    for value in values:
        word = NONE if value.value is None else value.value
        key = _key(name, word)
        active = key in keys
        url = _toggled(request, name, keys.pop(key) if active else word, active=active)
        found.append(Choice(words.value(name, value.value, value.label), url, active, value.count))
    for word in keys.values():
        url = _toggled(request, name, word, active=True)
        found.insert(0, Choice(words.value(name, word), url, active=True, count=0))
    found.sort(key=lambda choice: not choice.active)
    return found


def _key(name: str, value: str) -> str:
    """`满意` and `1` are one choice."""
    return (ratings.canonical(value) or value) if name == "rating" else value


def _toggled(request: SearchRequest, name: str, value: str, *, active: bool) -> str:
    present = getattr(request, name)
    if isinstance(present, tuple):
        kept = tuple(one for one in present if one != value) if active else (*present, value)
        return search_url(changed(request, **{name: kept}))
    if name == "has_upload":
        return search_url(changed(request, has_upload=None if active else value == "true"))
    return search_url(changed(request, **{name: None if active else value}))


def chips(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], words: Words
) -> list[Choice]:
    """The filters at work, each with the address without it."""
    found: list[Choice] = []
    for name in _TITLED:
        for value in _chosen(request, name):
            text = _filter_label(name, [value], page, agents, words)
            found.append(Choice(text, _toggled(request, name, value, active=True)))
    if request.start or request.end:
        found.append(Choice(_dates(request), search_url(changed(request, start=None, end=None))))
    if request.match == "all":
        found.append(Choice(_("只要包含全部词"), search_url(changed(request, match="auto"))))
    return found


def cuts(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], words: Words
) -> list[Choice]:
    """The filters without which something would be found, each with the address without it."""
    found: list[Choice] = []
    for cut in page.query.cuts:
        if not cut.total:
            continue
        dropped: dict[str, Any] = {cut.parameter: getattr(_NO_FILTERS, cut.parameter, None)}
        if cut.parameter == "q":
            dropped, label = {"q": cut.q}, cut.part or ""
        elif cut.parameter == "created":
            dropped, label = {"start": None, "end": None}, _dates(request)
        else:
            chosen = _chosen(request, cut.parameter)
            label = _filter_label(cut.parameter, chosen, page, agents, words)
        found.append(Choice(label, search_url(changed(request, **dropped)), count=cut.total))
    return found


def _filter_label(
    name: str, values: Sequence[str], page: SearchPage, agents: Mapping[str, str], words: Words
) -> str:
    given = {value.value: value.label for value in page.facets.get(name, ())}
    shown = [
        words.value(name, value, agents.get(value) if name == "agent_id" else given.get(value))
        for value in values
    ]
    label: str = _("%(title)s：%(value)s", title=words.titles[name], value="、".join(shown))
    return label


def _dates(request: SearchRequest) -> str:
    label: str = _("%(start)s 至 %(end)s", start=request.start or "…", end=request.end or "…")
    return label


def presets(request: SearchRequest, today: date) -> list[Choice]:
    """Spans of days that people ask for; a click on the active one takes it away."""
    first = today.replace(day=1)
    spans: list[tuple[str, date, date | None]] = [
        (_("7 天"), today - timedelta(days=6), None),
        (_("30 天"), today - timedelta(days=29), None),
        (_("本月"), first, None),
        (_("去年"), date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    ]
    found = []
    for label, start, end in spans:
        wanted = (start.isoformat(), end.isoformat() if end else None)
        active = (request.start, request.end) == wanted
        begin, stop = (None, None) if active else wanted
        found.append(Choice(label, search_url(changed(request, start=begin, end=stop)), active))
    return found


def sorts(request: SearchRequest) -> list[Choice]:
    """The ways to order; without words there is no relevance."""
    words = {"relevance": _("相关"), "newest": _("最新"), "oldest": _("最早")}
    if not request.q.strip():
        del words["relevance"]
    return [
        Choice(label, search_url(changed(request, sort=name)), request.sort == name)
        for name, label in words.items()
    ]


@dataclass(frozen=True, slots=True)
class Pager:
    """Where one can go from here."""

    previous: str | None
    next: str | None
    pages: tuple[Choice | None, ...]
    """None stands for a gap."""
    beyond: bool
    """There are more hits than pages reach."""


def pager(request: SearchRequest, page: SearchPage) -> Pager:
    """Neighbouring pages, the first and the last; nothing past what `page` may reach."""
    reach = MAX_HITS_BY_PAGE // request.per_page
    last = max(1, min(reach, -(-page.total // request.per_page)))
    here = request.page
    near = {1, last, *range(here - _PAGES_AROUND, here + _PAGES_AROUND + 1)}
    numbers = sorted(number for number in near if 1 <= number <= last)
    rows: list[Choice | None] = []
    for before, number in pairwise([0, *numbers]):
        if number > before + 1:
            rows.append(None)
        rows.append(Choice(str(number), _page_url(request, number), number == here))
    return Pager(
        previous=_page_url(request, min(here - 1, last)) if here > 1 else None,
        next=_page_url(request, here + 1) if here < last else None,
        pages=tuple(rows) if last > 1 else (),
        beyond=page.total > MAX_HITS_BY_PAGE,
    )


def _page_url(request: SearchRequest, number: int) -> str:
    return search_url(changed(request, page=number))


def preview(hit: Hit) -> Preview | None:
    """The first thing that someone said."""
    for message, speaker in zip(hit.chat.messages, hit.speakers, strict=True):
        if message.text.strip() and not message.type.startswith(("chat.member", "chat.system")):
            text = message.text[:PREVIEW_LENGTH]
            dots = "…" if len(message.text) > PREVIEW_LENGTH else ""
            return Preview(message.name, speaker, text + dots)
    return None


def first_message(hit: Hit) -> Snippet | None:
    """The message at which the chat opens: that of the best snippet."""
    return hit.snippets[0] if hit.snippets else None


def divider_before(request: SearchRequest, page: SearchPage) -> int | None:
    """Before which hit of this page (from 0) those begin that have only some of the words."""
    if page.query.match != "some" or request.cursor is not None:
        return None
    place = page.query.all - (request.page - 1) * request.per_page
    begins = page.query.all > 0 and 0 <= place < len(page.hits)
    return place if begins else None
