"""Requests of a principal in a minute: exact in one process, never too many in several."""

from __future__ import annotations

import os
import random

import pytest

from kchat_search.access.store import SqlAccess
from kchat_search.errors import TooManyRequests
from kchat_search.models.people import Principal

from .world import Clock, Office

ANNA = Principal("person", "person:1", "anna")
BERT = Principal("person", "person:2", "bert")


def count(access: SqlAccess, principal: Principal = ANNA, *, limit: int = 100) -> int | None:
    """One request. Returns how many are left; None where it was refused."""
    try:
        return access.requests.count(principal, limit=limit)[0]
    except TooManyRequests:
        return None


@pytest.mark.parametrize("limit", [1, 2, 15, 16, 17, 100, 600])
def test_one_process_lets_exactly_the_limit_through(access: SqlAccess, limit: int) -> None:
    left = [count(access, limit=limit) for _ in range(limit + 3)]
    assert left == [*range(limit - 1, -1, -1), None, None, None]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("processes", [2, 3, 8])
def test_several_processes_never_let_more_through(
    office: Office, seed: int, processes: int
) -> None:
    chance = random.Random(seed)
    limit = 80
    opened = [office.open() for _ in range(processes)]
    weights = [chance.random() ** 3 for _ in opened]
    through = sum(
        count(access, limit=limit) is not None
        for access in chance.choices(opened, weights, k=3 * limit)
    )
    assert limit - (processes - 1) * limit // 16 <= through <= limit
    for access in opened:
        access.close()


def test_a_minute_begins_anew(access: SqlAccess, clock: Clock) -> None:
    clock.passes(seconds=42)
    assert access.requests.count(ANNA, limit=2) == (1, 18)
    access.requests.count(ANNA, limit=2)
    with pytest.raises(TooManyRequests) as error:
        access.requests.count(ANNA, limit=2)
    assert error.value.retry_after == 18
    clock.passes(seconds=18)
    assert access.requests.count(ANNA, limit=2) == (1, 60)


def test_each_principal_has_its_own(access: SqlAccess) -> None:
    assert [count(access, limit=1), count(access, limit=1)] == [0, None]
    assert count(access, BERT, limit=1) == 0


def test_few_requests_write(access: SqlAccess, office: Office) -> None:
    writes = 0
    before = access._database.writing

    def counted() -> object:
        nonlocal writes
        writes += 1
        return before()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access._database, "writing", counted)
        for _ in range(300):
            count(access, limit=600)
        assert writes < 15
        for _ in range(400):
            count(access, limit=600)
        assert writes < 90
        writes = 0
        for _ in range(1_000):  # whoever goes on asks for nothing but a refusal
            count(access, limit=600)
        assert writes == 0


def test_counts_of_earlier_minutes_do_not_fill_the_disk(access: SqlAccess, clock: Clock) -> None:
    for _ in range(5):
        for number in range(3):
            count(access, Principal("person", f"person:{number}", "x"))
        clock.passes(minutes=1)
    with access._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM request_counts").scalar() == 3
    assert len(access.requests._lots) == 3


def test_a_clock_that_is_set_back_gives_no_new_minute(access: SqlAccess, clock: Clock) -> None:
    access._database._time._steady = lambda: 0.0
    assert [count(access, limit=2) for _ in range(3)] == [1, 0, None]
    clock.passes(minutes=-3)
    assert count(access, limit=2) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_takes_its_own(access: SqlAccess) -> None:
    assert count(access, limit=160) == 159  # ten were taken
    child = os.fork()
    if child == 0:
        through = sum(count(access, limit=160) is not None for _ in range(200))
        os._exit(0 if through == 150 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [count(access, limit=160) for _ in range(9)][-1] is not None
    assert count(access, limit=160) is None
