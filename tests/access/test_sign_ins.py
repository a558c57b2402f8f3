"""Log-ins that fail slow down, by name and address together, in all processes."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from kchat_search.access import sign_ins
from kchat_search.access.passwords import Passwords
from kchat_search.access.sign_ins import wait_after
from kchat_search.access.store import SqlAccess
from kchat_search.errors import TooManyAttempts

from .test_passwords import Waiting, in_threads
from .world import ADDRESS, PASSWORD, Clock, Office

OTHER_ADDRESS = "198.51.100.9"


@pytest.fixture(autouse=True)
def anna(access: SqlAccess) -> None:
    access.people.add("anna", ["agent"], password=PASSWORD)


def fail(access: SqlAccess, name: str = "anna", address: str = ADDRESS) -> int:
    """Fail once. Returns the seconds to wait, where it was too early."""
    try:
        assert access.sign_ins.with_password(name, "not this one", address=address) is None
    except TooManyAttempts as error:
        return error.retry_after
    return 0


def test_waits_grow_up_to_a_quarter_of_an_hour() -> None:
    seconds = [int(wait_after(n).total_seconds()) for n in range(1, 15)]
    assert seconds == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert wait_after(10**9) == timedelta(minutes=15)


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_who_fails_waits_before_the_next_try(
    access: SqlAccess, clock: Clock, office: Office, name: str
) -> None:
    waits = []
    for _ in range(6):
        assert fail(access, name) == 0
        wait = fail(access, name)
        while wait:  # a try that comes too early counts for nothing
            waits.append(wait)
            before = office.hasher.verified
            assert fail(access, name) == wait
            assert office.hasher.verified == before
            clock.passes(seconds=wait)
            wait = 0
    assert waits == [1, 2, 4, 8, 16]


def test_two_processes_count_together(access: SqlAccess, office: Office) -> None:
    other = office.open()
    assert [fail(one) for one in (access, other, access, other, access)] == [0, 0, 0, 1, 1]
    other.close()


def test_nobody_locks_another_out(access: SqlAccess) -> None:
    for _ in range(5):
        fail(access)
    with pytest.raises(TooManyAttempts):  # even with the right password
        access.sign_ins.with_password("anna", PASSWORD, address=ADDRESS)
    assert access.sign_ins.with_password("anna", PASSWORD, address=OTHER_ADDRESS) is not None
    assert fail(access, "bert") == 0


def test_the_right_password_clears_what_failed(access: SqlAccess) -> None:
    for _ in range(3):
        assert [fail(access), fail(access)] == [0, 0]
        assert access.sign_ins.with_password("anna", PASSWORD, address=ADDRESS) is not None


def test_a_day_without_a_failure_clears_it_too(access: SqlAccess, clock: Clock) -> None:
    for _ in range(5):
        fail(access)
    clock.passes(days=1)
    assert [fail(access) for _ in range(4)] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:DB8:0:0:9::1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "x", False),
        ("\ud800\0", "\ufffd\ufffd", True),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(first: str, second: str, same: bool) -> None:
    assert (sign_ins._network(first) == sign_ins._network(second)) == same


@pytest.mark.parametrize("name", ["ANNA", " anna", "ａｎｎａ", "Anna "])
def test_a_name_is_one_however_it_is_written(access: SqlAccess, name: str) -> None:
    for _ in range(3):
        fail(access)
    assert fail(access, name) == 1


def test_many_at_one_time_gain_no_tries(office: Office) -> None:
    """A try counts before it has failed."""
    hasher = Waiting()
    access = office.open(passwords=Passwords(hasher), wait_seconds=60.0)
    answers: list[object] = []

    def guess(number: int) -> None:
        try:
            answers.append(
                access.sign_ins.with_password("anna", f"guess {number}", address=ADDRESS)
            )
        except TooManyAttempts as error:
            answers.append(error.retry_after)

    for _ in range(3):
        hasher.go_on.clear()
        threads = in_threads(guess, 6)
        assert hasher.begun.acquire(timeout=60)
        hasher.go_on.set()
        for thread in threads:
            thread.join(60)
    assert hasher.verified <= 3
    assert len(answers) == 18
    access.close()


def test_a_flood_of_log_ins_leaves_threads_for_others(office: Office) -> None:
    hasher = Waiting()
    access = office.open(passwords=Passwords(hasher), wait_seconds=60.0)
    refused = threading.Semaphore(0)

    def guess(number: int) -> None:
        try:
            access.sign_ins.with_password(f"name{number}", PASSWORD, address=f"192.0.2.{number}")
        except TooManyAttempts:
            refused.release()

    threads = in_threads(guess, 20)
    for _ in range(16):  # told to come again at once, while four wait or work
        assert refused.acquire(timeout=60)
    assert not refused.acquire(blocking=False)
    hasher.go_on.set()
    for thread in threads:
        thread.join(60)
    assert (hasher.verified, hasher.most) == (4, 1)
    access.sign_ins.with_password("anna", PASSWORD, address=ADDRESS)  # all places are free again
    access.close()


def test_one_address_does_not_take_every_place(office: Office) -> None:
    hasher = Waiting()
    access = office.open(passwords=Passwords(hasher), wait_seconds=60.0)
    refused = threading.Semaphore(0)

    def guess(number: int) -> None:
        try:
            access.sign_ins.with_password(f"name{number}", PASSWORD, address=ADDRESS)
        except TooManyAttempts:
            refused.release()

    threads = in_threads(guess, 10)
    for _ in range(8):
        assert refused.acquire(timeout=60)
    other = in_threads(
        lambda _: access.sign_ins.with_password("anna", PASSWORD, address=OTHER_ADDRESS), 1
    )
    hasher.go_on.set()
    for thread in threads + other:
        thread.join(60)
    assert hasher.verified == 3
    access.close()


def test_a_flood_of_names_does_not_fill_the_disk(
    access: SqlAccess, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "MOST_ROWS", 4)
    for number in range(10):
        clock.passes(seconds=1)
        fail(access, f"name{number}")
    with access._database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM failed_log_ins").scalar()
    assert rows == 4
    assert [fail(access, "name9") for _ in range(3)] == [0, 0, 1]  # those of late are kept
    clock.passes(days=2)
    fail(access, "one more")
    with access._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM failed_log_ins").scalar() == 1


def test_a_clock_that_is_set_back_makes_no_wait_longer_than_it_was(
    access: SqlAccess, clock: Clock
) -> None:
    for _ in range(4):
        fail(access)
    clock.passes(days=-30)
    assert fail(access) == 1
