"""The chats that a demo server holds.

Invariants: a chat in the store is never changed in place, only replaced, so an answer that is being
written is always consistent. An id is never used twice, not even after a deletion.
"""

from __future__ import annotations

import bisect
import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_FAR = 1_000_000
"""Message ids of events begin so far above all others. The timeline goes on counting from its own
last id and should not reach them."""


class Store:
    """Chats by id. Safe to use from any thread. Hold `lock` to change what was read."""

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
        """Add a copy of a chat, or replace the chat with its id."""
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
        """`put`, except for a chat that an event changed: the timeline must not undo the event."""
        with self.lock:
            if int(chat["id"]) not in self._settled:
                self.put(chat)

    def settle(self, chat_id: int) -> None:
        """From now on, the timeline no longer changes the chat with this id, or its absence."""
        with self.lock:
            self._settled.add(chat_id)

    def delete(self, chat_id: int) -> None:
        """Remove a chat. Raises KeyError if there is none with this id."""
        with self.lock:
            del self._chats[chat_id]
            del self._ids[bisect.bisect_left(self._ids, chat_id)]
            self._in_order = None

    def get(self, chat_id: int) -> Json | None:
        """The chat with this id. The caller must not change it."""
        return self._chats.get(chat_id)

    def chats(self) -> Sequence[Json]:
        """All chats, ascending by id. The caller must not change them."""
        with self.lock:
            if self._in_order is None:
                self._in_order = tuple(self._chats[key] for key in self._ids)
            return self._in_order

    def first_id(self) -> int | None:
        """The lowest id. None without chats."""
        with self.lock:
            return self._ids[0] if self._ids else None

    @property
    def last_chat_id(self) -> int:
        """The highest id that a chat ever had in this store. 0 if there never was a chat."""
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
    ids = [message.get("id") for message in messages if isinstance(message, dict)]
    return [message_id for message_id in ids if type(message_id) is int]
