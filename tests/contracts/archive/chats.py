"""Chats, rejects and moments for tests of archives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kchat_search.models.chats import (
    Chat,
    FetchedChat,
    RejectedChat,
    StoredChat,
    StoredVersion,
)
from kchat_search.ports import StoredChats

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


def stored(archive: StoredChats, chat_id: int) -> StoredChat:
    """A chat of the archive, which is sound."""
    chat = archive.get([chat_id])[chat_id]
    assert isinstance(chat, StoredChat), chat
    return chat


def all_stored(archive: StoredChats, after: int = 0, batch: int = 500) -> Iterator[StoredChat]:
    """All chats of the archive, which are sound."""
    for chat in archive.iterate(after, batch):
        assert isinstance(chat, StoredChat), chat
        yield chat


def stored_versions(archive: StoredChats, chat_id: int) -> list[StoredVersion]:
    """The versions of a chat, which are sound."""
    versions = archive.versions(chat_id)
    sound = [version for version in versions if isinstance(version, StoredVersion)]
    assert len(sound) == len(versions)
    return sound


def rejected(key: str, chat_id: int | None = None, reason: str = "no id") -> RejectedChat:
    """A chat that could not be understood."""
    return RejectedChat(key, chat_id, '{"odd": 1}', reason)
