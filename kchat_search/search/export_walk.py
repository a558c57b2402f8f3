"""The walk of an export: every hit, in one order, as whole chats.

The engine gives the ids of all hits in one answer, before the first chat is read. A million ids
take 8 MB. A cursor would take less memory, but it would search again for every batch. Then a chat
that changes during the walk could be lost, a chat that is added could appear although nobody
counted it, and a search of 0.2 seconds would be repeated ten thousand times.

Invariant: each id gives one chat, or an `AbsentChat`, or a `DamagedRow`, in the order of the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kchat_search.chats.former import FormerMessage
from kchat_search.chats.history import History
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import DamagedRow
from kchat_search.models.reports import Coverage
from kchat_search.models.search import ChatView
from kchat_search.ports import StoredChats

BATCH = 100
"""Chats that are read at once. No more are in memory."""


@dataclass(frozen=True, slots=True)
class AbsentChat:
    """A hit that was erased from the archive after the export began.

    The export names it, so that its absence is no mistake of the export."""

    id: int


@dataclass(frozen=True, slots=True)
class ChatWithPast:
    """A chat as it is now, and what it said before: of an export with `history`."""

    view: ChatView
    former: tuple[FormerMessage, ...]
    """What the chat does not say any more, newest first."""
    history: History
    """All its versions, which are read as they are needed."""


Exported = ChatView | ChatWithPast | AbsentChat | DamagedRow
"""One item of an export. A chat that is damaged in the archive is named in its place."""


@dataclass(frozen=True, slots=True)
class Export:
    """Every hit of a search."""

    total: int
    """How many items `chats` gives, exactly."""
    coverage: Coverage
    """Did the search cover every chat, when the hits were looked up?"""
    chats: Iterator[Exported]
    """Each chat is read when the walk reaches it, and is as the archive has it at that moment."""
    history: bool = False
    """Did the search look into earlier versions? Then the chats come with theirs."""


def walk(
    archive: StoredChats,
    ids: Sequence[int],
    view: Callable[[StoredChat], ChatView | ChatWithPast],
    before_batch: Callable[[], None] = lambda: None,
) -> Iterator[Exported]:
    """The chats with these ids, in this order. `view` makes of a stored chat what is shown of it.
    No transaction is open while the caller works on a chat. `before_batch` is called before more
    chats are read, and raises where no more may be.

    Raises `ArchiveError`, at any step of the walk, where the archive cannot be read.
    """
    for start in range(0, len(ids), BATCH):
        before_batch()
        batch = ids[start : start + BATCH]
        stored_chats = archive.get(batch)
        for chat_id in batch:
            stored = stored_chats.pop(chat_id, None)
            if isinstance(stored, DamagedRow):
                yield stored
            else:
                yield AbsentChat(chat_id) if stored is None else view(stored)
