"""The port to the archive, the system of record.

The archive has several users. Each protocol here is the part that one of them needs, so a
signature shows what its caller can do:

    StoredChats     read chats and what is known of them: search, export, pages, API
    ChangeQueue     which chats must be indexed: the indexer
    IndexSource     both: what the index is made from and compared with: the indexer, verify
    SyncArchive     what sync saves, and what it decides by
    ArchiveReports  what the service reports of rejects and of syncs
    ArchiveCheck    is everything what was stored: the scrub, repair
    VerifySource    `IndexSource` and `ArchiveCheck`: verify
    Archive         all of them together

An archive may be used from several threads at once. Every method is one transaction and sees one
state of the archive. `iterate` and `every_reject` are the exceptions: they read part by part, and
no transaction stays open between two parts. That of `earlier_versions` ends with the last one.

Everything that is read is checked against its seal. A chat, version or reject that is not what was
stored comes out as one that says so, and the others beside it as always. A damaged cursor, report
or agent's name is left out, as if it had never been saved; `ArchiveCheck.check` names it.

Every method raises `ArchiveError` where the archive can't be read or written. Methods that write
raise `ArchiveFull` where the disk has no room; nothing has changed then. Every time is aware; a
time without a zone raises TypeError.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
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
    Understand,
)
from kchat_search.models.damage import CheckedPart, DamagedRow, Mended
from kchat_search.models.reports import ArchiveCounts, ArchiveFacts, SyncReport, SyncTotals


class StoredChats(Protocol):
    """The archive for whoever reads chats. Nothing here writes."""

    def get(self, chat_ids: Collection[int]) -> dict[int, StoredChat | DamagedRow]:
        """The chats of these ids, by id; ids that the archive does not have are left out.
        Called by search, export, verify, sync, reconcile, the indexer and service."""
        ...

    def iterate(self, after: int = 0, batch: int = 500) -> Iterator[StoredChat | DamagedRow]:
        """All chats with an id above `after`, id ascending, read `batch` chats at a time. Called
        by the indexer for a rebuild, and by verify."""
        ...

    def count_versions(self, chat_id: int) -> int:
        """How many versions of a chat there are; 0 where the archive does not have it. Called by
        service."""
        ...

    def versions(
        self, chat_id: int, number: int | None = None
    ) -> tuple[StoredVersion | DamagedRow, ...]:
        """All versions of a chat, oldest first, the present one last; empty where the archive
        does not have the chat. With `number`, only that one. Numbers are 1, 2, 3 without a gap: a
        version that is missing comes as a `DamagedRow`. Called by service."""
        ...

    def earlier_versions(self, chat_id: int) -> Generator[StoredVersion | DamagedRow, None, None]:
        """The versions before the present one, newest first, each read when it is asked for. One
        that is damaged comes as a `DamagedRow`, one that is missing is left out; one may come
        twice. Called by the indexer and by search, for what was said before."""
        ...

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """(id, revision) of every chat, id ascending, all of one state. Called by the indexer when
        it heals the index, and by verify."""
        ...

    def agents(self) -> dict[str, str]:
        """Names of agents by their ids. Called by search, the indexer and service."""
        ...

    def counts(self) -> ArchiveCounts:
        """Sizes of the archive. Called by the indexer and service."""
        ...

    def cursor(self, name: str) -> dict[str, Any] | None:
        """The cursor of this name; None if it was never saved. Called by sync, and by search for
        the hot questions."""
        ...

    def facts(self, *cursors: str) -> ArchiveFacts:
        """Counts, agents and the cursors of these names, all of one state. Called by search, which
        says them with every answer."""
        ...


class ChangeQueue(Protocol):
    """Which chats must be indexed. The indexer takes entries, writes the index, and removes the
    entries after the engine has committed. So a crash repeats work and loses nothing."""

    def changes(self, limit: int) -> tuple[QueueEntry, ...]:
        """The oldest entries of the queue, at most `limit`, oldest first. Called by the indexer
        and by verify."""
        ...

    def done(self, entries: Collection[QueueEntry]) -> None:
        """Remove these entries. A chat that was queued again since then has a new entry, which
        stays. Called by the indexer, after the engine has committed."""
        ...

    def last_sequence(self) -> int:
        """The highest sequence number in the queue, 0 if it is empty. Called by the indexer before
        a rebuild."""
        ...

    def done_through(self, sequence: int) -> None:
        """Remove all entries up to and with this sequence number. Called by the indexer after a
        rebuild has replaced the index."""
        ...

    def queue(self, chat_ids: Collection[int]) -> None:
        """Queue chats, id ascending. An id that the archive does not have is queued as well: then
        the indexer removes that chat from the index. Called by the indexer when it heals."""
        ...


class IndexSource(StoredChats, ChangeQueue, Protocol):
    """What the index is made from and compared with. For the indexer and verify."""


class SyncArchive(StoredChats, Protocol):
    """What sync saves, and what it decides by."""

    def save(
        self,
        fetched: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        *,
        now: datetime,
        cursor: tuple[str, Mapping[str, Any]] | None = None,
        seen_since: datetime | None = None,
    ) -> SaveReport:
        """Save chats, rejects and the cursor (its name and value), all or nothing. Called by sync.

        A chat with a new digest becomes a new version and is queued for the index, unless it says
        nothing that its stored form does not say (`AddsNothing`). Then, and with the same digest,
        it is only marked as seen. A chat that was understood is no longer a reject. A
        chat that was marked as gone and is seen again loses that mark and is queued. If several
        chats have one id, the last one counts; if a chat and a reject have one id, the chat
        counts. A reject never changes the chat that an earlier fetch understood.

        `seen_since`: a chat that is only to be marked as seen, and was seen since this moment, is
        not written.

        A chat whose columns are damaged is restored, as `ArchiveCheck.restore` says, and counts as
        changed.

        Raises TypeError for a cursor that is not JSON, OverflowError for an id that does not fit
        into 64 bits.
        """
        ...

    def see(self, chat_ids: Collection[int], *, now: datetime) -> None:
        """Kchat still shows these chats: mark them as seen now and not gone. Their content stays
        as it is. Called by sync."""
        ...

    def mark_gone(self, chat_ids: Collection[int], *, now: datetime) -> int:
        """Kchat no longer has these chats: mark and queue them, delete nothing. Rejects of these
        ids are marked too. Returns how many chats were marked by this call. Called by sync."""
        ...

    def mark_rejects_gone(self, unseen_since: datetime, *, now: datetime) -> None:
        """Mark rejects that have no chat id and were last seen before `unseen_since`: the list no
        longer shows them. Nothing is deleted. Called by reconcile."""
        ...

    def drop_reject(self, key: str) -> None:
        """Delete a reject, because it has been understood. Called by reconcile, after its chat was
        saved."""
        ...

    def save_agents(self, names: Mapping[str, str], *, now: datetime) -> None:
        """Add and rename agents; none is deleted. Chats that an agent whose name is new or changed
        may have taken part in are queued, because names decide who spoke. Called by sync."""
        ...

    def save_report(self, report: SyncReport) -> None:
        """Keep the report of a sync, and add it to the totals. Called by sync."""
        ...

    def set_cursor(self, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
        """Save one cursor. Called by sync. Raises TypeError for a value that is not JSON."""
        ...

    def drop_cursors(self, names: Collection[str]) -> None:
        """Forget the cursors of these names; those that were never saved are left out. Called by
        sync."""
        ...

    def highest_id(self) -> int:
        """The highest id of all chats, 0 if there is none. Called by sync."""
        ...

    def newest_created(self) -> datetime | None:
        """The latest `created_at` of all chats, to the second; None if there is none. Called by
        sync."""
        ...

    def states_to_recheck(self, closed_since: datetime, limit: int) -> tuple[ChatState, ...]:
        """Chats that may still change and are not gone, least recently seen first, at most
        `limit`. Those are the open ones (`status` is not «close») and those that ended at or after
        `closed_since`, to the second; a chat without an end counts by its creation. Called by
        sync."""
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
        """Ids of chats that are not gone and were last seen before `moment`. Ids are ascending,
        above `after`, at most `limit`. With `created_since`, only chats created at or after it.
        With `now`, also chats last seen after `now`: the clock was ahead when they were saved.
        Called by reconcile."""
        ...

    def rejected_ids(self, limit: int | None) -> tuple[int, ...]:
        """Ids of rejected chats that Kchat still shows, least recently seen first, at most
        `limit`; None means all. Called by sync."""
        ...

    def every_reject(self) -> Iterator[RejectedChat]:
        """All rejects by key, also those that are gone, read a few at a time. Damaged ones are
        left out. Called by reconcile."""
        ...


class ArchiveReports(Protocol):
    """What the service reports of rejects and of syncs."""

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Rejects: first those that Kchat still shows, then those that are gone; in each group the
        last seen first. Called by service."""
        ...

    def count_rejects(self) -> int:
        """How many rejects there are, also those that are gone. Called by service."""
        ...

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """Reports of the last syncs, newest first. Called by service."""
        ...

    def totals(self) -> dict[str, SyncTotals]:
        """The sums over all syncs, by kind of sync; a kind that never ran is left out. Called by
        service."""
        ...


class ArchiveCheck(Protocol):
    """Is everything in the archive what was stored? And if not, what can be set right."""

    def check(
        self, position: str = "", *, understand: Understand, most_bytes: int = 4_000_000
    ) -> CheckedPart:
        """Check the next part: begin with "", go on with `CheckedPart.next` until that is None.

        Every row is held against its seal, every raw JSON against its SHA-256, every chat's columns
        against what `understand` makes of its raw JSON, versions against 1 to n, every size against
        the rows, and SQLite checks its file. One call reads some `most_bytes` of raw JSON; only the
        check of the file and that of the sizes take as long as they take: some seconds for each
        gigabyte. A position may be kept, also over a restart of the program. What changes between
        two calls is no finding. Called by verify and by the worker, a part each tick.
        """
        ...

    def mend(
        self, findings: Sequence[DamagedRow], *, understand: Understand, now: datetime
    ) -> Mended:
        """Set right what `check` found, as far as that needs no Kchat: columns are computed from
        sound raw JSON, sizes counted, indexes built anew, unreadable parts of the file replaced
        by what of it can be read. What is lost for good (an earlier version, a reject, a cursor,
        an agent's name) is set aside as it is. Nothing that is sound changes.

        Then fetch the chats of `Mended.fetch` and `restore` them. Call `mend` again with what
        `check` finds after that, since sizes are only counted once every row is sound. Called by
        repair, within the indexer's lock.
        """
        ...

    def restore(self, fetched: Sequence[FetchedChat], *, now: datetime) -> tuple[int, ...]:
        """Put what Kchat has now in the place of damaged or missing rows, and queue the chats.
        Returns the ids of those that were restored; chats whose row is sound stay as they are.

        With the digest or the SHA-256 of the row, it is the version that was there. Otherwise it is
        the next one, the damaged row is set aside as it is, and the history says that the version
        before can't be read. `save` does this too for a row whose columns are damaged; damage of
        the raw JSON alone it does not see. Called by repair, within the indexer's lock.
        """
        ...


class VerifySource(IndexSource, ArchiveCheck, Protocol):
    """What verify compares with the index, and checks itself."""


class Archive(VerifySource, SyncArchive, ArchiveReports, Protocol):
    """The whole system of record. The service holds it and hands its parts on."""

    def close(self) -> None:
        """Give back connections. Called by service."""
        ...
