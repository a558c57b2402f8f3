"""What the documented Kchat API answers: from chats, a path and its parameters to JSON.

Pure: no sockets and no clock. Source: the documentation of `GET /apiv2/chats.json`,
`/apiv2/chats/{id}.json` and `/apiv2/users.json`.

Invariant: a list is in ascending order of id. Its pages, one after another, are exactly the chats
that the filters select.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

CHAT_PATHS = ("/apiv2/chats", "/apiv2/kchat/history")
_LIST_PATHS = tuple(f"{path}.json" for path in CHAT_PATHS)
USERS_PATH = "/apiv2/users.json"
DEFAULT_PER_PAGE = 100

_NUMBER = re.compile(r"[0-9]{1,9}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE_CHAT = re.compile(r"(?P<path>.+)/(?P<id>[0-9]{1,18})\.json")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the JSON body."""

    status: HTTPStatus
    body: Json


@dataclass(frozen=True, slots=True)
class DateFilter:
    """What the parameters `start` and `end` of a list mean. The defaults are the documented
    meaning."""

    field: str = "created_at"
    inclusive: bool = True
    """Are the chats of the days `start` and `end` themselves in the list?"""
    undated_match: bool = False
    """Is a chat that has no such time in the list?"""

    def matches(self, chat: Json, start: str, end: str) -> bool:
        """Does a chat lie between two days, such as `2016-01-01`? "" means no limit."""
        day = str(chat.get(self.field) or "")[:10]
        if not (start or end) or not day:
            return self.undated_match or not (start or end)
        if self.inclusive:
            return (not start or start <= day) and (not end or day <= end)
        return (not start or start < day) and (not end or day < end)


PageEdit = Callable[[Json, str], Json]
"""From the JSON of a page and the address of that page to the JSON that is sent."""


def unchanged(record: Json) -> Json:
    """Show a chat or an agent as it is."""
    return record


@dataclass(frozen=True, slots=True)
class ApiBehaviour:
    """In what ways this server differs from the documentation. By default it does not."""

    max_per_page: int = DEFAULT_PER_PAGE
    omit: Collection[str] = ()
    """What lists leave out: `count`, `next_page`, `previous_page`, and `messages` of their
    chats."""
    page_edits: tuple[PageEdit, ...] = ()
    """Applied in order, before anything is left out."""
    last_page_for_ever: bool = False
    """Do pages beyond the last show the last page?"""
    days: DateFilter = field(default_factory=DateFilter)
    single_chats: bool = True
    agents_shown: bool = True
    show: Callable[[Json], Any] = unchanged
    """From a chat to what lists and single answers show of it."""
    show_agent: Callable[[Json], Json] = unchanged


@dataclass(frozen=True, slots=True)
class ServerData:
    """What the server has. `chats` is in ascending order of id, and nobody changes it."""

    chats: Sequence[Json]
    chat: Callable[[int], Json | None]
    agents: Sequence[Json]
    url: str
    """`http://host:port`. Links to other pages begin with it."""
    behaviour: ApiBehaviour = field(default_factory=ApiBehaviour)


class _InvalidParameter(ValueError):
    """A parameter that the API cannot understand. The text names it."""


def answer(target: str, data: ServerData) -> Answer:
    """The answer to `GET target`. `target` is a path with its query."""
    try:
        parts = urlsplit(target)
    except ValueError:  # for example an unclosed bracket in what looks like a host
        return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", "no such address")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    try:
        if parts.path in _LIST_PATHS:
            return _list_chats(parts.path, parameters, data)
        if parts.path == USERS_PATH:
            return _list_users(parameters, data)
    except _InvalidParameter as error:
        return failure(HTTPStatus.BAD_REQUEST, "InvalidParameter", str(error))
    one = _ONE_CHAT.fullmatch(parts.path)
    if one and one["path"] in CHAT_PATHS:
        chat = data.chat(int(one["id"])) if data.behaviour.single_chats else None
        if chat is not None:
            return Answer(HTTPStatus.OK, {"chat": data.behaviour.show(chat)})
        return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", f"no chat {one['id']}")
    return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", "no such address")


def unfiltered_page(target: str) -> int | None:
    """The number of the page that `GET target` requests of the list of all chats. None for any
    other request."""
    try:
        parts = urlsplit(target)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        page = _positive(parameters, "page", 1)
    except ValueError:
        return None
    filtered = any(parameters.get(name) for name in ("start", "end", "visitor_id", "user_id"))
    return page if parts.path in _LIST_PATHS and not filtered else None


def failure(status: HTTPStatus, error: str, message: str) -> Answer:
    """An error in the form that this server uses for all errors."""
    return Answer(status, {"error": error, "message": message})


def _list_chats(path: str, parameters: Mapping[str, str], data: ServerData) -> Answer:
    start, end = _day(parameters, "start"), _day(parameters, "end")
    visitor, user = parameters.get("visitor_id"), parameters.get("user_id")

    def matches(chat: Json) -> bool:
        return (
            data.behaviour.days.matches(chat, start, end)
            and (not visitor or visitor == _text(chat.get("visitor_id")))
            and (not user or user == _text(chat.get("user_id")))
        )

    if start or end or visitor or user:
        selected: Sequence[Json] = [chat for chat in data.chats if matches(chat)]
    else:
        selected = data.chats
    return _page(path, parameters, "chats", selected, data)


def _list_users(parameters: Mapping[str, str], data: ServerData) -> Answer:
    if not data.behaviour.agents_shown:
        return failure(HTTPStatus.FORBIDDEN, "Forbidden", "this account may not see the agents")
    roles = {role.strip() for role in parameters.get("role", "").split(",") if role.strip()}
    selected = [agent for agent in data.agents if not roles or agent.get("role") in roles]
    return _page(USERS_PATH, parameters, "users", selected, data)


def _page(
    path: str,
    parameters: Mapping[str, str],
    name: str,
    records: Sequence[Json],
    data: ServerData,
) -> Answer:
    behaviour = data.behaviour
    asked = page = _positive(parameters, "page", 1)
    per_page = min(_positive(parameters, "per_page", DEFAULT_PER_PAGE), behaviour.max_per_page)
    if behaviour.last_page_for_ever:
        page = min(page, max(1, -(-len(records) // per_page)))
    first = (page - 1) * per_page

    def link(other: int) -> str:
        return f"{data.url}{path}?{urlencode({**parameters, 'page': other})}"

    body: Json = {
        name: _shown(name, records[first : first + per_page], behaviour),
        "count": len(records),
        "next_page": link(page + 1) if first + per_page < len(records) else None,
        "previous_page": link(page - 1) if page > 1 else None,
    }
    for edit in behaviour.page_edits:
        body = edit(body, link(asked))
    return Answer(HTTPStatus.OK, {key: body[key] for key in body if key not in behaviour.omit})


def _shown(name: str, records: Sequence[Json], behaviour: ApiBehaviour) -> list[Any]:
    if name == "users":
        return [behaviour.show_agent(agent) for agent in records]
    chats = [behaviour.show(chat) for chat in records]
    if "messages" not in behaviour.omit:
        return chats
    return [
        {key: chat[key] for key in chat if key != "messages"} if isinstance(chat, dict) else chat
        for chat in chats
    ]


def _positive(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, "")
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise _InvalidParameter(f"{name} must be a whole number from 1")
    return int(text)


def _day(parameters: Mapping[str, str], name: str) -> str:
    text = parameters.get(name, "")
    if not text:
        return ""
    try:
        known = _DAY.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        known = False
    if not known:
        raise _InvalidParameter(f"{name} must be a day such as 2016-01-01")
    return text


def _text(value: object) -> str | None:
    return None if value is None else str(value)
