"""What sync decides by: the newest chat of the archive, and which chats must be fetched again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, or_, select, union

from kchat_search.archive.column_conversion import second_in, second_out
from kchat_search.archive.tables import chats, not_gone, still_open
from kchat_search.databases.column_values import moment_in, moment_out
from kchat_search.models.chats import ChatState

_YEAR_9999 = 253_370_764_800
"""In seconds since 1970."""


def highest_id(connection: Connection) -> int:
    """The highest id of all chats, 0 if there is none."""
    return connection.scalar(select(func.max(chats.c.id))) or 0


def newest_created(connection: Connection) -> datetime | None:
    """The latest `created_at` of all chats, None if there is none."""
    # A damaged row may have anything there, which no moment can be made of.
    plausible = chats.c.created_at.between(0, _YEAR_9999)
    return second_out(connection.scalar(select(func.max(chats.c.created_at)).where(plausible)))


def not_seen_since(
    connection: Connection,
    moment: datetime,
    *,
    after: int,
    limit: int | None,
    created_since: datetime | None,
    now: datetime | None,
) -> tuple[int, ...]:
    """Ids of chats that Kchat has not shown recently, as `ports.SyncArchive` says."""
    unseen = chats.c.seen_at < moment_in(moment)
    if now is not None:
        unseen = or_(unseen, chats.c.seen_at > moment_in(now))
    statement = select(chats.c.id).where(not_gone, unseen)
    if created_since is not None:
        statement = statement.where(chats.c.created_at >= second_in(created_since))
    statement = statement.where(chats.c.id > after).order_by(chats.c.id).limit(limit)
    return tuple(connection.scalars(statement))


def states_to_recheck(
    connection: Connection, closed_since: datetime, limit: int
) -> tuple[ChatState, ...]:
    """Chats that may still change, as `ports.SyncArchive` says."""
    # Two queries, because each has an index of its own: few chats are open, and few ended recently.
    open_chats = (
        select(chats.c.id, chats.c.seen_at)
        .where(still_open)
        .order_by(chats.c.seen_at, chats.c.id)
        .limit(limit)
        .subquery()
    )
    ended_recently = select(chats.c.id, chats.c.seen_at).where(
        not_gone, chats.c.active_at >= second_in(closed_since)
    )
    either = union(select(open_chats), ended_recently).subquery()
    chosen = select(either.c.id).order_by(either.c.seen_at, either.c.id).limit(limit).subquery()
    columns = (chats.c.id, chats.c.status, chats.c.end_at, chats.c.created_at, chats.c.seen_at)
    rows = connection.execute(
        select(*columns)
        .join(chosen, chosen.c.id == chats.c.id)
        .order_by(chats.c.seen_at, chats.c.id)
    )
    return tuple(state for row in rows if (state := _state(*row)) is not None)


def _state(
    chat_id: int, status: str, end: int | None, created: int | None, seen: int
) -> ChatState | None:
    """None for a damaged row of which no state can be made. Such a chat has not been seen for long,
    so a reconcile fetches it."""
    try:
        return ChatState(chat_id, status, second_out(end), second_out(created), moment_out(seen))
    except (TypeError, OverflowError):
        return None
