"""Damage to an archive, and what is done about it, for the tests of this folder."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from kchat_search.archive import SqlArchive
from kchat_search.archive.tables import metadata
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat
from kchat_search.models.damage import DamagedRow, Mended
from kchat_search.search.verify import check_archive
from tests.contracts.archive.chats import at
from tests.world import chat

PARSER = ChatParser(ZoneInfo("Asia/Shanghai"))


def sent(chat_id: int, *said: str, **fields: Any) -> FetchedChat:
    fetched = PARSER.parse_chat(chat(chat_id, *said, **fields))
    assert isinstance(fetched, FetchedChat)
    return fetched


Place = Path | str
"""Where an archive is: a file of SQLite, or the address of a database on PostgreSQL."""

BOTH = ("sqlite", "postgres")
"""For the fixture `place`."""


def url_of(place: Place) -> str:
    return place if isinstance(place, str) else f"sqlite:///{place}"


@contextmanager
def outside(place: Place) -> Iterator[Any]:
    """A connection of the driver, in a transaction, to which foreign keys are nothing."""
    if isinstance(place, str):
        with psycopg.connect(place) as on_postgres:
            on_postgres.execute("SET session_replication_role = replica")
            yield on_postgres
        return
    with closing(sqlite3.connect(place)) as connection, connection:
        connection.create_function("one_bit", 1, flipped)
        yield connection


def run(place: Place, *statements: str) -> None:
    with outside(place) as connection:
        for statement in statements:
            connection.execute(statement)


def found(archive: SqlArchive) -> tuple[DamagedRow, ...]:
    return check_archive(archive, PARSER.understand)[1]


def named(archive: SqlArchive) -> set[str]:
    return {finding.what for finding in found(archive)}


def mend(archive: SqlArchive) -> Mended:
    return archive.mend(found(archive), understand=PARSER.understand, now=at(60))


def repaired(archive: SqlArchive, *kchat: FetchedChat) -> SqlArchive:
    """The archive after everything was done about its damage; `kchat` is what Kchat has."""
    wanted = {finding.chat_id for finding in mend(archive).fetch}
    archive.restore([item for item in kchat if item.chat.id in wanted], now=at(60))
    mend(archive)
    assert found(archive) == ()
    return archive


def flipped(value: Any) -> Any:
    """The value with one bit of it flipped."""
    if isinstance(value, int):
        return value ^ 4
    if isinstance(value, str):
        middle = len(value) // 2
        return value[:middle] + chr(ord(value[middle]) ^ 1) + value[middle + 1 :]
    return value


def content(place: Place, table: str) -> list[dict[str, Any]]:
    """All rows. The last one of `versions` is the newest."""
    key = ", ".join(column.name for column in reversed(metadata.tables[table].primary_key.columns))
    with outside(place) as connection:
        cursor = connection.execute(f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def set_aside(place: Place, chat_id: int) -> list[Any]:
    """The raw JSON of the rows of this chat that were set aside."""
    return [
        json.loads(row["content"])["raw"]
        for row in content(place, "set_aside")
        if row["chat_id"] == chat_id
    ]
