"""Write sealed rows: every row that is inserted, changed or deleted, with its seal and the tally.

Invariant: a row that is not what was stored is never changed here, since a new seal would make it
look sound. Only `set_aside` replaces or deletes such a row, after it was kept as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    select,
    update,
)

from kchat_search.archive import seals, tables
from kchat_search.archive.tally import SUMMED, add_seals, remove_seals, replace_seals
from kchat_search.databases.driver_statements import insert_many
from kchat_search.databases.statements import upsert

Row = dict[str, Any]
"""The sealed columns of a row by name (see `seals.sealed_columns`), and its `seal`."""

_COLUMNS = {name: seals.sealed_columns(tables.metadata.tables[name]) for name in SUMMED}
_NAMES = {name: tuple(c.name for c in columns) for name, columns in _COLUMNS.items()}


def rows_without_raw(table: Table) -> Select[Any]:
    """A statement for the sealed columns of a table and the seal, but not `raw`."""
    return select(*_COLUMNS[table.name], table.c.seal)


def sound_and_damaged(
    connection: Connection, table: Table, condition: ColumnElement[bool]
) -> tuple[list[Row], list[Row]]:
    """(rows that are what was stored, rows that are not), of those that fulfil the condition. Their
    raw JSON is not looked at."""
    sound: list[Row] = []
    damaged: list[Row] = []
    names = (*_NAMES[table.name], "seal")
    for row in connection.execute(rows_without_raw(table).where(condition)).all():
        is_sound = seals.columns_problem(table, row) is None
        (sound if is_sound else damaged).append(dict(zip(names, row, strict=True)))
    return sound, damaged


def sealed(table: Table, row: Mapping[str, Any]) -> Row:
    """The row with its seal. `row`: all sealed columns, and `raw` where the table has one."""
    values = [row[name] for name in _NAMES[table.name]]
    return {**row, "seal": seals.seal_of(table.name, values)}


def put(
    connection: Connection, table: Table, rows: Sequence[Row], replaced: Sequence[Row] = ()
) -> None:
    """Insert these rows, or put each in the place of the row that has its primary key. `rows` have
    all columns but the seal; `replaced` are the sound rows that are there."""
    if not rows:
        return
    new = [sealed(table, row) for row in rows]
    connection.execute(upsert(connection.dialect.name, table), new)
    remove_seals(connection, table.name, [row["seal"] for row in replaced])
    add_seals(connection, table.name, [row["seal"] for row in new])


def add(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert these rows, whose primary keys are not there. `rows` have all columns but the seal."""
    if not rows:
        return
    new = [sealed(table, row) for row in rows]
    names = table.c.keys()
    insert_many(connection, list(table.columns), [[row[name] for name in names] for row in new])
    add_seals(connection, table.name, [row["seal"] for row in new])


def change(
    connection: Connection, table: Table, rows: Sequence[Row], changes: Mapping[str, object]
) -> None:
    """Set these columns of sound rows to these values."""
    if not rows:
        return
    seals_after = [sealed(table, {**row, **changes})["seal"] for row in rows]
    keys = [(f"key_{column.name}", column.name) for column in table.primary_key]
    connection.execute(
        _change_statement(table, tuple(changes)),
        [
            {**{parameter: row[name] for parameter, name in keys}, **changes, "seal": seal}
            for row, seal in zip(rows, seals_after, strict=True)
        ],
    )
    replace_seals(connection, table.name, [row["seal"] for row in rows], seals_after)


def remove(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Delete these rows."""
    if not rows:
        return
    statement = delete(table).where(
        *(column == bindparam(f"key_{column.name}") for column in table.primary_key)
    )
    connection.execute(
        statement, [{f"key_{c.name}": row[c.name] for c in table.primary_key} for row in rows]
    )
    remove_seals(connection, table.name, [row["seal"] for row in rows])


def next_number(connection: Connection, table: Table) -> int:
    """A number for the next row of a table that numbers its rows. A row is sealed with it."""
    return (connection.scalar(select(func.max(table.c.id))) or 0) + 1


@cache
def _change_statement(table: Table, names: tuple[str, ...]) -> Update:
    return (
        update(table)
        .where(*(column == bindparam(f"key_{column.name}") for column in table.primary_key))
        .values({name: bindparam(name) for name in (*names, "seal")})
    )
