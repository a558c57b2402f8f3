"""What administrators do to people and tokens, and people to their own account."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from kchat_search.access.administration import Administration, Risk, key_of, risks
from kchat_search.access.needs import NEEDED
from kchat_search.access.own_account import OwnAccount
from kchat_search.access.recorder import AuditRecorder
from kchat_search.access.store import SqlAccess
from kchat_search.errors import AccessError, BadRequest, Forbidden, NotFound, TooManyAttempts
from kchat_search.models.audit import AuditFilter
from kchat_search.models.people import OWNER, Person, Principal, Role

from .recording import Kept
from .test_faults import run
from .world import ADDRESS, PASSWORD, START, Office

NEW = "three more words"


def person(number: int, *roles: Role, disabled: bool = False) -> Person:
    return Person(number, f"p{number}", frozenset(roles), None, disabled, True, None, START, None)


def principal(of: Person, session: int | None = None) -> Principal:
    return Principal("person", key_of(of), of.name, of.roles, of.agent_id, session)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def ada(access: SqlAccess) -> Person:
    return access.people.add("ada", ["admin"], password=PASSWORD)


@pytest.fixture
def cora(access: SqlAccess) -> Person:
    return access.people.add("cora", ["compliance"], password=PASSWORD)


def of_the_owner(access: SqlAccess) -> Administration:
    return Administration(access, OWNER, AuditRecorder(access.audit, OWNER))


@pytest.fixture
def administration(access: SqlAccess, ada: Person, kept: Kept) -> Administration:
    return Administration(access, principal(ada), kept)


def own(access: SqlAccess, of: Person, kept: Kept, session: int | None = None) -> OwnAccount:
    return OwnAccount(access, principal(of, session), kept, address=ADDRESS)


ADMIN, OTHER, OFF, AGENT = (
    person(1, "admin"), person(2, "admin", "agent"), person(3, "admin", disabled=True),
    person(4, "agent"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("everybody", "whom", "left", "expected"),
    [
        ([ADMIN, OTHER], ADMIN, ["admin"], ()),
        ([ADMIN, OTHER], ADMIN, ["admin", "agent"], ()),
        ([ADMIN, OTHER], ADMIN, ["agent"], ("yourself",)),
        ([ADMIN, OTHER], ADMIN, [], ("yourself",)),
        ([ADMIN, OTHER], OTHER, [], ()),
        ([ADMIN], ADMIN, [], ("yourself", "last_admin")),
        ([ADMIN, OFF], ADMIN, [], ("yourself", "last_admin")),
        ([ADMIN, AGENT], ADMIN, ["agent"], ("yourself", "last_admin")),
        ([ADMIN, AGENT], AGENT, [], ()),
        ([ADMIN, OFF], OFF, [], ()),
        ([OTHER, OFF], OTHER, ["agent"], ("last_admin",)),
    ],
)
def test_a_change_is_a_risk_where_it_takes_away_the_way_back(
    everybody: list[Person], whom: Person, left: list[Role], expected: tuple[Risk, ...]
) -> None:
    assert risks(everybody, principal(ADMIN), whom, frozenset(left)) == expected


@pytest.mark.parametrize("kind", [Administration, OwnAccount])
def test_every_method_says_what_it_needs_and_asks_for_it(
    access: SqlAccess, kept: Kept, kind: type
) -> None:
    methods = {
        name: method
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert len(methods) > 5
    nobody = Principal("person", "person:9", "nobody")
    more = {"address": ADDRESS} if kind is OwnAccount else {}
    for method in methods.values():
        assert getattr(method, NEEDED, ())
        with pytest.raises(Forbidden):
            method(kind(access, nobody, kept, **more))
    assert kept.entries == []


CHANGES: list[tuple[str, Callable[[Administration, Person], Any]]] = [
    ("person_changed", lambda to, who: to.change(who, frozenset({"agent"}), "2192")),
    ("password_changed", lambda to, who: to.set_password(who, NEW)),
    ("person_changed", lambda to, who: to.disable(who)),
    ("person_changed", lambda to, who: to.enable(who)),
    ("person_removed", lambda to, who: to.remove(who)),
]


@pytest.mark.parametrize(("action", "change"), CHANGES, ids=range(len(CHANGES)))
def test_every_change_is_recorded_with_whom_it_was_made_to(
    administration: Administration,
    cora: Person,
    kept: Kept,
    action: str,
    change: Callable[[Administration, Person], Any],
) -> None:
    change(administration, cora)
    assert kept.said() == [(action, f"person:{cora.id}")]
    assert "cora" in kept.entries[0].query
    assert NEW not in str(kept.entries)


EVERYTHING: dict[str, Any] = {"owner": None, "agent_id": None, "expires_at": None}
MORE: list[Callable[[Administration, Person], Any]] = [
    *(change for _, change in CHANGES),
    lambda to, _: to.add("mei", frozenset({"agent"}), password=NEW, agent_id=None),
    lambda to, who: to.change(who, frozenset({"agent"}), who.agent_id),
    lambda to, who: to.end_sessions(who),
    lambda to, who: to.sign_in_code(who),
    lambda to, _: to.add_token("y", ["compliance"], **EVERYTHING),
    lambda to, _: to.revoke_token(1),
]
OWN: list[Callable[[OwnAccount], Any]] = [
    lambda own: own.change_password(PASSWORD, NEW),
    lambda own: own.end_session(own.sessions()[0].id),
    lambda own: own.end_other_sessions(),
    lambda own: own.add_token("y", ["compliance"], None),
    lambda own: own.revoke_token(1),
]


def stored(access: SqlAccess) -> tuple[object, ...]:
    """The accounts with their sessions, and the tokens."""
    everybody = access.people.everybody()
    passwords = [access.people.check_password(one.name, PASSWORD) for one in everybody]
    sessions = [access.sessions.of(one.name) for one in everybody]
    return everybody, passwords, sessions, access.tokens.everything()


def without_its_end(office: Office) -> None:
    """Take away the end of the audit's chain, so that nothing can be recorded."""
    if office.url.startswith("sqlite"):
        run(office.file, "DELETE FROM audit_chain")
    else:
        with psycopg.connect(office.url) as connection:
            connection.execute("DELETE FROM audit_chain")


@pytest.mark.parametrize("change", [*MORE, *OWN], ids=range(len(MORE) + len(OWN)))
def test_a_change_that_can_not_be_recorded_is_not_made(
    office: Office, access: SqlAccess, cora: Person, change: Callable[..., Any]
) -> None:
    access.sessions.begin(cora, address=ADDRESS, browser="")
    access.tokens.add("x", ["compliance"], owner="cora")
    if change is MORE[3]:
        access.people.disable("cora")
    before = stored(access)
    without_its_end(office)
    mine: tuple[Any, ...] = (of_the_owner(access), cora)
    if change in OWN:
        recorder = AuditRecorder(access.audit, principal(cora))
        mine = (OwnAccount(access, principal(cora), recorder, address=ADDRESS),)
    with pytest.raises(AccessError, match="end of the audit"):
        change(*mine)
    assert stored(access) == before


def test_a_change_and_its_row_are_one_transaction(access: SqlAccess, cora: Person) -> None:
    administration = of_the_owner(access)
    administration.disable(cora)
    with pytest.raises(BadRequest):
        administration.change(cora, frozenset({"metrics"}), "2192")
    (row,) = access.audit.rows(AuditFilter())
    assert (row.entry.action, row.entry.principal) == ("person_changed", "owner")
    assert access.people.person("cora").agent_id is None
    assert access.audit.check().ok


def test_an_own_password_needs_the_old_one_and_is_not_guessed_here(
    access: SqlAccess, cora: Person, kept: Kept
) -> None:
    account = own(access, cora, kept)
    for _ in range(3):
        with pytest.raises(BadRequest) as wrong:
            account.change_password("wrong", NEW)
        assert wrong.value.parameter == "old_password"
    with pytest.raises(TooManyAttempts):
        account.change_password(PASSWORD, NEW)
    assert access.people.check_password("cora", PASSWORD)
    assert kept.said() == [("log_in_failed", f"person:{cora.id}")] * 3


def test_whoever_has_the_old_password_does_not_undo_a_new_one(
    access: SqlAccess, cora: Person, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = access.sign_ins.with_password

    def slow(name: str, password: str, *, address: str) -> Person | None:
        checked = check(name, password, address=address)
        access.people.set_password("cora", NEW)  # by an admin, at this moment
        return checked

    monkeypatch.setattr(access.sign_ins, "with_password", slow)
    with pytest.raises(BadRequest, match="old password"):
        own(access, cora, kept).change_password(PASSWORD, "words of a thief")
    assert access.people.check_password("cora", NEW)
    assert kept.said() == []


def test_a_new_password_keeps_the_session_that_asks(
    access: SqlAccess, cora: Person, kept: Kept
) -> None:
    here, there = (access.sessions.begin(cora, address=ADDRESS, browser="") for _ in range(2))
    asks = access.sessions.principal(here)
    assert asks is not None
    own(access, cora, kept, asks.session).change_password(PASSWORD, NEW)
    assert access.sessions.principal(here) == asks
    assert access.sessions.principal(there) is None
    assert kept.said() == [("password_changed", f"person:{cora.id}")]


def test_nobody_reaches_the_sessions_and_tokens_of_another(
    access: SqlAccess, ada: Person, cora: Person, kept: Kept
) -> None:
    access.sessions.begin(ada, address=ADDRESS, browser="")
    session = access.sessions.of("ada")[0].id
    token, _ = access.tokens.add("x", ["admin"], owner="ada")
    account = own(access, cora, kept)
    with pytest.raises(NotFound):
        account.end_session(session)
    with pytest.raises(NotFound):
        account.revoke_token(token.id)
    with pytest.raises(BadRequest):
        account.add_token("y", ["admin"], START + timedelta(days=1))
    assert kept.entries == []
    assert len(access.sessions.of("ada")) == 1
