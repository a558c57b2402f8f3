"""Every election: one indexer at a time, others are told who, and a killed one is replaced."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kchat_search.archive import open_archive
from kchat_search.errors import IndexerBusy
from kchat_search.models.holder import Holder
from kchat_search.ports import Election
from kchat_search.sync.lock import IndexerLock
from tests.archive_on_postgres import EmptyOnPostgres

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
SECONDS = 60.0

# Is the indexer until it is killed, for the archive or the index that it is told.
_HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from kchat_search.archive import open_archive
from kchat_search.sync.lock import IndexerLock
place = sys.argv[1]
election = open_archive(place).election() if "://" in place else IndexerLock(Path(place))
with election.held("worker", datetime.now(UTC), -1):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The folder of an index, or the address of an archive."""
    if request.param == "file":
        return str(tmp_path)
    on_postgres: EmptyOnPostgres = request.getfixturevalue("archive_on_postgres")
    return on_postgres.emptied()


@pytest.fixture
def enter(place: str) -> Iterator[Callable[[], Election]]:
    """Another process, as far as an election can tell."""
    with ExitStack() as stack:

        def make() -> Election:
            if "://" not in place:
                return IndexerLock(Path(place))
            election = stack.enter_context(closing(open_archive(place))).election()
            assert election is not None
            return election

        yield make


def test_a_second_is_refused_and_told_who_is_the_first(enter: Callable[[], Election]) -> None:
    first, second = enter(), enter()
    with first.held("sync", NOW):
        with pytest.raises(IndexerBusy, match="sync") as busy, second.held("reindex", NOW):
            pytest.fail("two indexers at once")
        assert str(os.getpid()) in busy.value.holder
        assert "2016-03-20 04:00:00 UTC" in busy.value.holder
        assert str(second.holder()) == busy.value.holder
        assert second.holder() == Holder("sync", os.getpid(), socket.gethostname(), NOW)
        first.check()
    assert second.holder() is None
    with second.held("reindex", NOW):
        assert first.holder() is not None


def test_an_error_gives_the_lock_back(enter: Callable[[], Election]) -> None:
    election = enter()
    with pytest.raises(KeyError), election.held("sync", NOW):
        raise KeyError
    assert election.holder() is None


def test_terms_rise_whoever_is_the_indexer_and_whatever_the_clock_says(
    enter: Callable[[], Election],
) -> None:
    first, second = enter(), enter()
    terms = []
    for election, hours in ((first, 0), (second, 1), (second, -9), (first, -9), (first, 2)):
        assert (first.term(), second.term()) == (0, 0)
        with election.held("sync", NOW + timedelta(hours=hours)):
            terms.append(election.term())
    assert terms == sorted(set(terms))
    assert terms[0] >= NOW.timestamp()  # so also above those of a backup that was put back


def percent(election: Election) -> int | None:
    rebuild = election.rebuild()
    assert rebuild is None or rebuild.began_at == NOW
    return None if rebuild is None else rebuild.percent


def test_others_are_told_how_far_a_rebuild_is_while_it_runs(enter: Callable[[], Election]) -> None:
    first, second = enter(), enter()
    seen: list[object] = []

    def progress(step: str, done: int, total: int | None) -> None:
        seen.append((step, done, total, percent(second)))

    with first.held("worker", NOW):
        assert second.rebuild() is None
        with first.rebuilding(progress, lambda: NOW) as told:
            for done in (0, 500, 1000):
                told("index", done, 1000)
            told("merge", 1, 3)
        assert second.rebuild() is None
    assert seen == [
        ("index", 0, 1000, 0),
        ("index", 500, 1000, 45),
        ("index", 1000, 1000, 90),
        ("merge", 1, 3, 90),
    ]


def test_what_a_killed_one_was_doing_counts_for_nothing(enter: Callable[[], Election]) -> None:
    first, second = enter(), enter()
    with first.held("worker", NOW):
        left = first.rebuilding(lambda *_: None, lambda: NOW)
        left.__enter__()
        assert percent(second) == 0
    assert second.rebuild() is None
    with second.held("sync", NOW):
        assert first.rebuild() is None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_killed_one_is_replaced_by_the_one_that_waits(
    place: str, enter: Callable[[], Election]
) -> None:
    with ExitStack() as stack:

        def started() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", _HOLD, place],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                cwd=Path(__file__).parents[3],
            )  # fmt: skip
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        first = started()
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = started()
        election = enter()
        assert getattr(election.holder(), "pid", None) == first.pid
        os.kill(first.pid, signal.SIGKILL)
        assert second.stdout is not None
        assert second.stdout.readline() == "held\n"
        assert getattr(election.holder(), "pid", None) == second.pid
