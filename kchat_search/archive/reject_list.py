"""The rejects: chats that could not be understood, with their raw form and the reason.

Invariants: a reject stays until its chat is understood; one that Kchat shows no more is marked,
never dropped, and the tally counts it no longer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from kchat_search.archive.column_conversion import (
    moment_in,
    moment_out,
    storable,
    storable_ids,
    storable_row,
)
from kchat_search.archive.statements import chunks, upsert
from kchat_search.archive.tables import rejects
from kchat_search.archive.tally import add_to_tally
from kchat_search.models.chats import NOTHING, RejectedChat, StoredReject

_waits = rejects.c.gone_at.is_(None)


def put(connection: Connection, rejected: Sequence[RejectedChat], seen_at: int) -> int:
    """Keep those that came, each once; how many they are."""
    latest = {storable(item.key): item for item in rejected}
    if not latest:
        return 0
    waited = _waiting(connection, latest)
    before = _raw_of(connection, [key for key, item in latest.items() if item.raw == NOTHING])
    statement = upsert(
        connection.dialect.name, rejects, ["first_seen_at"], {"times": rejects.c.times + 1}
    )
    rows = [
        storable_row(
            key=key,
            # A number beyond any column may be the very reason; the key and raw form still have it
            chat_id=next(iter(storable_ids([] if item.chat_id is None else [item.chat_id])), None),
            reason=item.reason,
            first_seen_at=seen_at,
            last_seen_at=seen_at,
            times=1,
            raw=before.get(key, item.raw),
            gone_at=None,
        )
        for key, item in latest.items()
    ]
    connection.execute(statement, rows)
    add_to_tally(connection, rejected=len(latest) - waited)
    return len(latest)


def drop(connection: Connection, keys: Iterable[str]) -> None:
    """These have been understood."""
    for part in chunks([storable(key) for key in keys]):
        add_to_tally(connection, rejected=-_waiting(connection, part))
        connection.execute(delete(rejects).where(rejects.c.key.in_(part)))


def mark_gone(connection: Connection, chat_ids: Collection[int], now: datetime) -> None:
    """Kchat has these chats no more."""
    for part in chunks(list(chat_ids)):
        marked = connection.execute(
            update(rejects)
            .where(rejects.c.chat_id.in_(part), _waits)
            .values(gone_at=moment_in(now))
        ).rowcount
        add_to_tally(connection, rejected=-marked)


def mark_nameless_gone(connection: Connection, unseen_since: datetime, now: datetime) -> None:
    """Those without a chat's id that were last seen before that moment."""
    marked = connection.execute(
        update(rejects)
        .where(
            rejects.c.chat_id.is_(None), rejects.c.last_seen_at < moment_in(unseen_since), _waits
        )
        .values(gone_at=moment_in(now))
    ).rowcount
    add_to_tally(connection, rejected=-marked)


def chat_ids(connection: Connection, limit: int | None) -> tuple[int, ...]:
    """The chats' ids of those that are not gone, least recently seen first."""
    rows = connection.scalars(
        select(rejects.c.chat_id)
        .where(rejects.c.chat_id.is_not(None), _waits)
        .order_by(rejects.c.last_seen_at, rejects.c.key)
        .limit(limit)
    )
    return tuple(rows)


def page(connection: Connection, limit: int, offset: int) -> tuple[StoredReject, ...]:
    """Those that Kchat still shows before the others, last seen first."""
    rows = connection.execute(
        select(rejects)
        .order_by(rejects.c.gone_at.is_not(None), rejects.c.last_seen_at.desc(), rejects.c.key)
        .limit(limit)
        .offset(offset)
    )
    return tuple(
        StoredReject(
            RejectedChat(row.key, row.chat_id, row.raw, row.reason),
            moment_out(row.first_seen_at),
            moment_out(row.last_seen_at),
            row.times,
            moment_out(row.gone_at),
        )
        for row in rows
    )


def total(connection: Connection) -> int:
    """How many there are, gone ones too."""
    return connection.scalar(select(func.count()).select_from(rejects)) or 0


def after_key(connection: Connection, key: str, limit: int) -> list[RejectedChat]:
    """Those behind this key, by key."""
    columns = (rejects.c.key, rejects.c.chat_id, rejects.c.raw, rejects.c.reason)
    rows = connection.execute(
        select(*columns).where(rejects.c.key > key).order_by(rejects.c.key).limit(limit)
    ).all()
    return [RejectedChat(*row) for row in rows]


def _raw_of(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """What is kept of these: a chat that could not be had brought nothing to replace it."""
    return {
        key: raw
        for part in chunks(keys)
        for key, raw in connection.execute(
            select(rejects.c.key, rejects.c.raw).where(rejects.c.key.in_(part))
        )
    }


def _waiting(connection: Connection, keys: Collection[str]) -> int:
    """How many of these are there and not gone."""
    return sum(
        connection.scalar(select(func.count()).where(rejects.c.key.in_(part), _waits)) or 0
        for part in chunks(list(keys))
    )
