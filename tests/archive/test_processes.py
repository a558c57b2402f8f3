"""Several processes at one archive, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.models.reports import ArchiveCounts
from tests import postgres

from .damage import BOTH, Place, url_of

pytestmark = pytest.mark.slow
on_both = pytest.mark.parametrize("place", BOTH, indirect=True)

_PER_PAGE = 20

# Saves page after page, beginning after the cursor's page; prints each page before it is saved.
_SAVE = f"""
import sys
from kchat_search.archive import open_archive
from tests.contracts.archive.chats import at, fetched
archive = open_archive(sys.argv[1])
page = (archive.cursor("list") or {{"page": 0}})["page"]
while page < int(sys.argv[2]):
    page += 1
    print(page, flush=True)
    ids = range((page - 1) * {_PER_PAGE} + 1, page * {_PER_PAGE} + 1)
    chats = [fetched(i, "x" * 3000) for i in ids]
    archive.save(chats, now=at(0), cursor=("list", {{"page": page}}))
"""

# Waits for a line, so that all processes begin at once, then opens the archive.
_OPEN = """
import sys
from kchat_search.archive import open_archive
print("ready", flush=True)
sys.stdin.readline()
print(open_archive(sys.argv[1]).counts().chats, flush=True)
"""

# Saves, lets a forked child save, and saves again.
_FORK = """
import os, sys
from kchat_search.archive import open_archive
from tests.contracts.archive.chats import at, fetched
archive = open_archive(sys.argv[1])
archive.save([fetched(1)], now=at(0))
pool = archive._engine.pool
child = os.fork()
if child == 0:
    archive.save([fetched(2)], now=at(1))
    os._exit(0 if archive._engine.pool is not pool else 1)
_, status = os.waitpid(child, 0)
archive.save([fetched(3)], now=at(2))
print(sorted(archive.get([1, 2, 3])), status, archive._engine.pool is pool, flush=True)
"""


@contextmanager
def process(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


def line_of(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def page_in_step(archive: SqlArchive) -> int:
    """Check that the archive has all chats of the pages up to the cursor and no other; returns the
    cursor's page."""
    page = int((archive.cursor("list") or {"page": 0})["page"])
    ids = [chat_id for chat_id, _ in archive.id_revisions()]
    assert ids == list(range(1, page * _PER_PAGE + 1))
    assert [entry.chat_id for entry in archive.changes(100_000)] == ids
    assert archive.counts() == ArchiveCounts(len(ids), 0, len(ids), 0, len(ids))
    return page


@on_both
def test_a_killed_process_leaves_chats_and_cursor_in_step(place: Place) -> None:
    page = 0
    for _ in range(3):
        with process(_SAVE, url_of(place), "100000") as started:
            for _ in range(12):
                assert line_of(started)
            os.kill(started.pid, signal.SIGKILL)
            assert started.wait(30) == -signal.SIGKILL
        archive = open_archive(url_of(place))
        before, page = page, page_in_step(archive)
        assert page >= before + 11
        archive.close()


@on_both
def test_a_reader_never_waits_and_never_sees_half_a_save(archive: SqlArchive, place: Place) -> None:
    with process(_SAVE, url_of(place), "60") as started:
        steps = set()
        while started.poll() is None:
            with archive._reading() as connection:
                chats = connection.exec_driver_sql("SELECT count(*) FROM chats").scalar_one()
                queued = connection.exec_driver_sql("SELECT count(*) FROM changes").scalar_one()
                tally = connection.exec_driver_sql("SELECT chats FROM tally").scalar_one()
            assert chats == queued == tally
            assert chats % _PER_PAGE == 0
            steps.add(chats)
        assert started.returncode == 0
    assert len(steps) > 2
    assert page_in_step(archive) == 60


@pytest.fixture
def nothing_yet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an archive that is not made yet."""
    if request.param == "sqlite":
        yield url_of(tmp_path / "new" / "archive.sqlite3")
        return
    with postgres.database(request.getfixturevalue("postgres_server"), "new") as url:
        yield url


@pytest.mark.parametrize("nothing_yet", BOTH, indirect=True)
def test_processes_that_open_a_new_archive_at_once_all_succeed(nothing_yet: str) -> None:
    url = nothing_yet
    with process(_OPEN, url) as one, process(_OPEN, url) as two, process(_OPEN, url) as three:
        all_three = (one, two, three)
        assert [line_of(started) for started in all_three] == ["ready"] * 3
        for started in all_three:
            assert started.stdin is not None
            started.stdin.write("go\n")
            started.stdin.flush()
        assert [line_of(started) for started in all_three] == ["0"] * 3
        assert [started.wait(30) for started in all_three] == [0] * 3


@on_both
def test_a_forked_child_has_connections_of_its_own(archive: SqlArchive, place: Place) -> None:
    with process(_FORK, url_of(place)) as started:
        assert line_of(started) == "[1, 2, 3] 0 True"
        assert started.wait(30) == 0
    assert archive.counts().chats == 3
