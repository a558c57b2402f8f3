"""Read chats and their versions, each checked against its seal.

Invariant: what is not what was stored comes out as a `DamagedRow`, and so does what can't be read.
The chats beside it come out as always.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select
from sqlalchemy.exc import DBAPIError

from kchat_search.archive import restoring, seals
from kchat_search.archive.error_translation import readable_part
from kchat_search.archive.tables import chats, versions
from kchat_search.databases.column_values import moment_out
from kchat_search.databases.error_translation import is_damage
from kchat_search.databases.statements import chunks
from kchat_search.models.chats import StoredChat, StoredVersion, revision
from kchat_search.models.damage import DamagedRow

UNREADABLE = "its part of the file can't be read"
MISSING = "its row is missing"
LOST = "it is lost; what was left of it was set aside"

# Built once, because building a statement takes as long as carrying it out.
_BY_IDS = select(chats).where(chats.c.id.in_(bindparam("ids", expanding=True)))
_BY_ID = select(chats).where(chats.c.id == bindparam("id"))
_AFTER = select(chats).where(chats.c.id > bindparam("after")).order_by(chats.c.id)
# The same rows by way of an index that has all that is asked for: the table itself is not read.
_INDEXED = "INDEXED BY ix_chats_id_version_gone_at"
_IDS_INDEXED = (
    select(chats.c.id)
    .with_hint(chats, _INDEXED, "sqlite")
    .where(chats.c.id > bindparam("after"))
    .order_by(chats.c.id)
)
_VERSIONS = (
    select(versions).where(versions.c.chat_id == bindparam("chat_id")).order_by(versions.c.version)
)
_NEWEST_FIRST = (
    select(versions)
    .where(versions.c.chat_id == bindparam("chat_id"))
    .order_by(versions.c.version.desc())
)
_VERSION = _VERSIONS.where(versions.c.version == bindparam("version"))
_VERSION_NUMBERS = select(versions.c.version).where(versions.c.chat_id == bindparam("chat_id"))
_PRESENT_NUMBER = select(chats.c.version).where(chats.c.id == bindparam("id"))
_MOST_VERSIONS = 2**31
_FIRST_SEEN_AT, _CHANGED_AT, _SEEN_AT, _GONE_AT, _RAW = (
    list(chats.c.keys()).index(name)
    for name in ("first_seen_at", "changed_at", "seen_at", "gone_at", "raw")
)
_NEXT_ID = select(chats.c.id).where(chats.c.id > bindparam("after")).order_by(chats.c.id).limit(1)


def by_ids(connection: Connection, chat_ids: Sequence[int]) -> dict[int, StoredChat | DamagedRow]:
    """The chats of these ids, by id; ids that are not there are left out."""
    found: dict[int, StoredChat | DamagedRow] = {}
    for part in chunks(chat_ids):
        try:
            rows = connection.execute(_BY_IDS, {"ids": part}).all()
        except DBAPIError as error:
            if not is_damage(error):
                raise
            found |= {i: chat for i in part if (chat := _one_by_one(connection, i)) is not None}
        else:
            found |= {row[0]: _stored_chat(row, remember=True) for row in rows}
            if len(rows) < len(part):
                found |= _in_the_index_alone(connection, [i for i in part if i not in found])
    return found


def after_id(connection: Connection, chat_id: int, limit: int) -> list[StoredChat | DamagedRow]:
    """The next chats above this id, id ascending, at most `limit`."""
    try:
        rows = connection.execute(_AFTER.limit(limit), {"after": chat_id}).all()
    except DBAPIError as error:
        if not is_damage(error):
            raise
        ids = _next_ids(connection, chat_id, limit)
        read = by_ids(connection, ids)
        return [read[i] for i in ids if i in read]
    return [_stored_chat(row) for row in rows]


def versions_of(connection: Connection, chat_id: int) -> list[StoredVersion | DamagedRow]:
    """All versions of a chat, oldest first, the present one last: 1, 2, 3 without a gap. One that
    is damaged or missing comes as a `DamagedRow`."""
    present = by_ids(connection, [chat_id]).get(chat_id)
    earlier = _earlier_versions(connection, chat_id)
    if present is None and not earlier:
        return []
    if isinstance(present, StoredChat):
        last = present.version
        newest: StoredVersion | DamagedRow = _as_version(present)
    else:
        # The numbers of damaged rows are not believed: one may be any number.
        last = 1 + max([0, *(n for n, v in earlier.items() if isinstance(v, StoredVersion))])
        newest = present or DamagedRow("chats", MISSING, "fetch", chat_id)
        newest = replace(newest, version=last)
    missing = DamagedRow("versions", MISSING, "none", chat_id)
    return [
        *(earlier.get(number) or replace(missing, version=number) for number in range(1, last)),
        newest,
    ]


def count_versions(connection: Connection, chat_id: int) -> int:
    """How many versions `versions_of` gives. Of a chat without damage, one row is read."""
    present = by_ids(connection, [chat_id]).get(chat_id)
    if isinstance(present, StoredChat):
        return present.version
    return len(versions_of(connection, chat_id))


def version_of(
    connection: Connection, chat_id: int, number: int
) -> list[StoredVersion | DamagedRow]:
    """The version with this number, as `versions_of` gives it; [] if there is none. Of a chat
    without damage, at most two rows are read."""
    try:
        row = connection.execute(_VERSION, {"chat_id": chat_id, "version": number}).first()
    except DBAPIError as error:
        if not is_damage(error):
            raise
        row = None
    earlier = None if row is None else stored_version(row)
    if isinstance(earlier, StoredVersion):
        present = connection.scalar(_PRESENT_NUMBER, {"id": chat_id})
        if isinstance(present, int) and number < present:
            return [earlier]
    else:
        chat = by_ids(connection, [chat_id]).get(chat_id)
        if isinstance(chat, StoredChat) and chat.version == number:
            return [_as_version(chat)]
    return [one for one in versions_of(connection, chat_id) if one.version == number]


def earlier_versions(connection: Connection, chat_id: int) -> Iterator[StoredVersion | DamagedRow]:
    """The rows of a chat's earlier versions, newest first. A few are in memory at a time."""
    try:
        rows = connection.execution_options(yield_per=2).execute(
            _NEWEST_FIRST, {"chat_id": chat_id}
        )
        yield from map(stored_version, rows)
    except DBAPIError as error:
        if not is_damage(error):
            raise
        found = _versions_one_by_one(connection, chat_id)
        yield from (found[number] for number in sorted(found, reverse=True))


def id_revisions(connection: Connection) -> Iterator[tuple[int, int]]:
    """(id, revision) of every chat, id ascending. All are read before this returns, and take 16
    bytes a chat, so the pairs can be used after the transaction has ended. Values that can't be
    those of a chat are left out."""
    columns = select(chats.c.id, chats.c.version, chats.c.gone_at).order_by(chats.c.id)
    try:
        return _pairs(connection, columns)
    except DBAPIError as error:
        if not is_damage(error):
            raise
        return _pairs(connection, columns.with_hint(chats, "NOT INDEXED", "sqlite"))


def known_ids(connection: Connection, chat_ids: Sequence[int]) -> set[int]:
    """Which of these ids the archive has, damaged or not."""
    known: set[int] = set()
    for part in chunks(chat_ids):
        with readable_part("chats"):
            known.update(connection.scalars(select(chats.c.id).where(chats.c.id.in_(part))))
    return known


def _pairs(connection: Connection, statement: Select[Any]) -> Iterator[tuple[int, int]]:
    ids, revisions = array("q"), array("q")
    for chat_id, version, gone_at in connection.execution_options(yield_per=10_000).execute(
        statement
    ):
        if isinstance(version, int) and abs(version) < _MOST_VERSIONS:
            ids.append(chat_id)
            revisions.append(revision(version, gone=gone_at is not None))
    return zip(ids, revisions, strict=True)


def _one_by_one(connection: Connection, chat_id: int) -> StoredChat | DamagedRow | None:
    try:
        row = connection.execute(_BY_ID, {"id": chat_id}).first()
    except DBAPIError as error:
        if not is_damage(error):
            raise
        return DamagedRow("chats", UNREADABLE, "fetch", chat_id)
    return None if row is None else _stored_chat(row)


def _next_ids(connection: Connection, after: int, limit: int) -> list[int]:
    """Ids above `after`, although the table can't be read from end to end."""
    try:
        ids = connection.scalars(_IDS_INDEXED.limit(limit), {"after": after}).all()
        return [i for i in ids if isinstance(i, int)]
    except DBAPIError as error:
        if not is_damage(error):
            raise
    ids = []
    while len(ids) < limit and (
        (following := connection.scalar(_NEXT_ID, {"after": ids[-1] if ids else after})) is not None
    ):
        ids.append(following)
    return ids


def _in_the_index_alone(connection: Connection, chat_ids: list[int]) -> dict[int, DamagedRow]:
    """Chats that an index of the table has, although the table has not."""
    if connection.dialect.name != "sqlite":
        return {}
    statement = (
        select(chats.c.id).with_hint(chats, _INDEXED, "sqlite").where(chats.c.id.in_(chat_ids))
    )
    try:
        ids = connection.scalars(statement).all()
    except DBAPIError as error:
        if not is_damage(error):
            raise
        return {}
    return {i: DamagedRow("chats", MISSING, "fetch", i) for i in ids}


def _earlier_versions(
    connection: Connection, chat_id: int
) -> dict[int, StoredVersion | DamagedRow]:
    """The rows of a chat's earlier versions, by number."""
    try:
        rows = connection.execute(_VERSIONS, {"chat_id": chat_id}).all()
    except DBAPIError as error:
        if not is_damage(error):
            raise
        return _versions_one_by_one(connection, chat_id)
    return {row.version: stored_version(row) for row in rows}


def _versions_one_by_one(
    connection: Connection, chat_id: int
) -> dict[int, StoredVersion | DamagedRow]:
    found: dict[int, StoredVersion | DamagedRow] = {}
    for number in connection.scalars(_VERSION_NUMBERS, {"chat_id": chat_id}).all():
        try:
            row = connection.execute(_VERSION, {"chat_id": chat_id, "version": number}).first()
        except DBAPIError as error:
            if not is_damage(error):
                raise
            found[number] = DamagedRow("versions", UNREADABLE, "none", chat_id, number)
        else:
            if row is not None:
                found[number] = stored_version(row)
    return found


def stored_version(row: Sequence[Any]) -> StoredVersion | DamagedRow:
    """A row of `versions`, checked."""
    return version_of_row(row, seals.row_problem(versions, row))


def version_of_row(row: Sequence[Any], problem: str | None) -> StoredVersion | DamagedRow:
    """A row of `versions`, of which `problem` is wrong; None: nothing is."""
    chat_id, version, digest, seen_at, raw, sha256, _ = row
    if problem is None:
        return StoredVersion(chat_id, version, raw, digest, moment_out(seen_at))
    if problem == seals.RAW_DIFFERS and (raw, sha256) == (restoring.LOST, restoring.LOST):
        problem = LOST
    number = version if isinstance(version, int) else None
    return DamagedRow("versions", problem, "none", chat_id, number)


def _stored_chat(row: Row[*tuple[Any, ...]], *, remember: bool = False) -> StoredChat | DamagedRow:
    problem = seals.row_problem(chats, row, remember=remember)
    if problem is not None:
        version = row[1] if isinstance(row[1], int) else None
        return DamagedRow("chats", problem, "fetch", row[0], version)
    return StoredChat(
        id=row[0],
        raw=row[_RAW],
        digest=row[2],
        version=row[1],
        first_seen_at=moment_out(row[_FIRST_SEEN_AT]),
        changed_at=moment_out(row[_CHANGED_AT]),
        seen_at=moment_out(row[_SEEN_AT]),
        gone_at=moment_out(row[_GONE_AT]),
    )


def _as_version(chat: StoredChat) -> StoredVersion:
    return StoredVersion(chat.id, chat.version, chat.raw, chat.digest, chat.changed_at)
