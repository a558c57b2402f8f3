"""Save what one step of sync has fetched: chats with their versions, and rejects.

Invariant: a version that was seen once is never lost. Before a changed chat is replaced, its
present version is copied to `versions`, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from kchat_search.archive import change_queue, reject_list
from kchat_search.archive.column_conversion import moment_in, second_in, storable, storable_row
from kchat_search.archive.statements import chunks, upsert
from kchat_search.archive.tables import chats, not_gone, versions
from kchat_search.archive.tally import add_to_tally
from kchat_search.models.chats import FetchedChat, RejectedChat, SaveReport


class _Known(NamedTuple):
    """What the archive knows of a chat before the save."""

    digest: str
    version: int
    gone: bool


def save(
    connection: Connection,
    fetched: Sequence[FetchedChat],
    rejected: Sequence[RejectedChat],
    now: datetime,
) -> SaveReport:
    """Save chats and rejects, as `ports.SyncArchive.save` says."""
    latest = {item.chat.id: item for item in fetched}
    known = _known(connection, sorted(latest))
    seen_at = moment_in(now)
    digests = {chat_id: storable(item.digest) for chat_id, item in latest.items()}
    new = latest.keys() - known.keys()
    changed = {i for i, before in known.items() if before.digest != digests[i]}
    listed = [latest[i] for i in sorted(changed) if latest[i].listed]
    changed -= _with_nothing_new(connection, listed)
    same = known.keys() - changed
    returned = {i for i, before in known.items() if before.gone}
    _copy_to_versions(connection, sorted(changed))
    _write(
        connection,
        [
            _row(latest[i], known[i].version + 1 if i in known else 1, seen_at)
            for i in sorted(new | changed)
        ],
    )
    _mark_seen(connection, sorted(same), seen_at)
    change_queue.put(connection, sorted(new | changed | returned))
    add_to_tally(connection, chats=len(new), versions=len(new) + len(changed), gone=-len(returned))
    reject_list.drop(connection, map(_reject_key, sorted(latest)))
    understood = {_reject_key(i) for i in latest}
    rejects = [item for item in rejected if item.key not in understood]
    return SaveReport(
        new=len(new),
        changed=len(changed),
        same=len(same),
        rejected=reject_list.put(connection, rejects, seen_at),
    )


def see(connection: Connection, chat_ids: Sequence[int], now: datetime) -> None:
    """Kchat still shows these chats: mark them as seen and not gone. Content stays as it is."""
    known = _known(connection, chat_ids)
    returned = [i for i in sorted(known) if known[i].gone]
    _mark_seen(connection, sorted(known), moment_in(now))
    change_queue.put(connection, returned)
    add_to_tally(connection, gone=-len(returned))


def mark_gone(connection: Connection, chat_ids: Sequence[int], now: datetime) -> int:
    """Mark and queue the chats that are not marked yet. Returns how many were marked."""
    marked: list[int] = []
    for part in chunks(chat_ids):
        marked += connection.scalars(select(chats.c.id).where(chats.c.id.in_(part), not_gone))
    for part in chunks(marked):
        connection.execute(update(chats).where(chats.c.id.in_(part)).values(gone_at=moment_in(now)))
    change_queue.put(connection, sorted(marked))
    add_to_tally(connection, gone=len(marked))
    reject_list.mark_gone(connection, chat_ids, now)
    return len(marked)


def _known(connection: Connection, chat_ids: Sequence[int]) -> dict[int, _Known]:
    known = {}
    for part in chunks(chat_ids):
        for chat_id, digest, version, gone_at in connection.execute(
            select(chats.c.id, chats.c.digest, chats.c.version, chats.c.gone_at).where(
                chats.c.id.in_(part)
            )
        ):
            known[chat_id] = _Known(digest, version, gone_at is not None)
    return known


def _with_nothing_new(connection: Connection, listed: Sequence[FetchedChat]) -> set[int]:
    """Chats whose form in a list is a part of their stored form. A list may leave out fields that
    the chat itself has, so a shorter form is not a change."""
    raw_by_id: dict[int, str] = {}
    for part in chunks([item.chat.id for item in listed]):
        rows = connection.execute(select(chats.c.id, chats.c.raw).where(chats.c.id.in_(part)))
        raw_by_id |= dict(rows.all())
    same: set[int] = set()
    for item in listed:
        stored_fields = json.loads(raw_by_id[item.chat.id])
        listed_fields = json.loads(item.raw)
        if len(listed_fields) < len(stored_fields) and all(
            name in stored_fields and stored_fields[name] == value
            for name, value in listed_fields.items()
        ):
            same.add(item.chat.id)
    return same


def _copy_to_versions(connection: Connection, chat_ids: Sequence[int]) -> None:
    columns = (chats.c.id, chats.c.version, chats.c.raw, chats.c.digest, chats.c.changed_at)
    for part in chunks(chat_ids):
        connection.execute(
            insert(versions).from_select(
                ["chat_id", "version", "raw", "digest", "seen_at"],
                select(*columns).where(chats.c.id.in_(part)),
            )
        )


def _write(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        connection.execute(upsert(connection.dialect.name, chats, ["first_seen_at"]), rows)


def _mark_seen(connection: Connection, chat_ids: Sequence[int], seen_at: int) -> None:
    for part in chunks(chat_ids):
        connection.execute(
            update(chats).where(chats.c.id.in_(part)).values(seen_at=seen_at, gone_at=None)
        )


def _reject_key(chat_id: int) -> str:
    return f"chat:{chat_id}"


def _row(item: FetchedChat, version: int, seen_at: int) -> dict[str, object]:
    chat = item.chat
    created_at, end_at = second_in(chat.created_at), second_in(chat.end_at)
    return storable_row(
        id=chat.id,
        version=version,
        digest=item.digest,
        created_at=created_at,
        end_at=end_at,
        active_at=created_at if end_at is None else end_at,
        status=chat.status,
        agent_id=chat.agent_id,
        visitor_id=chat.visitor_id,
        first_seen_at=seen_at,
        changed_at=seen_at,
        seen_at=seen_at,
        gone_at=None,
    ) | {"raw": item.raw}  # ASCII, so it can be stored as it is
