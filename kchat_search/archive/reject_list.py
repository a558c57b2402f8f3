"""The rejects: chats that could not be understood, each with its raw form and the reason.

Invariants: a reject stays until its chat is understood. A reject that Kchat no longer shows is
marked as gone and not deleted; the tally counts only those that are not gone.
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
from kchat_search.models.chats import NOT_FETCHED, RejectedChat, StoredReject

_not_gone = rejects.c.gone_at.is_(None)


def put(connection: Connection, rejected: Sequence[RejectedChat], seen_at: int) -> int:
    """Save rejects; of several with one key, the last. Returns how many keys there were."""
    latest = {storable(item.key): item for item in rejected}
    if not latest:
        return 0
    counted_before = _count_not_gone(connection, latest)
    # A chat that could not be fetched has no raw form. If an earlier one is stored, it stays.
    not_fetched = [key for key, item in latest.items() if item.raw == NOT_FETCHED]
    earlier_raw = _raw_by_key(connection, not_fetched)
    statement = upsert(
        connection.dialect.name, rejects, ["first_seen_at"], {"times": rejects.c.times + 1}
    )
    rows = [
        storable_row(
            key=key,
            chat_id=_storable_id(item.chat_id),
            reason=item.reason,
            first_seen_at=seen_at,
            last_seen_at=seen_at,
            times=1,
            raw=earlier_raw.get(key, item.raw),
            gone_at=None,
        )
        for key, item in latest.items()
    ]
    connection.execute(statement, rows)
    add_to_tally(connection, rejected=len(latest) - counted_before)
    return len(latest)


def drop(connection: Connection, keys: Iterable[str]) -> None:
    """Delete these rejects: they have been understood."""
    for part in chunks([storable(key) for key in keys]):
        add_to_tally(connection, rejected=-_count_not_gone(connection, part))
        connection.execute(delete(rejects).where(rejects.c.key.in_(part)))


def mark_gone(connection: Connection, chat_ids: Collection[int], now: datetime) -> None:
    """Mark the rejects of these chats: Kchat no longer has the chats."""
    for part in chunks(list(chat_ids)):
        marked = connection.execute(
            update(rejects)
            .where(rejects.c.chat_id.in_(part), _not_gone)
            .values(gone_at=moment_in(now))
        ).rowcount
        add_to_tally(connection, rejected=-marked)


def mark_nameless_gone(connection: Connection, unseen_since: datetime, now: datetime) -> None:
    """Mark rejects that have no chat id and were last seen before `unseen_since`."""
    marked = connection.execute(
        update(rejects)
        .where(
            rejects.c.chat_id.is_(None),
            rejects.c.last_seen_at < moment_in(unseen_since),
            _not_gone,
        )
        .values(gone_at=moment_in(now))
    ).rowcount
    add_to_tally(connection, rejected=-marked)


def chat_ids(connection: Connection, limit: int | None) -> tuple[int, ...]:
    """Chat ids of rejects that are not gone, least recently seen first."""
    rows = connection.scalars(
        select(rejects.c.chat_id)
        .where(rejects.c.chat_id.is_not(None), _not_gone)
        .order_by(rejects.c.last_seen_at, rejects.c.key)
        .limit(limit)
    )
    return tuple(rows)


def page(connection: Connection, limit: int, offset: int) -> tuple[StoredReject, ...]:
    """Rejects that are not gone before those that are, the last seen first."""
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
    """How many rejects there are, also those that are gone."""
    return connection.scalar(select(func.count()).select_from(rejects)) or 0


def after_key(connection: Connection, key: str, limit: int) -> list[RejectedChat]:
    """The next rejects after this key, in the order of their keys, at most `limit`."""
    columns = (rejects.c.key, rejects.c.chat_id, rejects.c.raw, rejects.c.reason)
    rows = connection.execute(
        select(*columns).where(rejects.c.key > key).order_by(rejects.c.key).limit(limit)
    ).all()
    return [RejectedChat(*row) for row in rows]


def _storable_id(chat_id: int | None) -> int | None:
    """The id, or None where no column can hold it. Such a number may be the very reason for the
    reject; the key and the raw form still have it."""
    return chat_id if chat_id is not None and storable_ids([chat_id]) else None


def _raw_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    return {
        key: raw
        for part in chunks(keys)
        for key, raw in connection.execute(
            select(rejects.c.key, rejects.c.raw).where(rejects.c.key.in_(part))
        )
    }


def _count_not_gone(connection: Connection, keys: Collection[str]) -> int:
    """How many of these keys are rejects that are not gone."""
    return sum(
        connection.scalar(select(func.count()).where(rejects.c.key.in_(part), _not_gone)) or 0
        for part in chunks(list(keys))
    )
