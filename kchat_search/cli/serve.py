"""The processes of `serve`: the web server in this one, the indexer in a child.

A search never waits for indexing, because they share no process. The child reads its settings from
a pipe, so that no secret shows in the list of processes. It ends when that pipe closes, so that no
indexer is left behind, however this process dies.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

import waitress

from kchat_search.composition import make_service
from kchat_search.config import Settings, from_json, to_json
from kchat_search.errors import SettingsError
from kchat_search.hosts import http_url, is_loopback
from kchat_search.service import Service
from kchat_search.sync import scheduler
from kchat_search.sync.worker import Worker
from kchat_search.web import create_app

log = logging.getLogger(__name__)

_RESTART_SECONDS = 5.0
_STOP_SECONDS = 10.0
_THREADS = 8
_STALLED_MILLISECONDS = 600_000


def check_address(host: str) -> None:
    """Raises `SettingsError` for an address that other machines can reach: until there is a log-in,
    only this machine may read."""
    if not is_loopback(host):
        raise SettingsError(
            f"KCHAT_HOST={host} would show the conversations to everybody who can reach this "
            "machine, since no users are defined yet. Use 127.0.0.1 (and, from elsewhere, an SSH "
            "tunnel)."
        )


def serve_web(service: Service, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the pages and the API until the process is told to stop. `ready` is called with the
    address once it can be opened. Raises `SettingsError` where the address can't be used."""
    check_address(host)
    service.warm()
    sockets: dict[int, Any] = {}
    try:
        server = waitress.create_server(
            create_app(service),
            sockets,
            host=host,
            port=port,
            threads=_THREADS,
            ident=None,
            # The guard refuses requests that came through a proxy, so it must see these headers.
            clear_untrusted_proxy_headers=False,
        )
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {host} can't be used ({error.strerror or error}): choose another with "
            "--port or KCHAT_PORT."
        ) from error
    drop_stalled_connections(sockets)
    # «localhost» may be two sockets, one for IPv4 and one for IPv6. They share the port.
    listening = getattr(server, "effective_listen", None)
    ready(http_url(host, listening[0][1] if listening else server.effective_port))
    # An exit by exception, so that the context managers around this call end too.
    signal.signal(signal.SIGTERM, _exit_normally)
    try:
        server.run()
    finally:
        server.close()


def drop_stalled_connections(sockets: Mapping[int, Any]) -> None:
    """Have the system close connections whose client has read nothing for ten minutes.

    A thread that sends an export waits for its client, and waitress never closes a connection that
    it is serving. So two clients that stall would stop all exports for ever. `sockets` are
    waitress's, by number. Listening sockets pass the option on to their connections (tcp(7)). Only
    Linux has it.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        for channel in sockets.values():
            if channel.accepting:
                channel.socket.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_MILLISECONDS
                )


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


def _exit_normally(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(0)


def _exit_at_once(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    # Every step of a sync survives a kill, so a stop needs no more than that: the archive's
    # transaction is undone, the index's commit is not made, and the next start goes on from there.
    log.info("The indexer stops (signal %s).", number)
    logging.shutdown()
    os._exit(0)
