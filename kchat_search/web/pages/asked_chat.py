"""What the address of a chat's page asks for: which part, what is marked, and where it came from.

Invariant: every address of the page that `AskedChat` gives keeps all of it but what it changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import request
from flask_babel import gettext as _

from kchat_search.errors import BadRequest
from kchat_search.models.search import MAX_HITS_BY_PAGE, Neighbour, Place, SearchRequest, Within
from kchat_search.serialization import links
from kchat_search.serialization.links import MESSAGES_A_PAGE, MESSAGES_ON_PAPER, Reading
from kchat_search.web.http import parameters
from kchat_search.web.http.language import without_choice


@dataclass(frozen=True, slots=True)
class AskedChat:
    """A chat's page, as it is asked for."""

    reading: Reading
    """What stays on the way from part to part."""
    q: str
    """The query whose matches are marked."""
    within: Within | None
    offset: int = 0
    """The first message that is shown, from 0: the beginning of a part."""
    on_paper: bool = False
    """Is it to be printed, with all messages, as far as one page can have them?"""

    @property
    def step(self) -> int:
        """Messages in a part."""
        return MESSAGES_ON_PAPER if self.on_paper else MESSAGES_A_PAGE

    @property
    def part(self) -> slice:
        """The messages that are shown."""
        return slice(self.offset, self.offset + self.step)

    def part_url(self, offset: int) -> str:
        """Another part of the same chat."""
        return self.reading.paper_url(offset) if self.on_paper else self.reading.url(offset)

    def message_url(self, position: int, anchor: str) -> str:
        """A message of the same chat: on this page, or on that of its part."""
        if position // self.step * self.step == self.offset:
            return f"#{anchor}"
        return self.reading.message_url(position, anchor)

    def without_find_url(self) -> str:
        """The same part, in which nothing is looked for."""
        return replace(self.reading, find="").url(self.offset)

    def neighbour_url(self, neighbour: Neighbour) -> str:
        """The hit before or after this chat, at what matched best in it."""
        beside = replace(self.reading, chat_id=neighbour.chat_id, at=neighbour.at, find="")
        snippet = neighbour.snippet
        return beside.url(snippet=None if snippet is None or snippet.former else snippet)

    def back_url(self, place: Place | None) -> str:
        """The list that it came from, at this chat; without a list, a search for `q`."""
        if self.within is None:
            return links.search_url(SearchRequest(q=self.q)) if self.q else "/"
        asked = self.within.request
        at = place.at if place is not None and place.at else self.within.at
        page = 1 if at is None else (at - 1) // asked.per_page + 1
        if place is not None and place.cursor is not None:
            asked = replace(asked, cursor=place.cursor)
        elif page * asked.per_page <= MAX_HITS_BY_PAGE:
            asked = replace(asked, page=page)
        return f"{links.search_url(asked)}#hit-{self.reading.chat_id}"


def read_asked_chat(chat_id: int) -> AskedChat:
    """What the present request asks for. Raises `BadRequest`."""
    names = ("q", "find", "offset", "within", "at", "all")
    given = parameters.only(without_choice(request.args), *names)
    if given["all"] not in ("", "true"):
        raise BadRequest(_("%(name)s 只能是 %(choices)s。", name="all", choices="true"), "all")
    at = parameters.read_offset(given["at"], "at") or None
    within = Within(_list(given["within"]), at) if given["within"] else None
    q = given["q"] if within is None else within.request.q
    reading = Reading(
        chat_id,
        q,
        within="" if within is None else links.within(within.request),
        at=None if within is None else at,
        find=given["find"],
    )
    asked = AskedChat(reading, q, within, on_paper=bool(given["all"]))
    offset = parameters.read_offset(given["offset"]) // asked.step * asked.step
    return replace(asked, offset=offset)


def _list(query: str) -> SearchRequest:
    """The search whose query string this is."""
    try:
        asked = parameters.read_search_query(query)
    except BadRequest as error:
        raise BadRequest(
            _("within 不是一次搜索：%(problem)s", problem=str(error)), "within"
        ) from None
    return replace(asked, page=1, cursor=None)
