"""The accounts: `ports.access.People`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from kchat_search.access import names
from kchat_search.access.database import AccessDatabase
from kchat_search.access.passwords import Passwords
from kchat_search.access.role_lists import checked_of_person, roles_out
from kchat_search.access.tables import claimed_agents, facts, people, sessions
from kchat_search.databases.column_values import moment_in, moment_out, storable
from kchat_search.errors import AccessError, BadRequest, KchatSearchError, NotFound
from kchat_search.models.people import Person, Role

log = logging.getLogger(__name__)

_FIRST = "first_person_at"
_EVER = select(facts.c.value).where(facts.c.name == _FIRST)
_MOST_OF_AN_ID = 255


class Mark(Protocol):
    """Says beside the chats that there are people, so that they stay shut where the database of
    people is lost."""

    def is_set(self) -> bool: ...  # noqa: D102
    def set(self) -> None: ...  # noqa: D102


class SqlPeople:
    """See the port. Each method is one transaction."""

    def __init__(self, database: AccessDatabase, passwords: Passwords, mark: Mark) -> None:
        self._database = database
        self._passwords = passwords
        self._mark = mark
        self._seen = False
        self._unmarked = False

    def ever(self) -> bool:
        """Was anybody ever added?"""
        if self._seen:
            return True  # for good: a process that once saw people never opens again
        with self._database.reading() as connection:
            found = connection.scalar(_EVER) is not None
        if found:
            self._seen = True
            self._mark_again()
        elif not self._unmarked:
            # Read until it was found to be unset. Later it can't be set without this database.
            self._unmarked = not self._mark.is_set()
            if not self._unmarked:
                raise AccessError(
                    "There were people, and the database of people (KCHAT_ACCESS_URL) has none: it "
                    "is another one, or it was emptied. If they are elsewhere, copy them: "
                    "kchat-search archive copy FROM TO. Else put a backup in its place. If they "
                    "are lost, begin anew, after which nothing can be copied there: kchat-search "
                    "user add NAME --role admin"
                )
        return found

    def _mark_again(self) -> None:
        """The archive may be another one since, or its mark was damaged and taken out."""
        try:
            self._mark.set()
        except KchatSearchError as error:  # the archive says the same to whoever needs it
            log.warning("The archive could not be marked as one with people: %s", error)

    def everybody(self) -> tuple[Person, ...]:
        """All accounts, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(people).order_by(people.c.folded)).all()
        return tuple(map(person_out, rows))

    def person(self, name: str) -> Person:
        """One account."""
        with self._database.reading() as connection:
            return person_out(row_of(connection, name))

    def of_provider(self, provider: str, subject: str) -> Person | None:
        """The account of whoever a provider calls so."""
        if storable(provider + subject) != provider + subject:
            return None
        with self._database.reading() as connection:
            row = connection.execute(
                select(people).where(people.c.provider == provider, people.c.subject == subject)
            ).one_or_none()
        return None if row is None else person_out(row)

    def add(
        self,
        name: str,
        roles: Iterable[Role],
        *,
        password: str | None = None,
        agent_id: str | None = None,
        provider: str | None = None,
        subject: str | None = None,
    ) -> Person:
        """A new account."""
        row: dict[str, Any] = {
            "roles": checked_of_person(roles),
            "agent_id": checked_agent_id(agent_id),
            "provider": _identity(provider),
            "subject": _identity(subject),
        }
        if (provider is None) != (subject is None):
            raise BadRequest("A provider and its subject belong together.", "provider")
        self._check_name(name)  # before the password costs anything
        kept = None if password is None else self._passwords.hash(password, name)
        self._mark.set()  # before there are people: it may say too much, never too little
        with self._database.writing() as connection:
            taken = connection.scalars(select(people.c.name)).all()
            row["name"] = names.checked(name, taken)
            row |= {"folded": names.folded(row["name"]), "password_hash": kept}
            if provider is not None and _has(connection, provider, str(subject)):
                raise BadRequest("This provider's person has an account already.", "subject")
            now = self._database.now()
            row["created_at"] = moment_in(now)
            connection.execute(insert(people), row)
            if connection.scalar(_EVER) is None:
                connection.execute(insert(facts), {"name": _FIRST, "value": str(moment_in(now))})
            return person_out(row_of(connection, row["name"]))

    def _check_name(self, name: str) -> None:
        with self._database.reading() as connection:
            names.checked(name, connection.scalars(select(people.c.name)).all())

    def set_roles(self, name: str, roles: Iterable[Role]) -> Person:
        """Replace the roles. A session that had more ends."""
        text = checked_of_person(roles)
        with self._database.writing() as connection:
            before = row_of(connection, name)
            connection.execute(update(people).where(people.c.id == before.id).values(roles=text))
            if roles_out(before.roles) - roles_out(text):
                _end_sessions(connection, before.id)
            return person_out(row_of(connection, name))

    def set_agent_id(self, name: str, agent_id: str | None) -> Person:
        """Say which Kchat agent this person is."""
        with self._database.writing() as connection:
            _forget_claim(connection, row_of(connection, name).id)
            return self._changed(connection, name, agent_id=checked_agent_id(agent_id))

    def follow_claim(self, name: str, claimed: str | None) -> Person:
        """The agent id that the provider says counts, as long as it says one."""
        with self._database.writing() as connection:
            row = row_of(connection, name)
            mine = claimed_agents.c.person_id == row.id
            replaced = connection.execute(select(claimed_agents).where(mine)).one_or_none()
            if claimed is not None:
                if replaced is None:
                    connection.execute(
                        insert(claimed_agents), {"person_id": row.id, "agent_id": row.agent_id}
                    )
                return self._changed(connection, name, agent_id=checked_agent_id(claimed))
            if replaced is None:
                return person_out(row)
            _forget_claim(connection, row.id)
            return self._changed(connection, name, agent_id=replaced.agent_id)

    def set_password(
        self,
        name: str,
        password: str,
        *,
        keep_session: int | None = None,
        checked: Person | None = None,
    ) -> None:
        """A new password. All sessions end but `keep_session`."""
        known = self.person(name)
        if known.provider is not None:  # else nobody would ask the provider for their roles
            raise BadRequest(
                f"«{known.name}» signs in by OpenID Connect, and has no password here.", "password"
            )
        kept = self._passwords.hash(password, known.name)
        with self._database.writing() as connection:
            row = row_of(connection, name)
            if checked is not None and not is_still(checked, row):
                raise BadRequest("The old password is wrong.", "old_password")
            connection.execute(
                update(people).where(people.c.id == row.id).values(password_hash=kept)
            )
            _end_sessions(connection, row.id, sessions.c.id != (keep_session or 0))

    def check_password(self, name: str, password: str) -> Person | None:
        """The person with this name and password who is not disabled."""
        with self._database.reading() as connection:
            row = _find(connection, name)
        active = row is not None and row.disabled_at is None and row.provider is None
        # The same work, whoever it is: one password is checked.
        if not self._passwords.matches(row.password_hash if row else None, password):
            return None
        assert row is not None
        if not active:
            return None
        anew = self._passwords.hash_anew(row.password_hash, password)
        if anew is not None:
            with self._database.writing() as connection:
                connection.execute(
                    update(people)
                    .where(people.c.id == row.id, people.c.password_hash == row.password_hash)
                    .values(password_hash=anew)
                )
            return replace(person_out(row), password_mark=_password_mark(anew))
        return person_out(row)

    def disable(self, name: str) -> Person:
        """The account, its sessions and its tokens give no access any more."""
        with self._database.writing() as connection:
            row = row_of(connection, name)
            _end_sessions(connection, row.id)
            if row.disabled_at is not None:
                return person_out(row)
            now = moment_in(self._database.now())
            return self._changed(connection, name, disabled_at=now)

    def enable(self, name: str) -> Person:
        """The reverse of `disable`."""
        with self._database.writing() as connection:
            return self._changed(connection, name, disabled_at=None)

    def remove(self, name: str) -> None:
        """Remove the account with its sessions and tokens. Its audit rows stay."""
        with self._database.writing() as connection:
            row = row_of(connection, name)
            connection.execute(delete(people).where(people.c.id == row.id))  # and by cascade

    @staticmethod
    def _changed(connection: Connection, name: str, **values: Any) -> Person:
        row = row_of(connection, name)
        connection.execute(update(people).where(people.c.id == row.id).values(**values))
        return person_out(row_of(connection, name))


def row_of(connection: Connection, name: str) -> Row[Any]:
    """The account of this name. Raises `NotFound`."""
    row = _find(connection, name)
    if row is None:
        raise NotFound(f"There is no person «{storable(name)[: names.MOST_CHARACTERS]}».")
    return row


def person_out(row: Row[Any]) -> Person:
    """A row of `people` as everybody else sees it."""
    return Person(
        id=row.id,
        name=row.name,
        roles=roles_out(row.roles),
        agent_id=row.agent_id,
        disabled=row.disabled_at is not None,
        has_password=row.password_hash is not None,
        provider=row.provider,
        created_at=moment_out(row.created_at),
        last_sign_in_at=moment_out(row.last_sign_in_at),
        password_mark=_password_mark(row.password_hash),
    )


def is_still(person: Person, row: Row[Any]) -> bool:
    """Is this row the account that was looked up or let in as `person`, with the same password?"""
    return bool(row.id == person.id and _password_mark(row.password_hash) == person.password_mark)


def _password_mark(kept: str | None) -> str:
    return sha256((kept or "").encode()).hexdigest()


def checked_agent_id(agent_id: str | None) -> str | None:
    """The id of an agent at Kchat, as the archive has it. Raises `BadRequest` for what is none."""
    if agent_id is None or not agent_id.strip():
        return None
    text = agent_id.strip()
    if len(text) > _MOST_OF_AN_ID or not text.isprintable():
        raise BadRequest("This is no agent's id: take one that /api/v1/agents lists.", "agent_id")
    return text


def _find(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(
        select(people).where(people.c.folded == names.folded(name))
    ).one_or_none()


def _has(connection: Connection, provider: str, subject: str) -> bool:
    found = select(people.c.id).where(people.c.provider == provider, people.c.subject == subject)
    return connection.scalar(found) is not None


def _forget_claim(connection: Connection, person: int) -> None:
    connection.execute(delete(claimed_agents).where(claimed_agents.c.person_id == person))


def _identity(text: str | None) -> str | None:
    """What a provider calls somebody, to the letter: nothing is cut, since two could become one."""
    if text is not None and (storable(text) != text or not text or len(text) > 1_000):
        raise BadRequest("The provider names this person in a form that can't be kept.", "subject")
    return text


def _end_sessions(connection: Connection, person: int, *which: ColumnElement[bool]) -> None:
    connection.execute(delete(sessions).where(sessions.c.person_id == person, *which))
