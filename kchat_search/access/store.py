"""`SqlAccess`: the port `ports.access.Access`, on SQLite or PostgreSQL."""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlalchemy import insert, select

from kchat_search.access.audit_store import SqlAudit
from kchat_search.access.database import AccessDatabase
from kchat_search.access.passwords import Passwords
from kchat_search.access.people import Mark, SqlPeople
from kchat_search.access.request_counts import SqlRequests
from kchat_search.access.running_exports import SqlExports
from kchat_search.access.saved_searches import SqlSavedSearches
from kchat_search.access.sessions import SqlSessions
from kchat_search.access.sign_ins import SqlSignIns
from kchat_search.access.tables import facts
from kchat_search.access.tokens import SqlTokens
from kchat_search.errors import AccessError
from kchat_search.ports import Clock

_SIGNING_KEY = "signing_key"
_KEY_BYTES = 32


class SqlAccess:
    """People, sessions, tokens, log-ins and requests in one database. `open_access` makes it.
    Several threads may use it at once, other processes may use the same database, and it works in a
    forked child."""

    def __init__(
        self,
        database: AccessDatabase,
        mark: Mark,
        *,
        clock: Clock,
        passwords: Passwords,
        session_idle: timedelta,
        session_longest: timedelta,
        agents_see_own: bool,
    ) -> None:
        self._database = database
        self.people = SqlPeople(database, passwords, mark)
        self.sessions = SqlSessions(database, session_idle, session_longest)
        self.tokens = SqlTokens(database, self.sessions, agents_see_own=agents_see_own)
        self.sign_ins = SqlSignIns(database, self.people)
        self.requests = SqlRequests(database)
        self.exports = SqlExports(database)
        self.saved_searches = SqlSavedSearches(database)
        self.audit = SqlAudit(database, clock)

    def __repr__(self) -> str:
        return f"SqlAccess({self._database!r})"

    def together(self) -> AbstractContextManager[None]:
        """What this thread changes and records within the block is one transaction."""
        return self._database.together()

    def signing_key(self) -> bytes:
        """32 bytes that sign cookies; the same in all processes, made at the first call."""
        stored = select(facts.c.value).where(facts.c.name == _SIGNING_KEY)
        with self._database.reading() as connection:
            found = connection.scalar(stored)
        if found is None:
            with self._database.writing() as connection:
                found = connection.scalar(stored)
                if found is None:
                    found = secrets.token_hex(_KEY_BYTES)
                    connection.execute(insert(facts), {"name": _SIGNING_KEY, "value": found})
        try:
            key = bytes.fromhex(found)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise AccessError(
                "The database of people is damaged: its key for cookies is none. Put a backup in "
                "its place; until then nobody gets an answer"
            )
        return key

    def close(self) -> None:
        """Write what waits, and close."""
        self.audit.close()
        self._database.close()
