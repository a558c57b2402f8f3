"""Connections that limit the time until the status line and the headers of an answer have arrived.

A time-out of requests applies to each silence of the server. A server that sends one byte of a
header now and then can therefore hold a thread for days. The deadline for the body is in
`transport`, which reads the body in chunks.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Timer
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


class HeaderDeadlineAdapter(HTTPAdapter):
    """An `HTTPAdapter` that raises a time-out unless status and headers of the answer arrive
    within `seconds` of the request."""

    def __init__(self, seconds: float) -> None:
        self._pool_classes = _pool_classes(seconds)
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


def _pool_classes(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
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


def _read_head(
    connection: HTTPConnection, read: Callable[[], HTTPResponse], seconds: float
) -> HTTPResponse:
    expired = Event()

    def abort() -> None:
        expired.set()
        with suppress(OSError):  # the connection has just ended by itself
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that is reading

    timer = Timer(seconds, abort)
    timer.daemon = True
    timer.start()
    response = None
    try:
        response = read()
    finally:
        timer.cancel()
        if expired.is_set():  # what was read may be half of the headers
            if response is not None:
                response.close()
            connection.close()
            raise TimeoutError("the head of the answer did not come in time")
    return response
