"""Who asks: people, tokens, roles, and what a principal may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["agent", "compliance", "admin", "auditor", "metrics"]
ROLES: tuple[Role, ...] = ("agent", "compliance", "admin", "auditor", "metrics")
"""`metrics` is for tokens alone."""

Permission = Literal[
    "search",
    "numbers",
    "versions",
    "rejects",
    "export",
    "agents",
    "status",
    "metrics",
    "own_account",
    "own_audit",
    "audit",
    "people",
    "operate",
]
"""What a principal may do:

search       search and read chats, as far as its sight reaches
numbers      see private numbers in clear, each reveal recorded
versions     read earlier versions and recalled texts, and search them
rejects      read the chats that could not be understood
export       export what a search finds
agents       list the agents
status       see the state of the program
metrics      read `/metrics`
own_account  the own password, sessions and tokens
own_audit    the own rows of the audit
audit        all rows of the audit
people       add and change people, and all tokens
operate      sync, index, repair: the owner at the command line alone
"""

PrincipalKind = Literal["person", "token", "owner", "anyone"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    kind: PrincipalKind
    """owner: at the command line. anyone: whoever sits at this machine, as long as there are no
    people."""
    key: str
    """Names it for ever, where a name may be given again: «person:12», «token:3», «owner»,
    «anyone»."""
    name: str
    """The user name, the token's name."""
    roles: frozenset[Role] = frozenset()
    agent_id: str | None = None
    """The Kchat agent who it is; None where it is none, or nobody has said."""
    session: int | None = None
    """The number of the session it signed in with."""


OWNER = Principal("owner", "owner", "owner")
"""Whoever runs the command line: the files are theirs, so they may do everything."""
ANYONE = Principal("anyone", "anyone", "anyone")
"""Whoever sits at this machine, as long as there are no people."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account."""

    id: int
    name: str
    roles: frozenset[Role]
    agent_id: str | None
    disabled: bool
    has_password: bool
    provider: str | None
    """Who vouches for this person: the issuer of OpenID Connect; None for a local account."""
    created_at: datetime
    last_sign_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without its secret, which nobody has but who was given it."""

    id: int
    name: str
    prefix: str
    """The beginning of the secret, to tell tokens apart."""
    roles: frozenset[Role]
    """Those that it was given. It may use those of them that its owner still has."""
    agent_id: str | None
    owner: str | None
    """The name of the person it belongs to; None for one that the command line made."""
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A person's log-in in one browser, without its secret."""

    id: int
    began_at: datetime
    last_used_at: datetime
    ends_at: datetime
    """When it ends at the latest."""
    address: str
    """From where it began."""
    browser: str
    """The beginning of the `User-Agent`, for the person to tell sessions apart."""
