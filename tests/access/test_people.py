"""Accounts: names, roles, passwords."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

from kchat_search.access.store import SqlAccess
from kchat_search.errors import BadRequest, NotFound

from .world import ADDRESS, PASSWORD, START, Office


def test_a_person_is_kept_as_it_was_added(access: SqlAccess) -> None:
    added = access.people.add("李雷", ["agent", "compliance"], password=PASSWORD, agent_id="2192")
    assert (added.name, added.roles, added.agent_id) == (
        "李雷", frozenset({"agent", "compliance"}), "2192",
    )  # fmt: skip
    assert (added.disabled, added.has_password, added.provider) == (False, True, None)
    assert (added.created_at, added.last_sign_in_at) == (START, None)
    assert access.people.person(" 李雷 ") == added
    assert access.people.everybody() == (added,)


def test_nobody_was_ever_added_until_somebody_is(access: SqlAccess, office: Office) -> None:
    assert not access.people.ever()
    access.people.add("anna", ["admin"])
    assert access.people.ever()
    assert office.mark.marked


def test_an_id_is_never_given_again(access: SqlAccess) -> None:
    first = access.people.add("anna", ["admin"])
    access.people.remove("anna")
    assert access.people.add("anna", ["agent"]).id > first.id


CHANGES: dict[str, Callable[[SqlAccess], object]] = {
    "person": lambda a: a.people.person("nobody"),
    "set_roles": lambda a: a.people.set_roles("nobody", ["agent"]),
    "set_agent_id": lambda a: a.people.set_agent_id("nobody", "1"),
    "set_password": lambda a: a.people.set_password("nobody", PASSWORD),
    "disable": lambda a: a.people.disable("nobody"),
    "enable": lambda a: a.people.enable("nobody"),
    "remove": lambda a: a.people.remove("nobody"),
    "sessions": lambda a: a.sessions.of("nobody"),
    "tokens": lambda a: a.tokens.everything(owner="nobody"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_name_that_nobody_has_is_not_found(access: SqlAccess, change: str) -> None:
    with pytest.raises(NotFound, match="nobody"):
        CHANGES[change](access)


def test_roles_of_which_there_are_none_are_refused(access: SqlAccess) -> None:
    with pytest.raises(BadRequest, match="no role «boss»"):
        access.people.add("anna", ["boss"])  # type: ignore[list-item]
    with pytest.raises(BadRequest, match="for tokens alone"):
        access.people.add("anna", ["admin", "metrics"])


@pytest.mark.parametrize("name", ["anna", "ANNA", " anna ", "ａｎｎａ"])
def test_a_password_lets_in_whoever_has_it_however_the_name_is_written(
    access: SqlAccess, name: str
) -> None:
    anna = access.people.add("Anna", ["agent"], password=PASSWORD)
    assert access.sign_ins.with_password(name, PASSWORD, address=ADDRESS) == anna
    assert access.sign_ins.with_password(name, PASSWORD + "x", address=ADDRESS) is None


def test_who_checks_a_password_does_the_same_work_whoever_it_is(
    access: SqlAccess, office: Office
) -> None:
    access.people.add("anna", ["agent"], password=PASSWORD)
    access.people.add("bert", ["agent"])  # has no password
    access.people.add("carl", ["agent"], password=PASSWORD)
    access.people.disable("carl")
    work = []
    for name, password in [
        ("anna", "wrong words of hers"), ("bert", PASSWORD), ("carl", PASSWORD), ("dora", PASSWORD),
        ("", PASSWORD), ("anna", ""), ("anna", "x" * 5_000), ("\ud800\0", "\ud800"),
        ("x" * 100_000, PASSWORD),
    ]:  # fmt: skip
        office.hasher.verified = office.hasher.hashed = 0
        assert access.people.check_password(name, password) is None
        work.append((office.hasher.verified, office.hasher.hashed))
    assert set(work) == {(1, 0)}


def test_of_two_processes_that_take_the_same_name_at_one_time_one_has_it(office: Office) -> None:
    opened = [office.open(wait_seconds=30.0) for _ in range(2)]
    for number in range(3):
        answers: queue.Queue[str] = queue.Queue()
        together = threading.Barrier(2)

        def add(access: SqlAccess, name: str, barrier: threading.Barrier) -> str:
            barrier.wait(60)
            try:
                access.people.add(name, ["agent"])
            except BadRequest:
                return "is refused"
            return "has it"

        def run(access: SqlAccess, name: str = f"name{number}") -> None:
            answers.put(add(access, name, together))  # noqa: B023

        threads = [threading.Thread(target=run, args=(access,)) for access in opened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted([answers.get(timeout=60), answers.get(timeout=60)]) == [
            "has it", "is refused",
        ]  # fmt: skip
    assert len(opened[0].people.everybody()) == 3
    for access in opened:
        access.close()
