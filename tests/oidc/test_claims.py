"""From claims to groups, roles, agent ids and names: tables."""

from __future__ import annotations

from typing import Any

import pytest

from kchat_search.oidc.claims import Rules, agent_id_of, groups_of, names_of, roles_of

GROUPS = [
    ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
    ({"groups": "a"}, "groups", {"a"}),
    ({"groups": "KF Admins"}, "groups", {"KF Admins"}),  # one name, however it is written
    ({"groups": "a,b"}, "groups", {"a,b"}),
    ({"groups": ["/kchat/agents"]}, "groups", {"/kchat/agents"}),
    ({"groups": ["CN=KF,OU=x,DC=y"]}, "groups", {"CN=KF,OU=x,DC=y"}),
    ({"groups": [7, 8]}, "groups", {"7", "8"}),
    ({"groups": 7}, "groups", {"7"}),
    ({"groups": []}, "groups", set()),
    ({"groups": None}, "groups", set()),
    ({"groups": True}, "groups", set()),
    ({"groups": [True, None, {"name": "a"}, ["a"], "", 1.5]}, "groups", set()),
    ({"groups": {"a": "b"}}, "groups", set()),
    ({}, "groups", set()),
    ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", {"a"}),
    ({"resource_access": {"kchat": {"roles": ["a"]}}}, "resource_access.kchat.roles", {"a"}),
    ({"realm_access": ["roles"]}, "realm_access.roles", set()),
    ({"realm_access": {"roles": ["a"]}}, "realm_access", set()),
    ({"https://example.com/groups": ["a"]}, "https://example.com/groups", {"a"}),
    ({"a.b": ["whole"], "a": {"b": ["path"]}}, "a.b", {"whole"}),
    ({"": {"": ["a"]}}, ".", {"a"}),
    ({"groups": ["a"]}, "", set()),
    ({"groups": ["a"]}, "Groups", set()),
    ({"组": ["客服"]}, "组", {"客服"}),
]


@pytest.mark.parametrize(("claims", "path", "groups"), GROUPS, ids=range(len(GROUPS)))
def test_groups(claims: dict[str, Any], path: str, groups: set[str]) -> None:
    assert groups_of(claims, path) == groups


RULES = Rules("groups", {"agent": "kf-agents", "admin": "KF Admins"}, "kchat_id")


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["kf-agents"], {"agent"}),
        (["kf-agents", "KF Admins", "others"], {"agent", "admin"}),
        ("KF Admins", {"admin"}),
        (["KF", "Admins"], set()),
        (["KF-AGENTS"], set()),
        (["kf-agents "], set()),
        (["kf-agents-former"], set()),
        (["admin", "agent", "compliance", "metrics"], set()),
        (["ｋｆ-agents"], set()),
        (["kf\u2010agents"], set()),
        ("kf-agents,KF Admins", set()),
        ("kf-agents KF Admins", set()),
        (["/kf-agents"], set()),
        ([], set()),
    ],
    ids=lambda each: str(sorted(each) if isinstance(each, set) else each),  # sets have no order
)
def test_only_a_group_that_is_named_letter_for_letter_gives_a_role(
    groups: object, roles: set[str]
) -> None:
    assert roles_of({"groups": groups}, RULES) == roles


@pytest.mark.parametrize(
    ("value", "agent_id"),
    [
        ("2192", "2192"), (2192, "2192"), (["2192"], "2192"), (" 2192 ", "2192"),
        (["1", "2"], None), ([], None), ("", None), (" ", None), (None, None), (True, None),
        ({"id": 1}, None), ("9" * 41, None), ("1\n2", None), (2192.0, None),
    ],
    ids=str,
)  # fmt: skip
def test_the_agent_id(value: object, agent_id: str | None) -> None:
    assert agent_id_of({"kchat_id": value}, RULES) == agent_id
    assert agent_id_of({"kchat_id": value}, Rules("groups", {})) is None


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"preferred_username": "li.lei", "email": "a@b.c"}, ("li.lei", "a@b.c")),
        ({"preferred_username": "", "email": "a@b.c", "name": "a@b.c"}, ("a@b.c",)),
        ({"name": "Han  Meimei"}, ("Han.Meimei",)),
        ({"name": "韩梅梅"}, ("韩梅梅",)),
        ({"preferred_username": "ｌｉ\u200b\u202elei\n"}, ("lilei",)),
        ({"preferred_username": 7, "email": None, "nickname": ["x"]}, ()),
        ({"preferred_username": "x" * 500}, ("x" * 60,)),
        ({}, ()),
    ],
    ids=range(8),
)
def test_names_are_visible_and_short(claims: dict[str, Any], names: tuple[str, ...]) -> None:
    assert names_of(claims) == names
