"""From Kchat's JSON to records: pure, and tolerant in everything but what would mislead a search.

Unknown fields and types stay in the raw JSON and never fail. A chat is refused, and becomes a
`RejectedChat` with the reason, only where reading on would lose or misplace it silently: no usable
id, ids of people that are objects, messages that are no list of objects, a creation time that
can't be read (a date search would miss the chat).

Invariant: what `ChatParser.parse_chat` understands, `ChatParser.parse_archived` understands
alike from `raw`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from kchat_search.errors import KchatBadAnswer
from kchat_search.kchat.json_codec import NotUnderstood, decode_text, encode, excerpt
from kchat_search.kchat.times import parse_time
from kchat_search.kchat.upload_tokens import (
    content_digest,
    url_without_tokens,
    without_upload_tokens,
)
from kchat_search.models.chats import Chat, ChatPage, FetchedChat, Message, RejectedChat, Upload
from kchat_search.text.fold import without_surrogates

_MAX_ID = 2**63 - 1
_MAX_ID_LENGTH = 255
_MAX_EXACT_FLOAT = 2**53
_WHOLE_NUMBER = re.compile(r"([0-9]{1,25})(?:\.0+)?")


class ChatParser:
    """Reads chats whose times are in `zone` where they name none."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def parse_list_page(self, answer: object, number: int, per_page: int) -> ChatPage:
        """One page of the list, `{"chats": [...]}`, asked for as `number` with `per_page`.

        The page is the last if it is empty, if `next_page` is null or "", or if `next_page` leads
        to this page or one before. Neither is believed where `count` proves that more follow: some
        servers always send null, and an address that leads elsewhere says nothing of this list. A
        `next_page` of another form (a cursor) is taken as «there is more»: pages are documented to
        go by number, and sync notices repeated chats.

        Raises `KchatBadAnswer` where there is no list `chats`.
        """
        chats = answer.get("chats") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(chats, list):
            raise KchatBadAnswer(f"Kchat's answer has no list «chats», but {_describe(answer)}")
        read = [_as_listed(self.parse_chat(item)) for item in chats]
        count = _parse_size(answer.get("count"))
        more_by_count = count is not None and count > (number - 1) * per_page + len(chats)
        return ChatPage(
            number=number,
            chats=tuple(chat for chat in read if isinstance(chat, FetchedChat)),
            rejects=tuple(chat for chat in read if isinstance(chat, RejectedChat)),
            count=count,
            last=not chats or _is_last_page(answer, number, more_by_count=more_by_count),
        )

    def parse_single_chat(self, answer: object, chat_id: int) -> FetchedChat | RejectedChat:
        """The chat that was asked for by id: `{"chat": {...}}` or the bare object.

        Raises `KchatBadAnswer` where there is none, or another than `chat_id`.
        """
        item = answer
        if isinstance(answer, dict) and ("chat" in answer or "id" not in answer):
            item = answer.get("chat")
        if not isinstance(item, dict):
            raise KchatBadAnswer(f"Kchat's answer has no object «chat», but {_describe(answer)}")
        found = self.parse_chat(item)
        found_id = found.chat.id if isinstance(found, FetchedChat) else found.chat_id
        if found_id is None and isinstance(found, RejectedChat):
            return replace(found, key=f"chat:{chat_id}", chat_id=chat_id)
        if found_id != chat_id:
            raise KchatBadAnswer(f"asked for chat {chat_id}, Kchat answered with chat {found_id}")
        return found

    def parse_chat(self, item: object) -> FetchedChat | RejectedChat:
        """A chat as it stands in a list or alone. Never raises on any JSON value."""
        try:
            raw = encode(item)
        except RecursionError:
            return _too_deep(item)
        if "\\ud" in raw:
            # Surrogates that were sent apart are one character when they are read again; take
            # the chat as it will be read.
            item = decode_text(raw)
        try:
            content = content_digest(item)
            chat = self._parse_object(item)
        except ValueError as error:
            return _rejected(item, raw, str(error))
        has_messages = isinstance(item, dict) and item.get("messages") is not None
        return FetchedChat(chat, raw, content, has_messages)

    def parse_archived(self, raw: str) -> Chat:
        """A chat of the archive. Raises ValueError where `raw` can't be understood."""
        try:
            return self._parse_object(decode_text(raw))
        except RecursionError as error:
            raise NotUnderstood("nested too deeply") from error

    def _parse_object(self, item: object) -> Chat:
        if not isinstance(item, dict):
            raise NotUnderstood(f"a chat must be an object, this is {_describe(item)}")
        chat_id = _parse_whole_id(item.get("id"))
        if chat_id is None:
            shown = excerpt(encode(item.get("id")))
            raise NotUnderstood(f"id must be a whole number from 1 to 2**63-1, not {shown}")
        return Chat(
            id=chat_id,
            type=_clean_text(item.get("type")) or "chat",
            started_by=_clean_text(item.get("started_by")),
            status=_clean_text(item.get("status")),
            agent_id=normalize_person_id(item.get("agent_id"), "agent_id"),
            rating=_clean_text(_integer_if_whole(item.get("rating"))).strip() or None,
            visitor_id=normalize_person_id(item.get("visitor_id"), "visitor_id"),
            user_id=normalize_person_id(item.get("user_id"), "user_id"),
            created_at=self._parse_created_at(item.get("created_at")),
            assigned_at=self._parse_time_or_none(item.get("assigned_at")),
            end_at=self._parse_time_or_none(item.get("end_at")),
            messages=self._parse_messages(item.get("messages")),
        )

    def _parse_created_at(self, value: object) -> datetime | None:
        try:
            return parse_time(value, self._zone)
        except ValueError as error:
            shown = excerpt(encode(value))
            raise NotUnderstood(f"created_at can't be read as a time: {shown}") from error

    def _parse_time_or_none(self, value: object) -> datetime | None:
        try:
            return parse_time(value, self._zone)
        except ValueError:
            return None

    def _parse_messages(self, value: object) -> tuple[Message, ...]:
        if value is None:
            return ()
        if not isinstance(value, list):
            raise NotUnderstood(f"messages must be a list, this is {_describe(value)}")
        messages: list[Message] = []
        for index, item in enumerate(value):
            if item is None:
                continue
            if not isinstance(item, dict):
                raise NotUnderstood(
                    f"messages[{index}] must be an object, this is {_describe(item)}"
                )
            messages.append(self._parse_message(item, len(messages)))
        return tuple(messages)

    def _parse_message(self, item: Mapping[str, Any], position: int) -> Message:
        get = item.get
        role = get("role")
        return Message(
            _parse_whole_id(get("id")),
            position,
            _clean_text(get("type")),
            _clean_text(get("name")),
            _text_of(get("msg")),
            None if role is None else _clean_text(role).strip().lower() or None,
            self._parse_time_or_none(get("created_at")),
            _parse_flag(get("recalled")),
            _parse_upload(get("upload"), get("upload_id")),
        )


def _as_listed(found: FetchedChat | RejectedChat) -> FetchedChat | RejectedChat:
    """As it stands in a list, where no messages may mean that they are left out."""
    if isinstance(found, RejectedChat):
        return found
    return replace(found, has_messages=bool(found.chat.messages), listed=True)


def normalize_person_id(value: object, field: str) -> str | None:
    """The one string form of the id of an agent, a visitor or a user.

    `290`, `290.0`, `"290"` and `"290.0"` are «290»; other text is kept without the blanks around
    it. None for null, "", 0 and "0": 0 is how the API's ids say «nobody», and visitors 0 of
    different chats must not look like one person.
    Raises ValueError naming `field` for booleans, objects, lists and more than 255 characters.
    """
    if value is None:
        return None
    if isinstance(value, bool | dict | list):
        raise NotUnderstood(f"{field} must be a number or a text, not {excerpt(encode(value))}")
    text = _clean_text(_integer_if_whole(value)).strip()
    if len(text) > _MAX_ID_LENGTH:
        raise NotUnderstood(f"{field} is longer than {_MAX_ID_LENGTH} characters")
    whole = _WHOLE_NUMBER.fullmatch(text)
    text = whole[1] if whole else text
    return text if text.strip("0") else None


def parse_agents_page(answer: object, number: int) -> tuple[set[str], dict[str, str], bool]:
    """(ids on the page, names by id, is it the last?) of one page `{"users": [...]}`.

    The name is `agent_display_name`, else `name`; who has no id or no name is left out.
    Raises `KchatBadAnswer` where there is no list `users`.
    """
    users = answer.get("users") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(users, list):
        raise KchatBadAnswer(f"Kchat's answer has no list «users», but {_describe(answer)}")
    ids: set[str] = set()
    names: dict[str, str] = {}
    for user in users:
        agent_id = _person_id_or_none(user.get("id")) if isinstance(user, dict) else None
        if agent_id is None:
            continue
        ids.add(agent_id)
        shown = (user.get("agent_display_name"), user.get("name"))
        name = next(
            (_clean_text(n).strip() for n in shown if isinstance(n, str) and n.strip()), None
        )
        if name:
            names[agent_id] = name
    return ids, names, not users or _is_last_page(answer, number, more_by_count=False)


def _parse_whole_id(value: object) -> int | None:
    """The id of a chat or a message, 1 to 2**63-1; None for anything else."""
    if type(value) is int and 0 < value <= _MAX_ID:
        return value
    number: int | None = None
    if isinstance(value, str):
        whole = _WHOLE_NUMBER.fullmatch(value.strip())
        number = int(whole[1]) if whole else None
    elif isinstance(value, float):
        # Beyond 2**53 a double no longer says which number was sent.
        number = int(value) if value.is_integer() and abs(value) <= _MAX_EXACT_FLOAT else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    return number if number is not None and 1 <= number <= _MAX_ID else None


def _parse_size(value: object) -> int | None:
    """A count, a number of bytes or of pixels, from 0 to 2**63-1; None for anything else."""
    zero = not isinstance(value, bool) and value in (0, "0")
    return 0 if zero else _parse_whole_id(value)


def _integer_if_whole(value: object) -> object:
    exact = isinstance(value, float) and value.is_integer() and abs(value) <= _MAX_EXACT_FLOAT
    return int(value) if exact and isinstance(value, float) else value


def _text_of(value: object) -> str:
    """Text as sent; null is ""; numbers, booleans, objects and lists as their JSON, without
    upload tokens and in readable characters."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(without_upload_tokens(value), ensure_ascii=False, separators=(",", ":"))


def _clean_text(value: object) -> str:
    """As `_text_of`, for what is compared, counted and shown rather than searched: lone surrogates,
    which UTF-8 refuses, are replaced."""
    if type(value) is str:
        if value.isascii():
            return value
        if len(value) <= _MAX_CACHED_TEXT:
            return _cached_clean(value)
    return without_surrogates(_text_of(value))


_MAX_CACHED_TEXT = 32
_cached_clean = lru_cache(4096)(without_surrogates)
"""Names come again with every message, so their cleaned form is kept."""


def _parse_flag(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no", "null")
    return bool(value)


def _parse_upload(value: object, upload_id: object) -> Upload | None:
    """The file of a message. Where a list is sent, the upload is its first object and carries the
    names of all, so that a search for any of them finds the chat. With `upload_id` alone it has
    an id and no more."""
    if value is None and upload_id is None:
        return None
    sent = value if isinstance(value, list) else [value]
    objects: list[dict[str, Any]] = [item for item in sent if isinstance(item, dict) and item]
    if value is not None and not isinstance(value, dict | list):
        return None
    own_id = _person_id_or_none(upload_id)
    if not objects:
        return Upload(own_id, "", None, "", None) if own_id else None
    first = objects[0]
    names = [name for item in objects if (name := _clean_text(item.get("name")))]
    url = first.get("url")
    return Upload(
        id=_person_id_or_none(first.get("id")) or own_id,
        name=", ".join(names),
        size=_parse_size(first.get("size")),
        type=_clean_text(first.get("type")),
        url=_clean_text(url_without_tokens(url)) if isinstance(url, str) and url.strip() else None,
        width=_parse_size(first.get("width")),
        height=_parse_size(first.get("height")),
    )


def _person_id_or_none(value: object) -> str | None:
    try:
        return normalize_person_id(value, "id")
    except ValueError:
        return None


def _is_last_page(answer: Mapping[str, Any], number: int, *, more_by_count: bool) -> bool:
    """Does `next_page` say that no page follows the page `number`?"""
    if "next_page" not in answer:
        return False
    following = answer["next_page"]
    if following in (None, "", False):
        return not more_by_count
    if isinstance(following, str) and not following.strip().isdecimal():
        try:
            following = parse_qs(urlsplit(following).query).get("page", [""])[-1]
        except ValueError:
            return False
    page = _parse_whole_id(following)
    return page is not None and page <= number and not more_by_count


def _describe(value: object) -> str:
    """What a JSON value is, without its content."""
    if isinstance(value, dict):
        return f"an object with {excerpt(', '.join(value)) or 'no keys'}"
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _rejected(item: object, raw: str, reason: str) -> RejectedChat:
    chat_id = _parse_whole_id(item.get("id")) if isinstance(item, dict) else None
    key = f"chat:{chat_id}" if chat_id else f"raw:{_raw_key(item, raw)}"
    return RejectedChat(key=key, chat_id=chat_id, raw=raw, reason=reason)


def _raw_key(item: object, raw: str) -> str:
    try:
        return content_digest(item)
    except ValueError:
        return sha256(raw.encode()).hexdigest()


def _too_deep(item: object) -> RejectedChat:
    """Nested so deeply that Python can't write it: keep what lies on the surface."""
    surface: object = None
    if isinstance(item, dict):
        surface = {key: part for key, part in item.items() if not isinstance(part, dict | list)}
    reason = "nested too deeply to be kept; only the outermost values are"
    return _rejected(surface, encode(surface), reason)
