"""Turn Kchat's JSON into records. Pure. It accepts everything that would not mislead a search.

Unknown fields and types stay in the raw JSON and never cause an error. A chat becomes a
`RejectedChat` with the reason only where parsing it would silently lose or misplace it:

- it has no usable id;
- an id of a person is an object or a list;
- its messages are not a list of objects, nor what PHP sends in the place of one (`php_values`);
- its creation time cannot be read, so that a search by date would miss it.

Source of the fields: the documentation of `GET /apiv2/chats.json`; the vendor's published client
libraries for fields that it does not describe.

Invariant: `ChatParser.parse_archived` makes the same chat from `raw` as `ChatParser.parse_chat`
did. Messages are in the order of `message_order`, in whatever order they were sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from kchat_search import processor_time
from kchat_search.errors import KchatBadAnswer
from kchat_search.kchat.field_values import (
    clean_text,
    integer_if_whole,
    normalize_person_id,
    parse_flag,
    parse_size,
    parse_text,
    parse_upload,
    parse_whole_id,
    person_id_or_none,
)
from kchat_search.kchat.json_codec import NotUnderstood, decode_text, encode, excerpt
from kchat_search.kchat.message_order import sorted_places
from kchat_search.kchat.php_values import as_list, is_nothing
from kchat_search.kchat.times import parse_time
from kchat_search.kchat.upload_tokens import content_digest
from kchat_search.models.chats import Chat, ChatPage, FetchedChat, Message, RejectedChat

_CHECK_EVERY = 1_000
"""Messages between two looks at the processor time."""


MAX_CHAT = 16 << 20
"""Bytes of the JSON of one chat (ASCII). 20,000 messages of 50 Chinese characters have 12 MB. While
a chat is indexed it takes up to ninety times its JSON, so this one 1.4 GB."""
_DOCUMENTED_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_OUTERMOST_VALUES = 100
_OUTERMOST_LENGTH = 1000
"""How many values, of how many characters, are kept of a chat that is not kept whole."""


class ChatParser:
    """Parses chats. Times that name no zone are in `zone`."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone

    def parse_list_page(self, answer: object, number: int, per_page: int) -> ChatPage:
        """Parse one page of the list, `{"chats": [...]}`.

        `number` is the page that was requested (from 1), `per_page` how many chats were requested.
        The page is the last if it is empty, if `next_page` is null or "", or if `next_page` leads
        to this page or an earlier one.

        `next_page` is not believed where `count` proves that more chats follow. Some servers always
        send null, and an address that leads elsewhere says nothing about this list. A `next_page`
        of another form (a cursor) means that more chats follow: pages are documented to be
        numbered, and sync notices chats that repeat.

        Null, false or "" in the place of the list may be an error as well as an empty page. It is
        an empty page only where `count` says that no chat is on it.

        Raises `KchatBadAnswer` where the answer has no list `chats`.
        """
        sent = answer if isinstance(answer, dict) else {}
        count = parse_size(sent.get("count"))
        chats = as_list(sent.get("chats"))
        if chats is None and count is not None and count <= (number - 1) * per_page:
            chats = [] if "chats" in sent and is_nothing(sent["chats"]) else None
        if chats is None:
            raise KchatBadAnswer(f"Kchat's answer has no list «chats», but {_describe(answer)}")
        parsed = [_as_listed(self.parse_chat(item)) for item in chats]
        more_by_count = count is not None and count > (number - 1) * per_page + len(chats)
        return ChatPage(
            number=number,
            chats=tuple(chat for chat in parsed if isinstance(chat, FetchedChat)),
            rejects=tuple(chat for chat in parsed if isinstance(chat, RejectedChat)),
            count=count,
            last=not chats or _is_last_page(sent, number, more_by_count=more_by_count),
        )

    def parse_single_chat(self, answer: object, chat_id: int) -> FetchedChat | RejectedChat:
        """Parse the answer for one chat: `{"chat": {...}}`, or the object alone.

        Raises `KchatBadAnswer` where there is no object, or where it is another chat than
        `chat_id`.
        """
        item = answer
        if isinstance(answer, dict) and ("chat" in answer or "id" not in answer):
            item = answer.get("chat")
        if not isinstance(item, dict):
            raise KchatBadAnswer(f"Kchat's answer has no object «chat», but {_describe(answer)}")
        fetched = self.parse_chat(item)
        sent_id = fetched.chat.id if isinstance(fetched, FetchedChat) else fetched.chat_id
        if sent_id is None and isinstance(fetched, RejectedChat):
            return replace(fetched, key=f"chat:{chat_id}", chat_id=chat_id)
        if sent_id != chat_id:
            raise KchatBadAnswer(f"asked for chat {chat_id}, Kchat answered with chat {sent_id}")
        return fetched

    def parse_chat(self, item: object) -> FetchedChat | RejectedChat:
        """Parse a chat of a list, or a single one. Never raises, whatever JSON value `item` is."""
        try:
            raw = encode(item)
        except RecursionError:
            return _kept_in_part(item, "nested too deeply")
        if len(raw) > MAX_CHAT:
            return _kept_in_part(item, f"its JSON is longer than {MAX_CHAT:,} bytes: too long")
        if "\\ud" in raw:
            # Two surrogates that were sent as two escapes become one character when `raw` is
            # decoded. So parse the chat in the form that later decoding gives.
            item = decode_text(raw)
        try:
            digest = content_digest(item)
            chat = self._parse_object(item)
        except ValueError as error:
            return _rejected(item, raw, str(error))
        has_messages = isinstance(item, dict) and as_list(item.get("messages")) is not None
        return FetchedChat(chat, raw, digest, has_messages)

    def understand(self, raw: str) -> FetchedChat | RejectedChat:
        """Parse the raw JSON of an archived chat or reject as if it had been fetched now. Raises
        ValueError where it is no JSON."""
        return self.parse_chat(decode_text(raw))

    def parse_archived(self, raw: str) -> Chat:
        """Parse the raw JSON of an archived chat. Raises ValueError where it cannot be
        understood."""
        try:
            return self._parse_object(decode_text(raw))
        except RecursionError as error:
            raise NotUnderstood("nested too deeply") from error

    def _parse_object(self, item: object) -> Chat:
        if not isinstance(item, dict):
            raise NotUnderstood(f"a chat must be an object, this is {_describe(item)}")
        chat_id = parse_whole_id(item.get("id"))
        if chat_id is None:
            sent_id = excerpt(encode(item.get("id")))
            raise NotUnderstood(f"id must be a whole number from 1 to 2**63-1, not {sent_id}")
        return Chat(
            id=chat_id,
            type=clean_text(item.get("type")) or "chat",
            started_by=clean_text(item.get("started_by")),
            status=clean_text(item.get("status")),
            agent_id=normalize_person_id(item.get("agent_id"), "agent_id"),
            rating=clean_text(integer_if_whole(item.get("rating"))).strip() or None,
            visitor_id=normalize_person_id(item.get("visitor_id"), "visitor_id"),
            user_id=normalize_person_id(item.get("user_id"), "user_id"),
            created_at=self._parse_created_at(item.get("created_at")),
            assigned_at=self._parse_time_or_none(item.get("assigned_at")),
            end_at=self._parse_time_or_none(item.get("end_at")),
            messages=self._parse_messages(item.get("messages")),
        )

    def _parse_created_at(self, value: object) -> datetime | None:
        try:
            return parse_time(value, self.zone)
        except ValueError as error:
            sent_time = excerpt(encode(value))
            raise NotUnderstood(f"created_at can't be read as a time: {sent_time}") from error

    def _parse_time_or_none(self, value: object) -> datetime | None:
        try:
            return parse_time(value, self.zone)
        except ValueError:
            return None

    def _parse_messages(self, value: object) -> tuple[Message, ...]:
        messages = self.parse_messages(message_objects(value))
        places = sorted_places([(message.created_at, message.id) for message in messages])
        if places is None:
            return messages
        in_order = (messages[place] for place in places)
        return tuple(message._replace(position=n) for n, message in enumerate(in_order))

    def parse_messages(self, sent: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
        """Parse messages, in the order in which they are given. Raises ValueError for one that is
        nested too deeply."""
        messages: list[Message] = []
        for position, item in enumerate(sent):
            if not position % _CHECK_EVERY:
                processor_time.check()
            messages.append(self._parse_message(item, position))
        return tuple(messages)

    def sent_messages(self, value: object) -> list[dict[str, Any]]:
        """The messages of a chat as they were sent, in the order of `Chat.messages`. `value` is the
        chat's `messages`. Raises ValueError where it is no list of objects."""
        sent = message_objects(value)
        if _plainly_in_order(sent):
            return sent
        places = sorted_places(
            [
                (self._parse_time_or_none(item.get("created_at")), parse_whole_id(item.get("id")))
                for item in sent
            ]
        )
        return sent if places is None else [sent[place] for place in places]

    def _parse_message(self, item: Mapping[str, Any], position: int) -> Message:
        get = item.get
        role, user_id = get("role"), get("user_id")
        upload, upload_id = get("upload"), get("upload_id")
        return Message(
            parse_whole_id(get("id")),
            position,
            clean_text(get("type")),
            clean_text(get("name")),
            parse_text(get("msg")),
            None if role is None else clean_text(role).strip().lower() or None,
            self._parse_time_or_none(get("created_at")),
            parse_flag(get("recalled")),
            None if upload is None and upload_id is None else parse_upload(upload, upload_id),
            None if user_id is None else person_id_or_none(user_id),
        )


def message_objects(value: object) -> list[dict[str, Any]]:
    """The messages in a chat's `messages`, as they were sent and in that order. Where PHP sends
    nothing in the place of a message, there is none; an empty list is an object without fields.

    Raises ValueError where `value` is no list of objects.
    """
    items = [] if is_nothing(value) else as_list(value)
    if items is None:
        raise NotUnderstood(f"messages must be a list, this is {_describe(value)}")
    messages: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        if isinstance(item, dict):
            messages.append(item)
        elif isinstance(item, list) and not item:
            messages.append({})
        elif not is_nothing(item):
            raise NotUnderstood(f"messages[{index}] must be an object, this is {_describe(item)}")
    return messages


def _plainly_in_order(sent: Sequence[Mapping[str, Any]]) -> bool:
    """Do the texts of the times show that the messages are in order? Then no time need be parsed,
    which takes most of the time of comparing two versions."""
    time_before, id_before = "", 0
    for item in sent:
        time, number = item.get("created_at"), item.get("id")
        if type(time) is not str or type(number) is not int or not _DOCUMENTED_TIME.fullmatch(time):
            return False
        if time < time_before or (time == time_before and number < id_before):
            return False
        time_before, id_before = time, number
    return True


def _as_listed(fetched: FetchedChat | RejectedChat) -> FetchedChat | RejectedChat:
    """Mark a chat as an item of a list. If it has no messages, the list may have left them out."""
    if isinstance(fetched, RejectedChat):
        return fetched
    return replace(fetched, has_messages=bool(fetched.chat.messages), listed=True)


def parse_agents_page(answer: object, number: int) -> tuple[set[str], dict[str, str], bool]:
    """Parse one page `{"users": [...]}`: (ids on the page, names by id, is it the last page?).

    A name is `agent_display_name`, else `name`. Users without an id or a name are left out.

    Raises `KchatBadAnswer` where the answer has no list `users`.
    """
    users = as_list(answer.get("users")) if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or users is None:
        raise KchatBadAnswer(f"Kchat's answer has no list «users», but {_describe(answer)}")
    ids: set[str] = set()
    names: dict[str, str] = {}
    for user in users:
        agent_id = person_id_or_none(user.get("id")) if isinstance(user, dict) else None
        if agent_id is None:
            continue
        ids.add(agent_id)
        both_names = (user.get("agent_display_name"), user.get("name"))
        name = next(
            (clean_text(n).strip() for n in both_names if isinstance(n, str) and n.strip()), None
        )
        if name:
            names[agent_id] = name
    return ids, names, not users or _is_last_page(answer, number, more_by_count=False)


def _is_last_page(answer: Mapping[str, Any], number: int, *, more_by_count: bool) -> bool:
    """Does `next_page` say that no page follows page `number`?"""
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
    page = parse_whole_id(following)
    return page is not None and page <= number and not more_by_count


def _describe(value: object) -> str:
    """What kind of JSON value this is, without its content."""
    if isinstance(value, dict):
        return f"an object with {excerpt(', '.join(value)) or 'no keys'}"
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _rejected(item: object, raw: str, reason: str) -> RejectedChat:
    chat_id = parse_whole_id(item.get("id")) if isinstance(item, dict) else None
    key = f"chat:{chat_id}" if chat_id else f"raw:{_raw_key(item, raw)}"
    return RejectedChat(key=key, chat_id=chat_id, raw=raw, reason=reason)


def _raw_key(item: object, raw: str) -> str:
    """What identifies a reject that has no chat id: its content if that can be computed, else its
    raw JSON."""
    try:
        return content_digest(item)
    except ValueError:
        return sha256(raw.encode()).hexdigest()


def _kept_in_part(item: object, why: str) -> RejectedChat:
    """A reject for a value that can't be kept whole. Only its outermost short values are kept, in a
    form that is not taken for a chat when the reject is read again."""
    surface: dict[str, object] = {}
    if isinstance(item, dict):
        short = {
            key: part
            for key, part in item.items()
            if not isinstance(part, dict | list) and len(key) + len(str(part)) <= _OUTERMOST_LENGTH
        }
        surface = dict(islice(short.items(), _OUTERMOST_VALUES))
        surface |= {key: part for key, part in short.items() if key == "id"}
    reason = f"{why} to be kept; only the outermost values are"
    return _rejected(surface, encode({"outermost": surface}), reason)
