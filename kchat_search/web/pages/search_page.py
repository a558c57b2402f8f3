"""What the search page shows of its hits: ways out of nothing, orders, pages, lines.

Pure functions, from a request and its answer to choices with a label and an address. Invariant:
the address of a choice finds exactly as many chats as the number beside it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from flask_babel import gettext as _

from kchat_search.chats.visible_text import visible_text
from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    Hit,
    SearchPage,
    SearchRequest,
    Snippet,
)
from kchat_search.serialization.links import (
    changed,
    chat_url,
    export_url,
    filtered,
    has_filters,
    meant_url,
    pairs,
    save_url,
    search_url,
    within,
    without_filters,
)
from kchat_search.web.pages import filters, histogram
from kchat_search.web.pages.evidence import evidence
from kchat_search.web.pages.exclusion import without_exclusions
from kchat_search.web.pages.filters import (
    Choice,
    dates_label,
    filter_label,
    hot_label,
)
from kchat_search.web.pages.labels import Labels

PREVIEW_LENGTH = 140
_PAGES_AROUND = 2


RELATED_OPEN = 5
"""With fewer hits on the page, the related chats are shown unfolded."""
_FAR = 12
_NEAR = 6


@dataclass(frozen=True, slots=True)
class Preview:
    """The first words of a hit without a snippet: the query was empty."""

    name: str
    speaker: str
    text: str


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
            label = dates_label(request, "created")
        elif cut.parameter == "said":
            without = changed(request, said_start=None, said_end=None)
            label = dates_label(request, "said")
        elif cut.parameter == "hot":
            without, label = changed(request, hot=None), hot_label(page)
        elif cut.parameter == "unseen":
            without, label = changed(request, unseen=None), _("还没看过的")
        else:
            chosen = request.filters.get(cut.parameter, ())
            without = filtered(request, cut.parameter)
            label = filter_label(cut.parameter, chosen, page, agents, labels)
        ways.append(Choice(label, search_url(without), count=cut.total))
    return ways


def said_url(request: SearchRequest, page: SearchPage) -> str | None:
    """The same search by when it was said; None where that is not offered."""
    said = page.query.said_instead
    if said is None:
        return None
    days = {"said_start": said.said_start, "said_end": said.said_end}
    return search_url(changed(request, q=said.q, start=None, end=None, **days))


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


def in_line(snippet: Snippet) -> tuple[str, str, tuple[tuple[int, int], ...]]:
    """(the beginning of a text whose first match is far behind, else ""; the rest; the ranges to
    mark in that). In a line that is cut off, the beginning is folded so that the match is seen."""
    first = min((start for start, _ in snippet.highlights), default=0)
    cut = first - _NEAR if first > _FAR else 0
    ranges = tuple((start - cut, end - cut) for start, end in snippet.highlights)
    return snippet.text[:cut], snippet.text[cut:], ranges


def first_message(hit: Hit) -> Snippet | None:
    """The best snippet: the chat opens at its message."""
    return hit.snippets[0] if hit.snippets else None


def values_of_hits(asked: SearchRequest) -> dict[str, object]:
    """What a template needs that shows chats which a search found."""
    listed = within(asked)
    return {
        "request_": asked,
        "form_filters": [(name, value) for name, value in pairs(changed(asked)) if name != "q"],
        "search_url": search_url(changed(asked)),
        "hit_url": lambda chat, snippet, at: chat_url(chat, snippet=snippet, within=listed, at=at),
        "preview": preview,
        "first_message": first_message,
        "in_line": in_line,
        "labels": Labels(),
    }


def values_of_search(
    asked: SearchRequest,
    answer: SearchPage,
    agents: Mapping[str, str],
    today: date,
    given_by: filters.By | None = None,
) -> dict[str, object]:
    """What the template of the search page needs. `agents`: names by id. `given_by`: which time one
    wants to choose the days of."""
    labels = Labels()
    by = filters.chosen_by(asked, given_by)
    shown = filters.filters(asked, answer, agents, labels)
    return {
        **values_of_hits(asked),
        "page_": answer,
        "evidence": evidence(asked, answer),
        "filters": shown,
        "hidden": filters.hidden(asked, shown, by),
        "dates": filters.dates(asked, by, today),
        "chips": filters.chips(asked, answer, agents, labels),
        "cuts": cuts(asked, answer, agents, labels),
        "sorts": sorts(asked),
        "pager": pager(asked, answer),
        "histogram": histogram.of_facets(asked, answer.facets, by),
        "filtered": has_filters(asked),
        "fold_related": len(answer.hits) >= RELATED_OPEN,
        "said_url": said_url(asked, answer),
        "history_url": search_url(changed(asked, history=True)),
        "dropped_url": search_url(without_filters(asked)),
        "cleared_url": search_url(without_filters(changed(asked, q=without_exclusions(asked.q)))),
        "exports": [(form, export_url(asked, form)) for form in ("xlsx", "csv", "jsonl")],
        "part_url": lambda text: search_url(SearchRequest(q=text, history=asked.history)),
        "near_url": lambda q: search_url(changed(asked, q=q)),
        "meant_url": meant_url(asked),
        "save_url": save_url(asked),
    }
