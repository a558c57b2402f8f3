from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kchat_search.access.opening import open_access
from kchat_search.access.passwords import Passwords
from kchat_search.access.store import SqlAccess
from kchat_search.oidc.claims import Rules
from kchat_search.oidc.provider import OpenIdProvider
from kchat_search.oidc.transport import Client
from tests.access.world import CheapHasher, url_of
from tests.oidc.hostile_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Clock,
    HostileProvider,
    running,
)

RULES = Rules(
    "groups",
    {"agent": "kf-agents", "compliance": "kf-compliance", "admin": "kf-admins"},
    "kchat_id",
)


@cache
def _empty_database() -> bytes:
    """A database of people in which nobody is, as a file: making one takes long."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "access.sqlite3"
        access = open_access(url_of(file), Clock())
        access.signing_key()
        access.close()
        return file.read_bytes()


def people_at(file: Path, clock: Clock) -> SqlAccess:
    """A database of people in this file, in which nobody is yet."""
    file.touch(mode=0o600)
    file.write_bytes(_empty_database())
    return open_access(url_of(file), clock, passwords=Passwords(CheapHasher()))


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
