"""The rejects: chats that could not be understood, each with its raw form and the reason.

Invariants: a reject stays until its chat is understood. A reject that Kchat no longer shows is
marked as gone and not deleted; the tally counts only those that are not gone. A damaged row is set
aside before a new one takes its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from kchat_search.archive import restoring, sealed_rows, seals
from kchat_search.archive.column_conversion import storable_ids, storable_row
from kchat_search.archive.sealed_rows import Row
from kchat_search.archive.tables import rejects
from kchat_search.archive.tally import add_to_tally
from kchat_search.databases.column_values import moment_in, moment_out, storable
from kchat_search.databases.statements import chunks
from kchat_search.models.chats import NOT_FETCHED, RejectedChat, StoredReject
from kchat_search.models.damage import DamagedRow

_not_gone = rejects.c.gone_at.is_(None)


def put(connection: Connection, rejected: Sequence[RejectedChat], seen_at: int) -> int:
    """Save rejects; of several with one key, the last. Returns how many keys there were."""
    latest = {storable(item.key): item for item in rejected}
    if not latest:
        return 0
    known = _to_replace(connection, latest, seen_at)
    # A chat that could not be fetched has no raw form. If an earlier one is stored, it stays.
    not_fetched = [key for key, item in latest.items() if item.raw == NOT_FETCHED and key in known]
    earlier_raw = _raw_by_key(connection, not_fetched)
    rows = []
    for key, item in latest.items():
        before = known.get(key)
        raw, sha256 = earlier_raw.get(key, (item.raw, item.sha256))
        row = storable_row(
            key=key,
            chat_id=_storable_id(item.chat_id),
            reason=item.reason,
            first_seen_at=seen_at if before is None else before["first_seen_at"],
            last_seen_at=seen_at,
            times=1 if before is None else before["times"] + 1,
            gone_at=None,
            sha256=sha256,
        )
        rows.append(row | {"raw": raw})
    sealed_rows.put(connection, rejects, rows, list(known.values()))
    counted_before = sum(row["gone_at"] is None for row in known.values())
    add_to_tally(connection, rejected=len(latest) - counted_before)
    return len(latest)


def drop(connection: Connection, keys: Iterable[str]) -> None:
    """Delete these rejects: they have been understood."""
    for part in chunks([storable(key) for key in keys]):
        sound, damaged = sealed_rows.sound_and_damaged(connection, rejects, rejects.c.key.in_(part))
        known = sound + damaged  # what was understood is no longer needed, damaged or not
        sealed_rows.remove(connection, rejects, known)
        add_to_tally(connection, rejected=-sum(row["gone_at"] is None for row in known))


def mark_gone(connection: Connection, chat_ids: Collection[int], now: datetime) -> None:
    """Mark the rejects of these chats: Kchat no longer has the chats."""
    for part in chunks(list(chat_ids)):
        _mark_gone(connection, rejects.c.chat_id.in_(part), now)


def mark_nameless_gone(connection: Connection, unseen_since: datetime, now: datetime) -> None:
    """Mark rejects that have no chat id and were last seen before `unseen_since`."""
    unseen = rejects.c.last_seen_at < moment_in(unseen_since)
    _mark_gone(connection, rejects.c.chat_id.is_(None) & unseen, now)


def _mark_gone(connection: Connection, condition: ColumnElement[bool], now: datetime) -> None:
    sound, _ = sealed_rows.sound_and_damaged(connection, rejects, condition & _not_gone)
    sealed_rows.change(connection, rejects, sound, {"gone_at": moment_in(now)})
    add_to_tally(connection, rejected=-len(sound))


def chat_ids(connection: Connection, limit: int | None) -> tuple[int, ...]:
    """Chat ids of rejects that are not gone, least recently seen first."""
    rows = connection.scalars(
        select(rejects.c.chat_id)
        .where(rejects.c.chat_id.is_not(None), _not_gone)
        .order_by(rejects.c.last_seen_at, rejects.c.key)
        .limit(limit)
    )
    return tuple(row for row in rows if isinstance(row, int))  # a damaged one may be anything


def page(connection: Connection, limit: int, offset: int) -> tuple[StoredReject, ...]:
    """Rejects that are not gone before those that are, the last seen first."""
    rows = connection.execute(
        select(rejects)
        .order_by(rejects.c.gone_at.is_not(None), rejects.c.last_seen_at.desc(), rejects.c.key)
        .limit(limit)
        .offset(offset)
    )
    return tuple(
        _damaged(row.key, problem)
        if (problem := seals.row_problem(rejects, row)) is not None
        else StoredReject(
            RejectedChat(row.key, row.chat_id, row.raw, row.reason, row.sha256),
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


def after_key(
    connection: Connection, key: str, limit: int
) -> tuple[list[RejectedChat], str | None]:
    """(the next rejects after this key in the order of their keys, the key after which to go on).
    At most `limit` rows are read; damaged ones are left out. The key is None at the end."""
    rows = connection.execute(
        select(rejects).where(rejects.c.key > key).order_by(rejects.c.key).limit(limit)
    ).all()
    sound = [
        RejectedChat(row.key, row.chat_id, row.raw, row.reason, row.sha256)
        for row in rows
        if seals.row_problem(rejects, row) is None
    ]
    more = len(rows) == limit and isinstance(rows[-1].key, str)
    return sound, rows[-1].key if more else None


def _damaged(key: object, problem: str) -> StoredReject:
    damage = DamagedRow("rejects", problem, "none", key=restoring.printable(key))
    return StoredReject(RejectedChat(damage.key, None, "", str(damage)), None, None, 0)


def _storable_id(chat_id: int | None) -> int | None:
    """The id, or None where no column can hold it. Such a number may be the very reason for the
    reject; the key and the raw form still have it."""
    return chat_id if chat_id is not None and storable_ids([chat_id]) else None


def _raw_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """(raw JSON, its SHA-256) of these rejects, by key."""
    return {
        key: (raw, sha256)
        for part in chunks(keys)
        for key, raw, sha256 in connection.execute(
            select(rejects.c.key, rejects.c.raw, rejects.c.sha256).where(rejects.c.key.in_(part))
        )
    }


def _to_replace(connection: Connection, keys: Collection[str], seen_at: int) -> dict[str, Row]:
    """The sound rows of these keys, by key. Damaged ones are set aside."""
    known: dict[str, Row] = {}
    for part in chunks(list(keys)):
        sound, damaged = sealed_rows.sound_and_damaged(connection, rejects, rejects.c.key.in_(part))
        known |= {row["key"]: row for row in sound}
        restoring.set_aside_rows(connection, rejects, damaged, seen_at)
    return known
