"""The change queue: which chats the index must be told of.

Invariants: a chat is queued once; queued anew, it goes to the end under a new number, so that an
entry taken before that is another one; a number never comes twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, func, insert, select

from kchat_search.archive.statements import chunks
from kchat_search.archive.tables import changes, chats
from kchat_search.archive.tally import add_to_tally
from kchat_search.models.chats import QueueEntry


def put(connection: Connection, chat_ids: Sequence[int]) -> None:
    """Queue chats, each of them named once."""
    if not chat_ids:
        return
    waited = 0
    for part in chunks(chat_ids):
        waited += connection.execute(delete(changes).where(changes.c.chat_id.in_(part))).rowcount
    connection.execute(insert(changes), [{"chat_id": number} for number in chat_ids])
    add_to_tally(connection, pending=len(chat_ids) - waited)


def put_chats_of(connection: Connection, agent_ids: Sequence[str]) -> None:
    """Queue all chats of these agents, id ascending."""
    for part in chunks(agent_ids):
        theirs = select(chats.c.id).where(chats.c.agent_id.in_(part))
        waited = connection.execute(delete(changes).where(changes.c.chat_id.in_(theirs))).rowcount
        queued = connection.execute(
            insert(changes).from_select(["chat_id"], theirs.order_by(chats.c.id))
        ).rowcount
        add_to_tally(connection, pending=queued - waited)


def head(connection: Connection, limit: int) -> tuple[QueueEntry, ...]:
    """The oldest entries."""
    rows = connection.execute(
        select(changes.c.sequence, changes.c.chat_id).order_by(changes.c.sequence).limit(limit)
    )
    return tuple(QueueEntry(sequence, chat_id) for sequence, chat_id in rows)


def remove(connection: Connection, entries: Collection[QueueEntry]) -> None:
    """Drop those of the entries that are in the queue exactly so."""
    wanted = {(entry.sequence, entry.chat_id) for entry in entries}
    for part in chunks(sorted({sequence for sequence, _ in wanted})):
        rows = connection.execute(
            select(changes.c.sequence, changes.c.chat_id).where(changes.c.sequence.in_(part))
        ).all()
        same = [sequence for sequence, chat_id in rows if (sequence, chat_id) in wanted]
        connection.execute(delete(changes).where(changes.c.sequence.in_(same)))
        add_to_tally(connection, pending=-len(same))


def remove_through(connection: Connection, sequence: int) -> None:
    """Drop all entries up to this number."""
    dropped = connection.execute(delete(changes).where(changes.c.sequence <= sequence)).rowcount
    add_to_tally(connection, pending=-dropped)


def last_sequence(connection: Connection) -> int:
    """The highest number in the queue, 0 if it is empty."""
    return connection.scalar(select(func.max(changes.c.sequence))) or 0
