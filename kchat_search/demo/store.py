"""The chats that a demo server holds.

The invariant: a chat in the store is never changed in place, only replaced, so that an answer
being written is never torn. Ids are never given twice, not even after a deletion.
"""

from __future__ import annotations

import bisect
import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_FAR = 1_000_000
"""So far above all others begin the ids of messages that events make: life goes on counting
where it was, and should not come to them."""


class Store:
    """Chats by id. Safe to use from any thread; hold `lock` to change what was read."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._chats: dict[int, Json] = {}
        self._ids: list[int] = []
        self._in_order: tuple[Json, ...] | None = None
        self._settled: set[int] = set()
        self._last_chat_id = 0
        self._last_message_id = 0
        self._last_given_message_id: int | None = None

    def put(self, chat: Mapping[str, Any]) -> None:
        """Add a copy of a chat, or replace the one with its id."""
        own = copy.deepcopy(dict(chat))
        key = int(own["id"])
        with self.lock:
            if key not in self._chats:
                bisect.insort(self._ids, key)
            self._chats[key] = own
            self._in_order = None
            self._last_chat_id = max(self._last_chat_id, key)
            self._last_message_id = max([self._last_message_id, *_message_ids(own)])

    def put_from_timeline(self, chat: Mapping[str, Any]) -> None:
        """`put`, but for a chat that events have settled: life does not undo what they did."""
        with self.lock:
            if int(chat["id"]) not in self._settled:
                self.put(chat)

    def settle(self, chat_id: int) -> None:
        """From now on the chat with this id, or its absence, is no longer life's."""
        with self.lock:
            self._settled.add(chat_id)

    def delete(self, chat_id: int) -> None:
        """Remove a chat. Raises KeyError if there is none."""
        with self.lock:
            del self._chats[chat_id]
            del self._ids[bisect.bisect_left(self._ids, chat_id)]
            self._in_order = None

    def get(self, chat_id: int) -> Json | None:
        """The chat with this id. Read it, do not change it."""
        return self._chats.get(chat_id)

    def chats(self) -> Sequence[Json]:
        """All chats, ascending by id. Read them, do not change them."""
        with self.lock:
            if self._in_order is None:
                self._in_order = tuple(self._chats[key] for key in self._ids)
            return self._in_order

    def first_id(self) -> int | None:
        """The lowest id."""
        with self.lock:
            return self._ids[0] if self._ids else None

    @property
    def last_chat_id(self) -> int:
        """The highest id that a chat ever had here; 0 if there never was one."""
        return self._last_chat_id

    def new_message_id(self) -> int:
        """An id that no message has had."""
        with self.lock:
            if self._last_given_message_id is None:
                self._last_given_message_id = self._last_message_id + _FAR
            self._last_given_message_id = 1 + max(
                self._last_given_message_id, self._last_message_id
            )
            return self._last_given_message_id


def _message_ids(chat: Json) -> list[int]:
    messages = chat.get("messages")
    if not isinstance(messages, list):
        return []
    found = [message.get("id") for message in messages if isinstance(message, dict)]
    return [message_id for message_id in found if type(message_id) is int]
