"""What the provider says of itself: its addresses and its keys (Discovery 1.0).

Invariant: nothing is asked or sent at an address that is not https, unless the provider stands on
this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from joserfc.jwk import KeySet

from kchat_search.hosts import host_of, is_loopback
from kchat_search.oidc.id_tokens import ALGORITHMS, usable_keys
from kchat_search.oidc.transport import Transport, Unreachable

_SUFFIX = "/.well-known/openid-configuration"
_KEPT = timedelta(hours=1)
"""How long addresses and keys count without being asked for again. A key that the provider takes
back is trusted no longer than this."""
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """The provider's addresses; see Discovery 1.0, section 3."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    auth_method: str
    """How this program shows its secret at the token endpoint."""
    names_issuer: bool
    """Does it name itself in its answers (RFC 9207)?"""


class Discovery:
    """Asks for the addresses and the keys where they are not known, or old. Safe to share between
    threads."""

    def __init__(
        self, configuration_url: str, transport: Transport, clock: Callable[[], datetime]
    ) -> None:
        self._url = configuration_url
        self._transport = transport
        self._clock = clock
        self._lock = Lock()
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    def metadata(self) -> Metadata:
        """The addresses. Raises `Unreachable`, whose text says what is wrong with them."""
        known = self._metadata
        if known is not None and self._fresh(known[0]):
            return known[1]
        found = metadata_of(
            self._transport.get(self._url), self._url, bool(self._transport.client.client_secret)
        )
        with self._lock:
            self._metadata = (self._clock(), found)
        return found

    def keys(self, *, older_than: timedelta | None = None) -> KeySet:
        """The keys; asked for again where they are as old as `older_than`. Raises
        `Unreachable`."""
        known = self._keys
        if known is not None and self._fresh(known[0]):
            age = self._clock() - known[0]
            if older_than is None or age < older_than:
                return known[1]
        found = usable_keys(self._transport.get(self.metadata().jwks_uri))
        if found is None:
            raise Unreachable(
                f"no key for {' or '.join(ALGORITHMS)} in the provider's list of keys"
            )
        with self._lock:
            self._keys = (self._clock(), found)
        return found

    def _fresh(self, since: datetime) -> bool:
        return timedelta(0) <= self._clock() - since < _KEPT  # a clock set back: ask again


def metadata_of(sent: Mapping[str, Any], configuration_url: str, secret: bool) -> Metadata:  # noqa: FBT001  # is there one?
    """The addresses in what a provider sent. Raises `Unreachable` where they can't be used."""
    issuer = sent.get("issuer")
    if not isinstance(issuer, str) or issuer.rstrip("/") + _SUFFIX != configuration_url:
        # Discovery 1.0, section 4.3: else one provider could speak for another.
        raise Unreachable(
            f"the provider calls itself {str(issuer)[:200]!r}, so its configuration must be at "
            f"that address with {_SUFFIX}: check KCHAT_OIDC_CONFIGURATION_URL"
        )

    def needed(name: str) -> str:
        return _address(sent.get(name), name, configuration_url)

    def maybe(name: str) -> str | None:
        return needed(name) if sent.get(name) else None

    algorithms = sent.get("id_token_signing_alg_values_supported")
    if isinstance(algorithms, list) and not set(ALGORITHMS) & {str(name) for name in algorithms}:
        raise Unreachable(f"the provider signs by none of {', '.join(ALGORITHMS)}: let it do so")
    return Metadata(
        issuer=issuer,
        auth_method=_auth_method(sent.get("token_endpoint_auth_methods_supported"), secret),
        names_issuer=sent.get("authorization_response_iss_parameter_supported") is True,
        authorization_endpoint=needed("authorization_endpoint"),
        token_endpoint=needed("token_endpoint"),
        jwks_uri=needed("jwks_uri"),
        userinfo_endpoint=maybe("userinfo_endpoint"),
        end_session_endpoint=maybe("end_session_endpoint"),
    )


def _auth_method(supported: object, secret: bool) -> str:  # noqa: FBT001  # as above
    if not secret:
        return "none"
    # Without a list it is the first of these (Discovery 1.0, section 3).
    names = supported if isinstance(supported, list) else ["client_secret_basic"]
    post_only = "client_secret_post" in names and "client_secret_basic" not in names
    return "client_secret_post" if post_only else "client_secret_basic"


def _address(value: object, name: str, configuration_url: str) -> str:
    if not isinstance(value, str) or not _is_good(value, urlsplit(configuration_url).scheme):
        raise Unreachable(f"the provider's {name} is no https address")
    return value


def _is_good(url: str, own_scheme: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = host_of(parts.netloc)
    return (
        host is not None
        and len(url) <= _LONGEST_URL
        and url.isascii()
        and url.isprintable()
        and not set(" \\\"'<>`") & set(url)
        and not parts.fragment
        and (
            parts.scheme == "https" or (parts.scheme == "http" == own_scheme and is_loopback(host))
        )
    )
