"""What one sync step saw, kept in one transaction: chats, rejects and the cursor.

Invariant: a version that was seen once is never lost. A chat that changed is copied to `versions`
before it is replaced, by the same transaction.
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
from kchat_search.archive.tables import chats, versions
from kchat_search.archive.tally import add_to_tally
from kchat_search.models.chats import FetchedChat, RejectedChat, SaveReport


class _Known(NamedTuple):
    digest: str
    version: int
    gone: bool


def save(
    connection: Connection,
    fetched: Sequence[FetchedChat],
    rejected: Sequence[RejectedChat],
    now: datetime,
) -> SaveReport:
    """Keep chats and rejects, as `ports.Archive.save` says."""
    latest = {item.chat.id: item for item in fetched}
    known = _known(connection, sorted(latest))
    seen_at = moment_in(now)
    digests = {chat_id: storable(item.digest) for chat_id, item in latest.items()}
    new = latest.keys() - known.keys()
    changed = {i for i, before in known.items() if before.digest != digests[i]}
    changed -= _only_shorter(connection, [latest[i] for i in sorted(changed) if latest[i].listed])
    same = known.keys() - changed
    back = {i for i, before in known.items() if before.gone}
    _keep_earlier(connection, sorted(changed))
    _put(
        connection,
        [
            _row(latest[i], known[i].version + 1 if i in known else 1, seen_at)
            for i in sorted(new | changed)
        ],
    )
    _see_again(connection, sorted(same), seen_at)
    change_queue.put(connection, sorted(new | changed | back))
    add_to_tally(connection, chats=len(new), versions=len(new) + len(changed), gone=-len(back))
    reject_list.drop(connection, map(_key, sorted(latest)))
    understood = {_key(i) for i in latest}
    others = [item for item in rejected if item.key not in understood]
    return SaveReport(
        new=len(new),
        changed=len(changed),
        same=len(same),
        rejected=reject_list.put(connection, others, seen_at),
    )


def see(connection: Connection, chat_ids: Sequence[int], now: datetime) -> None:
    """Kchat shows these, whatever of them: they are seen, and gone no more."""
    known = _known(connection, chat_ids)
    back = [i for i in sorted(known) if known[i].gone]
    _see_again(connection, sorted(known), moment_in(now))
    change_queue.put(connection, back)
    add_to_tally(connection, gone=-len(back))


def _only_shorter(connection: Connection, listed: Sequence[FetchedChat]) -> set[int]:
    """Those that say nothing new: a list may leave out fields that the chat itself has."""
    raws: dict[int, str] = {}
    for part in chunks([item.chat.id for item in listed]):
        rows = connection.execute(select(chats.c.id, chats.c.raw).where(chats.c.id.in_(part)))
        raws |= dict(rows.all())
    same: set[int] = set()
    for item in listed:
        kept, came = json.loads(raws[item.chat.id]), json.loads(item.raw)
        if len(came) < len(kept) and all(
            name in kept and kept[name] == value for name, value in came.items()
        ):
            same.add(item.chat.id)
    return same


def mark_gone(connection: Connection, chat_ids: Sequence[int], now: datetime) -> int:
    """Mark and queue those that are there and not yet marked; how many they are."""
    there: list[int] = []
    for part in chunks(chat_ids):
        there += connection.scalars(
            select(chats.c.id).where(chats.c.id.in_(part), chats.c.gone_at.is_(None))
        )
    for part in chunks(there):
        connection.execute(update(chats).where(chats.c.id.in_(part)).values(gone_at=moment_in(now)))
    change_queue.put(connection, sorted(there))
    add_to_tally(connection, gone=len(there))
    reject_list.mark_gone(connection, chat_ids, now)
    return len(there)


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


def _keep_earlier(connection: Connection, chat_ids: Sequence[int]) -> None:
    columns = (chats.c.id, chats.c.version, chats.c.raw, chats.c.digest, chats.c.changed_at)
    for part in chunks(chat_ids):
        connection.execute(
            insert(versions).from_select(
                ["chat_id", "version", "raw", "digest", "seen_at"],
                select(*columns).where(chats.c.id.in_(part)),
            )
        )


def _put(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        connection.execute(upsert(connection.dialect.name, chats, ["first_seen_at"]), rows)


def _see_again(connection: Connection, chat_ids: Sequence[int], seen_at: int) -> None:
    for part in chunks(chat_ids):
        connection.execute(
            update(chats).where(chats.c.id.in_(part)).values(seen_at=seen_at, gone_at=None)
        )


def _key(chat_id: int) -> str:
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
    ) | {"raw": item.raw}  # ASCII, so storable as it is
