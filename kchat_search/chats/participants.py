"""Who took part in a chat, and who said each message: keys that the index has and queries ask for.

An agent is known by id where one can be told: by the message's `user_id` where that is an agent's,
else by the name on it where exactly one agent has it. Otherwise the name itself stands for the
agent. So an agent is found in the chats that were handed over too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kchat_search.chats.speakers import KnownAgents, is_agent_id, is_said
from kchat_search.models.chats import Chat, Message, Participant, Speaker
from kchat_search.text.fold import fold

_MAX_CACHED_NAME = 64
"""Characters."""


def participants_of(
    chat: Chat, speakers: Sequence[Speaker], agents: KnownAgents
) -> tuple[Participant, ...]:
    """The agents who took part: first the one in charge, then all who said something, in order.

    `speakers`: who spoke, message by message.
    """
    found: dict[str, Participant] = {}
    if chat.agent_id:
        found[chat.agent_id] = Participant(chat.agent_id, agents.names.get(chat.agent_id))
    for message, speaker in zip(chat.messages, speakers, strict=True):
        if speaker == "agent" and is_said(message):
            agent_id = _agent_id(message, chat, agents)
            name = agents.names.get(agent_id) if agent_id else message.name.strip()
            if agent_id or name:
                participant = Participant(agent_id, name)
                found.setdefault(participant.value, participant)
    return tuple(found.values())


def senders_of(chat: Chat, speakers: Sequence[Speaker], agents: KnownAgents) -> tuple[str, ...]:
    """Who said each message: `sender_of_agent` for an agent whose id is known, else
    `sender_of_name`; "" where nothing tells it."""
    senders = []
    for message, speaker in zip(chat.messages, speakers, strict=True):
        agent_id = _agent_id(message, chat, agents) if speaker == "agent" else None
        senders.append(sender_of_agent(agent_id) if agent_id else sender_of_name(message.name))
    return tuple(senders)


def sender_of_agent(agent_id: str) -> str:
    """The sender key of the agent with this id."""
    return "#" + agent_id


def sender_of_name(name: str) -> str:
    """The sender key of whoever is called so and is known by no id."""
    folded = folded_name(name)
    # So no name is an agent's key, whatever a visitor calls themselves.
    return " " + folded if folded.startswith("#") else folded


def folded_name(name: str) -> str:
    """A name in the form in which names are compared."""
    return _folded_short_name(name) if len(name) <= _MAX_CACHED_NAME else fold(name).strip()


@lru_cache(4_096)
def _folded_short_name(name: str) -> str:
    return fold(name).strip()


def _agent_id(message: Message, chat: Chat, agents: KnownAgents) -> str | None:
    if is_agent_id(message.user_id, chat, agents):
        return message.user_id
    return agents.ids.get(message.name.strip())
