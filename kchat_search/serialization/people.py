"""People and tokens as JSON. Neither has a secret in it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.models.people import Person, Token
from kchat_search.serialization.times import rfc3339


def person_json(person: Person, zone: ZoneInfo) -> dict[str, Any]:
    """An account."""
    return {
        "id": person.id,
        "name": person.name,
        "roles": sorted(person.roles),
        "agent_id": person.agent_id,
        "disabled": person.disabled,
        "has_password": person.has_password,
        "provider": person.provider,
        "created_at": rfc3339(person.created_at, zone),
        "last_sign_in_at": rfc3339(person.last_sign_in_at, zone),
    }


def token_json(token: Token, zone: ZoneInfo) -> dict[str, Any]:
    """A token, without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "prefix": token.prefix,
        "roles": sorted(token.roles),
        "agent_id": token.agent_id,
        "owner": token.owner,
        "created_at": rfc3339(token.created_at, zone),
        "expires_at": rfc3339(token.expires_at, zone),
        "last_used_at": rfc3339(token.last_used_at, zone),
        "revoked_at": rfc3339(token.revoked_at, zone),
    }
