"""Statements that go to the database's driver as they are, for what runs with every request.

SQLAlchemy needs three times as long for a short statement as SQLite does, and other threads wait
meanwhile. Here it says once how a statement looks; then only the driver works. Measured: a
transaction of four statements takes 0.5 ms of processor time instead of 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement

_AT_ONCE = 1_000
"""Rows that are read ahead."""
_NONE: Mapping[str, str] = MappingProxyType({})


class DriverStatement:
    """One statement for one dialect. Values come as the driver has them: there is no conversion."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup

    def __repr__(self) -> str:
        return f"DriverStatement({self._text!r})"

    def row(self, connection: Connection) -> tuple[Any, ...] | None:
        """The first row that it gives, if there is one."""
        with _cursor(connection) as cursor:
            cursor.execute(self._text)
            first: tuple[Any, ...] | None = cursor.fetchone()
            return first

    @contextmanager
    def rows(self, connection: Connection) -> Iterator[Iterator[tuple[Any, ...]]]:
        """All rows that it gives, few of which are in memory at a time. Texts must be sound: of a
        damaged one, SQLite's driver raises `OperationalError`, which it need not call Python for.
        So it reads in half of the time."""
        options = {} if connection.dialect.name == "sqlite" else {"name": "kchat_rows"}
        with _plain_texts(connection), _cursor(connection, options) as cursor:
            cursor.execute(self._text)
            yield chain.from_iterable(iter(lambda: cursor.fetchmany(_AT_ONCE), []))

    def run(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it once for each row of parameters."""
        order = self._order
        parameters: Sequence[Any] = (
            rows if order is None else [tuple(row[name] for name in order) for row in rows]
        )
        with _cursor(connection) as cursor:
            if len(parameters) == 1:
                cursor.execute(self._text, parameters[0])
            else:
                cursor.executemany(self._text, parameters)


def insert_many(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, each with all columns of the table in its order: on PostgreSQL with `COPY`."""
    if connection.dialect.name == "sqlite":
        names = table.c.keys()
        rows_by_name = [dict(zip(names, row, strict=True)) for row in rows]
        DriverStatement(insert(table), connection.dialect).run(connection, rows_by_name)
        return
    quoted = connection.dialect.identifier_preparer
    columns = ", ".join(map(quoted.format_column, table.columns))
    statement = f"COPY {quoted.format_table(table)} ({columns}) FROM STDIN"
    with _cursor(connection) as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _plain_texts(connection: Connection) -> Iterator[None]:
    """Without the treatment of damaged texts that `connections` sets for SQLite."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    usual, driver.text_factory = driver.text_factory, str
    try:
        yield
    finally:
        driver.text_factory = usual


@contextmanager
def _cursor(connection: Connection, options: Mapping[str, str] = _NONE) -> Iterator[Any]:
    """A cursor of the driver, in the connection's transaction. Its errors are SQLAlchemy's."""
    driver: Any = connection.dialect.dbapi
    try:
        cursor = connection.connection.cursor(**options)
        yield cursor
        cursor.close()
    except driver.Error as error:
        raise DBAPIError.instance(
            None, None, error, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
