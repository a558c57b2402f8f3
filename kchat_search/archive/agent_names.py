"""Agents' names by their ids. A name that was saved once stays, also when Kchat removes the
agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kchat_search.archive import change_queue, restoring, sealed_rows, seals
from kchat_search.archive.error_translation import readable_part
from kchat_search.archive.tables import agents
from kchat_search.databases.column_values import moment_in, storable

# Built once, because building a statement takes as long as carrying it out.
_ALL = select(agents)


def by_id(connection: Connection) -> dict[str, str]:
    """All names by agent id. A damaged row names nobody: its agent is shown by the id."""
    names = {}
    rows: Sequence[Any] = ()
    with readable_part("agents"):
        rows = connection.execute(_ALL).all()
    for row in rows:
        if seals.row_problem(agents, row, remember=True) is None:
            names[row[0]] = row[1]
        else:
            seals.say_left_out("agents")
    return names


def save(connection: Connection, names: Mapping[str, str], now: datetime) -> None:
    """Add and rename agents, and queue the chats that those whose name is new or changed may have
    taken part in: names tell who spoke."""
    new_names = {storable(agent_id): storable(name) for agent_id, name in names.items()}
    seen_at = moment_in(now)
    sound, damaged = sealed_rows.sound_and_damaged(connection, agents, agents.c.id.is_not(None))
    replaced = [row for row in damaged if row["id"] in new_names]
    restoring.set_aside_rows(connection, agents, replaced, seen_at)
    old_names = {row["id"]: row["name"] for row in sound}
    sealed_rows.put(
        connection,
        agents,
        [{"id": key, "name": name, "seen_at": seen_at} for key, name in new_names.items()],
        [row for row in sound if row["id"] in new_names],
    )
    renamed = [agent_id for agent_id, name in new_names.items() if old_names.get(agent_id) != name]
    said = {new_names[i] for i in renamed} | {old_names[i] for i in renamed if i in old_names}
    change_queue.put_chats_of(connection, sorted(renamed), sorted(said))
