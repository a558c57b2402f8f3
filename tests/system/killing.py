"""A command of the program that is killed (SIGKILL) at a chosen moment, in a process of its own.

Moments are counted, not timed, so they can lie anywhere in the work, not only at its beginning.
There are three kinds: «calls», at call number n of a function; «events», before request number n to
the system (to open, rename or remove a file, to send data); «seconds», after so many seconds, from
outside. The last kind can also end the process inside the code of the database or the system.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from kchat_search.demo.server import DemoServer
from tests.system.programs import FORK, environment

By = Literal["calls", "events", "seconds"]

_LONGEST = 120.0
_FAILED = (1, 75)
_EVENTS = ("open", "os.", "shutil.", "sqlite3.", "socket.", "fcntl.")


class Killed:
    """The commands of one test."""

    def __init__(self, kchat: DemoServer, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._environment = environment(kchat, **settings)
        self.tried = 0
        self.signalled = 0

    def whole(self, *arguments: str) -> dict[str, int]:
        """Run the command to its end. Returns the number of moments of each kind, and the number of
        events before the index was swapped."""
        assert self._run(arguments, "calls", None) == 0, self._said()
        found: dict[str, int] = json.loads((self._folder / "counted.json").read_text())
        return found

    def done(self, *arguments: str) -> None:
        """Run the command to its end, without the cost of counting calls."""
        assert self._run(arguments, "events", None) == 0, self._said()

    def at(self, by: By, moment: float, *arguments: str, may_fail: bool = False) -> bool:
        """Run the command and kill it at that moment. Returns False if it had ended before. It must
        not end in any other way, except with an error of Kchat's if it `may_fail`."""
        code = self._run(arguments, by, moment)
        assert code in (0, -signal.SIGKILL) or (may_fail and code in _FAILED), (code, self._said())
        self.tried += 1
        self.signalled += code == -signal.SIGKILL
        return code == -signal.SIGKILL

    def _run(self, arguments: tuple[str, ...], by: By, moment: float | None) -> int:
        child = FORK.Process(
            target=_command, args=(arguments, str(self._folder), self._environment, by, moment)
        )
        child.start()
        if by == "seconds":
            child.join(moment)
            child.kill()
        child.join(_LONGEST)
        code = child.exitcode
        if code is None:
            child.kill()
            child.join()
            raise AssertionError(f"{arguments} did not end: {self._said()}")
        child.close()
        return code

    def _said(self) -> str:
        return (self._folder / "said.txt").read_text()


def _command(
    arguments: tuple[str, ...],
    folder: str,
    settings: dict[str, str],
    by: By,
    moment: float | None,
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(settings)
    with open("said.txt", "w", encoding="utf-8") as said:  # noqa: PTH123  # a plain descriptor
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    from kchat_search.cli import main  # noqa: PLC0415  # after the settings are set

    sys.argv = ["kchat-search", *arguments]
    count = _Count(by, moment)
    count.begin()
    try:
        main()
    except SystemExit as ended:
        count.end()
        os._exit(ended.code if isinstance(ended.code, int) else 0)


class _Count:
    """Counts moments, and kills this process at the chosen one."""

    def __init__(self, by: By, moment: float | None) -> None:
        self._found = {"calls": 0, "events": 0, "swap": 0}
        self._by = by
        self._last = moment if by != "seconds" else None
        self._on = True

    def begin(self) -> None:
        if self._by == "calls":
            sys.setprofile(self._called)
            threading.setprofile(self._called)
        sys.addaudithook(self._happened)

    def end(self) -> None:
        self._on = False
        sys.setprofile(None)
        Path("counted.json").write_text(json.dumps(self._found))

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        del frame, argument
        if event == "call":
            self._reach("calls")

    def _happened(self, name: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if name == "os.rename" and str(arguments[1]).endswith("CURRENT"):
            self._found["swap"] = self._found["events"]
        if name.startswith(_EVENTS):
            self._reach("events")

    def _reach(self, what: By) -> None:
        self._found[what] += 1
        if what == self._by and self._last is not None and self._found[what] >= self._last:
            self._on = False  # the kill is an event, too
            os.kill(os.getpid(), signal.SIGKILL)
