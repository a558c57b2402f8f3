"""Who spoke? This is the one place that answers it, so that two places never guess differently.

The API's table of message fields has a name, but no field says who spoke. Some servers send `role`.
The speaker is what the first of these rules that applies says:

1. the message's `role` («visitor», «agent», «robot»);
2. its name is the name of the chat's agent, as Kchat lists it (`/apiv2/users.json`);
3. its name is one that Kchat gives to visitors («访客5»);
4. its name is the visitor's among the names that joined (`chat.memberjoin`). That is a name that
   Kchat gives to visitors. If there is none, it is the first name that is not the agent's, where
   the agent joined or the visitor started the chat. Otherwise it is the second name, because the
   first is the one who started the chat;
5. its name joined the chat, not as the visitor, and the chat has an agent: then it is an agent (a
   transfer brings several);
6. otherwise the speaker is «unknown».
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from kchat_search.models.chats import Chat, Message, Speaker

_VISITOR_NAME = re.compile(r"访客\s*\d+")
_ROLES: dict[str, Speaker] = {"visitor": "visitor", "agent": "agent", "robot": "robot"}


def agent_name(chat: Chat, agents: Mapping[str, str]) -> str | None:
    """The name of the chat's agent; None where it has none, or the name is not known. `agents`: the
    agents' names by id."""
    return agents.get(chat.agent_id) if chat.agent_id else None


def speakers_of(chat: Chat, agent_name: str | None) -> tuple[Speaker, ...]:
    """Who spoke, message by message. `agent_name`: the name of `chat.agent_id`, or None."""
    agent = (agent_name or "").strip()
    joined = _joined(chat.messages)
    visitor = _visitor(tuple(joined), agent, chat.started_by)
    return tuple(_speaker(chat, message, agent, joined, visitor) for message in chat.messages)


def visitor_name(chat: Chat, speakers: Sequence[Speaker]) -> str | None:
    """The name on the first message by the visitor that has one; None if none has. `speakers`: who
    spoke, message by message."""
    for message, speaker in zip(chat.messages, speakers, strict=True):
        if speaker == "visitor" and message.name:
            return message.name
    return None


def _joined(messages: Sequence[Message]) -> dict[str, None]:
    """The names that joined, in order. A dictionary, because each message looks for its name in it,
    and thousands may join."""
    names = (m.name.strip() for m in messages if m.type == "chat.memberjoin")
    return dict.fromkeys(name for name in names if name)


def _visitor(joined: Sequence[str], agent: str, started_by: str) -> str | None:
    """The visitor's name among those that joined; None where nothing tells it."""
    given_by_kchat = [name for name in joined if _VISITOR_NAME.fullmatch(name)]
    others = [name for name in joined if name != agent]
    visitor_is_first = started_by.strip().lower() in ("", "visitor") or len(others) < len(joined)
    return next(iter(given_by_kchat or others[0 if visitor_is_first else 1 :]), None)


def _speaker(
    chat: Chat, message: Message, agent: str, joined: Container[str], visitor: str | None
) -> Speaker:
    role = _ROLES.get((message.role or "").strip().lower())
    if role:
        return role
    name = message.name.strip()
    if not name:
        return "unknown"
    if name == agent:
        return "agent"
    if name == visitor or _VISITOR_NAME.fullmatch(name):
        return "visitor"
    if name in joined and chat.agent_id is not None:
        return "agent"
    return "unknown"
