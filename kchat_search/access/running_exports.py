"""The exports of a principal that run, in all processes: `ports.access.Exports`.

Each has one of so many places, which is a row of `request_counts` that ends with a minute. While an
export runs, its row gets a later end once a minute. So the places of a process that was killed are
free again after `_MINUTES`.
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from sqlalchemy import ColumnElement, delete, insert, select, update

from kchat_search.access.database import AccessDatabase
from kchat_search.access.tables import request_counts
from kchat_search.errors import AccessError
from kchat_search.models.people import Principal

_MINUTES = 2
_of = request_counts.c.principal
_until = request_counts.c.minute


class SqlExports:
    """See the port."""

    def __init__(self, database: AccessDatabase) -> None:
        self._database = database

    def begin(self, principal: Principal, *, most: int) -> SqlExportPlace | None:
        """A place; None where the principal has `most`."""
        names = [f"{principal.key} export {number}" for number in range(most)]
        now = _minute(self._database)
        with self._database.writing() as connection:
            connection.execute(delete(request_counts).where(_of.in_(names), _until < now))
            taken = set(connection.scalars(select(_of).where(_of.in_(names))))
            free = next((name for name in names if name not in taken), None)
            if free is None:
                return None
            mark = secrets.randbits(62)
            row = {"principal": free, "minute": now + _MINUTES, "taken": mark}
            connection.execute(insert(request_counts), row)
        mine = (_of == free) & (request_counts.c.taken == mark)
        return SqlExportPlace(self._database, mine, now + _MINUTES)


class SqlExportPlace:
    """See the port."""

    def __init__(self, database: AccessDatabase, mine: ColumnElement[bool], until: int) -> None:
        """`mine`: which row is that of this place, and of nobody who has it later."""
        self._database = database
        self._mine = mine
        self._until = until

    def keep(self) -> None:
        """The export still runs. Writes once a minute."""
        until = _minute(self._database) + _MINUTES
        if until == self._until:
            return
        with self._database.writing() as connection:
            connection.execute(update(request_counts).where(self._mine).values(minute=until))
        self._until = until

    def end(self) -> None:
        """The export has ended. Where that can't be written, the place becomes free by itself."""
        with suppress(AccessError), self._database.writing() as connection:
            connection.execute(delete(request_counts).where(self._mine))


def _minute(database: AccessDatabase) -> int:
    return int(database.now().timestamp()) // 60
