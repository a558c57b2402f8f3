"""How a server that differs from the documentation shows its chats: edits of chats.

An edit is pure. It gets the chat after the edits before it, the true id, and the condition's
options.

Invariants: an edit changes neither the chat nor anything in it in place. It gives the same result
for the same chat, so lists and single answers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
Options = Mapping[str, Any]
ChatEdit = Callable[[Json, int, Options], Any]

_LONG_CHAT = 10**12
"""The ids of the messages that make a chat long begin here, far above all others."""
_LONG_CHAT_ROOM = 10**6
"""How many ids are reserved for each chat."""
_FILLER = "退款流程很长，请您耐心看完。"


def long_chat(chat: Json, chat_id: int, options: Options) -> Json:
    """The chat `chat_id` has at least `messages` messages."""
    messages = _messages(chat)
    missing = options["messages"] - len(messages)
    if chat_id != options["chat_id"] or missing <= 0:
        return chat
    first_id = _LONG_CHAT + chat_id * _LONG_CHAT_ROOM
    last = messages[-1] if messages and isinstance(messages[-1], dict) else {}
    pattern = {
        **_message(chat, chat_id),
        "created_at": last.get("created_at", chat.get("created_at")),
    }
    more = [
        {**pattern, "id": first_id + number, "msg": f"第{number}条，退款还没有到账"}
        for number in range(missing)
    ]
    longer = {**chat, "messages": [*messages, *more]}
    return (
        longer | {"message_count": len(longer["messages"])} if "message_count" in chat else longer
    )


def huge_message(chat: Json, chat_id: int, options: Options) -> Json:
    """A message of the chat `chat_id` has `characters` characters."""
    if chat_id != options["chat_id"]:
        return chat
    size = options["characters"]
    text = (_FILLER * (size // len(_FILLER) + 1))[:size]
    if _where_text_is(chat) is None:
        return {**chat, "messages": [*_messages(chat), {**_message(chat, chat_id), "msg": text}]}
    return _with_text(chat, lambda _: text)


def null_fields(chat: Json, _: int, __: Options) -> Json:
    """Null in place of each person, rating and file."""
    names = ("agent_id", "user_id", "rating", "assigned_at", "started_by")
    return _with_messages(
        {**chat, **dict.fromkeys(names)}, lambda message: {**message, "upload": None}
    )


def unknown_fields(chat: Json, chat_id: int, _: Options) -> Json:
    """The chat and its messages have undocumented fields."""
    more = {"mood_ring": {"colour": "紫", "stones": [chat_id, None, 1.5]}, "v9": True}
    return _with_messages({**chat, **more}, lambda message: {**message, **more})


def unknown_types(chat: Json, _: int, __: Options) -> Json:
    """The chat and its messages have undocumented types."""
    return _with_messages(
        {**chat, "type": "hologram"}, lambda message: {**message, "type": "chat.hologram"}
    )


def lone_surrogates(chat: Json, chat_id: int, options: Options) -> Json:
    """A message of each `every`-th chat ends in a lone surrogate."""
    return chat if chat_id % options["every"] else _with_text(chat, lambda text: text + "\ud83d")


def nul(chat: Json, chat_id: int, options: Options) -> Json:
    """A message of each `every`-th chat contains U+0000."""
    if chat_id % options["every"]:
        return chat
    return _with_text(chat, lambda text: f"{text[: len(text) // 2]}\x00{text[len(text) // 2 :]}")


def text_ids(chat: Json, _: int, __: Options) -> Json:
    """All ids are texts."""
    names = ("id", "agent_id", "visitor_id", "user_id")
    return _with_messages(
        _as_text(chat, names), lambda message: _as_text(message, ("id", "chat_id", "user_id"))
    )


def text_ids_of_agent(agent: Json) -> Json:
    """The id of an agent of `users.json` is a text."""
    return _as_text(agent, ("id",))


def php_forms(chat: Json, chat_id: int, _: Options) -> Json:
    """The chat as a PHP backend may send it: a list with a hole as an object, newest first, ids and
    numbers as texts, nothing as "", a time in another form."""
    text = text_ids(chat, chat_id, {})
    texts = _with_messages(
        text, lambda message: {**message, "is_read": bool(message.get("is_read"))}
    )
    newest_first = list(reversed(_messages(texts)))
    odd = {str(2 * number): message for number, message in enumerate(newest_first)}
    nothing = {name: "" for name, value in texts.items() if value is None}
    if isinstance(chat.get("created_at"), str):
        nothing["created_at"] = chat["created_at"].replace(" ", "T")
    return {**texts, **nothing, "messages": odd}


def malformed(chat: Json, chat_id: int, options: Options) -> Any:
    """Each `every`-th chat is broken in the way that `how` names."""
    return chat if chat_id % options["every"] else BREAKS[options["how"]](chat, chat_id)


BREAKS: Mapping[str, Callable[[Json, int], Any]] = {
    "no_id": lambda chat, _: {name: chat[name] for name in chat if name != "id"},
    "text_id": lambda chat, chat_id: {**chat, "id": f"chat-{chat_id}"},
    "messages_text": lambda chat, _: {**chat, "messages": "你好,在吗?"},
    "message_text": lambda chat, _: {**chat, "messages": ["你好,在吗?", *_messages(chat)[1:]]},
    "bad_time": lambda chat, _: {**chat, "created_at": "昨天下午"},
    "list_agent": lambda chat, _: {**chat, "agent_id": [chat.get("agent_id")]},
    "no_object": lambda _, chat_id: f"chat {chat_id}",
}
"""The ways in which a chat can be `malformed`."""


def _messages(chat: Json) -> list[Any]:
    messages = chat.get("messages")
    return messages if isinstance(messages, list) else []


def _with_messages(chat: Json, edit: Callable[[Json], Json]) -> Json:
    """The chat with `edit` applied to each message that is an object."""
    if not isinstance(chat.get("messages"), list):
        return chat
    messages = [edit(item) if isinstance(item, dict) else item for item in chat["messages"]]
    return {**chat, "messages": messages}


def _where_text_is(chat: Json) -> int | None:
    """The index of the first message with a text."""
    for index, message in enumerate(_messages(chat)):
        if isinstance(message, dict) and isinstance(message.get("msg"), str) and message["msg"]:
            return index
    return None


def _with_text(chat: Json, edit: Callable[[str], str]) -> Json:
    """The chat with `edit` applied to the text of the first message that has one."""
    index = _where_text_is(chat)
    if index is None:
        return chat
    messages = list(_messages(chat))
    messages[index] = {**messages[index], "msg": edit(messages[index]["msg"])}
    return {**chat, "messages": messages}


def _message(chat: Json, chat_id: int) -> Json:
    return {
        "id": _LONG_CHAT + (chat_id + 1) * _LONG_CHAT_ROOM - 1,
        "chat_id": chat_id,
        "type": "chat.msg",
        "name": f"访客{chat_id}",
        "msg": "",
        "is_read": 1,
        "created_at": chat.get("created_at"),
        "upload_id": None,
        "upload": None,
    }


def _as_text(record: Json, names: tuple[str, ...]) -> Json:
    known = {name: str(record[name]) for name in names if record.get(name) is not None}
    return {**record, **known}
