"""Transactions of the database of people.

Invariant: whatever goes wrong with the database is an `AccessError`, and then nobody gets an
answer. That goes for a file that was removed or replaced while it was open, too: SQLite would go on
with the one that is no longer there, and would not see that somebody was disabled in the new one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from sqlalchemy import Connection, select

from kchat_search.access.latest_time import LatestTime
from kchat_search.access.tables import ACCESS, facts
from kchat_search.databases.column_values import moment_in, moment_out
from kchat_search.databases.connections import outside_transactions, reading, writing
from kchat_search.databases.error_translation import database_errors
from kchat_search.databases.opening import OpenDatabase
from kchat_search.databases.statements import upsert
from kchat_search.errors import AccessError

LATEST_TIME = "latest_time"

latest_time = select(facts.c.value).where(facts.c.name == LATEST_TIME).scalar_subquery()
"""For the columns of a statement; see `AccessDatabase.now`."""


class _Together(threading.local):
    """What this thread writes in one transaction: see `AccessDatabase.together`."""

    block: ExitStack | None = None
    connection: Connection | None = None


class AccessDatabase:
    """The open database, and the time that ends in it are judged by. Threads share it, and a forked
    process may use it."""

    def __init__(self, opened: OpenDatabase, time: LatestTime) -> None:
        self._opened = opened
        self._time = time
        self._identity = self._present_identity()
        self._together = _Together()

    def __repr__(self) -> str:
        return f"AccessDatabase({self._opened.location!r})"

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that this thread writes within the block is one transaction: all of it is on the disk
        when the block ends, or nothing, where it ends with an error. It begins with the first
        write, so what comes before keeps nobody waiting. Raises `AccessError`."""
        mine = self._together
        if mine.block is not None:
            yield
            return
        with ExitStack() as block:
            mine.block = block
            try:
                yield
            finally:
                mine.block = mine.connection = None

    @property
    def is_together(self) -> bool:
        """Is this thread in such a block?"""
        return self._together.block is not None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads and sees one state. Raises `AccessError`."""
        if self._together.connection is not None:
            yield self._together.connection
            return
        self._check_identity()
        with self._errors(), reading(self._opened.engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes, while no other one writes; it is on the disk when the block
        ends, or that of `together` around it. Raises `AccessError`."""
        mine = self._together
        if mine.block is None:
            with self._transaction() as connection:
                yield connection
            return
        if mine.connection is None:
            mine.connection = mine.block.enter_context(self._transaction())
        yield mine.connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        self._check_identity()
        with self._errors(), writing(self._opened.engine) as connection:
            yield connection

    def empty_log(self) -> None:
        """Empty the write-ahead log of SQLite, which has pages as they were before: what was erased
        in them must not stay there. Does nothing on PostgreSQL. Raises `AccessError`."""
        if self._opened.file is not None:
            with self._errors(), outside_transactions(self._opened.engine) as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with database_errors(ACCESS, self._opened.location):
            yield

    def now(self, stored: str | None = None) -> datetime:
        """The present, aware, in UTC; it never goes back. `stored` is what the column `latest_time`
        had: the latest time that any process has seen."""
        if stored is not None and stored.isdecimal():
            self._time.saw(moment_out(int(stored)))
        return self._time.now()

    def keep_time(self, connection: Connection, now: datetime) -> None:
        """Write down that it is so late, for processes that come later."""
        connection.execute(
            upsert(connection.dialect.name, facts),
            {"name": LATEST_TIME, "value": str(moment_in(now))},
        )

    def close(self) -> None:
        """Give back the connections that wait in the pool."""
        with self._errors():
            self._opened.engine.dispose()

    def _check_identity(self) -> None:
        if self._present_identity() != self._identity:
            raise AccessError(
                f"The database of people {self._opened.location} was replaced while the program "
                "ran. Start the program again."
            )

    def _present_identity(self) -> tuple[int, int] | None:
        """Which file it is; None on PostgreSQL."""
        file = self._opened.file
        if file is None:
            return None
        try:
            status = file.stat()
        except OSError as error:
            raise AccessError(
                f"The database of people {file} is gone ({error.strerror}). Put it back, or a "
                "backup, and start the program again. Until then nobody gets an answer."
            ) from error
        return status.st_dev, status.st_ino
