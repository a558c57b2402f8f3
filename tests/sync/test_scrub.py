"""The scrub: what is damaged is named until it is right again; the index is built again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kchat_search.models.reports import Alert
from kchat_search.sync.scrub import MOST_FINDINGS
from tests.world import World

pytestmark = pytest.mark.slow


def edit(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "archive.sqlite3")) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement


@pytest.fixture
def world(world: World) -> World:
    """Synced, in a time in which computing takes none."""
    world.sync()
    free = replace(world.service.scrubber, processor_time=lambda: 0.0)
    world.service = replace(world.service, scrubber=free)
    return world


def ticks(world: World, days: float, every: float = 6) -> None:
    """Scrub for so many days, every so many hours. Kchat does not help."""
    world.kchat.fail_next(status=503, times=999)
    for _ in range(round(days * 24 / every)):
        world.later(hours=every)
        with world.service.indexing("test"):
            world.service.scrubber.tick()


def damaged(world: World) -> Alert | None:
    found = [alert for alert in world.service.alerts() if alert.code == "archive_damaged"]
    return found[0] if found else None


def test_everything_is_read_within_a_week(world: World, tmp_path: Path) -> None:
    assert world.service.status().scrub is None
    ticks(world, 4)
    state = world.service.status().scrub
    assert state is not None
    assert state.finished_at is not None
    assert state.findings == ()
    edit(tmp_path, "UPDATE chats SET raw = 'noise' WHERE id = 105")
    ticks(world, 7)
    alert = damaged(world)
    assert alert is not None
    assert "chat 105" in alert.reason.text
    assert "kchat-search repair" in alert.reason.text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chats SET status = 'open' WHERE id = 105",
        "UPDATE chats SET raw = replace(raw, 'chat.msg', 'chat.mag') WHERE id = 105",
        "UPDATE tally SET chats = chats + 1",
        "DELETE FROM chats WHERE id = 105",
        "DELETE FROM agents",
    ],
)
def test_whatever_is_damaged_is_found(world: World, tmp_path: Path, statement: str) -> None:
    edit(tmp_path, statement)
    ticks(world, 7)
    assert damaged(world) is not None


def test_it_is_logged_once_and_named_until_it_is_repaired(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    edit(tmp_path, "UPDATE chats SET raw = 'noise' WHERE id = 105")
    ticks(world, 20)
    told = [r for r in caplog.records if "archive is damaged" in r.message and "105" in r.message]
    assert len(told) == 1
    alert = damaged(world)
    assert alert is not None
    world.kchat.clear_faults()
    with world.service.indexing("test"):
        assert world.service.repair().sound
    assert damaged(world) is None


def test_a_damage_that_a_sync_mends_or_a_backup_is_named_no_more(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "archive.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        (raw,) = connection.execute("SELECT raw FROM chats WHERE id = 105").fetchone()
    edit(tmp_path, "UPDATE chats SET raw = 'noise' WHERE id = 105")
    ticks(world, 7)
    assert damaged(world) is not None
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE chats SET raw = ? WHERE id = 105", (raw,))
    ticks(world, 0.25)
    assert damaged(world) is None


def test_a_finding_that_no_reader_sees_is_named_until_the_next_round_misses_it(
    world: World, tmp_path: Path
) -> None:
    edit(tmp_path, "UPDATE agents SET name = name || 'x'")
    ticks(world, 7)
    assert damaged(world) is not None
    edit(tmp_path, "UPDATE agents SET name = rtrim(name, 'x')")
    ticks(world, 7)
    assert damaged(world) is None


def test_it_goes_on_after_a_restart(world: World, make_world: object) -> None:
    ticks(world, 0.25)
    before = world.service.scrubber.state()
    assert before is not None
    assert before.share is not None
    assert 0 < before.share < 1
    again = make_world()  # type: ignore[operator]
    again.now = world.now
    assert again.service.scrubber.state() == before


def test_of_very_many_findings_some_are_kept_and_all_are_counted(
    world: World, tmp_path: Path
) -> None:
    for number in range(200, 350):
        world.kchat.put({"id": number, "status": "close", "messages": []})
    world.later(hours=1).sync(reconcile=True)
    edit(tmp_path, "UPDATE chats SET raw = 'noise'")
    ticks(world, 4)
    state = world.service.scrubber.state()
    assert state is not None
    assert len(state.findings) == MOST_FINDINGS
    alert = damaged(world)
    assert alert is not None
    assert alert.times >= 175
    assert len(alert.reason.text) < 1000


def test_a_damaged_index_is_built_again(world: World) -> None:
    index = world.settings.index_dir
    before = world.service.engine.describe().generation
    (file,) = (
        sorted(index.rglob("*.seg"))[:1]
        or sorted((p for p in index.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)[-1:]
    )
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    ticks(world, 7)
    assert world.service.engine.describe().generation != before
    assert world.service.engine.damage() is None
    world.check_index()


def test_a_budget_that_does_not_suffice_is_said(world: World) -> None:
    seconds = [0.0]

    def slow() -> float:
        seconds[0] += 36_000
        return seconds[0]

    scrubber = replace(world.service.scrubber, processor_time=slow)
    world.service = replace(world.service, scrubber=scrubber)
    ticks(world, 8)
    assert [alert.code for alert in world.service.alerts()] == ["scrub_behind"]


def test_a_worker_that_was_killed_is_missed(world: World) -> None:
    with world.service.indexing("worker"):
        world.service.tick(first=True)
        world.later(hours=1)
        assert world.service.alerts() == (), "it holds the lock"
    (alert,) = world.service.alerts()
    assert alert.code == "indexer_missing"
    assert alert.since == world.now - timedelta(hours=1)
    world.sync()
    world.later(hours=1)
    assert world.service.alerts() == (), "whoever syncs by hand needs no worker"


def test_the_worker_scrubs_also_where_kchat_fails(world: World) -> None:
    world.kchat.fail_next(status=503, times=999)
    world.later(hours=1)
    with pytest.raises(Exception, match="503"), world.service.indexing("test"):
        world.service.tick()
    assert world.service.scrubber.state() is not None
    assert timedelta(0) <= world.now - world.service.scrubber.state().began_at  # type: ignore[union-attr]
