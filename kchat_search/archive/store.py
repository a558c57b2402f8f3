"""`SqlArchive`: `ports.Archive` on SQLite or PostgreSQL.

Invariant: each method is one transaction. `iterate` alone is several, one a batch; no transaction
stays open while a caller works with what it got.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, insert, or_, select, union

from kchat_search.archive import change_queue, reject_list, saving
from kchat_search.archive.column_conversion import (
    moment_in,
    moment_out,
    report_in,
    report_out,
    second_in,
    second_out,
    storable,
    storable_ids,
    totals_in,
    totals_out,
)
from kchat_search.archive.connections import reading, writing
from kchat_search.archive.error_translation import archive_errors
from kchat_search.archive.statements import chunks, upsert
from kchat_search.archive.tables import (
    agents,
    chats,
    cursors,
    open_still,
    reports,
    tally,
    there,
    versions,
)
from kchat_search.models.chats import (
    ChatState,
    FetchedChat,
    QueueEntry,
    RejectedChat,
    SaveReport,
    StoredChat,
    StoredReject,
    StoredVersion,
    revision,
)
from kchat_search.models.reports import ArchiveCounts, ArchiveFacts, SyncReport, SyncTotals

_REPORTS_KEPT = 10_000  # a week of ticks, one a minute
_REJECTS_AT_ONCE = 20  # a raw form may be megabytes
_TOTALS = "totals"

_STORED = (
    chats.c.id,
    chats.c.raw,
    chats.c.digest,
    chats.c.version,
    chats.c.first_seen_at,
    chats.c.changed_at,
    chats.c.seen_at,
    chats.c.gone_at,
)

# Made once: putting a statement together takes as long as carrying it out.
_THESE = select(*_STORED).where(chats.c.id.in_(bindparam("ids", expanding=True)))
_TALLY = select(tally)
_AGENTS = select(agents.c.id, agents.c.name)
_CURSORS = select(cursors.c.name, cursors.c.value).where(
    cursors.c.name.in_(bindparam("names", expanding=True))
)


class SqlArchive:
    """The archive in a database. Made by `open_archive`; safe to use from several threads, beside
    other processes, and in a forked child.

    The methods are those of `ports.Archive`, which says what each promises. Times without a zone
    are refused with a TypeError.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    def __repr__(self) -> str:
        return f"SqlArchive({self._place!r})"

    def close(self) -> None:
        """Give back the connections that wait in the pool."""
        with archive_errors(self._place):
            self._engine.dispose()

    # -- what sync saves -------------------------------------------------------------------

    def save(
        self,
        fetched: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        *,
        now: datetime,
        cursor: tuple[str, Mapping[str, Any]] | None = None,
    ) -> SaveReport:
        """Keep chats, rejects and the cursor, all or nothing.

        Where one call brings a chat and a reject of the same id, the chat is what counts.
        """
        with self._writing() as connection:
            report = saving.save(connection, fetched, rejects, now)
            if cursor is not None:
                saving.save_cursor(connection, *cursor, now)
        return report

    def see(self, chat_ids: Collection[int], *, now: datetime) -> None:
        """Kchat shows these chats still; nothing new of them is kept."""
        with self._writing() as connection:
            saving.see(connection, storable_ids(chat_ids), now)

    def mark_gone(self, chat_ids: Collection[int], *, now: datetime) -> int:
        """Mark and queue chats that Kchat has no more; how many were marked now."""
        with self._writing() as connection:
            return saving.mark_gone(connection, storable_ids(chat_ids), now)

    def mark_rejects_gone(self, unseen_since: datetime, *, now: datetime) -> None:
        """Mark rejects without a chat's id that were last seen before that moment."""
        with self._writing() as connection:
            reject_list.mark_nameless_gone(connection, unseen_since, now)

    def drop_reject(self, key: str) -> None:
        """This one has been understood."""
        with self._writing() as connection:
            reject_list.drop(connection, [key])

    def set_cursor(self, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
        """Save a cursor by itself."""
        with self._writing() as connection:
            saving.save_cursor(connection, name, value, now)

    def cursor(self, name: str) -> dict[str, Any] | None:
        """A saved cursor, or None."""
        with self._reading() as connection:
            return _cursor(connection, name)

    def save_agents(self, names: Mapping[str, str], *, now: datetime) -> None:
        """Add and rename agents, and queue the chats of those whose name is new or changed."""
        wanted = {storable(agent_id): storable(name) for agent_id, name in names.items()}
        if not wanted:
            return
        rows = [
            {"id": agent_id, "name": name, "seen_at": moment_in(now)}
            for agent_id, name in wanted.items()
        ]
        with self._writing() as connection:
            before = _agents(connection)
            connection.execute(upsert(connection.dialect.name, agents), rows)
            renamed = [i for i, name in wanted.items() if before.get(i) != name]
            change_queue.put_chats_of(connection, sorted(renamed))

    def save_report(self, report: SyncReport) -> None:
        """Keep what a sync did. The last 10,000 reports stay; the totals have them all."""
        with self._writing() as connection:
            connection.execute(insert(reports), [{"value": report_in(report)}])
            newest = connection.scalar(select(func.max(reports.c.id))) or 0
            connection.execute(delete(reports).where(reports.c.id <= newest - _REPORTS_KEPT))
            totals = totals_out(_cursor(connection, _TOTALS))
            totals[report.kind] = totals.get(report.kind, SyncTotals()).plus(report)
            saving.save_cursor(connection, _TOTALS, totals_in(totals), report.finished_at)

    # -- chats and their versions ----------------------------------------------------------

    def get(self, chat_ids: Collection[int]) -> dict[int, StoredChat]:
        """Those of the chats that are there, by id."""
        with self._reading() as connection:
            return {
                stored.id: stored
                for part in chunks(storable_ids(chat_ids))
                for stored in map(_stored_chat, connection.execute(_THESE, {"ids": part}).all())
            }

    def iterate(self, after: int = 0, batch: int = 500) -> Iterator[StoredChat]:
        """All chats with an id above `after`, id ascending, read `batch` by `batch`."""
        while True:
            with self._reading() as connection:
                rows = connection.execute(
                    select(*_STORED).where(chats.c.id > after).order_by(chats.c.id).limit(batch)
                ).all()
            yield from map(_stored_chat, rows)
            if len(rows) < batch:
                return
            after = rows[-1].id

    def versions(self, chat_id: int) -> tuple[StoredVersion, ...]:
        """All versions of a chat, oldest first, the present one last; none if it is unknown."""
        columns = (versions.c.version, versions.c.raw, versions.c.digest, versions.c.seen_at)
        present = (chats.c.version, chats.c.raw, chats.c.digest, chats.c.changed_at)
        found: list[Row[*tuple[Any, ...]]] = []
        with self._reading() as connection:
            for known in storable_ids([chat_id]):
                found += connection.execute(
                    select(*columns).where(versions.c.chat_id == known).order_by(versions.c.version)
                )
                found += connection.execute(select(*present).where(chats.c.id == known))
        return tuple(
            StoredVersion(chat_id, version, raw, digest, moment_out(seen_at))
            for version, raw, digest, seen_at in found
        )

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """(id, revision) of every chat, id ascending, of one state: 16 bytes a chat are held."""
        ids, numbers = array("q"), array("q")
        with self._reading() as connection:
            rows = connection.execution_options(yield_per=10_000).execute(
                select(chats.c.id, chats.c.version, chats.c.gone_at).order_by(chats.c.id)
            )
            for chat_id, version, gone_at in rows:
                ids.append(chat_id)
                numbers.append(revision(version, gone=gone_at is not None))
        yield from zip(ids, numbers, strict=True)

    # -- what sync decides by --------------------------------------------------------------

    def ids_not_seen_since(
        self,
        moment: datetime,
        *,
        after: int = 0,
        limit: int | None = None,
        created_since: datetime | None = None,
        now: datetime | None = None,
    ) -> tuple[int, ...]:
        """Chats, not gone, that were last seen before `moment`, with an id above `after`,
        ascending, at most `limit`; with `created_since`, those created since then. With `now`, also
        those that were seen in the future: the clock was ahead then."""
        before = chats.c.seen_at < moment_in(moment)
        if now is not None:
            before = or_(before, chats.c.seen_at > moment_in(now))
        unseen = select(chats.c.id).where(there, before)
        if created_since is not None:
            unseen = unseen.where(chats.c.created_at >= second_in(created_since))
        with self._reading() as connection:
            return tuple(
                connection.scalars(
                    unseen.where(chats.c.id > after).order_by(chats.c.id).limit(limit)
                )
            )

    def highest_id(self) -> int:
        """The highest id of all chats, 0 without any."""
        with self._reading() as connection:
            return connection.scalar(select(func.max(chats.c.id))) or 0

    def rejected_ids(self, limit: int | None) -> tuple[int, ...]:
        """Chats that could not be understood and that Kchat still has, least recently seen
        first."""
        with self._reading() as connection:
            return reject_list.ids(connection, limit)

    def every_reject(self) -> Iterator[RejectedChat]:
        """All rejects, by key, gone ones too, read a few at a time."""
        key = ""
        while True:
            with self._reading() as connection:
                some = list(reject_list.after(connection, key, _REJECTS_AT_ONCE))
            yield from some
            if len(some) < _REJECTS_AT_ONCE:
                return
            key = some[-1].key

    def newest_created(self) -> datetime | None:
        """The latest `created_at` of all chats, None without any."""
        with self._reading() as connection:
            return second_out(connection.scalar(select(func.max(chats.c.created_at))))

    def states_to_recheck(self, closed_since: datetime, limit: int) -> tuple[ChatState, ...]:
        """Chats, not gone, that are not closed or ended (for want of an end: were created) at or
        after `closed_since`, to the second; least recently seen first, at most `limit`."""
        # Two questions, since each has an index of its own: few chats are open or ended lately
        still_open = (
            select(chats.c.id, chats.c.seen_at)
            .where(open_still)
            .order_by(chats.c.seen_at, chats.c.id)
            .limit(limit)
            .subquery()
        )
        lately = select(chats.c.id, chats.c.seen_at).where(
            there, chats.c.active_at >= second_in(closed_since)
        )
        either = union(select(still_open), lately).subquery()
        chosen = select(either.c.id).order_by(either.c.seen_at, either.c.id).limit(limit).subquery()
        columns = (chats.c.id, chats.c.status, chats.c.end_at, chats.c.created_at, chats.c.seen_at)
        with self._reading() as connection:
            rows = connection.execute(
                select(*columns)
                .join(chosen, chosen.c.id == chats.c.id)
                .order_by(chats.c.seen_at, chats.c.id)
            )
            return tuple(
                ChatState(i, status, second_out(end), second_out(created), moment_out(seen))
                for i, status, end, created, seen in rows
            )

    # -- the change queue ------------------------------------------------------------------

    def changes(self, limit: int) -> tuple[QueueEntry, ...]:
        """The head of the queue, oldest first."""
        with self._reading() as connection:
            return change_queue.head(connection, limit)

    def done(self, changes: Collection[QueueEntry]) -> None:
        """Take these off the queue; an entry that was queued anew since stays."""
        with self._writing() as connection:
            change_queue.take_off(connection, changes)

    def last_sequence(self) -> int:
        """The highest sequence number in the queue, 0 if it is empty."""
        with self._reading() as connection:
            return change_queue.last(connection)

    def done_through(self, sequence: int) -> None:
        """Take all entries up to this number off the queue."""
        with self._writing() as connection:
            change_queue.take_off_through(connection, sequence)

    def queue(self, chat_ids: Collection[int]) -> None:
        """Queue chats for the index, id ascending; also ids that the archive does not have, so
        that the indexer takes them out."""
        with self._writing() as connection:
            change_queue.put(connection, storable_ids(chat_ids))

    # -- what is told ----------------------------------------------------------------------

    def agents(self) -> dict[str, str]:
        """Agents' names by id."""
        with self._reading() as connection:
            return _agents(connection)

    def count_rejects(self) -> int:
        """How many rejects there are, gone ones too."""
        with self._reading() as connection:
            return reject_list.number(connection)

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Rejects, those that Kchat still shows before the others, last seen first."""
        with self._reading() as connection:
            return reject_list.some(connection, limit, offset)

    def counts(self) -> ArchiveCounts:
        """Sizes, read from the tally: one row, however many chats there are."""
        with self._reading() as connection:
            return _counts(connection)

    def facts(self, *names: str) -> ArchiveFacts:
        """Counts, agents and the cursors of these names, of one state."""
        with self._reading() as connection:
            return ArchiveFacts(
                counts=_counts(connection),
                agents=_agents(connection),
                cursors={
                    name: json.loads(value)
                    for name, value in connection.execute(_CURSORS, {"names": list(names)})
                },
            )

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """What the last syncs did, newest first."""
        with self._reading() as connection:
            rows = connection.scalars(
                select(reports.c.value).order_by(reports.c.id.desc()).limit(limit)
            )
            return tuple(map(report_out, rows))

    def totals(self) -> dict[str, SyncTotals]:
        """What all syncs did together, by kind."""
        with self._reading() as connection:
            return totals_out(_cursor(connection, _TOTALS))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with archive_errors(self._place), reading(self._engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with archive_errors(self._place), writing(self._engine) as connection:
            yield connection


def _counts(connection: Connection) -> ArchiveCounts:
    row = connection.execute(_TALLY).one()
    return ArchiveCounts(
        chats=row.chats,
        gone=row.gone,
        pending=row.pending,
        rejected=row.rejected,
        versions=row.versions,
    )


def _cursor(connection: Connection, name: str) -> dict[str, Any] | None:
    stored = connection.scalar(select(cursors.c.value).where(cursors.c.name == storable(name)))
    if stored is None:
        return None
    value: dict[str, Any] = json.loads(stored)
    return value


def _agents(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(_AGENTS).all())


def _stored_chat(row: Row[*tuple[Any, ...]]) -> StoredChat:
    chat_id, raw, digest, version, first_seen, changed, seen, gone = row  # as in _STORED
    return StoredChat(
        id=chat_id,
        raw=raw,
        digest=digest,
        version=version,
        first_seen_at=moment_out(first_seen),
        changed_at=moment_out(changed),
        seen_at=moment_out(seen),
        gone_at=moment_out(gone),
    )
