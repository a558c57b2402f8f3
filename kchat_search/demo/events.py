"""Events: what can happen to the chats of a demo server on command. The chats really change.

Invariants: an event replaces a chat by a changed copy, and never changes it in place. The server's
`Timeline` does not undo an event. Which chat an event happens to depends only on the chats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kchat_search.demo.conversations.planned_chat import STAMP
from kchat_search.demo.conversations.timeline import ZONE
from kchat_search.demo.store import Json, Store

_VISITORS = 9_000_000
"""The visitor of a new chat has this number plus the chat's id. No other visitor has it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When an event happens, and where the ids of its messages come from."""

    when: str
    """Local time in the API's form, such as `2015-04-25 08:04:12`."""
    new_message_id: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that can happen to a chat."""

    says: str
    rank: Callable[[Json], int | None]
    """How well the event suits a chat. None: not at all. Of the best suited chats, the newest is
    chosen."""
    change: Callable[[Json, Moment], Json]


def happen(store: Store, event: str, chat_id: int | None, now: datetime) -> int:
    """Let `event` happen at `now` (aware). Answers the id of the chat that it happened to.

    The chat is `chat_id`, or where that is None, one that the event suits. Raises ValueError for an
    unknown event and for one that does not suit the chats. Raises KeyError if no chat has the id.
    """
    if event not in EVENTS:
        raise ValueError(f"no event {event!r}; there are: {', '.join(EVENTS)}")
    local = now.astimezone(ZONE).strftime(STAMP)
    with store.lock:
        if event == "is_new":
            key = _id_for_a_new_chat(store, chat_id)
            store.put(_new_chat(key, Moment(local, store.new_message_id)))
        else:
            chat = _suited(store, event, chat_id)
            key = int(chat["id"])
            if event == "is_deleted":
                store.delete(key)
            else:
                store.put(EVENTS[event].change(chat, Moment(local, store.new_message_id)))
        store.settle(key)
    return key


def delete_the_first(store: Store, now: datetime) -> None:
    """Delete the chat with the lowest id, if there is one. All others move up in the lists."""
    with store.lock:
        first = store.first_id()
        if first is not None:
            happen(store, "is_deleted", first, now)


def add_one(store: Store, now: datetime) -> None:
    """Add a new chat at the end of the lists."""
    happen(store, "is_new", None, now)


def _suited(store: Store, event: str, chat_id: int | None) -> Json:
    rank = EVENTS[event].rank
    if chat_id is not None:
        chat = store.get(chat_id)
        if chat is None:
            raise KeyError(chat_id)
        if rank(chat) is None:
            raise ValueError(f"{event} does not suit chat {chat_id} as it is now")
        return chat
    best: tuple[int, Json] | None = None
    for chat in store.chats():
        suits = rank(chat)
        if suits is not None and (best is None or suits >= best[0]):
            best = (suits, chat)
    if best is None:
        raise ValueError(f"{event} suits no chat as they are now")
    return best[1]


def _id_for_a_new_chat(store: Store, chat_id: int | None) -> int:
    if chat_id is None:
        return store.last_chat_id + 1
    if chat_id <= store.last_chat_id:
        raise ValueError(f"chat_id of a new chat must be above {store.last_chat_id}, not {chat_id}")
    return chat_id


def _new_chat(chat_id: int, moment: Moment) -> Json:
    visitor = {"name": f"访客{chat_id}", "role": "visitor"}
    joins = _message(chat_id, moment) | visitor | {"type": "chat.memberjoin"}
    asks = _message(chat_id, moment) | visitor
    return {
        "id": chat_id,
        "type": "chat",
        "started_by": "visitor",
        "status": "wait",
        "agent_id": None,
        "rating": None,
        "visitor_id": _VISITORS + chat_id,
        "user_id": None,
        "created_at": moment.when,
        "assigned_at": None,
        "end_at": None,
        "messages": [joins, asks | {"msg": f"你好，我有个新问题，编号{asks['id']}"}],
    }


def _message(chat_id: int, moment: Moment) -> Json:
    return {
        "id": moment.new_message_id(),
        "chat_id": chat_id,
        "type": "chat.msg",
        "name": "",
        "msg": "",
        "is_read": 0,
        "created_at": moment.when,
        "upload_id": None,
        "upload": None,
    }


def _grown(chat: Json, moment: Moment) -> Json:
    said = _last_said(chat)
    messages = _messages(chat)
    speaker = {} if said is None else messages[said]
    message = {**speaker, **_message(int(chat["id"]), moment)}
    message["name"] = speaker.get("name", f"访客{chat['id']}")
    message["msg"] = f"再补充一句，编号{message['id']}"
    grown = {**chat, "messages": [*messages, message]}
    if "message_count" in chat:
        grown["message_count"] = len(grown["messages"])
    return grown


def _closed(chat: Json, moment: Moment) -> Json:
    closed = {**chat, "status": "close", "end_at": moment.when}
    return closed | {"duration": _seconds(chat, moment)} if "duration" in chat else closed


def _seconds(chat: Json, moment: Moment) -> int | None:
    """Seconds since the chat began. None if the chat has no creation time that can be read."""
    try:
        began, ended = (
            datetime.strptime(str(time), STAMP).replace(tzinfo=ZONE)
            for time in (chat.get("created_at"), moment.when)
        )
    except ValueError:
        return None
    return (ended - began) // timedelta(seconds=1)


def _reopened(chat: Json, _: Moment) -> Json:
    reopened = {**chat, "status": "open", "end_at": None}
    return reopened | {"duration": None} if "duration" in chat else reopened


def _rated(chat: Json, _: Moment) -> Json:
    return {**chat, "rating": 4 if chat.get("rating") == 1 else 1}


def _recalled(chat: Json, _: Moment) -> Json:
    return _with_last_said(chat, lambda _: {"recalled": True, "msg": ""})


def _edited(chat: Json, _: Moment) -> Json:
    return _with_last_said(chat, lambda message: {"msg": f"{message['msg']}（已更正）"})


def _unchanged(chat: Json, _: Moment) -> Json:
    return chat


def _with_last_said(chat: Json, change: Callable[[Json], Mapping[str, Any]]) -> Json:
    messages = list(_messages(chat))
    last = _last_said(chat)
    assert last is not None, "`rank` selects only chats with such a message"
    messages[last] = {**messages[last], **change(messages[last])}
    return {**chat, "messages": messages}


def _messages(chat: Json) -> list[Any]:
    messages = chat.get("messages")
    return messages if isinstance(messages, list) else []


def _last_said(chat: Json) -> int | None:
    """The index of the last message that somebody wrote and that was not recalled."""
    messages = _messages(chat)
    for index in reversed(range(len(messages))):
        message = messages[index]
        if isinstance(message, dict) and message.get("type") == "chat.msg":
            text = message.get("msg")
            if isinstance(text, str) and text and not message.get("recalled"):
                return index
    return None


def _is_closed(chat: Json) -> bool:
    return chat.get("status") == "close"


def _if_it(holds: Callable[[Json], bool]) -> Callable[[Json], int | None]:
    return lambda chat: 0 if holds(chat) else None


def _whether_it_may_be_rated(chat: Json) -> int:
    """Any chat may be rated. A closed chat that has no rating suits best."""
    return 2 * _is_closed(chat) + (chat.get("rating") is None)


_IF_SOMETHING_WAS_SAID = _if_it(lambda chat: _last_said(chat) is not None)

EVENTS: Mapping[str, Event] = {
    "grows": Event("a new message", lambda chat: int(not _is_closed(chat)), _grown),
    "closes": Event("it is closed", _if_it(lambda chat: not _is_closed(chat)), _closed),
    "reopens": Event("it is open again", _if_it(_is_closed), _reopened),
    "is_rated": Event("it gets a rating", _whether_it_may_be_rated, _rated),
    "is_recalled": Event("its last text is recalled", _IF_SOMETHING_WAS_SAID, _recalled),
    "is_edited": Event("its last text is corrected", _IF_SOMETHING_WAS_SAID, _edited),
    "is_deleted": Event("it is gone", lambda _: 0, _unchanged),
    "is_new": Event("a chat with a higher id begins", lambda _: None, _unchanged),
}
"""All events by name. `happen` itself does the last two."""
