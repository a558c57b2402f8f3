"""`SqlArchive`: the ports of `kchat_search.ports.archive`, on SQLite or PostgreSQL.

It opens transactions and checks ids; what happens inside a transaction is in the file of its
topic. Invariant: each method is one transaction. Only `iterate` and `every_reject` are several,
one for each part that they read; no transaction stays open while a caller works with that part.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from kchat_search.archive import (
    agent_names,
    change_queue,
    checking,
    mending,
    recheck_queries,
    reject_list,
    salvage,
    saving,
    stored_chats,
    sync_state,
    tally,
)
from kchat_search.archive.column_conversion import storable_ids
from kchat_search.archive.election import DatabaseElection, Fence
from kchat_search.archive.error_translation import archive_errors
from kchat_search.databases.connections import reading, writing
from kchat_search.models.chats import (
    AddsNothing,
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

_REJECTS_AT_ONCE = 20  # a raw form may be megabytes


class SqlArchive:
    """The archive in a database. `open_archive` makes it. Several threads may use it at once,
    other processes may use the same database, and it works in a forked child.

    Its methods are those of `ports.Archive`, which says what each promises, takes and raises.
    """

    def __init__(self, engine: Engine, location: str, adds_nothing: AddsNothing) -> None:
        self._engine = engine
        self._location = location
        self._adds_nothing = adds_nothing
        self._fence = Fence()

    def __repr__(self) -> str:
        return f"SqlArchive({self._location!r})"

    def close(self) -> None:
        """Give back the connections that wait in the pool."""
        with archive_errors(self._location):
            self._engine.dispose()

    def election(self) -> DatabaseElection | None:
        """Who is the indexer, where the archive is on a server that many machines may use; None
        where it is a file."""
        if self._engine.dialect.name == "sqlite":
            return None
        return DatabaseElection(
            self._engine, self._location, self._reading, self._writing, self._fence
        )

    @contextmanager
    def _reading(self, *, patient: bool = False) -> Iterator[Connection]:
        with (
            archive_errors(self._location),
            reading(self._engine, patient=patient) as connection,
        ):
            yield connection

    @contextmanager
    def _writing(self, *, patient: bool = False) -> Iterator[Connection]:
        with (
            archive_errors(self._location),
            writing(self._engine, patient=patient) as connection,
            tally.tallied(connection),
        ):
            self._fence.check(connection)
            yield connection

    # -- StoredChats: chats, and what is known of them -----------------------------------------

    def get(self, chat_ids: Collection[int]) -> dict[int, StoredChat | DamagedRow]:
        """The chats of these ids, by id."""
        with self._reading() as connection:
            return stored_chats.by_ids(connection, storable_ids(chat_ids))

    def iterate(self, after: int = 0, batch: int = 500) -> Iterator[StoredChat | DamagedRow]:
        """All chats with an id above `after`, id ascending, read `batch` chats at a time."""
        while True:
            with self._reading() as connection:
                part = stored_chats.after_id(connection, after, batch)
            yield from part
            if len(part) < batch:
                return
            last = part[-1]
            after = last.id if isinstance(last, StoredChat) else last.chat_id or after

    def count_versions(self, chat_id: int) -> int:
        """How many versions of a chat there are; 0 where there is no such chat."""
        with self._reading() as connection:
            return sum(
                stored_chats.count_versions(connection, known) for known in storable_ids([chat_id])
            )

    def versions(
        self, chat_id: int, number: int | None = None
    ) -> tuple[StoredVersion | DamagedRow, ...]:
        """All versions of a chat, oldest first, the present one last; or only one of them."""
        with self._reading() as connection:
            return tuple(
                version
                for known in storable_ids([chat_id])
                for version in (
                    stored_chats.versions_of(connection, known)
                    if number is None
                    else stored_chats.version_of(connection, known, number)
                )
            )

    def earlier_versions(self, chat_id: int) -> Generator[StoredVersion | DamagedRow, None, None]:
        """The versions before the present one, newest first, each read when it is asked for."""
        with self._reading() as connection:
            for known in storable_ids([chat_id]):
                yield from stored_chats.earlier_versions(connection, known)

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """(id, revision) of every chat, id ascending, all of one state."""
        with self._reading() as connection:
            pairs = stored_chats.id_revisions(connection)
        yield from pairs

    def agents(self) -> dict[str, str]:
        """Names of agents by their ids."""
        with self._reading() as connection:
            return agent_names.by_id(connection)

    def counts(self) -> ArchiveCounts:
        """Sizes of the archive, read from one row, however many chats there are."""
        with self._reading() as connection:
            return tally.counts(connection)

    def facts(self, *cursors: str) -> ArchiveFacts:
        """Counts, agents and the cursors of these names, all of one state."""
        with self._reading() as connection:
            return ArchiveFacts(
                counts=tally.counts(connection),
                agents=agent_names.by_id(connection),
                cursors=sync_state.cursors_named(connection, cursors),
            )

    # -- ChangeQueue: which chats must be indexed ----------------------------------------------

    def changes(self, limit: int) -> tuple[QueueEntry, ...]:
        """The oldest entries of the queue, oldest first."""
        with self._reading() as connection:
            return change_queue.head(connection, limit)

    def done(self, entries: Collection[QueueEntry]) -> None:
        """Remove these entries; a chat that was queued again since then stays."""
        with self._writing() as connection:
            change_queue.remove(connection, entries)

    def last_sequence(self) -> int:
        """The highest sequence number in the queue, 0 if it is empty."""
        with self._reading() as connection:
            return change_queue.last_sequence(connection)

    def done_through(self, sequence: int) -> None:
        """Remove all entries up to and with this sequence number."""
        with self._writing() as connection:
            change_queue.remove_through(connection, sequence)

    def queue(self, chat_ids: Collection[int]) -> None:
        """Queue chats, id ascending, also ids that the archive does not have."""
        with self._writing() as connection:
            change_queue.put(connection, storable_ids(chat_ids))

    # -- SyncArchive: what sync saves ----------------------------------------------------------

    def save(
        self,
        fetched: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        *,
        now: datetime,
        cursor: tuple[str, Mapping[str, Any]] | None = None,
        seen_since: datetime | None = None,
    ) -> SaveReport:
        """Save chats, rejects and the cursor, all or nothing."""
        with self._writing() as connection:
            report = saving.save(
                connection, fetched, rejects, now, self._adds_nothing, seen_since=seen_since
            )
            if cursor is not None:
                sync_state.save_cursor(connection, *cursor, now)
        return report

    def see(self, chat_ids: Collection[int], *, now: datetime) -> None:
        """Mark these chats as seen now and not gone."""
        with self._writing() as connection:
            saving.see(connection, storable_ids(chat_ids), now)

    def mark_gone(self, chat_ids: Collection[int], *, now: datetime) -> int:
        """Mark and queue chats that Kchat no longer has; returns how many were marked."""
        with self._writing() as connection:
            return saving.mark_gone(connection, storable_ids(chat_ids), now)

    def mark_rejects_gone(self, unseen_since: datetime, *, now: datetime) -> None:
        """Mark rejects that have no chat id and were last seen before `unseen_since`."""
        with self._writing() as connection:
            reject_list.mark_nameless_gone(connection, unseen_since, now)

    def drop_reject(self, key: str) -> None:
        """Delete a reject, because it has been understood."""
        with self._writing() as connection:
            reject_list.drop(connection, [key])

    def save_agents(self, names: Mapping[str, str], *, now: datetime) -> None:
        """Add and rename agents, and queue the chats of those whose name is new or changed."""
        if not names:
            return
        with self._writing(patient=True) as connection:  # it may read every chat
            agent_names.save(connection, names, now)

    def save_report(self, report: SyncReport) -> None:
        """Keep the report of a sync and add it to the totals. The last 10,000 reports stay."""
        with self._writing() as connection:
            sync_state.save_report(connection, report)

    def set_cursor(self, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
        """Save one cursor."""
        with self._writing() as connection:
            sync_state.save_cursor(connection, name, value, now)

    # -- SyncArchive: what sync decides by -----------------------------------------------------

    def cursor(self, name: str) -> dict[str, Any] | None:
        """The cursor of this name; None if it was never saved."""
        with self._reading() as connection:
            return sync_state.cursor(connection, name)

    def drop_cursors(self, names: Collection[str]) -> None:
        """Forget the cursors of these names."""
        with self._writing() as connection:
            sync_state.drop_cursors(connection, names)

    def has_cursor(self, name: str) -> bool:
        """Was the cursor of this name ever saved? True for a damaged one, too."""
        with self._reading() as connection:
            return sync_state.has_cursor(connection, name)

    def highest_id(self) -> int:
        """The highest id of all chats, 0 if there is none."""
        with self._reading() as connection:
            return recheck_queries.highest_id(connection)

    def newest_created(self) -> datetime | None:
        """The latest `created_at` of all chats, None if there is none."""
        with self._reading() as connection:
            return recheck_queries.newest_created(connection)

    def states_to_recheck(self, closed_since: datetime, limit: int) -> tuple[ChatState, ...]:
        """Chats that may still change, least recently seen first."""
        with self._reading() as connection:
            return recheck_queries.states_to_recheck(connection, closed_since, limit)

    def ids_not_seen_since(
        self,
        moment: datetime,
        *,
        after: int = 0,
        limit: int | None = None,
        created_since: datetime | None = None,
        now: datetime | None = None,
    ) -> tuple[int, ...]:
        """Ids of chats that are not gone and were last seen before `moment`, ascending."""
        with self._reading() as connection:
            return recheck_queries.not_seen_since(
                connection, moment, after=after, limit=limit, created_since=created_since, now=now
            )

    def rejected_ids(self, limit: int | None) -> tuple[int, ...]:
        """Ids of rejected chats that Kchat still shows, least recently seen first."""
        with self._reading() as connection:
            return reject_list.chat_ids(connection, limit)

    def every_reject(self) -> Iterator[RejectedChat]:
        """All rejects by key, also those that are gone, read a few at a time."""
        key: str | None = ""
        while key is not None:
            with self._reading() as connection:
                part, key = reject_list.after_key(connection, key, _REJECTS_AT_ONCE)
            yield from part

    # -- ArchiveReports: what the service reports ----------------------------------------------

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Rejects, those that Kchat still shows before the others, last seen first."""
        with self._reading() as connection:
            return reject_list.page(connection, limit, offset)

    def count_rejects(self) -> int:
        """How many rejects there are, also those that are gone."""
        with self._reading() as connection:
            return reject_list.total(connection)

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """Reports of the last syncs, newest first."""
        with self._reading() as connection:
            return sync_state.last_reports(connection, limit)

    # -- ArchiveCheck: is everything what was stored? --------------------------------------------

    def check(
        self, position: str = "", *, understand: Understand, most_bytes: int = 4_000_000
    ) -> CheckedPart:
        """Check the next part of the archive."""
        with self._reading(patient=True) as connection:
            return checking.check(connection, position, understand, most_bytes)

    def mend(
        self, findings: Sequence[DamagedRow], *, understand: Understand, now: datetime
    ) -> Mended:
        """Set right what needs no Kchat."""
        of_the_file: tuple[DamagedRow, ...] = ()
        file = self._engine.url.database
        if salvage.needed(findings) and self._engine.dialect.name == "sqlite" and file:
            from kchat_search.archive.opening import make_archive  # noqa: PLC0415  # it imports us

            with archive_errors(self._location):
                salvage.salvage(self._engine, Path(file), make_archive, now)
            of_the_file = tuple(finding for finding in findings if finding.table == "file")
            findings = self._all_findings(understand)
        with self._writing(patient=True) as connection:
            mended = mending.mend(connection, findings, understand, now)
        return replace(mended, mended=of_the_file + mended.mended)

    def _all_findings(self, understand: Understand) -> list[DamagedRow]:
        findings: list[DamagedRow] = []
        position: str | None = ""
        while position is not None:
            part = self.check(position, understand=understand)
            findings += part.findings
            position = part.next
        return findings

    def restore(self, fetched: Sequence[FetchedChat], *, now: datetime) -> tuple[int, ...]:
        """Put what Kchat has now in the place of damaged or missing rows."""
        with self._writing() as connection:
            return saving.restore(connection, fetched, now, self._adds_nothing)

    def totals(self) -> dict[str, SyncTotals]:
        """The sums over all syncs, by kind of sync."""
        with self._reading() as connection:
            return sync_state.totals(connection)
