"""The numbers that a table gives its rows by itself. One is never given twice, so who makes a table
anew goes on where the former one was."""

from __future__ import annotations

from sqlalchemy import Connection, Select, Table, func, select, text

_LAST = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_FORGET = text("DELETE FROM sqlite_sequence WHERE name = :name")
_REMEMBER = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")


def numbers_its_rows(table: Table) -> bool:
    """Does it number its rows?"""
    return table.autoincrement_column is not None


def last_number(connection: Connection, table: Table) -> int:
    """The last number that was given, also to a row that is no longer there; 0: none was."""
    if connection.dialect.name == "sqlite":
        last = connection.scalar(_LAST, {"name": table.name})
        return last if isinstance(last, int) else 0
    sequence = connection.scalar(_sequence(table))
    return connection.scalar(select(func.pg_sequence_last_value(sequence))) or 0


def go_on_after(connection: Connection, table: Table, number: int) -> None:
    """The next row gets a number above this one."""
    if number < 1:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(_FORGET, {"name": table.name})
        connection.execute(_REMEMBER, {"name": table.name, "seq": number})
        return
    connection.execute(select(func.setval(connection.scalar(_sequence(table)), number)))


def _sequence(table: Table) -> Select[tuple[str]]:
    column = table.autoincrement_column
    assert column is not None
    return select(func.pg_get_serial_sequence(table.name, column.name))
