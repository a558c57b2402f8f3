"""Does a signed token say what it must, to us, now?

Invariants: only RS256 and ES256 count, whatever a token's header or the provider's own list says
(RFC 8725, section 3.1): so neither «none» nor a public key used as an HMAC secret ever passes. Only
keys of the provider's own list count, never one that a token brings along.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey, import_key
from joserfc.jws import JWSRegistry

ALGORITHMS = ("RS256", "ES256")
LEEWAY = 60
"""Seconds by which the clocks of the provider and of this machine may differ."""
_OLDEST_SIGN_OUT = 120
"""Seconds. A log-out token is sent at once (Back-Channel Logout 1.0, section 2.5); an older one may
be one that somebody kept."""
_MIN_RSA_BITS = 2048
_KEY_MEMBERS = ("kty", "n", "e", "crv", "x", "y", "kid", "alg", "use")
"""Those of a public key (RFC 7517, RFC 7518)."""
_LAST_TIME = 2**53
"""Seconds since 1970. A greater number has no place among times."""
_LONGEST_HEADER = 4096
_SIGN_OUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_OTHER_KINDS = ("at+jwt", "logout+jwt", "secevent+jwt", "oauth-authz-req+jwt", "dpop+jwt")
"""`typ` of tokens that are no ID tokens, though a provider signs them with the same keys."""


class TokenRefused(Exception):
    """A token does not say what it must. The text is for the log: it names a claim or a step, never
    a value."""


class KeyUnknown(TokenRefused):
    """No key of the provider fits: perhaps it has new ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str | None = None
    """None: the token answers no sign-in, but a refresh."""
    subject: str | None = None
    access_token: str | None = None


def usable_keys(jwks: object) -> KeySet | None:
    """The keys of a provider's list that may sign tokens for us; None where there is none. A key
    that can't be read does not spoil the others."""
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    found = [key for data in listed or [] if (key := _usable_key(data)) is not None]
    return KeySet(list(found)) if found else None


def _usable_key(data: object) -> RSAKey | ECKey | None:
    if not isinstance(data, dict) or data.get("kty") not in ("RSA", "EC"):
        return None
    if data.get("use", "sig") != "sig" or data.get("alg", ALGORITHMS[0]) not in ALGORITHMS:
        return None
    if data["kty"] == "EC" and data.get("crv") != "P-256":
        return None
    try:
        if data["kty"] == "RSA" and _bits(data["n"]) < _MIN_RSA_BITS:
            return None
        key = import_key({name: data[name] for name in _KEY_MEMBERS if name in data})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAKey | ECKey) else None


def _bits(number: str) -> int:
    """The length of a number in base64url (RFC 7518, section 2)."""
    data = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    return int.from_bytes(data, "big").bit_length()


def id_token_claims(
    token: object, keys: KeySet, expected: Expected, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token. Raises `KeyUnknown`, and `TokenRefused` where the token is not
    from this issuer, for us, for this sign-in, valid now, and whole."""
    header, claims = _signed(token, keys)
    if str(header.get("typ", "")).lower().removeprefix("application/") in _OTHER_KINDS:
        raise TokenRefused("typ")
    if "events" in claims:
        raise TokenRefused("events")
    checked = CodeIDToken(
        claims,
        header,
        {
            "iss": {"essential": True, "value": expected.issuer},
            "aud": {"essential": True, "value": expected.client_id},
            "sub": {"essential": True},
        },
        {
            "nonce": expected.nonce,
            "client_id": expected.client_id,
            "access_token": expected.access_token,
        },
    )
    _check_times(claims, needed=("exp", "iat"))
    try:
        checked.validate(now=int(now.timestamp()), leeway=LEEWAY)
    except JoseError as error:
        raise TokenRefused(_why(error)) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise TokenRefused("a claim that is not what it must be") from error
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise TokenRefused("sub")
    if expected.subject is not None and claims["sub"] != expected.subject:
        raise TokenRefused("sub of another person")
    return claims


def sign_out_claims(
    token: object, keys: KeySet, expected: Expected, now: datetime
) -> dict[str, Any]:
    """The claims of a log-out token (Back-Channel Logout 1.0, section 2.6). Raises as
    `id_token_claims` does."""
    _, claims = _signed(token, keys)
    audience = claims.get("aud")
    audience = audience if isinstance(audience, list) else [audience]
    events = claims.get("events")
    _check_times(claims, needed=("iat",))
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("iss")
    if expected.client_id not in audience:
        raise TokenRefused("aud")
    if not isinstance(events, dict) or _SIGN_OUT_EVENT not in events or "nonce" in claims:
        raise TokenRefused("events")
    if not all(isinstance(claims.get(name, ""), str) for name in ("sub", "sid", "jti")):
        raise TokenRefused("sub, sid")
    if not (claims.get("sub") or claims.get("sid")):
        raise TokenRefused("sub, sid")
    age = now.timestamp() - claims["iat"]
    if not -LEEWAY <= age <= _OLDEST_SIGN_OUT + LEEWAY:
        raise TokenRefused("iat")
    if now.timestamp() > claims.get("exp", math.inf) + LEEWAY:
        raise TokenRefused("exp")
    return claims


def _signed(token: object, keys: KeySet) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that one of `keys` has signed."""
    if not isinstance(token, str) or not token.isascii():
        raise TokenRefused("no token")
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    try:
        found = jwt.decode(token, keys, registry=registry)
    except InvalidKeyIdError as error:
        raise KeyUnknown("kid") from error
    except JoseError as error:
        kind = KeyUnknown if error.error == "bad_signature" else TokenRefused
        raise kind(_why(error)) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise TokenRefused("no token") from error
    return found.header, found.claims


def _check_times(claims: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    """The times must be numbers that can be compared: NaN is neither before nor after now."""
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name)
        if value is None and name not in needed:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TokenRefused(name)
        if not -_LAST_TIME < value < _LAST_TIME:  # NaN is not
            raise TokenRefused(name)


def _why(error: JoseError) -> str:
    claim = getattr(error, "claim", None)
    return str(claim or error.error or type(error).__name__)
