"""The change queue: which chats must be indexed.

Invariants: a chat is in the queue once. A chat that is queued again moves to the end under a new
number, so an entry that was taken before no longer stands for it. A number is never used twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, func, insert, select

from kchat_search.archive.statements import chunks
from kchat_search.archive.tables import changes, chats
from kchat_search.archive.tally import add_to_tally
from kchat_search.models.chats import QueueEntry


def put(connection: Connection, chat_ids: Sequence[int]) -> None:
    """Queue chats in this order. No id may occur twice."""
    if not chat_ids:
        return
    replaced = 0
    for part in chunks(chat_ids):
        replaced += connection.execute(delete(changes).where(changes.c.chat_id.in_(part))).rowcount
    connection.execute(insert(changes), [{"chat_id": chat_id} for chat_id in chat_ids])
    add_to_tally(connection, pending=len(chat_ids) - replaced)


def put_chats_of(connection: Connection, agent_ids: Sequence[str]) -> None:
    """Queue all chats of these agents, id ascending."""
    for part in chunks(agent_ids):
        their_chats = select(chats.c.id).where(chats.c.agent_id.in_(part))
        replaced = connection.execute(
            delete(changes).where(changes.c.chat_id.in_(their_chats))
        ).rowcount
        queued = connection.execute(
            insert(changes).from_select(["chat_id"], their_chats.order_by(chats.c.id))
        ).rowcount
        add_to_tally(connection, pending=queued - replaced)


def head(connection: Connection, limit: int) -> tuple[QueueEntry, ...]:
    """The oldest entries, oldest first."""
    rows = connection.execute(
        select(changes.c.sequence, changes.c.chat_id).order_by(changes.c.sequence).limit(limit)
    )
    # A damaged entry may name anything; it stays until repair removes it.
    return tuple(
        QueueEntry(sequence, chat_id) for sequence, chat_id in rows if isinstance(chat_id, int)
    )


def nameless(connection: Connection) -> list[int]:
    """The numbers of entries that name no chat, because they are damaged."""
    rows = connection.execute(select(changes.c.sequence, changes.c.chat_id)).all()
    return [sequence for sequence, chat_id in rows if not isinstance(chat_id, int)]


def remove_nameless(connection: Connection) -> None:
    """Remove the entries that name no chat. Which chats they were shows when the index is compared
    with the archive."""
    for part in chunks(nameless(connection)):
        connection.execute(delete(changes).where(changes.c.sequence.in_(part)))
        add_to_tally(connection, pending=-len(part))


def remove(connection: Connection, entries: Collection[QueueEntry]) -> None:
    """Remove those of the entries that are in the queue with this number and this chat."""
    pairs = {(entry.sequence, entry.chat_id) for entry in entries}
    for part in chunks(sorted({sequence for sequence, _ in pairs})):
        rows = connection.execute(
            select(changes.c.sequence, changes.c.chat_id).where(changes.c.sequence.in_(part))
        ).all()
        in_queue = [sequence for sequence, chat_id in rows if (sequence, chat_id) in pairs]
        connection.execute(delete(changes).where(changes.c.sequence.in_(in_queue)))
        add_to_tally(connection, pending=-len(in_queue))


def remove_through(connection: Connection, sequence: int) -> None:
    """Remove all entries up to and with this number."""
    removed = connection.execute(delete(changes).where(changes.c.sequence <= sequence)).rowcount
    add_to_tally(connection, pending=-removed)


def last_sequence(connection: Connection) -> int:
    """The highest number in the queue, 0 if it is empty."""
    return connection.scalar(select(func.max(changes.c.sequence))) or 0
