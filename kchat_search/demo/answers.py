"""What the documented Kchat API answers: from chats, a path and its parameters to JSON.

Pure: no sockets, no clock. The invariant: a list is in ascending order of id, and its pages, laid
end to end, are exactly the chats that the filters let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

CHAT_PATHS = ("/apiv2/chats", "/apiv2/kchat/history")
USERS_PATH = "/apiv2/users.json"
DEFAULT_PER_PAGE = 100

_NUMBER = re.compile(r"[0-9]{1,9}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ONE_CHAT = re.compile(r"(?P<path>.+)/(?P<id>[0-9]{1,18})\.json")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the JSON body that goes with it."""

    status: HTTPStatus
    body: Json


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the server has. `chats` is in ascending order of id and not changed by anyone."""

    chats: Sequence[Json]
    chat: Callable[[int], Json | None]
    agents: Sequence[Json]
    url: str
    """`http://host:port`; links to other pages begin with it."""
    max_per_page: int = DEFAULT_PER_PAGE
    omit: Collection[str] = ()
    """Left out of lists: `count`, `next_page`, `previous_page`; and `messages`, of their chats."""


class _BadParameter(ValueError):
    """A parameter that the API can't understand; the text names it."""


def answer(target: str, holdings: Holdings) -> Answer:
    """The answer to `GET target`, which is a path with its query."""
    try:
        parts = urlsplit(target)
    except ValueError:  # such as an unclosed bracket in what looks like a host
        return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", "no such address")
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    try:
        if parts.path in [f"{path}.json" for path in CHAT_PATHS]:
            return _list_chats(parts.path, parameters, holdings)
        if parts.path == USERS_PATH:
            return _list_users(parameters, holdings)
    except _BadParameter as error:
        return failure(HTTPStatus.BAD_REQUEST, "InvalidParameter", str(error))
    one = _ONE_CHAT.fullmatch(parts.path)
    if one and one["path"] in CHAT_PATHS:
        chat = holdings.chat(int(one["id"]))
        if chat is not None:
            return Answer(HTTPStatus.OK, {"chat": chat})
        return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", f"no chat {one['id']}")
    return failure(HTTPStatus.NOT_FOUND, "RecordNotFound", "no such address")


def failure(status: HTTPStatus, error: str, message: str) -> Answer:
    """An error, in the form that this server gives to all of them."""
    return Answer(status, {"error": error, "message": message})


def _list_chats(path: str, parameters: Mapping[str, str], holdings: Holdings) -> Answer:
    start, end = _day(parameters, "start"), _day(parameters, "end")
    visitor, user = parameters.get("visitor_id"), parameters.get("user_id")

    def wanted(chat: Json) -> bool:
        created = str(chat.get("created_at") or "")[:10]
        return (
            (not start or start <= created)
            and (not end or "" < created <= end)
            and (not visitor or visitor == _text(chat.get("visitor_id")))
            and (not user or user == _text(chat.get("user_id")))
        )

    if start or end or visitor or user:
        found: Sequence[Json] = [chat for chat in holdings.chats if wanted(chat)]
    else:
        found = holdings.chats
    return _page(path, parameters, "chats", found, holdings)


def _list_users(parameters: Mapping[str, str], holdings: Holdings) -> Answer:
    roles = {role.strip() for role in parameters.get("role", "").split(",") if role.strip()}
    found = [agent for agent in holdings.agents if not roles or agent.get("role") in roles]
    return _page(USERS_PATH, parameters, "users", found, holdings)


def _page(
    path: str,
    parameters: Mapping[str, str],
    name: str,
    found: Sequence[Json],
    holdings: Holdings,
) -> Answer:
    page = _positive(parameters, "page", 1)
    per_page = min(_positive(parameters, "per_page", DEFAULT_PER_PAGE), holdings.max_per_page)
    first = (page - 1) * per_page

    def link(other: int) -> str:
        return f"{holdings.url}{path}?{urlencode({**parameters, 'page': other})}"

    items = found[first : first + per_page]
    if name == "chats" and "messages" in holdings.omit:
        items = [{key: chat[key] for key in chat if key != "messages"} for chat in items]
    body: Json = {
        name: items,
        "count": len(found),
        "next_page": link(page + 1) if first + per_page < len(found) else None,
        "previous_page": link(page - 1) if page > 1 else None,
    }
    return Answer(HTTPStatus.OK, {key: body[key] for key in body if key not in holdings.omit})


def _positive(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, "")
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise _BadParameter(f"{name} must be a whole number from 1")
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
        raise _BadParameter(f"{name} must be a day such as 2016-01-01")
    return text


def _text(value: object) -> str | None:
    return None if value is None else str(value)
