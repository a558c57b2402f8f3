"""Statements over many rows, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

T = TypeVar("T")

_CHUNK = 500  # a build of SQLite may allow as few as 999 parameters in a statement


def chunks(items: Sequence[T], times: int = 1) -> Iterator[Sequence[T]]:
    """The items, in order, in parts small enough to be so many `times` parameters of one
    statement."""
    size = _CHUNK // times
    for start in range(0, len(items), size):
        yield items[start : start + size]


def upsert(
    dialect: str,
    table: Table,
    keep: Sequence[str] = (),
    instead: Mapping[str, ColumnElement[Any]] | None = None,
) -> Insert:
    """A statement that inserts a row, or updates the row that has the same primary key.

    An update leaves the columns `keep` as they are. It sets the others to the new values, or to
    what `instead` says for a column. `dialect` is «sqlite» or «postgresql».
    """
    key = [column.name for column in table.primary_key]
    replaced = [c.name for c in table.columns if c.name not in (*key, *keep)]
    if dialect == "sqlite":
        statement = sqlite.insert(table)
        new = {name: statement.excluded[name] for name in replaced}
        return statement.on_conflict_do_update(index_elements=key, set_={**new, **(instead or {})})
    assert dialect == "postgresql"
    on_postgres = postgresql.insert(table)
    new = {name: on_postgres.excluded[name] for name in replaced}
    return on_postgres.on_conflict_do_update(index_elements=key, set_={**new, **(instead or {})})
