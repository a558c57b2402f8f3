"""What a principal may do, and which chats it sees: the table of DESIGN 9, as pure functions.

Roles add up: who has two may do what either may. Nothing here asks a database or a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from kchat_search.models.people import ROLES, Permission, Principal, Role, Viewer
from kchat_search.models.plan import AnyOf, Everything, FieldIs, Node, Sight

AgentsSee = Literal["all", "own"]
"""`KCHAT_AGENTS_SEE`: all chats, or those they took part in."""

EVERY_PERMISSION: frozenset[Permission] = frozenset(get_args(Permission))
_NONE: frozenset[Permission] = frozenset()
_READS: frozenset[Permission] = frozenset({"search", "agents", "own_searches"})
_HAS_ACCOUNT: frozenset[Permission] = frozenset({"own_account", "own_audit"})

OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    "agent": _READS | _HAS_ACCOUNT,
    "compliance": _READS
    | _HAS_ACCOUNT
    | {"numbers", "versions", "rejects", "export", "status", "own_tokens"},
    "admin": _HAS_ACCOUNT | {"status", "metrics", "connect", "people", "own_tokens"},
    "auditor": _HAS_ACCOUNT | {"audit", "own_tokens"},
    "metrics": frozenset({"metrics"}),
}
OF_ANYONE: frozenset[Permission] = _READS | {
    "numbers",
    "versions",
    "rejects",
    "export",
    "status",
    "metrics",
    "connect",
}
"""As long as there are no people: all that is read, and nothing that is about people."""
_OF_PEOPLE: frozenset[Permission] = frozenset({"own_account", "own_tokens", "own_searches"})
"""For a person in a browser: a token has no password, and makes no tokens that outlive it."""

NOTHING: Node = AnyOf(())
"""The restriction of whoever sees no chat."""


def permissions(principal: Principal) -> frozenset[Permission]:
    """All that the principal may do."""
    match principal.kind:
        case "owner":
            return EVERY_PERMISSION
        case "anyone":
            return OF_ANYONE
        case "person":
            return _of_roles(principal.roles - {"metrics"})
        case "token":
            return _of_roles(principal.roles) - _OF_PEOPLE
        case "nobody":
            return _NONE


def roles_with(permission: str) -> tuple[Role, ...]:
    """The roles that give this permission."""
    return tuple(role for role in ROLES if permission in OF_ROLE[role])


def sight(principal: Principal, agents_see: AgentsSee) -> Sight:
    """What the principal sees of the index. Without `numbers`, it is masked."""
    allowed = permissions(principal)
    return Sight(_restriction(principal, allowed, agents_see), masked="numbers" not in allowed)


def viewer(principal: Principal, agents_see: AgentsSee, *, pages: bool = False) -> Viewer:
    """The same, as search needs it. `pages`: the answer is shown on a page, which masks for
    everybody who signed in, and shows a chat's numbers by one click."""
    allowed = permissions(principal)
    signed_in = principal.kind in ("person", "token")
    return Viewer(
        # As long as there are no people, the pages go on where a command stopped.
        key="" if principal.kind in ("owner", "anyone") else principal.key,
        sight=sight(principal, agents_see),
        shows_numbers="numbers" in allowed and not (pages and signed_in),
        versions="versions" in allowed,
    )


def lacks_agent_id(principal: Principal, agents_see: AgentsSee) -> bool:
    """Does it see nothing because nobody has said which Kchat agent it is?"""
    allowed = permissions(principal)
    seen = _restriction(principal, allowed, agents_see)
    return "search" in allowed and seen == NOTHING


def _of_roles(roles: frozenset[Role]) -> frozenset[Permission]:
    return _NONE.union(*(OF_ROLE[role] for role in roles))


def _restriction(
    principal: Principal, allowed: frozenset[Permission], agents_see: AgentsSee
) -> Node:
    if "search" not in allowed:
        return NOTHING
    only_as_agent = principal.kind in ("person", "token") and "compliance" not in principal.roles
    if not only_as_agent or agents_see == "all":
        return Everything()
    return FieldIs("participant", (principal.agent_id,)) if principal.agent_id else NOTHING
