"""Passwords: which can be taken; what is kept of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import extract_parameters

from kchat_search.access import passwords
from kchat_search.access.passwords import NOBODY, Passwords
from kchat_search.access.store import SqlAccess
from kchat_search.errors import BadRequest

from .world import ADDRESS, PASSWORD, CheapHasher, Office

REFUSED = [
    ("", "is empty"), ("1234567", "fewer than 8"), ("密码密码密码密", "fewer than 8"),
    ("x" * 1_001, "more than 1,000 bytes"), ("密" * 334, "more than 1,000 bytes"),
    ("password", "first that anybody tries"), ("PassWord", "first that anybody tries"),
    ("１２３４５６７８", "first that anybody tries"), ("aaaaaaaaaaaa", "first that anybody tries"),
    ("        ", "is empty"), ("li.lei.shop", "first that anybody tries"),
    ("LI.LEI.SHOP", "first that anybody tries"), ("four words\0of", "nobody can type"),
    ("four words \ud800", "nobody can type"),
]  # fmt: skip


@pytest.mark.parametrize(("password", "why"), REFUSED, ids=range(len(REFUSED)))
def test_a_password_that_can_t_be_taken_and_why(password: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why) as error:
        passwords.checked(password, "li.lei.shop")
    assert error.value.parameter == "password"
    assert password == "password" or not password.strip() or password not in str(error.value)


TAKEN = [
    "x1234567", "密码密码密码密码", "x" * 999 + "y", "密" * 332 + "码", "  a b c  ", "passwort",
    "é" * 7 + "e",
]  # fmt: skip


@pytest.mark.parametrize("password", TAKEN, ids=range(len(TAKEN)))
def test_a_password_that_can_be_taken_is_compared_to_the_last_byte(password: str) -> None:
    tried = Passwords(CheapHasher())
    kept = tried.hash(password, "anna")
    assert tried.matches(kept, password)
    assert not tried.matches(kept, password[:-1])
    assert not tried.matches(kept, password + " ")
    assert not tried.matches(kept, password.swapcase() + "x")


def test_it_does_not_matter_how_a_keyboard_composes_a_letter() -> None:
    tried = Passwords(CheapHasher())
    kept = tried.hash("cafe\u0301 au lait", "anna")
    assert tried.matches(kept, "caf\u00e9 au lait")
    assert tried.matches(kept, "ｃａｆé au lait")


def test_what_is_kept_has_the_parameters_that_owasp_recommends() -> None:
    kept = Passwords().hash(PASSWORD, "anna")
    for encoded in (kept, NOBODY):
        found = extract_parameters(encoded)
        assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == (
            "ID", 19_456, 2, 1,
        )  # fmt: skip
    assert len(NOBODY) == len(kept)
    assert PASSWORD not in kept


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$x$y", NOBODY])
def test_what_is_damaged_matches_nothing(kept: str) -> None:
    assert not Passwords(CheapHasher()).matches(kept, "")
    assert not Passwords(CheapHasher()).matches(kept, PASSWORD)


def test_a_password_is_hashed_anew_at_a_log_in_when_the_parameters_rise(office: Office) -> None:
    before = office.open()
    before.people.add("anna", ["agent"], password=PASSWORD)
    before.close()
    office.hasher = CheapHasher(time_cost=2)
    access = office.open()
    done = []
    for password in ("not this one", PASSWORD, PASSWORD):
        access.sign_ins.with_password("anna", password, address=ADDRESS)
        done.append(office.hasher.hashed)
    assert done == [0, 1, 1]
    assert access.people.check_password("anna", PASSWORD) is not None
    access.close()


class Waiting(CheapHasher):
    """Hashes when it is told to, and counts how many do at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.now = self.most = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002  # its name
        """Wait, then verify."""
        self.now += 1
        self.most = max(self.most, self.now)
        self.begun.release()
        assert self.go_on.wait(60)
        self.now -= 1
        return super().verify(hash, password)


def in_threads(work: Callable[[int], object], count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_one_password_is_checked_at_a_time() -> None:
    hasher = Waiting()
    tried = Passwords(hasher)
    threads = in_threads(lambda i: tried.matches(NOBODY, f"guess {i}"), 5)
    assert hasher.begun.acquire(timeout=60)
    hasher.go_on.set()
    for thread in threads:
        thread.join(60)
    assert (hasher.verified, hasher.most) == (5, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_checks_passwords_although_its_parent_was_at_it() -> None:
    with passwords._one_at_a_time:
        child = os.fork()
        if child == 0:
            os._exit(0 if not Passwords(CheapHasher()).matches(None, PASSWORD) else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_a_password_is_nowhere_in_the_database(access: SqlAccess, office: Office) -> None:
    access.people.add("anna", ["agent"], password=PASSWORD)
    access.sign_ins.with_password(PASSWORD, PASSWORD, address=ADDRESS)  # in the wrong field
    access.sign_ins.with_password("anna", "another of hers", address=ADDRESS)
    access.close()
    data = office.stored()
    assert b"anna" in data
    assert PASSWORD.encode() not in data
    assert b"another of hers" not in data
