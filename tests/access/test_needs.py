"""Every method of the service says which permission it needs, and asks for it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from kchat_search.access.needs import NEEDED, needs, open_to_all
from kchat_search.access.policy import EVERY_PERMISSION, permissions
from kchat_search.errors import Forbidden
from kchat_search.models.people import ANYONE, NOBODY, OWNER, Permission, Principal, Role
from kchat_search.service import Service

FIELDS = {field.name for field in dataclasses.fields(Service)}
METHODS = {
    name: method
    for name, method in inspect.getmembers(Service, inspect.isroutine)
    if not name.startswith("_") and name not in FIELDS
}
OPEN = {"may", "ready", "alerts", "rebuilt_percent", "kchat_chat_url"}
"""What is open to all. Whoever adds to this has asked what it tells a stranger."""


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_it_needs(name: str) -> None:
    needed = getattr(METHODS[name], NEEDED, None)
    assert needed is not None, f"Service.{name} lacks @needs(...)"
    assert (needed == ()) == (name in OPEN)
    assert set(needed) <= EVERY_PERMISSION


def test_no_part_of_a_chat_comes_through_anything_but_a_method() -> None:
    """A property would need no call, and so no permission."""
    properties = inspect.getmembers(Service, lambda member: isinstance(member, property))
    assert properties == []


def with_permissions(*permissions: Permission) -> Service:
    """A service that has nothing but permissions: whatever gets further fails."""
    service = object.__new__(Service)
    object.__setattr__(service, "permissions", frozenset(permissions))
    return service


@pytest.mark.parametrize("name", sorted(METHODS.keys() - OPEN))
def test_who_lacks_the_permission_gets_no_further(name: str) -> None:
    method: Callable[..., Any] = METHODS[name]
    needed = set(getattr(method, NEEDED))
    service = with_permissions(*EVERY_PERMISSION - needed)
    with pytest.raises(Forbidden) as refused:
        method(service)
    assert refused.value.permission in needed


@pytest.mark.parametrize("role", ["agent", "admin", "auditor", "metrics"])
def test_nobody_but_compliance_gets_rejects_versions_and_exports(role: Role) -> None:
    token = Principal("token", "token:1", "t", frozenset({role}), "2192")
    service = with_permissions(*permissions(token))
    for name in ("export", "versions", "history", "rejects", "count_rejects"):
        with pytest.raises(Forbidden):
            METHODS[name](service)


def test_only_the_owner_operates() -> None:
    operating = {n for n, m in METHODS.items() if getattr(m, NEEDED)[:1] == ("operate",)}
    assert {"sync", "tick", "reindex", "repair", "verify", "indexing", "close"} <= operating
    for principal in (ANYONE, NOBODY):
        service = with_permissions(*permissions(principal))
        for name in operating - {"follow_words"}:
            with pytest.raises(Forbidden):
                METHODS[name](service)
    assert permissions(OWNER) >= {"operate"}


class Door:
    def __init__(self, *permissions: Permission) -> None:
        self.permissions = frozenset(permissions)

    @needs("status", "metrics")
    def figure(self, number: int, *, times: int = 1) -> int:
        return number * times

    @open_to_all
    def sign(self) -> str:
        return "closed"


def test_any_of_the_permissions_will_do_and_arguments_arrive() -> None:
    assert Door("metrics").figure(3, times=2) == 6
    assert Door("status", "search").figure(3) == 3
    assert Door().sign() == "closed"
    with pytest.raises(Forbidden, match="'status'"):
        Door("search").figure(3)
