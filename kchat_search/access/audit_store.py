"""`SqlAudit`: the audit in the database of people; `ports.Audit`.

Entries are written by one thread of each process (`group_commit`), and all processes write one
chain (`audit_appending`). Nothing here changes or removes a row. `erase` empties the texts beside
one, which the chain allows for, and records that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import starmap

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import OperationalError

from kchat_search.access import audit_rows
from kchat_search.access.audit_appending import append, chain_end
from kchat_search.access.audit_check import (
    MOST_PROBLEMS,
    ChainCheck,
    ChainEnd,
    StoredRow,
    Whole,
    whole,
)
from kchat_search.access.audit_tables import audit, audit_texts
from kchat_search.access.database import AccessDatabase
from kchat_search.access.group_commit import GroupCommit, GroupTicket
from kchat_search.databases.driver_statements import DriverStatement
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.audit import (
    AuditCheck,
    AuditEntry,
    AuditFilter,
    AuditProblem,
    AuditRow,
    NumberLookups,
)
from kchat_search.models.people import Principal
from kchat_search.ports import Clock

_READ_AT_ONCE = 2_000
_GREATEST = 2**63 - 1
_HASH = re.compile(r"[0-9a-f]{64}")
_TABLES = (audit.name, audit_texts.name)


class SqlAudit:
    """The audit of all processes. Its methods are those of `ports.Audit`, which says what each
    promises, takes and raises."""

    def __init__(self, database: AccessDatabase, clock: Clock) -> None:
        """`clock` is the real one, not the database's, which never goes back: the chain says where
        it was set back."""
        self._database = database
        self._clock = clock
        self._commits = GroupCommit(self._append)

    def close(self) -> None:
        """Write what waits. The connections are closed by who opened them."""
        self._commits.close()

    def record(self, entry: AuditEntry) -> GroupTicket[AuditEntry]:
        """Record an entry, at the end of the chain that all processes share."""
        if not self._database.is_together:
            return self._commits.add(entry)
        self._append([entry])  # in this thread: no other one can write now
        ticket = GroupTicket(entry)
        ticket.settle()
        return ticket

    def rows(
        self, wanted: AuditFilter, *, before: int | None = None, limit: int = 100
    ) -> tuple[AuditRow, ...]:
        """The newest rows first, from below the number `before`."""
        with self._database.reading() as connection:
            return tuple(audit_rows.newest(connection, wanted, before, limit))

    def count(self, wanted: AuditFilter) -> int:
        """How many rows fulfil it."""
        with self._database.reading() as connection:
            return audit_rows.count(connection, wanted)

    def number_lookups(self, since: datetime) -> tuple[NumberLookups, ...]:
        """Who looked up whole private numbers that they see masked, the most first."""
        with self._database.reading() as connection:
            return tuple(audit_rows.number_lookups(connection, since))

    def check(self, head: str | None = None) -> AuditCheck:
        """Hold every row against the chain, and the chain against `head`. Raises `BadRequest` for
        a `head` that is no hash."""
        head = head if head is None else head.strip().lower()
        if head is not None and not _HASH.fullmatch(head):
            raise BadRequest("A head is the 64 hexadecimal digits that a check has shown.", "head")
        with self._database.reading() as connection:
            checked = check_chain(connection, head)
            return replace(checked, problems=(*checked.problems, *_unsound(connection)))

    def erase(self, number: int, reason: str, by: Principal) -> None:
        """Erase the free texts of a row, and record that, why and by whom. Raises `NotFound`, and
        `BadRequest` without a reason."""
        if not reason.strip():
            raise BadRequest("Say why the texts are erased.", "reason")
        with self._database.writing() as connection:
            _erase_securely(connection)
            here = audit_texts.c.number == number
            known = number <= _GREATEST  # the database has no greater ones
            if not known or connection.scalar(select(audit_texts.c.name_salt).where(here)) is None:
                raise NotFound(f"The audit has no row {number} with texts.")
            nothing = dict.fromkeys(("name", "name_salt", "query", "query_salt"))
            connection.execute(update(audit_texts).where(here).values(nothing))
            entry = AuditEntry(by.key, by.name, "", "text_erased", f"audit:{number}", reason)
            append(connection, [entry], self._clock())
        self._database.empty_log()

    def _append(self, entries: Sequence[AuditEntry]) -> None:
        with self._database.writing() as connection:
            append(connection, entries, self._clock())


def check_chain(connection: Connection, head: str | None = None) -> AuditCheck:
    """Hold every row against the chain, and the chain against `head`."""
    end = chain_end(connection)
    alone = connection.scalars(audit_rows.TEXTS_ALONE.limit(MOST_PROBLEMS)).all()
    if not alone and (found := _whole(connection, end, head)) is not None:
        return AuditCheck(found.rows, found.head, ())
    checked = ChainCheck(end, head)
    streamed = connection.execution_options(yield_per=_READ_AT_ONCE)
    checked.run(starmap(StoredRow, streamed.execute(audit_rows.EVERYTHING)))
    checked.name_moved(lambda hashes: _numbers(connection, hashes))
    checked.texts_without_rows(alone)
    return AuditCheck(checked.rows, checked.head, checked.problems())


def _whole(connection: Connection, end: ChainEnd, head: str | None) -> Whole | None:
    statement = DriverStatement(audit_rows.EVERYTHING, connection.dialect)
    try:
        with statement.rows(connection) as rows:
            return whole(end, head, rows)
    except OperationalError:  # a damaged text; if it is the disk, reading again says so
        return None


def _erase_securely(connection: Connection) -> None:
    """What is erased is to be overwritten in the file, too."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))


def _numbers(connection: Connection, hashes: Collection[str]) -> dict[str, int]:
    found = connection.execute(select(audit.c.hash, audit.c.number).where(audit.c.hash.in_(hashes)))
    return {row.hash: row.number for row in found}


def _unsound(connection: Connection) -> Iterator[AuditProblem]:
    """What SQLite finds wrong with its own file: an index that lacks a row hides it."""
    if connection.dialect.name == "sqlite":
        for table in _TABLES:
            for line in connection.scalars(text(f"PRAGMA integrity_check('{table}')")):
                if line != "ok":
                    yield AuditProblem(None, f"the table {table} is damaged: {line}")
