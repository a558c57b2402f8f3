"""Addresses: of a search, and of everything else.

The functions give paths, for the pages. `Links` gives absolute addresses, for all other answers.

Invariant: `read_search(pairs(r)) == r`, and an address has no parameter that has its default value.
The address is the saved search.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from kchat_search.fields import PARAMETERS
from kchat_search.models.chats import Chat
from kchat_search.models.plan import FilterField
from kchat_search.models.search import SearchRequest, Snippet
from kchat_search.text.fold import without_surrogates

_DEFAULTS = SearchRequest()
MESSAGES_A_PAGE = 200
"""Messages in a part of a chat: so many a page shows at once. Few chats have more."""
MESSAGES_ON_PAPER = 2_000
"""The same on a page that is to be printed: as many as one request may cost."""


def pairs(request: SearchRequest) -> list[tuple[str, str]]:
    """The parameters of a search, in the order of the API's description, without those that have
    their default value."""
    parameters: list[tuple[str, str]] = []
    for item in dataclasses.fields(request):
        value = getattr(request, item.name)
        if item.name == "filters":
            for name in PARAMETERS:
                parameters.extend((name, without_surrogates(text)) for text in value.get(name, ()))
        elif value == getattr(_DEFAULTS, item.name):
            continue
        elif item.name == "facets":
            parameters.append(("facets", ",".join(value) or "none"))
        elif isinstance(value, bool):
            parameters.append((item.name, "true" if value else "false"))
        else:
            parameters.append((item.name, without_surrogates(str(value))))
    return parameters


def search_query(request: SearchRequest) -> str:
    """The query string of this search. It is never empty: `/` is the home page."""
    return urlencode(pairs(request) or [("q", "")])


def search_url(request: SearchRequest) -> str:
    """The page of this search."""
    return f"/?{search_query(request)}"


def export_url(request: SearchRequest, form: str) -> str:
    """Every chat of this search that has all the words, as a file. It is ordered by date: a file is
    read to its end, so the best need not come first."""
    every_hit = dataclasses.replace(_which_chats(request), sort=request.sort)
    return "/api/v1/export?" + urlencode([*pairs(every_hit), ("format", form)])


def save_url(request: SearchRequest) -> str:
    """The page on which this search gets a name."""
    return "/saved?" + urlencode({"search": search_query(changed(request, unseen=None))})


def meant_url(request: SearchRequest) -> str:
    """The page of the chats of this search by meaning alone."""
    return "/meant?" + urlencode(pairs(_which_chats(request)))


def _which_chats(request: SearchRequest) -> SearchRequest:
    return SearchRequest(
        q=request.q,
        filters=request.filters,
        start=request.start,
        end=request.end,
        said_start=request.said_start,
        said_end=request.said_end,
        history=request.history,
        hot=request.hot,
        unseen=request.unseen,
    )


def changed(request: SearchRequest, **values: Any) -> SearchRequest:
    """The same search with other values, from its first page."""
    return replace(request, **{"page": 1, "cursor": None, **values})


def filtered(request: SearchRequest, name: str, *values: str) -> SearchRequest:
    """The same search with these values of one filter, or without it where there are none, from its
    first page."""
    others = {key: value for key, value in request.filters.items() if key != name}
    return changed(request, filters=others | ({name: values} if values else {}))


def without_filters(request: SearchRequest) -> SearchRequest:
    """The same words without filters, in the same versions."""
    days = {"start": None, "end": None, "said_start": None, "said_end": None}
    return changed(request, filters={}, hot=None, unseen=None, **days)


def has_filters(request: SearchRequest) -> bool:
    """Does it filter by anything?"""
    return without_filters(request) != changed(request)


def next_request(
    request: SearchRequest, *, has_next: bool, cursor: str | None
) -> SearchRequest | None:
    """The request for the following hits: the next page, or a cursor where pages do not reach. None
    at the end."""
    if has_next and request.cursor is None:
        return replace(request, page=request.page + 1)
    return replace(request, page=1, cursor=cursor) if cursor else None


def previous_request(request: SearchRequest) -> SearchRequest | None:
    """The request for the hits before. None on the first page and after a cursor, which has no way
    back."""
    if request.cursor is not None or request.page <= 1:
        return None
    return replace(request, page=request.page - 1)


def anchor(message_id: int | None, position: int) -> str:
    """The anchor of a message on the chat's page: its id, or its position where it has no id."""
    return f"p{position}" if message_id is None else f"m{message_id}"


def within(request: SearchRequest) -> str:
    """The query string of the list of a search's hits, whichever page of it is shown. The pages of
    its chats are given it, see `chat_url`."""
    return search_query(
        replace(_which_chats(request), sort=request.sort, per_page=request.per_page)
    )


def chat_url(
    chat: Chat,
    q: str = "",
    snippet: Snippet | None = None,
    offset: int = 0,
    *,
    within: str = "",
    at: int | None = None,
) -> str:
    """The page of a chat, at the message of `snippet` if one is given, else without the first
    `offset` messages. A former message is shown by its version.

    The matches of `q` are marked; with `within`, see there, those of that search. The page then
    leads to the hits before and after place `at`, from 1, and back to the list.
    """
    if snippet is not None and snippet.former is not None:
        return version_url(chat.id, snippet.former)
    return Reading(chat.id, q, within, at).url(offset, snippet)


@dataclass(frozen=True, slots=True)
class Reading:
    """A chat that is read, with all that the addresses of its page hold."""

    chat_id: int
    q: str = ""
    """The query whose matches are marked; not with `within`, which has one."""
    within: str = ""
    """See `chat_url`."""
    at: int | None = None
    find: str = ""
    """What is looked for in the chat."""

    def url(self, offset: int = 0, snippet: Snippet | None = None) -> str:
        """Its page, from a message on, or at a message."""
        if snippet is None:
            return self._url("", offset)
        return self.message_url(snippet.position, anchor(snippet.message_id, snippet.position))

    def message_url(self, position: int, anchor: str) -> str:
        """Its page, at the message with this position and anchor."""
        return self._url("", position // MESSAGES_A_PAGE * MESSAGES_A_PAGE) + f"#{anchor}"

    def paper_url(self, offset: int = 0) -> str:
        """Its page to be printed, from a message on."""
        return self._url("", offset, all="true")

    def reveal_url(self, offset: int = 0) -> str:
        """Where the form is sent that shows the chat's private numbers."""
        return self._url("/reveal", offset)

    def image_url(self, offset: int = 0) -> str:
        """Where the form is sent that shows one image of the chat."""
        return self._url("/image", offset)

    def pairs(self) -> list[tuple[str, str]]:
        """What a form of the page sends along, so that all stays as it is."""
        given = [("within", self.within), ("at", str(self.at or ""))]
        given = given if self.within else [("q", self.q)]
        return [(name, value) for name, value in given if value]

    def _url(self, path: str, offset: int, **more: str) -> str:
        query = [_listed(self.within) if self.within else _marking(self.q)]
        query += [f"at={self.at}"] if self.within and self.at else []
        given = {"find": without_surrogates(self.find), "offset": offset or "", **more}
        query.append(urlencode([(name, value) for name, value in given.items() if value]))
        return _with_query(f"/chats/{self.chat_id}{path}", "&".join(filter(None, query)))


def message_url(chat_id: int, snippet: Snippet) -> str:
    """The page of a chat, at the message of `snippet`."""
    return Reading(chat_id).url(snippet=snippet)


def visitor_chats_url(chat_id: int, q: str = "", number: int | None = None) -> str:
    """The page of all chats of a chat's visitor: the one with this number, else the one with the
    chat. `q`: as in `chat_url`."""
    query = "&".join(filter(None, (_marking(q), f"page={number}" if number else "")))
    return _with_query(f"/chats/{chat_id}/visitor", query)


def chats_of_url(name: FilterField, value: str) -> str:
    """The page of the newest chats with this value of a filter: of a visitor, of an agent."""
    return search_url(SearchRequest(filters={name: (value,)}, sort="newest"))


def similar_url(chat_id: int) -> str:
    """The page of the chats that are like one."""
    return f"/chats/{chat_id}/similar"


def versions_url(
    chat_id: int, offset: int = 0, fragment: str = "", version: int | None = None
) -> str:
    """The page of a chat's versions, newest first, without the first `offset`, or from the one
    after `version`. `fragment` is an anchor on it."""
    given = {"offset": offset or None, "version": version}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return _with_query(f"/chats/{chat_id}/versions", query) + (f"#{fragment}" if fragment else "")


def version_url(chat_id: int, number: int) -> str:
    """The page of a chat's versions, at this one and the change that followed it."""
    return versions_url(chat_id, fragment=f"v{number}", version=number)


@lru_cache(64)
def _marking(q: str) -> str:
    """The query string that has a chat's page mark the matches of `q`. Cached, because a page has a
    hundred links with the same one."""
    return urlencode([("q", without_surrogates(q))]) if q else ""


@lru_cache(64)
def _listed(within: str) -> str:
    return urlencode([("within", within)])


def _with_query(path: str, query: str) -> str:
    # Not Flask's url_for: it takes 0.2 ms an address, and a page has a hundred
    return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Links:
    """Absolute addresses, for answers that leave the pages."""

    base: str
    """`http://host:port/`, where the web server answers."""
    kchat_chat_url: str | None = None
    """Where a chat is at Kchat; `{id}` stands for its id. None where no account is set."""

    def search(self, request: SearchRequest) -> str:
        """This search in the API."""
        return self._absolute("/api/v1/search", urlencode(pairs(request)))

    def search_page(self, request: SearchRequest) -> str:
        """The page of this search."""
        return self._absolute("/", urlencode(pairs(request) or [("q", "")]))

    def rejects(self, page: int, per_page: int) -> str:
        """A page of the rejects in the API."""
        return self._absolute("/api/v1/rejects", urlencode({"page": page, "per_page": per_page}))

    def audit(self, parameters: Sequence[tuple[str, str]]) -> str:
        """A page of the audit in the API."""
        return self._absolute("/api/v1/audit", urlencode(parameters))

    def chat(self, chat_id: int, q: str = "") -> str:
        """A chat in the API; `q` is the query whose matches are marked."""
        return self._absolute(f"/api/v1/chats/{chat_id}", _marking(q))

    def chat_page(self, chat_id: int, q: str = "") -> str:
        """The page of a chat, with the matches of `q` marked."""
        return self._absolute(f"/chats/{chat_id}", _marking(q))

    def message_page(self, chat_id: int, snippet: Snippet) -> str:
        """The page of a chat, at the message of `snippet`."""
        return self.base.rstrip("/") + message_url(chat_id, snippet)

    def versions(self, chat_id: int, parameters: Sequence[tuple[str, str]] = ()) -> str:
        """A chat's versions in the API."""
        return self._absolute(f"/api/v1/chats/{chat_id}/versions", urlencode(parameters))

    def versions_page(self, chat_id: int) -> str:
        """The page of a chat's versions."""
        return self._absolute(f"/chats/{chat_id}/versions", "")

    def version_page(self, chat_id: int, number: int) -> str:
        """The page of a chat's versions, at the one with this number."""
        return self.base.rstrip("/") + version_url(chat_id, number)

    def kchat(self, chat_id: int) -> str | None:
        """Where this chat is at Kchat; None where no account is set."""
        return self.kchat_chat_url and self.kchat_chat_url.replace("{id}", str(chat_id))

    def _absolute(self, path: str, query: str) -> str:
        return self.base.rstrip("/") + _with_query(path, query)
