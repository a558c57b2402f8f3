"""Connections and transactions, on SQLite and PostgreSQL.

Invariants: a writing transaction is the only one from its first statement on. A reading
transaction sees one state and never waits. What is committed is on the disk.

SQLite: the journal is a write-ahead log (`opening` sets it once; the file keeps it).
`synchronous=FULL` means that a commit survives a loss of power. Python's own control of
transactions is off and this module sends BEGIN itself, as SQLAlchemy's documentation describes for
all versions of Python. Transactions that write begin with IMMEDIATE, because one that reads first
and writes later fails at once when another has written in between.

PostgreSQL: writers take turns by an advisory lock, so sequence numbers become visible in their
order, and no transaction has to be tried again: each statement sees all that was committed before
the lock was free (`READ COMMITTED`). Readers use `REPEATABLE READ`. What makes this true is set for
each connection (`_begin_session`), whatever the server's defaults are.

Threads share one engine. A forked process may use it too: it gets connections of its own and does
not touch those of its parent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event, func, select
from sqlalchemy.pool import NullPool, QueuePool

_BEGIN = "kchat_begin"
_WRITERS = 0x6B63686174  # «kchat» in ASCII: the number of our advisory lock
_WAL_BYTES = 64 * 2**20
_SOUND_SECONDS = 10.0
"""So long a server may take that is asked for no more than a sign of life."""
_GRACE_SECONDS = 30.0
"""So much longer than the server's own time-out a statement may take, until the server counts as
away: see `bounded_waits`."""
_PATIENT = (
    "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '10min', true)"
)
_CLIENT: dict[str, Any] = {
    "application_name": "kchat-search",
    "client_encoding": "utf8",
    "connect_timeout": 10,
    # A server that is no longer there (its machine or the network failed) is noticed in 30 s.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""What a connection to PostgreSQL has where its address says nothing else."""
_SOON = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3} | {
    "tcp_user_timeout": 15_000
}
_LASTING = """
    SELECT set_config('statement_timeout', '0', false),
        set_config('lock_timeout', '0', false),
        set_config('idle_session_timeout', '0', false),
        set_config('tcp_keepalives_idle', '5', false),
        set_config('tcp_keepalives_interval', '3', false),
        set_config('tcp_keepalives_count', '3', false)
"""
_SESSION = """
    SELECT set_config('lock_timeout', %(wait)s, false),
        set_config('statement_timeout', %(statement)s, false),
        set_config('idle_in_transaction_session_timeout', %(statement)s, false),
        set_config('tcp_keepalives_idle', '10', false),
        set_config('tcp_keepalives_interval', '5', false),
        set_config('tcp_keepalives_count', '4', false),
        CASE WHEN current_setting('synchronous_commit') = 'off'
            THEN set_config('synchronous_commit', 'local', false) END
"""
_engines: WeakSet[Engine] = WeakSet()
_inherited: list[Pool] = []


@dataclass(frozen=True, slots=True)
class OnPostgres:
    """How much of a PostgreSQL server one process takes for one database."""

    pool_size: int = 10
    """Connections that are kept. As many more are opened for a moment when all of them are used."""
    statement_seconds: float = 300.0
    """A statement may take so long, and so long may pass between two of one transaction."""


def make_engine(address: URL, wait_seconds: float, on_postgres: OnPostgres | None = None) -> Engine:
    """An engine for SQLite or PostgreSQL. A writer waits at most `wait_seconds` for another one."""
    if address.get_backend_name() == "sqlite":
        # As many connections as there are threads: a request never waits for one.
        options: dict[str, Any] = {"pool_size": 5, "max_overflow": -1}
        engine = _engine(address, {"timeout": wait_seconds}, options)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    else:
        limits = on_postgres or OnPostgres()
        engine = _engine(address, _given(_CLIENT, address), _pool_options(limits, wait_seconds))
        _bound_waits(engine, limits.statement_seconds + _GRACE_SECONDS)
        event.listen(engine, "connect", partial(_begin_session, wait_seconds, limits))
    _engines.add(engine)
    return engine


def _bound_waits(engine: Engine, seconds: float) -> None:
    """No exchange with the server takes longer than that, and none of a connection that nobody uses
    longer than a sign of life."""
    from kchat_search.databases.bounded_waits import bound, bound_waits  # noqa: PLC0415  # an extra

    bound_waits(engine)
    for moment in ("connect", "checkin"):
        event.listen(engine, moment, lambda driver, *_: bound(driver, _SOUND_SECONDS))
    event.listen(engine, "checkout", lambda driver, *_: bound(driver, seconds))


def bound_waits_of(connection: Connection, seconds: float | None) -> None:
    """Let each exchange of this connection to PostgreSQL take so long, until it is given back."""
    from kchat_search.databases.bounded_waits import bound  # noqa: PLC0415  # an extra

    bound(connection.connection.dbapi_connection, seconds)


def _be_patient(connection: Connection) -> None:
    bound_waits_of(connection, None)
    connection.exec_driver_sql(_PATIENT)


def _given(options: dict[str, Any], address: URL) -> dict[str, Any]:
    """Those of which the address says nothing else."""
    return {name: value for name, value in options.items() if name not in address.query}


def _engine(address: URL, given: dict[str, Any], options: dict[str, Any]) -> Engine:
    return create_engine(
        address,
        connect_args=given,
        poolclass=QueuePool,
        hide_parameters=True,  # conversations must not get into a log
        **options,
    )


def _pool_options(limits: OnPostgres, wait_seconds: float) -> dict[str, Any]:
    return {
        "pool_size": limits.pool_size,
        "max_overflow": limits.pool_size,
        "pool_timeout": wait_seconds,
        "pool_pre_ping": True,  # after the server was started again, nobody meets the lost ones
        "isolation_level": "READ COMMITTED",
    }


def lasting_connection(engine: Engine) -> Connection:
    """A connection to PostgreSQL for a lock that lasts as long as it does: beside the pool, without
    transactions. The server lets each statement wait; how long this side does, the caller says by
    `bound_waits_of`. Both ends notice within 15 s that the other is gone."""
    engine = create_engine(
        engine.url,
        connect_args=_given(_CLIENT | _SOON, engine.url),
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
    )
    _bound_waits(engine, _SOUND_SECONDS)
    connection = engine.connect()
    connection.exec_driver_sql(_LASTING)
    return connection


@contextmanager
def reading(engine: Engine, *, patient: bool = False) -> Iterator[Connection]:
    """A transaction that reads and sees one state. `patient`: a statement may take as long as it
    takes, on PostgreSQL too."""
    with engine.connect() as connection:
        on_postgres = connection.dialect.name == "postgresql"
        if on_postgres:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        transaction = connection.begin()
        try:
            if patient and on_postgres:
                _be_patient(connection)
            yield connection
        finally:
            # Nothing is to be committed, and SQLite can't commit after it met a damaged page.
            transaction.rollback()


@contextmanager
def writing(engine: Engine, *, patient: bool = False) -> Iterator[Connection]:
    """A transaction that writes, while no other one writes. All of it is committed, or nothing.
    `patient`: as for `reading`; it also waits long for other writers, on PostgreSQL."""
    with engine.connect() as connection:
        connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with connection.begin():
            if connection.dialect.name == "postgresql":
                if patient:
                    _be_patient(connection)
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


def _begin_session(
    wait_seconds: float, limits: OnPostgres, connection: Any, _record: object
) -> None:
    """What a connection to PostgreSQL begins with. A commit is on the disk; waits end; and the
    server notices a client that is no longer there, which may hold the writers' lock."""
    milliseconds = {
        "wait": f"{max(1, round(wait_seconds * 1000))}",
        "statement": f"{max(1, round(limits.statement_seconds * 1000))}",
    }
    connection.execute(_SESSION, milliseconds)
    connection.commit()


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
