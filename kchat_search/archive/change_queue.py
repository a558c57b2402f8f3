"""The change queue: which chats must be indexed.

Invariants: a chat is in the queue once. A chat that is queued again moves to the end under a new
number, so an entry that was taken before no longer stands for it. A number is never used twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select
from sqlalchemy.exc import DBAPIError

from kchat_search.archive.tables import changes, chats, versions
from kchat_search.archive.tally import add_to_tally
from kchat_search.databases.driver_statements import insert_many
from kchat_search.databases.error_translation import is_damage
from kchat_search.databases.statements import chunks
from kchat_search.models.chats import QueueEntry

_LOOKED_FOR = 3
"""Agents."""


def put(connection: Connection, chat_ids: Sequence[int]) -> None:
    """Queue chats in this order. No id may occur twice."""
    if not chat_ids:
        return
    replaced = 0
    for part in chunks(chat_ids):
        replaced += connection.execute(delete(changes).where(changes.c.chat_id.in_(part))).rowcount
    insert_many(connection, [changes.c.chat_id], [(chat_id,) for chat_id in chat_ids])
    add_to_tally(connection, pending=len(chat_ids) - replaced)


def put_chats_of(connection: Connection, agent_ids: Sequence[str], names: Sequence[str]) -> None:
    """Queue all chats of these agents, id ascending: those where one is in charge, and those that
    name one, now or in an earlier version. A few more may be among them.

    Every chat is read for this. For more than `_LOOKED_FOR` agents, or where something can't be
    read, all are queued.
    """
    if not agent_ids:
        return
    every = select(chats.c.id).order_by(chats.c.id)
    theirs = every
    if len(agent_ids) <= _LOOKED_FOR:
        theirs = every.where(_may_concern(connection, agent_ids, names))
    try:
        ids = connection.scalars(theirs).all()
    except DBAPIError as error:
        if not is_damage(error):
            raise
        ids = connection.scalars(every).all()
    put(connection, ids)


def _may_concern(
    connection: Connection, agent_ids: Sequence[str], names: Sequence[str]
) -> ColumnElement[bool]:
    """Is one of these agents in charge of a chat, or named in it, now or in an earlier version?"""
    find = func.strpos if connection.dialect.name == "postgresql" else func.instr
    # The archive's JSON is compact and in ASCII. Ids are numbers in it, or texts.
    wanted = [json.dumps(name.strip())[1:-1] for name in names if name.strip()]
    wanted += [f'"user_id":{quote}{i}' for i in agent_ids for quote in ("", '"')]
    before = select(versions.c.chat_id).where(or_(*(find(versions.c.raw, w) > 0 for w in wanted)))
    return or_(
        chats.c.agent_id.in_(agent_ids),
        *(find(chats.c.raw, each) > 0 for each in wanted),
        chats.c.id.in_(before),
    )


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
