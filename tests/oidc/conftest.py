from __future__ import annotations

from collections.abc import Iterator

import pytest

from kchat_search.oidc.claims import Rules
from kchat_search.oidc.provider import OpenIdProvider
from kchat_search.oidc.transport import Client
from tests.oidc.hostile_provider import CLIENT_ID, CLIENT_SECRET, HostileProvider, running

RULES = Rules(
    "groups",
    {"agent": "kf-agents", "compliance": "kf-compliance", "admin": "kf-admins"},
    "kchat_id",
)


@pytest.fixture
def there() -> Iterator[HostileProvider]:
    """The provider; it knows Li Lei, an agent."""
    with running(HostileProvider()) as provider:
        provider.people["u1"] = {
            "preferred_username": "li.lei",
            "email": "li.lei@example.com",
            "groups": ["kf-agents"],
            "kchat_id": "2192",
        }
        yield provider


def client_of(there: HostileProvider) -> OpenIdProvider:
    return OpenIdProvider(
        f"{there.url}/.well-known/openid-configuration",
        Client(CLIENT_ID, CLIENT_SECRET, "openid profile email"),
        RULES,
        there.clock,
    )


@pytest.fixture
def provider(there: HostileProvider) -> OpenIdProvider:
    """Our end of it."""
    return client_of(there)
