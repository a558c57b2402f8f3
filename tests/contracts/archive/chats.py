"""Chats, rejects and moments for tests of archives."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kchat_search.models.chats import Chat, FetchedChat, RejectedChat

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """The moment so many minutes after `START`."""
    return START + timedelta(minutes=minutes)


def fetched(chat_id: int, text: str = "你好", **fields: Any) -> FetchedChat:
    """A chat as Kchat sent it. Another `text` or another field gives another digest."""
    chat_fields: dict[str, Any] = {
        "id": chat_id,
        "type": "chat",
        "started_by": "visitor",
        "status": "close",
        "agent_id": "2192",
        "rating": None,
        "visitor_id": "547",
        "user_id": None,
        "created_at": START,
        "assigned_at": None,
        "end_at": None,
        "messages": (),
        **fields,
    }
    raw = json.dumps({"text": text, **chat_fields}, default=str)
    digest = hashlib.sha256(raw.encode()).hexdigest()
    return FetchedChat(Chat(**chat_fields), raw, digest, has_messages=True)


def rejected(key: str, chat_id: int | None = None, reason: str = "no id") -> RejectedChat:
    """A chat that could not be understood."""
    return RejectedChat(key, chat_id, '{"odd": 1}', reason)
