"""The port to the system of record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from kchat_search.models.chats import (
    ChatState,
    FetchedChat,
    QueueEntry,
    RejectedChat,
    SaveReport,
    StoredChat,
    StoredReject,
    StoredVersion,
)
from kchat_search.models.reports import ArchiveCounts, ArchiveFacts, SyncReport, SyncTotals


class Archive(Protocol):
    """The system of record. Every method is one transaction, or reads one state.

    Every method raises `ArchiveError`; those that write, `ArchiveFull`.
    """

    def save(
        self,
        fetched: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        *,
        now: datetime,
        cursor: tuple[str, Mapping[str, Any]] | None = None,
    ) -> SaveReport:
        """Keep chats, rejects and the cursor, all or nothing. Called by sync.

        A chat with a new digest becomes a new version and is queued for the index; one with the
        same digest is only seen again. A chat that parses is no reject any more, and a vanished
        chat that is seen is vanished no more (and is queued). The last of several chats with
        one id wins. A reject never touches the chat that an earlier version was understood as.
        """
        ...

    def see(self, chat_ids: Collection[int], *, now: datetime) -> None:
        """Kchat shows these chats still: they are seen now, and vanished no more; nothing new of
        them is kept. Called by sync."""
        ...

    def mark_gone(self, chat_ids: Collection[int], *, now: datetime) -> int:
        """Kchat has these no more: mark and queue them, drop nothing; how many chats were marked
        now. Rejects of these ids are marked too. Called by sync."""
        ...

    def mark_rejects_gone(self, unseen_since: datetime, *, now: datetime) -> None:
        """Rejects that have no chat's id and were last seen before that moment are not listed any
        more: mark them, drop nothing. Called by reconcile."""
        ...

    def get(self, chat_ids: Collection[int]) -> dict[int, StoredChat]:
        """Those of the chats that are there. Called by search, sync, service."""
        ...

    def iterate(self, after: int = 0, batch: int = 500) -> Iterator[StoredChat]:
        """All chats with an id above `after`, id ascending, read batch by batch (no transaction
        stays open between them). Called by reindex and verify."""
        ...

    def versions(self, chat_id: int) -> tuple[StoredVersion, ...]:
        """All versions of a chat, oldest first, the present one last. Called by service."""
        ...

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """(id, revision) of every chat, id ascending. Called by sync, verify."""
        ...

    def ids_not_seen_since(
        self,
        moment: datetime,
        *,
        after: int = 0,
        limit: int | None = None,
        created_since: datetime | None = None,
        now: datetime | None = None,
    ) -> tuple[int, ...]:
        """Chats, not yet marked as gone, that were last seen before `moment`, with an id above
        `after`, ascending, at most `limit`; with `created_since`, those created since then; with
        `now`, also those last seen after it, which a clock that was ahead says.
        Called by reconcile."""
        ...

    def highest_id(self) -> int:
        """The highest id of all chats, 0 without any. Called by sync."""
        ...

    def cursor(self, name: str) -> dict[str, Any] | None:
        """A saved cursor. Called by sync, service."""
        ...

    def set_cursor(self, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
        """Save a cursor by itself. Called by sync."""
        ...

    def newest_created(self) -> datetime | None:
        """The latest `created_at` of all chats. Called by sync."""
        ...

    def states_to_recheck(self, closed_since: datetime, limit: int) -> tuple[ChatState, ...]:
        """Chats, not gone, that are not closed (`status` other than «close») or ended (for want
        of an end: were created) at or after `closed_since`; least recently seen first.
        Called by sync."""
        ...

    def changes(self, limit: int) -> tuple[QueueEntry, ...]:
        """The head of the change queue, oldest first. Called by the indexer."""
        ...

    def done(self, changes: Collection[QueueEntry]) -> None:
        """Take these off the queue; an entry that was queued anew since stays. Called by the
        indexer, after the engine has committed."""
        ...

    def last_sequence(self) -> int:
        """The highest sequence number in the queue, 0 if it is empty. Called by reindex."""
        ...

    def done_through(self, sequence: int) -> None:
        """Take all entries up to this number off the queue. Called by reindex after the swap."""
        ...

    def queue(self, chat_ids: Collection[int]) -> None:
        """Queue chats for the index. Called by the indexer when it heals."""
        ...

    def agents(self) -> dict[str, str]:
        """Agents' names by id. Called by search, sync, service."""
        ...

    def save_agents(self, names: Mapping[str, str], *, now: datetime) -> None:
        """Add and rename agents (none is dropped), and queue the chats of those whose name is
        new or changed, since who spoke is told by it. Called by sync."""
        ...

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Rejects, those that Kchat still shows before the others, last seen first. Called by
        service."""
        ...

    def count_rejects(self) -> int:
        """How many rejects there are, gone ones too. Called by service."""
        ...

    def rejected_ids(self, limit: int | None) -> tuple[int, ...]:
        """Chats that could not be understood and that Kchat still has, least recently seen first;
        None: all. Called by sync."""
        ...

    def every_reject(self) -> Iterator[RejectedChat]:
        """All rejects, gone ones too, read a few at a time. Called by reconcile."""
        ...

    def drop_reject(self, key: str) -> None:
        """This one was understood after all. Called by reconcile, once the chat is archived."""
        ...

    def counts(self) -> ArchiveCounts:
        """Sizes. Called by search, service."""
        ...

    def facts(self, *cursors: str) -> ArchiveFacts:
        """Counts, agents and these cursors, read at once. Called by search."""
        ...

    def save_report(self, report: SyncReport) -> None:
        """Keep what a sync did, and add it to the totals. Called by sync."""
        ...

    def totals(self) -> dict[str, SyncTotals]:
        """What all syncs did together, by kind; without the kinds that never were. Called by
        service."""
        ...

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """What the last syncs did, newest first. Called by service."""
        ...

    def close(self) -> None:
        """Give back connections. Called by service."""
        ...
