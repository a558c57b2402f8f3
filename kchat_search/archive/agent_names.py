"""Agents' names by their ids. A name that was saved once stays, also when Kchat removes the
agent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from kchat_search.archive import change_queue
from kchat_search.archive.column_conversion import moment_in, storable
from kchat_search.archive.statements import upsert
from kchat_search.archive.tables import agents

# Built once, because building a statement takes as long as carrying it out.
_ALL = select(agents.c.id, agents.c.name)


def by_id(connection: Connection) -> dict[str, str]:
    """All names by agent id."""
    return dict(connection.execute(_ALL).all())


def save(connection: Connection, names: Mapping[str, str], now: datetime) -> None:
    """Add and rename agents, and queue the chats of those whose name is new or changed."""
    new_names = {storable(agent_id): storable(name) for agent_id, name in names.items()}
    seen_at = moment_in(now)
    rows = [
        {"id": agent_id, "name": name, "seen_at": seen_at} for agent_id, name in new_names.items()
    ]
    old_names = by_id(connection)
    connection.execute(upsert(connection.dialect.name, agents), rows)
    renamed = [agent_id for agent_id, name in new_names.items() if old_names.get(agent_id) != name]
    change_queue.put_chats_of(connection, sorted(renamed))
