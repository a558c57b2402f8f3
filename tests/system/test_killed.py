"""A backfill, a tick, a rebuild or a swap is killed at any moment. The next run repairs it.

Thirteen kills of each; `pytest -s -n 0` shows how long the next run took.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from kchat_search.demo.server import DemoServer
from kchat_search.search.verify import check_archive
from tests.system.killing import By, Killed
from tests.world import World, chat

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="forks a server"),
]

EACH = 13


@pytest.fixture
def killed(kchat: DemoServer, folder: Path) -> Killed:
    for number in range(200, 260):
        kchat.put(chat(number))
    return Killed(kchat, folder, KCHAT_PER_PAGE="10", KCHAT_REQUEST_RETRIES="0")


@pytest.fixture
def opened(kchat: DemoServer, folder: Path) -> Callable[[], World]:
    """The same archive and index, opened by the test, at the present time."""

    def make() -> World:
        file = folder / "var" / "archive.sqlite3"
        world = World(kchat, folder, archive_url=f"sqlite:///{file}")
        world.now = datetime.now(UTC)
        return world

    return make


def heals(world: World) -> float:
    """Do one more run to its end. Then everything is there, and the index equals the archive.
    Returns the seconds of that run."""
    began = perf_counter()
    world.sync()
    seconds = perf_counter() - began
    shown = {each["id"]: each for each in world.kchat.chats()}
    archived = world.archived()
    assert {i: archived[i] for i in archived.keys() & shown.keys()} == shown
    assert world.found("is:gone") == archived.keys() - shown.keys()
    assert world.found() == archived.keys()
    world.check_index()
    world.service.close()
    return seconds


def tell(what: str, killed: Killed, healing: list[float]) -> None:
    """Print a row of the table in docs/benchmarks.md (`pytest -s -n 0`). `healing`: for each round,
    the seconds of the run that repaired."""
    rounds = len(healing)
    print(  # noqa: T201  # figures for the documents
        f"\n| {what} | {rounds} | {rounds} | {killed.tried} | {killed.signalled} "
        f"| {median(healing):.2f} s | {max(healing):.2f} s |"
    )


def moments(killed: Killed, length: dict[str, int], seed: int) -> Iterator[tuple[By, float]]:
    """Random moments of a command of this length, until it has been killed thirteen times."""
    rnd = random.Random(seed)
    for number in range(4 * EACH):  # it may have ended before some of them
        if killed.signalled >= EACH:
            return
        by: By = ("calls", "events", "seconds")[number % 3]
        yield by, rnd.uniform(0.1, 0.7) if by == "seconds" else rnd.randint(1, length[by])
    raise AssertionError(f"killed only {killed.signalled} times")


def test_a_killed_backfill(killed: Killed, folder: Path, opened: Callable[[], World]) -> None:
    length = killed.whole("sync")
    healing: list[float] = []
    for number, (by, moment) in enumerate(moments(killed, length, seed=1)):
        shutil.rmtree(folder / "var")
        for part in (folder / "index").iterdir():
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink()
        for _ in range(1 + number % 2):  # every second one is killed again in the next run
            killed.at(by, moment, "sync")
        healing.append(heals(opened()))
    tell("backfill", killed, healing)


def test_a_killed_tick(killed: Killed, kchat: DemoServer, opened: Callable[[], World]) -> None:
    rnd = random.Random(2)

    def change(number: int) -> None:
        """Some chats are new, some go on, one is rated, one vanishes."""
        now = f"{datetime.now(UTC):%Y-%m-%d} 10:00:00"
        going_on = {"status": "open", "end_at": None, "created_at": now}
        kchat.put(chat(1000 + 2 * number, f"新来的第{number}个", **going_on))
        kchat.put(chat(1001 + 2 * number, created_at="2016-03-02 10:00:00"))
        still_open = [each for each in kchat.chats() if each["status"] == "open"]
        for each in rnd.sample(still_open, min(5, len(still_open))):
            kchat.put({**each, "rating": number % 5})
        if len(still_open) > 6:
            kchat.delete(still_open[0]["id"])

    for number in range(9):
        change(number)
    killed.done("sync")
    change(9)
    length = killed.whole("sync")
    healing: list[float] = []
    for number, (by, moment) in enumerate(moments(killed, length, seed=3), start=10):
        change(number)
        killed.at(by, moment, "sync")
        healing.append(heals(opened()))
    tell("tick", killed, healing)


def test_a_killed_rebuild_and_the_index_that_answers_meanwhile(
    killed: Killed, kchat: DemoServer, opened: Callable[[], World]
) -> None:
    killed.done("sync")
    length = killed.whole("reindex")
    healing: list[float] = []
    for by, moment in moments(killed, length, seed=4):
        killed.at(by, moment, "reindex")
        world = opened()
        assert world.found() == {each["id"] for each in kchat.chats()}  # nothing is repaired yet
        healing.append(heals(world))
    tell("reindex", killed, healing)


def test_a_swap_killed_at_each_request_to_the_system(
    killed: Killed, kchat: DemoServer, opened: Callable[[], World]
) -> None:
    killed.done("sync")
    swap = killed.whole("reindex")["swap"]
    assert swap
    healing: list[float] = []
    for moment in range(swap - 6, swap + 7):
        assert killed.at("events", moment, "reindex")
        world = opened()
        assert world.found() == {each["id"] for each in kchat.chats()}
        healing.append(heals(world))
    tell("swap", killed, healing)


def test_a_killed_repair(
    killed: Killed, kchat: DemoServer, folder: Path, opened: Callable[[], World]
) -> None:
    """Thirteen times, at any moment; then a whole one, and everything is as it was."""

    def damage() -> None:
        with closing(sqlite3.connect(folder / "var" / "archive.sqlite3")) as file, file:
            file.execute("UPDATE chats SET raw = 'noise' WHERE id % 3 = 0")
            file.execute("UPDATE chats SET status = 'open' WHERE id % 3 = 1")

    killed.done("sync")
    damage()
    length = killed.whole("repair")
    healing: list[float] = []
    for by, moment in moments(killed, length, seed=9):
        damage()
        killed.at(by, moment, "repair")
        began = perf_counter()
        killed.done("repair")
        healing.append(perf_counter() - began)
        world = opened()
        assert world.archived() == {each["id"]: each for each in kchat.chats()}
        assert check_archive(world.service.archive, world.service.understand)[1] == ()
        world.check_index()
        world.service.close()
    tell("repair", killed, healing)
