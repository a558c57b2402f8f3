"""An export: every hit, in one order, whole chats.

The ids of all hits are taken from one answer of the engine, 8 bytes each, before the first chat is
read. A cursor would hold less, but it looks anew for every batch: a chat that changes meanwhile
moves out of its way and is lost, one that is added comes though nobody counted it, and a
search of 0.2 seconds is paid ten thousand times. A million ids are 8 MB.

Invariant: each id gives one chat, or the word that it is absent; in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kchat_search.models.chats import StoredChat
from kchat_search.models.reports import Coverage
from kchat_search.models.search import ChatView
from kchat_search.ports import StoredChats

BATCH = 100
"""Chats that are read at once, and so the most that are in memory."""


@dataclass(frozen=True, slots=True)
class AbsentChat:
    """A hit that the archive does not have when its turn comes: it was erased after the export
    began. It is told, so that nobody takes the export for one that lost it."""

    id: int


@dataclass(frozen=True, slots=True)
class Export:
    """Every hit of a search."""

    total: int
    """How many `chats` gives, exactly."""
    coverage: Coverage
    """Was it everything, when the hits were looked up?"""
    chats: Iterator[ChatView | AbsentChat]
    """Read while it is walked: each chat is as the archive has it in that moment."""


def walk(
    archive: StoredChats, ids: Sequence[int], view: Callable[[StoredChat], ChatView]
) -> Iterator[ChatView | AbsentChat]:
    """The chats of these ids, in this order. No transaction is open while a caller works.

    Raises `ArchiveError` wherever the archive can't be read.
    """
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        stored = archive.get(part)
        for chat_id in part:
            found = stored.pop(chat_id, None)
            yield AbsentChat(chat_id) if found is None else view(found)
