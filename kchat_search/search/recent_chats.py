"""A cache of the chats that were shown last, as they were read.

People turn pages, go back and refine a query, so the same chats are shown again soon. Reading
chats is a third of the time of a search.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from cachetools import LRUCache

from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.chats.speakers import agent_name
from kchat_search.models.chats import StoredChat

MAX_CHATS = 4_096
"""With twelve messages each, these take some 80 MB."""
MAX_CHARACTERS = 16_384
"""A chat with more characters of raw JSON is not kept."""

_Key = tuple[int, int, str]


class RecentChats:
    """Reads stored chats, and keeps the last `MAX_CHATS`. Safe to share between threads."""

    def __init__(self, chat_reader: ChatReader) -> None:
        self._chat_reader = chat_reader
        self._cache: LRUCache[_Key, Transcript] = LRUCache(MAX_CHATS)
        self._lock = threading.Lock()

    def read(self, stored: StoredChat, agents: Mapping[str, str]) -> Transcript:
        """The chat as it is now in the archive. `agents`: the agents' names by id.

        A chat is read again where its agent has another name than before, because the name tells
        who spoke. Raises as `ChatReader.read`.
        """
        key = (stored.id, stored.version, stored.digest)
        with self._lock:
            cached = self._cache.get(key)
        if cached is not None and cached.agent_name == agent_name(cached.chat, agents):
            return cached
        transcript = self._chat_reader.read(stored.raw, agents)
        if len(stored.raw) <= MAX_CHARACTERS:
            with self._lock:
                self._cache[key] = transcript
        return transcript
