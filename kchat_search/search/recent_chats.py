"""A cache of the chats that were shown last, as they were read.

People turn pages, go back and refine a query, so the same chats are shown again soon. Reading
chats is a third of the time of a search.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from cachetools import LRUCache

from kchat_search.chats.masked_transcript import CoveredTranscript, MaskedTranscript
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.models.chats import StoredChat
from kchat_search.models.people import Viewer

MAX_CHARACTERS = 8 << 20
"""Of the raw JSON of all that are kept: some 4,000 chats with twelve messages each. As they were
read, they take ten times as much, some 80 MB."""
MAX_CHAT_CHARACTERS = MAX_CHARACTERS // 16
"""A chat with more characters of raw JSON is not kept: a few would drive out all others."""

_Key = tuple[int, int, str, bool, bool]


class _Kept(NamedTuple):
    transcript: Transcript
    size: int
    """Characters of its raw JSON."""


class RecentChats:
    """Reads stored chats, and keeps the last of them. Safe to share between threads."""

    def __init__(self, chat_reader: ChatReader) -> None:
        self._chat_reader = chat_reader
        self._cache: LRUCache[_Key, _Kept] = LRUCache(MAX_CHARACTERS, lambda kept: kept.size)
        self._lock = threading.Lock()

    def read(self, stored: StoredChat, agents: Mapping[str, str], viewer: Viewer) -> Transcript:
        """The chat as it is now in the archive, as the viewer may read it. `agents`: the agents'
        names by id.

        A chat is read again where agents have other names than before, because names tell who
        spoke. Raises as `ChatReader.read`.
        """
        # Each way to see a chat is kept apart. What the ways have in common depends on the chat.
        key = (stored.id, stored.version, stored.digest, viewer.shows_numbers, viewer.sight.masked)
        with self._lock:
            kept = self._cache.get(key)
        if kept is not None:
            cached = kept.transcript
            if cached.agents.names == agents:
                return cached
        transcript = as_seen(self._chat_reader.read(stored.raw, agents), viewer)
        size = len(stored.raw)
        if size <= MAX_CHAT_CHARACTERS:
            with self._lock:
                self._cache[key] = _Kept(transcript, size)
        return transcript


def as_seen(transcript: Transcript, viewer: Viewer) -> Transcript:
    """A chat as the viewer may read it: as it is; covered, where the viewer may know the numbers
    and a page does not show them; or masked."""
    if viewer.shows_numbers:
        return transcript
    return (MaskedTranscript if viewer.sight.masked else CoveredTranscript).of(transcript)
