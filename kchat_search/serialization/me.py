"""Who asks, as JSON."""

from __future__ import annotations

from typing import get_args

from kchat_search.models.people import ROLES, Permission, Principal
from kchat_search.serialization.schemas import MeJson


def me_json(principal: Principal, permissions: frozenset[Permission]) -> MeJson:
    """The principal and what it may do, in the order in which the models list them."""
    kind = principal.kind
    assert kind in ("person", "token", "anyone"), kind
    return MeJson(
        kind=kind,
        name=principal.name,
        roles=[role for role in ROLES if role in principal.roles],
        agent_id=principal.agent_id,
        permissions=[one for one in get_args(Permission) if one in permissions],
    )
