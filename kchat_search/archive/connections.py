"""How the databases are talked to.

Invariants: a writing transaction is alone from its first statement on, a reading one sees one
state and never waits; what is committed is on the disk.

SQLite: write-ahead log (set once, by `opening`, since it stays with the file), `synchronous=FULL`
so that not even losing power takes a commit back. Python's own transaction control is off and
BEGIN is ours, as SQLAlchemy's documentation describes for all versions of Python: IMMEDIATE
for those that write, since a transaction that reads first and writes later can fail at once when
another wrote in between. PostgreSQL: writers take turns by an advisory lock, so that sequence
numbers appear in their order; readers are `REPEATABLE READ`.

Threads share an engine. So may a forked process: it starts with connections of its own and
leaves those of its parent alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    """An engine for SQLite or PostgreSQL. A writer waits `wait_seconds` for another one."""
    on_sqlite = address.get_backend_name() == "sqlite"
    engine = create_engine(
        address,
        connect_args={"timeout": wait_seconds} if on_sqlite else {},
        poolclass=QueuePool,
        pool_size=5,
        max_overflow=-1,  # as many as there are threads; a request never waits for a connection
        pool_pre_ping=not on_sqlite,
        hide_parameters=True,  # conversations have no place in a log
    )
    if on_sqlite:
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    _engines.add(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, alone; all of it is kept, or nothing."""
    with engine.connect() as connection:
        connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_WRITERS)))
            yield connection


@contextmanager
def outside_transactions(engine: Engine) -> Iterator[Connection]:
    """A connection to SQLite for what can't be done in a transaction."""
    with engine.connect() as connection:
        connection.execution_options(**{_BEGIN: ""})
        yield connection


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("synchronous = FULL", "foreign_keys = ON", f"journal_size_limit = {_WAL_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _leave_to_the_parent() -> None:
    # Not even closing them is safe in the child (https://sqlite.org/howtocorrupt.html), so they
    # are kept, unused, until it ends.
    for engine in _engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)
