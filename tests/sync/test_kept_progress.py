"""How far the reading of Kchat's list is, for whoever waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from kchat_search.errors import ArchiveFull, KchatBusy, KchatRefused
from kchat_search.models.progress import ListProgress, RebuildProgress
from kchat_search.ports import SyncArchive
from kchat_search.sync.kept_progress import KeptProgress
from tests.world import World

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Cursors:
    """An archive that has cursors and nothing else."""

    def __init__(self) -> None:
        self.value: dict[str, Any] | None = None
        self.saved = 0
        self.full = False

    def cursor(self, name: str) -> dict[str, Any] | None:
        assert name == "progress"
        return self.value

    def set_cursor(self, name: str, value: dict[str, Any], *, now: datetime) -> None:
        if self.full:
            raise ArchiveFull("no room")
        self.value, self.saved = value, self.saved + 1
        assert name == "progress"
        assert now.tzinfo is UTC


class Course:
    """A list that is read, second by second."""

    def __init__(self) -> None:
        self.archive = Cursors()
        self.now = NOW
        self.told: list[tuple[str, int, int | None]] = []
        self.kept = KeptProgress(
            cast("SyncArchive", self.archive),
            lambda: self.now,
            lambda step, done, total: self.told.append((step, done, total)),
        )

    def at(self, seconds: float, step: str, done: int, total: int | None = 1000) -> None:
        self.now = after(seconds)
        self.kept(step, done, total)

    @property
    def read(self) -> ListProgress | None:
        return ListProgress.from_json(self.archive.value)


def test_a_long_list_is_kept_now_and_then() -> None:
    course = Course()
    for second in range(10):
        course.at(second, "fetch", 100 * second + 100)
        course.at(second, "index", 7)
    assert course.archive.saved == 4, "at 0, 3, 6 and 9 s"
    assert course.read == ListProgress("fetch", 1000, 1000, NOW, 100, after(9))
    assert len(course.told) == 20, "who shows it at once is told of every step"
    course.at(10, "prove", 100)
    assert course.read == ListProgress("prove", 100, 1000, after(10), 100, after(10))
    course.kept.over()
    assert course.read is None
    saved = course.archive.saved
    course.kept.over()
    assert course.archive.saved == saved


def test_a_full_archive_is_left_to_the_sync_to_tell() -> None:
    course = Course()
    course.archive.full = True
    course.at(0, "fetch", 100)
    assert course.read is None


@pytest.mark.parametrize(
    ("took", "gained", "left", "minutes"),
    [
        (60, 1000, 12_000, 12),
        (60, 1000, 0, 0),
        (4, 1000, 12_000, None),
        (60, 0, 12_000, None),
        (-60, 1000, 12_000, None),
    ],
    ids=["goes on", "at the end", "too early", "stands still", "the clock was set back"],
)
def test_the_time_left_follows_from_the_rate(
    took: float, gained: int, left: int, minutes: float | None
) -> None:
    done = 300 + gained
    read = ListProgress("fetch", done, done + left, NOW, 300, after(took))
    expected = None if minutes is None else timedelta(minutes=minutes)
    assert read.time_left(after(took + 1)) == expected
    assert read.time_left(after(took + 301)) is None, "it does not go on"
    assert ListProgress("fetch", done, None, NOW, 300, after(took)).time_left(after(took)) is None


@pytest.mark.parametrize(
    ("percent", "took", "seconds"),
    [(50, 60, 60), (90, 90, 10), (1, 60, None), (50, 4, None)],
    ids=["half", "nearly", "just begun", "too early"],
)
def test_the_time_left_of_a_rebuild(percent: int, took: float, seconds: float | None) -> None:
    rebuild = RebuildProgress(percent, NOW)
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert rebuild.time_left(after(took)) == expected
    assert RebuildProgress(percent, None).time_left(after(took)) is None


def test_while_a_backfill_is_stopped_everybody_knows_how_much_there_is(world: World) -> None:
    world.kchat.fail_next(500, match=lambda target: "page=3" in target)
    with pytest.raises(KchatBusy):
        world.sync()
    coverage = world.service.coverage()
    assert (coverage.chats, coverage.counted, coverage.complete) == (20, 25, False)
    assert world.search().coverage.counted == 25
    status = world.service.status()
    assert status.reading == ListProgress("fetch", 10, 25, world.now, 10, world.now)
    assert status.now == world.now
    world.sync()
    assert world.service.coverage().counted is None
    assert world.service.status().reading is None
    world.later(minutes=1).sync()
    assert world.service.status().reading is None


def test_a_report_says_which_error_ended_the_sync(make_world: Any) -> None:
    stranger = make_world(api_token="wrong")
    with pytest.raises(KchatRefused):
        stranger.sync()
    assert stranger.service.reports(1)[0].error_kind == "KchatRefused.401"
