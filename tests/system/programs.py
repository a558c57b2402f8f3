"""The program as people start it: in a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.server import DemoServer

ROOT = Path(__file__).parents[2]
"""The root of the repository."""
COMMAND = [sys.executable, "-m", "kchat_search"]
SECONDS = 120


def environment(kchat: DemoServer | None, **more: str) -> dict[str, str]:
    """The environment of the program: the settings for this server, and no others."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("KCHAT_")}
    if kchat is not None:
        found |= {
            "KCHAT_BASE_URL": kchat.url,
            "KCHAT_EMAIL": DEMO_EMAIL,
            "KCHAT_API_TOKEN": DEMO_API_TOKEN,
        }
    return found | more


def run(
    *arguments: str, kchat: DemoServer | None = None, folder: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(kchat, **more),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Running:
    """A command that is running, and the lines that it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, word: str) -> str:
        """The next line with this word. Raises `queue.Empty` if none comes in time."""
        return self.wait_for_all(word)[0]

    def wait_for_all(self, *words: str) -> list[str]:
        """For each of these words the next line that has it, in whatever order they come."""
        found: dict[str, str] = {}
        while len(found) < len(words):
            line = self._lines.get(timeout=SECONDS)
            for word in words:
                if word in line:
                    found.setdefault(word, line)
        return [found[word] for word in words]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._lines.put(line)


@contextmanager
def started(
    *arguments: str, kchat: DemoServer | None = None, folder: Path, **more: str
) -> Iterator[Running]:
    """Start a command, and kill it at the end if it is still running."""
    running = Running(
        subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(kchat, PYTHONUNBUFFERED="1", **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )
    try:
        yield running
    finally:
        running.end()
