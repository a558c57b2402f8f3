"""Who spoke? This is the one place that answers it, so that two places never guess differently.

The API's table of message fields has a name, but no field says who spoke. Some servers send `role`
or `user_id`. The speaker is what the first of these rules that applies says:

1. the message's `role` («visitor», «agent», «robot»);
2. its `user_id` is an agent's: the chat's, or one that Kchat lists (`/apiv2/users.json`); or it is
   that of the chat's user, who is the visitor, whatever they call themselves;
3. its name is the name of the chat's agent, as Kchat lists it;
4. its name is one that Kchat gives to visitors («访客5»);
5. its name is the visitor's among the names that joined (`chat.memberjoin`). That is a name that
   Kchat gives to visitors. If there is none, it is the first name that is no agent's, where
   an agent joined or the visitor started the chat. Otherwise it is the second name, because the
   first is the one who started the chat;
6. its name is that of any agent whom Kchat lists: a chat that was handed over has several;
7. its name joined the chat, not as the visitor, and the chat has an agent: then it is an agent;
8. otherwise the speaker is «unknown».
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kchat_search.models.chats import Chat, Message, Speaker

_VISITOR_NAME = re.compile(r"访客\s*\d+")
_ROLES: dict[str, Speaker] = {"visitor": "visitor", "agent": "agent", "robot": "robot"}


@dataclass(frozen=True)
class KnownAgents:
    """The agents whom Kchat lists."""

    names: Mapping[str, str]
    """Their names by id."""

    @cached_property
    def ids(self) -> Mapping[str, str | None]:
        """Their ids by name, without blanks around it; None where several have the name."""
        ids: dict[str, str | None] = {}
        for agent_id, name in self.names.items():
            if stripped := name.strip():
                ids[stripped] = None if stripped in ids else agent_id
        return ids


NO_AGENTS = KnownAgents({})


def agent_name(chat: Chat, agents: Mapping[str, str]) -> str | None:
    """The name of the chat's agent; None where it has none, or the name is not known. `agents`: the
    agents' names by id."""
    return agents.get(chat.agent_id) if chat.agent_id else None


def speakers_of(chat: Chat, agents: KnownAgents) -> tuple[Speaker, ...]:
    """Who spoke, message by message."""
    agent = (agent_name(chat, agents.names) or "").strip()
    joined = _joined(chat.messages)
    names = _Names(agent, joined, _visitor(tuple(joined), agent, agents, chat.started_by))
    return tuple(_speaker(message, chat, agents, names) for message in chat.messages)


def is_given_by_kchat(name: str) -> bool:
    """Is it a name that Kchat gives to visitors: «访客5»?"""
    return _VISITOR_NAME.fullmatch(name) is not None


def is_said(message: Message) -> bool:
    """Did somebody say this, or send a file with it? A message of people (`chat.msg`) was said even
    if it is empty. An event without text, such as that somebody joined, was not."""
    return bool(message.text) or message.upload is not None or message.type == "chat.msg"


def visitor_name(chat: Chat, speakers: Sequence[Speaker]) -> str | None:
    """The name on the first message by the visitor that has one; None if none has. `speakers`: who
    spoke, message by message."""
    for message, speaker in zip(chat.messages, speakers, strict=True):
        if speaker == "visitor" and message.name:
            return message.name
    return None


class _Names(NamedTuple):
    """The names that tell who spoke in a chat, without blanks around them."""

    agent: str
    """Of the chat's agent; "" where it is not known."""
    joined: Container[str]
    visitor: str | None


def _joined(messages: Sequence[Message]) -> dict[str, None]:
    """The names that joined, in order. A dictionary, because each message looks for its name in it,
    and thousands may join."""
    names = (m.name.strip() for m in messages if m.type == "chat.memberjoin")
    return dict.fromkeys(name for name in names if name)


def _visitor(joined: Sequence[str], agent: str, agents: KnownAgents, started_by: str) -> str | None:
    """The visitor's name among those that joined; None where nothing tells it."""
    given_by_kchat = [name for name in joined if is_given_by_kchat(name)]
    if given_by_kchat:
        return given_by_kchat[0]
    others = [name for name in joined if name != agent and name not in agents.ids]
    # A visitor may be called like an agent who was not there.
    others = others or [name for name in joined if name != agent]
    visitor_is_first = started_by.strip().lower() in ("", "visitor") or len(others) < len(joined)
    return next(iter(others[0 if visitor_is_first else 1 :]), None)


def _speaker(message: Message, chat: Chat, agents: KnownAgents, names: _Names) -> Speaker:
    role = _ROLES.get((message.role or "").strip().lower())
    if role:
        return role
    if is_agent_id(message.user_id, chat, agents):
        return "agent"
    if message.user_id is not None and message.user_id == chat.user_id:
        return "visitor"
    name = message.name.strip()
    if not name:
        return "unknown"
    if name == names.agent:
        return "agent"
    if name == names.visitor or is_given_by_kchat(name):
        return "visitor"
    if name in agents.ids or (name in names.joined and chat.agent_id is not None):
        return "agent"
    return "unknown"


def is_agent_id(user_id: str | None, chat: Chat, agents: KnownAgents) -> bool:
    """Is this the id of an agent: of the chat's, or of one whom Kchat lists?"""
    return user_id is not None and (user_id == chat.agent_id or user_id in agents.names)
