"""`ProviderSignIn`: signing in by OpenID Connect, and asking again before roles are old.

What the provider said counts for `COUNTS_FOR` and no longer: a group that was taken away ends the
role with the next request after that time at the latest. It is asked again with the first request
after `LOOK_AFTER`. Where it can't be asked, the session goes on until `COUNTS_FOR` is over; then
its requests are refused until the provider answers. The session itself is kept.

One request at a time asks for a session, over all processes, because a provider may take a refresh
token that is used twice for a stolen one. The others go on with what is known, or wait a little.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import BoundedSemaphore

from kchat_search.errors import NotFound, ProviderUnreachable, SignInRefused
from kchat_search.models.audit import Action, AuditEntry
from kchat_search.models.people import Person, Principal
from kchat_search.models.sign_in import Answer, Attempt, Grant, SignedOut, Vouched
from kchat_search.oidc.accounts import admit
from kchat_search.oidc.id_tokens import LEEWAY
from kchat_search.oidc.provider import OpenIdProvider
from kchat_search.ports.access import Access

log = logging.getLogger(__name__)

LOOK_AFTER = 10 * 60
"""Seconds from the provider's last answer to the next question."""
COUNTS_FOR = 15 * 60
"""Seconds for which an answer counts."""
_ASKING = 30
"""Seconds after which whoever began to ask has certainly ended: three requests, each bounded."""
_AGAIN_AFTER = 30
"""Seconds from a question that failed to the next, as long as the last answer counts."""
_AGAIN_SOON = 5
"""The same where it counts no more, and people wait."""
_PAUSE = 0.1
_PAUSES = 40
"""A request waits so often for another one that asks: as long as one answer may take, or less."""
_WAITING = 2
"""Requests that wait at one time: `serve` has eight threads."""


@dataclass(frozen=True)
class ProviderSignIn:
    """One provider for all. Threads share it."""

    provider: OpenIdProvider
    access: Access
    clock: Callable[[], datetime]
    pause: Callable[[float], object]
    """Sleeps for so many seconds."""
    name: str
    """What people call the provider."""
    auto_redirect: bool = False
    """Does the log-in page lead to the provider at once?"""
    _waiting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_WAITING))

    def begin(self, redirect_uri: str) -> tuple[Attempt, str]:
        """A new attempt, and the address to which the browser goes. Raises
        `ProviderUnreachable`."""
        return self.provider.begin(redirect_uri)

    def finish(self, attempt: Attempt, answer: Answer, redirect_uri: str) -> tuple[Person, str]:
        """Who has signed in, and what is to be kept with their session. Raises `SignInRefused` and
        `ProviderUnreachable`."""
        # The browser forgets a state that it has used, and the provider takes a code once. This is
        # for a cookie that was kept, and a careless provider.
        if not self.access.sign_ins.is_first_use(attempt.state):
            raise SignInRefused("attempt")
        vouched = self.provider.finish(attempt, answer, redirect_uri)
        return self._admit(vouched), vouched.grant.to_json()

    def holds(self, principal: Principal) -> bool:
        """Does what the provider said of this person still count as it is? False where something
        became different, or the session ended: then `principal` must be looked up again.

        Raises `ProviderUnreachable` where the provider would have to be asked and can't be.
        """
        session = principal.session
        if principal.vouched_by is None or session is None:
            return True
        for _ in range(_PAUSES):
            try:
                kept = self.access.sessions.provider_data(session)
            except NotFound:
                return False
            grant = Grant.from_json(kept)
            now = self.clock().timestamp()
            if 0 <= now - grant.looked_at < LOOK_AFTER:
                return True
            counts = 0 <= now - grant.looked_at < COUNTS_FOR
            if self._may_ask(grant, now, counts=counts):
                asking = replace(grant, tried_at=now, failed=False)
                if self.access.sessions.replace_provider_data(session, kept, asking.to_json()):
                    return self._ask(session, principal, asking, counts=counts)
            elif counts:
                return True
            elif grant.failed:
                raise ProviderUnreachable("unreachable")
            self._wait()
        raise ProviderUnreachable("busy")

    @staticmethod
    def _may_ask(grant: Grant, now: float, *, counts: bool) -> bool:
        """May this request ask? Not while another asks, nor at once after a failure."""
        since = now - grant.tried_at
        if grant.tried_at <= grant.looked_at or since < 0:
            return True
        if not grant.failed:
            return since >= _ASKING
        return since >= (_AGAIN_AFTER if counts else _AGAIN_SOON)

    def _wait(self) -> None:
        if not self._waiting.acquire(blocking=False):
            raise ProviderUnreachable("busy")
        try:
            self.pause(_PAUSE)
        finally:
            self._waiting.release()

    def _ask(self, session: int, principal: Principal, grant: Grant, *, counts: bool) -> bool:
        """Ask the provider again. Returns as `holds` does, and raises as it does."""
        sessions = self.access.sessions
        try:
            vouched = self.provider.look_again(grant)
            person = self._admit(vouched)
            sessions.set_provider_data(session, vouched.grant.to_json())
        except ProviderUnreachable:
            self._keep_failure(session, grant)
            if counts:
                return True
            raise
        except SignInRefused as error:
            log.info("A session ends: %s", error)
            self._end(session)
            return False
        except NotFound:  # it ended meanwhile, as where a role was taken away
            return False
        return (person.roles, person.agent_id) == (principal.roles, principal.agent_id)

    def _keep_failure(self, session: int, grant: Grant) -> None:
        failed = replace(grant, tried_at=self.clock().timestamp(), failed=True)
        self.access.sessions.replace_provider_data(session, grant.to_json(), failed.to_json())

    def _end(self, session: int) -> None:
        try:
            self.access.sessions.end(session)
        except NotFound:  # it ended meanwhile
            return

    def log_out_url(self, session: int, return_to: str) -> str | None:
        """Where the browser signs out at the provider too; None where it can't. Call it before the
        session ends."""
        try:
            kept = self.access.sessions.provider_data(session)
        except NotFound:
            return None
        return self.provider.log_out_url(Grant.from_json(kept), return_to) if kept else None

    def signed_out(self, logout_token: str) -> int:
        """End the sessions of whom the provider has signed out. Returns how many. Raises
        `SignInRefused` for a token that is not the provider's, and `ProviderUnreachable`."""
        said = self.provider.signed_out(logout_token)
        return sum(self._sign_out(person, said) for person in self._whom(said))

    def _whom(self, said: SignedOut) -> list[Person]:
        people = self.access.people
        if said.subject is None:
            return [person for person in people.everybody() if person.provider == said.issuer]
        found = people.of_provider(said.issuer, said.subject)
        return [] if found is None else [found]

    def _sign_out(self, person: Person, said: SignedOut) -> int:
        ended = 0
        for session in self.access.sessions.of(person.name):
            if session.began_at.timestamp() > said.at.timestamp() + LEEWAY:
                continue  # the token is from before it: somebody sends it again
            try:
                kept = self.access.sessions.provider_data(session.id)
                if kept and said.provider_session in (None, Grant.from_json(kept).provider_session):
                    self.access.sessions.end(session.id)
                    ended += 1
                    self._record(person, "session_ended")
            except NotFound:
                continue
        return ended

    def _admit(self, vouched: Vouched) -> Person:
        """Admit somebody, and record what became different in their account, in one transaction.
        What is taken from somebody who is refused stays taken."""
        people, grant = self.access.people, vouched.grant
        with self.access.together():
            before = people.of_provider(grant.issuer, grant.subject)
            try:
                admitted: Person | SignInRefused = admit(people, vouched)
            except SignInRefused as error:
                admitted = error
            after = people.of_provider(grant.issuer, grant.subject)
            if after is not None:
                self._record_change(before, after)
        if isinstance(admitted, SignInRefused):
            raise admitted
        return admitted

    def _record_change(self, before: Person | None, after: Person) -> None:
        if before is None:
            self._record(after, "person_added")
        elif (before.roles, before.agent_id) != (after.roles, after.agent_id):
            self._record(after, "person_changed")

    def _record(self, person: Person, action: Action) -> None:
        """Record what the provider did. Raises `AccessError`."""
        entry = AuditEntry("provider", self.name, "", action, f"person:{person.id}", _said(person))
        self.access.audit.record(entry).wait()


def _said(person: Person) -> str:
    roles = ",".join(sorted(person.roles))
    return f"name={person.name} roles={roles} agent_id={person.agent_id or ''}"
