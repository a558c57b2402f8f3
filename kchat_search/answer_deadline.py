"""Connections that limit the time until an answer has arrived.

A time-out of requests applies to each silence of the server. A server that sends one byte now and
then can therefore hold a thread for days: in a header, in endless answers «100 Continue», in the
line of a chunk, in the trailers after the last chunk. So a timer ends the connection, wherever the
answer is. `kchat/transport.py` has a shorter deadline for the body, which it reads piece by piece.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer
from typing import Any
from weakref import WeakKeyDictionary

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import TimeoutError as AnswerTimeout
from urllib3.response import HTTPResponse


class DeadlineAdapter(HTTPAdapter):
    """An `HTTPAdapter` that raises a time-out unless status and headers of the answer arrive
    within `seconds` of the request. `answer_read` does the same for the body."""

    def __init__(self, seconds: float) -> None:
        self._pool_classes = pool_classes(seconds)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """The base class calls this to make its connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """The same for connections through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pool_classes
        return manager


def pool_classes(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    """By scheme: pools of such connections, for who uses urllib3 itself."""

    class HttpConnection(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            return _read_head(self, super().getresponse, seconds)

    class HttpsConnection(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
            return _read_head(self, super().getresponse, seconds)

    class HttpPool(HTTPConnectionPool):
        ConnectionCls = HttpConnection

    class HttpsPool(HTTPSConnectionPool):
        ConnectionCls = HttpsConnection

    return {"http": HttpPool, "https": HttpsPool}


class _Deadline:
    """Ends what is read from a socket after some time, from a thread of its own."""

    def __init__(self, sock: socket.socket | None, seconds: float) -> None:
        self.passed = Event()
        self._sock = sock  # a connection forgets it when the server will close it
        self._timer = Timer(seconds, self._pass)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """From now on nothing is ended."""
        self._timer.cancel()

    def _pass(self) -> None:
        self.passed.set()
        with suppress(OSError):  # the connection has just ended by itself
            if self._sock is not None:
                self._sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that is reading


def _read_head(
    connection: HTTPConnection, read: Callable[[], HTTPResponse], seconds: float
) -> HTTPResponse:
    deadline = _Deadline(connection.sock, seconds)
    response = None
    try:
        response = read()
        _deadlines[response] = deadline
    finally:
        if response is None or deadline.passed.is_set():  # what was read may be half of the headers
            deadline.cancel()
            if response is not None:
                response.close()
            connection.close()
            if deadline.passed.is_set():
                raise TimeoutError("the head of the answer did not come in time")
    return response


_deadlines: WeakKeyDictionary[HTTPResponse, _Deadline] = WeakKeyDictionary()
"""Those of answers whose body is being read."""


@contextmanager
def answer_read(response: HTTPResponse) -> Iterator[None]:
    """Read the body of the answer in this block: the deadline ends after it. Raises
    `urllib3.exceptions.TimeoutError` if the deadline has passed before."""
    deadline = _deadlines.get(response)
    try:
        yield
    finally:
        if deadline is not None:
            deadline.cancel()
            if deadline.passed.is_set():  # what was read may be half of the body
                raise AnswerTimeout("the answer did not come in time")
