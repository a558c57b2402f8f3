"""Tokens: what they give, when they end, and that it is never more than their owner has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kchat_search.access.store import SqlAccess
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.people import Principal

from .world import START, Clock, Office


def test_a_token_says_what_it_may_and_is_stored_hashed(access: SqlAccess, office: Office) -> None:
    token, secret = access.tokens.add("crm", ["compliance"], expires_at=START + timedelta(days=90))
    assert secret.startswith("kchat_")
    assert len(secret) == len("kchat_") + 43
    assert token.prefix == secret[:12]
    assert access.tokens.principal(secret) == Principal(
        "token", f"token:{token.id}", "crm", frozenset({"compliance"})
    )
    (kept,) = access.tokens.everything()
    assert (kept.name, kept.owner, kept.expires_at) == ("crm", None, START + timedelta(days=90))
    assert kept.last_used_at == START
    access.close()
    assert secret.encode() not in office.stored()


def test_what_is_no_token_gives_nothing(access: SqlAccess) -> None:
    access.people.add("anna", ["admin"])
    session = access.sessions.begin(access.people.person("anna"), address="", browser="")
    _, secret = access.tokens.add("crm", ["compliance"])
    for wrong in ("", "kchat_", secret[:-1], secret + "x", secret.upper(), "\ud800", session):
        assert access.tokens.principal(wrong) is None
    assert access.sessions.principal(secret) is None


ENDINGS: dict[str, Callable[[SqlAccess, int, Clock], object]] = {
    "revoked": lambda a, number, _: a.tokens.revoke(number),
    "revoked by its owner": lambda a, number, _: a.tokens.revoke(number, owner="anna"),
    "its end": lambda _, __, clock: clock.passes(days=90),
    "owner disabled": lambda a, _, __: a.people.disable("anna"),
    "owner removed": lambda a, _, __: a.people.remove("anna"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_token_ends_at_once_in_every_process(
    access: SqlAccess, office: Office, clock: Clock, ending: str
) -> None:
    access.people.add("anna", ["compliance"])
    end = START + timedelta(days=90)
    token, secret = access.tokens.add("crm", ["compliance"], owner="anna", expires_at=end)
    other = office.open()
    assert other.tokens.principal(secret) is not None
    ENDINGS[ending](access, token.id, clock)
    assert other.tokens.principal(secret) is None
    other.close()


def test_a_token_has_of_its_roles_those_that_its_owner_has_today(access: SqlAccess) -> None:
    access.people.add("anna", ["agent", "compliance", "admin"], agent_id="2192")
    _, secret = access.tokens.add("x", ["agent", "compliance", "metrics"], owner="anna")

    def roles() -> set[str]:
        found = access.tokens.principal(secret)
        assert found is not None
        return set(found.roles)

    assert roles() == {"agent", "compliance", "metrics"}
    access.people.set_roles("anna", ["agent", "auditor"])
    assert roles() == {"agent"}
    access.people.set_roles("anna", [])
    assert roles() == set()
    access.people.set_roles("anna", ["admin", "compliance"])
    assert roles() == {"compliance", "metrics"}
    access.people.set_roles("anna", ["agent"])
    access.people.set_agent_id("anna", "2193")
    assert access.tokens.principal(secret).agent_id == "2193"  # type: ignore[union-attr]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"roles": ["compliance"], "owner": "anna"}, "role"),
    ({"roles": ["agent", "admin"], "owner": "anna"}, "role"),
    ({"roles": ["metrics"], "owner": "anna"}, "role"),
    ({"roles": ["agent"], "owner": "anna", "agent_id": "2193"}, "agent_id"),
    ({"roles": ["agent"], "owner": "bert"}, "agent_id"),
    ({"roles": ["agent"]}, "agent_id"),
    ({"roles": ["agent"], "agent_id": " "}, "agent_id"),
    ({"roles": ["agent"], "agent_id": "x" * 256}, "agent_id"),
    ({"roles": []}, "role"),
    ({"roles": ["boss"]}, "role"),
    ({"roles": ["compliance"], "expires_at": START}, "expires"),
    ({"roles": ["compliance"], "expires_at": START - timedelta(days=1)}, "expires"),
    ({"roles": ["compliance"], "name": " "}, "name"),
    ({"roles": ["compliance"], "name": "x" * 65}, "name"),
    ({"roles": ["compliance"], "name": "a\u202eb"}, "name"),
    ({"roles": ["compliance"], "owner": "carl"}, "owner"),
]


@pytest.mark.parametrize(("asked", "parameter"), REFUSED, ids=range(len(REFUSED)))
def test_a_token_that_can_t_be_made_where_agents_see_their_own(
    office: Office, asked: dict[str, Any], parameter: str
) -> None:
    access = office.open(agents_see_own=True)
    access.people.add("anna", ["agent"], agent_id="2192")
    access.people.add("bert", ["agent"])
    access.people.add("carl", ["compliance"])
    access.people.disable("carl")
    with pytest.raises(BadRequest) as error:
        access.tokens.add(**({"name": "x"} | asked))
    assert error.value.parameter == parameter
    assert access.tokens.everything() == ()
    access.close()


@pytest.mark.parametrize("asked", [{"agent_id": "2192"}, {"owner": "anna"}])
def test_a_token_of_an_agent_says_which(office: Office, asked: dict[str, Any]) -> None:
    access = office.open(agents_see_own=True)
    access.people.add("anna", ["agent"], agent_id="2192")
    _, secret = access.tokens.add("x", ["agent"], **asked)
    assert access.tokens.principal(secret).agent_id == "2192"  # type: ignore[union-attr]
    access.close()


def test_the_token_of_somebody_else_is_not_there(access: SqlAccess) -> None:
    access.people.add("anna", ["compliance"])
    access.people.add("bert", ["compliance"])
    token, secret = access.tokens.add("x", ["compliance"], owner="anna")
    with pytest.raises(NotFound):
        access.tokens.revoke(token.id, owner="bert")
    with pytest.raises(NotFound):
        access.tokens.revoke(token.id + 1)
    assert access.tokens.principal(secret) is not None
    assert access.tokens.everything(owner="bert") == ()
    assert [one.id for one in access.tokens.everything(owner="anna")] == [token.id]


def test_a_revoked_token_stays_in_the_list_and_revoked(access: SqlAccess, clock: Clock) -> None:
    token, _ = access.tokens.add("x", ["compliance"])
    access.tokens.revoke(token.id)
    clock.passes(days=1)
    access.tokens.revoke(token.id)
    assert access.tokens.everything()[0].revoked_at == START


def test_the_last_use_is_written_once_a_minute(access: SqlAccess, clock: Clock) -> None:
    _, secret = access.tokens.add("x", ["compliance"])
    seen = []
    for _ in range(4):
        clock.passes(seconds=30)
        access.tokens.principal(secret)
        seen.append(access.tokens.everything()[0].last_used_at)
    assert seen == [START + timedelta(seconds=s) for s in (30, 30, 90, 90)]
