"""The indexer's process, tick by tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kchat_search.errors import (
    IndexerBusy,
    IndexUnwritable,
    KchatBusy,
    KchatSearchError,
)
from kchat_search.sync.worker import Worker


class Ticks:
    """A tick that ends as it is told, and keeps whether it was called as the first."""

    def __init__(self, *endings: KchatSearchError | None) -> None:
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


def times(count: int) -> Callable[[Callable[[], None]], None]:
    """A schedule that calls so many times, whatever is raised."""

    def schedule(tick: Callable[[], None]) -> None:
        for _ in range(count):
            try:
                tick()
            except KchatSearchError:
                continue

    return schedule


@pytest.mark.parametrize(
    ("endings", "first"),
    [
        ([None, None, None], [True, False, False]),
        ([KchatBusy("later"), None, None], [True, False, False]),
        ([IndexUnwritable("full"), IndexUnwritable("full"), None, None], [True, True, True, False]),
    ],
    ids=["well", "Kchat fails", "the disk is full"],
)
def test_the_first_tick_is_the_first_until_the_index_could_be_written(
    endings: list[KchatSearchError | None], first: list[bool]
) -> None:
    ticks = Ticks(*endings)
    Worker(ticks, free_lock, times(len(endings))).run()
    assert ticks.first == first


def test_a_worker_waits_for_the_one_before_it_and_takes_over() -> None:
    waits: list[float] = []

    @contextmanager
    def busy_at_first(what: str, wait_seconds: float) -> Iterator[None]:
        waits.append(wait_seconds)
        if len(waits) == 1:
            raise IndexerBusy("Another process is the indexer.", what)
        yield

    ticks = Ticks(None)
    Worker(ticks, busy_at_first, times(1)).run()
    assert ticks.first == [True]
    assert waits[0] >= 0 > waits[1], "the second time it waits without an end"
