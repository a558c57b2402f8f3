"""The real HTTP server in a thread, and clients that speak to it byte by byte."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from kchat_search.web.server import Limits, WebServer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

SECONDS = 60
LIMITS = replace(Limits(), threads=4, tick_seconds=0.05)
"""The usual limits, looked at often, so that tests need not wait."""


class Clock:
    """The server's time. It stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def served(
    app: WSGIApplication,
    limits: Limits = LIMITS,
    clock: Callable[[], float] = monotonic,
    proxies: tuple[str, ...] = (),
) -> Iterator[WebServer]:
    """The server over `app`, on any free port. `proxies`: addresses of trusted ones."""
    server = WebServer(app, "127.0.0.1", 0, limits, clock, is_proxy=proxies.__contains__)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(SECONDS)
        server.close()
    assert not thread.is_alive()


@dataclass(frozen=True)
class Answer:
    """An answer. `whole`: whether the client thinks that it has all of it."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    whole: bool = True


def ask(port: int, path: str, method: str = "GET", **more: Any) -> Answer:
    """Send a request as most programs do, and read the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request(method, path, **more)
        return _read(connection.getresponse())


def connected(port: int, *parts: bytes) -> socket.socket:
    """A connection on which these bytes are sent."""
    client = socket.create_connection(("127.0.0.1", port), SECONDS)
    for part in parts:
        client.sendall(part)
    return client


def answers(client: socket.socket, *methods: str) -> list[Answer]:
    """The next answers on a connection: one for each method that was asked with."""
    with client.makefile("rb") as file:
        return [_next_answer(file, method) for method in methods]


def exchange(port: int, *parts: bytes) -> bytes:
    """Send these bytes, and read until the server ends the connection."""
    with connected(port, *parts) as client:
        return rest(client)


def rest(client: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    found = bytearray()
    while part := client.recv(65_536):
        found += part
    return bytes(found)


class _File:
    """Lets http.client read the next answer of a file that it must not close."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, _: str) -> Any:
        return self

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _next_answer(file: Any, method: str) -> Answer:
    response = http.client.HTTPResponse(_File(file), method=method)  # type: ignore[arg-type]
    response.begin()
    return _read(response)


def _read(response: http.client.HTTPResponse) -> Answer:
    try:
        body, whole = response.read(), True
    except http.client.IncompleteRead as broken:
        body, whole = broken.partial, False
    return Answer(response.status, response.headers, body, whole)
