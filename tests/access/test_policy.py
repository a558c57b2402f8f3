"""The table of DESIGN 9, row by row and cell by cell."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest

from kchat_search.access.policy import (
    EVERY_PERMISSION,
    NOTHING,
    OF_ANYONE,
    AgentsSee,
    lacks_agent_id,
    permissions,
    sight,
    viewer,
)
from kchat_search.models.people import (
    ANYONE,
    NOBODY,
    OWNER,
    ROLES,
    Permission,
    Principal,
    PrincipalKind,
    Role,
)
from kchat_search.models.plan import EVERYTHING_SEEN, Everything, FieldIs, Sight

TABLE: dict[Permission, set[Role]] = {
    "search": {"agent", "compliance"},
    "numbers": {"compliance"},
    "versions": {"compliance"},
    "rejects": {"compliance"},
    "export": {"compliance"},
    "agents": {"agent", "compliance"},
    "status": {"compliance", "admin"},
    "metrics": {"admin", "metrics"},
    "connect": {"admin"},
    "own_account": {"agent", "compliance", "admin", "auditor"},
    "own_tokens": {"compliance", "admin", "auditor"},
    "own_searches": {"agent", "compliance"},
    "own_audit": {"agent", "compliance", "admin", "auditor"},
    "audit": {"auditor"},
    "people": {"admin"},
    "operate": set(),
}
SETS = [frozenset(some) for n in range(len(ROLES) + 1) for some in combinations(ROLES, n)]
SEE: tuple[AgentsSee, ...] = get_args(AgentsSee)


def principal(
    *roles: Role, kind: PrincipalKind = "person", agent_id: str | None = None
) -> Principal:
    return Principal(kind, f"{kind}:1", "小王", frozenset(roles), agent_id)


def test_the_table_has_every_permission_and_every_role() -> None:
    assert set(TABLE) == EVERY_PERMISSION
    assert set().union(*TABLE.values()) == set(ROLES)


@pytest.mark.parametrize("permission", TABLE)
def test_a_person_may_what_one_of_their_roles_may(permission: Permission) -> None:
    for roles in SETS:
        may = permission in permissions(principal(*roles))
        assert may == bool((roles - {"metrics"}) & TABLE[permission]), roles


@pytest.mark.parametrize("permission", TABLE)
def test_a_token_may_the_same_but_has_no_account(permission: Permission) -> None:
    for roles in SETS:
        may = permission in permissions(principal(*roles, kind="token"))
        of_people = permission in ("own_account", "own_tokens", "own_searches")
        assert may == (bool(roles & TABLE[permission]) and not of_people), roles


def test_the_owner_may_everything_anyone_all_that_is_read_and_nobody_nothing() -> None:
    assert permissions(OWNER) == EVERY_PERMISSION
    assert permissions(ANYONE) == OF_ANYONE
    assert {
        "own_account", "own_tokens", "own_audit", "audit", "people", "operate",
    } == EVERY_PERMISSION - OF_ANYONE  # fmt: skip
    assert permissions(NOBODY) == set()


@pytest.mark.parametrize("kind", ["anyone", "nobody"])
def test_roles_say_nothing_where_nobody_signed_in(kind: PrincipalKind) -> None:
    with_roles = principal(*ROLES, kind=kind)
    assert permissions(with_roles) == permissions(principal(kind=kind))


@pytest.mark.parametrize("see", SEE)
def test_owner_and_anyone_see_everything_and_nobody_sees_nothing(see: AgentsSee) -> None:
    assert sight(OWNER, see) == sight(ANYONE, see) == EVERYTHING_SEEN
    assert sight(NOBODY, see) == Sight(NOTHING, masked=True)


@pytest.mark.parametrize("kind", ["person", "token"])
@pytest.mark.parametrize("see", SEE)
def test_who_sees_which_chats(kind: PrincipalKind, see: AgentsSee) -> None:
    own = FieldIs("participant", ("2192",))
    for roles in SETS:
        of = sight(principal(*roles, kind=kind, agent_id="2192"), see)
        if "compliance" in roles:
            assert of == EVERYTHING_SEEN
        elif "agent" in roles:
            assert of == Sight(Everything() if see == "all" else own, masked=True)
        else:
            assert of == Sight(NOTHING, masked=True)


@pytest.mark.parametrize("agent_id", [None, ""])
def test_who_sees_their_own_and_is_no_agent_sees_nothing(agent_id: str | None) -> None:
    agent = principal("agent", agent_id=agent_id)
    assert sight(agent, "own") == Sight(NOTHING, masked=True)
    assert lacks_agent_id(agent, "own")
    assert not lacks_agent_id(agent, "all")
    assert not lacks_agent_id(principal("agent", agent_id="7"), "own")
    assert not lacks_agent_id(principal("agent", "compliance", agent_id=agent_id), "own")
    assert not lacks_agent_id(principal("admin", agent_id=agent_id), "own"), "it may not search"


@pytest.mark.parametrize("see", SEE)
@pytest.mark.parametrize("pages", [False, True])
def test_numbers_are_shown_to_who_may_see_them_and_on_pages_to_nobody_who_signed_in(
    see: AgentsSee, *, pages: bool
) -> None:
    for roles in SETS:
        for kind in ("person", "token"):
            of = viewer(principal(*roles, kind=kind), see, pages=pages)
            assert of.shows_numbers == ("compliance" in roles and not pages)
            assert not of.shows_numbers or not of.sight.masked
            assert of.versions == ("compliance" in roles)
    assert viewer(OWNER, see, pages=pages).shows_numbers
    assert viewer(ANYONE, see, pages=pages).shows_numbers
    assert not viewer(NOBODY, see, pages=pages).shows_numbers
