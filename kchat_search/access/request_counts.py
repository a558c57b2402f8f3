"""How many requests a principal makes: `ports.access.Requests`.

A minute begins at a full minute of UTC. A process takes requests out of the database in small lots
(a sixteenth of what is left, at least one) and hands them out from memory, so that one request in
some twenty writes.

How exact that is: all processes together never let more than the limit through in a minute. One
process lets exactly the limit through. Each further one may hold a lot that it does not use, of at
most a sixteenth of the limit, so somebody may be refused that much earlier.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

from sqlalchemy import delete, select

from kchat_search.access.database import AccessDatabase
from kchat_search.access.tables import request_counts
from kchat_search.databases.statements import upsert
from kchat_search.errors import TooManyRequests
from kchat_search.models.people import Principal

_PARTS = 16
_MINUTE = 60


@dataclass(slots=True)
class _Lot:
    """Requests that this process may hand out."""

    here: int = 0
    elsewhere: int | None = None
    """How many are left in the database; None where that was not asked yet."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class SqlRequests:
    """See the port."""

    def __init__(self, database: AccessDatabase) -> None:
        self._database = database
        self._process = os.getpid()
        self._minute = 0
        self._lots: dict[str, _Lot] = {}
        self._lock = threading.Lock()

    def count(self, principal: Principal, *, limit: int) -> tuple[int, int]:
        """Count one request. Returns (how many are left in this minute, seconds to its end)."""
        if self._process != os.getpid():  # a fork: the parent's lots are the parent's
            self._renew()
        now = self._database.now()
        minute, second = divmod(int(now.timestamp()), _MINUTE)
        with self._lock:
            if minute != self._minute:
                self._minute, self._lots = minute, {}
            lot = self._lots.setdefault(principal.key, _Lot())
        with lot.lock:
            if not lot.here and lot.elsewhere != 0:
                self._take(principal.key, minute, limit, lot)
            if not lot.here:
                left = _MINUTE - second
                raise TooManyRequests(
                    f"More than {limit} requests in a minute: wait {left} s, then go on.", left
                )
            lot.here -= 1
            return lot.here + (lot.elsewhere or 0), _MINUTE - second

    def _take(self, key: str, minute: int, limit: int, lot: _Lot) -> None:
        mine = (request_counts.c.principal == key) & (request_counts.c.minute == minute)
        with self._database.writing() as connection:
            taken = connection.scalar(select(request_counts.c.taken).where(mine)) or 0
            left = max(limit - taken, 0)
            lot.here = min(left, max(1, left // _PARTS))
            lot.elsewhere = left - lot.here
            if not lot.here:
                return
            if not taken:
                connection.execute(delete(request_counts).where(request_counts.c.minute < minute))
            connection.execute(
                upsert(connection.dialect.name, request_counts),
                {"principal": key, "minute": minute, "taken": taken + lot.here},
            )

    def _renew(self) -> None:
        self._process = os.getpid()
        self._lots = {}
        self._lock = threading.Lock()
