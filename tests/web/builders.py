"""Builds chats and messages by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from kchat_search.models.chats import Chat, Message


def message(text: str, name: str = "访客5", **values: Any) -> Message:
    """A message. `chat` gives it an id and a position."""
    known: dict[str, Any] = {
        "id": None,
        "position": 0,
        "type": "chat.msg",
        "role": "agent" if name in ("李雷", "韩梅梅") else "visitor",
        "created_at": None,
    }
    return Message(name=name, text=text, **(known | values))


def chat(number: int, messages: Iterable[Message], **values: Any) -> Chat:
    """A chat of 62 minutes. Its messages come every 20 seconds; their ids are `number * 1000 +
    position`."""
    created = values.pop("created_at", datetime(2015, 4, 25, 0, 4, 12, tzinfo=UTC))
    placed = tuple(
        one._replace(
            position=position,
            id=one.id if one.id is not None else number * 1000 + position,
            created_at=one.created_at or (created and created + timedelta(seconds=20 * position)),
        )
        for position, one in enumerate(messages)
    )
    known: dict[str, Any] = {
        "type": "chat",
        "started_by": "visitor",
        "status": "close",
        "agent_id": "2192",
        "rating": "1",
        "visitor_id": "547",
        "user_id": "45190",
        "assigned_at": created,
        "end_at": created and created + timedelta(hours=1, minutes=2),
    }
    return Chat(id=number, created_at=created, messages=placed, **(known | values))
