"""What an administrator does to people and to all tokens.

People are named by their numbers, which are never given again, where their names may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal

from kchat_search.access.needs import needs
from kchat_search.access.policy import permissions
from kchat_search.access.recorded import change, recorded, token_details
from kchat_search.access.sign_in_codes import new_code
from kchat_search.errors import NotFound
from kchat_search.models.people import Person, Principal, Role, Session, Token
from kchat_search.ports.access import Access, Recorder

Risk = Literal["yourself", "last_admin"]
"""What a change does that nobody should do by mistake: whoever asks loses the right to ask for
more, or nobody is left who may change people but the owner at the command line."""


def risks(
    everybody: Iterable[Person], asks: Principal, person: Person, roles: frozenset[Role]
) -> tuple[Risk, ...]:
    """The risks of leaving `person` these roles: none at all where they are disabled or removed."""
    if "admin" in roles or "admin" not in person.roles or person.disabled:
        return ()
    found: list[Risk] = []
    if asks.key == key_of(person):
        found.append("yourself")
    admins = [one for one in everybody if "admin" in one.roles and not one.disabled]
    if all(one.id == person.id for one in admins):
        found.append("last_admin")
    return tuple(found)


def key_of(person: Person) -> str:
    """The key of a person's principal."""
    return f"person:{person.id}"


class Administration:
    """People and tokens, for a principal with the permission `people`."""

    def __init__(self, access: Access, principal: Principal, recorder: Recorder) -> None:
        self.permissions = permissions(principal)
        self._access = access
        self._recorder = recorder

    @needs("people")
    def everybody(self) -> tuple[Person, ...]:
        """All accounts, by name."""
        return self._access.people.everybody()

    @needs("people")
    def person(self, number: int) -> Person:
        """One account. Raises `NotFound`."""
        for person in self.everybody():
            if person.id == number:
                return person
        raise NotFound(f"There is no person {number}.")

    @needs("people")
    def add(
        self, name: str, roles: frozenset[Role], *, password: str | None, agent_id: str | None
    ) -> Person:
        """A new account. Raises `BadRequest` for a name, a password or roles that can't be
        taken."""
        with self._change():
            person = self._access.people.add(name, roles, password=password, agent_id=agent_id)
            details = _details(person.name, roles, agent_id)
            recorded(self._recorder, "person_added", key_of(person), details)
        return person

    @needs("people")
    def change(self, person: Person, roles: frozenset[Role], agent_id: str | None) -> None:
        """Give the account these roles and this Kchat agent. Raises `BadRequest`."""
        people = self._access.people
        with self._change():
            if agent_id != person.agent_id:
                people.set_agent_id(person.name, agent_id)
            if roles != person.roles:
                people.set_roles(person.name, roles)
            self._changed(person, _details(person.name, roles, agent_id))

    @needs("people")
    def set_password(self, person: Person, password: str) -> None:
        """A new password. All sessions of the person end. Raises `BadRequest`."""
        with self._change():
            self._access.people.set_password(person.name, password)
            details = f"name={person.name}"
            recorded(self._recorder, "password_changed", key_of(person), details)

    @needs("operate")
    def sign_in_code(self, person: Person) -> str:
        """A code with which this person signs in once, without a password. Raises `BadRequest` for
        whoever signs in elsewhere."""
        with self._change():
            code = new_code(self._access, person)
            details = f"name={person.name} sign-in code"
            recorded(self._recorder, "operate", key_of(person), details)
        return code

    @needs("people")
    def disable(self, person: Person) -> None:
        """The account, its sessions and its tokens give no access any more."""
        with self._change():
            self._access.people.disable(person.name)
            self._changed(person, f"name={person.name} disabled")

    @needs("people")
    def enable(self, person: Person) -> None:
        """The reverse."""
        with self._change():
            self._access.people.enable(person.name)
            self._changed(person, f"name={person.name} enabled")

    @needs("people")
    def remove(self, person: Person) -> None:
        """Remove the account with its sessions and tokens."""
        with self._change():
            self._access.people.remove(person.name)
            recorded(self._recorder, "person_removed", key_of(person), f"name={person.name}")

    @needs("people")
    def sessions(self, person: Person) -> tuple[Session, ...]:
        """The person's log-ins that have not ended."""
        return self._access.sessions.of(person.name)

    @needs("people")
    def end_sessions(self, person: Person) -> int:
        """End all of them. Returns how many."""
        ended = self.sessions(person)
        with self._change():
            for session in ended:
                self._access.sessions.end(session.id, of=person.name)
            if ended:
                recorded(self._recorder, "session_ended", key_of(person), f"name={person.name}")
        return len(ended)

    @needs("people")
    def tokens(self, person: Person | None = None) -> tuple[Token, ...]:
        """All tokens, newest first; with `person`, theirs."""
        return self._access.tokens.everything(owner=None if person is None else person.name)

    @needs("people")
    def add_token(
        self,
        name: str,
        roles: Iterable[Role],
        *,
        owner: str | None,
        agent_id: str | None,
        expires_at: datetime | None,
    ) -> tuple[Token, str]:
        """A token, and its secret. Raises `BadRequest` for a role that its owner lacks, `NotFound`
        for an owner who is nobody."""
        with self._change():
            token, secret = self._access.tokens.add(
                name, roles, owner=owner, agent_id=agent_id, expires_at=expires_at
            )
            recorded(self._recorder, "token_added", f"token:{token.id}", token_details(token))
        return token, secret

    @needs("people")
    def revoke_token(self, token: int) -> None:
        """Raises `NotFound`."""
        with self._change():
            self._access.tokens.revoke(token)
            recorded(self._recorder, "token_revoked", f"token:{token}")

    def _change(self) -> AbstractContextManager[None]:
        return change(self._access, self._recorder)

    def _changed(self, person: Person, details: str) -> None:
        recorded(self._recorder, "person_changed", key_of(person), details)


def _details(name: str, roles: Iterable[Role], agent_id: str | None) -> str:
    return f"name={name} roles={','.join(sorted(roles))} agent_id={agent_id or ''}"
