"""The indexer's process of `serve`: a child of the web server's process.

A search never waits for indexing, because they share no process. The child reads its settings from
a pipe, so that no secret shows in the list of processes. It ends when that pipe closes, so that no
indexer is left behind, however this process dies.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from types import FrameType, TracebackType
from typing import NoReturn, Self

from kchat_search.composition import make_service
from kchat_search.config import Settings, from_json, to_json
from kchat_search.sync import scheduler
from kchat_search.sync.worker import Worker

log = logging.getLogger(__name__)

_RESTART_SECONDS = 5.0
_STOP_SECONDS = 10.0


class WorkerProcess:
    """The indexer's process. It is started again if it dies. Use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="worker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(_STOP_SECONDS)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._process = self._start()
            if self._stopping.is_set():
                self._process.terminate()
            code = self._process.wait()
            if not self._stopping.is_set():
                log.error("The indexer's process ended (%s); it is started again.", code)
                self._stopping.wait(_RESTART_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # our own program
            [sys.executable, "-m", "kchat_search", "worker", "--from-parent"],
            stdin=subprocess.PIPE,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(to_json(self._settings).encode() + b"\n")
            process.stdin.flush()  # the pipe stays open; when it closes, the child ends
        except BrokenPipeError:
            log.warning("The indexer's process ended before it had its settings.")
        return process


def settings_from_parent() -> Settings:
    """A worker's settings, read from the pipe. From now on this process ends when the pipe
    closes."""
    settings = from_json(sys.stdin.buffer.readline().decode())

    def end_with_the_pipe() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=end_with_the_pipe, name="parent", daemon=True).start()
    return settings


def run_worker(settings: Settings) -> None:
    """Be the indexer until this process is told to stop. While another process is the indexer, wait
    for its end.

    Raises `SettingsError` if the account at Kchat is not configured.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_at_once)
    service = make_service(settings)
    service.require_account()  # so that it is an error now, and not at each tick
    Worker(
        service.tick,
        service.indexing,
        lambda tick: scheduler.run(tick, settings.sync_interval_seconds),
    ).run()


def _exit_at_once(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    # Every step of a sync survives a kill, so a stop needs no more than that: the archive's
    # transaction is undone, the index's commit is not made, and the next start goes on from there.
    log.info("The indexer stops (signal %s).", number)
    logging.shutdown()
    os._exit(0)
