"""One chat, and the agents, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Participant
from kchat_search.models.search import ChatView
from kchat_search.serialization import schemas
from kchat_search.serialization.links import Links
from kchat_search.serialization.times import known_rfc3339, rfc3339


def chat_json(view: ChatView, zone: ZoneInfo, links: Links, q: str = "") -> schemas.ChatJson:
    """The answer of `GET /api/v1/chats/{id}`. `zone`: of its times; `q`: the query whose matches
    are marked, which the links carry on."""
    return {
        "chat": dict(view.sent),
        "messages": [
            {
                "position": message.position,
                "message_id": message.id,
                "from": speaker,
                "created_at": rfc3339(message.created_at, zone),
                "text": visible_text(message.text),
                "highlights": list(view.highlights.get(message.position, ())),
            }
            for message, speaker in zip(view.chat.messages, view.speakers, strict=True)
        ],
        "agent_name": view.agent_name,
        "participants": participants_json(view.participants),
        "visitor_name": view.visitor_name,
        "version": view.version,
        "digest": view.digest,
        "first_seen_at": known_rfc3339(view.first_seen_at, zone),
        "changed_at": known_rfc3339(view.changed_at, zone),
        "gone_at": rfc3339(view.gone_at, zone),
        "links": links_json(view.chat.id, links, q),
    }


def participants_json(participants: Iterable[Participant]) -> list[schemas.ParticipantJson]:
    """The agents who took part in a chat."""
    return [{"id": one.id, "name": one.name} for one in participants]


def links_json(chat_id: int, links: Links, q: str) -> schemas.LinksJson:
    """Where a chat is: in the API, as a page, at Kchat."""
    return {
        "self": links.chat(chat_id, q),
        "html": links.chat_page(chat_id, q),
        "kchat": links.kchat(chat_id),
    }


def agents_json(names: Mapping[str, str]) -> schemas.AgentsJson:
    """The answer of `GET /api/v1/agents`."""
    return {"agents": [{"id": key, "name": names[key]} for key in sorted(names)]}
