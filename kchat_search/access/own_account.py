"""What people do with their own account: password, sessions, tokens.

Invariant: nothing here reaches the account of another. The person is the one who asks; an id of a
session or a token counts only if it is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime

from kchat_search.access.administration import key_of
from kchat_search.access.needs import needs
from kchat_search.access.policy import permissions
from kchat_search.access.recorded import change, recorded, token_details
from kchat_search.errors import BadRequest
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Person, Principal, Role, Session, Token
from kchat_search.ports.access import Access, Recorder


class OwnAccount:
    """The account of the person who asks."""

    def __init__(
        self, access: Access, principal: Principal, recorder: Recorder, *, address: str
    ) -> None:
        """`address`: from where the person asks; a wrong password counts for it."""
        self.permissions = permissions(principal)
        self._access = access
        self._principal = principal
        self._recorder = recorder
        self._address = address

    @needs("own_account")
    def person(self) -> Person:
        """Who it is."""
        return self._access.people.person(self._principal.name)

    @needs("own_account")
    def sessions(self) -> tuple[Session, ...]:
        """The log-ins that have not ended, newest first."""
        return self._access.sessions.of(self._principal.name)

    @needs("own_account")
    def change_password(self, old: str, new: str) -> None:
        """A new password. Every other session ends.

        Raises `BadRequest` for a wrong old password (parameter `old_password`) or a new one that
        can't be taken, `TooManyAttempts` after too many wrong ones.
        """
        me = self._principal
        checked = self._access.sign_ins.with_password(me.name, old, address=self._address)
        if checked is None or key_of(checked) != me.key:
            self._recorder.add(AuditEntry("", "", "", "log_in_failed", me.key))
            raise BadRequest("The old password is wrong.", "old_password")
        if new == old:
            raise BadRequest("The new password is the old one.", "password")
        with self._change():
            people = self._access.people
            people.set_password(me.name, new, keep_session=me.session, checked=checked)
            recorded(self._recorder, "password_changed", me.key)

    @needs("own_account")
    def end_session(self, session: int) -> None:
        """End one log-in. Raises `NotFound` for one that is not theirs."""
        with self._change():
            self._access.sessions.end(session, of=self._principal.name)
            recorded(self._recorder, "session_ended", f"session:{session}")

    @needs("own_account")
    def end_other_sessions(self) -> int:
        """End every log-in but the one that asks. Returns how many ended."""
        others = [one.id for one in self.sessions() if one.id != self._principal.session]
        for session in others:
            self.end_session(session)
        return len(others)

    @needs("own_tokens")
    def tokens(self) -> tuple[Token, ...]:
        """Their tokens, newest first."""
        return self._access.tokens.everything(owner=self._principal.name)

    @needs("own_tokens")
    def add_token(
        self, name: str, roles: Iterable[Role], expires_at: datetime | None
    ) -> tuple[Token, str]:
        """A token of their own, with roles of theirs, and its secret.

        Raises `BadRequest` for a role that they lack.
        """
        with self._change():
            token, secret = self._access.tokens.add(
                name,
                roles,
                owner=self._principal.name,
                agent_id=self._principal.agent_id,
                expires_at=expires_at,
            )
            recorded(self._recorder, "token_added", f"token:{token.id}", token_details(token))
        return token, secret

    @needs("own_tokens")
    def revoke_token(self, token: int) -> None:
        """Raises `NotFound` for one that is not theirs."""
        with self._change():
            self._access.tokens.revoke(token, owner=self._principal.name)
            recorded(self._recorder, "token_revoked", f"token:{token}")

    def _change(self) -> AbstractContextManager[None]:
        return change(self._access, self._recorder)
