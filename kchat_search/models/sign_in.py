"""Signing in elsewhere: what a provider of OpenID Connect says of a person."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime

from kchat_search.models.people import Role


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun in one browser."""

    state: str
    """Comes back with the answer: so the answer is to this attempt."""
    nonce: str
    """Comes back in the ID token: so the token was made for this attempt."""
    verifier: str = field(repr=False)
    """Of PKCE (RFC 7636): shows that who brings the code is who began."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser brought back from the provider: its query parameters."""

    code: str = field(default="", repr=False)
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What asking the provider again, and signing out there, need. It is kept with the session on
    the server's side; no browser gets it."""

    issuer: str
    subject: str
    looked_at: float
    """When the provider last said who this is; seconds since 1970."""
    tried_at: float = 0.0
    """When it was last asked, whether or not it answered."""
    failed: bool = False
    """Did it not answer then? False as well while it is being asked."""
    provider_session: str | None = None
    """The name of the log-in at the provider (`sid`), which back-channel log-out uses."""
    agent_id: str | None = None
    """What the provider said of the agent id."""
    id_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)

    def to_json(self) -> str:
        """As JSON, for `Sessions.begin`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Grant:
        """The reverse of `to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Vouched:
    """A person as the provider vouches for them at this moment."""

    names: tuple[str, ...]
    """What they may be called here, the best first."""
    roles: frozenset[Role]
    """Those that their groups give."""
    grant: Grant


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What a provider said by back-channel log-out: one log-in of a person has ended there, or all
    of them."""

    issuer: str
    subject: str | None
    provider_session: str | None
    at: datetime
