"""`serve`: three processes. This one holds the account and watches the other two: the web server
and the indexer.

A search never waits for indexing, because they share no process. The web server, which strangers
may talk to, has no secret of the account: neither in its settings nor in its environment nor in its
memory. Both children get their settings through a pipe, so that nothing shows in the list of
processes, and end when that pipe closes, so that none is left behind, however this process dies.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess  # nosec B404  # it starts our own program alone
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FrameType, TracebackType
from typing import IO, NoReturn, Protocol, Self

import click

from kchat_search.cli.account import AccountKeeper
from kchat_search.cli.parent import LineReader
from kchat_search.composition import count_chats_at_kchat
from kchat_search.config import (
    Settings,
    SettingsOfServe,
    SettingsOfWeb,
    SettingsWithAccount,
    environment_without_settings,
    to_json,
)
from kchat_search.models.account import AccountCheck
from kchat_search.models.reports import Alert, Reason

log = logging.getLogger(__name__)

_STOP_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
"""An indexer that ran for so long ran well; if it ends, the pauses begin again with the first."""
_UNREAD_SECONDS = 5.0
_MAYBE_MEMORY = (
    "If nobody sent it, the machine had no memory left: lower KCHAT_INDEX_MEMORY_MB, or see the "
    "system's log."
)
_MAYBE_FILES = "Its files may be damaged: run kchat-search verify."
_SIGNALS = {"SIGKILL": _MAYBE_MEMORY, "SIGBUS": _MAYBE_FILES, "SIGSEGV": _MAYBE_FILES}

Tell = Callable[[Alert | None], None]


def run(settings: SettingsOfServe, reload: Callable[[], SettingsOfServe]) -> int:
    """Serve until this process is told to stop, or until the web server ends. Without an account,
    what the archive has. `reload` reads the settings again. Returns the exit code of the web
    server."""
    signal.signal(signal.SIGTERM, _exit_normally)
    interrupted = heed_interrupt()
    try:
        with (
            WebProcess(settings) as web,
            AccountKeeper(
                settings,
                web,
                reload=reload,
                count=count_chats_at_kchat,
                indexer=lambda account: IndexerKeeper(
                    lambda: Child("worker", account, SettingsWithAccount),
                    web.tell,
                    interrupted=interrupted,
                ),
                now=lambda: datetime.now(UTC),
            ) as account,
        ):
            web.listen(account.check)
            return web.wait()
    except KeyboardInterrupt:  # Ctrl-C reached the children as well
        return 0


def heed_interrupt() -> threading.Event:
    """An event that is set as soon as Ctrl-C comes. `wait` gives the children a moment before it
    lets `KeyboardInterrupt` through, and an indexer that ends meanwhile has not failed.

    Where this process was started so that it ignores Ctrl-C, as by «&» in a script, it still does.
    """
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        interrupted.set()
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    return interrupted


def restart_pause(ends: int) -> float:
    """Seconds until an indexer is started again that has ended so many times in a row."""
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(ends - 1, 30)))


def why_it_ended(code: int) -> Reason:
    """The reason that an exit code gives, for a process that gave none."""
    if code >= 0:
        return Reason(f"It exited with {code}; its log may say why.", "exit")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    more = _SIGNALS.get(name, "Its log may say why.")
    return Reason(f"The signal {name} ended it. {more}", "signal")


class Child:
    """A process of our own program that reads its settings from a pipe."""

    def __init__(self, command: str, settings: Settings, kind: type[Settings]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # nosec B603  # our own program
            [sys.executable, "-m", "kchat_search", command, "--from-parent"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # no buffer, so no lock that a thread may hold when this process ends
            env=environment_without_settings(),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._told = self._process.stdout
        self._pipe: IO[bytes] = self._process.stdin
        self._lock = threading.Lock()
        self.say(to_json(settings, kind))

    def say(self, line: str) -> None:
        """Write a line into the pipe. The pipe stays open: when it closes, the process ends."""
        with self._lock, suppress(OSError, ValueError):  # it has ended; `wait` will tell
            self._pipe.write(line.encode() + b"\n")

    def lines(self) -> LineReader:
        """What the process tells us."""
        return LineReader(self._told.fileno())

    def wait(self) -> int:
        """Wait for the end of the process. Returns its exit code."""
        return self._process.wait()

    def close(self) -> None:
        """Give back the pipes, when the process has ended."""
        with self._lock:
            self._pipe.close()
        self._told.close()

    def end(self) -> None:
        """Stop the process: in good order, else by force."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class WebProcess:
    """The web server's process. It has no account. Use it as a context manager."""

    def __init__(self, settings: SettingsOfWeb) -> None:
        self._child = Child("serve", settings, SettingsOfWeb)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.end()

    def tell(self, alert: Alert | None) -> None:
        """Tell it what is wrong with the indexer; None: nothing is."""
        self._child.say(json.dumps({"alert": None if alert is None else alert.to_json()}))

    def tell_account(self, check: AccountCheck) -> None:
        """Tell it how a try of the account goes."""
        self._child.say(json.dumps({"account": check.to_json()}))

    def listen(self, check: Callable[[], None]) -> None:
        """Hear from now on, in another thread, where it can be opened, which is printed, and that
        somebody wants the account to be tried: then `check` is called."""
        threading.Thread(target=self._listen, args=(check,), name="web", daemon=True).start()

    def _listen(self, check: Callable[[], None]) -> None:
        lines = self._child.lines()
        while (line := lines.line()) is not None:
            said = json.loads(line)
            if "open" in said:
                click.echo(said["open"])
            elif "check" in said:
                check()

    def wait(self) -> int:
        """Wait for its end. Returns its exit code."""
        return self._child.wait()


class Watched(Protocol):
    """What `IndexerKeeper` needs of a process; see `Child`."""

    def lines(self) -> LineReader: ...  # noqa: D102
    def wait(self) -> int: ...  # noqa: D102
    def end(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class IndexerKeeper:
    """Keeps an indexer running: starts it again when it ends, after pauses that grow, and tells
    what is wrong. Use it as a context manager."""

    def __init__(
        self,
        start: Callable[[], Watched],
        tell: Tell,
        *,
        interrupted: threading.Event | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._start = start
        self._tell = tell
        self._now = now
        self._clock = clock
        self._pause = pause
        self._stopping = threading.Event()
        self._interrupted = interrupted or threading.Event()
        self._child: Watched | None = None
        self._thread = threading.Thread(target=self.keep, name="indexer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._thread.join(_STOP_SECONDS)

    def stop(self) -> None:
        """End the indexer, and start no other one."""
        self._stopping.set()
        if self._child is not None:
            self._child.end()

    def keep(self) -> None:
        """Start an indexer again and again, until `stop`."""
        alert: Alert | None = None
        while not self._stopping.is_set():
            began = self._clock()
            reason = self._one_life()
            if self._stopping.is_set() or self._interrupted.is_set():
                return
            if alert is None or self._clock() - began >= LONGEST_PAUSE_SECONDS:
                alert = Alert("indexer_ended", reason, self._now(), times=0)
            pause = restart_pause(alert.times + 1)
            alert = replace(
                alert,
                reason=reason,
                times=alert.times + 1,
                next_try_at=self._now() + timedelta(seconds=pause),
            )
            log.error(
                "The indexer's process ended: %s It is started again in %d s.", reason.text, pause
            )
            self._tell(alert)
            self._pause(self._stopping, pause)
            if not self._stopping.is_set():
                self._tell(replace(alert, next_try_at=None))

    def _one_life(self) -> Reason:
        """Start an indexer and wait for its end. Returns why it ended."""
        try:
            child = self._child = self._start()
        except OSError as error:
            why = error.strerror or error
            return Reason(f"It can't be started ({why}): see what the system lacks.", "exit")
        last_words: list[Reason] = []
        if self._stopping.is_set():  # perhaps too late for `stop` to see this child
            child.end()
        reader = threading.Thread(
            target=self._listen, args=(child, last_words), name="told", daemon=True
        )
        reader.start()
        code = child.wait()
        reader.join(_UNREAD_SECONDS)  # what it said last is still in the pipe
        if not reader.is_alive():
            child.close()
        return last_words[-1] if last_words else why_it_ended(code)

    def _listen(self, child: Watched, last_words: list[Reason]) -> None:
        lines = child.lines()
        while (line := lines.line()) is not None:
            said = json.loads(line)
            if "ended" in said:
                last_words.append(Reason(**said["ended"]))
            else:
                alert = said["alert"]
                self._tell(None if alert is None else Alert.from_json(alert))


def _exit_normally(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(0)
