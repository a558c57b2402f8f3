"""From what a provider says of a person to groups, roles and names. Pure.

Groups are compared letter for letter: no case is folded, nothing is split or cut, since two groups
that look alike to us may not be the same to the provider.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kchat_search.models.people import Role

_NAMES = ("preferred_username", "email", "nickname", "name")
_LONGEST_NAME = 60
_LONGEST_AGENT_ID = 40


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of a provider's claims."""

    groups_claim: str
    """A claim's name, or the way to it through objects: `realm_access.roles`."""
    groups: Mapping[Role, str]
    """Role: the group that gives it."""
    agent_id_claim: str | None = None


def groups_of(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The groups that a claim lists: a list of names, or one name. Whatever is no name is left
    out."""
    value = _value(claims, path)
    names = value if isinstance(value, list) else [value]
    return frozenset(text for name in names if (text := _text(name)))


def roles_of(claims: Mapping[str, Any], rules: Rules) -> frozenset[Role]:
    """The roles that the groups in `claims` give."""
    groups = groups_of(claims, rules.groups_claim)
    return frozenset(role for role, group in rules.groups.items() if group in groups)


def agent_id_of(claims: Mapping[str, Any], rules: Rules) -> str | None:
    """The Kchat agent that a person is; None where the provider does not say."""
    if rules.agent_id_claim is None:
        return None
    value = _value(claims, rules.agent_id_claim)
    if isinstance(value, list) and len(value) == 1:  # how Keycloak sends attributes, LDAP too
        value = value[0]
    text = _text(value).strip()
    return text if 0 < len(text) <= _LONGEST_AGENT_ID and text.isprintable() else None


def names_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person may be called here, the best first, without repetitions."""
    found = (_name(claims.get(claim)) for claim in _NAMES)
    return tuple(dict.fromkeys(name for name in found if name))


def _value(claims: Mapping[str, Any], path: str) -> Any:
    """The value at a path. A claim whose whole name is the path goes first: names may be addresses
    with dots in them."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int) else ""


def _name(value: object) -> str:
    text = unicodedata.normalize("NFKC", value) if isinstance(value, str) else ""
    visible = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return ".".join(visible.split())[:_LONGEST_NAME]  # a user name has no blanks
