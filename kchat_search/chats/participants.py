"""Who took part in a chat, and who said each message: keys that the index has and queries ask for.

An agent is known by id where one can be told: by the message's `user_id` where that is an agent's,
else by the name on it where exactly one agent has it. Otherwise the name itself stands for the
agent. So an agent is found in the chats that were handed over too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from kchat_search.chats.speakers import KnownAgents, is_agent_id, is_given_by_kchat, is_said
from kchat_search.models.chats import Chat, Message, Participant, Speaker
from kchat_search.text.fold import fold

_MAX_CACHED_NAME = 64
"""Characters."""


class People(NamedTuple):
    """Who took part in a chat."""

    participants: tuple[Participant, ...]
    """The agents: first the one in charge, then all who said something, in order."""
    visitor_names: tuple[str, ...]
    """The names on the visitor's messages, each once, in order."""
    senders: tuple[str, ...]
    """Who said each message: `sender_of_agent` for an agent whose id is known, else
    `sender_of_name`; "" where nothing tells it."""


def people_of(chat: Chat, speakers: Sequence[Speaker], agents: KnownAgents) -> People:
    """Who took part. `speakers`: who spoke, message by message."""
    participants: dict[str, Participant] = {}
    if chat.agent_id:
        participants[chat.agent_id] = Participant(chat.agent_id, agents.names.get(chat.agent_id))
    senders: list[str] = []
    by_name: dict[tuple[Speaker, str, str | None], tuple[str, Participant | None, str]] = {}
    for message, speaker in zip(chat.messages, speakers, strict=True):
        known = by_name.get(key := (speaker, message.name, message.user_id))
        if known is None:
            agent = _agent(message, chat, agents) if speaker == "agent" else None
            agent_id = None if agent is None else agent.id
            sender = sender_of_agent(agent_id) if agent_id else sender_of_name(message.name)
            known = by_name[key] = sender, agent, "" if agent is None else agent.value
        senders.append(known[0])
        _, agent, value = known
        if agent is not None and value not in participants and is_said(message):
            participants[value] = agent
    names = (name.strip() for speaker, name, _ in by_name if speaker == "visitor")
    return People(
        tuple(participants.values()),
        tuple(dict.fromkeys(name for name in names if name)),
        tuple(senders),
    )


def sender_of_agent(agent_id: str) -> str:
    """The sender key of the agent with this id."""
    return "#" + agent_id


def sender_of_name(name: str) -> str:
    """The sender key of whoever is called so and is known by no id."""
    folded = folded_name(name)
    # So no name is an agent's key, whatever a visitor calls themselves.
    return " " + folded if folded.startswith("#") else folded


def names_as_text(visitor_names: Sequence[str]) -> dict[str, str]:
    """By folded form, the names of a visitor that are searched as text. One that Kchat has given is
    none: its number would be found by whoever looks for a number."""
    names = {folded_name(name): name for name in visitor_names}
    return {folded: name for folded, name in names.items() if not is_given_by_kchat(folded)}


def folded_name(name: str) -> str:
    """A name in the form in which names are compared."""
    return _folded_short_name(name) if len(name) <= _MAX_CACHED_NAME else fold(name).strip()


@lru_cache(4_096)
def _folded_short_name(name: str) -> str:
    return fold(name).strip()


def _agent(message: Message, chat: Chat, agents: KnownAgents) -> Participant | None:
    """The agent who said it; None where neither an id nor a name tells which."""
    name = message.name.strip()
    is_id = is_agent_id(message.user_id, chat, agents)
    agent_id = message.user_id if is_id else agents.ids.get(name)
    if agent_id:
        return Participant(agent_id, agents.names.get(agent_id))
    return Participant(None, name) if name else None
