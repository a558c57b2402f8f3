"""How fast a client reads while we wait for it."""

from __future__ import annotations

import pytest

from kchat_search.web.http.least_rate import LeastRate


@pytest.mark.parametrize(("rate", "slow"), [(0, True), (9, True), (10, False), (1_000, False)])
def test_a_client_that_is_waited_for_must_read(rate: int, slow: bool) -> None:
    reader = LeastRate(seconds=20, bytes_per_second=10)
    reader.begin_to_wait(100)
    for second in range(1, 20):
        reader.took(rate)
        assert not reader.is_too_slow(100 + second)
    reader.took(rate)
    assert reader.is_too_slow(120) is slow


def test_every_measurement_is_a_new_one() -> None:
    reader = LeastRate(20, 10)
    reader.begin_to_wait(0)
    reader.took(1_000_000)
    assert not reader.is_too_slow(20)
    assert not reader.is_too_slow(39)
    assert reader.is_too_slow(40), "what was read fast before does not count"


def test_time_in_which_nobody_waits_for_the_client_does_not_count() -> None:
    reader = LeastRate(20, 10)
    for second in range(0, 10_000, 100):
        reader.begin_to_wait(second)
        reader.took(20)
        reader.end_to_wait(second + 1)
        assert not reader.is_too_slow(second + 99)


def test_reading_all_now_and_then_is_no_way_out() -> None:
    reader = LeastRate(20, 10)
    for start in (0, 10, 20):
        reader.begin_to_wait(start)
        reader.took(30)
        reader.end_to_wait(start + 9)
    assert reader.is_too_slow(30)


def test_what_is_taken_before_we_wait_does_not_count() -> None:
    reader = LeastRate(20, 10)
    reader.took(1_000_000)
    reader.begin_to_wait(0)
    assert reader.has_been_too_slow(5, seconds=5)
    assert not reader.has_been_too_slow(4, seconds=5)
    assert reader.is_too_slow(20)


@pytest.mark.parametrize(("rate", "cut"), [(0, 1), (65, 1), (90, 3), (100, None), (101, None)])
def test_systems_take_large_parts_of_what_a_client_reads(rate: int, cut: int | None) -> None:
    part, seconds = 500, 20
    reader = LeastRate(seconds, 100, credit=part)
    reader.begin_to_wait(0)
    slow: list[int] = []
    for second in range(1, 50 * seconds + 1):
        taken = rate * second // part - rate * (second - 1) // part
        reader.took(taken * part)
        if reader.is_too_slow(second):
            slow.append(second // seconds)
    assert slow[:1] == ([] if cut is None else [cut])
