"""What the search page shows around the hits: facets, chips, dates, histogram, pager.

Pure: from a request and its answer to rows with a label and an address. Invariant: every row's
address asks for exactly the count that stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from flask_babel import gettext as _

from kchat_search.fields import BY_NAME, FIELDS, NONE, PARAMETERS
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    FacetValue,
    Hit,
    SearchPage,
    SearchRequest,
    Snippet,
)
from kchat_search.serialization.links import changed, filtered, search_url
from kchat_search.web.pages.labels import Labels

FACETS_AT_ONCE = 8
PREVIEW_LENGTH = 140
_PAGES_AROUND = 2


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


def facet_boxes(request: SearchRequest, page: SearchPage, labels: Labels) -> list[FacetBox]:
    """All facets but the months, those with something to choose."""
    boxes = []
    for name in (field.name for field in FIELDS if field.facet):
        choices = _choices(name, request, page.facets.get(name, ()), labels)
        if name == "type" and len(choices) == 1 and not choices[0].active:
            continue  # at most companies there is but one
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
    """The values, chosen ones included even where none is left of them."""
    chosen = request.filters.get(name, ())
    keys = {_key(name, one): one for one in chosen}
    found: list[Choice] = []
    for value in values:
        word = NONE if value.value is None else value.value
        key = _key(name, word)
        active = key in keys
        url = _toggled(request, name, keys.pop(key) if active else word, active=active)
        found.append(Choice(labels.value(name, value.value, value.label), url, active, value.count))
    for word in keys.values():
        url = _toggled(request, name, word, active=True)
        found.insert(0, Choice(labels.value(name, word), url, active=True, count=0))
    found.sort(key=lambda choice: not choice.active)
    return found


def _key(name: str, value: str) -> str:
    """`满意` and `1` are one choice."""
    return BY_NAME[name].stored(value) or value


def _toggled(request: SearchRequest, name: str, value: str, *, active: bool) -> str:
    present = request.filters.get(name, ())
    if active:
        kept = tuple(one for one in present if one != value)
    else:
        kept = (*present, value) if BY_NAME[name].repeatable else (value,)
    return search_url(filtered(request, name, *kept))


def chips(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> list[Choice]:
    """The filters at work, each with the address without it."""
    found: list[Choice] = []
    for name in PARAMETERS:
        for value in request.filters.get(name, ()):
            text = _filter_label(name, [value], page, agents, labels)
            found.append(Choice(text, _toggled(request, name, value, active=True)))
    if request.start or request.end:
        found.append(Choice(_dates(request), search_url(changed(request, start=None, end=None))))
    if request.match == "all":
        found.append(Choice(_("只要包含全部词"), search_url(changed(request, match="auto"))))
    return found


def cuts(
    request: SearchRequest, page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> list[Choice]:
    """The filters without which something would be found, each with the address without it."""
    found: list[Choice] = []
    for cut in page.query.cuts:
        if not cut.total:
            continue
        if cut.parameter == "q":
            without, label = changed(request, q=cut.q), cut.part or ""
        elif cut.parameter == "created":
            without, label = changed(request, start=None, end=None), _dates(request)
        else:
            chosen = request.filters.get(cut.parameter, ())
            without = filtered(request, cut.parameter)
            label = _filter_label(cut.parameter, chosen, page, agents, labels)
        found.append(Choice(label, search_url(without), count=cut.total))
    return found


def _filter_label(
    name: str, values: Sequence[str], page: SearchPage, agents: Mapping[str, str], labels: Labels
) -> str:
    given = {value.value: value.label for value in page.facets.get(name, ())}
    shown = [
        labels.value(name, value, agents.get(value) if name == "agent_id" else given.get(value))
        for value in values
    ]
    label: str = _("%(title)s：%(value)s", title=labels.titles[name], value="、".join(shown))
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
