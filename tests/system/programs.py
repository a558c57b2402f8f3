"""The program as people start it: in a process of its own, in a folder of its own.

`run` forks its process from one that has loaded the program: that saves the second that Python
needs to load it. `started` starts Python, as people do.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.server import DemoServer

ROOT = Path(__file__).parents[2]
"""The root of the repository."""
COMMAND = [sys.executable, "-m", "kchat_search"]
SECONDS = 120

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(
    ["kchat_search.cli.commands", "kchat_search.demo.server", "alembic.command"]
)


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
    *arguments: str, kchat: DemoServer | None = None, folder: Path, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end. `stdin`: what it reads from standard input, a line or two."""
    reads, writes = FORK.Pipe(duplex=False)
    with writes:
        os.write(writes.fileno(), stdin.encode())
    ends = [FORK.Pipe(duplex=False) for _ in ("standard output", "standard error")]
    child = FORK.Process(
        target=_command,
        args=(
            arguments, folder, environment(kchat, **more), [reads, *(ours for _, ours in ends)]
        ),
    )  # fmt: skip
    child.start()
    reads.close()
    with ThreadPoolExecutor(len(ends)) as pool:
        for _, ours in ends:
            ours.close()
        said = [pool.submit(_all_of, theirs) for theirs, _ in ends]
        child.join(SECONDS)
        code = child.exitcode
        if code is None:
            child.kill()
            child.join()
    out, err = (one.result().decode() for one in said)
    assert code is not None, f"{arguments} did not end: {out}{err}"
    child.close()
    return subprocess.CompletedProcess(arguments, code, out, err)


def _all_of(end: Connection) -> bytes:
    with end, open(end.fileno(), "rb", closefd=False) as file:
        return file.read()


def _command(
    arguments: tuple[str, ...], folder: Path, settings: dict[str, str], ends: list[Connection]
) -> None:
    """Be the program, in a process that was forked for it."""
    for descriptor, end in enumerate(ends):
        os.dup2(end.fileno(), descriptor)
        end.close()
    sys.stdin = os.fdopen(os.dup(0))  # multiprocessing has put another file there
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(settings)
    from kchat_search.cli import main  # noqa: PLC0415  # after the settings are set

    sys.argv = ["kchat-search", *arguments]
    main()


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

    def forget(self) -> None:
        """What it has printed so far is waited for no more."""
        with suppress(queue.Empty):
            while True:
                self._lines.get_nowait()

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
