"""The ports to who may see what: people, tokens, sessions, and the audit.

Every method raises `AccessError` where the database can't be read or written: then nobody gets an
answer. A door that can't be looked at is shut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from kchat_search.models.audit import (
    AuditCheck,
    AuditEntry,
    AuditFilter,
    AuditRow,
    NumberLookups,
)
from kchat_search.models.people import Person, Principal, Role, Session, Token
from kchat_search.models.saved import SavedSearch


class People(Protocol):
    """The accounts. Names are compared folded; one that looks like another (other scripts,
    invisible characters) is refused. Methods raise `NotFound` for a name that nobody has, and
    `BadRequest` for what can't be taken."""

    def ever(self) -> bool:
        """Was anybody ever added? Then no answer goes to nobody any more. Called at each
        request."""
        ...

    def everybody(self) -> tuple[Person, ...]:
        """All accounts, by name."""
        ...

    def person(self, name: str) -> Person:
        """One account."""
        ...

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
        """A new account. `provider` and `subject`: by whom and as whom OpenID Connect knows
        them."""
        ...

    def of_provider(self, provider: str, subject: str) -> Person | None:
        """The account of whoever a provider calls so."""
        ...

    def set_roles(self, name: str, roles: Iterable[Role]) -> Person:
        """Replace the roles. A session that had more ends."""
        ...

    def set_agent_id(self, name: str, agent_id: str | None) -> Person:
        """Say which Kchat agent this person is."""
        ...

    def follow_claim(self, name: str, claimed: str | None) -> Person:
        """The agent id that the provider says (`claimed`) counts, as long as it says one. With None
        the one counts again that was there before: an admin had set it."""
        ...

    def set_password(
        self,
        name: str,
        password: str,
        *,
        keep_session: int | None = None,
        checked: Person | None = None,
    ) -> None:
        """A new password. All sessions end but `keep_session`. `checked`: whom the old one let in;
        where there is another password since, it is a `BadRequest` (parameter `old_password`)."""
        ...

    def check_password(self, name: str, password: str) -> Person | None:
        """The person with this name and password who is not disabled; None otherwise, after the
        same time whether or not the name is known. Costs some 50 ms and 64 MiB: call it through
        `SignIns.with_password`, which bounds how many run."""
        ...

    def disable(self, name: str) -> Person:
        """The account, its sessions and its tokens give no access any more."""
        ...

    def enable(self, name: str) -> Person:
        """The reverse of `disable`."""
        ...

    def remove(self, name: str) -> None:
        """Remove the account with its sessions and tokens. Its audit rows stay."""
        ...


class Sessions(Protocol):
    """Log-ins of people in browsers. Secrets are stored hashed."""

    def begin(self, person: Person, *, address: str, browser: str, provider_data: str = "") -> str:
        """Begin a session. Returns its secret, for the cookie. `provider_data`: what signing out at
        the provider and asking it again need; kept with the session.

        Raises `NotSignedIn` where the account is not any more as it was when `person` was let in:
        disabled, removed, or with another password. Else a log-in that is under way would outlive
        what ends all sessions."""
        ...

    def principal(self, secret: str) -> Principal | None:
        """Who has this session: None where it ended, or its person is disabled. Counts as use, so
        the idle time begins anew."""
        ...

    def provider_data(self, session: int) -> str:
        """What `begin` was given, or `set_provider_data` last."""
        ...

    def set_provider_data(self, session: int, data: str) -> None:
        """Keep what the provider said anew."""
        ...

    def replace_provider_data(self, session: int, before: str, after: str) -> bool:
        """The same, but only if it is `before` now. Returns whether it was: of several processes
        that try it at once, one succeeds."""
        ...

    def of(self, name: str) -> tuple[Session, ...]:
        """A person's sessions that have not ended, newest first."""
        ...

    def end(self, session: int, *, of: str | None = None) -> None:
        """End a session; with `of`, only if it is this person's. Raises `NotFound`."""
        ...


class Tokens(Protocol):
    """Tokens for programs. Secrets have 256 bits, are shown once and stored hashed."""

    def add(
        self,
        name: str,
        roles: Iterable[Role],
        *,
        owner: str | None = None,
        agent_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[Token, str]:
        """A new token, and its secret. Raises `BadRequest` for a role that its owner lacks."""
        ...

    def principal(self, secret: str) -> Principal | None:
        """Who has this token: None where it ended, was revoked, or its owner is disabled. Its roles
        are those of its own that its owner has today. Where a provider vouches for the owner, they
        must be signed in, and the provider may have to be asked again (`Principal.vouched_by`)."""
        ...

    def everything(self, *, owner: str | None = None) -> tuple[Token, ...]:
        """All tokens, newest first; with `owner`, only that person's."""
        ...

    def revoke(self, token: int, *, owner: str | None = None) -> None:
        """Revoke a token; with `owner`, only if it is theirs. Raises `NotFound`."""
        ...


class SignIns(Protocol):
    """Signing in by password, slowed down where it fails."""

    def with_password(self, name: str, password: str, *, address: str) -> Person | None:
        """The person, or None where name or password is wrong.

        Raises `TooManyAttempts` (`.retry_after`, seconds) where this name from this address failed
        too often, or too many passwords are being checked.
        """
        ...

    def is_first_use(self, state: str) -> bool:
        """Was this state of a sign-in elsewhere never used before, in any process? From now on it
        was, for longer than a sign-in may take."""
        ...


class Requests(Protocol):
    """How many requests a principal makes, counted over all processes."""

    def count(self, principal: Principal, *, limit: int) -> tuple[int, int]:
        """Count one request. Returns (how many are left in this minute, seconds to its end).
        Raises `TooManyRequests` (`.retry_after`) where none was left."""
        ...


class ExportPlace(Protocol):
    """The place of an export that runs."""

    def keep(self) -> None:
        """It still runs: called again and again, else the place becomes free after some minutes."""
        ...

    def end(self) -> None:
        """It has ended. Never raises."""
        ...


class Exports(Protocol):
    """The exports of a principal that run, counted over all processes."""

    def begin(self, principal: Principal, *, most: int) -> ExportPlace | None:
        """A place; None where the principal has `most`."""
        ...


class SavedSearches(Protocol):
    """The searches that people have saved. Each has their own; whoever sits at the machine has
    some too, as long as there are no people. Raises `BadRequest` for a token."""

    def of(self, owner: Principal) -> tuple[SavedSearch, ...]:
        """All of this person, by name."""
        ...

    def one(self, owner: Principal, number: int) -> SavedSearch:
        """One of them. Raises `NotFound`."""
        ...

    def add(self, owner: Principal, name: str, query: str, seen: Sequence[int]) -> SavedSearch:
        """A new one; `seen`: the ids of the chats that it finds now. Raises `BadRequest` for a name
        that can't be taken, and where there are too many."""
        ...

    def rename(self, owner: Principal, number: int, name: str) -> None:
        """Give one another name. Raises `NotFound`, `BadRequest`."""
        ...

    def mark_seen(self, owner: Principal, number: int, seen: Sequence[int]) -> None:
        """From now on, these chats are seen. Raises `NotFound`."""
        ...

    def remove(self, owner: Principal, number: int) -> None:
        """Remove one. Raises `NotFound`."""
        ...


class Ticket(Protocol):
    """An entry on its way to the disk."""

    def wait(self) -> None:
        """Returns when the entry is on the disk. Raises `AuditUnwritable` where it can't be."""
        ...


class Audit(Protocol):
    """The record of who did what. It can be added to and read, and nothing else, but that a text
    can be erased."""

    def record(self, entry: AuditEntry) -> Ticket:
        """Record an entry, at the end of the chain that all processes share."""
        ...

    def rows(
        self, wanted: AuditFilter, *, before: int | None = None, limit: int = 100
    ) -> tuple[AuditRow, ...]:
        """The newest rows first, from below the number `before`."""
        ...

    def count(self, wanted: AuditFilter) -> int:
        """How many rows fulfil it."""
        ...

    def number_lookups(self, since: datetime) -> tuple[NumberLookups, ...]:
        """Who looked up whole private numbers that they see masked, the most first."""
        ...

    def check(self, head: str | None = None) -> AuditCheck:
        """Hold every row against the chain, and with `head` the chain against that hash, which was
        written down before. Raises `BadRequest` for a `head` that is no hash."""
        ...

    def erase(self, number: int, reason: str, by: Principal) -> None:
        """Erase the free texts of a row, and record that, why and by whom. Raises `NotFound`, and
        `BadRequest` without a reason."""
        ...


class Access(Protocol):
    """All of it: one database."""

    @property
    def people(self) -> People: ...  # noqa: D102
    @property
    def sessions(self) -> Sessions: ...  # noqa: D102
    @property
    def tokens(self) -> Tokens: ...  # noqa: D102
    @property
    def sign_ins(self) -> SignIns: ...  # noqa: D102
    @property
    def requests(self) -> Requests: ...  # noqa: D102
    @property
    def exports(self) -> Exports: ...  # noqa: D102
    @property
    def saved_searches(self) -> SavedSearches: ...  # noqa: D102
    @property
    def audit(self) -> Audit: ...  # noqa: D102

    def together(self) -> AbstractContextManager[None]:
        """What this thread changes and records within the block is one transaction: a change that
        has no row in the audit is not made. An error takes all of it back. What was recorded before
        must be settled when it begins."""
        ...

    def signing_key(self) -> bytes:
        """32 bytes that sign cookies; the same in all processes, made at the first call."""
        ...

    def close(self) -> None:
        """Write what waits, and close."""
        ...


class Recorder(Protocol):
    """Records what one principal does from one address. A service has one."""

    def add(self, entry: AuditEntry) -> None:
        """Begin to record an entry. Its `principal`, `name` and `address` are filled in where they
        are «»."""
        ...

    def settle(self) -> None:
        """Returns when all that was added is on the disk. Called before the first byte of an answer
        leaves. Raises `AuditUnwritable`."""
        ...


__all__: Sequence[str] = (
    "Access", "Audit", "ExportPlace", "Exports", "People", "Recorder", "Requests",
    "SavedSearches", "Sessions", "SignIns", "Ticket", "Tokens",
)  # fmt: skip
