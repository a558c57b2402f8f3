"""The columns of a chat's row, from the chat: what sync decides by, without reading raw JSON."""

from __future__ import annotations

from kchat_search.archive.column_conversion import second_in, storable_row
from kchat_search.archive.sealed_rows import Row
from kchat_search.databases.column_values import storable
from kchat_search.models.chats import FetchedChat


def chat_row(
    item: FetchedChat, version: int, first_seen_at: int, changed_at: int, seen_at: int
) -> Row:
    """The row of a chat that Kchat shows now, without the seal. Times are microseconds."""
    return {
        **storable_row(
            id=item.chat.id,
            version=version,
            **derived(item),
            first_seen_at=first_seen_at,
            changed_at=changed_at,
            seen_at=seen_at,
            gone_at=None,
        ),
        "raw": item.raw,  # ASCII, so it can be stored as it is
        "sha256": item.sha256,
    }


def derived(item: FetchedChat) -> Row:
    """The columns that are computed from the chat's raw JSON."""
    chat = item.chat
    created_at, end_at = second_in(chat.created_at), second_in(chat.end_at)
    return {
        "digest": storable(item.digest),
        "created_at": created_at,
        "end_at": end_at,
        "active_at": created_at if end_at is None else end_at,
        "status": storable(chat.status),
        "agent_id": None if chat.agent_id is None else storable(chat.agent_id),
        "visitor_id": None if chat.visitor_id is None else storable(chat.visitor_id),
    }
