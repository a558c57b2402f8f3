"""One indexer at a time, of all processes that share an archive on PostgreSQL.

It is an advisory lock of the server, which lasts as long as the connection that took it: the server
gives it to the next one as soon as a holder was killed. A holder may lose its connection and not
know it yet. So each holder begins a term, whose number stands in the archive, and each of its
transactions looks whether its term still lasts. Writers take turns, so nothing that a former holder
writes is committed after the next term has begun.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from kchat_search.archive import sync_state
from kchat_search.archive.error_translation import archive_errors
from kchat_search.databases.connections import bound_waits_of, lasting_connection
from kchat_search.errors import ArchiveError, IndexerBusy, IndexerDeposed
from kchat_search.models.holder import UNKNOWN, Holder, next_term
from kchat_search.models.progress import RebuildProgress, told_too
from kchat_search.models.reports import Progress

log = logging.getLogger(__name__)

_LOCK = 0x6B6368617478  # «kchatx» in ASCII: the number of the advisory lock
_CURSOR = "indexer"
_SHORTEST_WAIT = 0.5
"""Seconds in which the server notices that a holder was killed."""
_PAUSE_SECONDS = 2.0
"""Between two tries to reach a server that is away."""
_A_WHILE = 60.0
"""Seconds in which the server must say that the lock is not free yet: it might be that it can't."""
_GRACE_SECONDS = 15.0
_NOT_AVAILABLE = "55P03"

_TAKE = select(func.pg_advisory_lock(_LOCK))
_GIVE_BACK = select(func.pg_advisory_unlock(_LOCK))
_PATIENCE = text("SELECT set_config('lock_timeout', :milliseconds, false)")
_IS_HELD = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = :high AND objid = :low"
).bindparams(high=_LOCK >> 32, low=_LOCK & 0xFFFFFFFF)

_LOST = "This process is the indexer no more: it lost its connection to the database."


class Transactions(Protocol):
    """Those of the archive."""

    def __call__(self) -> AbstractContextManager[Connection]:
        """One of them. Raises `ArchiveError`."""
        ...


class Fence:
    """Keeps a former indexer from writing. The archive asks it in every transaction that writes."""

    term: int | None = None
    """The term of this process; None: it is not the indexer, and may write what others may."""

    def check(self, connection: Connection) -> None:
        """Raises `IndexerDeposed` where the term is over."""
        if self.term is None:
            return
        present = sync_state.cursor(connection, _CURSOR) or {}
        if present.get("term") != self.term:
            raise IndexerDeposed(_LOST)


class DatabaseElection:
    """The election of an archive on PostgreSQL. Its methods are those of `ports.Election`."""

    def __init__(
        self,
        engine: Engine,
        location: str,
        reading: Transactions,
        writing: Transactions,
        fence: Fence,
    ) -> None:
        self._engine = engine
        self._location = location
        self._reading = reading
        self._writing = writing
        self._fence = fence
        self._connection: Connection | None = None
        self._is_lost = False
        self._one_statement = threading.Lock()

    @contextmanager
    def held(self, what: str, now: datetime, wait_seconds: float = 0.0) -> Iterator[None]:
        """Hold the lock. Raises `IndexerBusy` if it isn't free within `wait_seconds`, and
        `ArchiveError`; where it waits without an end, also for a server that is away."""
        connection, term = self._take(wait_seconds, Holder.this_process(what, now), now)
        self._fence.term = term
        self._connection, self._is_lost = connection, False
        try:
            yield
        finally:
            self._connection = self._fence.term = None
            with suppress(SQLAlchemyError):  # the server gives back what a lost connection held
                connection.execute(_GIVE_BACK)
            connection.close()

    def check(self) -> None:
        """Does the connection that holds the lock last? Raises `IndexerDeposed`."""
        connection = self._connection
        if connection is None:
            return
        with self._one_statement:
            # Asked again, it would be made anew, without the lock.
            if self._is_lost:
                raise IndexerDeposed(_LOST)
            try:
                connection.execute(select(1))
            except DBAPIError as error:
                self._is_lost = True
                raise IndexerDeposed(_LOST) from error

    def term(self) -> int:
        """The number of this process's term; 0 where it is not the indexer."""
        return self._fence.term or 0

    def holder(self) -> Holder | None:
        """Who holds the lock now. Raises `ArchiveError`."""
        return self._present()[0]

    def rebuilding(
        self, progress: Progress, clock: Callable[[], datetime]
    ) -> AbstractContextManager[Progress]:
        """A `progress` that also tells other processes; see `rebuild`."""
        return told_too(progress, lambda told: self._tell(told, clock()), clock)

    def rebuild(self) -> RebuildProgress | None:
        """How far the rebuild of the index is. Raises `ArchiveError`."""
        holder, value = self._present()
        told = value.get("rebuild")
        if holder is None or not told:
            return None
        return RebuildProgress(told["percent"], datetime.fromisoformat(told["began_at"]))

    def _present(self) -> tuple[Holder | None, dict[str, Any]]:
        with self._reading() as connection:
            if not connection.scalar(_IS_HELD):
                return None, {}
            value = sync_state.cursor(connection, _CURSOR) or {}
        try:
            return Holder.from_json(value["holder"]), value
        except (KeyError, TypeError, ValueError):
            return UNKNOWN, value

    def _take(self, wait_seconds: float, holder: Holder, now: datetime) -> tuple[Connection, int]:
        """The connection that holds the lock, and the number of the term that has begun."""
        while True:
            try:
                connection = self._take_once(_A_WHILE if wait_seconds < 0 else wait_seconds)
                try:
                    return connection, self._begin_term(holder, now)
                except BaseException:
                    connection.close()
                    raise
            except IndexerBusy:
                if wait_seconds >= 0:
                    raise
            except ArchiveError as error:
                if wait_seconds >= 0 or not error.retry:
                    raise
                log.warning("%s It is tried again.", error)
                threading.Event().wait(_PAUSE_SECONDS)

    def _take_once(self, wait_seconds: float) -> Connection:
        wait = max(wait_seconds, _SHORTEST_WAIT)
        with archive_errors(self._location):
            connection = lasting_connection(self._engine)
            try:
                bound_waits_of(connection, wait + _GRACE_SECONDS)
                connection.execute(_PATIENCE, {"milliseconds": str(round(wait * 1000))})
                connection.execute(_TAKE)
            except BaseException as error:
                connection.close()
                if getattr(getattr(error, "orig", None), "sqlstate", None) == _NOT_AVAILABLE:
                    raise IndexerBusy.held_by(self.holder() or UNKNOWN) from error
                raise
            bound_waits_of(connection, _GRACE_SECONDS)
        return connection

    def _begin_term(self, holder: Holder, now: datetime) -> int:
        with self._writing() as connection:
            before = sync_state.cursor(connection, _CURSOR) or {}
            term = next_term(before.get("term"), now)
            value = {"term": term, "holder": holder.to_json()}
            sync_state.save_cursor(connection, _CURSOR, value, now)
        return term

    def _tell(self, told: RebuildProgress | None, now: datetime) -> None:
        try:
            with self._writing() as connection:
                value = sync_state.cursor(connection, _CURSOR) or {}
                value["rebuild"] = None
                if told is not None and told.began_at is not None:
                    began_at = told.began_at.isoformat()
                    value["rebuild"] = {"percent": told.percent, "began_at": began_at}
                sync_state.save_cursor(connection, _CURSOR, value, now)
        except ArchiveError as error:  # nobody needs it
            log.info("How far the rebuild is could not be told: %s", error)
