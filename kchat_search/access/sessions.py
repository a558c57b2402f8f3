"""Log-ins of people in browsers: `ports.access.Sessions`.

A session ends when nobody has used it for so long, and after so long in any case. When it was used
is written down once in a while (a sixtieth of the idle time, at most a minute), so that a request
rarely writes; it may end by that much earlier, and never later.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from kchat_search.access.database import AccessDatabase, latest_time
from kchat_search.access.people import is_still, row_of
from kchat_search.access.role_lists import roles_out
from kchat_search.access.secret_text import hash_of, new_secret
from kchat_search.access.tables import people, sessions
from kchat_search.databases.column_values import moment_in, moment_out, storable
from kchat_search.errors import NotFound, NotSignedIn
from kchat_search.models.people import Person, Principal, Session

_MOST_OF_A_PERSON = 50
"""Sessions at one time; the one that was used least recently makes room."""
_MOST_CHARACTERS = 256
_WRITTEN_EVERY = timedelta(minutes=1)

# Built once, because building a statement takes as long as carrying it out.
_BY_SECRET = (
    select(
        sessions.c.id.label("session_id"),
        sessions.c.last_used_at,
        sessions.c.ends_at,
        people.c.id,
        people.c.name,
        people.c.roles,
        people.c.agent_id,
        people.c.disabled_at,
        people.c.provider,
        (sessions.c.provider_data != "").label("is_vouched"),
        latest_time.label("latest_time"),
    )
    .join_from(sessions, people)
    .where(sessions.c.secret_hash == bindparam("hash"))
)


class SqlSessions:
    """See the port. `idle` and `longest`: after how long a session ends."""

    def __init__(self, database: AccessDatabase, idle: timedelta, longest: timedelta) -> None:
        self._database = database
        self._idle = idle
        self._longest = longest
        self._written_every = min(_WRITTEN_EVERY, idle / 60)

    def begin(self, person: Person, *, address: str, browser: str, provider_data: str = "") -> str:
        """Begin a session. Returns its secret, for the cookie. Raises `NotSignedIn` where the
        person was disabled or removed meanwhile, or has another password."""
        secret = new_secret()
        with self._database.writing() as connection:
            now = self._database.now(connection.scalar(select(latest_time)))
            moment = moment_in(now)
            _check_unchanged(connection, person)
            connection.execute(
                update(people).where(people.c.id == person.id).values(last_sign_in_at=moment)
            )
            connection.execute(delete(sessions).where(self._ended(now)))
            kept = (
                select(sessions.c.id)
                .where(sessions.c.person_id == person.id)
                .order_by(sessions.c.last_used_at.desc(), sessions.c.id.desc())
                .limit(_MOST_OF_A_PERSON - 1)
            )
            connection.execute(
                delete(sessions).where(
                    sessions.c.person_id == person.id, sessions.c.id.not_in(kept)
                )
            )
            connection.execute(
                insert(sessions),
                {
                    "secret_hash": hash_of(secret),
                    "person_id": person.id,
                    "began_at": moment,
                    "last_used_at": moment,
                    "ends_at": moment_in(now + self._longest),
                    "address": storable(address)[:_MOST_CHARACTERS],
                    "browser": storable(browser)[:_MOST_CHARACTERS],
                    "provider_data": storable(provider_data),
                },
            )
            self._database.keep_time(connection, now)
        return secret

    def principal(self, secret: str) -> Principal | None:
        """Who has this session. Counts as use."""
        with self._database.reading() as connection:
            row = connection.execute(_BY_SECRET, {"hash": hash_of(secret)}).one_or_none()
        if row is None or row.disabled_at is not None:
            return None
        now = self._database.now(row.latest_time)
        if self._has_ended(row.ends_at, row.last_used_at, now):
            with self._database.writing() as connection:
                connection.execute(delete(sessions).where(sessions.c.id == row.session_id))
                self._database.keep_time(connection, now)
            return None
        if now - moment_out(row.last_used_at) >= self._written_every:
            self._write_use(row.session_id, now)
        return Principal(
            kind="person",
            key=f"person:{row.id}",
            name=row.name,
            roles=roles_out(row.roles),
            agent_id=row.agent_id,
            session=row.session_id,
            vouched_by=row.provider if row.is_vouched else None,
        )

    def newest_vouched(self, person: int) -> int | None:
        """The newest session of a person that began with a provider and has not ended."""
        with self._database.reading() as connection:
            now = self._database.now(connection.scalar(select(latest_time)))
            found: int | None = connection.scalar(
                select(func.max(sessions.c.id)).where(
                    sessions.c.person_id == person,
                    sessions.c.provider_data != "",
                    ~self._ended(now),
                )
            )
        return found

    def provider_data(self, session: int) -> str:
        """What `begin` was given, or `set_provider_data` last. Raises `NotFound`."""
        with self._database.reading() as connection:
            found = connection.scalar(
                select(sessions.c.provider_data).where(sessions.c.id == session)
            )
        if found is None:
            raise _not_found(session)
        return str(found)

    def set_provider_data(self, session: int, data: str) -> None:
        """Keep what the provider said anew. Raises `NotFound`."""
        with self._database.writing() as connection:
            changed = connection.execute(
                update(sessions)
                .where(sessions.c.id == session)
                .values(provider_data=storable(data))
            )
            if not changed.rowcount:
                raise _not_found(session)

    def replace_provider_data(self, session: int, before: str, after: str) -> bool:
        """The same, but only if it is `before` now. Returns whether it was."""
        with self._database.writing() as connection:
            changed = connection.execute(
                update(sessions)
                .where(sessions.c.id == session, sessions.c.provider_data == storable(before))
                .values(provider_data=storable(after))
            )
            return bool(changed.rowcount)

    def of(self, name: str) -> tuple[Session, ...]:
        """A person's sessions that have not ended, newest first."""
        with self._database.reading() as connection:
            person = row_of(connection, name)
            now = self._database.now(connection.scalar(select(latest_time)))
            rows = connection.execute(
                select(sessions)
                .where(sessions.c.person_id == person.id, ~self._ended(now))
                .order_by(sessions.c.id.desc())
            ).all()
        return tuple(
            Session(
                id=row.id,
                began_at=moment_out(row.began_at),
                last_used_at=moment_out(row.last_used_at),
                ends_at=moment_out(row.ends_at),
                address=row.address,
                browser=row.browser,
            )
            for row in rows
        )

    def end(self, session: int, *, of: str | None = None) -> None:
        """End a session; with `of`, only if it is this person's. Raises `NotFound`."""
        with self._database.writing() as connection:
            which = sessions.c.id == session
            if of is not None:
                which &= sessions.c.person_id == row_of(connection, of).id
            if not connection.execute(delete(sessions).where(which)).rowcount:
                raise _not_found(session)

    def _ended(self, now: datetime) -> Any:
        return or_(
            sessions.c.ends_at <= moment_in(now),
            sessions.c.last_used_at <= moment_in(now - self._idle),
        )

    def _has_ended(self, ends_at: int, last_used_at: int, now: datetime) -> bool:
        return ends_at <= moment_in(now) or last_used_at <= moment_in(now - self._idle)

    def _write_use(self, session: int, now: datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(sessions).where(sessions.c.id == session).values(last_used_at=moment_in(now))
            )
            self._database.keep_time(connection, now)


def _check_unchanged(connection: Connection, person: Person) -> None:
    row = connection.execute(select(people).where(people.c.id == person.id)).one_or_none()
    if row is None or row.disabled_at is not None:
        raise NotSignedIn("This account was disabled or removed. Ask an administrator.")
    if not is_still(person, row):
        raise NotSignedIn("The password was changed at this moment. Log in with the new one.")


def _not_found(session: int) -> NotFound:
    return NotFound(f"There is no session {session}: it has ended.")
