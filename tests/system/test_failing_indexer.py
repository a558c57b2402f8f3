"""An indexer that can't work, whatever is broken: it says why, waits, and never dies of itself."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kchat_search.demo.server import DemoServer
from tests.system.programs import COMMAND, SECONDS, environment, run, started
from tests.system.test_processes import PAUSE, get

pytestmark = pytest.mark.slow


def no_index_folder(folder: Path) -> None:
    (folder / "index").rename(folder / "elsewhere")
    (folder / "index").write_text("a file")


def a_folder_for_a_lock(folder: Path) -> None:
    (folder / "index" / "indexer.lock").mkdir()


def a_loop(folder: Path) -> None:
    (folder / "index").rename(folder / "elsewhere")
    (folder / "index").symlink_to(folder / "index")


def no_archive_folder(folder: Path) -> None:
    (folder / "var").write_text("a file")


def an_archive_of_noise(folder: Path) -> None:
    (folder / "var").mkdir()
    (folder / "var" / "archive.sqlite3").write_bytes(random.Random(7).randbytes(5000))


def a_folder_for_an_archive(folder: Path) -> None:
    (folder / "var" / "archive.sqlite3").mkdir(parents=True)


def settings_in_another_encoding(folder: Path) -> None:
    (folder / ".env").write_bytes("KCHAT_EMAIL=李@example.com".encode("gbk"))


def settings_with_a_nul(folder: Path) -> None:
    (folder / ".env").write_bytes(b"KCHAT_TIMEZONE=Asia\0\n\0\0")


def a_wrong_setting(folder: Path) -> None:
    (folder / ".env").write_text("KCHAT_TIMEZONE=Mars/Olympus")


BROKEN: list[tuple[Callable[[Path], None], int, str]] = [
    (no_index_folder, 75, "can't be written"),
    (a_folder_for_a_lock, 75, "can't be written"),
    (a_loop, 75, "can't be written"),
    (no_archive_folder, 1, "archive"),
    (an_archive_of_noise, 1, "backup"),
    (a_folder_for_an_archive, 1, "KCHAT_ARCHIVE_URL"),
    (settings_in_another_encoding, 2, "UTF-8"),
    (settings_with_a_nul, 2, "KCHAT_TIMEZONE"),
    (a_wrong_setting, 2, "KCHAT_TIMEZONE"),
]


def no_fatal_error(folder: Path, said: str) -> None:
    assert "Fatal Python error" not in said
    assert "_enter_buffered_busy" not in said
    assert not list(folder.glob("core*"))


@pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
@pytest.mark.parametrize(
    ("break_it", "code", "says"), BROKEN, ids=[case[0].__name__ for case in BROKEN]
)
def test_a_worker_that_cannot_start_says_why_in_a_line(
    kchat: DemoServer, folder: Path, break_it: Callable[[Path], None], code: int, says: str
) -> None:
    break_it(folder)
    ended = run("worker", kchat=kchat, folder=folder)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    no_fatal_error(folder, ended.stderr)


def between_two_starts(address: str) -> tuple[dict[str, Any], str, str, str]:
    """The alert, the page of the state in both languages, and the metrics, while the indexer waits
    for its next start. On a busy machine it may start again between two answers: then once more."""

    def alert() -> dict[str, Any]:
        status, answer = get(address + "readyz")
        assert status == 200
        (found,) = json.loads(answer)["alerts"]
        return dict(found)

    while True:  # the longer it goes on, the longer the indexer waits
        before = alert()
        english, chinese = (get(f"{address}status?lang={language}")[1] for language in ("en", "zh"))
        metrics = get(address + "metrics")[1]
        if before["next_try_at"] and alert() == before:
            return before, english, chinese, metrics
        threading.Event().wait(PAUSE)


def test_serve_says_on_every_way_why_its_indexer_does_not_run(
    kchat: DemoServer, folder: Path
) -> None:
    no_index_folder(folder)
    with started("serve", "--port", "0", kchat=kchat, folder=folder) as running:
        said = running.wait_for_all("Open http", "It is started again in 5 s")
        address = said[0].split()[1]
        alert, english, chinese, metrics = between_two_starts(address)
        assert alert["code"] == "indexer_ended"
        assert "can't be written" in alert["reason"]
        times = alert["times"]
        assert f"The indexer ended {'once' if times == 1 else f'{times} times'}" in english
        assert f"索引进程已结束 {times} 次" in chinese
        assert f'alerts{{code="indexer_ended"}} {times}.0' in metrics
        running.process.terminate()
        assert running.process.wait(SECONDS) == 0
    no_fatal_error(folder, "".join(running.lines))


def test_a_worker_alone_leaves_its_reason_where_another_web_server_finds_it(
    kchat: DemoServer, folder: Path
) -> None:
    no_index_folder(folder)
    assert run("worker", kchat=kchat, folder=folder).returncode == 75
    assert run("worker", kchat=kchat, folder=folder).returncode == 75
    (alert,) = json.loads(run("status", "--json", folder=folder).stdout)["alerts"]
    assert (alert["code"], alert["times"]) == ("indexer_ended", 2)
    (folder / "index").unlink()
    assert run("sync", kchat=kchat, folder=folder).returncode == 0
    assert json.loads(run("status", "--json", folder=folder).stdout)["alerts"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_ctrl_c_ends_all_of_serve_without_a_complaint(kchat: DemoServer, folder: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"],
        cwd=folder,
        env=environment(kchat, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # as a terminal does: a signal reaches all of them
    )
    said = b""
    try:
        assert process.stdout is not None
        while not (b"Open http" in said and b"backfill done" in said):
            line = process.stdout.readline()
            assert line, said
            said += line
        os.killpg(process.pid, signal.SIGINT)
        said += process.communicate(timeout=SECONDS)[0]
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    assert b"Traceback" not in said
    assert b"ended" not in said
    no_fatal_error(folder, said.decode())


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_below_serve_ends_quietly_at_any_moment(
    kchat: DemoServer, folder: Path, number: signal.Signals
) -> None:
    """Its parent closes the pipe, or a signal comes, while it starts, waits or works."""
    rnd = random.Random(5)
    for closes in (True, False, True, False):
        process = subprocess.Popen(
            [*COMMAND, "worker", "--from-parent"],
            cwd=folder,
            env=environment(kchat),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            process.wait(rnd.uniform(0.1, 4.0))
        except subprocess.TimeoutExpired:
            if closes:
                assert process.stdin is not None
                process.stdin.close()
                process.stdin = None
            else:
                os.kill(process.pid, number)
        _, said = process.communicate(timeout=SECONDS)
        no_fatal_error(folder, said.decode())
        assert process.returncode in (0, 1, -number)
