"""The program as people start it, under a umask that hides nothing: all that it writes is for this
user alone."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from kchat_search.demo.server import DemoServer
from tests.system import programs
from tests.system.programs import environment, run, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WITHOUT_NET = [
    sys.executable,
    "-c",
    "import os; os.umask(0); os.umask = lambda mask: 0\n"  # noqa: ISC004
    "from kchat_search.cli.commands import main; main()",
]
"""The command line, without the umask that it sets for the files of libraries."""


@pytest.fixture(autouse=True)
def _open_umask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(programs, "COMMAND", WITHOUT_NET)
    before = os.umask(0)
    yield
    os.umask(before)


def wide(folder: Path) -> dict[str, str]:
    """What others could read below the folder."""
    found = {}
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077 and not path.is_symlink():
            found[str(path.relative_to(folder))] = f"{mode:o}"
    return found


@pytest.mark.parametrize(
    "server",
    [
        ["-m", "gunicorn", "--bind", "127.0.0.1:0", "--threads", "2"],
        ["-m", "waitress", "--listen=127.0.0.1:0", "--no-clear-untrusted-proxy-headers"],
    ],
    ids=["gunicorn", "waitress"],
)
def test_a_wsgi_server_that_starts_first_makes_private_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, server: list[str]
) -> None:
    monkeypatch.setattr(programs, "COMMAND", [sys.executable, *server])
    (folder / "counts").mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder / "counts"))
    with started("kchat_search.wsgi:app", folder=folder) as running:
        address = re.search(r"http://127[.0-9]+:\d+", running.wait_for("http://127."))
        assert address is not None
        with urlopen(f"{address[0]}/healthz", timeout=60) as answer:  # noqa: S310
            assert answer.status == 200
        assert wide(folder) == {}
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(60)
    assert (folder / "var" / "archive.sqlite3").exists()
    assert list((folder / "counts").iterdir())
    assert wide(folder) == {}


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert path.exists()


def test_what_commands_write_is_private_and_what_was_wide_is_narrowed(
    kchat: DemoServer, folder: Path
) -> None:
    assert run("sync", kchat=kchat, folder=folder).returncode == 0
    with started("worker", kchat=kchat, folder=folder):
        _wait_for(folder / "index" / "indexer.holder")
        assert wide(folder) == {}
    assert run("reindex", folder=folder).returncode == 0
    assert run("export", "--output", "chats.jsonl", folder=folder).returncode == 0
    assert run("export", "--format", "xlsx", "-o", "chats.xlsx", folder=folder).returncode == 0
    assert run("status", folder=folder).returncode == 0
    assert wide(folder) == {}
    (folder / ".env").touch(0o644)
    for path in (folder / "var", folder / "index", *folder.glob("*/**/*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    ended = run("sync", kchat=kchat, folder=folder)
    assert ended.returncode == 0
    assert wide(folder) == {".env": "644"}
    assert "archive.sqlite3 could be read by others (mode 644)" in ended.stderr
    assert "generation-000002 could be read by others (mode 755)" in ended.stderr
    assert "chmod 600 .env" in ended.stderr
    assert "could be read" not in run("sync", kchat=kchat, folder=folder).stderr


def test_the_demo_makes_private_files(tmp_path: Path) -> None:
    with started("demo", "--port", "0", "--count", "50", folder=tmp_path) as running:
        running.wait_for("Open http://")
        assert (tmp_path / "var" / "demo" / "archive.sqlite3").exists()
        assert wide(tmp_path) == {}


@pytest.mark.parametrize("option", [[], ["--force"], ["--format", "xlsx"]], ids=str)
def test_an_export_that_is_killed_leaves_nothing(
    kchat: DemoServer, folder: Path, option: list[str]
) -> None:
    run("sync", kchat=kchat, folder=folder)
    (folder / "exports").mkdir(0o700)
    killed = (
        "import os\nfrom kchat_search.cli import output_file\n"
        "def counted(chats, total, progress):\n"
        "    for number, chat in enumerate(chats):\n"
        "        yield chat\n"
        "        if number == 10: os.kill(os.getpid(), 9)\n"
        "output_file.counted = counted\n"
        "from kchat_search.cli.commands import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", killed, "export", "--output", "exports/chats.jsonl", *option],
        cwd=folder, env=environment(None) | {"TMPDIR": str(folder / "exports")}, timeout=120,
        check=False,
    )  # fmt: skip
    assert ended.returncode == -9
    assert list((folder / "exports").iterdir()) == []
