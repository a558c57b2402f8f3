"""Roles in a column: names, divided by commas, in the order of `ROLES`."""

from __future__ import annotations

from collections.abc import Iterable

from kchat_search.errors import BadRequest
from kchat_search.models.people import ROLES, Role


def roles_in(roles: Iterable[Role]) -> str:
    """The text of a column. Raises `BadRequest` for what is no role."""
    wanted = set(roles)
    unknown = sorted(set(map(str, wanted)) - set(ROLES))
    if unknown:
        raise BadRequest(
            f"There is no role «{unknown[0][:32]}»: take some of {', '.join(ROLES)}.", "role"
        )
    return ",".join(role for role in ROLES if role in wanted)


def roles_out(stored: str) -> frozenset[Role]:
    """The roles of a column. What is no role, because a later version had more, gives nothing."""
    names = stored.split(",")
    return frozenset(role for role in ROLES if role in names)


def checked_of_person(roles: Iterable[Role]) -> str:
    """The same for a person, who can't have every role."""
    text = roles_in(roles)
    if "metrics" in text.split(","):
        raise BadRequest("The role metrics is for tokens alone; a person takes admin.", "role")
    return text
