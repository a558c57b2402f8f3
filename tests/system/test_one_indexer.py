"""There is one indexer, whichever commands are started, and another takes over when it ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from urllib.request import Request, urlopen

import pytest

from kchat_search.demo.server import DemoServer
from tests.archive_on_postgres import EmptyOnPostgres
from tests.system.programs import COMMAND, ROOT, SECONDS, Running, run, started
from tests.world import World, chat

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals"),
]

EACH_SECOND = {"KCHAT_SYNC_INTERVAL_SECONDS": "1"}


@pytest.fixture
def programs() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def archive_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """Where the archive is: in the file that all commands use by default, or on PostgreSQL."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{folder}/var/archive.sqlite3"
    on_postgres: EmptyOnPostgres = request.getfixturevalue("archive_on_postgres")
    return on_postgres.emptied()


@pytest.fixture
def look(kchat: DemoServer, folder: Path, archive_url: str) -> Iterator[World]:
    """The same archive and index, opened by the test."""
    world = World(kchat, folder, archive_url=archive_url)
    yield world
    world.service.close()


def wait_for_documents(look: World, count: int) -> None:
    deadline = monotonic() + SECONDS
    while look.service.engine.describe().documents != count:
        assert monotonic() < deadline
        look.kchat.closing.wait(0.05)  # leaves the processor to the other processes


def holder(look: World) -> int:
    """The id of the process that is the indexer."""
    deadline = monotonic() + SECONDS
    while True:
        named = re.search(r"process (\d+)", str(look.service.lock.holder()))
        if named:
            return int(named[1])
        assert monotonic() < deadline
        look.kchat.closing.wait(0.05)


@pytest.mark.parametrize("archive_url", ["sqlite", "postgres"], indirect=True)
def test_of_two_workers_one_waits_and_takes_over(
    kchat: DemoServer, folder: Path, look: World, programs: ExitStack, archive_url: str
) -> None:
    settings = EACH_SECOND | {"KCHAT_ARCHIVE_URL": archive_url}
    first = programs.enter_context(started("worker", kchat=kchat, folder=folder, **settings))
    wait_for_documents(look, 25)
    assert holder(look) == first.process.pid
    second = programs.enter_context(started("worker", kchat=kchat, folder=folder, **settings))
    second.wait_for("takes over")
    # A frozen process is still the indexer, and nobody else asks Kchat.
    os.kill(first.process.pid, signal.SIGSTOP)
    run("status", folder=folder)  # what it had sent has arrived
    asked = kchat.request_count
    run("status", folder=folder)  # longer than a tick
    assert kchat.request_count == asked
    assert holder(look) == first.process.pid
    os.kill(first.process.pid, signal.SIGKILL)
    kchat.put(chat(126, "新来的", created_at="2016-03-20 11:00:00"))
    wait_for_documents(look, 26)
    assert holder(look) == second.process.pid


def test_of_two_serves_one_fetches_and_both_answer(
    kchat: DemoServer, folder: Path, look: World, programs: ExitStack
) -> None:
    serves: list[tuple[Running, str]] = []
    for _ in range(2):
        serve = started("serve", "--port", "0", kchat=kchat, folder=folder, **EACH_SECOND)
        each = programs.enter_context(serve)
        serves.append((each, each.wait_for("Open http").split()[1]))
    wait_for_documents(look, 25)
    first = holder(look)
    os.kill(first, signal.SIGKILL)
    kchat.put(chat(126, "新来的", created_at="2016-03-20 11:00:00"))
    wait_for_documents(look, 26)
    assert holder(look) != first
    for _, address in serves:
        with urlopen(f"{address}api/v1/search", timeout=SECONDS) as answer:  # noqa: S310
            assert json.load(answer)["total"] == 26


def test_wsgi_processes_never_index_and_see_what_the_worker_did(
    kchat: DemoServer, folder: Path, look: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gunicorn = [
        sys.executable, "-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:0",
        "--pythonpath", str(ROOT), "wsgi:app",
    ]  # fmt: skip
    monkeypatch.setattr("tests.system.programs.COMMAND", gunicorn)
    with started(kchat=kchat, folder=folder) as web:
        monkeypatch.setattr("tests.system.programs.COMMAND", COMMAND)
        address = web.wait_for("Listening at").split("http://")[1].split()[0]
        try:
            two_processes_and_a_worker(address, kchat, folder, look)
        finally:
            web.process.terminate()  # it ends its worker processes
            web.process.wait(SECONDS)


def two_processes_and_a_worker(address: str, kchat: DemoServer, folder: Path, look: World) -> None:
    def ask(path: str) -> dict[str, object]:
        asked = Request(f"http://{address}/api/v1/{path}", headers={"Accept-Encoding": "gzip"})
        with urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310  # http, on loopback
            is_packed = answer.headers["Content-Encoding"] == "gzip"
            content = answer.read()
            found: dict[str, object] = json.loads(
                gzip.decompress(content) if is_packed else content
            )
            assert is_packed or len(content) < 1_024
            return found

    assert [ask("search")["total"] for _ in range(6)] == [0] * 6
    assert ask("status")["indexer"] is None
    assert kchat.request_count == 0
    with started("worker", kchat=kchat, folder=folder, **EACH_SECOND) as worker:
        wait_for_documents(look, 25)
        assert str(worker.process.pid) in str(ask("status")["indexer"])
        assert [ask("search")["total"] for _ in range(6)] == [25] * 6
