"""`serve` as people start it, and clients that send half of a request, or far too much."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.system import programs
from tests.system.programs import COMMAND, Running, started
from tests.web.serving import ask, connected

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="uses a shell and signals"),
]

PORT = re.compile(r"http://127\.0\.0\.1:(\d+)/")


def port_of(running: Running) -> int:
    found = PORT.search(running.wait_for("Open http"))
    assert found is not None
    return int(found[1])


@pytest.fixture
def port(folder: Path) -> Iterator[int]:
    with started("serve", "--port", "0", folder=folder) as running:
        yield port_of(running)


def test_half_sent_requests_hold_up_nobody(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connected(port, b"GET / HTTP/1.1\r\nHost: loc"))
        for path in ("/healthz", "/", "/api/v1/search?q=1"):
            assert ask(port, path).status == 200


def test_a_body_of_400_mb_is_refused_whoever_sends_it(port: int, folder: Path) -> None:
    large = {"Content-Length": "400000000"}
    assert ask(port, "/", "POST", headers=large).status == 413
    assert ask(port, "/", "POST", headers=large | {"Host": "evil.example"}).status == 413
    assert ask(port, "/", "POST", body=b"a=" + b"b" * 3_000_000).status == 413
    assert ask(port, "/healthz").status == 200
    assert not [path for path in folder.rglob("*") if path.stat().st_size > 1_000_000]


def test_with_too_few_files_it_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *COMMAND]
    monkeypatch.setattr(programs, "COMMAND", few)
    with started("serve", "--port", "0", folder=folder) as running, ExitStack() as stack:
        number = port_of(running)
        for _ in range(3):
            for _ in range(100):
                stack.enter_context(connected(number, b"G"))
            assert ask(number, "/healthz").status == 200
            assert ask(number, "/").status == 200
        assert running.process.poll() is None
        assert len(running.lines) < 20, "no line for each connection"
