"""Secrets that this program makes: of sessions and of tokens.

A secret has 256 bits of the system's randomness, so its SHA-256 can be stored as it is: nobody
guesses what has no shorter description. Who reads the database can't sign in with what is there.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

_BYTES = 32
TOKEN_BEGINS = "kchat_"  # noqa: S105  # nosec B105  # what all have in common is no secret
"""So that people and scanners of secrets recognize a token."""
_SHOWN = len(TOKEN_BEGINS) + 6
_MOST_CHARACTERS = 256


def new_secret() -> str:
    """A secret for a cookie: 43 characters that need no quoting."""
    return secrets.token_urlsafe(_BYTES)


def new_token() -> str:
    """The secret of a token."""
    return TOKEN_BEGINS + new_secret()


def prefix(token: str) -> str:
    """The beginning of a token's secret, which tells it from others. 220 bits are not shown."""
    return token[:_SHOWN]


def hash_of(secret: str) -> str:
    """What is stored of a secret, in hex. Total: any text has one, so that whatever a client sends
    can be looked up."""
    return sha256(secret[:_MOST_CHARACTERS].encode("utf-8", "surrogatepass")).hexdigest()
