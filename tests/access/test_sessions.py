"""Sessions: who has one, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from kchat_search.access.passwords import Passwords
from kchat_search.access.store import SqlAccess
from kchat_search.errors import NotFound, NotSignedIn
from kchat_search.models.people import Person, Principal

from .world import ADDRESS, PASSWORD, START, CheapHasher, Clock, Office


def begin(access: SqlAccess, name: str = "anna", **more: str) -> str:
    person = access.people.person(name)
    return access.sessions.begin(person, address=ADDRESS, browser="Firefox", **more)


def begin_as(access: SqlAccess, person: Person) -> str:
    return access.sessions.begin(person, address=ADDRESS, browser="Firefox")


@pytest.fixture
def anna(access: SqlAccess) -> str:
    """The secret of a session of hers."""
    access.people.add("anna", ["agent", "auditor"], password=PASSWORD, agent_id="2192")
    return begin(access)


def test_a_session_says_who_it_is(access: SqlAccess, anna: str) -> None:
    person = access.people.person("anna")
    (session,) = access.sessions.of("anna")
    assert access.sessions.principal(anna) == Principal(
        "person", f"person:{person.id}", "anna", frozenset({"agent", "auditor"}), "2192", session.id
    )
    assert (session.address, session.browser) == (ADDRESS, "Firefox")
    assert person.last_sign_in_at == START


def test_another_secret_says_nothing(access: SqlAccess, anna: str) -> None:
    for secret in ("", "x", anna[:-1], anna + "x", anna.swapcase(), "\ud800", "x" * 100_000):
        assert access.sessions.principal(secret) is None


def test_two_sessions_have_nothing_in_common(access: SqlAccess, anna: str) -> None:
    other = begin(access)
    assert other != anna
    assert len(other) == 43
    ids = {session.id for session in access.sessions.of("anna")}
    assert {access.sessions.principal(one).session for one in (anna, other)} == ids  # type: ignore[union-attr]


ENDINGS: dict[str, Callable[[SqlAccess], object]] = {
    "log-out": lambda a: a.sessions.end(a.sessions.of("anna")[-1].id),
    "log-out of one's own": lambda a: a.sessions.end(a.sessions.of("anna")[-1].id, of="anna"),
    "new password": lambda a: a.people.set_password("anna", "other words of mine"),
    "lost role": lambda a: a.people.set_roles("anna", ["agent"]),
    "changed role": lambda a: a.people.set_roles("anna", ["agent", "compliance"]),
    "no role": lambda a: a.people.set_roles("anna", []),
    "disabled": lambda a: a.people.disable("anna"),
    "removed": lambda a: a.people.remove("anna"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_session_ends_at_once_in_every_process(
    access: SqlAccess, anna: str, office: Office, ending: str
) -> None:
    other = office.open()
    assert other.sessions.principal(anna) is not None
    ENDINGS[ending](access)
    assert other.sessions.principal(anna) is None
    other.close()


def test_a_session_that_ended_with_its_account_s_access_does_not_come_back(
    access: SqlAccess, anna: str
) -> None:
    access.people.disable("anna")
    with pytest.raises(NotSignedIn):
        begin(access)
    access.people.enable("anna")
    assert access.sessions.principal(anna) is None
    assert access.sessions.of("anna") == ()
    access.people.set_roles("anna", [])
    access.people.set_roles("anna", ["agent", "auditor"])
    assert access.sessions.principal(anna) is None


def add_again(access: SqlAccess) -> None:
    access.people.remove("anna")
    access.people.add("anna", ["admin"], password=PASSWORD)


BETWEEN: dict[str, Callable[[SqlAccess], object]] = {
    "new password": lambda a: a.people.set_password("anna", "other words of mine"),
    "the same password anew": lambda a: a.people.set_password("anna", PASSWORD),
    "disabled": lambda a: a.people.disable("anna"),
    "removed": lambda a: a.people.remove("anna"),
    "another one of this name": add_again,
}


@pytest.mark.parametrize("between", BETWEEN)
def test_what_ends_all_sessions_ends_a_log_in_under_way_too(
    access: SqlAccess, anna: str, office: Office, between: str
) -> None:
    person = access.sign_ins.with_password("anna", PASSWORD, address=ADDRESS)
    assert person is not None
    other = office.open()
    BETWEEN[between](other)
    with pytest.raises(NotSignedIn):
        begin_as(access, person)
    if between != "removed":
        assert access.sessions.of("anna") == ()
    other.close()


def test_a_log_in_under_way_gets_the_roles_of_the_moment(access: SqlAccess, anna: str) -> None:
    person = access.sign_ins.with_password("anna", PASSWORD, address=ADDRESS)
    assert person is not None
    access.people.set_roles("anna", ["agent"])
    found = access.sessions.principal(begin_as(access, person))
    assert found is not None
    assert found.roles == {"agent"}


def test_a_password_that_is_hashed_anew_at_log_in_lets_in(
    access: SqlAccess, anna: str, office: Office
) -> None:
    later = office.open(passwords=Passwords(CheapHasher(time_cost=2)))
    person = later.sign_ins.with_password("anna", PASSWORD, address=ADDRESS)
    assert person is not None
    assert later.sessions.principal(begin_as(later, person)) is not None
    later.close()


def test_a_role_that_is_given_is_there_at_once(access: SqlAccess, anna: str) -> None:
    access.people.set_roles("anna", ["agent", "auditor", "admin"])
    access.people.set_agent_id("anna", "2193")
    found = access.sessions.principal(anna)
    assert found is not None
    assert (found.roles, found.agent_id) == (frozenset({"agent", "auditor", "admin"}), "2193")


def test_a_new_password_keeps_the_session_it_was_set_in(access: SqlAccess, anna: str) -> None:
    other = begin(access)
    session = access.sessions.principal(other).session  # type: ignore[union-attr]
    access.people.set_password("anna", "other words of mine", keep_session=session)
    assert access.sessions.principal(other) is not None
    assert access.sessions.principal(anna) is None


def test_the_session_of_somebody_else_is_not_there(access: SqlAccess, anna: str) -> None:
    access.people.add("bert", ["agent"])
    session = access.sessions.of("anna")[0].id
    with pytest.raises(NotFound):
        access.sessions.end(session, of="bert")
    with pytest.raises(NotFound):
        access.sessions.end(77)
    assert access.sessions.principal(anna) is not None


@pytest.mark.parametrize("idle_minutes", [1, 30, 120, 60 * 24 * 30])
def test_a_session_that_is_used_goes_on_and_one_that_is_not_ends(
    office: Office, clock: Clock, idle_minutes: int
) -> None:
    idle = timedelta(minutes=idle_minutes)
    access = office.open(session_idle=idle, session_longest=100 * idle)
    access.people.add("anna", ["agent"])
    used, unused = begin(access), begin(access)
    for _ in range(3):
        clock.passes(seconds=idle.total_seconds() * 0.9)
        assert access.sessions.principal(used) is not None
    assert access.sessions.principal(unused) is None
    assert len(access.sessions.of("anna")) == 1
    clock.passes(seconds=idle.total_seconds() * 0.98)  # one that is written down a little late
    assert access.sessions.principal(used) is not None
    clock.passes(seconds=idle.total_seconds())
    assert access.sessions.of("anna") == ()
    assert access.sessions.principal(used) is None
    access.close()


def test_a_session_ends_in_any_case(office: Office, clock: Clock) -> None:
    access = office.open(session_longest=timedelta(hours=12))
    access.people.add("anna", ["agent"])
    secret = begin(access)
    for _ in range(11):
        clock.passes(hours=1)
        assert access.sessions.principal(secret) is not None
    clock.passes(hours=1)
    assert access.sessions.principal(secret) is None
    access.close()


def test_a_use_is_rarely_written(
    access: SqlAccess, anna: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = 0
    before = access._database.writing

    def counted() -> AbstractContextManager[Connection]:
        nonlocal writes
        writes += 1
        return before()

    monkeypatch.setattr(access._database, "writing", counted)
    for _ in range(60):
        clock.passes(seconds=10)
        access.sessions.principal(anna)
    assert writes == 10


def test_a_clock_that_is_set_back_revives_and_prolongs_nothing(
    access: SqlAccess, anna: str, clock: Clock, office: Office
) -> None:
    steady = [0.0]
    access._database._time._steady = lambda: steady[0]
    kept = begin(access)
    _, token = access.tokens.add("cron", ["agent"], expires_at=START + timedelta(hours=3))
    clock.passes(hours=2)
    assert access.sessions.principal(anna) is None  # and nobody looked at the other
    clock.passes(days=-300)
    later = office.open()
    later._database._time._steady = lambda: steady[0]
    for process in (access, later):
        assert process.sessions.principal(anna) is None
        assert process.sessions.principal(kept) is None
        assert process.sessions.of("anna") == ()
    fresh = begin(access)
    assert access.sessions.principal(fresh) is not None
    assert access.tokens.principal(token) is not None
    steady[0] += 60 * 60
    assert access.tokens.principal(token) is None  # by the machine's steady clock
    assert access.sessions.principal(fresh) is not None
    steady[0] += 2 * 60 * 60
    assert access.sessions.principal(fresh) is None
    assert later.sessions.principal(fresh) is None
    later.close()


def test_what_the_provider_said_is_kept_with_the_session(access: SqlAccess) -> None:
    access.people.add("anna", ["agent"], provider="https://id.example", subject="a-1")
    secret = begin(access, provider_data='{"id_token": "é"}')
    session = access.sessions.principal(secret).session  # type: ignore[union-attr]
    assert session is not None
    assert access.sessions.provider_data(session) == '{"id_token": "é"}'
    access.sessions.set_provider_data(session, "new")
    assert access.sessions.provider_data(session) == "new"
    access.sessions.end(session)
    for gone in (
        lambda: access.sessions.provider_data(session),
        lambda: access.sessions.set_provider_data(session, "x"),
    ):
        with pytest.raises(NotFound):
            gone()


def test_one_person_has_so_many_sessions_and_no_more(
    access: SqlAccess, anna: str, clock: Clock
) -> None:
    secrets = []
    for _ in range(50):
        clock.passes(seconds=1)
        secrets.append(begin(access))
    assert len(access.sessions.of("anna")) == 50
    assert access.sessions.principal(anna) is None
    assert all(access.sessions.principal(secret) for secret in secrets)


def test_sessions_that_ended_do_not_fill_the_disk(access: SqlAccess, clock: Clock) -> None:
    for name in ("anna", "bert", "carl"):
        access.people.add(name, ["agent"])
        begin(access, name)
        clock.passes(days=1)
    with access._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar() == 1


def test_the_secret_of_a_session_is_nowhere_in_the_database(
    access: SqlAccess, anna: str, office: Office
) -> None:
    access.close()
    assert anna.encode() not in office.stored()
