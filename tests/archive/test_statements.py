"""How many statements go to the database, and their text for each kind of database."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite

from kchat_search.archive import SqlArchive
from kchat_search.archive.tables import rejects
from kchat_search.databases.statements import upsert
from kchat_search.models.reports import ArchiveCounts
from tests.archive.damage import BOTH
from tests.contracts.archive.chats import at, fetched, rejected


@pytest.mark.parametrize("place", BOTH, indirect=True)
def test_a_hundred_chats_are_saved_by_fifteen_statements_at_most(archive: SqlArchive) -> None:
    archive.save([fetched(i) for i in range(1, 61)], now=at(0))
    statements: list[str] = []

    def record(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(archive._engine, "before_cursor_execute", record)
    page = [fetched(i, "new" if i % 3 else "你好") for i in range(1, 101)]
    report = archive.save(page, [rejected("raw:x")], now=at(1), cursor=("list", {"page": 2}))
    assert (report.new, report.changed, report.same) == (40, 40, 20)
    assert len(statements) <= 15, statements


def test_a_call_may_have_more_ids_than_a_statement_may_have_parameters(archive: SqlArchive) -> None:
    def as_old_builds_of_sqlite(connection: Any, *_rest: Any) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)

    event.listen(archive._engine, "checkout", as_old_builds_of_sqlite)
    ids = range(1, 2_602)
    archive.save([fetched(i) for i in ids], now=at(0))
    archive.save([fetched(i, "new" if i % 2 else "你好") for i in ids], now=at(1))
    assert archive.counts() == ArchiveCounts(2601, 0, 2601, 0, 2601 + 1301)
    assert archive.get(ids).keys() == set(ids)
    assert archive.mark_gone(ids, now=at(2)) == 2601
    archive.queue(ids)
    archive.done(archive.changes(2_600))
    assert [entry.chat_id for entry in archive.changes(10)] == [2601]
    archive.save_agents({str(i): "x" for i in ids}, now=at(3))
    assert archive.counts().pending == 2601  # agent 2192 has them all


@pytest.mark.parametrize("kind", [sqlite, postgresql])
def test_an_upsert_says_the_same_to_both_databases(kind: Any) -> None:
    dialect = kind.dialect()
    more = {"times": rejects.c.times + 1}
    statement = upsert(dialect.name, rejects, ["first_seen_at"], more)
    sql = " ".join(str(statement.compile(dialect=dialect)).replace('"key"', "key").split())
    assert "ON CONFLICT (key) DO UPDATE SET" in sql
    assert "reason = excluded.reason" in sql
    assert "first_seen_at = excluded" not in sql
    assert "times = (rejects.times +" in sql
