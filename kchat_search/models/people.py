"""Who asks: people, tokens, roles, and what a principal may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from kchat_search.models.plan import Everything, Sight

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
    "connect",
    "own_account",
    "own_tokens",
    "own_searches",
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
connect      see which settings of the account at Kchat are missing, and try the account
own_account  the own password and sessions
own_tokens   the own tokens
own_searches the own saved searches
own_audit    the own rows of the audit
audit        all rows of the audit
people       add and change people, and all tokens
operate      sync, index, repair: the owner at the command line alone
"""

PrincipalKind = Literal["person", "token", "owner", "anyone", "nobody"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    kind: PrincipalKind
    """owner: at the command line. anyone: whoever sits at this machine, as long as there are no
    people. nobody: whoever has not signed in where there are."""
    key: str
    """Names it for ever, where a name may be given again: «person:12», «token:3», «owner»,
    «anyone»."""
    name: str
    """The user name, the token's name."""
    roles: frozenset[Role] = frozenset()
    agent_id: str | None = None
    """The Kchat agent who it is; None where it is none, or nobody has said."""
    session: int | None = None
    """The number of the session it signed in with; of a token, that of the session of its owner on
    which it stands, where a provider vouches for them."""
    vouched_by: str | None = None
    """The issuer of OpenID Connect with which this session began, and that is asked again for the
    person's roles; None where they signed in in another way."""


OWNER = Principal("owner", "owner", "owner")
"""Whoever runs the command line: the files are theirs, so they may do everything."""
ANYONE = Principal("anyone", "anyone", "anyone")
"""Whoever sits at this machine, as long as there are no people."""
NOBODY = Principal("nobody", "", "")
"""Whoever has not signed in where there are people. It may do nothing."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whose eyes an answer is: all that search needs to know of a principal."""

    key: str
    """`Principal.key`; «» for the owner and whoever sits at the machine. Cursors belong to it."""
    sight: Sight
    shows_numbers: bool
    """False: private numbers are masked in all that is shown. True only where the sight is not
    masked."""
    versions: bool
    """May earlier versions and recalled texts be searched and shown?"""

    @property
    def sees_all_chats(self) -> bool:
        """Or only some?"""
        return self.sight.restriction == Everything()


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
    password_mark: str = field(default="", repr=False, compare=False)
    """Another one with each new password, and tells nothing of it. Who was let in with one password
    begins no session once there is another."""


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


@dataclass(frozen=True, slots=True)
class Entrance:
    """The settings of how people come in. See docs/settings.md."""

    public_url: str | None = None
    """`https://host` or `https://host:port`, in lower case, without the scheme's own port."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """From where forwarding headers count."""
    remote_user_header: str | None = None
    """In which a trusted proxy names who has signed in."""
    requests_per_minute: int = 600
    """Of one person or token."""
    password_login: bool = True
    """May people sign in by password?"""
