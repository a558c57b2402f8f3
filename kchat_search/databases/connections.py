"""Connections and transactions, on SQLite and PostgreSQL.

Invariants: a writing transaction is the only one from its first statement on. A reading
transaction sees one state and never waits. What is committed is on the disk.

SQLite: the journal is a write-ahead log (`opening` sets it once; the file keeps it).
`synchronous=FULL` means that a commit survives a loss of power. Python's own control of
transactions is off and this module sends BEGIN itself, as SQLAlchemy's documentation describes for
all versions of Python. Transactions that write begin with IMMEDIATE, because one that reads first
and writes later fails at once when another has written in between.

PostgreSQL: writers take turns by an advisory lock, so sequence numbers become visible in their
order. Readers use `REPEATABLE READ`.

Threads share one engine. A forked process may use it too: it gets connections of its own and does
not touch those of its parent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event, func, select
from sqlalchemy.pool import QueuePool

_BEGIN = "kchat_begin"
_WRITERS = 0x6B63686174  # «kchat» in ASCII: the number of our advisory lock
_WAL_BYTES = 64 * 2**20
_engines: WeakSet[Engine] = WeakSet()
_inherited: list[Pool] = []


def make_engine(address: URL, wait_seconds: float) -> Engine:
    """An engine for SQLite or PostgreSQL. A writer waits at most `wait_seconds` for another one."""
    on_sqlite = address.get_backend_name() == "sqlite"
    engine = create_engine(
        address,
        connect_args={"timeout": wait_seconds} if on_sqlite else {},
        poolclass=QueuePool,
        pool_size=5,
        max_overflow=-1,  # as many as there are threads: a request never waits for a connection
        pool_pre_ping=not on_sqlite,
        hide_parameters=True,  # conversations must not get into a log
    )
    if on_sqlite:
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    _engines.add(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads and sees one state."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        transaction = connection.begin()
        try:
            yield connection
        finally:
            # Nothing is to be committed, and SQLite can't commit after it met a damaged page.
            transaction.rollback()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, while no other one writes. All of it is committed, or nothing."""
    with engine.connect() as connection:
        connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_WRITERS)))
            yield connection


@contextmanager
def outside_transactions(engine: Engine) -> Iterator[Connection]:
    """A connection to SQLite, for statements that don't work inside a transaction."""
    with engine.connect() as connection:
        connection.execution_options(**{_BEGIN: ""})
        yield connection


# A text with a damaged byte must not make the rows beside it unreadable: the byte becomes a lone
# surrogate (PEP 383), and the seal of its row shows the damage.
_text = partial(str, encoding="utf-8", errors="surrogateescape")


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.text_factory = _text
    cursor = connection.cursor()
    for pragma in ("synchronous = FULL", "foreign_keys = ON", f"journal_size_limit = {_WAL_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _drop_inherited_connections() -> None:
    # Even closing them in the child is unsafe (https://sqlite.org/howtocorrupt.html), so the child
    # keeps them, unused, until it ends.
    for engine in _engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_inherited_connections)
