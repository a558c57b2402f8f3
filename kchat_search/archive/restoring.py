"""Restore chats whose row is damaged, from what Kchat has now.

Invariant: a damaged row is copied to `set_aside`, as it is, before anything takes its place. What
can't be proven (when a chat was first seen) is not taken from a damaged row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select

from kchat_search.archive import sealed_rows, seals
from kchat_search.archive.sealed_rows import Row
from kchat_search.archive.stored_columns import chat_row
from kchat_search.archive.tables import chats, set_aside, versions
from kchat_search.archive.tally import add_to_tally, remove_seals
from kchat_search.models.chats import FetchedChat

LOST = ""
"""The raw form of a version that is lost. A chat's own is never empty: it is a JSON object."""


def restore(connection: Connection, fetched: Sequence[FetchedChat], now: int) -> set[int]:
    """Put what Kchat has now in the place of rows that are damaged. Returns the ids of the chats
    that were restored. The form of a list may lack fields, so it restores only a chat whose digest
    it has; any other waits until it is fetched by itself."""
    restored = set()
    for item in fetched:
        row = whole_row(connection, chats, chats.c.id == item.chat.id)
        if row is not None and _restore(connection, item, row, now):
            restored.add(item.chat.id)
    return restored


def _restore(connection: Connection, item: FetchedChat, row: Row, now: int) -> bool:
    # 256 bits that agree by accident do not exist, so an equal digest is proof even in a damaged
    # row.
    same = item.digest == row["digest"] or item.sha256 == row["sha256"]
    if item.listed and not same:
        return False
    keep_aside(connection, chats, [row], now)
    columns_are_sound = seals.columns_problem(chats, without_raw(chats, row)) is None
    earlier = last_version(connection, item.chat.id)
    version = row["version"] if columns_are_sound else earlier + 1
    gone = row["gone_at"] is not None and columns_are_sound
    first_seen_at, changed_at = now, now
    if columns_are_sound:
        first_seen_at, changed_at = row["first_seen_at"], row["changed_at"]
    elif earlier:
        first_seen_at = first_seen(connection, item.chat.id) or now
    if not same:
        put_lost_version(connection, item.chat.id, version, changed_at)
        version, changed_at = version + 1, now
        add_to_tally(connection, versions=1)
    new = chat_row(item, version, first_seen_at, changed_at, now)
    remove_seals(connection, "chats", [row["seal"]])
    sealed_rows.put(connection, chats, [new])
    add_to_tally(connection, gone=-int(gone))
    return True


def keep_aside(
    connection: Connection, table: Table, rows: Sequence[Row], now: int, problem: str = ""
) -> None:
    """Copy damaged rows, all columns as they are, to `set_aside`."""
    number = sealed_rows.next_number(connection, set_aside)
    copies = [
        {
            "id": number + place,
            "table_name": table.name,
            "chat_id": _chat_id(table, row),
            "key": " ".join(printable(row[column.name]) for column in table.primary_key),
            "problem": problem or seals.row_problem(table, tuple(row.values())) or "",
            "set_aside_at": now,
            "content": as_text(row),
        }
        for place, row in enumerate(rows)
    ]
    sealed_rows.put(connection, set_aside, copies)


def set_aside_rows(
    connection: Connection, table: Table, damaged: Sequence[Row], now: int, problem: str = ""
) -> None:
    """Copy damaged rows to `set_aside` and delete them. `damaged`: rows with the primary key."""
    for row in damaged:
        key = [column == row[column.name] for column in table.primary_key]
        whole = whole_row(connection, table, and_(*key))
        if whole is not None:
            keep_aside(connection, table, [whole], now, problem)
            sealed_rows.remove(connection, table, [whole])


def whole_row(connection: Connection, table: Table, condition: ColumnElement[bool]) -> Row | None:
    """All columns of a row, in the order of the table; None if there is no such row."""
    row = connection.execute(select(table).where(condition)).first()
    return None if row is None else dict(zip(table.c.keys(), row, strict=True))


def without_raw(table: Table, row: Row) -> list[object]:
    """The sealed columns of a whole row, in order, and the seal."""
    return [row[column.name] for column in seals.sealed_columns(table)] + [row["seal"]]


def last_version(connection: Connection, chat_id: int) -> int:
    """The highest number of a chat's earlier versions, 0 if there is none."""
    highest = connection.scalar(
        select(func.max(versions.c.version)).where(versions.c.chat_id == chat_id)
    )
    return highest if isinstance(highest, int) else 0


def first_seen(connection: Connection, chat_id: int) -> int | None:
    """When the first version of a chat was seen, from its own row."""
    sound, _ = sealed_rows.sound_and_damaged(
        connection, versions, (versions.c.chat_id == chat_id) & (versions.c.version == 1)
    )
    return sound[0]["seen_at"] if sound else None


def put_lost_version(connection: Connection, chat_id: int, version: int, seen_at: int) -> None:
    """A row in the place of a version that can't be read, so that the history names it."""
    lost = {
        "chat_id": chat_id,
        "version": version,
        "digest": "",
        "seen_at": seen_at,
        "raw": LOST,
        "sha256": "",
    }
    sealed_rows.put(connection, versions, [lost])


def _chat_id(table: Table, row: Row) -> int | None:
    name = "id" if table is chats else "chat_id"
    value = row.get(name) if table.name in ("chats", "versions", "rejects") else None
    return value if isinstance(value, int) else None


def printable(value: object) -> str:
    """A key that may be damaged, in ASCII."""
    return str(value).encode("ascii", "backslashreplace").decode()


def as_text(row: Mapping[str, object]) -> str:
    """A row as JSON in ASCII. A byte that is not UTF-8 is a lone surrogate (PEP 383); a value that
    is no text is in hexadecimal digits."""
    return json.dumps(
        {
            name: {"hex": value.hex()} if isinstance(value, bytes) else value
            for name, value in row.items()
        }
    )
