"""Open the database of people."""

from __future__ import annotations

from datetime import timedelta

from kchat_search.access.database import AccessDatabase
from kchat_search.access.latest_time import LatestTime
from kchat_search.access.passwords import Passwords
from kchat_search.access.people import Mark
from kchat_search.access.store import SqlAccess
from kchat_search.access.tables import ACCESS
from kchat_search.databases.connections import OnPostgres
from kchat_search.databases.opening import open_database
from kchat_search.ports import Clock


class NoMark:
    """Where there is no archive to set a mark in."""

    def is_set(self) -> bool:
        """Never."""
        return False

    def set(self) -> None:
        """Does nothing."""


def open_access(
    url: str,
    clock: Clock,
    *,
    mark: Mark | None = None,
    session_idle: timedelta = timedelta(hours=2),
    session_longest: timedelta = timedelta(days=7),
    agents_see_own: bool = False,
    wait_seconds: float = 5.0,
    on_postgres: OnPostgres | None = None,
    passwords: Passwords | None = None,
) -> SqlAccess:
    """Open the database at `url` (`sqlite:///var/access.sqlite3`); make or migrate it if needed.

    `mark`: says beside the chats that there are people. `session_idle`, `session_longest`: after
    how long without a request, and in any case, a session ends. `agents_see_own`: a token of the
    role agent must say which agent. A transaction waits at most `wait_seconds` for another program.

    Raises `AccessError` where it can't be opened.
    """
    opened = open_database(ACCESS, url, wait_seconds=wait_seconds, on_postgres=on_postgres)
    return SqlAccess(
        AccessDatabase(opened, LatestTime(clock)),
        mark or NoMark(),
        clock=clock,
        passwords=passwords or Passwords(),
        session_idle=session_idle,
        session_longest=session_longest,
        agents_see_own=agents_see_own,
    )
