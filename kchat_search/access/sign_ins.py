"""Signing in by password, and what a sign-in elsewhere may be used for once:
`ports.access.SignIns`.

Who fails waits before the next try: name and address together, so that nobody locks another out. An
address of IPv6 counts as its /64, which one person has whole. After three failures in a row the
wait is 1 second, then 2, 4 and so on up to a quarter of an hour; a day without a failure, or the
right password, clears it. A try is counted before the password is checked, so many at once gain
nothing. Counts are in the database, so all processes share them.

Checking a password takes memory and a processor, and anybody may ask for it. So one is checked at a
time in a process (`Passwords`), a few more may wait, few of them from one address, and the rest is
told to come again. A flood of log-ins leaves threads for those who are signed in.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from kchat_search.access import names
from kchat_search.access.database import AccessDatabase, latest_time
from kchat_search.access.people import SqlPeople
from kchat_search.access.tables import failed_log_ins, request_counts
from kchat_search.databases.column_values import moment_in, moment_out, storable
from kchat_search.databases.statements import upsert
from kchat_search.errors import TooManyAttempts
from kchat_search.models.people import Person

FREE_FAILURES = 3
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)
MOST_ROWS = 10_000
"""Rows of failures. Beyond them those of longest ago are dropped, so that no flood of names fills
the disk. To drop one's own, an attacker must fail so often with other names."""
MOST_AT_ONCE = 4
"""Log-ins at one time in a process: one is checked, the others wait."""
MOST_OF_AN_ADDRESS = 2
_STATE_MINUTES = 20
"""So long a state is known as used: longer than a sign-in elsewhere may take."""
_NETWORK_BITS = 64


class SqlSignIns:
    """See the port."""

    def __init__(self, database: AccessDatabase, people: SqlPeople) -> None:
        self._database = database
        self._people = people
        self._places = _Places()

    def with_password(self, name: str, password: str, *, address: str) -> Person | None:
        """The person, or None where name or password is wrong."""
        place = _network(address)
        key = sha256(f"{names.folded(name)}\n{place}".encode()).hexdigest()
        with self._places.one(place):
            with self._database.writing() as connection:
                self._count_failure(connection, key)
            person = self._people.check_password(name, password)
            if person is not None:
                with self._database.writing() as connection:
                    connection.execute(delete(failed_log_ins).where(failed_log_ins.c.key == key))
            return person

    def is_first_use(self, state: str) -> bool:
        """Was this state of a sign-in elsewhere never used before, in any process?"""
        name = f"state {sha256(state.encode()).hexdigest()}"
        until = int(self._database.now().timestamp()) // 60 + _STATE_MINUTES
        used = select(request_counts.c.minute).where(request_counts.c.principal == name)
        with self._database.writing() as connection:
            if connection.scalar(used) is not None:
                return False
            row = {"principal": name, "minute": until, "taken": 1}
            connection.execute(insert(request_counts), row)
            return True

    def _count_failure(self, connection: Connection, key: str) -> None:
        """Count a failure before it is one. Raises `TooManyAttempts` where it is too early, which
        counts for nothing."""
        now = self._database.now(connection.scalar(select(latest_time)))
        row = connection.execute(
            select(failed_log_ins).where(failed_log_ins.c.key == key)
        ).one_or_none()
        times = 0
        if row is not None and now - moment_out(row.last_at) < FORGOTTEN_AFTER:
            left = moment_out(row.open_at) - now
            if left > timedelta(0):
                raise too_early(left)
            times = row.times
        connection.execute(
            upsert(connection.dialect.name, failed_log_ins),
            {
                "key": key,
                "times": times + 1,
                "last_at": moment_in(now),
                "open_at": moment_in(now + wait_after(times + 1)),
            },
        )
        if row is None:
            _drop_old(connection, now)
        self._database.keep_time(connection, now)


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES, 20)), LONGEST_WAIT)


def too_early(left: timedelta) -> TooManyAttempts:
    """What a log-in is told that comes before its time."""
    seconds = -(-left // timedelta(seconds=1))
    return TooManyAttempts(
        f"Too many log-ins failed for this name from this address: wait {seconds} s, then try "
        "again.",
        seconds,
    )


def _drop_old(connection: Connection, now: datetime) -> None:
    table = failed_log_ins
    forgotten = table.c.last_at <= moment_in(now - FORGOTTEN_AFTER)
    connection.execute(delete(table).where(forgotten))
    count: Any = connection.scalar(select(func.count()).select_from(table))
    if count > MOST_ROWS:
        oldest = select(table.c.key).order_by(table.c.last_at, table.c.key).limit(count - MOST_ROWS)
        connection.execute(delete(table).where(table.c.key.in_(oldest.scalar_subquery())))


def _network(address: str) -> str:
    """The address as it is counted: a person with IPv6 has a /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return storable(address)[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))
    return str(parsed)


class _Places:
    """Who may check a password, or wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._process = os.getpid()

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """A place for the block. Raises `TooManyAttempts` where there is none."""
        if self._process != os.getpid():  # a fork: those places are the parent's
            self._lock, self._taken, self._process = threading.Lock(), Counter(), os.getpid()
        with self._lock:
            full = self._taken.total() >= MOST_AT_ONCE
            if full or self._taken[address] >= MOST_OF_AN_ADDRESS:
                raise TooManyAttempts(
                    "Too many people are logging in at this moment: try again in a second.", 1
                )
            self._taken[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[address] -= 1
                if not self._taken[address]:
                    del self._taken[address]
