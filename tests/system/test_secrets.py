"""The secrets of the account: the web server's process has none, whoever looks into it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kchat_search.demo.server import DemoServer
from tests.system.programs import ROOT, SECONDS, environment, started
from tests.system.test_processes import children, get, indexer_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="looks at /proc"),
]

TOKEN = "m4rker-of-the-t0ken-in-the-environment"
OLD = "m4rker-of-the-p4ssword-in-a-comment"
ACCOUNT = {"KCHAT_EMAIL": "a@example.com"}


def memory(process: int) -> bytes:
    """All that a process has in memory and may write to."""
    found = []
    try:
        with Path(f"/proc/{process}/mem").open("rb", buffering=0) as file:
            for line in Path(f"/proc/{process}/maps").read_text().splitlines():
                area = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if area is None:
                    continue
                start, end = (int(number, 16) for number in area.groups())
                file.seek(start)
                left = end - start
                while left and (part := file.read(left)):
                    found.append(part)
                    left -= len(part)
    except PermissionError:
        pytest.skip("may not read the memory of another process")
    return b"".join(found)


def looked_at(process: int) -> bytes:
    """What others may see of a process: its command line, environment and memory."""
    shown = [Path(f"/proc/{process}/{name}").read_bytes() for name in ("cmdline", "environ")]
    return b"\n".join([*shown, memory(process)])


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_the_web_server_has_no_secret_in_its_command_its_environment_or_its_memory(
    kchat: DemoServer, folder: Path, place: str
) -> None:
    settings = {"KCHAT_BASE_URL": kchat.url, **ACCOUNT}
    (folder / ".env").write_text(f"# KCHAT_PASSWORD={OLD}\n")
    if place == "environment":
        settings["KCHAT_API_TOKEN"] = TOKEN
    else:
        (folder / ".env").write_text(f"# KCHAT_PASSWORD={OLD}\nKCHAT_API_TOKEN='{TOKEN}'\n")
    with started("serve", "--port", "0", kchat=None, folder=folder, **settings) as running:
        refused = "refused the e-mail or the token"  # so the indexer has used it
        address = running.wait_for_all("Open http", refused)[0].split()[1]
        assert json.loads(get(address + "readyz")[1])["status"] == "ok"
        indexer = indexer_of(running.process.pid)
        (web,) = set(children(running.process.pid)) - {indexer}
        assert TOKEN.encode() in memory(running.process.pid), "the search would have found it"
        shown = looked_at(web)
        for secret in (TOKEN, OLD):
            assert secret.encode() not in shown
        assert TOKEN.encode() not in Path(f"/proc/{indexer}/cmdline").read_bytes()
        assert TOKEN.encode() not in Path(f"/proc/{indexer}/environ").read_bytes()
        assert not any(TOKEN in line or OLD in line for line in running.lines)


def test_a_wsgi_process_drops_what_it_does_not_need_and_says_so(folder: Path) -> None:
    (folder / ".env").write_text(f'KCHAT_PASSWORD="{OLD}"\nKCHAT_TIMEZONE=Asia/Tokyo\n')
    program = (
        "import os, wsgi;"
        "assert not [name for name in os.environ if 'TOKEN' in name];"
        "print('ready', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment(None, PYTHONPATH=str(ROOT), KCHAT_API_TOKEN=TOKEN),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert OLD.encode() not in memory(process.pid)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        _, said = process.communicate(b"\n", timeout=SECONDS)
        assert b"needs no account: start it without KCHAT_API_TOKEN" in said
        assert TOKEN.encode() not in said
    finally:
        process.kill()
        process.communicate()


def test_no_process_of_serve_leaves_a_core_file(kchat: DemoServer, folder: Path) -> None:
    with started("serve", "--port", "0", kchat=kchat, folder=folder) as running:
        running.wait_for("Open http")
        found = [running.process.pid, *children(running.process.pid)]
        assert len(found) == 3
        for process in found:
            limits = Path(f"/proc/{process}/limits").read_text()
            assert re.search(r"Max core file size +0 +0 ", limits)
            if os.getuid():  # a process that can't be dumped belongs to root
                assert Path(f"/proc/{process}/environ").stat().st_uid == 0
