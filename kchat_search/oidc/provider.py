"""`OpenIdProvider`: asks one provider of OpenID Connect who somebody is.

Invariants: a person is named by (issuer, `sub`) of a signed ID token alone, never by a name or an
e-mail address, which a provider may give to somebody else. What userinfo says counts only where its
`sub` is that of the ID token.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from kchat_search.errors import ProviderUnreachable, SignInRefused
from kchat_search.models.sign_in import Answer, Attempt, Grant, SignedOut, Vouched
from kchat_search.oidc import claims as of_claims
from kchat_search.oidc.claims import Rules
from kchat_search.oidc.discovery import Discovery, Metadata
from kchat_search.oidc.id_tokens import (
    Expected,
    KeyUnknown,
    TokenRefused,
    id_token_claims,
    sign_out_claims,
)
from kchat_search.oidc.transport import (
    Busy,
    Client,
    Refused,
    Transport,
    Unreachable,
    known_error,
)

log = logging.getLogger(__name__)

_LONGEST_TOKEN = 64 * 1024
_LONGEST_HINT = 3_000
"""Characters of an ID token that is given back at log-out: it stands in an address."""
_NEW_KEYS = timedelta(0)
_NEW_KEYS_FOR_STRANGERS = timedelta(minutes=1)
"""Anybody may send a log-out token with an unknown key; so they make us ask for keys this often."""


class OpenIdProvider:
    """One provider. Safe to share between threads. The provider is first asked at the first
    sign-in, so that the program starts without it."""

    def __init__(
        self,
        configuration_url: str,
        client: Client,
        rules: Rules,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._rules = rules
        self._clock = clock
        self._transport = Transport(client, urlsplit(configuration_url).hostname or "")
        self._discovery = Discovery(configuration_url, self._transport, clock)

    def begin(self, redirect_uri: str) -> tuple[Attempt, str]:
        """A new attempt, and the address at the provider to which the browser goes. Raises
        `ProviderUnreachable`."""
        with _in_our_words():
            metadata = self._discovery.metadata()
        attempt = Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))
        return attempt, _with(
            metadata.authorization_endpoint,
            response_type="code",
            client_id=self._client.client_id,
            redirect_uri=redirect_uri,
            scope=self._client.scopes,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )

    def finish(self, attempt: Attempt, answer: Answer, redirect_uri: str) -> Vouched:
        """Who has signed in. `answer` is to this `attempt`: its state was compared. Raises
        `SignInRefused` and `ProviderUnreachable`."""
        with _in_our_words():
            metadata = self._discovery.metadata()
            if (answer.issuer or metadata.names_issuer) and not _same(
                answer.issuer, metadata.issuer
            ):
                raise TokenRefused("iss of the answer")
            if answer.error or not answer.code:
                raise Refused(known_error(answer.error))
            tokens = self._transport.token(
                metadata.token_endpoint,
                metadata.auth_method,
                {
                    "grant_type": "authorization_code",
                    "code": answer.code,
                    "redirect_uri": redirect_uri,
                    "code_verifier": attempt.verifier,
                },
            )
            access_token = _access_token(tokens)
            said = self._id_token(
                tokens.get("id_token"),
                Expected(
                    metadata.issuer, self._client.client_id, attempt.nonce, None, access_token
                ),
            )
            grant = Grant(metadata.issuer, said["sub"], 0.0)
            return self._vouched(metadata, grant, tokens, said)

    def look_again(self, grant: Grant) -> Vouched:
        """The same person as the provider knows them at this moment. Raises `SignInRefused` where
        it no longer vouches for them, and `ProviderUnreachable`."""
        with _in_our_words():
            metadata = self._discovery.metadata()
            if grant.issuer != metadata.issuer:
                raise TokenRefused("iss of an earlier provider")
            tokens: Mapping[str, Any] = {"access_token": grant.access_token}
            said: Mapping[str, Any] = {}
            if grant.refresh_token:
                tokens = self._transport.token(
                    metadata.token_endpoint,
                    metadata.auth_method,
                    {"grant_type": "refresh_token", "refresh_token": grant.refresh_token},
                )
            if tokens.get("id_token"):
                expected = Expected(
                    metadata.issuer,
                    self._client.client_id,
                    subject=grant.subject,
                    access_token=_access_token(tokens),
                )
                said = self._id_token(tokens["id_token"], expected)
            elif metadata.userinfo_endpoint is None:
                raise Refused("")  # nobody can say who this is now
            return self._vouched(metadata, grant, tokens, said)

    def log_out_url(self, grant: Grant, return_to: str) -> str | None:
        """The address at which the browser signs out at the provider too (RP-Initiated Logout 1.0);
        None where the provider has none, or can't be asked."""
        try:
            metadata = self._discovery.metadata()
        except (Unreachable, Refused, Busy) as error:
            log.warning("Nobody is signed out at the provider: %s", error)
            return None
        if metadata.end_session_endpoint is None or grant.issuer != metadata.issuer:
            return None
        hint = {"id_token_hint": grant.id_token} if grant.id_token else {}
        return _with(
            metadata.end_session_endpoint,
            **hint,
            client_id=self._client.client_id,
            post_logout_redirect_uri=return_to,
        )

    def signed_out(self, logout_token: str) -> SignedOut:
        """Whom the provider has signed out. Raises `SignInRefused` for a token that is not the
        provider's, and `ProviderUnreachable`."""
        with _in_our_words():
            issuer = self._discovery.metadata().issuer
            expected = Expected(issuer, self._client.client_id)
            said = self._with_keys(
                lambda keys: sign_out_claims(logout_token, keys, expected, self._clock()),
                _NEW_KEYS_FOR_STRANGERS,
            )
            at = datetime.fromtimestamp(said["iat"], UTC)
            return SignedOut(issuer, said.get("sub") or None, said.get("sid") or None, at)

    def _id_token(self, token: object, expected: Expected) -> dict[str, Any]:
        if not token:
            raise TokenRefused("no ID token; KCHAT_OIDC_SCOPES must have «openid»")
        return self._with_keys(
            lambda keys: id_token_claims(token, keys, expected, self._clock()), _NEW_KEYS
        )

    def _with_keys(
        self, check: Callable[[KeySet], dict[str, Any]], new_after: timedelta
    ) -> dict[str, Any]:
        """What `check` says; with keys that are asked for anew where those that are known do not
        fit, because providers change theirs."""
        try:
            return check(self._discovery.keys())
        except KeyUnknown:
            return check(self._discovery.keys(older_than=new_after))

    def _vouched(
        self,
        metadata: Metadata,
        grant: Grant,
        tokens: Mapping[str, Any],
        said: Mapping[str, Any],
    ) -> Vouched:
        """What the ID token (`said`, {} where there is none) and userinfo say. Where both say
        something, userinfo goes first: the provider says it at this moment."""
        access_token = _access_token(tokens)
        if metadata.userinfo_endpoint is not None:
            if access_token is None:
                raise TokenRefused("no access token")
            more = self._transport.get(metadata.userinfo_endpoint, access_token)
            if not _same(more.get("sub"), grant.subject):
                raise TokenRefused("sub of userinfo")
            said = {**said, **more}
        id_token = _text(tokens.get("id_token"))
        now = self._clock().timestamp()
        return Vouched(
            of_claims.names_of(said),
            of_claims.roles_of(said, self._rules),
            replace(
                grant,
                looked_at=now,
                tried_at=now,
                provider_session=_text(said.get("sid"))[:255] or grant.provider_session,
                agent_id=of_claims.agent_id_of(said, self._rules),
                id_token=id_token if 0 < len(id_token) <= _LONGEST_HINT else grant.id_token,
                access_token=access_token or "",
                refresh_token=_text(tokens.get("refresh_token")) or grant.refresh_token,
            ),
        )


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What can go wrong with a provider, as the errors of this program. The log says more."""
    try:
        yield
    except TokenRefused as error:
        log.warning("A sign-in by OpenID Connect was refused: %s", error)
        raise SignInRefused("answer", str(error)) from None
    except Refused as error:
        log.info("The provider of OpenID Connect refused: %s", error)
        raise SignInRefused("provider", error.code) from None
    except Unreachable as error:
        log.warning("The provider of OpenID Connect can't be asked: %s", error)
        raise ProviderUnreachable("unreachable") from None
    except Busy:
        raise ProviderUnreachable("busy") from None


def _access_token(tokens: Mapping[str, Any]) -> str | None:
    kind = tokens.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused("token_type")
    return _text(tokens.get("access_token")) or None


def _text(value: object) -> str:
    """A token of a bearable length: printable ASCII (RFC 6749, appendix A), so that it can't break
    out of a header."""
    good = isinstance(value, str) and len(value) <= _LONGEST_TOKEN
    return (
        value if good and isinstance(value, str) and value.isascii() and value.isprintable() else ""
    )


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())


def _with(url: str, **parameters: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
