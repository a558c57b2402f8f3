"""Damage to an archive, and what is done about it, for the tests of this folder."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.archive import SqlArchive
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


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.create_function("one_bit", 1, flipped)
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


def content(file: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608
        return [dict(row) for row in rows]


def set_aside(file: Path, chat_id: int) -> list[Any]:
    """The raw JSON of the rows of this chat that were set aside."""
    return [
        json.loads(row["content"])["raw"]
        for row in content(file, "set_aside")
        if row["chat_id"] == chat_id
    ]
