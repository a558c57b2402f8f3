"""Statements of many rows, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

T = TypeVar("T")

_CHUNK = 500  # SQLite may be built with as few as 999 parameters a statement


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items, in order, in parts that a statement can name one by one."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def upsert(
    dialect: str,
    table: Table,
    keep: Sequence[str] = (),
    instead: Mapping[str, ColumnElement[Any]] | None = None,
) -> Insert:
    """Insert a row or, where its primary key is there, replace all but that key and the columns
    `keep`, with what came or what `instead` says. `dialect` is «sqlite» or «postgresql»."""
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
