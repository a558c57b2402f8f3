"""Read chats and their versions."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from kchat_search.archive.column_conversion import moment_out
from kchat_search.archive.statements import chunks
from kchat_search.archive.tables import chats, versions
from kchat_search.models.chats import StoredChat, StoredVersion, revision

_COLUMNS = (
    chats.c.id,
    chats.c.raw,
    chats.c.digest,
    chats.c.version,
    chats.c.first_seen_at,
    chats.c.changed_at,
    chats.c.seen_at,
    chats.c.gone_at,
)

# Built once, because building a statement takes as long as carrying it out.
_BY_IDS = select(*_COLUMNS).where(chats.c.id.in_(bindparam("ids", expanding=True)))


def by_ids(connection: Connection, chat_ids: Sequence[int]) -> dict[int, StoredChat]:
    """The chats of these ids, by id; ids that are not there are left out."""
    return {
        stored.id: stored
        for part in chunks(chat_ids)
        for stored in map(_stored_chat, connection.execute(_BY_IDS, {"ids": part}).all())
    }


def after_id(connection: Connection, chat_id: int, limit: int) -> list[StoredChat]:
    """The next chats above this id, id ascending, at most `limit`."""
    rows = connection.execute(
        select(*_COLUMNS).where(chats.c.id > chat_id).order_by(chats.c.id).limit(limit)
    )
    return [_stored_chat(row) for row in rows.all()]


def versions_of(connection: Connection, chat_id: int) -> list[StoredVersion]:
    """All versions of a chat, oldest first, the present one last."""
    earlier = (
        select(versions.c.version, versions.c.raw, versions.c.digest, versions.c.seen_at)
        .where(versions.c.chat_id == chat_id)
        .order_by(versions.c.version)
    )
    present = select(chats.c.version, chats.c.raw, chats.c.digest, chats.c.changed_at).where(
        chats.c.id == chat_id
    )
    return [
        StoredVersion(chat_id, version, raw, digest, moment_out(seen_at))
        for statement in (earlier, present)
        for version, raw, digest, seen_at in connection.execute(statement).all()
    ]


def id_revisions(connection: Connection) -> Iterator[tuple[int, int]]:
    """(id, revision) of every chat, id ascending. All are read before this returns, and take 16
    bytes a chat, so the pairs can be used after the transaction has ended."""
    ids, revisions = array("q"), array("q")
    rows = connection.execution_options(yield_per=10_000).execute(
        select(chats.c.id, chats.c.version, chats.c.gone_at).order_by(chats.c.id)
    )
    for chat_id, version, gone_at in rows:
        ids.append(chat_id)
        revisions.append(revision(version, gone=gone_at is not None))
    return zip(ids, revisions, strict=True)


def _stored_chat(row: Row[*tuple[Any, ...]]) -> StoredChat:
    chat_id, raw, digest, version, first_seen, changed, seen, gone = row  # as in _COLUMNS
    return StoredChat(
        id=chat_id,
        raw=raw,
        digest=digest,
        version=version,
        first_seen_at=moment_out(first_seen),
        changed_at=moment_out(changed),
        seen_at=moment_out(seen),
        gone_at=moment_out(gone),
    )
