"""A chat as Kchat sent it, for whoever does not see private numbers, or recalled messages.

Every text and number of the JSON is looked at, keys too, but for the ids of the chat, of its
messages and of their uploads. The body
of a message in which something is private becomes its visible text, masked: markup and escapes may
hide a number from whoever looks at the JSON alone. So does any other text that is markup or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kchat_search.chats.masked_transcript import as_body, is_private, type_of_recalled
from kchat_search.chats.masking import shown
from kchat_search.chats.visible_text import visible_text

_IDS = frozenset(
    ("id", "agent_id", "visitor_id", "user_id", "upload_id", "chat_id", "message_id", "msg_id")
)
_OF_RECALLED = ("id", "type", "name", "role", "user_id", "created_at", "recalled")
"""What a recalled message keeps: who said it and when."""
_NOT_RECALLED = (None, False, 0, "", "0", "false", "no", "null")


def masked_sent(sent: Mapping[str, object], *, recalled: bool = False) -> dict[str, object]:
    """`sent`: a chat as Kchat sent it, without upload tokens. With `recalled`, the bodies of
    recalled messages stay, masked."""
    chat: dict[str, object] = {}
    for key, value in sent.items():
        if key == "messages":
            chat[key] = _messages(value, recalled=recalled)
        else:
            chat[shown(key)] = _member(key, value)
    return chat


def masked_messages(sent: list[dict[str, Any]], *, recalled: bool = False) -> list[dict[str, Any]]:
    """Messages as Kchat sent them, masked."""
    return [_message(one, recalled=recalled) for one in sent]


def _messages(value: object, *, recalled: bool) -> object:
    if isinstance(value, dict):  # what PHP sends in the place of a list
        return {shown(key): _messages_item(item, recalled=recalled) for key, item in value.items()}
    if isinstance(value, list):
        return [_messages_item(item, recalled=recalled) for item in value]
    return _masked(value)


def _messages_item(value: object, *, recalled: bool) -> object:
    return _message(value, recalled=recalled) if isinstance(value, dict) else _masked(value)


def _message(message: dict[str, Any], *, recalled: bool) -> dict[str, Any]:
    flag = message.get("recalled")
    is_recalled = (flag.strip().lower() if isinstance(flag, str) else flag) not in _NOT_RECALLED
    if is_recalled and not recalled:
        kept = {key: message[key] for key in message if key in _OF_RECALLED}
        message = kept | ({"msg": ""} if "msg" in message else {})
        if isinstance(kept.get("type"), str):
            message["type"] = type_of_recalled(kept["type"])
    return {shown(key): _member(key, value) for key, value in message.items()}


def _member(key: str, value: object) -> object:
    """A value of a chat, of a message, or of an upload."""
    if key in _IDS and not isinstance(value, dict | list):
        return value
    if key == "upload" and isinstance(value, dict):
        return {shown(name): _member(name, item) for name, item in value.items()}
    return _masked(value)


def _masked(value: object) -> object:
    """Any value of the JSON."""
    match value:
        case str():
            return _text(value)
        case bool() | None:
            return value
        case int() | float():
            written = shown(str(value))
            return value if written == str(value) else written
        case dict():
            return {shown(key): _masked(item) for key, item in value.items()}
        case list():
            return list(map(_masked, value))
        case _:
            return value


def _text(text: str) -> str:
    visible = visible_text(text)
    if visible == text:
        return shown(text)
    masked = shown(visible)
    if masked != visible or is_private(text):
        return as_body(masked)
    return text
