"""Codes of the command line: once, soon, and for local accounts alone."""

from __future__ import annotations

import pytest

from kchat_search.access.sign_in_codes import new_code, use_code
from kchat_search.access.store import SqlAccess
from kchat_search.errors import BadRequest
from kchat_search.models.people import Person

from .world import ADDRESS, Clock


@pytest.fixture
def ada(access: SqlAccess) -> Person:
    return access.people.add("ada", ["admin"])


def test_a_code_signs_in_once(access: SqlAccess, clock: Clock, ada: Person) -> None:
    code = new_code(access, ada)
    assert len(code) >= 43  # 256 bits
    found = use_code(access, code, clock())
    assert found is not None
    assert found.id == ada.id
    assert use_code(access, code, clock()) is None
    assert access.sessions.of("ada") == ()


@pytest.mark.parametrize(("minutes", "good"), [(15, True), (15.1, False), (60, False), (-1, False)])
def test_a_code_counts_for_fifteen_minutes(
    access: SqlAccess, clock: Clock, ada: Person, minutes: float, *, good: bool
) -> None:
    code = new_code(access, ada)
    clock.passes(minutes=minutes)
    assert (use_code(access, code, clock()) is not None) == good
    assert access.sessions.of("ada") == ()  # used up in any case


def test_what_is_no_code_gives_nothing_and_ends_nothing(
    access: SqlAccess, clock: Clock, ada: Person
) -> None:
    session = access.sessions.begin(ada, address=ADDRESS, browser="")
    nowhere = access.sessions.begin(ada, address="", browser="")  # as over a Unix socket
    for code in ("", "x", "code", session, nowhere):
        assert use_code(access, code, clock()) is None
    assert access.sessions.principal(session) is not None
    assert access.sessions.principal(nowhere) is not None


def test_a_code_ends_with_the_account(access: SqlAccess, clock: Clock, ada: Person) -> None:
    code = new_code(access, ada)
    access.people.disable("ada")
    assert use_code(access, code, clock()) is None
    with pytest.raises(BadRequest, match="disabled"):
        new_code(access, access.people.person("ada"))


def test_whoever_signs_in_elsewhere_gets_none(access: SqlAccess) -> None:
    person = access.people.add("li.lei", ["admin"], provider="https://id.example", subject="1")
    with pytest.raises(BadRequest, match="OpenID Connect"):
        new_code(access, person)
