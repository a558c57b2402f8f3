"""The indexer's process, tick by tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kchat_search.errors import (
    ChatsRefused,
    IndexerBusy,
    IndexerDeposed,
    IndexUnwritable,
    KchatBusy,
    KchatSearchError,
)
from kchat_search.models.reports import Alert, Reason
from kchat_search.sync import scheduler
from kchat_search.sync.worker import Worker, ended, reason_of


class Ticks:
    """A tick that ends as it is told, and keeps whether it was called as the first."""

    def __init__(self, *endings: Exception | None) -> None:
        self.count = len(endings)
        self._endings = iter(endings)
        self.first: list[bool] = []

    def __call__(self, *, first: bool) -> None:
        self.first.append(first)
        ending = next(self._endings)
        if ending is not None:
            raise ending


@contextmanager
def free_lock(what: str, wait_seconds: float) -> Iterator[None]:
    del what, wait_seconds
    yield


NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
WAITS = Alert("tick_failed", Reason("waits", "test"), NOW)
"""In a list of what was reported: that another process is the indexer."""
MINUTE = timedelta(minutes=1)


def worker(ticks: Ticks, hold_lock: Any, reports: list[Alert | None] | None = None) -> Worker:
    """A worker of as many ticks as there are endings, a minute apart, each taking ten seconds."""
    clock = (NOW + MINUTE * n + timedelta(seconds=at) for n in range(99) for at in (0, 10))
    heard: list[Alert | None] = [] if reports is None else reports
    return Worker(
        ticks,
        hold_lock,
        times(ticks.count),
        report=heard.append,
        waits=lambda: heard.append(WAITS),
        clock=lambda: next(clock),
        interval=MINUTE,
    )


def times(count: int) -> Callable[[Callable[[], None]], None]:
    """A schedule that calls so many times, whatever is raised."""

    def schedule(tick: Callable[[], None]) -> None:
        for _ in range(count):
            try:
                tick()
            except (KchatSearchError, ValueError):
                continue

    return schedule


@pytest.mark.parametrize(
    ("endings", "first"),
    [
        ([None, None, None], [True, False, False]),
        ([KchatBusy("later"), None, None], [True, False, False]),
        ([IndexUnwritable("full"), IndexUnwritable("full"), None, None], [True, True, True, False]),
        ([ChatsRefused({1: "too large"}), None, None], [True, False, False]),
    ],
    ids=["well", "Kchat fails", "the disk is full", "a chat is too large"],
)
def test_the_first_tick_is_the_first_until_the_index_could_be_written(
    endings: list[KchatSearchError | None], first: list[bool]
) -> None:
    ticks = Ticks(*endings)
    worker(ticks, free_lock).run()
    assert ticks.first == first


def test_a_worker_waits_for_the_one_before_it_and_takes_over() -> None:
    waits: list[float] = []

    @contextmanager
    def busy_at_first(what: str, wait_seconds: float) -> Iterator[None]:
        waits.append(wait_seconds)
        if len(waits) == 1:
            raise IndexerBusy("Another process is the indexer.", what)
        yield

    ticks, reports = Ticks(None), list[Alert | None]()
    worker(ticks, busy_at_first, reports).run()
    assert ticks.first == [True]
    assert reports == [WAITS, None], "what the other one says of itself stays"
    assert waits[0] >= 0 > waits[1], "the second time it waits without an end"


def test_a_worker_that_lost_its_lock_waits_for_it_and_begins_anew() -> None:
    waits: list[float] = []
    reports: list[Alert | None] = []

    @contextmanager
    def lock(what: str, wait_seconds: float) -> Iterator[None]:
        del what
        waits.append(wait_seconds)
        yield

    ticks = Ticks(None, IndexerDeposed("the connection"), None, None)
    seen = Worker(
        ticks,
        lock,
        until_deposed(ticks, 2),
        report=reports.append,
        waits=lambda: reports.append(WAITS),
        clock=lambda: NOW,
        interval=MINUTE,
    )
    seen.run()
    assert ticks.first == [True, False, True, False]
    assert waits[0] >= 0 > waits[1]
    assert reports == [None, WAITS, None, None], "another one may be the indexer, and say so"


def until_deposed(ticks: Ticks, again: int) -> Callable[[Callable[[], None]], None]:
    """A schedule that ends where the scheduler does; then one of so many ticks."""

    def schedule(tick: Callable[[], None]) -> None:
        for _ in range(again if len(ticks.first) else ticks.count):
            tick()

    return schedule


def test_the_scheduler_ends_once_a_tick_is_deposed() -> None:
    called: list[int] = []

    def tick() -> None:
        called.append(1)
        raise IndexerDeposed("the connection")

    with pytest.raises(IndexerDeposed):
        scheduler.run(tick, 3600)
    assert called == [1]


def test_a_worker_says_how_often_its_ticks_failed_why_and_when_it_tries_again() -> None:
    reports: list[Alert | None] = []
    full = IndexUnwritable("The disk is full.")
    ticks = Ticks(None, full, KchatBusy("later"), None, ValueError("of a chat"))
    worker(ticks, free_lock, reports).run()
    moment = {alert.since for alert in reports if alert is not None}
    assert len(moment) == 2, "since the first of those in a row"
    said = [alert and (alert.code, alert.reason.text, alert.times) for alert in reports]
    bug = "A fault of the program (ValueError). Its log has the details: please report it."
    assert said == [
        None,
        ("tick_failed", "The disk is full.", 1),
        ("tick_failed", "later", 2),
        None,
        ("tick_failed", bug, 1),
    ]
    for alert in reports:
        if alert is not None:
            assert alert.next_try_at is not None
            assert alert.next_try_at > alert.since
            assert Alert.from_json(alert.to_json()) == alert


def test_a_worker_that_ends_again_and_again_counts() -> None:
    folder, disk = Reason("no folder", "IndexUnwritable"), Reason("no disk", "ArchiveFull")
    first = ended(None, folder, NOW)
    assert first == Alert("indexer_ended", folder, NOW, 1)
    assert ended(first, disk, NOW + MINUTE) == Alert("indexer_ended", disk, NOW, 2)
    failed = Alert("tick_failed", folder, NOW, 7, NOW + MINUTE)
    assert ended(failed, disk, NOW + MINUTE) == Alert("indexer_ended", disk, NOW + MINUTE)


def test_a_reason_is_short_and_a_bug_tells_nothing_private() -> None:
    assert len(reason_of(KchatBusy("x" * 9999)).text) == 1000
    assert "private" not in reason_of(ValueError("private")).text
