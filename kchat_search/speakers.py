"""Who spoke? The one place that answers it, so that it is never guessed in two.

The API's table of message fields has a name but no side; some servers send `role`. So, in this
order, the first that tells:

1. the message's `role` («visitor», «agent», «robot»);
2. its name is the name of the chat's agent, as Kchat lists it (`/apiv2/users.json`);
3. its name is one that Kchat gives to visitors («访客5»);
4. its name is the first that joined the chat (`chat.memberjoin`): the one who started it;
5. its name joined the chat later, and the chat has an agent: an agent (a transfer brings several);
6. otherwise it is unknown, and is said to be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kchat_search.models.chats import Chat, Message, Side

_VISITOR_NAME = re.compile(r"访客\s*\d+")
_ROLES: dict[str, Side] = {"visitor": "visitor", "agent": "agent", "robot": "robot"}


def sides(chat: Chat, agent_name: str | None) -> tuple[Side, ...]:
    """Who spoke, message by message. `agent_name` is that of `chat.agent_id`, if it is known."""
    joined = _joined(chat.messages)
    return tuple(_side(chat, message, agent_name, joined) for message in chat.messages)


def visitor_name(chat: Chat, spoke: Sequence[Side]) -> str | None:
    """The visitor's name: of the first message from the visitor's side that has one."""
    for message, side in zip(chat.messages, spoke, strict=True):
        if side == "visitor" and message.name:
            return message.name
    return None


def _joined(messages: Sequence[Message]) -> tuple[str, ...]:
    names = (m.name for m in messages if m.type == "chat.memberjoin" and m.name)
    return tuple(dict.fromkeys(names))


def _side(chat: Chat, message: Message, agent_name: str | None, joined: Sequence[str]) -> Side:
    told = _ROLES.get((message.role or "").strip().lower())
    if told:
        return told
    name = message.name
    if not name:
        return "unknown"
    if name == agent_name:
        return "agent"
    if _VISITOR_NAME.fullmatch(name):
        return "visitor"
    if name in joined:
        first_is_visitor = chat.started_by in ("", "visitor")
        if (name == joined[0]) == first_is_visitor:
            return "visitor"
        if chat.agent_id is not None:
            return "agent"
    return "unknown"
